"""比较两个构建工具的成品：同一份源文件，每一页正文应当一样。

正文是 `article` 里除去导航、标签和主题按钮的部分；搜索、标签的位置、页眉页脚属于主题，不比较。
"""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from urllib.parse import urljoin

import lxml.html
from lxml.html import HtmlElement

# 主题放进 article 的东西，不是正文。
_CHROME = (
    ".//nav | .//a[@id='__skip'] | .//*[contains(@class, 'md-content__button')]"
    " | .//aside[@class='md-source-file'] | .//script"
)
_COMPARED = ("id", "href", "src", "alt", "colspan", "rowspan", "scope", "data-claims", "data-q")
_SHOWN = 6


def article_text(html: str) -> list[str]:
    """正文化成一行一个的标签（带 id、链接与单元格属性）和文字，便于逐行比较。"""
    document = lxml.html.fromstring(html)
    articles: list[HtmlElement] = document.findall(".//article")
    lines: list[str] = []
    for article in articles:
        chrome: list[HtmlElement] = article.xpath(_CHROME)
        for element in chrome:
            element.drop_tree()
        lines += _lines(article)
    return lines


def differences(site_a: Path, site_b: Path) -> list[str]:
    """两份成品的全部差别：哪边缺哪一页，哪一页的正文从哪里开始不同。"""
    pages_a, pages_b = _pages(site_a), _pages(site_b)
    found = [f"{page}：只有 {site_a.name} 有这一页" for page in sorted(pages_a - pages_b)]
    found += [f"{page}：只有 {site_b.name} 有这一页" for page in sorted(pages_b - pages_a)]
    for page in sorted(pages_a & pages_b):
        a, b = (article_text((site / page).read_text(encoding="utf-8")) for site in (site_a, site_b))
        if a != b:
            changes = [
                line for line in unified_diff(a, b, n=0, lineterm="") if line[:3] not in ("---", "+++")
            ]
            found.append(f"{page}：正文不同\n" + "\n".join(changes[:_SHOWN]))
    return found


def _pages(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html"}


def _lines(element: HtmlElement) -> Iterator[str]:
    attributes = {name: element.get(name) for name in _COMPARED if name in element.attrib}
    if "href" in attributes:
        # 两者写法不同而去处相同：`#x` 与 `./#x`。
        attributes["href"] = urljoin("https://site.invalid/1/2/3/", attributes["href"])
    yield f"<{element.tag!s}" + "".join(f' {name}="{value}"' for name, value in attributes.items()) + ">"
    yield from _text(element.text, element)
    for child in element:
        if isinstance(child.tag, str):
            yield from _lines(child)
        yield from _text(child.tail, element)


def _text(text: str | None, inside: HtmlElement) -> Iterator[str]:
    """代码里的空白照原样，别处的连续空白算一个。"""
    text = text or ""
    if inside.tag not in ("pre", "code"):
        text = " ".join(text.split())
    if text.strip():
        yield text
