"""检查建好的站，不管是谁建的。

严格构建漏得掉的事不少：代码块里 `sys.exit(0)` 让整个站没有一页而返回 0，
Zensical 把异常的追溯信息写在页面上而返回 0。所以最后读一遍成品。
每条规则都有一个反例测试：它必须拒绝的一页。
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sitekit.guard.address import Address
from sitekit.guard.hosts import foreign, foreign_css, foreign_script
from sitekit.guard.links import (
    Site,
    broken_assets,
    broken_css,
    broken_links,
    broken_references,
    same_descriptions,
)
from sitekit.guard.page import Page, Problem, load
from sitekit.guard.policy import bad_policy, inline_hashes
from sitekit.guard.rules import ARTICLE_RULES, duplicate_ids

__all__ = ["Problem", "check_site", "report"]

# 出错页由主题写成：没有正文，不在导航里。它的链接、id、外站引用照样检查。
_NOT_FOUND = "404.html"


@dataclass(frozen=True)
class _Checker:
    site: Site
    max_bytes: int

    @cached_property
    def hashes(self) -> frozenset[str]:
        return inline_hashes(self.site.pages.values())

    def run(self) -> Iterator[Problem]:
        for page in self.site.pages.values():
            for rule, detail in self._page(page):
                yield Problem(page.path, rule, detail)
        for path, detail in same_descriptions(self.site):
            yield Problem(path, "描述", detail)
        for path in self.site.files:
            if path.endswith(".css"):
                yield from self._stylesheet(path)
            if path.endswith((".js", ".mjs", ".svg")):
                for detail in foreign_script(path, self._text(path), self.site.address):
                    yield Problem(path, "外站", detail)

    def _page(self, page: Page) -> Iterator[tuple[str, str]]:
        every: dict[str, Iterable[str]] = {
            "重复的 id": duplicate_ids(page),
            "外站": foreign(page, self.site.address),
            "链接": broken_links(self.site, page),
            "资源": broken_assets(self.site, page),
            "引用": broken_references(page),
            "策略": bad_policy(page, self.hashes),
        }
        if page.path != _NOT_FOUND:
            every |= self._content(page)
        for rule, details in every.items():
            yield from ((rule, detail) for detail in details)

    def _content(self, page: Page) -> dict[str, Iterable[str]]:
        if page.article is None:
            return {"正文": ["没有 main 里的 article"]}
        heavy = [f"{page.size:,} 字节，上限 {self.max_bytes:,}"] if page.size > self.max_bytes else []
        return {"大小": heavy} | {name: rule(page) for name, rule in ARTICLE_RULES.items()}

    def _stylesheet(self, path: str) -> Iterator[Problem]:
        css = self._text(path)
        for detail in foreign_css(path, css, self.site.address):
            yield Problem(path, "外站", detail)
        for detail in broken_css(self.site, path, css):
            yield Problem(path, "资源", detail)

    def _text(self, path: str) -> str:
        return (self.site.root / path).read_text(encoding="utf-8", errors="replace")


def check_site(
    site: Path, *, expected_pages: int | Iterable[str], base_url: str, max_bytes: int = 450_000
) -> list[Problem]:
    """检查 `site` 文件夹，返回全部问题（按页排好），没有问题时为空。

    Args:
        site: 建好的站点文件夹；不存在也只是一个问题。
        expected_pages: 应有的页，如 `{"index.html", "practice/iou/index.html"}`，或页数；不算 `404.html`。
        base_url: 站点的公开地址（`site_url`）；以它开头的链接也算站内。
        max_bytes: 一页 HTML 的字节数上限。
    """
    paths = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    if not paths:
        return [Problem(".", "页面集合", f"{site.name} 里没有任何页面")]
    loaded = [load(site, path) for path in paths]
    pages = {page.path: page for page in loaded if isinstance(page, Page)}
    problems = [page for page in loaded if isinstance(page, Problem)]
    problems += _page_set(set(paths) - {_NOT_FOUND}, expected_pages)
    problems += _Checker(Site(site, Address(base_url.rstrip("/") + "/"), pages), max_bytes).run()
    return sorted(problems)


def report(problems: Iterable[Problem]) -> str:
    """一处问题一行：哪一页、哪条规则、怎么回事；同样的合成一行。"""
    lines = Counter(f"{problem.page}：{problem.rule}：{problem.detail}" for problem in problems)
    return "\n".join(line if count == 1 else f"{line}（{count} 处）" for line, count in lines.items())


def _page_set(found: set[str], expected: int | Iterable[str]) -> Iterator[Problem]:
    if isinstance(expected, int):
        if len(found) != expected:
            yield Problem(".", "页面集合", f"有 {len(found)} 页，应有 {expected} 页")
        return
    wanted = set(expected)
    yield from (Problem(path, "页面集合", "应有这一页，却没有") for path in wanted - found)
    yield from (Problem(path, "页面集合", "多出的页，不在导航里") for path in found - wanted)
