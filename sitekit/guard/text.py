"""正文的文字：切成块，并分清每段文字是叙述、行内代码、源代码还是输出。"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from lxml.html import HtmlElement, defs
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]  # 它不带类型说明

from sitekit.guard.dom import classes, select, values


class Role(Enum):
    """一段文字的身份；同一个 `nan` 在源代码里是写法，在输出里是事故。"""

    PROSE = auto()
    CODE = auto()
    SOURCE = auto()
    OUTPUT = auto()
    FIGURE = auto()
    FORMULA = auto()
    DATA = auto()


# 标记「就是要展示它」的名字：写成 class，或写成 `data-` 属性。
MEANT = ("expect-error", "expect-nonfinite")
# 叙述里代替代码、公式、图的字符：免得两侧的文字拼成本来没有的记号。
OBJECT = "\N{OBJECT REPLACEMENT CHARACTER}"

_SKIPPED = frozenset({"script", "style", "template"})
# 不切开一块文字的元素；lxml 的表不含 HTML5 新加的几个。
_INLINE = (defs.phrase_tags | defs.font_style_tags | defs.special_inline_tags) | {
    "mark",
    "math",
    "svg",
    "time",
}
# 不改变身份的元素；没有属性时不必细看。
_PLAIN_INLINE = _INLINE - {"code", "kbd", "math", "samp", "svg"}
_PLAIN_LANGUAGES = frozenset({"language-text", "language-pycon", "language-console"})
# 数据也会高亮，与源代码一样有词法记号；但 JSON 里本来就不能有 NaN。
_DATA_LANGUAGES = frozenset({"language-json", "language-csv"})
# 不必再标明的：mkdocstrings 的参数表列的是源代码里的默认值；核对表里的值已与期望值比较过。
_DECLARED = frozenset({"doc-section-item", "claims"})
_TEXT_BLOCKS = "descendant-or-self::*[self::pre or self::p or self::td or self::h1 or self::h2 or self::h3]"
# Pygments 的词法记号的 class，去掉会话记录里的输出、报错、追溯。
_TOKENS = frozenset(STANDARD_TYPES.values()) - {"", "go", "gr", "gt"}


@dataclass(frozen=True)
class Context:
    """一段文字的处境。"""

    role: Role = Role.PROSE
    in_table: bool = False
    meant: frozenset[str] = frozenset()


class Piece(NamedTuple):
    """一段文字；同处境的各段共用一个 `Context`。"""

    text: str
    context: Context


Block = list[Piece]


def blocks(article: HtmlElement) -> list[Block]:
    """正文按块级元素切开的文字；空块不要。"""
    result: list[Block] = [[]]
    _walk(article, Context(), result)
    return [block for block in result if any(piece.text.strip() for piece in block)]


def whole(block: Block) -> str:
    """整块文字。"""
    return "".join(piece.text for piece in block)


def prose(block: Block) -> str:
    """块里的叙述；其余的各成一个占位字符。"""
    return "".join(piece.text if piece.context.role is Role.PROSE else OBJECT for piece in block)


def _walk(element: HtmlElement, outer: Context, result: list[Block]) -> None:
    if element.tag in _SKIPPED:
        return
    context = _enter(element, outer)
    if context.role is Role.FORMULA:
        result[-1].append(Piece(_tex(element) or OBJECT, context))
        return
    starts_block = element.tag not in _INLINE and outer.role is Role.PROSE
    if starts_block:
        result.append([])
    if element.text:
        result[-1].append(Piece(element.text, context))
    for child in element:
        if isinstance(child.tag, str):
            _walk(child, context, result)
        if child.tail:
            result[-1].append(Piece(child.tail, context))
    if starts_block:
        result.append([])


def _enter(element: HtmlElement, outer: Context) -> Context:
    if not element.attrib and element.tag in _PLAIN_INLINE:
        return outer
    return Context(
        _role(str(element.tag), classes(element), outer.role),
        outer.in_table or element.tag in {"td", "th"},
        outer.meant | meant(element),
    )


def meant(element: HtmlElement) -> frozenset[str]:
    """元素自己标明要展示的：`MEANT` 里的名字。"""
    names = classes(element)
    found = {name for name in MEANT if name in names or f"data-{name}" in element.attrib}
    if _DECLARED & names:
        found.add("expect-nonfinite")
    # 标在含有几块文字的容器上不算：否则一个标记就能放过整页的异常。
    if "expect-error" in found and len(select(element, _TEXT_BLOCKS)) > 1:
        found.remove("expect-error")
    return frozenset(found)


def _tex(formula: HtmlElement) -> str:
    return "".join(values(formula, ".//annotation//text()"))


def _role(tag: str, names: frozenset[str], outer: Role) -> Role:
    """进入一个元素后的身份。

    不靠高亮块的 class 区分源代码与输出：它们在 `pygments_lang_class` 关着时完全一样。
    区别在于词法记号：源代码的每个词都包在带 class 的 `span` 里，纯文本的输出没有。
    """
    if outer is Role.DATA or names & _DATA_LANGUAGES:
        return Role.DATA
    if tag == "svg":
        return Role.FIGURE
    if tag == "math" or "katex" in names:
        return Role.FORMULA
    if tag == "pre" or outer is Role.OUTPUT:
        return Role.SOURCE if _is_source(tag, names) else Role.OUTPUT
    if tag in {"code", "kbd", "samp"} and outer is Role.PROSE:
        return Role.CODE
    return outer


def _is_source(tag: str, names: frozenset[str]) -> bool:
    languages = {name for name in names if name.startswith("language-")}
    is_token = tag == "span" and bool(names & _TOKENS)
    return is_token or bool(languages - _PLAIN_LANGUAGES)


def unmeant(article_blocks: Iterable[Block], mark: str) -> Iterator[Block]:
    """去掉标明「有意展示」的文字之后的各块。"""
    for block in article_blocks:
        if kept := [piece for piece in block if mark not in piece.context.meant]:
            yield kept
