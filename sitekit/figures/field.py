"""感受野：一个单元在输入图上看到哪里，按比例画，逐层套在一起。"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import DASHES, FAINT, INK, SERIES
from sitekit.figures.svg import Attribute, Element, hatch, label, line, path, shape, text_width

if TYPE_CHECKING:
    from dlnotes.arch import Ledger, Row

Pair = tuple[int, int]

_TALLEST = 280
_MARGIN = 6
_TEXT = 18
_KEY = 36  # 图例里线样占的宽
_MOST = 6


@dataclass(frozen=True)
class _Area:
    """输入图上的一块：左上角的像素和大小，都是 `(行, 列)`。"""

    name: str
    start: Pair
    size: Pair

    @property
    def corners(self) -> list[tuple[float, float]]:
        """四个角 `(x, y)`，从左上角起顺时针。"""
        (top, left), (height, width) = self.start, self.size
        return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]

    @property
    def lines(self) -> Pair:
        """头一行和末一行像素。"""
        return self.start[0], self.start[0] + self.size[0] - 1

    @property
    def columns(self) -> Pair:
        """头一列和末一列像素。"""
        return self.start[1], self.start[1] + self.size[1] - 1


@dataclass(frozen=True)
class _Seen:
    """一层的各单元看到哪里；都是 `(行, 列)`。"""

    name: str
    units: Pair
    rf: Pair
    jump: Pair
    start: Pair

    @classmethod
    def of(cls, row: "Row") -> "_Seen":
        if not isinstance(row.rf, tuple) or row.jump is None or row.start is None:
            raise ValueError(f"{row.name} 看到整个输入，或各单元大小不一，画不成一个框；请换一层。")
        if len(row.output) != 3:
            raise ValueError(f"{row.name} 的输出 {row.output} 不是图像，画不成一个框；请换一层。")
        rf, jump, start = ((height, width) for height, width in (row.rf, row.jump, row.start))
        return cls(row.name, (row.output[1], row.output[2]), rf, jump, start)

    def area(self, unit: Pair) -> _Area:
        start = (self.start[0] + unit[0] * self.jump[0], self.start[1] + unit[1] * self.jump[1])
        return _Area(self.name, start, self.rf)

    def nearest(self, goal: _Area) -> Pair:
        """中心离 `goal` 的中心最近的单元。"""
        rows, columns = (self._nearest(axis, goal.start[axis] + goal.size[axis] / 2) for axis in (0, 1))
        return rows, columns

    def _nearest(self, axis: int, centre: float) -> int:
        place = floor((centre - self.rf[axis] / 2 - self.start[axis]) / self.jump[axis] + 0.5)
        return min(max(place, 0), self.units[axis] - 1)


def receptive_field(
    book: "Ledger",
    layers: Sequence[str],
    *,
    unit: Pair | None = None,
    id: str,  # noqa: A002
    caption: str,
) -> str:
    """画最后一层的一个单元看到的范围，和它经过的各层里正对它的单元的范围。

    粗框是输入图；范围伸出图外的部分画斜线，那里只有补零。

    Args:
        book: 网络的账。
        layers: 画哪几层，由浅到深，最多六层。
        unit: 最后一层的哪个单元，`(行, 列)`；不写则是正中的（偶数时偏左上）。
        id: 图的 id，页内唯一。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 层数不对，某一层的感受野不是一对数，不逐层变大，或没有这个单元。
    """
    if not 0 < len(layers) <= _MOST:
        raise ValueError(f"图 {id} 应画 1 到 {_MOST} 层，实为 {len(layers)} 层；请挑几层。")
    areas = _nested([book[name] for name in layers], unit)
    _, height, width = book.input
    image = _Area("input", (0, 0), (height, width))
    shapes, tall = _draw(image, areas, id)
    return frame(
        shapes,
        height=tall,
        id=id,
        title=f"{book.network} 的感受野",
        alt=_describe(image, areas),
        caption=caption,
    )


def _nested(rows: "Sequence[Row]", unit: Pair | None) -> list[_Area]:
    """各层一个单元的范围：最后一层是 `unit`，其余是中心离它最近的。"""
    seen = [_Seen.of(row) for row in rows]
    last = seen[-1]
    chosen = unit or ((last.units[0] - 1) // 2, (last.units[1] - 1) // 2)
    if not (0 <= chosen[0] < last.units[0] and 0 <= chosen[1] < last.units[1]):
        raise ValueError(f"{last.name} 有 {last.units[0]}×{last.units[1]} 个单元，没有 {chosen}；请改正。")
    goal = last.area(chosen)
    areas = [layer.area(layer.nearest(goal)) for layer in seen[:-1]] + [goal]
    if any(small.size[axis] > large.size[axis] for small, large in pairwise(areas) for axis in (0, 1)):
        raise ValueError("各层应由浅到深，感受野逐层变大；请调整次序。")
    return areas


def _draw(image: _Area, areas: Sequence[_Area], id: str) -> tuple[list[Element], float]:  # noqa: A002
    """图的各元素和图高。"""
    corners = [corner for area in (image, *areas) for corner in area.corners]
    (x, y), (right, bottom) = (tuple(map(pick, zip(*corners, strict=True))) for pick in (min, max))
    scale = min((WIDTH - 2 * _MARGIN) / (right - x), _TALLEST / (bottom - y))
    shift = (WIDTH - (right - x) * scale) / 2

    def place(area: _Area) -> list[tuple[float, float]]:
        return [(shift + (a - x) * scale, _TEXT + (b - y) * scale) for a, b in area.corners]

    last, base = areas[-1], _TEXT + (bottom - y) * scale
    # 列号写在上下两边：谁的底更低，谁的写在下边。
    edges, image_is_lower = (_TEXT - 6, base + 14), image.lines[1] >= last.lines[1]
    outside = path(place(last)) + path(place(_common(last, image)))
    shapes = [
        hatch(f"{id}-hatch", FAINT),
        shape("path", d=outside, fill=f"url(#{id}-hatch)", fill_rule="evenodd"),
        shape("path", d=path(place(image)), fill=FAINT, fill_opacity=0.12, stroke=INK, stroke_width=3),
        *(shape("path", d=path(place(area)), fill="none", **_style(n)) for n, area in enumerate(areas)),
        *_ends(place(image), image.columns, edges[image_is_lower], INK),
        *_ends(place(last), last.columns, edges[not image_is_lower], _style(len(areas) - 1)["stroke"]),
    ]
    legend, height = _legend(areas, base + 26)
    return [*shapes, *legend], height


def _style(number: int) -> dict[str, Attribute]:
    colour, dash = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
    # 第五层起颜色和虚线重来，但更粗。
    return {"stroke": colour, "stroke_dasharray": dash, "stroke_width": 2 if number < len(SERIES) else 4}


def _ends(corners: list[tuple[float, float]], pixels: Pair, y: float, colour: Attribute) -> list[Element]:
    """两端是第几列像素；太窄就只写一端。"""
    (left, _), (right, _), *_ = corners
    texts = [str(pixel).replace("-", "−") for pixel in pixels]
    first = label(left, y, texts[0], fill=colour)
    if right - left < sum(map(text_width, texts)) + _MARGIN:
        return [first]
    return [first, label(right, y, texts[1], fill=colour, text_anchor="end")]


def _legend(areas: Sequence[_Area], top: float) -> tuple[list[Element], float]:
    """每层的线样、名称和大小，两列；有一行写不进半幅就一列。"""
    texts = [f"{area.name} {area.size[0]}×{area.size[1]}" for area in areas]
    columns = 2 if max(map(text_width, texts)) + _KEY + 2 * _MARGIN <= WIDTH / 2 else 1
    shapes = []
    for number, text in enumerate(texts):
        x, y = _MARGIN + number % columns * WIDTH / columns, top + number // columns * _TEXT + 10
        shapes.append(line(x, y - 4, x + 30, y - 4, **_style(number)))
        shapes.append(label(x + _KEY, y, text))
    return shapes, top + -(-len(areas) // columns) * _TEXT


def _common(area: _Area, image: _Area) -> _Area:
    """落在图里的部分；没有时大小是 0。"""
    ends = [
        (max(area.start[axis], 0), min(area.start[axis] + area.size[axis], image.size[axis]))
        for axis in (0, 1)
    ]
    (top, bottom), (left, right) = ends
    return _Area("", (top, left), (max(bottom - top, 0), max(right - left, 0)))


def _describe(image: _Area, areas: Sequence[_Area]) -> str:
    """各层的大小，和最后一层的范围。"""
    last, seen = areas[-1], _common(areas[-1], image)
    sizes = "，".join(f"{area.name} 是 {_show(area)}" for area in areas)
    (top, bottom), (left, right) = last.lines, last.columns
    return (
        f"输入 {_show(image)}。感受野：{sizes}。{last.name} 的这个单元看到第 {top} 到 {bottom} 行、"
        f"第 {left} 到 {right} 列的像素，其中在图里的有 {_show(seen)}。"
    )


def _show(area: _Area) -> str:
    return f"{area.size[0]}×{area.size[1]}"
