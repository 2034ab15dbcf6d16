"""要看整个站才能判断的规则：链接、锚点、资源、重复的描述。"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from sitekit.guard.address import Address, Target
from sitekit.guard.dom import values
from sitekit.guard.hosts import css_references, loaded
from sitekit.guard.page import Page

_LOCAL_URL = re.compile(r"url\(\s*[\"']?#([^)\"']+)[\"']?\s*\)")
# 空片段和 `#top` 按 HTML 标准总是指页首；`:~:` 起头的是浏览器自己的文字定位。
_TOP = frozenset({"", "top"})


@dataclass(frozen=True)
class Site:
    """读进来的整个站。"""

    root: Path
    address: Address
    pages: dict[str, Page]

    @cached_property
    def files(self) -> frozenset[str]:
        """所有文件的相对路径；逐字比较，所以大小写不同就是没有，与多数服务器一致。"""
        return frozenset(
            path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()
        )

    def find(self, target: Target) -> str | None:
        """去处的文件；文件夹取其中的 `index.html`。"""
        folder = target.path.rstrip("/")
        candidates = (target.path, f"{folder}/index.html".lstrip("/"))
        return next((path for path in candidates if path in self.files), None)


def broken_links(site: Site, page: Page) -> Iterator[str]:
    """指向站内却没有那一页或那个锚点的链接。"""
    for reference in dict.fromkeys(values(page.root, "//a/@href | //area/@href")):
        if reason := _broken(site, page.path, reference):
            yield f"{reference}：{reason}"


def broken_assets(site: Site, page: Page) -> Iterator[str]:
    """页面要取、站里却没有的图、样式、脚本。"""
    for reference in dict.fromkeys(loaded(page)):
        if reference and (reason := _broken(site, page.path, reference)):
            yield f"{reference}：{reason}"


def broken_css(site: Site, path: str, css: str) -> Iterator[str]:
    """样式表要取、站里却没有的文件。"""
    for reference in css_references(css):
        if reason := _broken(site, path, reference):
            yield f"{reference}：{reason}"


def broken_references(page: Page) -> Iterator[str]:
    """图里用 `url(#…)` 或 `aria-labelledby`、`aria-describedby` 引用了没有的 id：浏览器不报错，只是画错。"""
    wanted = [
        name
        for value in values(page.root, "//@aria-labelledby | //@aria-describedby")
        for name in value.split()
    ]
    for value in values(page.root, "//@*[contains(., 'url(')]"):
        wanted += _LOCAL_URL.findall(value)
    yield from (f"没有 id “{name}”" for name in dict.fromkeys(wanted) if name not in page.anchors)


def same_descriptions(site: Site) -> Iterator[tuple[str, str]]:
    """两页以上共用的描述：多半是漏写而落到了全站的默认值。"""
    users = defaultdict(list)
    for path, page in sorted(site.pages.items()):
        if page.description:
            users[page.description].append(path)
    for first, *others in users.values():
        for path in others:
            yield path, f"与 {first} 的 description 相同"


def _broken(site: Site, path: str, reference: str) -> str | None:
    """引用坏在哪里；好的、别站的、不是地址的为 `None`。"""
    url = site.address.resolve(path, reference)
    if url is None:
        return "不是合法的地址"
    if urlsplit(url).scheme not in {"http", "https"}:
        return None
    target = site.address.target(url)
    if target is None:
        return None if urlsplit(reference).netloc else "指到了站外的路径"
    found = site.find(target)
    if found is None:
        return f"没有 {target.path or 'index.html'}"
    return _missing_anchor(site, found, target.fragment)


def _missing_anchor(site: Site, path: str, fragment: str) -> str | None:
    page = site.pages.get(path)
    fragment = fragment.partition(":~:")[0]
    if page is None or fragment in _TOP or fragment in page.anchors:
        return None
    return f"{path} 里没有锚点 #{fragment}"
