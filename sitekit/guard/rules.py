"""只看一页正文就能判断的规则：页面 -> 每处问题的一句话。"""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from lxml.html import HtmlElement

from sitekit.guard.dom import classes, lineage, select
from sitekit.guard.page import Page
from sitekit.guard.text import Block, Context, Role, meant, prose, unmeant, whole

TRACEBACK = "Traceback (most recent call last)"
# 前面有反斜杠的是 TeX 的 \inf。
_NONFINITE = re.compile(r"(?<![A-Za-z0-9_\\])(?:nan|NaN|NAN|inf|INF|Infinity)(?![A-Za-z0-9_])")
# `$x$` 里没有反斜杠也算，`$ x $` 是写错了空格；数字开头、含汉字或全角标点的当作价钱。
_TEX = re.compile(
    r"\\[()\[\]]|\$\$|\$[^$]*\\[A-Za-z][^$]*\$|\$(?!\d)[^$\s\u4e00-\u9fff]+\$"
    r"|\$(?!\d)(?=\s|[^$]*\s\$)[^$\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+\$"
)
_MARKDOWN = re.compile(r"\*\*|\]\(|\]\[|\[\^|\{: |\{ ?#|\?\?\? |!!! |::: |```|--8<--")
# 列表、标题、表格的前面没有空行时，Python-Markdown 把它们并进上一段。
_BLOCK_MARK = re.compile(r"(?<=\n)(?:[-*+] |\d+\. |#+ )|^\|.*\|$", re.MULTILINE)
# HTML 的解析器会把属性名变成小写，viewBox 也不例外。
_GEOMETRY = frozenset(
    {"d", "points", "transform", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "dx", "dy"}
    | {"r", "rx", "ry", "width", "height", "offset", "stroke-width"}
)
_DECORATIVE = frozenset({"twemoji", "md-icon"})

Rule = Callable[[Page], Iterator[str]]


def traceback(page: Page) -> Iterator[str]:
    """异常的追溯信息，代码块里的也算：严格构建不拦 Zensical 写出的这种页。"""
    for block in unmeant(page.blocks, "expect-error"):
        if TRACEBACK in (text := whole(block)):
            yield text.strip().splitlines()[-1]


def nonfinite(page: Page) -> Iterator[str]:
    """叙述、表格、输出、公式和图里的 `nan` 与 `inf`；叙述里的行内代码与源代码可以谈论它们。"""
    for block in unmeant(page.blocks, "expect-nonfinite"):
        for piece in block:
            if _is_output(piece.context) and (found := _NONFINITE.search(piece.text)):
                yield _around(found)


def nonfinite_labels(page: Page) -> Iterator[str]:
    """文字替代与提示里的 `nan`：看不见，读屏软件却会读出来。"""
    for element in (
        [] if page.article is None else select(page.article, ".//*[@alt or @title or @aria-label]")
    ):
        if not any("expect-nonfinite" in meant(ancestor) for ancestor in lineage(element)):
            labels = (element.get(name, "") for name in ("alt", "title", "aria-label"))
            yield from (_around(found) for label in labels if (found := _NONFINITE.search(label)))


def nonfinite_geometry(page: Page) -> Iterator[str]:
    """图形坐标里的 `nan`：浏览器不报错，只是少画一条线。"""
    for svg in page.inside("svg"):
        for element in select(svg, "descendant-or-self::*"):
            for name in sorted(name for name in element.attrib if name.lower() in _GEOMETRY):
                if re.search("nan|inf", element.get(name, ""), re.IGNORECASE):
                    yield f"<{element.tag!s}> 的 {name} 里有非有限数"


def unrendered_math(page: Page) -> Iterator[str]:
    """没有变成公式的 TeX，和渲染失败的公式。"""
    yield from _search(_TEX, page.blocks)
    for element in page.marked("katex-error", "formula-error", "arithmatex"):
        if "arithmatex" not in classes(element) or not element.find_class("katex"):
            yield f"公式没有渲染：{element.text_content().strip()[:60]}"


