"""表：Markdown、CSV、JSON 用各自独立的读法读回来，与写进去的值比。"""

import csv as csv_module
import io
import json as json_module
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes import table

numpy = pytest.importorskip("numpy")

FORMATS = [table.markdown, table.csv, table.json]
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
cells = scalars | st.lists(st.integers(), max_size=3).map(tuple)


@st.composite
def columns(draw: st.DrawFn, values: st.SearchStrategy[object] = cells) -> dict[str, list[object]]:
    headers = draw(st.lists(text, unique=True, max_size=4))
    length = draw(st.integers(0, 4))
    return {header: draw(st.lists(values, min_size=length, max_size=length)) for header in headers}


def records(data: dict[str, list[object]]) -> list[tuple[object, ...]]:
    return list(zip(*data.values(), strict=True))


@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_json_round_trip(data: dict[str, list[object]]) -> None:
    back = json_module.loads(table.json(data))
    expected = [dict(zip(data, map(listed, row), strict=True)) for row in records(data)]
    assert back == expected
    assert [list(map(type, row.values())) for row in back] == [
        list(map(type, row.values())) for row in expected
    ]


def positive(value: tuple[object, ...]) -> bool:
    return bool(value) and all(type(item) is int and item > 0 for item in value)


def listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_csv_round_trip(data: dict[str, list[object]]) -> None:
    """RFC 4180 由标准库的读法读回；数用 `int`、`float` 读回来不差一位。"""
    output = table.csv(data)
    header, *rows = list(csv_module.reader(io.StringIO(output, newline=""), strict=True))
    assert header == list(data)
    assert output.endswith("\r\n")
    assert len(rows) == len(records(data))
    sizes = [all(positive(value) for value in column if isinstance(value, tuple)) for column in data.values()]
    for row, values in zip(rows, records(data), strict=True):
        for cell, value, size in zip(row, values, sizes, strict=True):
            if value is None:
                assert cell == ""
            elif isinstance(value, tuple):
                items = [str(item) for item in value]
                assert cell == ("x".join(items) if size else f"({', '.join(items)})")
            elif isinstance(value, bool | str):
                assert cell == str(value)
            else:
                assert type(value)(cell) == value  # type: ignore[call-arg]


@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_markdown_keeps_its_grid(data: dict[str, list[object]]) -> None:
    """单元格里有 `|`、换行也不多出格子、不多出行。"""
    output = table.markdown(data)
    if not data:
        assert output == ""
        return
    lines = output.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 2 + len(records(data))
    assert {line.count("|") for line in lines} == {len(data) + 1}


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.integers(), min_size=1, max_size=5))
def test_markdown_numbers_read_back(numbers: list[int]) -> None:
    _, rule, *rows, _ = table.markdown({"数": numbers}).split("\n")
    assert rule == "| ---: |"
    assert [int(row.strip("| ").replace(",", "")) for row in rows] == numbers


@pytest.mark.parametrize(
    ("value", "shown", "written", "parsed"),
    [
        (23296, "23,296", "23296", 23296),
        (-1234567, "-1,234,567", "-1234567", -1234567),
        (0.1, "0.1", "0.1", 0.1),
        (1 / 3, "0.333333", repr(1 / 3), 1 / 3),
        (Fraction(1, 4), "0.25", "1/4", 0.25),
        (None, "—", "", None),
        (True, "是", "True", True),
        (False, "否", "False", False),
        ((64, 55, 55), "64×55×55", "64x55x55", [64, 55, 55]),
        ((9216,), "9216", "9216", [9216]),
        ((-90, -90), "(-90, -90)", '"(-90, -90)"', [-90, -90]),
        ((0, 0), "(0, 0)", '"(0, 0)"', [0, 0]),
        ((0, -2), "(0, -2)", '"(0, -2)"', [0, -2]),
        ("a|b", "a&#124;b", "a|b", "a|b"),
        ("a\nb", "a b", '"a\nb"', "a\nb"),
        ('a,"b"', 'a,"b"', '"a,""b"""', 'a,"b"'),
        ("感受野", "感受野", "感受野", "感受野"),
        (numpy.int64(23296), "23,296", "23296", 23296),
        (numpy.int8(-5), "-5", "-5", -5),
        (numpy.float64(0.1), "0.1", "0.1", 0.1),
        (numpy.float32(0.5), "0.5", "0.5", 0.5),
    ],
    ids=repr,
)
def test_one_value_in_three_formats(value: object, shown: str, written: str, parsed: object) -> None:
    assert table.markdown({"h": [value]}).splitlines()[2:] == [f"| {shown} |"]
    assert table.csv({"h": [value], "i": [7]}) == f"h,i\r\n{written},7\r\n"
    back = json_module.loads(table.json({"h": [value]}))
    assert back == [{"h": parsed}]
    assert type(back[0]["h"]) is type(parsed)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([1, 2.5, Fraction(1, 2)], "---:"),
        ([numpy.int32(1), numpy.float32(2)], "---:"),
        (numpy.arange(3), "---:"),
        ([1, None], "---"),
        ([1, True], "---"),
        (["1"], "---"),
        ([(1, 2)], "---"),
    ],
    ids=repr,
)
def test_only_columns_of_numbers_are_right_aligned(values: list[object], rule: str) -> None:
    assert table.markdown({"h": values}).splitlines()[1] == f"| {rule} |"


