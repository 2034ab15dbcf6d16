"""示意图：画的就是数据说的。"""

import re
from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lxml import etree

from dlnotes.arch import Conv1d, Layer, ToTokens, Window, ledger, output_size, sequential, zoo
from sitekit.figures import bars, graph, matrix, receptive_field, sliding_window, tiles, two_boxes

FILLED = ".//rect[@fill-opacity='0.3']"


def alt(html: str) -> str:
    return etree.fromstring(html).findtext("svg/desc") or ""


def test_convolution_window() -> None:
    figure = etree.fromstring(sliding_window(5, kernel_size=3, stride=2, padding=1, id="a", caption="图。"))
    assert len(figure.xpath(FILLED)) == 3 * 3 + 1
    assert len(figure.xpath(".//circle")) == 3 * 3
    assert len(figure.xpath(".//rect[@stroke-dasharray='2 3']")) == 7 * 7 - 5 * 5
    assert [text.text for text in figure.iter("text")] == ["5×5", "3×3"]


def test_ways_to_write_padding() -> None:
    one, pair, four = (
        sliding_window(5, kernel_size=3, padding=padding, id="a", caption="图。")
        for padding in (1, (1, 1), ((1, 1), (1, 1)))
    )
    assert one == pair == four
    uneven = sliding_window(5, kernel_size=3, padding=(0, (2, 1)), id="a", caption="图。")
    assert "上下左右各补 0、0、2、1 格" in alt(uneven)


def test_dots_are_spread_by_the_dilation() -> None:
    drawn = sliding_window(9, kernel_size=(2, 3), dilation=(1, 3), id="a", caption="图。")
    (side,) = {float(rect.get("width", "0")) for rect in etree.fromstring(drawn).xpath(FILLED)}
    places = [
        [float(dot.get(key, "0")) / side for key in ("cy", "cx")]
        for dot in etree.fromstring(drawn).iter("circle")
    ]
    offsets = np.array(places) - places[0]
    expected = [(r, 3 * c) for r in range(2) for c in range(3)]
    assert offsets == pytest.approx(np.array(expected), abs=0.01)


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize(("stride", "dilation", "pads"), [(1, 1, (0, 0)), (2, 1, (1, 0)), (1, 2, (2, 1))])
def test_span_of_a_convolution(stride: int, dilation: int, pads: tuple[int, int], at: int) -> None:
    """对照：把输入逐格置 1，看哪几格能改变这个输出。"""
    size, kernel = 7, np.kron(np.ones(3), [1] + [0] * (dilation - 1))[: 2 * dilation + 1]
    assert output_size(sum(pads) + size, Window(3, stride=stride, dilation=dilation)) > at
    seen = []
    for cell in range(-pads[0], size + pads[1]):
        image = np.zeros(sum(pads) + size)
        image[cell + pads[0]] = 1
        if np.correlate(image, kernel)[::stride][at]:
            seen.append(cell)
    settings = {"kernel_size": 3, "stride": stride, "dilation": dilation}
    text = alt(sliding_window(size, **settings, padding=(pads, pads), at=(at, at), id="a", caption="图。"))
    assert f"看到输入的第 {seen[0]} 到 {seen[-1]} 行、第 {seen[0]} 到 {seen[-1]} 列" in text


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize(
    ("stride", "dilation", "pads", "extra"),
    [(1, 1, (0, 0), 0), (2, 1, (1, 1), 1), (3, 2, (0, 1), 0), (2, 2, (1, 2), 1)],
)
def test_span_of_a_transposed_convolution(
    stride: int, dilation: int, pads: tuple[int, int], extra: int, at: int
) -> None:
    """对照：在输入的各格之间插零，再做完整的卷积，裁掉两端。"""
    size, kernel = 3, np.kron(np.ones(3), [1] + [0] * (dilation - 1))[: 2 * dilation + 1]
    spread = np.zeros((size - 1) * stride + 1)
    spread[at * stride] = 1
    full = np.concatenate([np.convolve(spread, kernel), np.zeros(extra)])
    span = np.flatnonzero(full) - pads[0]
    settings = {"kernel_size": 3, "stride": stride, "dilation": dilation, "output_padding": extra}
    drawn = sliding_window(
        size, **settings, padding=(pads, pads), transposed=True, at=(at, at), id="a", caption="图。"
    )
    output = len(full) - sum(pads)
    assert f"得到 {output}×{output} 的输出" in alt(drawn)
    assert f"撒到输出的第 {span[0]} 到 {span[-1]} 行" in alt(drawn)
    assert [text.text for text in etree.fromstring(drawn).iter("text")] == [f"{output}×{output}", "3×3"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"at": (3, 0)}, "at 应在 0 到 2 之间"),
        ({"at": (0, -1)}, "at 应在"),
        ({"size": 40}, "格子太多"),
        ({"kernel_size": 9}, "大于"),
        ({"transposed": True, "padding": 4, "size": 1}, "转置卷积的输出只有"),
    ],
)
def test_impossible_windows(change: dict[str, object], complaint: str) -> None:
    settings: dict[str, object] = {"size": 5, "kernel_size": 3, "id": "a", "caption": "图。"}
    with pytest.raises(ValueError, match=complaint):
        sliding_window(**settings | change)  # type: ignore[arg-type]


