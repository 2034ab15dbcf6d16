"""网页源文件的规矩：题目齐全，数字有来历，代码块有名有姓。"""

import re
from pathlib import Path

import lxml.html
import pytest
from lxml.html import HtmlElement

from sitekit.fences import executed, take_out, written_claims
from sitekit.paths import DOCS, ROOT
from sitekit.questions import LEVELS, Question, listing, questions

PAGES = sorted(DOCS.rglob("*.md"))
PARTS = ["详解", "算一算", "追问", "易错", "参考"]
EXTENSIONS = ["attr_list", "md_in_html", "tables", "pymdownx.details"]
# 一格只有一个数，前后可以有「约」、单位和记号。
_NUMBER = re.compile(r"[\W约近]*\d[\d,.×\s]*[^\W\d]{0,3}\W*")
_NUMBER_CELL = re.compile(r"\|\s*[-−]?\d[\d,.]*\s*\|")


def rendered(markdown: str) -> HtmlElement:
    """去掉要执行的代码块：剩下的标题、表格、折叠块都是手写的。"""
    return lxml.html.fragment_fromstring(take_out(markdown, EXTENSIONS)[1], create_parent="div")


def hand_typed_numbers(markdown: str) -> list[str]:
    """表里手打的数，包括写在代码块里原样印出来的。"""
    cells = [cell.text_content() for cell in rendered(markdown).iter("td")]
    lines = [line for fence in executed(markdown) for line in fence.code.splitlines()]
    return [cell for cell in cells if _NUMBER.fullmatch(cell)] + [
        line for line in lines if _NUMBER_CELL.search(line)
    ]


def missing_parts(section: str) -> list[str]:
    """一道题里缺少或次序不对的部分。"""
    found = [heading.text_content().strip() for heading in rendered(section).iter("h3")]
    return [] if found == PARTS else [f"应为 {PARTS}，实为 {found}"]


def section_of(question: Question) -> str:
    text = (DOCS / question.page).read_text(encoding="utf-8")
    start = text.index(f'data-q="{" ".join(question.numbers)}"')
    return re.split(r"^## ", text[start:], maxsplit=1, flags=re.MULTILINE)[0]


def page_name(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_hand_typed_tables(page: Path) -> None:
    assert hand_typed_numbers(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "| 层 | 参数 |\n| --- | --- |\n| conv1 | 23,296 |\n",
        "层 | 参数\n--- | ---\nconv1 | 23,296\n",
        "| 层 | 参数 |\n| --- | --- |\n| conv1 | **约 23,296** 个 |\n",
        "| 层 | 形状 |\n| --- | --- |\n| conv1 | 96×55×55 |\n",
        "| 层 | 参数 |\n| --- | --- |\n| conv1 | $-2.5$ |\n",
        "<table><tr><td>conv1</td><td>23,296</td></tr></table>\n",
        "??? note\n    | 层 | 参数 |\n    | --- | --- |\n    | conv1 | 23,296 |\n",
        '```python exec="1"\nprint("| conv1 | 23,296 |")\n```\n',
        '??? note\n    ~~~python exec="yes"\n    print("| conv1 | 23,296 |")\n    ~~~\n',
    ],
)
def test_hand_typed_tables_are_found(text: str) -> None:
    assert hand_typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "```text\n| conv1 | 23,296 |\n```\n",
        "| 层 | 参数 |\n| --- | --- |\n| conv1 | 见下 |\n",
        "| 层 | 参数 |\n| --- | --- |\n| VGG-16 | VGG 论文的表 2 |\n",
        '```python exec="on"\nprint(f"| {name} | {params} |")\n```\n',
    ],
)
def test_tables_without_hand_typed_numbers_are_fine(text: str) -> None:
    assert hand_typed_numbers(text) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_fences_have_ids_and_sessions(page: Path) -> None:
    """代码块的 id 是构建日志里唯一的名字；会话名就是页的路径，不会与别页混用。"""
    fences = executed(page.read_text(encoding="utf-8"))
    ids = [fence.id for fence in fences]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert {(fence.language, fence.session) for fence in fences} <= {
        ("python", page_name(page).removesuffix(".md"))
    }


