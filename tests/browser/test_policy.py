"""不违反内容安全策略，不向别的主机要东西：Zensical 的各页，与改坏的页。MkDocs 的各页见 test_pages。"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.driver import IOU, Reader, pages

POLICY = '<meta http-equiv="Content-Security-Policy"'


@pytest.fixture(scope="module")
def tourist(browser: Browser, addresses: dict[str, str]) -> Iterator[Reader]:
    reader = Reader(browser, addresses["zensical"])
    yield reader
    reader.context.close()


@pytest.mark.parametrize("path", pages())
def test_no_page_of_zensical_breaks_the_policy(tourist: Reader, path: str) -> None:
    tourist.problems.clear()
    tourist.open(path)
    assert tourist.problems == []


# 名称：（原来的写法，改坏的写法，说出的问题）
BROKEN = {
    "没有列出的脚本": ("</head>", "<script>x = 1</script></head>", "Content Security Policy"),
    "主题的脚本改过": ("var palette=", "var palette =", "Content Security Policy"),
    "别站的脚本": (
        "</head>",
        '<script src="http://localhost/a.js"></script></head>',
        "Content Security Policy",
    ),
    "别站的图": (
        "</head>",
        '<link rel="icon" href="http://localhost/a.png"></head>',
        "Content Security Policy",
    ),
    "没有策略时别站的图": (
        POLICY,
        '<img src="http://localhost/a.png"><meta name="x"',
        "别的主机：http://localhost/",
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_violation_is_noticed(reader: Callable[..., Reader], damage: str) -> None:
    old, new, problem = BROKEN[damage]
    visitor = reader()
    visitor.alter(IOU, old, new)
    visitor.open(IOU)
    assert any(problem in each for each in visitor.problems), visitor.problems
