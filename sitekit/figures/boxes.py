"""两个框怎样相交。"""

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import DASHES, FAINT, SERIES
from sitekit.figures.svg import Attribute, Element, dot, hatch, label, line, rect

Box = tuple[float, float, float, float]

_MARGIN = 24


def two_boxes(a: Box, b: Box, *, id: str, caption: str) -> str:  # noqa: A002
    """画两个框 A、B，它们的交集，最小外接框 C，两个中心的连线 ρ 与 C 的对角线 c；y 轴朝下。

    Args:
        a: 框 A，`(x1, y1, x2, y2)`。
        b: 框 B。
        id: 图的 id，页内唯一。
        caption: 图题。

    Returns:
        一个 `<figure>`。
    """
    left, top = min(a[0], b[0]), min(a[1], b[1])
    enclosing = (left, top, max(a[2], b[2]), max(a[3], b[3]))
    scale = (WIDTH - 2 * _MARGIN) / (enclosing[2] - left)

    def place(box: Box) -> Box:
        x1, x2 = (_MARGIN + (x - left) * scale for x in (box[0], box[2]))
        y1, y2 = (_MARGIN + (y - top) * scale for y in (box[1], box[3]))
        return x1, y1, x2, y2

    overlap = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    outer, first, second = place(enclosing), place(a), place(b)
    centres = _middle(first), _middle(second)
    shapes = [
        hatch(f"{id}-hatch"),
        _outline(outer, stroke=FAINT, stroke_dasharray=DASHES[1]),
        line(*outer, stroke=FAINT, stroke_dasharray=DASHES[2]),
        _outline(first, stroke=SERIES[0], stroke_width=3),
        _outline(second, stroke=SERIES[1], stroke_width=3),
        line(*centres[0], *centres[1], stroke_width=2),
        *(dot(*centre, radius=4) for centre in centres),
        label(first[0] + 8, first[3] - 8, "A", font_size=14),
        label(second[0] + 8, second[3] - 8, "B", font_size=14),
        label(outer[2] - 20, outer[1] + 20, "C", font_size=14),
        label(centres[1][0] + 10, centres[1][1] - 2, "ρ", font_size=14),
        label(outer[0] + 44, outer[1] + 26, "c", font_size=14),
    ]
    meet = overlap[0] < overlap[2] and overlap[1] < overlap[3]
    if meet:
        shapes.insert(3, _outline(place(overlap), fill=f"url(#{id}-hatch)"))
    return frame(
        shapes,
        height=outer[3] + _MARGIN,
        id=id,
        title="两个框的交集与最小外接框",
        alt=f"框 A 是 {_show(a)}，框 B 是 {_show(b)}，"
        + (f"交集是 {_show(overlap)}，" if meet else "没有交集，")
        + f"最小外接框 C 是 {_show(enclosing)}。",
        caption=caption,
    )


def _outline(box: Box, **attributes: Attribute) -> Element:
    x1, y1, x2, y2 = box
    return rect(x1, y1, x2 - x1, y2 - y1, **attributes)


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _show(box: Box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
