"""谁提到谁：各项排成一圈，有联系的两项之间连一条弦。"""

from collections.abc import Mapping, Sequence
from math import cos, pi, sin

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import FAINT, INK
from sitekit.figures.svg import Element, dot, label, number, shape, text_width

_MARGIN = 18  # 圈的上下留给字


def chords(links: Mapping[str, Sequence[str]], *, id: str, title: str, caption: str) -> str:  # noqa: A002
    """画各项之间的联系，从正上方起顺时针排。

    Args:
        links: 各项的名字到它提到的各项；互相提到的只连一条弦，提到自己的不画。
        id: 图的 id，页内唯一。
        title: 图的名称；与各条联系一起成为文字替代。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 不到两项，或提到了 `links` 里没有的项。

    Examples:
        >>> text = chords({"a": ["b"], "b": ["a", "b"]}, id="ab", title="联系", caption="互相提到。")
        >>> "a 提到 b；b 提到 a。" in text, text.count("<path")
        (True, 1)
    """
    names = list(links)
    if len(names) < 2:
        raise ValueError(f"图 {id} 不到两项，连不成弦；请写出各项。")
    if unknown := {other for others in links.values() for other in others} - set(names):
        raise ValueError(f"图 {id} 提到了没有列出的 {'、'.join(sorted(unknown))}；请列出或去掉。")
    widest = max(map(text_width, names))
    radius = WIDTH / 2 - widest - 8
    centre = WIDTH / 2, radius + _MARGIN
    spots = {
        name: (sin(2 * pi * index / len(names)), -cos(2 * pi * index / len(names)))
        for index, name in enumerate(names)
    }
    mentions = [(name, other) for name, others in links.items() for other in dict.fromkeys(others)]
    pairs = dict.fromkeys(tuple(sorted(pair, key=names.index)) for pair in mentions if pair[0] != pair[1])
    shapes = [_chord(spots[one], spots[other], centre, radius) for one, other in pairs]
    for name, spot in spots.items():
        shapes += _spot(name, spot, centre, radius)
    told = "；".join(f"{name} 提到 {other}" for name, other in mentions if name != other)
    return frame(
        shapes,
        height=2 * (radius + _MARGIN),
        id=id,
        title=title,
        alt=f"{told or '各项互不提到'}。",
        caption=caption,
    )


def _at(spot: tuple[float, float], centre: tuple[float, float], distance: float) -> tuple[float, float]:
    return centre[0] + distance * spot[0], centre[1] + distance * spot[1]


def _chord(
    one: tuple[float, float], other: tuple[float, float], centre: tuple[float, float], radius: float
) -> Element:
    """弯向圆心的弦：相邻的两项之间也看得见。"""
    (x1, y1), (x2, y2) = (_at(spot, centre, radius) for spot in (one, other))
    cx, cy = ((x1 + x2) / 2 + centre[0]) / 2, ((y1 + y2) / 2 + centre[1]) / 2
    d = f"M{number(x1)} {number(y1)}Q{number(cx)} {number(cy)} {number(x2)} {number(y2)}"
    return shape("path", d=d, fill="none", stroke=FAINT, stroke_width=1.5)


def _spot(name: str, spot: tuple[float, float], centre: tuple[float, float], radius: float) -> list[Element]:
    x, y = _at(spot, centre, radius)
    tx, ty = _at(spot, centre, radius + 8)
    side = "middle" if abs(spot[0]) < 0.05 else "start" if spot[0] > 0 else "end"
    # 基线：最上面的字在点的上方，最下面的在点的下方，两侧的与点齐。
    return [dot(x, y, 4, INK), label(tx, ty + 4 + 4 * spot[1], name, text_anchor=side)]
