"""网页源文件的规矩：题目齐全，数字有来历，代码块有名有姓。"""

import re
from pathlib import Path

import pytest

from sitekit.paths import DOCS
from sitekit.questions import Question, questions

PAGES = sorted(DOCS.rglob("*.md"))
PARTS = ["详解", "算一算", "追问", "易错", "参考"]
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER_CELL = re.compile(r"\|\s*[-−]?\d[\d,.]*\s*(?=\|)")


def hand_typed_numbers(markdown: str) -> list[str]:
    """表里手打的数：去掉代码块之后，单元格里只有一个数的行。"""
    return [line for line in _FENCE.sub("", markdown).splitlines() if _NUMBER_CELL.search(line)]


def missing_parts(section: str) -> list[str]:
    """一道题里缺少或次序不对的部分。"""
    found = re.findall(r"^### (.+?)\s*$", _FENCE.sub("", section), flags=re.MULTILINE)
    return [] if found == PARTS else [f"应为 {PARTS}，实为 {found}"]


def section_of(question: Question) -> str:
    text = (DOCS / question.page).read_text(encoding="utf-8")
    start = text.index(f'data-q="{question.number}"')
    return re.split(r"^## ", text[start:], maxsplit=1, flags=re.MULTILINE)[0]


def page_name(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_hand_typed_tables(page: Path) -> None:
    assert hand_typed_numbers(page.read_text(encoding="utf-8")) == []


def test_hand_typed_tables_are_found() -> None:
    assert hand_typed_numbers("| 层 | 参数 |\n| --- | --- |\n| conv1 | 23,296 |\n")
    assert not hand_typed_numbers("```text\n| conv1 | 23,296 |\n```\n| conv1 | 见下 |\n")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_fences_have_ids_and_sessions(page: Path) -> None:
    """代码块的 id 是构建日志里唯一的名字；会话名就是页的路径，不会与别页混用。"""
    session = page_name(page).removesuffix(".md")
    infos = [match["info"] for match in _FENCE.finditer(page.read_text(encoding="utf-8"))]
    executed = [info for info in infos if 'exec="on"' in info]
    ids = [re.search(r'\bid="([^"]+)"', info) for info in executed]
    assert all(ids)
    assert len({match[1] for match in ids if match}) == len(executed)
    assert all(f'session="{session}"' in info for info in executed)


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.number)
def test_question_is_complete(question: Question) -> None:
    section = section_of(question)
    answer = re.sub(r"\$[^$]*\$", "x", question.answer)  # 公式念出来按一个字算
    assert len(answer) <= 120
    assert missing_parts(section) == []
    assert question.level in ("基础", "进阶", "专家")
    assert question.topics
    fences = [match for match in _FENCE.finditer(section) if 'exec="on"' in match["info"]]
    assert any('source="above"' in match["info"] for match in fences)
    assert sum(match["code"].count("claim(") for match in fences) >= 3
    assert section.count("??? question") in (2, 3, 4)


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
    ],
)
def test_a_malformed_heading_does_not_vanish(heading: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"{heading}\n\n**一句话** 答。\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.md"):
        questions(tmp_path)


def test_a_space_after_the_brace_is_harmless(tmp_path: Path) -> None:
    heading = '## 题 { #a data-q="Q001" data-level="基础" data-topics="甲" } '
    (tmp_path / "a.md").write_text(f"{heading}\n\n**一句话** 答。\n", encoding="utf-8")
    assert [question.number for question in questions(tmp_path)] == ["Q001"]
