"""汉字之间的换行去掉，别处的留着。"""

import re
from pathlib import Path

import pytest

from sitekit.lines import join


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("由\n到达", "由到达"),
        ("位置、\n没有", "位置、没有"),
        ("位置\n。", "位置。"),
        ("<strong>由</strong>\n到达", "<strong>由</strong>到达"),
        ("由\n<em>到达</em>", "由<em>到达</em>"),
        ("见，\n<code>rf</code>", "见，<code>rf</code>"),
        ("<code>rf</code>\n，见", "<code>rf</code>，见"),
        ("见 Conv2d，\nLinear", "见 Conv2d，Linear"),
        ("一\n二\n三", "一二三"),
    ],
)
def test_breaks_next_to_chinese_go(before: str, after: str) -> None:
    assert join(f"<p>{before}</p>") == f"<p>{after}</p>"


@pytest.mark.parametrize(
    "html",
    [
        "<p>汉字\nLatin</p>",  # 汉字与西文之间要空一格
        "<p>Latin\n汉字</p>",
        "<p>汉字\n<code>rf</code></p>",
        "<p>two\nwords</p>",
        "<pre>一\n二，\n三</pre>",
        "<svg><text>一\n二</text></svg>",
        "<p>一</p>\n<p>二</p>",
        "<script>'一'\n'二'</script>",
    ],
)
def test_other_breaks_stay(html: str) -> None:
    assert join(html) == html


def test_text_around_kept_parts_is_joined() -> None:
    assert join("<p>一\n二</p><pre>三\n四</pre><p>五\n六</p>") == "<p>一二</p><pre>三\n四</pre><p>五六</p>"


def test_no_page_has_a_space_inside_chinese(built_site: Path, built_zensical: Path) -> None:
    pages = [*built_site.glob("api/*/index.html"), *built_zensical.glob("api/*/index.html")]
    assert len(pages) >= 10
    for page in pages:
        article = page.read_text(encoding="utf-8").partition("<article")[2]
        text = re.sub(r"(?s)<(pre|script|style|svg|math)\b.*?</\1>", "", article)
        assert not re.findall(r"[一-鿿，。；：、]\n[一-鿿，。；：、]", text), page
