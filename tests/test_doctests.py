"""文档字符串里的例子：走遍 `dlnotes` 的每个模块，逐个运行。"""

import doctest
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import dlnotes

PACKAGE = Path(dlnotes.__file__).parent
MODULES = ["dlnotes", *(module.name for module in walk_packages(dlnotes.__path__, "dlnotes."))]
KNOWN = {
    "dlnotes.arch.ledger.ledger",
    "dlnotes.arch.blocks.sequential",
    "dlnotes.arch.receptive.Field",
    "dlnotes.arch.receptive.output_size",
    "dlnotes.arch.zoo.load",
    "dlnotes.table.csv",
    "dlnotes.table.json",
    "dlnotes.table.markdown",
}


def test_every_file_is_walked() -> None:
    """少了 `__init__.py` 的文件夹、导入失败的包，`walk_packages` 都会不声不响地跳过。"""
    parts = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    files = {".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts}
    assert files == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name: str) -> None:
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module, name) if test.examples]
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    for test in found:
        runner.run(test)
    results = runner.summarize(verbose=False)
    assert results.failed == 0
    assert results.attempted == sum(len(test.examples) for test in found)
    known = {example for example in KNOWN if example.rsplit(".", 1)[0] == name}
    assert known <= {test.name for test in found}
