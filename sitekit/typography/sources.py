"""从文件里取出要检查的文字：Markdown 取全文，Python 取文档字符串。"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_STRING = re.compile(r"""[rRuU]?(?P<quote>\"{3}|'{3}|"|')(?P<body>.*)(?P=quote)""", re.DOTALL)


class Passage(NamedTuple):
    """一段文字与它第一行的行号（从 1 数）。"""

    line: int
    text: str


def passages(path: Path) -> Iterator[Passage]:
    """一个文件里要检查的各段文字。"""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from _docstrings(source)
    else:
        yield Passage(1, source)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """文件照列，文件夹取其中所有的 Markdown 与 Python 文件。"""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.suffix in {".md", ".py"})
        else:
            yield path


def _docstrings(source: str) -> Iterator[Passage]:
    """自成一句的字符串，照源代码里的写法取：行号与转义都不走样，前缀 `r` 不碍事。"""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            segment = ast.get_source_segment(source, node.value) or ""
            if found := _STRING.fullmatch(segment):
                # 结尾的引号独占一行时，它前面的缩进不是行尾空格。
                yield Passage(node.lineno, found["body"].rstrip(" "))
