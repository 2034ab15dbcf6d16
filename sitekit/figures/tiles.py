"""一排排的小图：滤波器、图像块，像灰度图那样看。"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import FAINT, INK
from sitekit.figures.svg import Element, label, rect, shape

_MARGIN = 2
_GAP = 6
_TEXT = 16
_LEVELS = 8


def tiles(
    rows: Sequence[tuple[str, ArrayLike]],
    *,
    side: int = 4,
    id: str,  # noqa: A002
    title: str,
    alt: str,
    caption: str,
) -> str:
    """画几排小图：每张按自己的绝对值最大的数归一，墨色越浓数越大，0 是中间的一档。

    共九档，所以各处的机器画出来都一样。

    Args:
        rows: 每排的名称（写在左上，可以是空的）和形状 `(张数, 高, 宽)` 的数组。
        side: 一个像素画多大。
        id: 图的 id，页内唯一。
        title: 图的名称。
        alt: 文字替代：看得出什么。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 没有小图，形状不是三维，有无穷大或 NaN，或一排放不下。
    """
    if not rows:
        raise ValueError(f"图 {id} 没有小图；请至少给一排。")
    cells: list[str] = [""] * (_LEVELS + 1)
    shapes: list[Element] = []
    top = _MARGIN
    for name, images in rows:
        stack = np.asarray(images, float)
        if stack.ndim != 3 or not stack.size or not np.isfinite(stack).all():
            raise ValueError(
                f"图 {id} 的一排小图的形状应为（张数，高，宽），都是有限的数，实为 {stack.shape}。"
            )
        count, height, width = stack.shape
        step = width * side + _GAP
        if count * step - _GAP + 2 * _MARGIN > WIDTH:
            raise ValueError(f"图 {id} 的一排有 {count} 张、每张 {width} 列，放不下；请减少张数或缩小 side。")
        if name:
            shapes.append(label(_MARGIN, top + _TEXT - 4, name))
            top += _TEXT
        for n, image in enumerate(stack):
            left = _MARGIN + n * step
            for level, d in enumerate(_paths(image, left, top, side)):
                cells[level] += d
            shapes.append(rect(left, top, width * side, height * side, stroke=FAINT))
        top += height * side + _GAP
    inked = [
        shape("path", d=d, fill=INK, fill_opacity=level / _LEVELS, shape_rendering="crispEdges")
        for level, d in enumerate(cells)
        if d and level
    ]
    return frame([*inked, *shapes], height=top - _GAP + _MARGIN, id=id, title=title, alt=alt, caption=caption)


def _paths(image: NDArray[np.float64], left: int, top: int, side: int) -> list[str]:
    """每一档的轮廓；一行里相连的同一档合成一条。"""
    largest = np.abs(image).max() or 1.0
    levels = np.rint((image / largest + 1) * _LEVELS / 2).astype(int)
    found = [""] * (_LEVELS + 1)
    for r, row in enumerate(levels):
        edges = [0, *(np.flatnonzero(np.diff(row)) + 1), len(row)]
        for start, stop in pairwise(edges):
            length = (stop - start) * side
            found[row[start]] += f"M{left + start * side} {top + r * side}h{length}v{side}h-{length}z"
    return found
