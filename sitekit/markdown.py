"""Python-Markdown 扩展 `sitekit.markdown`：两个构建工具都经它转换每一页。

它包住实例的 `md.convert`，只在最外层动手：markdown-exec 与 mkdocstrings 会用同样的扩展
另建实例做内层转换，后处理器还会为目录的每个片段再跑一遍，在那里数数就会数重。
"""

import builtins
import os
import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
from markdown import Extension, Markdown
from markdown_exec._internal.formatters import python as exec_python

from sitekit import lines, math, record, remember
from sitekit.claims import PageClaims
from sitekit.fences import written_claims
from sitekit.library import Library
from sitekit.parts import PartsTreeprocessor

_UNKNOWN_PAGE = "（不属于任何页面）"
_EMPTY_PARAGRAPH = re.compile(r"<p></p>\n?")
_library = Library("dlnotes")
_fences = remember.Fences(_library)


class _State(threading.local):
    """本线程的转换嵌套了几层，最外层是哪一页。"""

    depth = 0
    page = _UNKNOWN_PAGE


_state = _State()
# 代码块的会话、builtins 里的 claim 都是全进程共有的，所以一次只转换一页（Zensical 有多个线程）。
_one_page_at_a_time = threading.RLock()


class PageExtension(Extension):
    """包住 `md.convert`，并给问题的各部分定 id。"""

    def __init__(self, **options: object) -> None:
        self.config = {"repository": ["", "页尾的链接所指的仓库地址；为空则没有这些链接"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # 名称由 Python-Markdown 规定
        """由 Python-Markdown 调用一次。"""
        parts = PartsTreeprocessor(md, report=_report_from_page)
        md.treeprocessors.register(parts, parts.name, parts.priority)
        inner = md.convert
        convert = partial(_convert, md, inner, self.getConfig("repository"))
        md.convert = convert  # type: ignore[method-assign]


def makeExtension(**options: object) -> PageExtension:  # noqa: N802  # 名称由 Python-Markdown 规定
    """由 Python-Markdown 按名称 `sitekit.markdown` 找到。"""
    return PageExtension(**options)


def page_path(md: Markdown) -> str:
    """正在转换的页面相对 `docs/` 的路径。"""
    if "relpath" in md.treeprocessors:  # MkDocs
        return str(md.treeprocessors["relpath"].file.src_uri)  # type: ignore[attr-defined]
    if "rendering_context" in md.preprocessors:  # Zensical
        return str(md.preprocessors["rendering_context"].page.path)  # type: ignore[attr-defined]
    return _UNKNOWN_PAGE


def page_links(repository: str, page: str) -> str:
    """页尾的两个链接；放在正文里而不在主题模板里，因为 Zensical 的模板不知道页面的源文件。"""
    if not repository or page == _UNKNOWN_PAGE:
        return ""
    edit = f"{repository}/edit/main/docs/{quote(page)}"
    report = f"{repository}/issues/new?template=page-error.yml&page={quote(page, safe='')}"
    return (
        f'\n<p class="page-links"><a href="{escape(edit)}" rel="edit">编辑此页</a>'
        f' · <a href="{escape(report)}">报告此页错误</a></p>'
    )


def _convert(md: Markdown, inner: Callable[[str], str], repository: str, source: str) -> str:
    with _one_page_at_a_time, _nested():
        if _state.depth > 1:
            return inner(source)
        _state.page = page_path(md)
        return _convert_page(inner, source) + page_links(repository, _state.page)


@contextmanager
def _nested() -> Iterator[None]:
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1


def _convert_page(inner: Callable[[str], str], source: str) -> str:
    started = time.perf_counter()
    record.begin(_state.page)
    claims = PageClaims(_state.page)
    _library.refresh()
    _forget_sessions()
    with _pristine_process(), _claim_everywhere(claims), _remembered(source, claims):
        html = inner(source)
    if message := claims.not_run(written_claims(source)):
        record.problem(_state.page, message)
    # 只有核对、没有输出的代码块会留下空段落，占着一行的高度。
    html = math.render(lines.join(_EMPTY_PARAGRAPH.sub("", html)), _state.page) + claims.footer()
    record.end(_state.page, time.perf_counter() - started)
    return html


def _remembered(source: str, claims: PageClaims) -> AbstractContextManager[None]:
    return _fences.of(claims.page, source, claims) if remember.VARIABLE in os.environ else nullcontext()


def _forget_sessions() -> None:
    """上一页（或预览中上一次构建）的变量不能漏进这一页，否则次序一变结果就变。"""
    exec_python._sessions_globals.clear()
    exec_python._sessions_counter.clear()


@contextmanager
def _pristine_process() -> Iterator[None]:
    """一页改过的打印格式、浮点错误与警告的处理、随机数的状态、环境变量、当前目录，换页时还原。"""
    environment, folder, printing, errors = dict(os.environ), Path.cwd(), np.get_printoptions(), np.geterr()
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  # 还原的正是旧接口的全局状态
    try:
        with warnings.catch_warnings():
            yield
    finally:
        os.chdir(folder)
        _restore_environment(environment)
        np.set_printoptions(**printing)
        np.seterr(**errors)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def _restore_environment(before: dict[str, str]) -> None:
    # 只动有差别的：Zensical 有别的线程，改环境变量时别的线程不能读，没有改过就一次也不碰。
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@contextmanager
def _claim_everywhere(claims: PageClaims) -> Iterator[None]:
    """让代码块不必导入就能用 `claim`；代码块里的 `sys.exit` 不能悄悄结束构建。"""
    builtins.claim = claims.claim  # type: ignore[attr-defined]
    try:
        yield
    except SystemExit as error:
        raise RuntimeError(f"{claims.page}：代码块调用了 sys.exit，构建无法继续；请删去。") from error
    finally:
        del builtins.claim  # type: ignore[attr-defined]


def _report_from_page(problems: list[str]) -> None:
    # 内层转换（代码块的输出、文档字符串）里的标题由各自的工具起名加前缀。
    if _state.depth == 1:
        for message in problems:
            record.problem(_state.page, message)
