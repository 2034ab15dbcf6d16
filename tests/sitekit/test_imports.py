"""静态地找出的模块，一个也不能比执行时真正导入的少。"""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sitekit.fences import executed
from sitekit.imports import Imports
from sitekit.paths import DOCS, ROOT
from tests.sitekit.loaded import files

PACKAGES = {"dlnotes": ROOT / "dlnotes", "sitekit": ROOT / "sitekit"}
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if executed(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def fresh() -> Iterator[Any]:
    """每一页一个新进程；第三方的大包预先导入好，被查的两个包一点也没有导入。"""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["matplotlib.pyplot", "numpy", "sklearn", "tests.sitekit.loaded"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        yield pool


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_module_a_page_loads_was_foreseen(page: Path, fresh: Any) -> None:
    codes = [fence.code for fence in executed(page.read_text(encoding="utf-8"))]
    loaded = {Path(file) for file in fresh.apply(files, [codes])}
    ours = {file for file in loaded if any(file.is_relative_to(folder) for folder in PACKAGES.values())}
    assert ours
    assert ours <= Imports(PACKAGES).of(codes)


def found(folder: Path, code: str) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in Imports({"p": folder / "p"}).of([code])}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p import lonely\n",
        "lonely.py": "",
        "lazy/__init__.py": "def __getattr__(name):\n    return import_module(name)\n",
        "lazy/one.py": "from p import deep\n",
        "lazy/two.py": "",
        "deep.py": "def f():\n    import p.deeper as d\n",
        "deeper.py": "",
        "byname/__init__.py": "def load(name):\n    return import_module(name)\n",
        "byname/x.py": "",
    }
    for name, text in files.items():
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_text(text)
    return tmp_path


LAZY = {"p/__init__.py", "p/lazy/__init__.py", "p/lazy/one.py", "p/deep.py", "p/deeper.py"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy", set()),
        ("from p.lonely import x", {"p/__init__.py", "p/lonely.py"}),
        ("from p.lazy.one import x", LAZY),
        ("from p import lazy", LAZY | {"p/lazy/two.py"}),
        ("from p.byname import load", {"p/__init__.py", "p/byname/__init__.py", "p/byname/x.py"}),
    ],
)
def test_what_a_piece_of_code_may_use(package: Path, code: str, expected: set[str]) -> None:
    assert found(package, code) == expected


@pytest.mark.parametrize("code", ["import p", "import p.deep", "from p import *", "__import__('p')"])
def test_what_cannot_be_told_apart_uses_everything(package: Path, code: str) -> None:
    assert len(found(package, code)) == 9


def test_an_edited_file_is_read_again(package: Path) -> None:
    imports = Imports({"p": package / "p"})
    before = imports.of(["from p.lonely import x"])
    (package / "p" / "lonely.py").write_text("from p.deeper import y\n")
    assert imports.of(["from p.lonely import x"]) == before | {package / "p" / "deeper.py"}
