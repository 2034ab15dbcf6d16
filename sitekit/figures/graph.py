"""小的计算图：节点分层排好，数据自上而下。"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from sitekit.figures.frame import WIDTH, frame
from sitekit.figures.palette import FAINT, INK
from sitekit.figures.svg import Element, arrowhead, label, number, rect, shape, text_width

if TYPE_CHECKING:
    from dlnotes.arch import Network

Inputs = Mapping[str, Sequence[str]]
Point = tuple[float, float]

_HEIGHT = 26
_ROW = 52
_GAP = 12
_LANE = 10


class _Slot(NamedTuple):
    """一行里的一格：一个节点，或一条跨行的边经过这一行的窄道（`target` 不空）。"""

    row: int
    name: str
    target: str = ""

    @property
    def width(self) -> float:
        return _LANE if self.target else text_width(self.name) + 16


Route = list[_Slot]


def graph(network: "Network | Inputs", *, id: str, title: str, caption: str) -> str:  # noqa: A002
    """画一个计算图，每个节点一个框，写着它的名字。

    Args:
        network: 网络，或节点名到它的各输入；只作输入用的名字自成一个节点。
        id: 图的 id，页内唯一。
        title: 图的名称；与各条边一起成为文字替代。
        caption: 图题。

    Returns:
        一个 `<figure>`。

    Raises:
        ValueError: 没有边，有环，或一行放不下。

    Examples:
        >>> text = graph({"F(x)": ["x"], "+": ["F(x)", "x"]}, id="res", title="残差", caption="残差。")
        >>> "x 到 F(x)；F(x) 到 +；x 到 +。" in text
        True
    """
    inputs = _inputs(network)
    nodes = _nodes(inputs, id)
    routes = [
        _route(nodes[source], nodes[target])
        for target, sources in inputs.items()
        for source in dict.fromkeys(sources)
    ]
    if not routes:
        raise ValueError(f"图 {id} 一条边也没有；请写出各节点的输入。")
    places = _placed(_rows(list(nodes.values()), routes), id)
    shapes = [arrowhead(f"{id}-arrow")]
    shapes += [_edge([places[slot] for slot in route], id) for route in routes]
    for node in nodes.values():
        shapes += _box(node, places[node])
    return frame(
        shapes,
        height=max(node.row for node in nodes.values()) * _ROW + _HEIGHT + 4,
        id=id,
        title=title,
        alt="；".join(f"{route[0].name} 到 {route[-1].name}" for route in routes) + "。",
        caption=caption,
    )


def _inputs(network: "Network | Inputs") -> dict[str, Sequence[str]]:
    """节点名到各输入，只作输入用的也在内。"""
    # 不用 isinstance 认网络：预览时库会重新导入，类就不是同一个了。
    if isinstance(network, Mapping):
        given = dict(network)
    else:
        given = {node.name: node.inputs for node in network.nodes}
    sources = dict.fromkeys(source for each in given.values() for source in each)
    return {name: () for name in sources if name not in given} | given


def _nodes(inputs: Inputs, id: str) -> dict[str, _Slot]:  # noqa: A002
    """节点在第几行：在它的所有输入之下。"""
    try:
        order = list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise ValueError(f"图 {id} 有环：{' → '.join(error.args[1])}；请去掉一条边。") from None
    rows: dict[str, int] = {}
    for name in order:
        rows[name] = max((rows[source] + 1 for source in inputs[name]), default=0)
    return {name: _Slot(rows[name], name) for name in inputs}


def _route(source: _Slot, target: _Slot) -> Route:
    """一条边依次经过的格：跨行的边在中间各行占一条窄道，不会穿过别的节点。"""
    lanes = [_Slot(row, source.name, target.name) for row in range(source.row + 1, target.row)]
    return [source, *lanes, target]


def _rows(nodes: Sequence[_Slot], routes: Sequence[Route]) -> list[list[_Slot]]:
    """每行各格的次序：自上而下，每格排在它上一行的各输入的平均位置，边就少交叉。"""
    above: dict[_Slot, list[_Slot]] = {}
    for route in routes:
        for upper, lower in pairwise(route):
            above.setdefault(lower, []).append(upper)
    place: dict[_Slot, float] = {}
    rows = []
    for rank in range(max(node.row for node in nodes) + 1):
        slots = [slot for slot in dict.fromkeys([*nodes, *above]) if slot.row == rank]
        wish = {slot: fmean([place[upper] for upper in above.get(slot, [])] or [0]) for slot in slots}
        rows.append(sorted(slots, key=wish.__getitem__))
        place |= {slot: index - len(slots) / 2 for index, slot in enumerate(rows[-1])}
    return rows


def _placed(rows: Sequence[Sequence[_Slot]], id: str) -> dict[_Slot, Point]:  # noqa: A002
    """每格的中心；一行居中。"""
    places: dict[_Slot, Point] = {}
    for rank, row in enumerate(rows):
        used = sum(slot.width for slot in row) + _GAP * (len(row) - 1)
        if used > WIDTH - 4:
            names = "、".join(slot.name for slot in row if not slot.target)
            raise ValueError(f"图 {id} 的一行放不下 {names}；请缩短名字，或分成几张图。")
        x = (WIDTH - used) / 2
        for slot in row:
            places[slot] = (x + slot.width / 2, rank * _ROW + _HEIGHT / 2 + 2)
            x += slot.width + _GAP
    return places


def _box(node: _Slot, place: Point) -> list[Element]:
    x, y = place
    left, top = x - node.width / 2, y - _HEIGHT / 2
    box = rect(left, top, node.width, _HEIGHT, rx=4, stroke=FAINT, stroke_width=1.5)
    return [box, label(x, y + 4, node.name, text_anchor="middle")]


def _edge(points: Sequence[Point], id: str) -> Element:  # noqa: A002
    """从框底出发，到框顶；相邻两行之间是上下两端都竖直的曲线，窄道里是直线。"""
    half = _HEIGHT / 2
    d = f"M{number(points[0][0])} {number(points[0][1] + half)}"
    for (x, y), (end, below) in pairwise(points):
        start, middle, stop = number(y + half), number((y + below) / 2), number(below - half)
        d += f"V{start}C{number(x)} {middle} {number(end)} {middle} {number(end)} {stop}"
    arrow = f"url(#{id}-arrow)"
    return shape("path", d=d, fill="none", stroke=INK, stroke_width=1.5, marker_end=arrow)
