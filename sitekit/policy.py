"""内容安全策略：构建之后写进每一页，浏览器只运行本站的脚本和主题写在页里的那几段。

即时导航换页时不重新加载，先打开的那一页的策略管着后面各页的脚本：所以全站各页的散列合在一起，
每一页写的都一样。
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree, html
from lxml.html import HtmlElement

# 这几种脚本只是数据，浏览器不执行。
_DATA = frozenset({"application/json", "application/ld+json"})
_WRITTEN = re.compile(rb'<meta http-equiv="Content-Security-Policy"[^>]*>')
# 编码须在开头的 1024 字节之内声明，所以排在它后面；又要排在一切样式与脚本之前，才管得着它们。
_PLACE = re.compile(rb"<head(?:\s[^>]*)?>\s*(?:<meta charset=[^>]*>)?", re.IGNORECASE)


def protect(site: Path) -> None:
    """给 `site` 里的每一页写上策略；已有的换掉，没有 `head` 的页不动，留给成品检查去报。"""
    pages = {path: path.read_bytes() for path in sorted(site.rglob("*.html"))}
    allowed = {digest for raw in pages.values() for root in _parsed(raw) for digest in script_hashes(root)}
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(allowed)}">'.encode()
    for path, raw in pages.items():
        path.write_bytes(_PLACE.sub(lambda place: place[0] + meta, _WRITTEN.sub(b"", raw), count=1))


def policy(hashes: Iterable[str]) -> str:
    """策略的全文；`hashes` 是允许执行的页内脚本的散列。"""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *(f"'{digest}'" for digest in sorted(hashes)))),
            # 公式的位置、图的颜色都写在 style 属性里。
            "style-src 'self' 'unsafe-inline'",
            # 主题的图标是样式表里的 data: 图。
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
        )
    )


def script_hashes(root: HtmlElement) -> Iterator[str]:
    """一页里写在页内、会执行的各段脚本的散列，照策略里的写法。"""
    for script in root.iter("script"):
        if script.get("src") is None and script.get("type", "").strip().lower() not in _DATA:
            digest = hashlib.sha256((script.text or "").encode()).digest()
            yield f"sha256-{b64encode(digest).decode()}"


def _parsed(raw: bytes) -> Iterator[HtmlElement]:
    """解析不了的页没有脚本可言。"""
    try:
        yield html.document_fromstring(raw, parser=html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:
        return
