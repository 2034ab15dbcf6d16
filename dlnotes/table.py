r"""把若干列打印成对齐的文本、Markdown、HTML、CSV 或 JSON。

列是“表头到值”的字典，值可以是 Python 的数、字符串、元组或 numpy 数组；各列要一样长。
"""

import csv as csv_module
import io
import json as json_module
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from numbers import Real

from dlnotes._check import integer, problem

Columns = Mapping[str, Iterable[object]]
Rows = list[tuple[object, ...]]


def text(columns: Columns, *, digits: int = 6) -> str:
    """打印成对齐的文本，供终端使用；值的写法与 [`markdown`][dlnotes.table.markdown] 相同。

    汉字和全角标点占两格，所以按显示的宽度对齐，而不是按字符数；全是数的列靠右，其余靠左。
    列之间空两格，行末不留空格。

    Args:
        columns: 表头到这一列的值。
        digits: 小数保留几位有效数字。

    Returns:
        以换行结尾的文本，第一行是表头；没有列时是空文本。

    Raises:
        TypeError: 某一列不是一列值，或 `digits` 不是整数。
        ValueError: 各列长短不一，或 `digits` 小于 1。

    References:
        Unicode Standard Annex #11, *East Asian Width*，属性 W 与 F 占两格。

    Examples:
        >>> print(text({"层": ["conv1", "池化"], "参数量": [23296, 0]}), end="")
        层     参数量
        conv1  23,296
        池化        0
    """
    integer("digits", digits, minimum=1)
    headers, rows = _rows(columns)
    lines = [[*map(_flat, headers)], *([_flat(cell) for cell in row] for row in _shown(rows, digits))]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    numeric = _numeric(headers, rows)
    return "".join(
        "  ".join(map(_align, cells, widths, numeric)).rstrip() + "\n" for cells in lines if headers
    )


