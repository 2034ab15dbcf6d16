"""内容安全策略的规则：每一页都有，管得着全页，也放得过主题写在任何一页里的脚本。"""

from collections.abc import Iterable, Iterator

from lxml.html import HtmlElement

from sitekit.guard.dom import select, values
from sitekit.guard.page import Page
from sitekit.policy import policy, script_hashes

_XPATH = "//meta[translate(@http-equiv, 'CENOPRSTUILY', 'cenoprstuily')='content-security-policy']"
_EARLIER = "preceding::script | preceding::style | preceding::link"


def inline_hashes(pages: Iterable[Page]) -> frozenset[str]:
    """全站各页页内脚本的散列：即时导航换页之后，先打开的那一页的策略管着后面各页。"""
    return frozenset(digest for page in pages for digest in script_hashes(page.root))


def bad_policy(page: Page, hashes: frozenset[str]) -> Iterator[str]:
    """一页的策略哪里不对，和策略会拦下的写法。"""
    written = select(page.root, _XPATH)
    if len(written) != 1:
        yield f"有 {len(written)} 个内容安全策略，应有 1 个"
    for meta in written:
        yield from _differences(meta, hashes)
    for handler in values(page.root, "//@*[starts-with(name(), 'on')]"):
        yield f"写在属性里的脚本“{handler}”不会执行"


def _differences(meta: HtmlElement, hashes: frozenset[str]) -> Iterator[str]:
    found, expected = _directives(meta.get("content", "")), _directives(policy(hashes))
    for name in sorted(found.keys() | expected.keys()):
        if extra := found.get(name, frozenset()) - expected.get(name, frozenset()):
            yield f"{name} 多了 {' '.join(sorted(extra))}"
        if missing := expected.get(name, frozenset()) - found.get(name, frozenset()):
            yield f"{name} 少了 {' '.join(sorted(missing))}"
    if not select(meta, "parent::head") or select(meta, _EARLIER):
        yield "没有排在一切样式与脚本之前"


def _directives(text: str) -> dict[str, frozenset[str]]:
    split = (directive.split() for directive in text.split(";"))
    return {name: frozenset(sources) for name, *sources in filter(None, split)}
