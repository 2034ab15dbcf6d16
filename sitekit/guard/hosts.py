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
    "button": ("formaction",),
    "embed": ("src",),
    "feimage": ("href", "xlink:href"),
    "form": ("action",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src",),
    "input": ("src", "formaction"),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
# Material 与 Zensical 的脚本里写着外站的地址，见到这些 class 才去取。
_FETCHED_BY_THEME = ("glightbox", "mermaid", "pyodide")
# 主题自己的脚本：除了上面几种情形，只在设了 repo_url 等选项时才向外站请求。
_THEME_SCRIPT = re.compile(r"assets/javascripts/(?:lunr/|(?:bundle|workers/search)\.[0-9a-f]{8}\.min\.js)")
# Pyodide 写着默认的下载地址，没有告诉它到哪里取时才用；计算器告诉了它，浏览器测试看着。
_PYODIDE = re.compile(r"assets/pyodide/pyodide[.\w]*\.mjs")
# 脚本与图里写死的地址；`//` 只在引号之后才是地址，别处是注释。
_WRITTEN = re.compile(r"""\bhttps?://[^\s"'`<>)]+|(?<=["'`])//[\w-]+\.[^\s"'`<>)]+""", re.IGNORECASE)
_NAMESPACES = "http://www.w3.org/"  # XML 的命名空间只是名字，不会去取
_REFRESH = re.compile(r"url\s*=\s*[\"']?([^\"']+)", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_URL = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE
)
_IMAGE_SET = re.compile(r"image-set\((?:[^()]|\([^()]*\))*\)", re.IGNORECASE)
_STRING = re.compile(r"""(?:url|type)\([^()]*\)|"([^"]*)"|'([^']*)'""", re.IGNORECASE)


def css_references(css: str) -> Iterator[str]:
    """一段 CSS 引用的地址；`data:` 也在内。"""
    css = _COMMENT.sub("", css)
    for match in _CSS_URL.finditer(css):
        yield next(group for group in match.groups() if group is not None)
    for images in _IMAGE_SET.findall(css):  # 里面的地址可以只写成字符串
        yield from ("".join(quoted) for quoted in _STRING.findall(images) if any(quoted))


def loaded(page: Page) -> Iterator[str]:
    """一页里浏览器不等人点就会取的地址，和表单交去的地址，照原样。"""
    for element in elements(page.root, *_SOURCES, "link", "meta"):
        yield from _attributes(element)
    # 不只 style：fill、mask 等图形属性里的 url() 也会去取。
    for css in values(page.root, "//style/text() | //@*[contains(., 'url(') or contains(., 'image-set(')]"):
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
    if tag == "meta" and element.get("http-equiv", "").lower() == "refresh":
        yield from _REFRESH.findall(element.get("content", ""))


def _candidates(srcset: str) -> Iterator[str]:
    """`srcset` 里的各个地址：逗号分隔，地址后面可以带宽度。"""
    return (candidate.split()[0] for candidate in srcset.split(",") if candidate.strip())


def foreign(page: Page, address: Address) -> Iterator[str]:
    """读一页时会向别站发出的请求。"""
    for reference in loaded(page):
        if address.is_foreign(page.path, reference):
            yield reference
    for script in values(page.root, "//script/text()"):
        yield from foreign_script(page.path, script, address)
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


def foreign_script(path: str, text: str, address: Address) -> Iterator[str]:
    """一段脚本、数据或一个 SVG 文件里写着的别站的地址；主题自己的脚本除外。"""
    if _THEME_SCRIPT.match(path) or _PYODIDE.match(path):
        return
    for found in _WRITTEN.finditer(text.replace("\\/", "/")):
        if not found[0].startswith(_NAMESPACES) and address.is_foreign(path, found[0]):
            yield found[0]