def markdown(columns: Columns, *, digits: int = 6) -> str:
    r"""打印成 Markdown 的表，供网页使用。

    整数加千分位，大小写成 `64×55×55`，位置（这一列有含零、负数或小数的元组）写成 `(-2, -2)`，
    `None` 写成 `—`；全是数的列靠右对齐。
    单元格里的 `|` 会被转义，所以列里不要写含 `|` 的公式（用 `\lvert`、`\mid`）。

    Args:
        columns: 表头到这一列的值。
        digits: 小数保留几位有效数字。

    Returns:
        以换行结尾的 Markdown 文本；没有列时是空文本。

    Raises:
        TypeError: 某一列不是一列值，或 `digits` 不是整数。
        ValueError: 各列长短不一，或 `digits` 小于 1。

    Examples:
        >>> print(markdown({"层": ["conv1", "pool1"], "参数量": [23296, 0]}), end="")
        | 层 | 参数量 |
        | --- | ---: |
        | conv1 | 23,296 |
        | pool1 | 0 |
    """
    integer("digits", digits, minimum=1)
    headers, rows = _rows(columns)
    if not headers:
        return ""
    lines = [
        [_escape(header) for header in headers],
        ["---:" if right else "---" for right in _numeric(headers, rows)],
        *([_escape(cell) for cell in row] for row in _shown(rows, digits)),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def html(columns: Columns, *, digits: int = 6) -> str:
    r"""打印成 HTML 的表；值的写法与 [`markdown`][dlnotes.table.markdown] 相同。

    几百行的表这样写，比先写成 Markdown 再转换快得多。

    Args:
        columns: 表头到这一列的值。
        digits: 小数保留几位有效数字。

    Returns:
        一个 `<table>`，没有换行；没有列时是空文本。

    Raises:
        TypeError: 某一列不是一列值，或 `digits` 不是整数。
        ValueError: 各列长短不一，或 `digits` 小于 1。

    Examples:
        >>> html({"层": ["conv1"]})
        '<table><thead><tr><th>层</th></tr></thead><tbody><tr><td>conv1</td></tr></tbody></table>'
    """
    integer("digits", digits, minimum=1)
    headers, rows = _rows(columns)
    if not headers:
        return ""
    styles = [' style="text-align: right"' if right else "" for right in _numeric(headers, rows)]

    def line(tag: str, cells: Iterable[str]) -> str:
        written = (
            f"<{tag}{style}>{escape(_flat(cell))}</{tag}>" for style, cell in zip(styles, cells, strict=True)
        )
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(line("td", cells) for cells in _shown(rows, digits))
    return f"<table><thead>{line('th', headers)}</thead><tbody>{body}</tbody></table>"


def csv(columns: Columns) -> str:
    r"""打印成 CSV（RFC 4180，UTF-8 文本）：数原样写出，形状写成 `64x55x55`，`None` 留空。

    位置（这一列有含零、负数或小数的元组）写成 `(-2, -2)`。

    Args:
        columns: 表头到这一列的值。

    Returns:
        每行以 `\r\n` 结尾的文本。

    Raises:
        TypeError: 某一列不是一列值。
        ValueError: 各列长短不一。

    Examples:
        >>> csv({"name": ["conv1"], "output": [(64, 55, 55)]})
        'name,output\r\nconv1,64x55x55\r\n'
    """
    headers, rows = _rows(columns)
    stream = io.StringIO()
    writer = csv_module.writer(stream)
    writer.writerow(headers)
    sizes = _sizes(rows)
    for row in rows:
        writer.writerow(map(_plain, row, sizes))
    return stream.getvalue()


def json(columns: Columns) -> str:
    """打印成 JSON：一行一个对象，形状是数组，`None` 是 `null`。

    Args:
        columns: 表头到这一列的值。

    Returns:
        一个 JSON 数组的文本。

    Raises:
        TypeError: 某一列不是一列值，或有 JSON 不能表示的值。
        ValueError: 各列长短不一，或有 JSON 不能表示的 `nan`、`inf`。

    Examples:
        >>> json({"name": ["conv1"], "rf": [(11, 11)]})
        '[{"name": "conv1", "rf": [11, 11]}]'
    """
    headers, rows = _rows(columns)
    records = [dict(zip(headers, row, strict=True)) for row in rows]
    try:
        return json_module.dumps(records, ensure_ascii=False, allow_nan=False, default=_json_number)
    except ValueError:
        raise ValueError(problem("columns", "JSON 能表示的数", "nan 或 inf", "请先换成 None")) from None


def _rows(columns: Columns) -> tuple[list[str], Rows]:
    for header, values in columns.items():
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            remedy = "单个值请写成 [值]"
            raise TypeError(problem(f"columns[{header!r}]", "一列值", repr(values), remedy))
    lists = {header: [_native(value) for value in values] for header, values in columns.items()}
    lengths = {header: len(values) for header, values in lists.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(problem("columns", "一样长的各列", lengths, "请补齐或截短"))
    return list(lists), list(zip(*lists.values(), strict=True))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _native(value: object) -> object:
    """numpy 的标量换成 Python 的值；只看有没有 `item`，所以不必加载 numpy。"""
    if isinstance(value, tuple):
        return tuple(map(_native, value))
    if getattr(value, "ndim", 0):
        raise TypeError(problem("columns", "一维的列", f"形状是 {value.shape} 的元素", "请先展平或逐行取出"))  # type: ignore[attr-defined]
    return value.item() if hasattr(value, "item") else value


def _json_number(value: object) -> float:
    """`json` 不认识的数（如 `Fraction`）写成小数。"""
    if isinstance(value, Real):
        return float(value)
    raise TypeError(problem("columns", "数、文本、元组或 None", repr(value), "请先换成其中一种"))


def _shown(rows: Rows, digits: int) -> Iterator[list[str]]:
    """各格写给人看的样子。"""
    sizes = _sizes(rows)
    for row in rows:
        yield [_display(value, digits, size) for value, size in zip(row, sizes, strict=True)]


def _sizes(rows: Rows) -> list[bool]:
    """哪些列的元组是形状：全是正整数。有一个含零或负数，整列就都是位置，免得同一列有两种写法。"""
    columns = zip(*rows, strict=True)
    return [all(_is_size(value) for value in column if isinstance(value, tuple)) for column in columns]


def _display(value: object, digits: int, size: bool = True) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Real):
        return f"{float(value):.{digits}g}"
    if isinstance(value, tuple):
        if size:
            return "×".join(map(str, value))
        return f"({', '.join(str(item) if _is_integer(item) else _display(item, digits) for item in value)})"
    return str(value)


def _plain(value: object, size: bool) -> object:
    """CSV 的一格：不加千分位，用 ASCII 的 `x`。"""
    if isinstance(value, tuple):
        return "x".join(map(str, value)) if size else f"({', '.join(map(str, value))})"
    return value


def _is_size(value: tuple[object, ...]) -> bool:
    """全是正整数。"""
    return bool(value) and all(isinstance(item, int) and _is_integer(item) and item > 0 for item in value)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numeric(headers: list[str], rows: Rows) -> list[bool]:
    """哪些列全是数，要靠右。"""
    return [all(_is_number(row[index]) for row in rows) for index in range(len(headers))]


def _width(cell: str) -> int:
    """显示的宽度：汉字与全角符号占两格，组合用的记号不占。"""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in cell
    )


def _align(cell: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(cell))
    return blank + cell if right else cell + blank


def _flat(cell: str) -> str:
    """一格只占一行。"""
    return " ".join(cell.splitlines())


def _escape(cell: str) -> str:
    return _flat(cell.replace("|", "&#124;"))
