"""手册的总表：点表头排序，换页之后也行，键盘也行。"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from dlnotes.arch import ledger, zoo
from sitekit import manual
from tests.browser.driver import Reader

TABLE = "dlnotes-sortable"
PAGE = "zoo/"


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(f"{TABLE} tbody tr td:first-child").all_text_contents()]


def sort(page: Page, title: str) -> None:
    page.locator(f"{TABLE} th button", has_text=title).click()


def direction(page: Page, title: str) -> str | None:
    return page.locator(f"{TABLE} th", has_text=title).get_attribute("aria-sort")


@pytest.mark.parametrize(("title", "key"), [("参数量", "params"), ("乘加数", "macs")])
def test_a_click_sorts_by_number_and_another_reverses(
    reader: Callable[..., Reader], title: str, key: str
) -> None:
    visitor = reader()
    page = visitor.open(PAGE)
    sort(page, title)
    counts = [getattr(ledger(zoo.load(name)), key) for name in names(page)]
    assert counts == sorted(counts)
    assert len(counts) == len(zoo.names())
    assert direction(page, title) == "ascending"
    sort(page, title)
    counts = [getattr(ledger(zoo.load(name)), key) for name in names(page)]
    assert counts == sorted(counts, reverse=True)
    assert direction(page, title) == "descending"
    sort(page, "网络")
    assert names(page) == sorted(zoo.names())
    assert direction(page, title) is None
    assert visitor.problems == []


def test_the_keyboard_sorts_too(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open(PAGE)
    page.locator(f"{TABLE} th button", has_text="网络").focus()
    page.keyboard.press("Enter")
    assert names(page) == sorted(zoo.names())


def test_it_sorts_after_instant_navigation(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open("basics/receptive-field/")
    page.evaluate("window.kept = true")
    page.locator("article a", has_text="网络手册").first.click()
    page.locator(TABLE).wait_for()
    sort(page, "网络")
    assert names(page) == sorted(zoo.names())
    assert page.evaluate("window.kept")
    assert visitor.problems == []


def test_without_javascript_the_table_is_sorted_by_year(reader: Callable[..., Reader]) -> None:
    page = reader(java_script_enabled=False).open(PAGE)
    assert names(page) == [entry.network for entry in manual.entries()]
    assert page.locator(f"{TABLE} button").count() == 0
