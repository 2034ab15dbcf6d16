"""概念图：边就是正文里的链接。"""

from pathlib import Path

import pytest
from lxml import etree

from sitekit.concepts import answers, concept_map, related
from sitekit.figures import chords

PAGES = {
    "basics/a.md": (
        (
            "Q001",
            "one",
            "见[二](b.md#two-why)和[三](#three)、[自己](#one)、[别处](https://example.org/b.md)。",
        ),
        ("Q003", "three", "见[二页](b.md)，又见[附录](../appendix/c.md#four)。"),
    ),
    "basics/b.md": (("Q002", "two", "见[一页](a.md)。"), ("Q005", "five", "见[不在的](#none)。")),
    "appendix/c.md": (("Q004", "four", "见[一](../basics/a.md#one)。"),),
}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for page, sections in PAGES.items():
        path = tmp_path / page
        path.parent.mkdir(exist_ok=True)
        text = "".join(
            f'## 题{number[-1]} {{ #{anchor} data-q="{number}" data-level="基础" data-topics="甲" }}\n\n'
            f"**一句话** 答{number[-1]}。\n\n{body}\n\n"
            for number, anchor, body in sections
        )
        path.write_text(f"# 页\n\n{text}", encoding="utf-8")
    return tmp_path


def test_links_between_questions(docs: Path) -> None:
    found = {q.numbers[0]: [other.numbers[0] for other in o] for q, o in related("basics", docs).items()}
    # Q001 → 二的某一部分、同页的三；Q003 → 页，算第一题；附录的不在这一部分。
    assert found == {"Q001": ["Q002", "Q003"], "Q002": ["Q001"], "Q003": ["Q002"], "Q005": []}


def test_map_has_a_chord_for_each_pair(docs: Path) -> None:
    figure = etree.fromstring(concept_map("basics", id="map", caption="图。", docs=docs))
    assert [text.text for text in figure.iter("text")] == ["Q001", "Q002", "Q003", "Q005"]
    assert len(list(figure.iter("path"))) == 3
    assert figure.findtext("svg/desc") == "Q001 提到 Q002；Q001 提到 Q003；Q002 提到 Q001；Q003 提到 Q002。"


def test_chords_join_the_spots() -> None:
    figure = etree.fromstring(chords({"a": ["c"], "b": [], "c": []}, id="x", title="图", caption="图。"))
    spots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in figure.iter("circle")]
    (path,) = figure.iter("path")
    numbers = [float(number) for number in path.get("d").replace("M", "").replace("Q", " ").split()]
    assert tuple(numbers[:2]) == spots[0]
    assert tuple(numbers[-2:]) == spots[2]
    assert spots[0][1] < min(spots[1][1], spots[2][1])  # 从正上方起
    assert spots[1][0] > spots[0][0] > spots[2][0]  # 顺时针


def test_rejected() -> None:
    with pytest.raises(ValueError, match="不到两项"):
        chords({"a": []}, id="x", title="图", caption="图。")
    with pytest.raises(ValueError, match="没有列出的 c"):
        chords({"a": ["c"], "b": []}, id="x", title="图", caption="图。")


def test_answers_are_a_table(docs: Path) -> None:
    lines = answers("basics", docs).splitlines()
    assert lines[0] == "| 题目 | 一句话 |"
    assert lines[2] == "| Q001 [题1](a/#one)（基础） | 答1。 |"
    assert [line[2:6] for line in lines[2:]] == ["Q001", "Q002", "Q003", "Q005"]