def unrendered_markdown(page: Page) -> Iterator[str]:
    """没有变成格式的 Markdown 记号。"""
    yield from _search(_MARKDOWN, page.blocks)
    yield from _search(_BLOCK_MARK, page.blocks)


def duplicate_ids(page: Page) -> Iterator[str]:
    """同页重复的 id，包括图里的：链接与 `url(#…)` 只认第一个。"""
    for name, count in Counter(page.ids).items():
        if count > 1:
            yield f"id “{name}” 出现 {count} 次"


def figures(page: Page) -> Iterator[str]:
    """没有文字说明的图；主题的图标和标明 `aria-hidden` 的装饰除外。"""
    for image in page.inside("img"):
        if not _is_decorative(image) and not image.get("alt", "").strip():
            yield f"<img src=“{image.get('src', '')}”> 没有 alt"
    for svg in page.inside("svg"):
        if not _is_decorative(svg) and not _is_titled(svg):
            yield "<svg> 缺 role=“img” 或开头的 <title>"


def description(page: Page) -> Iterator[str]:
    """没有 `<meta name="description">`。"""
    if not page.description:
        yield "没有 description"


def headings(page: Page) -> Iterator[str]:
    """恰有一个 h1，逐级向下不跳级，每个都有 id 可链接。"""
    found = list(page.inside("h1", "h2", "h3", "h4", "h5", "h6"))
    levels = [int(str(heading.tag)[1]) for heading in found]
    if (count := levels.count(1)) != 1:
        yield f"有 {count} 个 h1，应恰有 1 个"
    for before, after, heading in zip(levels, levels[1:], found[1:], strict=False):
        if after > before + 1:
            yield f"从 h{before} 跳到 h{after}：{_title(heading)}"
    for heading in found:
        if not heading.get("id"):
            yield f"标题没有 id：{_title(heading)}"


def claims(page: Page) -> Iterator[str]:
    """页脚说核对了几个数字，表里却不是几行，或一行也没有。"""
    for element in page.marked("claims"):
        count, rows = element.get("data-claims", ""), len(select(element, ".//tbody/tr"))
        if not count.isdecimal() or int(count) == 0 or int(count) != rows:
            yield f"data-claims=“{count}”，表里有 {rows} 行"


ARTICLE_RULES: dict[str, Rule] = {
    "异常": traceback,
    "非有限数": nonfinite,
    "文字替代": nonfinite_labels,
    "图形坐标": nonfinite_geometry,
    "公式": unrendered_math,
    "标记": unrendered_markdown,
    "图的说明": figures,
    "描述": description,
    "标题": headings,
    "核对数": claims,
}


def _is_output(context: Context) -> bool:
    if context.role is Role.CODE:
        return context.in_table
    return context.role in {Role.PROSE, Role.OUTPUT, Role.FIGURE, Role.FORMULA, Role.DATA}


def _search(pattern: re.Pattern[str], blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        text = "\n".join(line.strip() for line in prose(block).splitlines())
        if found := pattern.search(text):
            yield _around(found)


def _around(found: re.Match[str]) -> str:
    """匹配处连同前后文，压成一行。"""
    return " ".join(found.string[max(found.start() - 20, 0) : found.end() + 20].split())


def _is_decorative(element: HtmlElement) -> bool:
    """自己或祖先是装饰；嵌在另一个 `svg` 里的由外层说明。"""
    return any(
        ancestor.get("aria-hidden") == "true"
        or classes(ancestor) & _DECORATIVE
        or (ancestor.tag == "svg" and ancestor is not element)
        for ancestor in lineage(element)
    )


def _is_titled(svg: HtmlElement) -> bool:
    first = next((child for child in svg if isinstance(child.tag, str)), None)
    if svg.get("role") != "img" or first is None or first.tag != "title":
        return False
    return bool(first.text_content().strip())


def _title(heading: HtmlElement) -> str:
    return heading.text_content().replace("¶", "").strip()
