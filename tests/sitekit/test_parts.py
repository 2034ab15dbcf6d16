"""问题各部分的 id。"""

import re

import markdown
import pytest

from sitekit.parts import PartsTreeprocessor


def convert(text: str) -> tuple[list[str], list[str]]:
    """转换之后各标题的 id，和报告的问题。"""
    problems: list[str] = []
    md = markdown.Markdown(extensions=["attr_list", "toc"])
    md.treeprocessors.register(PartsTreeprocessor(md, problems.extend), "parts", PartsTreeprocessor.priority)
    html = md.convert(text)
    return re.findall(r'<h\d[^>]*\bid="([^"]+)"', html), problems


QUESTION = "# 页 { #page }\n\n## 问？ { #q data-q=Q001 }\n\n"


def test_every_part_gets_its_id() -> None:
    parts = "### 详解\n\n### 算一算\n\n### 追问\n\n### 易错 / 勘误\n\n### 参考\n"
    ids, problems = convert(QUESTION + parts)
    assert ids == ["page", "q", "q-why", "q-run", "q-ask", "q-trap", "q-ref"]
    assert problems == []


@pytest.mark.parametrize("title", ["易错", "勘误", "易错 / 勘误", "易错/勘误", "易错  /  勘误"])
def test_trap_has_several_names(title: str) -> None:
    ids, problems = convert(QUESTION + f"### {title}\n")
    assert ids[-1] == "q-trap"
    assert problems == []


def test_parts_belong_to_the_nearest_question() -> None:
    ids, problems = convert(QUESTION + "### 详解\n\n## 又问？ { #r data-q=Q002 }\n\n### 详解\n")
    assert ids == ["page", "q", "q-why", "r", "r-why"]
    assert problems == []


def test_explicit_ids_stay() -> None:
    ids, problems = convert(QUESTION + "### 详解 { #mine }\n\n#### 推导 { #derivation }\n")
    assert ids[2:] == ["mine", "derivation"]
    assert problems == []


def test_other_sections_may_have_other_headings() -> None:
    ids, problems = convert("# 页\n\n## 约定 { #rules }\n\n### 池化 { #pooling }\n\n### 参考\n")
    assert ids[1:] == ["rules", "pooling", "rules-ref"]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("## 没有 id\n", "没有 id"),
        ("## 约定 { #rules }\n\n### 也没有\n", "没有 id"),
        ("## 没有 id\n\n### 详解\n", "没有 id"),
        (QUESTION + "### 想想\n", "不认识的部分"),
        (QUESTION + "### 想想 { #think }\n", "不认识的部分"),
        (QUESTION + "### 详解\n\n### 详解\n", "重复"),
        (QUESTION + "### 易错\n\n### 勘误\n", "重复"),
        ("## $x$ 的含义 { #x }\n", "公式"),
    ],
)
def test_mistakes_are_reported(text: str, complaint: str) -> None:
    _, problems = convert(text)
    assert any(complaint in problem for problem in problems)