POOLS = [f"pool{n}" for n in range(1, 6)]


def corners(html: str) -> list[tuple[float, float, float, float]]:
    """各层的框：左、上、右、下。"""
    found = []
    for path in etree.fromstring(html).xpath(".//path[@fill='none']/@d"):
        x, y = zip(*(map(float, pair) for pair in re.findall(r"([-\d.]+) ([-\d.]+)", path)), strict=True)
        found.append((min(x), min(y), max(x), max(y)))
    return found


@pytest.mark.parametrize("unit", [(0, 0), (3, 3), (6, 0), (2, 5)])
def test_fields_are_nested(unit: tuple[int, int]) -> None:
    boxes = corners(receptive_field(ledger(zoo.load("vgg16")), POOLS, unit=unit, id="a", caption="图。"))
    assert len(boxes) == 5
    for inner, outer in pairwise(boxes):
        assert outer[0] <= inner[0] <= inner[2] <= outer[2]
        assert outer[1] <= inner[1] <= inner[3] <= outer[3]


@pytest.mark.parametrize("unit", [(3, 3), (5, 4)])
def test_fields_are_to_scale_and_face_the_unit(unit: tuple[int, int]) -> None:
    boxes = np.array(
        corners(receptive_field(ledger(zoo.load("vgg16")), POOLS, unit=unit, id="a", caption="图。"))
    )
    sizes, middles = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    pixel = sizes[-1, 0] / 212
    assert sizes / pixel == pytest.approx(np.array([[6, 16, 44, 100, 212]] * 2).T, abs=0.05)
    away = np.abs(middles - middles[-1]).max(axis=1) / pixel
    assert (away <= np.array([1, 2, 4, 8, 0]) + 0.05).all()  # 步距的一半


def test_the_corner_sees_the_padding() -> None:
    """与网页里核对过的一致：−90 到 121，在图里的是 122×122。"""
    book = ledger(zoo.load("vgg16"))
    drawn = receptive_field(book, POOLS, unit=(0, 0), id="a", caption="图。")
    assert "看到第 -90 到 121 行、第 -90 到 121 列的像素，其中在图里的有 122×122" in alt(drawn)
    assert {"−90", "121", "0", "223"} <= {text.text for text in etree.fromstring(drawn).iter("text")}
    assert "第 6 到 217 行" in alt(receptive_field(book, POOLS, id="a", caption="图。"))


def test_a_field_without_clipping_has_nothing_hatched() -> None:
    figure = etree.fromstring(receptive_field(ledger(zoo.load("vgg16")), POOLS, id="a", caption="图。"))
    (outside,) = figure.xpath(".//path[@fill-rule='evenodd']/@d")
    first, second = outside.rstrip("Z").split("Z")
    assert first == second  # 奇偶规则：两个一样的轮廓，什么也不填


