"""读者会做的事：搜索、换页、换明暗、展开答案、复制代码。"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Timeout

from tests.browser.driver import FIELD, IOU, LAY_OUT, Reader

SEARCH_INDEX = "search/search_index.json"
SCHEME = "document.body.dataset.mdColorScheme"


def hits(page: Page, query: str) -> list[str]:
    """键入一个词，列出命中的地址。"""
    box = page.locator(".md-search__input")
    box.click()
    box.press_sequentially(query)
    box.press("End")  # 程序键入汉字不产生 keyup，主题等的是它
    expect(page.locator(".md-search-result__meta")).to_contain_text("结果")
    links = page.locator(".md-search-result__link")
    return [str(link.get_attribute("href")) for link in links.all()]


@pytest.mark.parametrize(("query", "path"), {"感受野": FIELD, "交并比": IOU, "非极大值抑制": IOU}.items())
def test_a_chinese_query_leads_to_the_page(reader: Callable[..., Reader], query: str, path: str) -> None:
    visitor = reader()
    page = visitor.open("")
    assert path in hits(page, query)[0]
    page.locator(".md-search-result__link").first.click()
    page.wait_for_url(f"**/{path}**")
    # 网址先变，正文后换：等到不再是首页的标题。
    expect(page.locator("main article h1")).not_to_contain_text("深度学习问答")
    expect(page.locator("main article")).to_contain_text(query)
    assert visitor.problems == []


def test_enter_opens_a_hit(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    page = visitor.open("")
    assert hits(page, "感受野")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{FIELD}**")
    assert visitor.problems == []


def test_the_share_link_does_not_break_the_policy(reader: Callable[..., Reader]) -> None:
    """它的地址是 `javascript:`，主题若不拦下点击，策略就会拦。"""
    visitor = reader()
    page = visitor.open("")
    assert hits(page, "感受野")
    page.locator("[data-md-component=search-share]").click()
    page.wait_for_load_state("networkidle")
    assert visitor.problems == []


def test_an_empty_index_finds_nothing(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    visitor.alter(SEARCH_INDEX, '"docs":[', '"docs":[],"gone":[')
    assert hits(visitor.open(""), "感受野") == []


def indexes(visitor: Reader, path: str) -> list[str]:
    """打开一页之后取过的索引；以后再取，也记在这里。"""
    fetched: list[str] = []
    visitor.context.on("request", lambda each: SEARCH_INDEX in each.url and fetched.append(each.url))
    visitor.open(path)
    return fetched


def test_the_index_is_fetched_when_the_reader_comes_to_search(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    fetched = indexes(visitor, IOU)
    assert fetched == []
    visitor.page.keyboard.press("/")  # 主题的快捷键，与点搜索框一样
    visitor.page.wait_for_load_state("networkidle")
    assert len(fetched) == 1
    assert any(FIELD in hit for hit in hits(visitor.page, "感受野"))
    assert len(fetched) == 1


def test_a_phone_fetches_the_index_when_the_glass_is_tapped(reader: Callable[..., Reader]) -> None:
    visitor = reader(viewport={"width": 360, "height": 740}, has_touch=True)
    fetched = indexes(visitor, "")
    assert fetched == []
    visitor.page.locator("label.md-header__button[for=__search]").tap()
    assert any(FIELD in hit for hit in hits(visitor.page, "感受野"))
    assert len(fetched) == 1


@pytest.mark.parametrize("query", ["?q=感受野", "?h=感受野"])
def test_a_link_that_came_from_a_search_needs_it_at_once(reader: Callable[..., Reader], query: str) -> None:
    visitor = reader()
    assert len(indexes(visitor, FIELD + query)) == 1
    found = ".md-search-result__link" if "q" in query else "article mark"
    visitor.page.locator(found).first.wait_for(state="attached")


# 正文里有什么，画出来多大：换页之后与直接打开时应当一样。
CONTENT = """() => {
  const boxes = [...document.querySelectorAll("article :is(.katex, figure svg, details.claims)")];
  return {
    text: document.querySelector("main article").innerText,
    sizes: boxes.map((box) => box.getBoundingClientRect()).map((box) => [box.width, box.height]),
    named: document.querySelectorAll(".md-code__nav[aria-label]").length,
    fonts: [...document.fonts].filter((font) => font.status == "loaded").map((font) => font.family).sort(),
  };
}"""


def content(page: Page) -> dict[str, object]:
    page.wait_for_load_state("networkidle")
    page.evaluate(LAY_OUT)
    page.evaluate("document.fonts.ready.then(() => null)")
    found: dict[str, object] = page.evaluate(CONTENT)
    return found


def follow(page: Page, path: str) -> bool:
    """点首页上通向 `path` 的链接；返回是否没有重新加载。"""
    page.evaluate("window.kept = true")
    page.locator(f'article a[href*="{path}"]').first.click()
    page.wait_for_url(f"**/{path}**")
    page.locator("article details.claims").wait_for()
    page.locator("article .katex").first.wait_for()
    return bool(page.evaluate("window.kept === true"))


@pytest.mark.parametrize("path", [FIELD, IOU])
def test_instant_navigation_keeps_formulas_figures_and_claims(
    reader: Callable[..., Reader], path: str
) -> None:
    direct, visitor = content(reader().open(path)), reader()
    page = visitor.open("")
    assert follow(page, path)
    assert content(page) == direct
    assert len(direct["sizes"]) > 10  # type: ignore[arg-type]
    assert visitor.problems == []


def test_without_the_feature_the_page_is_loaded_anew(reader: Callable[..., Reader]) -> None:
    visitor = reader()
    visitor.alter("", '"navigation.instant"', '"x"')
    assert not follow(visitor.open(""), IOU)


@pytest.mark.parametrize("part", ['class="katex"', '<figure class="fig"', 'class="claims"'])
def test_what_is_lost_on_the_way_is_noticed(reader: Callable[..., Reader], part: str) -> None:
    direct, visitor = content(reader().open(IOU)), reader()
    visitor.alter(IOU, part, part.replace("class=", 'style="display: none" class='))
    assert content(visitor.open(IOU)) != direct


def turn_dark(page: Page) -> str:
    """从跟随系统按到深色，返回重新加载之后的配色。"""
    for _ in range(2):
        page.locator('label[for^="__palette"]:visible').click()
    assert page.evaluate(SCHEME) == "slate"
    page.reload(wait_until="networkidle")
    return str(page.evaluate(SCHEME))


def ink(page: Page) -> str:
    """图里文字的颜色。"""
    return str(page.evaluate("getComputedStyle(document.querySelector('.fig svg text')).fill"))


def test_dark_mode_is_chosen_and_kept(reader: Callable[..., Reader]) -> None:
    visitor = reader(color_scheme="light")
    page = visitor.open(IOU)
    assert page.evaluate(SCHEME) == "default"
    light = ink(page)
    assert turn_dark(page) == "slate"
    assert ink(page) != light
    assert visitor.problems == []


def test_a_forgotten_choice_is_noticed(reader: Callable[..., Reader]) -> None:
    visitor = reader(color_scheme="light")
    visitor.page.add_init_script("localStorage.clear()")
    assert turn_dark(visitor.open(IOU)) == "default"


@pytest.mark.parametrize(("scheme", "name"), {"light": "default", "dark": "slate"}.items())
def test_the_scheme_of_the_system_is_followed(reader: Callable[..., Reader], scheme: str, name: str) -> None:
    page = reader(color_scheme=scheme).open(IOU)
    # 机器忙时，主题的脚本晚于最后一个请求才换配色
    expect(page.locator("body[data-md-color-media]")).to_have_attribute("data-md-color-scheme", name)


def stuck_answers(page: Page) -> list[str]:
    """合不上、点不开、用键盘开合不了的答案。"""
    answers, stuck = page.locator("details.question"), []
    assert answers.count()
    for answer in answers.all():
        summary, states = answer.locator("summary").first, [answer.get_attribute("open")]
        for act in (
            summary.click,
            summary.click,
            lambda summary=summary: summary.press("Enter"),
            lambda summary=summary: summary.press("Space"),
        ):
            act()
            states.append(answer.get_attribute("open"))
        if states != [None, "", None, "", None]:
            stuck.append(summary.inner_text())
    return stuck


def test_answers_unfold_by_mouse_and_keyboard(reader: Callable[..., Reader]) -> None:
    for path in (FIELD, IOU):
        assert stuck_answers(reader().open(path)) == []


@pytest.mark.parametrize("new", ['<details open class="question', '<details inert class="question'])
def test_answers_that_do_not_unfold_are_noticed(reader: Callable[..., Reader], new: str) -> None:
    visitor = reader()
    visitor.alter(IOU, '<details class="question', new)
    page = visitor.open(IOU)
    if "inert" in new:
        page.set_default_timeout(500)
        with pytest.raises(Timeout):
            stuck_answers(page)
    else:
        assert stuck_answers(page)


def copied(page: Page) -> tuple[str, str]:
    """按第一个代码块的复制键；返回代码和剪贴板里的文字。"""
    page.evaluate("navigator.clipboard.writeText('旧的')")
    block = page.locator(".highlight:has(.md-code__nav)").first
    block.hover()
    block.locator("[data-md-type=copy], .md-clipboard").first.click()
    page.wait_for_timeout(200)
    return block.locator("code").first.inner_text().strip(), str(
        page.evaluate("navigator.clipboard.readText()")
    ).strip()


PERMISSIONS = ["clipboard-read", "clipboard-write"]


def test_code_is_copied(reader: Callable[..., Reader]) -> None:
    visitor = reader(permissions=PERMISSIONS)
    code, clipboard = copied(visitor.open(IOU))
    assert "import boxes" in code
    assert clipboard == code
    assert visitor.problems == []


def test_without_the_feature_nothing_is_copied(reader: Callable[..., Reader]) -> None:
    visitor = reader(permissions=PERMISSIONS)
    visitor.alter(IOU, '"content.code.copy"', '"x"')
    page = visitor.open(IOU)
    page.set_default_timeout(500)
    with pytest.raises(Timeout):
        copied(page)
