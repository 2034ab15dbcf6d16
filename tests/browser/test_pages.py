"""每一页：手机上不必横向滚动；浅色深色都无障碍，折叠的答案展开了也一样；不违反策略。"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sitekit.paths import NODE_MODULES
from tests.browser.driver import IOU, LAY_OUT, Reader, pages

AXE = (NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
DESKTOP, PHONE = {"width": 1280, "height": 720}, {"width": 360, "height": 740}
UNFOLD = "document.querySelectorAll('article details').forEach((details) => { details.open = true; })"
# 主题藏起了整页的横向滚动条：看内容多宽，不看滚得动滚不动。
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
# 换配色由主题的脚本做，等它换好；颜色是渐变的，变到一半量出的对比度不算数。
NAMES = {"light": "default", "dark": "slate"}
SETTLED = "document.getAnimations().forEach((each) => each.finish())"
# 整页，不只正文。只有与颜色有关的规则随配色而变，深色里不必再查其余的。
RULES = {"light": "", "dark": "runOnly: ['color-contrast', 'link-in-text-block']"}


@pytest.fixture(scope="module")
def tourist(browser: Browser, addresses: dict[str, str]) -> Iterator[Reader]:
    """一页页看下去的读者；各页共用的脚本、样式与字体只取一次。"""
    reader = Reader(browser, addresses["mkdocs"])
    yield reader
    reader.context.close()


@pytest.fixture(scope="module", params=pages())
def visitor(request: pytest.FixtureRequest, tourist: Reader) -> Reader:
    """打开了一页的读者；开一页最费时间，所以一页只开一次，各项检查轮流看它。"""
    tourist.problems.clear()
    tourist.page.emulate_media(color_scheme="light")
    tourist.open(request.param)
    return tourist


def width(page: Page) -> int:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.evaluate(UNFOLD)
    page.evaluate(LAY_OUT)
    found: int = page.evaluate(WIDTH)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    return found


def violations(page: Page, scheme: str) -> list[str]:
    """axe-core 的全部规则在这种配色下的结果。"""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", NAMES[scheme])
    page.evaluate(UNFOLD)
    page.evaluate(LAY_OUT)
    page.evaluate(SETTLED)
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        f"axe.run(document, {{ resultTypes: ['violations'], {RULES[scheme]} }})"
    )
    assert found["passes"], "一条规则也没有查"
    return [f"{each['id']}：{node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


def test_no_page_breaks_the_policy(visitor: Reader) -> None:
    assert visitor.problems == []


def test_a_phone_needs_no_sideways_scrolling(visitor: Reader) -> None:
    assert width(visitor.page) == PHONE["width"]


@pytest.mark.parametrize("scheme", RULES)
def test_every_page_is_accessible(visitor: Reader, scheme: str) -> None:
    assert violations(visitor.page, scheme) == []


@pytest.mark.parametrize(
    "wide",
    [
        '<p style="width: 400px">宽</p>',
        f"<p style='white-space: nowrap'>{'宽' * 40}</p>",
        "<details><p style='width:50em'>宽</p></details>",
    ],
)
def test_what_is_too_wide_is_noticed(reader: Callable[..., Reader], wide: str) -> None:
    visitor = reader()
    visitor.alter(IOU, "</article>", f"{wide}</article>")
    assert width(visitor.open(IOU)) > PHONE["width"]


# 每处只坏在一种配色里：（配色，添上的，说出的规则）
BROKEN = {
    "图没有说明": ("light", '<img src="../../assets/images/favicon.png">', "image-alt"),
    "浅色里看不清": ("light", '<p style="color: #bbb">看不清的一句话</p>', "color-contrast"),
    "深色里看不清": ("dark", '<p style="color: #444">看不清的一句话</p>', "color-contrast"),
    "折叠着的": (
        "light",
        '<details><summary>问</summary><p style="color: #bbb">看不清的一句话</p></details>',
        "color-contrast",
    ),
    "正文之外": (
        "light",
        "</article><a href='#'><img src='../../assets/images/favicon.png' alt=''></a>",
        "link-name",
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_an_inaccessible_page_is_noticed(reader: Callable[..., Reader], damage: str) -> None:
    scheme, bad, rule = BROKEN[damage]
    visitor = reader()
    visitor.alter(IOU, "</article>", f"{bad}</article>")
    page = visitor.open(IOU)
    other = "dark" if scheme == "light" else "light"
    assert any(each.startswith(rule) for each in violations(page, scheme))
    if rule == "color-contrast":
        assert not violations(page, other)
