"""成品站：公开接口与手册一致，旧锚点有去处，README 与 CONTRIBUTING 没有过时。"""

import doctest
import importlib
import pkgutil
import re
import zlib
from pathlib import Path

import lxml.html
import pytest

import dlnotes
from sitekit.paths import ROOT

# 原文里已经有对应题目的锚点；其余的随各题一起加。
SEED_ANCHORS = {"receptive": "basics/receptive-field/#receptive", "iou": "appendix/iou/#iou"}


def inventory(site: Path) -> set[str]:
    """`objects.inv` 里的全部 Python 对象（Sphinx 的第 2 版格式：四行头，其余 zlib 压缩）。"""
    body = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(body).decode().splitlines()
    return {line.split(" ")[0] for line in lines if " py:" in line}


def public_modules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(dlnotes.__path__, "dlnotes.")]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def public_objects() -> set[str]:
    """各公开模块自己定义的公开函数与类；重新导出的只算定义它的地方。"""
    found = set()
    for name in public_modules():
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            own = getattr(value, "__module__", None) == name and callable(value)
            if own and not key.startswith("_"):
                found.add(f"{name}.{key}")
    return found


# 命令行不是给人导入的接口，不进手册。
NOT_IN_MANUAL = {"dlnotes.cli.main"}


def test_every_public_object_is_in_the_manual(built_site: Path) -> None:
    assert public_objects() - inventory(built_site) == NOT_IN_MANUAL


def test_manual_names_only_what_exists(built_site: Path) -> None:
    for name in inventory(built_site):
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            try:
                value: object = importlib.import_module(".".join(parts[:length]))
                break
            except ModuleNotFoundError:
                continue
        *owners, last = [value, *parts[length:]]
        for part in owners[1:]:
            owners[0] = getattr(owners[0], str(part))
        if parts[length:]:
            annotations = getattr(owners[0], "__annotations__", {})
            assert hasattr(owners[0], str(last)) or last in annotations, name


@pytest.mark.parametrize(("anchor", "target"), SEED_ANCHORS.items())
def test_seed_anchors_lead_to_their_question(built_site: Path, anchor: str, target: str) -> None:
    """首页上有原文的锚点，旁边的链接通向那一题，题目也以它为 id。"""
    index = lxml.html.parse(str(built_site / "index.html")).getroot()
    (item,) = index.xpath(f'//li[span[@id="{anchor}"]]')
    assert item.xpath("a/@href") == [target]
    page, _, fragment = target.partition("#")
    answer = lxml.html.parse(str(built_site / page / "index.html")).getroot()
    assert [heading.tag for heading in answer.xpath(f'//*[@id="{fragment}"]')] == ["h2"]


def test_readme_example_runs() -> None:
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False, encoding="utf-8")
    assert result.attempted >= 4
    assert result.failed == 0


def test_readme_names_files_that_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []
