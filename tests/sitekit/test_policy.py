"""内容安全策略：写在每一页，放得过主题的脚本，坏了成品检查会报。

散列算得对不对由浏览器判断，见 tests/browser；这里的期望值用 openssl 算出。
"""

import shutil
from pathlib import Path

import pytest

from sitekit.guard import check_site
from sitekit.guard.page import Page, load
from sitekit.guard.policy import bad_policy, inline_hashes
from sitekit.policy import protect

GOOD_SITE = Path(__file__).with_name("good_site")
PAGES = ("404.html", "index.html", "practice/iou/index.html")
# printf 'go("好")' | openssl dgst -sha256 -binary | base64
SCRIPT, HASH = 'go("好")', "+h9I0/jkrj1RuqbFPbE59OxgY501Tq1sy68OBuFpGo0="


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """只有首页有一段页内脚本。"""
    folder = Path(shutil.copytree(GOOD_SITE, tmp_path / "site"))
    change(folder / "index.html", "</nav>", f"<script>{SCRIPT}</script></nav>")
    protect(folder)
    return folder


def problems(site: Path) -> dict[str, list[str]]:
    loaded = [page for path in PAGES if isinstance(page := load(site, path), Page)]
    hashes = inline_hashes(loaded)
    return {page.path: found for page in loaded if (found := list(bad_policy(page, hashes)))}


def test_every_page_allows_the_scripts_of_all_pages(site: Path) -> None:
    assert problems(site) == {}
    for page in PAGES:
        assert f"script-src 'self' 'sha256-{HASH}';" in (site / page).read_text(encoding="utf-8")


def test_protecting_twice_changes_nothing(site: Path) -> None:
    before = [(site / page).read_bytes() for page in PAGES]
    protect(site)
    assert [(site / page).read_bytes() for page in PAGES] == before


def test_the_encoding_still_comes_first(site: Path) -> None:
    change(site / "index.html", "<head>", '<head>\n  <meta charset="utf-8">')
    protect(site)
    assert '<head>\n  <meta charset="utf-8"><meta http-equiv="Content-' in (site / "index.html").read_text(
        "utf-8"
    )


def test_data_and_pages_that_cannot_be_parsed_are_left_alone(site: Path) -> None:
    change(site / "index.html", "</nav>", '<script type="application/json">{}</script></nav>')
    (site / "empty.html").write_bytes(b"")
    protect(site)
    assert problems(site) == {}
    assert (site / "empty.html").read_bytes() == b""


# 名称：（原来的写法，改坏的写法，说出的问题）
BROKEN = {
    "没有策略": ("Content-Security-Policy", "X-Nothing", "有 0 个"),
    "两个策略": ("</head>", '<meta http-equiv="content-security-policy" content=""></head>', "有 2 个"),
    "脚本改过": (SCRIPT, f"{SCRIPT};", "script-src 少了 'sha256-"),
    "多一段脚本": ("</nav>", "<script>x()</script></nav>", "script-src 少了 'sha256-"),
    "任何页内脚本": ("script-src 'self'", "script-src 'self' 'unsafe-inline'", "多了 'unsafe-inline'"),
    "eval": ("script-src 'self'", "script-src 'self' 'unsafe-eval'", "多了 'unsafe-eval'"),
    "别站": ("connect-src 'self'", "connect-src 'self' https:", "connect-src 多了 https:"),
    "没有默认": ("default-src 'none'; ", "", "default-src 少了"),
    "没有限制表单": ("; form-action 'self'", "", "form-action 少了"),
    "来得太晚": ("<head>", '<head><link rel="icon" href="assets/a.svg">', "之前"),
    "属性里的脚本": ("<h1 ", '<h1 onclick="go()" ', "“go()”不会执行"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_policy_is_noticed(site: Path, damage: str) -> None:
    old, new, problem = BROKEN[damage]
    change(site / "index.html", old, new)
    assert any(problem in found for found in problems(site)["index.html"])
    found = check_site(site, expected_pages=2, base_url="https://example.org/notes/")
    assert {(each.page, each.rule) for each in found} >= {("index.html", "策略")}


def test_a_script_of_another_page_must_be_allowed_too(site: Path) -> None:
    change(site / "404.html", f" 'sha256-{HASH}'", "")
    assert list(problems(site)) == ["404.html"]
