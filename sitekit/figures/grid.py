"""窗口在格子上滑动：卷积、膨胀卷积、池化，以及反过来的转置卷积。"""

from collections.abc import Iterator
from dataclasses import dataclass

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import DASHES, FAINT, SERIES
from sitekit.figures.svg import Attribute, Element, arrowhead, dot, label, line, rect

Pair = tuple[int, int]
Padding = int | tuple[int | Pair, int | Pair]

_MARGIN = 3
_ARROW = 40
_LARGEST, _SMALLEST = 28, 9


@dataclass(frozen=True)
class _Axis:
    """一个方向：`large` 个格子的一侧（两端另有补零），窗口走 `small` 步。"""

    large: int
    small: int
    before: int
    after: int
    kernel_size: int
    stride: int
    dilation: int

    @property
    def cells(self) -> int:
        return self.before + self.large + self.after

    def first(self, step: int) -> int:
        """第 `step` 步的窗口从哪一格起，含补零在内数。"""
        return step * self.stride

    @property
    def extent(self) -> int:
        return self.dilation * (self.kernel_size - 1) + 1


@dataclass(frozen=True)
class _Grid:
    """格子画在哪里、一格多大。"""

    left: float
    top: float
    side: float

    def rect(self, row: int, column: int, height: int, width: int, /, **style: Attribute) -> Element:
        x, y = self.left + column * self.side, self.top + row * self.side
        return rect(x, y, width * self.side, height * self.side, **style)

    def dot(self, row: int, column: int) -> Element:
        x, y = (self.left + (column + 0.5) * self.side, self.top + (row + 0.5) * self.side)
        return dot(x, y, radius=max(self.side / 8, 1.5))


def sliding_window(
    size: int | Pair,
    *,
    kernel_size: int | Pair,
    stride: int | Pair = 1,
    padding: Padding = 0,
    dilation: int | Pair = 1,
    output_padding: int | Pair = 0,
    transposed: bool = False,
    at: Pair = (0, 0),
    id: str,  # noqa: A002
    caption: str,
) -> str:
    """画一个窗口在格子上的一步和下一步：左边是输入，右边是输出。

    圆点是窗口取的格子，实线框是这一步的窗口，虚线框是右边（到头了就是下边）的下一步；虚线的格子是补零。
    转置卷积是同一张图左右对调：左边的一格撒到右边的一个窗口，虚线的格子是裁掉的。

    Args:
        size: 输入有几格，`(高, 宽)`；一个数表示两个方向相同，下同。
        kernel_size: 窗口里的点数。
        stride: 步长。
        padding: 各补几格，`(高, 宽)`；两端不同时写 `((上, 下), (左, 右))`。
        dilation: 相邻两点的间隔。
        output_padding: 转置卷积的输出在下边、右边多出的格数。
        transposed: 是否是转置卷积。
        at: 画哪一步，即小的一侧的 `(行, 列)`。
        id: 图的 id，页内唯一。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 窗口放不下，`at` 不在格子里，或格子太多，手机上看不清。
    """
    pads = [each if isinstance(each, tuple) else (each, each) for each in _axes(padding)]
    settings = zip(*map(_both, (size, kernel_size, stride, dilation, output_padding)), pads, strict=True)
    rows, columns = (_axis(*axis, transposed=transposed) for axis in settings)
    for name, axis, step in (("行", rows, at[0]), ("列", columns, at[1])):
        if not 0 <= step < axis.small:
            raise ValueError(f"图 {id} 的 at 应在 0 到 {axis.small - 1} 之间，实为第 {step} {name}；请改正。")
    side = min((WIDTH - 2 * _MARGIN - _ARROW) / (columns.cells + columns.small), _LARGEST)
    if side < _SMALLEST:
        raise ValueError(f"图 {id} 的格子太多，手机上一格不到 {_SMALLEST} 像素；请减少格数。")
    return frame(
        _draw(rows, columns, at, side, transposed, id),
        height=max(rows.cells, rows.small) * side + 2 * _MARGIN + 18,
        id=id,
        title=_name(rows, columns, transposed),
        alt=_describe(rows, columns, at, transposed),
        caption=caption,
    )


def _both(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)


def _axes(padding: Padding) -> tuple[int | Pair, int | Pair]:
    return padding if isinstance(padding, tuple) else (padding, padding)


def _axis(
    size: int, kernel_size: int, stride: int, dilation: int, extra: int, pads: Pair, *, transposed: bool
) -> _Axis:
    # 预览时库会重新导入，所以每次取新的。
    from dlnotes.arch import Window, output_size

    before, after = pads
    window = Window(kernel_size, stride=stride, dilation=dilation)
    if transposed:
        large = (size - 1) * stride + window.extent + extra - before - after
        if large < 1:
            raise ValueError(f"转置卷积的输出只有 {large} 格；请减小 padding。")
        return _Axis(large, size, before, after, kernel_size, stride, dilation)
    small = output_size(before + size + after, window)
    return _Axis(size, small, before, after, kernel_size, stride, dilation)


