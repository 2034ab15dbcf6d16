"""浏览器读一页时会取的地址，和其中指向别站的。"""

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from sitekit.guard.address import Address
from sitekit.guard.dom import elements, values
from sitekit.guard.page import Page

# 这些 `<link>` 只是声明，浏览器不去取；不认识的关系一律当作会取。
_DECLARATIVE = frozenset(
    {"alternate", "author", "canonical", "edit", "help", "license", "next", "prev", "search"}
)
_SOURCES: dict[str, tuple[str, ...]] = {
    "audio": ("src",),
    "embed": ("src",),
    "feimage": ("href", "xlink:href"),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src",),
    "input": ("src",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
# Material 与 Zensical 的脚本里写着外站的地址，见到这些 class 才去取。
_FETCHED_BY_THEME = ("glightbox", "mermaid", "pyodide")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_URL = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE
)


def css_references(css: str) -> Iterator[str]:
    """一段 CSS 引用的地址；`data:` 也在内。"""
    for match in _CSS_URL.finditer(_COMMENT.sub("", css)):
        yield next(group for group in match.groups() if group is not None)


def loaded(page: Page) -> Iterator[str]:
    """一页里浏览器不等人点就会取的地址，照原样。"""
    for element in elements(page.root, *_SOURCES, "link"):
        yield from _attributes(element)
    # 不只 style：fill、mask 等图形属性里的 url() 也会去取。
    for css in values(page.root, "//style/text() | //@*[contains(., 'url(')]"):
        yield from (reference for reference in css_references(css) if not reference.startswith("#"))


def _attributes(element: HtmlElement) -> Iterator[str]:
    tag = str(element.tag)
    for name in _SOURCES.get(tag, ()):
        if value := element.get(name):
            yield value
    if tag in {"img", "source"}:
        yield from _candidates(element.get("srcset", ""))
    if tag == "link" and not set(element.get("rel", "").split()) <= _DECLARATIVE:
        yield element.get("href", "")
        yield from _candidates(element.get("imagesrcset", ""))


def _candidates(srcset: str) -> Iterator[str]:
    """`srcset` 里的各个地址：逗号分隔，地址后面可以带宽度。"""
    return (candidate.split()[0] for candidate in srcset.split(",") if candidate.strip())


def foreign(page: Page, address: Address) -> Iterator[str]:
    """读一页时会向别站发出的请求。"""
    for reference in loaded(page):
        if address.is_foreign(page.path, reference):
            yield reference
    for element in elements(page.root, "base"):
        yield f"<base href=“{element.get('href', '')}”> 会改变页上每个地址的意思"
    for element in elements(page.root, "iframe"):
        if element.get("srcdoc") is not None:
            yield "<iframe srcdoc> 里的地址没有检查"
    for element in page.marked(*_FETCHED_BY_THEME):
        yield f"主题的脚本见到 class=“{element.get('class')}” 就从外站取程序"


def foreign_css(path: str, css: str, address: Address) -> Iterator[str]:
    """一个样式表会向别站发出的请求。"""
    for reference in css_references(css):
        if address.is_foreign(path, reference):
            yield reference
