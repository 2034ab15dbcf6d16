"""中文排版检查：每条规则有它必须拒绝的一行，也有它不该动的写法。"""

from pathlib import Path

import pytest

from sitekit.typography import __main__ as command
from sitekit.typography import lint, lint_file

BROKEN = [
    ("使用KL散度", "空格与标点", "使用 KL 散度"),
    ("大小为3的核", "空格与标点", "大小为 3 的核"),
    ("    ??? 缩进的KL散度", "空格与标点", "缩进的 KL 散度"),
    ("汉 ，字", "空格与标点", "汉，字"),
    ("汉字.", "空格与标点", "汉字。"),
    ("⽼师", "形近字", "老师"),
    ("⻓度", "形近字", "〔改成通用的汉字〕度"),
    ("第 １２ 层", "全角字母数字", "第 12 层"),
    ("用 Ｒ 表示", "全角字母数字", "用 R 表示"),
    ("汉\u3000字", "全角空格", "汉 字"),
    ("汉字 ", "行尾空格", "汉字"),
    ("等等...", "省略号", "等等……"),
    ("...汉字", "省略号", "……汉字"),
    ("汉…字", "省略号", "汉……字"),
    ('叫做"感受野"的', "引号", "叫做“感受野”的"),
    ('"a" 与 "感受野"', "引号", '"a" 与“感受野”'),
    ("感受野(见上)", "括号", "感受野（见上）"),
    ("感受野(RF)", "括号", "感受野（RF）"),
    ("汉,字", "标点", "汉，字"),
    ("汉;字", "标点", "汉；字"),
    ("汉:字", "标点", "汉：字"),
    ("汉?字", "标点", "汉？字"),
    ("汉!字", "标点", "汉！字"),
    ("汉, 字", "标点", "汉，字"),
    ("**汉**,字", "标点", "**汉**，字"),
    ("`a`,字", "标点", "`a`，字"),
    ("是`a` 吗", "代码或公式旁的空格", "是 `a` 吗"),
    ("是 $x$吗", "代码或公式旁的空格", "是 $x$ 吗"),
    ("$x，y$", "公式里的全角字符", "$x,y$"),
    ("$$\nx\u3000y\n$$", "公式里的全角字符", "x y"),
    ("$x_{最大}$", "公式里的汉字", r"$x_{\text{最大}}$"),
    (r"$\mathrm{汉}$", "公式里的汉字", r"\mathrm{\text{汉}}$"),
    (r"$a \* b$", "公式里的转义", "$a * b$"),
    ("---\ntitle: 用KL散度\n---\n", "空格与标点", "title: 用 KL 散度"),
    ('!!! note "用KL散度"', "空格与标点", '"用 KL 散度"'),
    ("<div>用KL散度</div>", "空格与标点", "用 KL 散度"),
    ("[用KL散度](a.md)", "空格与标点", "用 KL 散度"),
]

GOOD = [
    "使用 KL 散度，然后停下。",
    "```python\nx = '汉a,汉'  # 注释abc \n```",
    "    ```\n    汉a\n    ```",
    "~~~\n汉a\n```\n汉a\n~~~",
    "用 `汉a,汉` 表示",
    "用 ``汉`a`` 表示",
    r"最大值 $x_{\text{最大a，}}$。",
    r"$$" + "\n" + r"p \quad \text{若 } x,\ \text{否则（a）}" + "\n$$",
    '## 题目 { #id data-topics="汉a,汉b" }',
    '<div title="汉a,汉">汉</div>',
    "见[某页](汉a,汉.md)和 <https://a.org/汉a>。",
    "https://a.org/a?汉字",
    "[甲]: a/b,汉.md",
    '---\nmy_key: "汉"\ntags:\n  - "汉"\n---\n',
    "::: dlnotes.汉a",
    '??? question "为什么？"\n    "a"',
    '=== "甲"',
    "汉:material-check:",
    "§3.1：171 与 22 个",
    '读 "Attention Is All You Need"。',
    "汉![图](a.png)",
    "汉&nbsp;汉",
    "a, b; c: d (e)",
    "- 汉\n1. 汉\n\n| 汉 | `a` |\n|---|:--|\n",
    ">>> f('汉a')\n'汉b'\n\n汉",
    "Ba et al. (2016), §3.1；torchvision `x`。",
    "[^1]: 汉",
    r"价格 \$5 与 \$6",
]


@pytest.mark.parametrize(("text", "rule", "suggestion"), BROKEN)
def test_rejects(text: str, rule: str, suggestion: str) -> None:
    [finding] = lint(text)
    assert rule in finding.rule.split("、")
    assert suggestion in finding.after


def test_every_rule_has_a_broken_line() -> None:
    from sitekit.typography.rules import LINE_RULES, MATH_RULES

    assert {rule for _, rule, _ in BROKEN} == {*LINE_RULES, *MATH_RULES}


@pytest.mark.parametrize("text", GOOD)
def test_accepts(text: str) -> None:
    assert lint(text) == []


@pytest.mark.parametrize(("text", "rule", "suggestion"), BROKEN)
def test_the_same_text_in_a_fence_is_left_alone(text: str, rule: str, suggestion: str) -> None:
    assert lint(f"````\n{text}\n````") == []


def test_line_numbers_survive_the_parts_that_are_left_alone() -> None:
    text = "---\ntitle: 汉\n---\n\n```\n汉a\n```\n\n$$\nx\n$$\n\n汉a\n$$\nx\n+汉\n$$\n"
    assert [finding.line for finding in lint(text)] == [13, 16]


@pytest.mark.parametrize("prefix", ["", "r"])
def test_docstrings_are_reported_at_their_line_in_the_file(tmp_path: Path, prefix: str) -> None:
    module = tmp_path / "a.py"
    source = (
        f'{prefix}"""好。\n\n汉a\n"""\n\n# 注释a不查\nx = "字符串a不查"\n\n'
        f'def f() -> None:\n    {prefix}"""好。\n\n    Args:\n        x: 汉a\n    """\n\n'
        'class A:\n    "汉a"\n'
    )
    module.write_text(source, encoding="utf-8")
    assert [finding.line for finding in lint_file(module)] == [3, 13, 17]


def test_command_prints_and_fails_only_when_there_is_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "sub" / "a.md"
    page.parent.mkdir()
    page.write_text("好\n汉a\n", encoding="utf-8")
    assert command.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{page}:2: 空格与标点：汉a → 汉 a\n"
    page.write_text("好\n汉 a\n", encoding="utf-8")
    assert command.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_long_lines_are_cut_to_the_change() -> None:
    [finding] = lint("汉" * 100 + "a" + "汉" * 100)
    assert len(finding.before) < 20
