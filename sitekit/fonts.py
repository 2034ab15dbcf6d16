"""公式的字体：成品里只留全站的公式用到的字，有公式的页一打开就去取。

整套 Main 与 Math 两个文件压缩后 43 kB，一页公式用到的不过一百来个字；等样式表到了才知道要字体，字体来得晚，
公式就先用系统的字排一遍，再变一次宽窄，正文跟着跳。
"""

import re
from collections.abc import Iterator
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from lxml import etree, html

# 几乎每个公式都要的两个；别的（定界符、花体）要不要，看了才知道，不提前取。
_EAGER = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")
_STYLES = re.compile(rb'<link rel="stylesheet" href="([^"]*/)katex\.min\.css">')
_FORMULA = "//span[@class='katex-html']"


def trim(site: Path) -> None:
    """裁剪 `site` 里的公式字体，并在有公式的页里写上提前取的链接；没有公式的站不动。"""
    characters: set[str] = set()
    for path in sorted(site.rglob("*.html")):
        raw = path.read_bytes()
        found = set(_characters(raw))
        characters |= found
        if found:
            path.write_bytes(_STYLES.sub(_preload, raw, count=1))
    if characters:
        for font in sorted((site / "assets" / "katex" / "fonts").glob("*.woff2")):
            _subset(font, characters)


def _characters(raw: bytes) -> Iterator[str]:
    """一页的公式里的字。"""
    if b"katex-html" not in raw:
        return
    try:
        root = html.document_fromstring(raw, parser=html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:
        return
    for formula in root.xpath(_FORMULA):
        yield from formula.text_content()


def _preload(styles: re.Match[bytes]) -> bytes:
    """样式表的链接，前面加上字体的；字体总按跨站的方式取，不写 crossorigin 就要取两遍。"""
    folder = styles[1].decode()
    links = "".join(
        f'<link rel="preload" href="{folder}fonts/{name}.woff2" as="font" type="font/woff2" crossorigin>'
        for name in _EAGER
    )
    return links.encode() + styles[0]


def _subset(path: Path, characters: set[str]) -> None:
    # 不改修改时间：两次构建要逐字节相同。
    font = TTFont(path, recalcTimestamp=False)
    options = Options(flavor="woff2", hinting=False, name_IDs=[], layout_features=[])
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(path)
