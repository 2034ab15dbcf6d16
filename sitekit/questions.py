"""题目的清单：从各页的标题里读出来，首页与导出都由它生成。

题目的编号、难度、主题和一句话答案只写在它自己那一页上，别处不再抄写。
"""

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown.extensions.attr_list import get_attrs_and_remainder

from sitekit.paths import DOCS

LEVELS = ("基础", "进阶", "专家")
_HEADING = re.compile(r"^## (?P<title>.+?) \{ ?(?P<attributes>[^{}]*data-q=[^{}]*)\}\s*$")
_ANSWER = re.compile(r"^\*\*一句话\*\* (?P<answer>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """一道题。

    Attributes:
        numbers: 编号，如 `("Q093",)`；原文里问了两遍的题合成一道，有两个编号。
        anchor: 页内的锚点。
        title: 题目。
        level: 难度，`LEVELS` 之一。
        topics: 主题。
        answer: 一句话答案，Markdown 文本。
        seed: 原文里指向它的锚点，可以有几个。
        page: 页的路径，相对 `docs/`。
        text: 从标题到下一题之前的 Markdown 源文。
    """

    numbers: tuple[str, ...]
    anchor: str
    title: str
    level: str
    topics: tuple[str, ...]
    answer: str
    seed: tuple[str, ...]
    page: str
    text: str = field(repr=False)

    @property
    def url(self) -> str:
        """从网站的根出发的地址。"""
        folder = self.page.removesuffix("index.md").removesuffix(".md").rstrip("/")
        return f"{folder}/#{self.anchor}" if folder else f"#{self.anchor}"


def questions(docs: Path = DOCS) -> list[Question]:
    """全站的题目，按编号排。

    Raises:
        ValueError: 有编号重复的题，或有题没有写一句话答案。
    """
    found = [question for path in docs.rglob("*.md") for question in _read(path, docs)]
    numbers = [number for question in found for number in question.numbers]
    repeated = {number for number in numbers if numbers.count(number) > 1}
    if repeated:
        raise ValueError(f"题目的编号重复：{'、'.join(sorted(repeated))}；每题只能有一个标题。")
    return sorted(found, key=lambda question: question.numbers)


def _read(path: Path, docs: Path) -> list[Question]:
    page = path.relative_to(docs).as_posix()
    found: list[Question] = []
    # 以 `## ` 切开：每段的第一行是题目，一句话答案只在自己这一段里找。
    text = path.read_text(encoding="utf-8")
    for section in re.split(r"^(?=## |#{3,6} .*\bdata-q=)", text, flags=re.MULTILINE):
        heading = _HEADING.match(section.partition("\n")[0])
        if not heading and re.match(r"#{1,6} .*\bdata-q=", section):
            first = section.partition("\n")[0]
            raise ValueError(f"{page} 的标题 {first!r} 写法不对；应为 ## 题目 {{ #锚点 data-q=… }}。")
        if heading:
            answer = _ANSWER.search(section)
            if not answer:
                raise ValueError(f"{page} 的「{heading['title']}」没有写一句话答案。")
            found.append(_question(heading, answer["answer"], page, section))
    return found


def _question(heading: re.Match[str], answer: str, page: str, text: str) -> Question:
    attributes = dict(get_attrs_and_remainder(heading["attributes"])[0])
    missing = [name for name in ("id", "data-level", "data-topics") if not attributes.get(name)]
    if missing:
        raise ValueError(f"{page} 的「{heading['title']}」缺少 {'、'.join(missing)}；请写在标题的花括号里。")
    if (level := attributes["data-level"]) not in LEVELS:
        raise ValueError(
            f"{page} 的「{heading['title']}」的难度是 {level!r}；请改为{'、'.join(LEVELS)}之一。"
        )
    return Question(
        numbers=tuple(attributes["data-q"].split()),
        anchor=attributes["id"],
        title=heading["title"],
        level=level,
        topics=tuple(attributes["data-topics"].split()),
        answer=answer,
        seed=tuple(attributes.get("data-seed", "").split()),
        page=page,
        text=text,
    )


def listing(docs: Path = DOCS) -> str:
    """首页上的题目清单（HTML）；原文的锚点都放在这里，旧链接落到对应的题。"""
    items = "".join(_item(question) for question in questions(docs))
    return f'<ul class="questions">{items}</ul>'


def _item(question: Question) -> str:
    anchors = "".join(f'<span id="{anchor}"></span>' for anchor in question.seed)
    return (
        f'<li>{anchors}<a href="{question.url}">{escape(question.title)}</a>'
        f'<span class="level">{question.level} · {"、".join(question.topics)}</span></li>'
    )
