"""MkDocs 的钩子：给 Material 的搜索索引喂清理过的正文。公式只留一份 TeX，命中以问题而不是「详解」为标题。

分词、分节仍是主题自己的。图与公式的标记占了网页的大半，主题逐字解析它们要占构建的两成，先去掉也就快了。
"""

import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jieba  # type: ignore[import-untyped]
import lxml.html
from lxml.html import HtmlElement
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.pages import Page

from sitekit.parts import SUFFIXES

_PART_ID = re.compile("-(?:" + "|".join(sorted(set(SUFFIXES.values()))) + ")$")
# 不该被搜到的：图、声明不收录的、核对表、页尾与主题的链接、标签、站在标题末尾的链接。
_DROPPED = (
    ".//*[local-name()='svg'] | .//*[@data-search-exclude]"
    " | .//details[contains(@class, 'claims')] | .//p[@class='page-links']"
    " | .//nav[@class='md-tags'] | .//a[contains(@class, 'md-content__button')]"
    " | .//span[contains(@class, 'doc-labels')]"
    " | .//aside[@class='md-source-file'] | .//a[@class='headerlink']"
)


@event_priority(50)  # 先于主题的搜索插件
def on_page_context(context: Any, *, page: Page, config: MkDocsConfig, **_: Any) -> None:
    """由 MkDocs 在套用模板之前对每一页调用：代主题收录这一页，再告诉它不必收了。"""
    search = config.plugins["material/search"]
    jieba.setLogLevel(logging.WARNING)
    search.search_index.add_entry_from_context(_searchable(page))  # type: ignore[attr-defined]
    page.meta["search"] = {"exclude": True}


def clean(article: HtmlElement) -> str:
    """清理过的正文；就地改动 `article`。"""
    for element in _select(article, _DROPPED):
        element.drop_tree()
    for katex in _select(article, ".//*[@class='katex']"):
        _replace_by_text(katex, f" {_tex(katex)} ")
    for heading in _inside_questions(article):
        del heading.attrib["id"]
        heading.tag = "p"
    return "".join(lxml.html.tostring(child, encoding="unicode") for child in article)


def _inside_questions(article: HtmlElement) -> list[HtmlElement]:
    """问题之下的各级标题，以及别处的「详解」等部分。"""
    question, found = False, []
    for heading in _select(article, ".//*[self::h1 or self::h2 or self::h3 or self::h4 or self::h5][@id]"):
        if heading.tag in ("h1", "h2"):
            question = "data-q" in heading.attrib
        elif question or _PART_ID.search(heading.attrib["id"]):
            found.append(heading)
    return found


def _searchable(page: Page) -> SimpleNamespace:
    """主题的索引所读的那几个属性；没有目录，各节的地址就由标题的 id 得出。"""
    content = clean(lxml.html.fragment_fromstring(page.content or "", create_parent="article"))
    return SimpleNamespace(content=content, toc=[], url=page.url, meta=page.meta, title=page.title)


def _select(element: HtmlElement, path: str) -> list[HtmlElement]:
    return list(_elements(element.xpath(path)))


def _elements(found: Any) -> Iterator[HtmlElement]:
    yield from found


def _tex(katex: HtmlElement) -> str:
    return "".join(katex.xpath(".//*[local-name()='annotation']//text()"))


def _replace_by_text(element: HtmlElement, text: str) -> None:
    element.tail = text + (element.tail or "")
    element.drop_tree()
