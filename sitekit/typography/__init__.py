"""检查中文排版：页面、README、CONTRIBUTING 与文档字符串。

`python -m sitekit.typography [路径…]`：有问题时逐条打印并返回 1，否则不出声。
空格与标点交给 autocorrect，另加它不管的几条（见 `rules`）。代码、公式、属性、网址不动。
"""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from sitekit.typography.protect import Protected, protect
from sitekit.typography.rules import LINE_RULES, MATH_RULES, Fix
from sitekit.typography.sources import passages

_CONTEXT = 8


class Finding(NamedTuple):
    """一处不合规：行号（从 1 数）、规则、原文、建议。"""

    line: int
    rule: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.rule}：{self.before} → {self.after}"


def lint(text: str, first_line: int = 1) -> list[Finding]:
    """检查一段 Markdown。"""
    protected = protect(text)
    found = [*_prose(protected), *_math(protected)]
    return sorted(finding._replace(line=finding.line + first_line) for finding in found)


def lint_file(path: Path) -> list[Finding]:
    """检查一个文件：`.py` 查其中的文档字符串，其余当作 Markdown。"""
    return [finding for passage in passages(path) for finding in lint(passage.text, passage.line)]


def _prose(protected: Protected) -> Iterator[Finding]:
    for number, line in enumerate(protected.text.split("\n")):
        broken, fixed = _fix(line, LINE_RULES)
        if broken:
            yield Finding(number, broken, *_excerpt(protected.restore(line), protected.restore(fixed)))


def _math(protected: Protected) -> Iterator[Finding]:
    for first, formula in protected.math:
        for number, line in enumerate(formula.split("\n"), first):
            broken, fixed = _fix(line, MATH_RULES)
            if broken:
                yield Finding(number, broken, *_excerpt(line, fixed))


def _fix(line: str, rules: Mapping[str, Fix]) -> tuple[str, str]:
    """各条规则依次改同一行，所以建议不会互相抵触；返回改动了它的规则和改好的一行。"""
    broken = []
    for rule, fix in rules.items():
        fixed = fix(line)
        if fixed != line:
            broken.append(rule)
        line = fixed
    return "、".join(broken), line


def _excerpt(before: str, after: str) -> tuple[str, str]:
    """只留下不同的部分和两边几个字：一段文字常常就是长长的一行。"""
    operations = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changes = [operation for operation in operations if operation[0] != "equal"]
    _, left, _, left_after, _ = changes[0]
    _, _, right, _, right_after = changes[-1]
    shared = min(left, _CONTEXT)
    return (
        before[left - shared : right + _CONTEXT],
        after[left_after - shared : right_after + _CONTEXT],
    )