def test_numpy_arrays_are_columns() -> None:
    data = {"n": numpy.array([1, 2]), "x": numpy.array([0.5, 1.5], dtype=numpy.float32)}
    assert json_module.loads(table.json(data)) == [{"n": 1, "x": 0.5}, {"n": 2, "x": 1.5}]
    assert table.csv(data) == "n,x\r\n1,0.5\r\n2,1.5\r\n"
    assert table.markdown(data) == "| n | x |\n| ---: | ---: |\n| 1 | 0.5 |\n| 2 | 1.5 |\n"


def test_json_of_numpy_numbers_in_tuples() -> None:
    """比文本：3 与 3.0 相等，读回来比不出整数被写成了小数。"""
    assert table.json({"shape": [(numpy.int64(3), 4)]}) == '[{"shape": [3, 4]}]'


def test_json_of_numpy_booleans() -> None:
    assert json_module.loads(table.json({"ok": numpy.array([True])})) == [{"ok": True}]


def test_markdown_of_numpy_booleans() -> None:
    assert table.markdown({"ok": numpy.array([True])}).endswith("| 是 |\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), numpy.float32("nan")], ids=repr)
def test_json_has_no_nan(value: float) -> None:
    with pytest.raises(ValueError, match=r"^`columns` 应为 JSON 能表示的数，得到 nan 或 inf；"):
        table.json({"x": [value]})


def test_digits_are_significant_digits() -> None:
    last = [table.markdown({"x": [2 / 3]}, digits=digits).splitlines()[-1] for digits in (1, 3, 8)]
    assert last == ["| 0.7 |", "| 0.667 |", "| 0.66666667 |"]


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_unequal_columns(write: type[object]) -> None:
    message = r"^`columns` 应为一样长的各列，得到 \{'a': 2, 'b': 1\}；请补齐或截短。$"
    with pytest.raises(ValueError, match=message):
        write({"a": [1, 2], "b": [1]})  # type: ignore[call-arg]


def test_empty_tables() -> None:
    header, rule = table.markdown({"a": [], "b": []}).splitlines()
    assert header == "| a | b |"
    assert set(rule) <= set("| -:")
    assert table.csv({"a": []}) == "a\r\n"
    assert table.json({"a": []}) == table.json({}) == "[]"


def test_iterators_are_read_once() -> None:
    assert table.csv({"a": iter([1, 2]), "b": range(2)}) == "a,b\r\n1,0\r\n2,1\r\n"


def test_headers_are_escaped_too() -> None:
    assert table.markdown({"a|b": [1]}).splitlines()[0] == "| a&#124;b |"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\u2028"], ids=repr)
def test_a_line_break_in_a_cell_does_not_break_the_row(line_break: str) -> None:
    assert table.markdown({"x": [f"a{line_break}b"]}).splitlines()[-1] == "| a b |"


def test_bad_columns_and_digits() -> None:
    with pytest.raises(TypeError, match=r"^`columns\['x'\]` 应为一列值，得到 'abc'；"):
        table.markdown({"x": "abc"})
    with pytest.raises(ValueError, match=r"^`digits` 应为不小于 1 的整数，得到 0；"):
        table.markdown({"x": [1.5]}, digits=0)
    with pytest.raises(TypeError, match=r"^`digits` 应为"):
        table.markdown({"x": [1.5]}, digits=1.5)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(data=columns())
def test_text_is_a_grid_of_the_widths_shown(data: dict[str, list[object]]) -> None:
    """每一列在各行都从同一格开始（靠左）或到同一格为止（靠右）；行数等于值的个数加表头。"""
    lines = table.text(data).split("\n")
    assert lines.pop() == ""
    assert len(lines) == (1 + len(records(data)) if data else 0)


def test_text_aligns_by_the_width_shown() -> None:
    """手数：汉字和全角括号占两格，重音记号不占。"""
    output = table.text({"层": ["conv1", "池化（大）", "e\u0301"], "参数量": [23296, 0, -1]})
    assert output.splitlines() == [
        "层          参数量",
        "conv1       23,296",
        "池化（大）       0",
        "e\u0301               -1",
    ]
    assert table.text({}) == ""
    assert table.text({"h": []}) == "h\n"
    assert table.text({"h": ["a", None]}) == "h\na\n—\n"


def test_tuples_of_decimals_keep_the_digits() -> None:
    assert "(15.5, 0.333)" in table.markdown({"h": [(15.5, 1 / 3)]}, digits=3)
    assert "(15.5, 0.333)" in table.text({"h": [(15.5, 1 / 3)]}, digits=3)


@pytest.mark.parametrize("digits", [0, -1, True, 2.0, None])
def test_text_checks_its_digits(digits: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^`digits` 应为不小于 1 的整数，得到 "):
        table.text({"h": [1.5]}, digits=digits)  # type: ignore[arg-type]


def test_one_column_has_one_notation() -> None:
    """同一列里有位置，就都写成位置，不因为某一格恰好都是正数而写成形状。"""
    columns = {"start": [(-2, -2), (3, 3), None], "rf": [(3, 3), (5, 5), "all"]}
    assert table.markdown(columns).splitlines()[2:] == [
        "| (-2, -2) | 3×3 |",
        "| (3, 3) | 5×5 |",
        "| — | all |",
    ]
    assert table.csv(columns).splitlines()[2] == '"(3, 3)",5x5'
