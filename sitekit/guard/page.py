"""成品页的读取：每页只解析一次，各条规则共用。"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lxml import etree, html
from lxml.html import HtmlElement

from sitekit.guard.dom import classes, elements, select, values
from sitekit.guard.text import Block, blocks


@dataclass(frozen=True, order=True)
class Problem:
    """一处问题：哪一页、哪条规则、怎么回事。"""

    page: str
    rule: str
    detail: str


@dataclass(frozen=True)
class Page:
    """解析过的一页；`path` 是相对站点文件夹的 POSIX 路径。"""

    path: str
    root: HtmlElement
    size: int

    @cached_property
    def article(self) -> HtmlElement | None:
        """正文元素；Material 与 Zensical 都是 `main` 里的 `article`。"""
        return next((found for main in self.root.iter("main") for found in main.iter("article")), None)

    @cached_property
    def blocks(self) -> list[Block]:
        """正文的文字；没有正文时为空。"""
        return [] if self.article is None else blocks(self.article)

    @cached_property
    def ids(self) -> list[str]:
        """全页的 id，按出现次序，重复的保留。"""
        return values(self.root, "//@id")

    @cached_property
    def anchors(self) -> frozenset[str]:
        """`#片段` 可以指向的名字：任何元素的 id，以及 `<a name>`。"""
        return frozenset((*self.ids, *values(self.root, "//a/@name"))) - {""}

    @property
    def description(self) -> str:
        """`<meta name="description">` 的内容，没有时为空。"""
        found = (meta for meta in elements(self.root, "meta") if meta.get("name") == "description")
        return next((meta.get("content", "").strip() for meta in found), "")

    def inside(self, *tags: str) -> Iterator[HtmlElement]:
        """正文里这些标签的元素。"""
        return iter(()) if self.article is None else elements(self.article, *tags)

    def marked(self, *names: str) -> Iterator[HtmlElement]:
        """全页带有任一 class 的元素；先用 XPath 粗选，再逐个核对整个词。"""
        rough = " or ".join(f"contains(@class, '{name}')" for name in names)
        return (found for found in select(self.root, f"//*[{rough}]") if classes(found) & set(names))


def load(site: Path, path: str) -> Page | Problem:
    """读一页；读不成的页是问题，不是本检查的崩溃。"""
    raw = (site / path).read_bytes()
    try:
        raw.decode("utf-8")
        root = html.document_fromstring(raw, parser=html.HTMLParser(encoding="utf-8"))
    except (UnicodeDecodeError, etree.ParserError) as error:
        return Problem(path, "解析", f"不是可读的 HTML：{error}")
    return Page(path, root, len(raw))