def _draw(rows: _Axis, columns: _Axis, at: Pair, side: float, transposed: bool, id: str) -> Iterator[Element]:  # noqa: A002
    """两侧的格子、两步的窗口、箭头和大小。"""
    used = (columns.cells + columns.small) * side + _ARROW
    start = (WIDTH - used) / 2
    middle = _MARGIN + max(rows.cells, rows.small) * side / 2
    widths = (columns.small, columns.cells) if transposed else (columns.cells, columns.small)
    heights = (rows.small, rows.cells) if transposed else (rows.cells, rows.small)
    left, right = (
        _Grid(x, middle - height * side / 2, side)
        for x, height in zip((start, start + widths[0] * side + _ARROW), heights, strict=True)
    )
    large, small = (right, left) if transposed else (left, right)
    yield arrowhead(f"{id}-arrow")
    yield from _cells(large, rows, columns)
    yield from (small.rect(r, c, 1, 1, stroke=FAINT) for r in range(rows.small) for c in range(columns.small))
    if (following := _next(at, rows, columns)) is not None:
        yield from _step(large, small, rows, columns, following, stroke=SERIES[1], stroke_dasharray=DASHES[1])
    yield from (large.rect(r, c, 1, 1, fill=SERIES[0], fill_opacity=0.3) for r, c in _taps(rows, columns, at))
    yield small.rect(*at, 1, 1, fill=SERIES[0], fill_opacity=0.3)
    yield from (large.dot(r, c) for r, c in _taps(rows, columns, at))
    yield from _step(large, small, rows, columns, at, stroke=SERIES[0])
    head = right.left - _ARROW
    yield line(head + 8, middle, head + _ARROW - 8, middle, stroke_width=2, marker_end=f"url(#{id}-arrow)")
    for grid, lines, across, text in (
        (large, rows.cells, columns.cells, f"{rows.large}×{columns.large}"),
        (small, rows.small, columns.small, f"{rows.small}×{columns.small}"),
    ):
        bottom = grid.top + lines * side + 16
        yield label(grid.left + across * side / 2, bottom, text, text_anchor="middle")


def _cells(grid: _Grid, rows: _Axis, columns: _Axis) -> Iterator[Element]:
    """大的一侧：补零的格子是虚线，画在前面，图自己的格子盖在上面。"""
    inside = []
    for r in range(rows.cells):
        for c in range(columns.cells):
            if 0 <= r - rows.before < rows.large and 0 <= c - columns.before < columns.large:
                inside.append(grid.rect(r, c, 1, 1, stroke=FAINT, fill=FAINT, fill_opacity=0.12))
            else:
                yield grid.rect(r, c, 1, 1, stroke=FAINT, stroke_dasharray="2 3", stroke_opacity=0.7)
    yield from inside
    yield grid.rect(rows.before, columns.before, rows.large, columns.large, stroke=FAINT, stroke_width=2)


def _step(
    large: _Grid, small: _Grid, rows: _Axis, columns: _Axis, at: Pair, /, **style: Attribute
) -> Iterator[Element]:
    r, c = rows.first(at[0]), columns.first(at[1])
    yield large.rect(r, c, rows.extent, columns.extent, stroke_width=3, **style)
    yield small.rect(*at, 1, 1, stroke_width=3, **style)


def _taps(rows: _Axis, columns: _Axis, at: Pair) -> list[Pair]:
    """窗口取的格子，含补零在内数。"""
    lines = [rows.first(at[0]) + n * rows.dilation for n in range(rows.kernel_size)]
    across = [columns.first(at[1]) + n * columns.dilation for n in range(columns.kernel_size)]
    return [(r, c) for r in lines for c in across]


def _next(at: Pair, rows: _Axis, columns: _Axis) -> Pair | None:
    if at[1] + 1 < columns.small:
        return at[0], at[1] + 1
    return (at[0] + 1, at[1]) if at[0] + 1 < rows.small else None


def _name(rows: _Axis, columns: _Axis, transposed: bool) -> str:
    kind = "转置卷积" if transposed else "滑动窗口"
    return f"{rows.kernel_size}×{columns.kernel_size} 的{kind}"


def _describe(rows: _Axis, columns: _Axis, at: Pair, transposed: bool) -> str:
    """图上的大小、设置和这一步的位置。"""
    large, small = f"{rows.large}×{columns.large}", f"{rows.small}×{columns.small}"
    settings = [f"步长 {_show(rows.stride, columns.stride)}"]
    if (pads := (rows.before, rows.after, columns.before, columns.after)) != (0, 0, 0, 0):
        verb = "裁去" if transposed else "补"
        settings.append("上下左右各{} {}、{}、{}、{} 格".format(verb, *pads))
    if (rows.dilation, columns.dilation) != (1, 1):
        settings.append(f"膨胀率 {_show(rows.dilation, columns.dilation)}")
    spans = [
        f"第 {axis.first(step) - axis.before} 到 {axis.first(step) - axis.before + axis.extent - 1} {unit}"
        for axis, step, unit in ((rows, at[0], "行"), (columns, at[1], "列"))
    ]
    sizes = (small, large) if transposed else (large, small)
    role = ("输入", "撒到输出的") if transposed else ("输出", "看到输入的")
    return (
        f"{sizes[0]} 的输入，{'，'.join(settings)}，得到 {sizes[1]} 的输出；"
        f"{role[0]}第 {at[0]} 行第 {at[1]} 列的一格{role[1]}{'、'.join(spans)}。"
    )


def _show(height: int, width: int) -> str:
    return str(height) if height == width else f"{height}×{width}"
