"""`python -m sitekit.build`：好的站通过，各种坏法都返回非零并点名那一页。"""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from sitekit.build import environment, expected_pages

_FENCE = '---\ndescription: {title}\n---\n# {title}\n\n```python exec="on" id="f"\n{code}\n```\n'
BUILDERS = ("mkdocs", "zensical")


def _page(title: str, code: str) -> str:
    return _FENCE.format(title=title, code=code)


# 每页一种坏法：页名、内容、失败时应当说出的话。
BROKEN = {
    "wrong.md": (_page("期望值错", 'claim("和", 1 + 1, 3, source="推导：错的")'), "「和」应为 3"),
    "formula.md": ("---\ndescription: 坏公式\n---\n# 坏公式\n\n$\\fra{1}{2}$\n", "公式 `\\fra{1}{2}` 有误"),
    "raises.md": (_page("异常", "raise ValueError('坏了')"), "坏了"),
    "overflow.md": (_page("溢出", "import numpy as np\nprint(np.exp(np.float64(1e4)))"), "RuntimeWarning"),
    "part.md": (
        "---\ndescription: 部分\n---\n# 部分\n\n## 问 { #q data-q=Q1 }\n\n### 想想\n",
        "不认识的部分",
    ),
}
OK = {"index.md": "---\ndescription: 首页\n---\n# 首页\n"}


@pytest.fixture(scope="module", params=BUILDERS)
def broken(
    request: pytest.FixtureRequest, new_project: Callable[..., Any]
) -> "subprocess.CompletedProcess[str]":
    pages = OK | {name: text for name, (text, _) in BROKEN.items()}
    done: subprocess.CompletedProcess[str] = new_project(pages).build(request.param)
    return done


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_good_site_passes(good: Any, builder: str) -> None:
    done = good.done[builder]
    assert "最慢的 2 页" in done.stdout
    assert "秒  topic/two.md" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"构建成功（{builder}）")
    assert "构建失败" not in done.stderr


@pytest.mark.parametrize("page", BROKEN)
def test_each_broken_page_is_named(broken: "subprocess.CompletedProcess[str]", page: str) -> None:
    assert broken.returncode == 1
    assert BROKEN[page][1] in broken.stdout + broken.stderr
    assert page.removesuffix(".md") in _problems(broken.stderr)


def test_good_pages_of_a_broken_site_are_not_named(broken: "subprocess.CompletedProcess[str]") -> None:
    assert "index" not in _problems(broken.stderr)


def _problems(stderr: str) -> set[str]:
    """末尾各行问题里点名的页。"""
    pages = set()
    for line in stderr.splitlines():
        page = line.partition("：")[0]
        if page.endswith((".md", "/index.html")):
            pages.add(page.removesuffix(".md").removesuffix("/index.html"))
    return pages


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("code", ["import sys\nsys.exit(0)", "import os\nos._exit(0)"])
def test_leaving_the_process_is_not_success(new_project: Callable[..., Any], builder: str, code: str) -> None:
    done = new_project(OK | {"leave.md": _page("退出", code)}).build(builder)
    assert done.returncode == 1
    assert "leave.md" in done.stderr


def test_a_formula_error_alone_fails_both(new_project: Callable[..., Any]) -> None:
    project = new_project(OK | {"formula.md": BROKEN["formula.md"][0]})
    assert [project.build(builder).returncode for builder in BUILDERS] == [1, 1]


def test_a_warning_of_the_builder_alone_fails(new_project: Callable[..., Any]) -> None:
    absolute = "---\ndescription: 绝对\n---\n# 绝对\n\n[首页](/index.html)\n"
    done = new_project(OK | {"absolute.md": absolute}).build("mkdocs")
    assert done.returncode == 1
    assert "mkdocs 返回 1" in done.stderr


def test_expected_pages_of_a_nested_nav() -> None:
    nav = ["index.md", {"甲": ["a/index.md", {"乙": "a/b.md"}]}, {"外": "https://example.org/"}]
    assert set(expected_pages(nav)) == {"index.html", "a/index.html", "a/b/index.html"}


@pytest.mark.parametrize("folder", [".", "..", "/", ""])
def test_the_caller_cannot_choose_what_is_emptied(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """构建之前会清空成品的文件夹：`SITE_DIR=.` 曾会删掉整个仓库。"""
    monkeypatch.setenv("SITE_DIR", folder)
    assert environment("mkdocs")["SITE_DIR"] == "site"
    assert environment("zensical")["SITE_DIR"] == "site-zensical"


def test_an_empty_address_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_URL", "")
    monkeypatch.setenv("REPO_URL", "https://example.org/r")
    prepared = environment("mkdocs")
    assert "SITE_URL" not in prepared
    assert prepared["REPO_URL"] == "https://example.org/r"


@pytest.mark.parametrize("builder", ["mkdocs", "zensical"])
def test_a_swallowed_claim_still_fails(new_project: Any, builder: str) -> None:
    """代码块里的 `try` 吞掉了异常，构建也要失败，并说出页、名、期望与所得。"""
    code = 'try:\n    claim("某数", 1, 2, source="推导：手算")\nexcept Exception:\n    pass\n'
    fence = f'```python exec="on" id="x" session="index"\n{code}```\n'
    done = new_project({"index.md": f"---\ndescription: 页\n---\n# 页\n\n{fence}"}).build(builder)
    assert done.returncode == 1
    assert "index.md：「某数」应为 2（推导：手算），算得 1。" in done.stdout + done.stderr
