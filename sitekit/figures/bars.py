"""各层的参数量、乘加数：横的柱子，数写在柱子右边。"""

from collections.abc import Mapping
from math import isfinite

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import SERIES
from sitekit.figures.svg import Element, label, rect, text_width

_ROW = 20
_GAP = 6
_SHORTEST = 80


def bars(values: Mapping[str, float], *, id: str, title: str, caption: str) -> str:  # noqa: A002
    """一行一个横柱，长度与数成正比。

    Args:
        values: 名称到数，如 `{row.name: row.params for row in book.rows}`，次序照旧。
        id: 图的 id，页内唯一。
        title: 图的名称；与各行的数一起成为文字替代。
        caption: 图题，说明数是什么、单位是什么。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 没有数，有负数、无穷大或 NaN，或名称太长。
    """
    if not values or not all(isfinite(value) and value >= 0 for value in values.values()):
        raise ValueError(f"图 {id} 要画的应是若干个不小于 0 的数，实为 {dict(values)}；请检查。")
    written = {name: f"{value:,}" for name, value in values.items()}
    left = max(map(text_width, values)) + _GAP
    longest = WIDTH - left - max(map(text_width, written.values())) - _GAP
    if longest < _SHORTEST:
        raise ValueError(f"图 {id} 的名称和数太长，剩下的地方画不下柱子；请缩短名称。")
    scale = longest / (max(values.values()) or 1)
    shapes: list[Element] = []
    for row, (name, value) in enumerate(values.items()):
        baseline = row * _ROW + 14
        length = value * scale
        shapes += [
            label(left - _GAP, baseline, name, text_anchor="end"),
            rect(left, row * _ROW + 3, max(length, 1), _ROW - 6, fill=SERIES[0]),
            label(left + length + _GAP, baseline, written[name]),
        ]
    return frame(
        shapes,
        height=len(values) * _ROW + 4,
        id=id,
        title=title,
        alt="；".join(f"{name} {text}" for name, text in written.items()) + "。",
        caption=caption,
    )
