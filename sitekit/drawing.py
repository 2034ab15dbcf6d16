"""网页里的示意图：自己写的 SVG，颜色全是样式变量，跟随浅色与深色。"""

from collections.abc import Sequence
from html import escape

Box = tuple[float, float, float, float]

_SCALE = 40  # 每个坐标单位画多少个用户单位；图本身没有固定的宽高，随版面缩放
_MARGIN = 24


def two_boxes(a: Box, b: Box, *, id: str, caption: str) -> str:  # noqa: A002
    """画两个框 A、B，它们的交集，最小外接框 C，两个中心的连线 ρ 与 C 的对角线 c；y 轴朝下。

    Args:
        a: 框 A，`(x1, y1, x2, y2)`。
        b: 框 B。
        id: 图的 id，页内唯一；图里的 id 都以它开头。
        caption: 图题，也是图的文字替代。

    Returns:
        一个 `<figure>`。
    """
    enclosing = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    overlap = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    centre_a, centre_b = _middle(a[:2], a[2:]), _middle(b[:2], b[2:])
    shapes = [
        _rect(enclosing, 'fill="none" stroke="var(--fig-faint)" stroke-dasharray="6 4"'),
        _line(enclosing[:2], enclosing[2:], 'stroke="var(--fig-faint)" stroke-dasharray="2 4"'),
        _rect(a, 'fill="none" stroke="var(--fig-1)" stroke-width="3"'),
        _rect(b, 'fill="none" stroke="var(--fig-2)" stroke-width="3"'),
        _line(centre_a, centre_b, 'stroke="var(--fig-ink)" stroke-width="2"'),
        _dot(centre_a),
        _dot(centre_b),
        _text((a[0], a[3]), "A", 8, -8),
        _text((b[2], b[3]), "B", -20, -8),
        _text((enclosing[2], enclosing[1]), "C", -20, 20),
        _text(centre_b, "ρ", 10, -2),
        _text(enclosing[:2], "c", 44, 26),
    ]
    if overlap[0] < overlap[2] and overlap[1] < overlap[3]:
        shapes.insert(2, _rect(overlap, f'fill="url(#{id}-hatch)" stroke="none"'))
    return _figure(enclosing, [_hatch(id), *shapes], id=id, caption=caption)


def _figure(extent: Box, shapes: Sequence[str], *, id: str, caption: str) -> str:  # noqa: A002
    left, top = (value * _SCALE - _MARGIN for value in extent[:2])
    width, height = ((extent[i + 2] - extent[i]) * _SCALE + 2 * _MARGIN for i in (0, 1))
    label = escape(caption)
    return (
        f'<figure class="drawing" id="{id}">'
        f'<svg viewBox="{left:g} {top:g} {width:g} {height:g}" role="img" aria-labelledby="{id}-title" '
        f'data-search-exclude=""><title id="{id}-title">{label}</title>{"".join(shapes)}</svg>'
        f"<figcaption>{label}</figcaption></figure>"
    )


def _hatch(id: str) -> str:  # noqa: A002
    return (
        f'<defs><pattern id="{id}-hatch" width="8" height="8" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="8" stroke="var(--fig-ink)" '
        'stroke-width="2"/></pattern></defs>'
    )


def _rect(box: Box, style: str) -> str:
    x, y, right, bottom = (value * _SCALE for value in box)
    return f'<rect x="{x:g}" y="{y:g}" width="{right - x:g}" height="{bottom - y:g}" {style}/>'


def _line(start: Sequence[float], end: Sequence[float], style: str) -> str:
    (x1, y1), (x2, y2) = ((value * _SCALE for value in point) for point in (start, end))
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" {style}/>'


def _dot(point: Sequence[float]) -> str:
    x, y = (value * _SCALE for value in point)
    return f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="var(--fig-ink)"/>'


def _text(point: Sequence[float], text: str, dx: float, dy: float) -> str:
    x, y = point[0] * _SCALE + dx, point[1] * _SCALE + dy
    return f'<text x="{x:g}" y="{y:g}" fill="var(--fig-ink)" font-size="16">{escape(text)}</text>'


def _middle(start: Sequence[float], end: Sequence[float]) -> tuple[float, float]:
    return (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
