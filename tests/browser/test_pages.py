"""每一页：手机上不必横向滚动；浅色深色都无障碍，折叠的答案展开了也一样。"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from sitekit.paths import NODE_MODULES
from tests.browser.driver import IOU, Reader, pages

AXE = (NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
PHONE = {"width": 360, "height": 740}
UNFOLD = "document.querySelectorAll('article details').forEach((details) => { details.open = true; })"
# 主题藏起了整页的横向滚动条：看内容多宽，不看滚得动滚不动。
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
RUN_AXE = "axe.run(document, { resultTypes: ['violations'] })"


def width(page: Page) -> int:
    page.evaluate(UNFOLD)
    found: int = page.evaluate(WIDTH)
    return found


def violations(page: Page) -> list[str]:
    """axe-core 的全部规则，整页，不只正文。"""
    page.evaluate(UNFOLD)
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(RUN_AXE)
    return [f"{each['id']}：{node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("path", pages())
def test_a_phone_needs_no_sideways_scrolling(reader: Callable[..., Reader], path: str) -> None:
    assert width(reader(viewport=PHONE).open(path)) == PHONE["width"]


@pytest.mark.parametrize(
    "wide",
    [
        '<p style="width: 400px">宽</p>',
        f"<p style='white-space: nowrap'>{'宽' * 40}</p>",
        "<details><p style='width:50em'>宽</p></details>",
    ],
)
def test_what_is_too_wide_is_noticed(reader: Callable[..., Reader], wide: str) -> None:
    visitor = reader(viewport=PHONE)
    visitor.alter(IOU, "</article>", f"{wide}</article>")
    assert width(visitor.open(IOU)) > PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", pages())
def test_every_page_is_accessible(reader: Callable[..., Reader], path: str, scheme: str) -> None:
    assert violations(reader(color_scheme=scheme).open(path)) == []


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
    visitor = reader(color_scheme=scheme)
    visitor.alter(IOU, "</article>", f"{bad}</article>")
    assert any(each.startswith(rule) for each in violations(visitor.open(IOU)))
