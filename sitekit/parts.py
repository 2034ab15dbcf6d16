"""给问题的各部分定下稳定的 id：`## 问题 { #q }` 之下的 `### 详解` 是 `q-why`，余类推。"""

import re
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

SUFFIXES = {
    "详解": "why",
    "算一算": "run",
    "追问": "ask",
    "易错": "trap",
    "勘误": "trap",
    "易错/勘误": "trap",
    "参考": "ref",
}
_HEADING = re.compile("h[1-6]")


class PartsTreeprocessor(Treeprocessor):
    """在 attr_list 读完 `{ #id }` 之后、toc 自动起名（`_1`、`_2`）之前运行。"""

    name = "sitekit_parts"
    priority = 7

    def __init__(self, md: Markdown, report: Callable[[list[str]], None]) -> None:
        super().__init__(md)
        self._report = report

    def run(self, root: Element) -> None:
        """给各部分加 id，把发现的问题交给 `report`。"""
        self._report(name_parts(root))


def name_parts(root: Element) -> list[str]:
    """就地加 id，返回发现的问题。"""
    problems: list[str] = []
    question = Element("none")
    seen: dict[str, str] = {}
    for heading in (element for element in root.iter() if _is_heading(element)):
        title = re.sub(r"\s+", " ", "".join(heading.itertext())).strip()
        if heading.tag in ("h1", "h2"):
            question, seen = heading, {}
        elif heading.tag == "h3" and question.get("id"):
            problems += _name_part(heading, title, question, seen)
        if heading.tag == "h1" and not heading.get("id"):
            heading.set("id", "title")  # 一页只有一个，不必逐页取名
        if not heading.get("id"):
            problems.append(f"标题「{title}」没有 id；请在标题后写 {{ #id }}，自动生成的名称不稳定。")
        if "$" in title or heading.find(".//*[@class='arithmatex']") is not None:
            problems.append(
                f"标题「{title}」里有公式，目录、页名和搜索都显示不了；请改用文字或 Unicode 字符。"
            )
    return problems


def _name_part(heading: Element, title: str, question: Element, seen: dict[str, str]) -> list[str]:
    suffix = SUFFIXES.get(title.replace(" ", ""))
    if suffix is None:
        if question.get("data-q") is None:
            return []
        return [f"问题 `{question.get('id')}` 下不认识的部分「{title}」；可用的是{'、'.join(SUFFIXES)}。"]
    if suffix in seen:
        return [f"问题 `{question.get('id')}` 下「{title}」与「{seen[suffix]}」重复；请合并。"]
    seen[suffix] = title
    if not heading.get("id"):
        heading.set("id", f"{question.get('id')}-{suffix}")
    return []


def _is_heading(element: Any) -> bool:
    return isinstance(element.tag, str) and _HEADING.fullmatch(element.tag) is not None
