"""预览时记住的输出：用到的变了就重新执行，没有变的不执行，从不显示旧的。"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import markdown_exec
import pytest
from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from sitekit import markdown as extension
from sitekit import remember
from sitekit.library import Library

EXTENSIONS = ["tables", "pymdownx.superfences", "sitekit.markdown"]
FENCE = {"name": "python", "class": "python", "validator": markdown_exec.validator}
CONFIGS: dict[str, dict[str, Any]] = {
    "pymdownx.superfences": {"custom_fences": [FENCE | {"format": markdown_exec.formatter}]}
}
COUNT = "import sys\nsys.probe_runs = getattr(sys, 'probe_runs', 0) + 1\n"
USES_A = f"{COUNT}from probe_memory.a import value\nprint('得', value())"
USES_B = f"{COUNT}from probe_memory import b\nprint('得', b.VALUE)"
CLAIM = 'claim("和", 1 + 1, {expected}, source="推导：手算")'


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """模块 `a` 的函数里才导入 `deep`；`b` 与它们无关。"""
    folder = tmp_path / "probe_memory"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text("def value():\n    from probe_memory.deep import N\n    return N\n")
    (folder / "deep.py").write_text("N = 1\n")
    (folder / "b.py").write_text("VALUE = 10\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(remember.VARIABLE, "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "probe_runs", 0, raising=False)
    package = Library("probe_memory", tmp_path)
    monkeypatch.setattr(extension, "_library", package)
    monkeypatch.setattr(extension, "_fences", remember.Fences(package))
    markdown_exec.markdown_config.save(EXTENSIONS, CONFIGS)
    yield folder
    markdown_exec.markdown_config.reset()
    package.forget()


def convert(name: str, *codes: str, text: str = "") -> str:
    md = Markdown(extensions=EXTENSIONS, extension_configs=CONFIGS)
    relpath = Treeprocessor(md)
    relpath.file = SimpleNamespace(src_uri=name)  # type: ignore[attr-defined]
    relpath.run = lambda root: None  # type: ignore[method-assign]
    md.treeprocessors.register(relpath, "relpath", 0)
    fences = "".join(f'\n```python exec="on" session="s"\n{code}\n```\n' for code in codes)
    return md.convert(text + fences)


def runs(name: str, *codes: str, text: str = "") -> int:
    """再转换一次这一页，执行了几个代码块。"""
    before = sys.probe_runs  # type: ignore[attr-defined]
    convert(name, *codes, text=text)
    return int(sys.probe_runs - before)  # type: ignore[attr-defined]


def test_an_unchanged_page_is_not_run_again() -> None:
    first = convert("a.md", USES_A, USES_B)
    assert "得 1" in first
    assert runs("a.md", USES_A, USES_B) == 0
    assert convert("a.md", USES_A, USES_B) == first


def test_every_page_that_uses_an_edited_function_changes_and_no_other_is_run(library: Path) -> None:
    pages = ["one.md", "two.md"]
    for page in pages:
        convert(page, USES_A)
    convert("other.md", USES_B)
    (library / "deep.py").write_text("N = 222\n")
    assert runs("other.md", USES_B) == 0
    assert all("得 222" in convert(page, USES_A) for page in pages)
    assert runs("one.md", USES_A) == 0  # 新的也记住了
    assert runs("other.md", USES_B) == 0


def test_a_module_imported_for_another_page_counts_too(library: Path) -> None:
    """`deep` 已由前一页导入，后一页用到它也要看得出来。"""
    convert("one.md", USES_A)
    convert("two.md", USES_A)
    (library / "deep.py").write_text("N = 333\n")
    assert "得 333" in convert("two.md", USES_A)


@pytest.mark.parametrize("name", ["data.json", "deep/__init__.py"])
def test_data_and_new_modules_make_every_page_run(library: Path, name: str) -> None:
    convert("b.md", USES_B)
    (library / name).parent.mkdir(exist_ok=True)
    (library / name).write_text("")
    assert runs("b.md", USES_B) == 1


def test_an_edited_page_is_run_again() -> None:
    convert("b.md", USES_B)
    assert runs("b.md", USES_B, text="多一句。\n") == 1


def test_claims_are_kept() -> None:
    claim = CLAIM.format(expected=2)
    first = convert("c.md", COUNT + claim)
    assert 'data-claims="1"' in first
    assert runs("c.md", COUNT + claim) == 0
    assert convert("c.md", COUNT + claim) == first


@pytest.mark.parametrize(
    "code",
    [
        CLAIM.format(expected=3),
        f"try:\n    {CLAIM.format(expected=3)}\nexcept Exception:\n    pass",
        "raise ValueError",
        "import os\nos.listdir('docs')",
        "open('mkdocs.yml').close()",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''], check=True)",
    ],
)
def test_failing_claims_errors_and_outside_reads_are_never_convert(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(extension.remember.ROOT)
    convert("x.md", COUNT + code)
    assert runs("x.md", COUNT + code) == 1


def test_a_half_written_module_only_means_running_again(library: Path) -> None:
    code = f"{COUNT}try:\n    from probe_memory import half\nexcept SyntaxError:\n    print('还没写完')"
    (library / "half.py").write_text("def (\n")
    assert "还没写完" in convert("h.md", code)
    assert runs("h.md", code) == 1
    (library / "half.py").write_text("x = 1\n")
    assert "还没写完" not in convert("h.md", code)


def test_problems_are_told_each_time(caplog: pytest.LogCaptureFixture) -> None:
    code = COUNT + CLAIM.format(expected=3)
    convert("x.md", code)
    caplog.clear()
    convert("x.md", code)
    assert "x.md：「和」应为 3" in caplog.text


def test_a_page_with_docstrings_is_never_convert() -> None:
    convert("d.md", USES_B, text="::: probe_memory\n")
    assert runs("d.md", USES_B, text="::: probe_memory\n") == 1


def test_a_build_never_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    convert("b.md", USES_B)
    monkeypatch.delenv(remember.VARIABLE)
    assert remember.VARIABLE not in os.environ
    assert runs("b.md", USES_B) == 1
