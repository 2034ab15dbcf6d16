"""预览时记住各页代码块的输出，没有变的就不再执行；构建时从不用它。

一页的输出由三样东西决定：它的源文件、它导入的 `dlnotes` 模块、别的文件与进程。前两样有一样变了
就重新执行；读了项目里别的文件、运行了别的程序、连了网的页，不知道那些东西变了没有，从不记住。
有核对不符、有异常的页也从不记住。记在内存里，重启预览就全忘掉：锁定的依赖、`sitekit` 变了本来就要重启。

随机数与当前时间看不出来：没有定种子的代码块会一直显示头一次的输出，直到这一页或库改动。
这样的代码块本来就不许有，因为两次构建要逐字节相同。
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_exec._internal.formatters import python as exec_python

from sitekit.claims import PageClaims
from sitekit.imports import Imports
from sitekit.library import Files, Library
from sitekit.paths import NODE_MODULES, ROOT

VARIABLE = "SITEKIT_REMEMBER"
_READING = ("open", "os.listdir", "os.scandir")
_OUTSIDE = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "socket.connect")
_Call = tuple[str, object, object]


class Fences:
    """各页代码块的输出；同一时刻只能有一页在转换。"""

    def __init__(self, library: Library) -> None:
        self._library = library
        here = Path(__file__).parent
        self._imports = Imports({library.folder.name: library.folder, here.name: here})
        self._pages: dict[str, _Remembered] = {}

    @contextmanager
    def of(self, page: str, source: str, claims: PageClaims) -> Iterator[None]:
        """转换这一页期间：没有变就用记住的输出与核对，否则执行并记住。"""
        # 先看文件再执行：执行途中又改了的，下一次就对不上，不会把旧的当作新的。
        files = self._library.files()
        known = self._pages.pop(page, None)
        if known and known.source == source and known.current(files):
            claims.names += known.claims.names
            claims.rows += known.claims.rows
            with _run_by(_Replay(known.outputs)):
                yield
            self._pages[page] = known
            return
        before = self._library.imported()
        recording = _Recording(self._own_places())
        with _run_by(recording):
            yield
        try:
            modules = {str(file) for file in self._imports.of(call[0] for call, _ in recording.outputs)}
        except (SyntaxError, ValueError, OSError):
            return  # 库正改到一半，读不通
        # 静态地看漏了的，执行时才露出来：宁可不记。
        foreseen = self._library.imported() - before <= modules
        # `:::` 引入的文档字符串里也可能有代码块，它们不在这一页的源文件里。
        known_all = foreseen and "\n::: " not in f"\n{source}"
        if known_all and recording.repeatable and len(claims.names) == len(claims.rows):
            unused = {name for name in files if name.endswith(".py")} - modules
            self._pages[page] = _Remembered(source, recording.outputs, claims, files, frozenset(unused))

    def _own_places(self) -> tuple[Path, ...]:
        # 其中的变动另有办法看出来，或者要重启预览才有用。
        return (
            self._library.folder,
            Path(__file__).parent,
            NODE_MODULES.resolve(),
            Path(sys.prefix).resolve(),
        )


@dataclass(frozen=True)
class _Remembered:
    source: str
    outputs: list[tuple[_Call, str]]
    claims: PageClaims
    files: Files
    unused: frozenset[str]

    def current(self, files: Files) -> bool:
        """多了少了文件都算变：`table.py` 旁边多了 `table/`，导入的就是另一个。"""
        if files.keys() != self.files.keys():
            return False
        return all(files[name] == self.files[name] for name in files.keys() - self.unused)


class _Replay:
    def __init__(self, outputs: list[tuple[_Call, str]]) -> None:
        self._outputs = iter(outputs)

    def __call__(self, _run: Callable[..., str], code: str, **options: Any) -> str:
        call, output = next(self._outputs, (None, ""))
        if call != _call(code, options):
            raise RuntimeError(
                "代码块与记住的不是同一个；请再存一次这一页，并报告 sitekit/remember.py 的缺陷。"
            )
        return output


@dataclass
class _Recording:
    own: tuple[Path, ...]
    outputs: list[tuple[_Call, str]] = field(default_factory=list)
    repeatable: bool = True

    def __call__(self, run: Callable[..., str], code: str, **options: Any) -> str:
        try:
            with _watched(self):
                output = run(code, **options)
        except BaseException:
            self.repeatable = False
            raise
        self.outputs.append((_call(code, options), output))
        return output

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """由审计钩子调用。"""
        if event in _OUTSIDE or (event in _READING and self._foreign(arguments[0])):
            self.repeatable = False

    def _foreign(self, name: object) -> bool:
        """是不是项目里不属于 `own` 的文件；列出项目的根不算，那是导入在找模块。"""
        if not isinstance(name, str | bytes | os.PathLike):
            return False
        path = Path(os.path.realpath(os.fsdecode(name)))
        if any(path.is_relative_to(own) for own in self.own):
            return False
        return any(path != root and path.is_relative_to(root) for root in (ROOT, _START))


_START = Path.cwd().resolve()
_watching: list[_Recording] = []


@contextmanager
def _watched(recording: _Recording) -> Iterator[None]:
    _install_hook()
    _watching.append(recording)
    try:
        yield
    finally:
        _watching.pop()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and (event in _READING or event in _OUTSIDE):
        recording = _watching.pop()  # 看的时候自己也会碰到文件系统
        try:
            recording.see(event, arguments)
        finally:
            _watching.append(recording)


def _install_hook() -> None:
    # 审计钩子装上就拆不掉，所以到第一次用时才装，只装一次。
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked.append(True)


_hooked: list[bool] = []


@contextmanager
def _run_by(runner: Callable[..., str]) -> Iterator[None]:
    run = exec_python._run_python
    exec_python._run_python = lambda code, **options: runner(run, code, **options)
    try:
        yield
    finally:
        exec_python._run_python = run


def _call(code: str, options: dict[str, Any]) -> _Call:
    return code, options.get("session"), options.get("id")
