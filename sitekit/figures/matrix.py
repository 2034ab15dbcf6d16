"""小的矩阵：一格一个记号，看得出哪些格子共用一个权重，哪些是 0。"""

from collections.abc import Sequence
from itertools import chain

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import FAINT, SERIES
from sitekit.figures.svg import Element, label, rect, text_width

_MARGIN = 2
_GAP = 8
_FONT = 11
_LARGEST = 28
_PADDING = 2

Cells = Sequence[Sequence[str | None]]


def matrix(
    cells: Cells,
    *,
    rows: Sequence[str] = (),
    id: str,  # noqa: A002
    title: str,
    caption: str,
) -> str:
    """画一个矩阵，首字符相同的格子颜色相同，记号写在格子里。

    Args:
        cells: 一行一个序列；格子是记号，`""` 是 0（只画淡的框），`None` 是没有这一格。
        rows: 各行的名称，写在左边；不写就没有。
        id: 图的 id，页内唯一。
        title: 图的名称；与各行的记号一起成为文字替代。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 没有格子，各行长短不一，名称的个数不对，或记号太长，格子里写不下。

    Examples:
        >>> text = matrix([["a", ""], ["", "a"]], id="eye", title="单位阵", caption="对角线。")
        >>> "第 0 行：a 0；第 1 行：0 a。" in text
        True
    """
    widths = {len(row) for row in cells}
    if len(widths) != 1 or widths == {0} or (rows and len(rows) != len(cells)):
        raise ValueError(f"图 {id} 的各行应一样长、不为空，名称一行一个；请检查。")
    names = list(rows) or [""] * len(cells)
    left = _MARGIN + max(map(text_width, names)) + (_GAP if rows else 0)
    side = min((WIDTH - left - _MARGIN) / widths.pop(), _LARGEST)
    marks = [mark for mark in chain.from_iterable(cells) if mark]
    if any(text_width(mark) * _FONT / 12 + _PADDING > side for mark in marks):
        raise ValueError(f"图 {id} 的格子只有 {side:.0f} 像素宽，写不下最长的记号；请减少列数或缩短记号。")
    initials = dict.fromkeys(mark[0] for mark in marks)
    colours = {initial: SERIES[n % len(SERIES)] for n, initial in enumerate(initials)}
    used = left + side * max(map(len, cells))
    start = max((WIDTH - used) / 2, 0) + left
    shapes: list[Element] = []
    for r, (name, row) in enumerate(zip(names, cells, strict=True)):
        top = _MARGIN + r * side
        if name:
            shapes.append(label(start - _GAP, top + side / 2 + 4, name, text_anchor="end"))
        for c, mark in enumerate(row):
            if mark is not None:
                shapes += _cell(start + c * side, top, side, mark, colours)
    return frame(
        shapes,
        height=len(cells) * side + 2 * _MARGIN,
        id=id,
        title=title,
        alt=_describe(names, cells),
        caption=caption,
    )


def _cell(x: float, y: float, side: float, mark: str, colours: dict[str, str]) -> list[Element]:
    if not mark:
        return [rect(x, y, side, side, stroke=FAINT, stroke_opacity=0.5)]
    box = rect(x, y, side, side, stroke=FAINT, fill=colours[mark[0]], fill_opacity=0.3)
    text = label(x + side / 2, y + side / 2 + 4, mark, text_anchor="middle", font_size=_FONT)
    return [box, text]


def _describe(names: Sequence[str], cells: Cells) -> str:
    """逐行读出；没有的格子略过。"""
    spoken = [name or f"第 {n} 行" for n, name in enumerate(names)]
    lines = [" ".join(mark or "0" for mark in row if mark is not None) for row in cells]
    return "；".join(f"{name}：{line}" for name, line in zip(spoken, lines, strict=True)) + "。"
