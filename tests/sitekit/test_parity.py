"""两个构建工具建成的正文一样。"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sitekit.parity import article_text, differences


def test_the_whole_site(built_site: Path, built_zensical: Path) -> None:
    assert differences(built_site, built_zensical) == []


def test_a_small_site(good: Any) -> None:
    assert differences(good.site("mkdocs"), good.site("zensical")) == []
    page = (good.site("mkdocs") / "index.html").read_text(encoding="utf-8")
    lines = article_text(page)
    assert '<h3 id="ce-why">' in lines
    assert "138,357,544" in lines
    assert "报告此页错误" in lines


def article(body: str) -> list[str]:
    return article_text(
        f"<html><nav>导航</nav><article><a id='__skip'></a><nav>标签</nav>{body}</article></html>"
    )


def test_only_the_content_is_compared() -> None:
    assert article("<p>甲</p>") == ["<article>", "<p>", "甲"]
    assert article("<p>甲\n  乙</p>") == article("<p>甲 乙</p>")
    assert article('<a href="./#x">x</a>') == article('<a href="#x">x</a>')
    assert article('<p class="a">甲</p>') == article('<p class="b">甲</p>')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>甲</p>", "<p>乙</p>"),
        ("<p>甲</p>", "<div>甲</div>"),
        ('<h2 id="a">甲</h2>', '<h2 id="b">甲</h2>'),
        ("<table><tr><td>1</td></tr></table>", "<p>1</p>"),
        ("<pre>a  b</pre>", "<pre>a b</pre>"),
        ('<a href="x/">x</a>', '<a href="y/">x</a>'),
    ],
)
def test_a_difference_is_seen(one: str, other: str) -> None:
    assert article(one) != article(other)


def test_differences_name_the_page(good: Any, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(good.site("zensical"), tmp_path / "changed"))
    page = changed / "topic" / "two" / "index.html"
    page.write_text(
        page.read_text(encoding="utf-8").replace("和<code>代码</code>", "与<code>代码</code>"), "utf-8"
    )
    (changed / "index.html").unlink()
    missing, different = differences(good.site("mkdocs"), changed)
    assert missing.startswith("index.html：只有")
    assert different.startswith("topic/two/index.html：正文不同")
    assert "和" in different


_REVERSED = """
from mkdocs.__main__ import cli
from mkdocs.structure.files import Files

in_order = Files.documentation_pages
Files.documentation_pages = lambda self, **options: list(in_order(self, **options))[::-1]
cli(["build", "--strict", "--site-dir", "backwards"])
"""


def test_the_order_of_the_pages_does_not_matter(built_site: Path) -> None:
    """倒着转换各页，结果一样：没有一页用到别页留下的变量。"""
    command = [sys.executable, "-c", _REVERSED]
    subprocess.run(command, cwd=built_site.parent, check=True, capture_output=True)
    assert differences(built_site, built_site.parent / "backwards") == []


def test_a_page_that_needs_another_page_fails(new_project: Callable[[Mapping[str, str]], Any]) -> None:
    """对照：第二页用第一页的变量，会话同名也不行。"""
    fence = '```python exec="on" id="{0}" session="same"\n{1}\n```\n'
    head = "---\ndescription: {0}\n---\n# {0}\n\n"
    pages = {
        "a.md": head.format("甲") + fence.format("set", "value = 1"),
        "b.md": head.format("乙") + fence.format("get", "print(value)"),
    }
    done = new_project(pages).build("mkdocs")
    assert done.returncode == 1
    assert "NameError" in done.stdout + done.stderr
