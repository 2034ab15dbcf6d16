"""网页里要执行的代码块，和其中写下的核对。

用 SuperFences 与 markdown-exec 自己的规则去找：缩进的、`~~~` 的、`exec="1"` 的都算，不会漏看。
"""

import ast
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import markdown_exec
from markdown import Markdown


class Fence(NamedTuple):
    """一个要执行的代码块；`source` 是源代码显示在哪里，不显示时为空。"""

    language: str
    code: str
    id: str
    session: str
    source: str


def executed(markdown: str) -> list[Fence]:
    """一页里要执行的代码块，按出现的次序。"""
    return take_out(markdown)[0]


def take_out(markdown: str, extensions: Sequence[str] = ()) -> tuple[list[Fence], str]:
    """要执行的代码块，和去掉它们之后用 `extensions` 转换成的 HTML。"""
    found: list[Fence] = []

    def keep(code: str, language: str, _class: str, options: dict[str, Any], _md: Markdown, **_: Any) -> str:
        found.append(Fence(language, code, options["id"], options["session"], options["source"]))
        return ""

    # `*`：写成 py、sh 的也要看到，它们照 mkdocs.yml 不会执行，写的人却以为会。
    fence = {"name": "*", "class": "", "validator": markdown_exec.validator, "format": keep}
    settings = {"pymdownx.superfences": {"custom_fences": [fence]}}
    return found, Markdown(extensions=[*extensions, *settings], extension_configs=settings).convert(markdown)


def written_claims(markdown: str) -> list[str]:
    """要执行的代码块里每处 `claim` 的名称；不是字面量的名称为空。"""
    return [_name(call) for fence in executed(markdown) for call in _claim_calls(fence.code)]


def _claim_calls(code: str) -> Iterator[ast.Call]:
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return  # 执行时自会报告
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "claim":
            yield node


def _name(call: ast.Call) -> str:
    named = (keyword.value for keyword in call.keywords if keyword.arg == "name")
    value = next(iter(call.args), None) or next(named, None)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
