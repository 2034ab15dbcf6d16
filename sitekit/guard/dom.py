"""lxml 之上几个共用的小函数。

只挑有关的元素用 XPath：一页公式就有上万个元素，逐个在 Python 里看要慢十倍。
"""

from collections.abc import Iterator
from typing import cast

from lxml.html import HtmlElement


def select(root: HtmlElement, xpath: str) -> list[HtmlElement]:
    """XPath 选中的元素。"""
    return cast("list[HtmlElement]", root.xpath(xpath))


def values(root: HtmlElement, xpath: str) -> list[str]:
    """XPath 选中的属性值或文字。"""
    return cast("list[str]", root.xpath(xpath, smart_strings=False))


def elements(root: HtmlElement, *tags: str) -> Iterator[HtmlElement]:
    """`root` 与它的后代里这些标签的元素。"""
    return root.iter(*tags)


def classes(element: HtmlElement) -> frozenset[str]:
    """元素的各个 class。"""
    return frozenset(element.get("class", "").split())


def lineage(element: HtmlElement) -> Iterator[HtmlElement]:
    """元素自己，然后由近及远的各级祖先。"""
    yield element
    yield from element.iterancestors()