@pytest.mark.parametrize("question", questions(), ids=lambda question: " ".join(question.numbers))
def test_question_is_complete(question: Question) -> None:
    section = section_of(question)
    answer = re.sub(r"\$[^$]*\$", "x", question.answer)  # 公式念出来按一个字算
    assert len(answer) <= 120
    assert missing_parts(section) == []
    assert question.topics
    assert any(fence.source == "above" for fence in executed(section))
    assert len(written_claims(section)) >= 3
    assert len(rendered(section).find_class("question")) in (2, 3, 4)


def test_missing_part_is_found() -> None:
    assert missing_parts("### 详解\n\n### 算一算\n")
    assert not missing_parts("".join(f"### {part}\n" for part in PARTS))


def test_repeated_numbers_and_missing_answers_are_rejected(tmp_path: Path) -> None:
    heading = '## 题 { #a data-q="Q001" data-level="基础" data-topics="甲" }\n'
    (tmp_path / "a.md").write_text(heading, encoding="utf-8")
    with pytest.raises(ValueError, match="没有写一句话答案"):
        questions(tmp_path)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(heading + "\n**一句话** 答。\n", encoding="utf-8")
    with pytest.raises(ValueError, match="编号重复：Q001"):
        questions(tmp_path)
    both = heading.replace('"Q001"', '"Q000 Q001"')
    (tmp_path / "b.md").write_text(both + "\n**一句话** 答。\n", encoding="utf-8")
    with pytest.raises(ValueError, match="编号重复：Q001"):
        questions(tmp_path)


def test_answer_is_not_taken_from_the_next_question(tmp_path: Path) -> None:
    first = '## 甲 { #a data-q="Q001" data-level="基础" data-topics="甲" }\n'
    second = '\n## 乙 { #b data-q="Q002" data-level="基础" data-topics="乙" }\n\n**一句话** 乙的答案。\n'
    (tmp_path / "a.md").write_text(first + second, encoding="utf-8")
    with pytest.raises(ValueError, match="甲"):
        questions(tmp_path)


@pytest.mark.parametrize(
    "heading",
    [
        '## 题 { #a data-q="Q001" data-level="基础" data-topics="甲" }}',
        '### 题 { #a data-q="Q001" data-level="基础" data-topics="甲" }',
        '## 题 { data-q="Q001" data-level="基础" data-topics="甲" }',
        '## 题 { #a data-q="Q001" data-topics="甲" }',
        '## 题 { #a data-q="Q001" data-level="入门" data-topics="甲" }',
    ],
)
def test_a_malformed_heading_does_not_vanish(heading: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"{heading}\n\n**一句话** 答。\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.md"):
        questions(tmp_path)


def test_a_space_after_the_brace_is_harmless(tmp_path: Path) -> None:
    heading = '## 题 { #a data-q="Q001" data-level="基础" data-topics="甲" } '
    (tmp_path / "a.md").write_text(f"{heading}\n\n**一句话** 答。\n", encoding="utf-8")
    assert [question.numbers for question in questions(tmp_path)] == [("Q001",)]


def test_the_guide_names_what_a_heading_may_say() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"难度是 {'、'.join(LEVELS)} 之一" in guide
    for attribute in ("data-q", "data-level", "data-topics", "data-seed"):
        assert f'{attribute}="' in guide


def test_a_question_answers_to_its_old_anchors(tmp_path: Path) -> None:
    heading = '## 题 { #a data-q="Q001" data-level="专家" data-topics="甲" data-seed="old older" }'
    (tmp_path / "a.md").write_text(f"{heading}\n\n**一句话** 答。\n", encoding="utf-8")
    assert '<span id="old"></span><span id="older"></span><a href="a/#a">' in listing(tmp_path)