@pytest.mark.parametrize(
    ("layers", "unit", "complaint"),
    [
        ([], None, "1 到 6 层"),
        (["fc6"], None, "整个输入"),
        (["pool5", "pool1"], None, "由浅到深"),
        (["pool5"], (7, 0), "没有"),
        (["none"], None, "节点名"),
    ],
)
def test_impossible_fields(layers: list[str], unit: tuple[int, int] | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        receptive_field(ledger(zoo.load("vgg16")), layers, unit=unit, id="a", caption="图。")


@pytest.mark.parametrize(
    ("shape", "layer"), [((4, 16), Conv1d(2, 3)), ((3, 8, 8), ToTokens())], ids=["signal", "tokens"]
)
def test_only_images_have_a_field_to_draw(shape: tuple[int, ...], layer: Layer) -> None:
    book = ledger(sequential("net", shape, [("layer", layer)]))
    with pytest.raises(ValueError, match="不是图像，画不成一个框"):
        receptive_field(book, ["layer"], id="a", caption="图。")


def test_bars_are_to_scale() -> None:
    figure = etree.fromstring(bars({"a": 100, "b": 50, "c": 0}, id="a", title="题", caption="图。"))
    widths = [float(width) for width in figure.xpath(".//rect/@width")]
    assert widths[:2] == [widths[0], pytest.approx(widths[0] / 2, abs=0.01)]
    assert [text.text for text in figure.iter("text")] == ["a", "100", "b", "50", "c", "0"]
    assert figure.findtext("svg/desc") == "a 100；b 50；c 0。"


@pytest.mark.parametrize("values", [{}, {"a": -1}, {"a": float("nan")}, {"a": float("inf")}, {"a" * 40: 1}])
def test_impossible_bars(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="图 a"):
        bars(values, id="a", title="题", caption="图。")


def test_a_graph_has_every_node_and_edge() -> None:
    net = {"a": ["x"], "b": ["x"], "c": ["b"], "+": ["a", "c", "x"]}
    figure = etree.fromstring(graph(net, id="g", title="题", caption="图。"))
    height = {text.text: float(text.get("y", "0")) for text in figure.iter("text")}
    assert set(height) == {"x", "a", "b", "c", "+"}
    assert len(figure.xpath(".//path[@marker-end]")) == 6
    assert all(height[source] < height[target] for target, sources in net.items() for source in sources)


def points_on(d: str) -> Iterator[tuple[float, float]]:
    """沿着一条边走一遍：只有 M、V、C 三种命令。"""
    x = y = 0.0
    for command, rest in re.findall(r"([MVC])([^MVC]*)", d):
        values = [float(value) for value in rest.split()]
        before, ends = (x, y), {"M": values, "V": [x, *values], "C": values}[command]
        controls = np.array([before, *zip(ends[::2], ends[1::2], strict=True)])
        x, y = controls[-1]
        if command != "M":
            weights = {
                2: lambda t: [1 - t, t],
                4: lambda t: [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3],
            }
            for t in np.linspace(0, 1, 21):
                point = np.array(weights[len(controls)](t)) @ controls
                yield float(point[0]), float(point[1])


def test_edges_do_not_pass_through_boxes() -> None:
    net = {"a": ["x"], "b": ["a"], "c": ["b"], "d": ["x"], "+": ["c", "x", "d"]}
    figure = etree.fromstring(graph(net, id="g", title="题", caption="图。"))
    boxes = [
        [float(rect.get(key, "0")) for key in ("x", "y", "width", "height")] for rect in figure.iter("rect")
    ]
    edges = figure.xpath(".//path[@marker-end]/@d")
    assert len(edges) == 7
    for x, y in (point for d in edges for point in points_on(d)):
        assert not any(left + 1 < x < left + w - 1 and top + 1 < y < top + h - 1 for left, top, w, h in boxes)


def test_boxes_in_a_row_do_not_overlap() -> None:
    net = {name: ["x"] for name in ("1×1", "3×3", "5×5", "pool")}
    figure = etree.fromstring(graph(net, id="g", title="题", caption="图。"))
    rows: dict[str, list[tuple[float, float]]] = {}
    for rect in figure.iter("rect"):
        left = float(rect.get("x", "0"))
        rows.setdefault(rect.get("y", ""), []).append((left, left + float(rect.get("width", "0"))))
    assert sorted(map(len, rows.values())) == [1, 4]
    for row in rows.values():
        assert all(one[1] < other[0] for one, other in pairwise(sorted(row)))


def test_a_network_is_a_graph() -> None:
    """只读名字和输入：别处改网络的类，这里不必跟着改。"""
    nodes = [
        SimpleNamespace(name="conv", inputs=("input",)),
        SimpleNamespace(name="+", inputs=("conv", "input")),
    ]
    drawn = graph(SimpleNamespace(nodes=nodes), id="g", title="题", caption="图。")  # type: ignore[arg-type]
    assert alt(drawn) == "input 到 conv；conv 到 +；input 到 +。"


@pytest.mark.parametrize(
    ("net", "complaint"),
    [
        ({}, "一条边也没有"),
        ({"x": []}, "一条边也没有"),
        ({"a": ["b"], "b": ["a"]}, "有环：a → b → a|有环：b → a → b"),
        ({"wide" * 12: ["x"]}, "放不下"),
        ({f"branch{n}": ["x"] for n in range(6)}, "放不下"),
    ],
)
def test_impossible_graphs(net: dict[str, list[str]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        graph(net, id="g", title="题", caption="图。")


def test_boxes_apart_have_no_overlap() -> None:
    drawn = two_boxes((0, 0, 1, 1), (2, 2, 3, 3), id="a", caption="图。")
    assert "没有交集" in alt(drawn)
    assert "url(#a-hatch)" not in drawn
    together = two_boxes((0, 0, 4, 3), (2, 2, 7, 5), id="a", caption="图。")
    assert "交集是 (2, 2, 4, 3)" in alt(together)
    assert "url(#a-hatch)" in together


def test_a_matrix_shows_what_is_shared() -> None:
    cells = [["a", "b", "", None], ["", "a", "b", ""]]
    figure = etree.fromstring(matrix(cells, id="a", title="题", caption="图。"))
    boxes = [(float(box.get("y")), float(box.get("x")), box.get("fill")) for box in figure.iter("rect")]
    (side,) = {float(box.get("width")) for box in figure.iter("rect")}
    left, top = min(x for _, x, _ in boxes), min(y for y, _, _ in boxes)
    found = {(round((y - top) / side), round((x - left) / side)): fill for y, x, fill in boxes}
    assert set(found) == {(r, c) for r in range(2) for c in range(4) if cells[r][c] is not None}
    assert [text.text for text in figure.iter("text")] == ["a", "b", "a", "b"]
    assert found[0, 0] == found[1, 1] != found[0, 1] == found[1, 2]
    assert {found[0, 2], found[1, 0], found[1, 3]} == {"none"}
    assert alt(matrix(cells, id="a", title="题", caption="图。")) == "第 0 行：a b 0；第 1 行：0 a b 0。"


def test_rows_of_a_matrix_have_names() -> None:
    drawn = matrix([["a1", "a2"], ["b1", ""]], rows=["x", "Tx"], id="a", title="题", caption="图。")
    figure = etree.fromstring(drawn)
    assert [text.text for text in figure.iter("text")] == ["x", "a1", "a2", "Tx", "b1"]
    fills = [box.get("fill") for box in figure.iter("rect")]
    assert fills[0] == fills[1] != fills[2]
    assert alt(drawn) == "x：a1 a2；Tx：b1 0。"


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        ([], []),
        ([[]], []),
        ([["a", "b"], ["a"]], []),
        ([["a"]], ["x", "y"]),
        ([["abc"] * 16], []),
    ],
)
def test_impossible_matrices(cells: list[list[str]], rows: list[str]) -> None:
    with pytest.raises(ValueError, match="图 a"):
        matrix(cells, rows=rows, id="a", title="题", caption="图。")


def inked(html: str, shape: tuple[int, int], side: int, left: int, top: int) -> Any:
    """照路径把墨色填回格子：一条横杠是连着的若干格。"""
    grid = np.zeros(shape)
    for path in etree.fromstring(html).iter("path"):
        level = float(path.get("fill-opacity", ""))
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v\d+h-\d+z", path.get("d", "")):
            row, first = divmod(int(y) - top, side)[0], (int(x) - left) // side
            if 0 <= row < shape[0] and 0 <= first < shape[1]:
                grid[row, first : first + int(width) // side] += level
    return grid


def drawn_tiles(rows: list[tuple[str, Any]], **options: int) -> str:
    return tiles(rows, id="a", title="题", alt="文。", caption="图。", **options)


def test_tiles_show_their_numbers() -> None:
    """对照：从图里的路径读回墨色，最浓是最大的数，最淡是最小的，0 在正中。"""
    image = np.array([[-2.0, -1.0, 0.0], [0.5, 0.5, 2.0]])
    html = drawn_tiles([("", image[None])], side=10)
    assert inked(html, (2, 3), 10, 2, 2) == pytest.approx(
        (image / 2 + 1) / 2, abs=0.006
    )  # 图里的数留两位小数
    assert len(list(etree.fromstring(html).iter("rect"))) == 1


def test_each_tile_is_scaled_by_itself_and_rows_follow_one_another() -> None:
    pair = np.array([[[1.0, -1.0]], [[100.0, 0.0]]])
    html = drawn_tiles([("one", pair), ("", pair[:1] * 0)], side=4)
    assert inked(html, (1, 2), 4, 2, 18) == pytest.approx(np.array([[1, 0]]))
    assert inked(html, (1, 2), 4, 16, 18) == pytest.approx(np.array([[1, 0.5]]))
    assert inked(html, (1, 2), 4, 2, 28) == pytest.approx(np.array([[0.5, 0.5]]))
    assert [text.text for text in etree.fromstring(html).iter("text")] == ["one"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "没有小图"),
        ([("", np.zeros((2, 2)))], "形状"),
        ([("", np.zeros((0, 2, 2)))], "形状"),
        ([("", np.full((1, 2, 2), np.nan))], "有限"),
        ([("", np.zeros((9, 8, 8)))], "放不下"),
    ],
)
def test_tiles_that_cannot_be_drawn(rows: list[tuple[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drawn_tiles(rows)
