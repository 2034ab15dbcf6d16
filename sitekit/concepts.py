"""一部分里各题的联系：从正文里的链接读出来，画成概念图，列成表。"""

import re
from pathlib import Path
from posixpath import dirname, join, normpath

from sitekit.figures import chords
from sitekit.parts import SUFFIXES
from sitekit.paths import DOCS
from sitekit.questions import Question, questions

_LINK = re.compile(r"\]\((?P<page>[^)#\s:]*\.md)?(?:#(?P<anchor>[^)\s]+))?\)")
_PART = re.compile("-(?:" + "|".join(sorted(set(SUFFIXES.values()))) + ")$")


def related(part: str, docs: Path = DOCS) -> dict[Question, list[Question]]:
    """`docs/part/` 里的各题到它提到的别的题（同一部分的），都按编号排。

    链接指到页而不指到题的，算提到那一页的第一题。
    """
    members = [question for question in questions(docs) if question.page.startswith(f"{part}/")]
    places: dict[tuple[str, str], Question] = {}
    for question in members:
        places.setdefault((question.page, ""), question)
        places[question.page, question.anchor] = question
    found = {}
    for question in members:
        targets = (_target(match, question.page) for match in _LINK.finditer(question.text))
        others = {places[place] for place in targets if place in places} - {question}
        found[question] = sorted(others, key=lambda other: other.numbers)
    return found


def _target(link: re.Match[str], page: str) -> tuple[str, str]:
    """链接指到哪一页、哪一题；指到题的某一部分（如 `-why`）也算指到题。"""
    target = normpath(join(dirname(page), link["page"])) if link["page"] else page
    return target, _PART.sub("", link["anchor"] or "")


def concept_map(part: str, *, id: str, caption: str, docs: Path = DOCS) -> str:  # noqa: A002
    """概念图（HTML）：每题一个点，写着编号；有一题提到另一题，就连一条弦。"""
    links = {
        question.numbers[0]: [other.numbers[0] for other in others]
        for question, others in related(part, docs).items()
    }
    return chords(links, id=id, title="概念图", caption=caption)


def answers(part: str, docs: Path = DOCS) -> str:
    """各题的编号、题目、难度与一句话，一张 Markdown 的表；链接从 `docs/part/index.md` 出发。"""
    # 代码块印出来的链接，生成器不替我们换算：直接写成网页的地址。
    rows = [
        f"| {' '.join(question.numbers)} [{question.title}]({question.url.removeprefix(f'{part}/')})"
        f"（{question.level}） | {question.answer} |"
        for question in related(part, docs)
    ]
    return "\n".join(["| 题目 | 一句话 |", "| --- | --- |", *rows])
