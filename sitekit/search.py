"""整理 Material 的搜索索引：公式只留一份 TeX，命中以问题而不是「详解」为标题。

用 Material 自己的 `SearchIndex` 重建各条目（分词、分节都是它的），只是喂给它的正文先清理过。
"""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jieba  # type: ignore[import-untyped]
import lxml.html
from lxml.html import HtmlElement
from material.plugins.search.plugin import SearchIndex  # type: ignore[import-untyped]

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


class Cleaned(NamedTuple):
    """清理过的正文，和不再自成一节的标题的 id。"""

    html: str
    demoted: frozenset[str]


def rebuild(site: Path) -> None:
    """就地重建 `site/search/search_index.json`；配置、标签、权重与原来相同。"""
    path = site / "search" / "search_index.json"
    old = json.loads(path.read_text(encoding="utf-8"))
    jieba.setLogLevel(logging.WARNING)
    index = SearchIndex(**old["config"])
    gone: set[str] = set()
    for url, entries in _by_page(old["docs"]).items():
        cleaned = clean(_article(site, url))
        gone.update(f"{url}#{heading}" for heading in cleaned.demoted)
        index.add_entry_from_context(_page(url, cleaned.html, entries[0]))
    _check_same_places({entry["location"] for entry in old["docs"]} - gone, index.entries)
    path.write_text(index.generate_search_index(None), encoding="utf-8")


def clean(article: HtmlElement) -> Cleaned:
    """清理一页的正文；就地改动 `article`。"""
    for element in _select(article, _DROPPED):
        element.drop_tree()
    for katex in _select(article, ".//*[@class='katex']"):
        _replace_by_text(katex, f" {_tex(katex)} ")
    demoted = []
    for heading in _inside_questions(article):
        demoted.append(heading.attrib.pop("id"))
        heading.tag = "p"
    html = "".join(lxml.html.tostring(child, encoding="unicode") for child in article)
    return Cleaned(html, frozenset(demoted))


def _inside_questions(article: HtmlElement) -> list[HtmlElement]:
    """问题之下的各级标题，以及别处的「详解」等部分。"""
    question, found = False, []
    for heading in _select(article, ".//*[self::h1 or self::h2 or self::h3 or self::h4 or self::h5][@id]"):
        if heading.tag in ("h1", "h2"):
            question = "data-q" in heading.attrib
        elif question or _PART_ID.search(heading.attrib["id"]):
            found.append(heading)
    return found


def _article(site: Path, url: str) -> HtmlElement:
    file = site / url if url.endswith(".html") else site / url / "index.html"
    (article,) = _select(lxml.html.fromstring(file.read_text(encoding="utf-8")), ".//article")
    return article


def _page(url: str, content: str, first: dict[str, Any]) -> SimpleNamespace:
    """Material 的 `SearchIndex` 所需的页面：只有它读的那几个属性，取自原来的第一个条目。"""
    meta: dict[str, Any] = {"search": {"boost": first["boost"]}} if "boost" in first else {}
    if "tags" in first:
        meta["tags"] = first["tags"]
    # 原索引的标题已分过词，去掉零宽空格才不会分两遍。
    title = first["title"].replace("\u200b", "")
    return SimpleNamespace(content=content, toc=[], url=url, meta=meta, title=title)


def _by_page(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    pages: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        pages.setdefault(entry["location"].partition("#")[0], []).append(entry)
    return pages


def _check_same_places(expected: set[str], entries: list[dict[str, Any]]) -> None:
    """除了并入问题的标题，重建前后的位置应当一样；不一样说明主题的写法变了。"""
    found = {entry["location"] for entry in entries}
    if expected != found:
        raise RuntimeError(
            f"重建后的搜索索引与原来的位置不同：{sorted(expected ^ found)[:5]}；请核对 sitekit/search.py。"
        )


def _select(element: HtmlElement, path: str) -> list[HtmlElement]:
    return list(_elements(element.xpath(path)))


def _elements(found: Any) -> Iterator[HtmlElement]:
    yield from found


def _tex(katex: HtmlElement) -> str:
    return "".join(katex.xpath(".//*[local-name()='annotation']//text()"))


def _replace_by_text(element: HtmlElement, text: str) -> None:
    element.tail = text + (element.tail or "")
    element.drop_tree()
