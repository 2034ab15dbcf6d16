"""计算器：浏览器里的 Python 与这里的库算出同样的账。"""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from dlnotes.arch import ledger, zoo
from tests.browser.driver import Reader

PAGE = "calculator/"
FORM = "dlnotes-calculator"
PATIENCE = 60_000  # 取约 12 MB（解压之后）并启动 Python，毫秒


def run(page: Page, answer: str) -> None:
    """按“计算”，等到答复里有 `answer`。"""
    page.locator(f"{FORM} button").click(timeout=5000)
    expect(page.locator(f"{FORM} [role=status]")).to_contain_text(answer, timeout=PATIENCE)


def cells(page: Page) -> list[list[str]]:
    rows = page.locator(f"{FORM} tbody tr").all()
    return [row.locator("td").all_text_contents() for row in rows]


def test_a_chosen_network_is_calculated(reader: Callable[..., Reader]) -> None:
    visitor, book = reader(), ledger(zoo.load("alexnet"))
    page = visitor.open(PAGE)
    page.locator(f"{FORM} select").select_option("alexnet")
    run(page, f"参数 {book.params:,} 个，乘加 {book.macs:,} 次")
    found = cells(page)
    assert [row[0] for row in found] == [row.name for row in book.rows]
    assert found[0] == ["conv1", "Conv2d", "64×55×55", "23,296", "70,276,800", "11×11", "4×4", "(-2, -2)"]
    assert found[-1][5] == "all"
    assert visitor.problems == []


def test_the_address_keeps_the_input(reader: Callable[..., Reader]) -> None:
    text = "input = (1, 28, 28)\nConv2d(6, (1, 5))  # 只看一行\n"
    visitor = reader()
    page = visitor.open(f"{PAGE}?net={quote(text)}")
    assert page.locator(f"{FORM} textarea").input_value() == text
    run(page, "参数 36 个")
    assert cells(page)[0][5] == "1×5"
    page.locator(f"{FORM} textarea").fill("input = (1, 28, 28)\nConv2d(7, 3)")
    run(page, "参数 70 个")
    page.reload(wait_until="networkidle")
    assert page.locator(f"{FORM} textarea").input_value() == "input = (1, 28, 28)\nConv2d(7, 3)"
    assert visitor.problems == []


def test_a_mistake_gets_the_message_of_the_library(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open(PAGE)
    page.locator(f"{FORM} textarea").fill("input = (3, 8, 8)\nConv3(8, 3)\n<img src=x>")
    run(page, "`第 3 行` 应为名字 = 层(参数)")
    page.locator(f"{FORM} textarea").fill("input = (3, 8, 8)\nConv2d(8, 9)")
    run(page, "窗口 9×9 大于到达它的 8×8")
    assert not page.locator(f"{FORM} table").is_visible()
    page.locator(f"{FORM} textarea").fill("input = (3, 8, 8)\nConv2d(8, 3)")
    run(page, "参数 224 个")
    assert visitor.problems == []


def test_it_works_after_instant_navigation(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open("")
    page.evaluate("window.kept = true")
    page.locator(f'nav a[href*="{PAGE}"]').first.click()
    page.wait_for_url(f"**/{PAGE}**")
    run(page, "参数 41,418 个")
    assert page.evaluate("window.kept === true")
    assert visitor.problems == []


def test_what_cannot_be_fetched_is_said(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open(PAGE)
    visitor.context.route("**/*.wasm", lambda route: route.abort())
    run(page, "请检查网络后再按一次")
    visitor.context.unroute("**/*.wasm")
    run(page, "参数 41,418 个")


def test_without_scripts_there_is_an_example_and_the_command(reader: Callable[..., Reader]) -> None:
    page = reader(java_script_enabled=False).open(PAGE)
    assert not page.locator(FORM).is_visible()
    assert "dlnotes show alexnet" in (page.locator("main article").text_content() or "")


@pytest.mark.parametrize("part", ["calculator-worker.mjs", "pyodide/dlnotes.zip"])
def test_a_missing_part_is_noticed(reader: Callable[..., Reader], part: str) -> None:
    visitor = reader()
    page = visitor.open(PAGE)
    visitor.context.route(f"**/{part}", lambda route: route.fulfill(status=404, body=""))
    run(page, "请检查网络后再按一次")
