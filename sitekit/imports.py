"""一段代码可能用到哪些源文件：沿 `import` 一路找下去，宁可多算，不可少算。

只看语法，不执行：函数里的导入也算。得到一个包（而不是其中的一个名称）、按名称导入的，
都当作用了整个文件夹，因为包的子模块用到才加载。
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_DYNAMIC = {"import_module", "__import__", "exec", "eval"}
_Stamp = tuple[int, int]


class Imports:
    """若干个包的导入关系；每个文件改过才重新解析。

    Args:
        packages: 包名到它的文件夹。
    """

    def __init__(self, packages: Mapping[str, Path]) -> None:
        self._packages = packages
        self._parsed: dict[Path, tuple[_Stamp, set[Path]]] = {}

    def of(self, codes: Iterable[str]) -> set[Path]:
        """这些代码直接或间接可能用到的源文件。"""
        found: set[Path] = set()
        waiting = {file for code in codes for file in self._direct(code, None)}
        while waiting:
            file = waiting.pop()
            found.add(file)
            waiting |= self._of_file(file) - found
        return found

    def _of_file(self, file: Path) -> set[Path]:
        stat = file.stat()
        stamp = stat.st_mtime_ns, stat.st_size
        known = self._parsed.get(file)
        if known is None or known[0] != stamp:
            known = self._parsed[file] = stamp, self._direct(file.read_text(encoding="utf-8"), file)
        return known[1]

    def _direct(self, code: str, file: Path | None) -> set[Path]:
        found: set[Path] = set()
        for node in _run_time(ast.parse(code)):
            match node:
                case ast.Import(names):
                    for alias in names:
                        # 没有 as 的 `import a.b` 得到的是 `a`，从它走得到任何子模块。
                        top = alias.name.partition(".")[0]
                        found |= self._module(alias.name if alias.asname else top) | self._module(alias.name)
                case ast.ImportFrom(module, names, level):
                    found |= self._import_from(module or "", [alias.name for alias in names], level)
                case ast.Name(name) | ast.Attribute(_, name) if name in _DYNAMIC:
                    found |= set(file.parent.rglob("*.py")) if file else self._everything()
        return found

    def _import_from(self, module: str, names: list[str], level: int) -> set[Path]:
        if level:
            return self._everything()
        found = self._passed(module)
        for name in names:
            found |= self._module(module) if name == "*" else self._module(f"{module}.{name}")
        return found

    def _module(self, name: str) -> set[Path]:
        """得到这个模块所用的文件；是包就是整个文件夹，不是模块就没有。"""
        place = self._place(name)
        if place and place.is_dir():
            return self._passed(name) | set(place.rglob("*.py"))
        return self._passed(name) if place and place.with_suffix(".py").is_file() else set()

    def _passed(self, name: str) -> set[Path]:
        """导入这个模块时执行的文件：它自己，和它上面各层的 `__init__.py`。"""
        found: set[Path] = set()
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            if place := self._place(".".join(parts[:length])):
                found |= {
                    file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()
                }
        return found

    def _place(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        return self._packages[top].joinpath(*rest) if top in self._packages else None

    def _everything(self) -> set[Path]:
        return {file for folder in self._packages.values() for file in folder.rglob("*.py")}


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    """会执行的语法节点：不含只给类型检查看的；模块的 `__getattr__` 由“得到一个包”那一条管。"""
    for child in ast.iter_child_nodes(node):
        if (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            continue
        if isinstance(child, ast.FunctionDef) and child.name == "__getattr__":
            continue
        yield child
        yield from _run_time(child)
