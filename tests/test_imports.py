"""导入：每一条都在新的解释器里查，不受 pytest 已经导入的模块影响。"""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dlnotes

PACKAGE = Path(dlnotes.__file__).parent
LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def run(code: str, *options: str) -> str:
    """`-I` 不读环境变量和当前目录，所以自己写明从哪里导入、用什么编码。"""
    prelude = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    command = [sys.executable, "-I", "-X", "utf8", *options, "-c", prelude + code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def loaded(code: str) -> set[str]:
    return set(json.loads(run(f"{code}\n{LOADED}").splitlines()[-1]))


def test_importing_the_package_loads_nothing_else() -> None:
    modules = loaded("import dlnotes")
    assert "dlnotes" in modules
    assert "numpy" not in modules
    assert [name for name in modules if name.startswith("dlnotes.")] == []


def test_comparing_loads_no_numpy() -> None:
    modules = loaded("import dlnotes\nassert 'dlnotes.comparison' not in sys.modules\ndlnotes.compare('zf5')")
    assert "dlnotes.comparison" in modules
    assert "numpy" not in modules


def test_arch_and_table_load_no_numpy() -> None:
    modules = loaded("import dlnotes\nfrom dlnotes.arch import zoo\nzoo.load('vgg16')\ndlnotes.table")
    assert {"dlnotes.arch.zoo.vgg", "dlnotes.table"} <= modules
    assert "numpy" not in modules
    assert "dlnotes.arch.zoo.alexnet" not in modules  # 用到哪个网络才加载哪个


@pytest.mark.parametrize(
    "command", [["list"], ["show", "vgg16"], ["show", "zf5", "--format", "json"]], ids=str
)
def test_the_command_loads_no_numpy(command: list[str]) -> None:
    modules = loaded(f"from dlnotes.cli import main\nassert main({command}) == 0")
    assert "dlnotes.cli" in modules
    assert "numpy" not in modules


def test_arch_works_where_numpy_does_not_exist() -> None:
    """`-S` 连 site-packages 也没有；`None` 使 `import numpy` 一定失败，二者都先确认。"""
    code = """
sys.modules["numpy"] = None
try:
    import numpy
except ImportError:
    print("blocked")
from dlnotes.arch import ledger, zoo
book = ledger(zoo.load("vgg16"))
print(book.params, book.macs, book["pool5"].rf)
from dlnotes import table
print(len(table.json(book.columns({"n": "name"}))) > 0)
print(any("site-packages" in path for path in sys.path))
"""
    lines = run(code, "-S").splitlines()
    assert lines == ["blocked", "138357544 15470264320 (212, 212)", "True", "False"]


def test_public_names_resolve() -> None:
    assert dlnotes.__all__
    assert dlnotes.compare is import_module("dlnotes.comparison").compare
    for name in set(dlnotes.__all__) - {"compare"}:
        assert getattr(dlnotes, name) is import_module(f"dlnotes.{name}")
    assert set(dlnotes.__all__) <= set(dir(dlnotes))
    assert dlnotes.__version__ in (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    run("from dlnotes import *\nassert arch.ledger and table.csv and compare")


def test_unknown_attributes_fail_as_usual() -> None:
    with pytest.raises(AttributeError, match=r"^module 'dlnotes' has no attribute 'nonsense'$"):
        dlnotes.nonsense  # noqa: B018
    assert not hasattr(dlnotes, "numpy")


def reexports(path: Path) -> list[tuple[str, str, str]]:
    """`from m import a as a`：模块、原名、公开名。"""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [(node.module or "", name.name, name.asname or "") for node in imports for name in node.names]


@pytest.mark.parametrize("package", ["arch", "linalg", "optim", "prob", "vision"])
def test_reexports_are_the_same_objects(package: str) -> None:
    module = import_module(f"dlnotes.{package}")
    names = [entry for entry in reexports(PACKAGE / package / "__init__.py") if entry[2]]
    for source, name, public in names:
        assert name == public
        assert getattr(module, public) is getattr(import_module(source), name)
    assert len({public for _, _, public in names}) == len(names)
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public)


def test_arch_reexports_its_whole_vocabulary() -> None:
    public = {entry[2] for entry in reexports(PACKAGE / "arch" / "__init__.py")}
    assert {"Conv2d", "Field", "Ledger", "Network", "ledger", "output_size", "sequential"} <= public


def imported(path: Path) -> set[str]:
    """文件里任何位置导入的模块。"""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}：用绝对导入"
            found.add(node.module or "")
    return found


def test_arrows_point_one_way() -> None:
    """依赖的方向：arch 只用标准库和自己，zoo 只用 layers、network、blocks 与共用的块；没有谁用 sitekit。"""
    for path in PACKAGE.rglob("*.py"):
        roots = {name.split(".")[0] for name in imported(path)}
        assert not roots & {"sitekit", "matplotlib", "markdown", "mkdocs", "docs", "tests"}, path
        if (PACKAGE / "arch") in path.parents:
            assert roots <= sys.stdlib_module_names | {"dlnotes"}, path
            inside = {name for name in imported(path) if name.startswith("dlnotes")}
            assert all(name == "dlnotes._check" or name.startswith("dlnotes.arch") for name in inside), path
        if path.parent.name == "zoo" and path.name != "__init__.py":
            inside = {name for name in imported(path) if name.startswith("dlnotes")}
            inside = {name for name in inside if not name.startswith("dlnotes.arch.zoo._")}
            shared = {"dlnotes._check"} if path.name.startswith("_") else set()
            assert inside <= shared | {f"dlnotes.arch.{name}" for name in ("layers", "network", "blocks")}, (
                path
            )
