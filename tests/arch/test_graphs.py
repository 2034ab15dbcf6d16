"""有分支的网络：账本的感受野和大小，与按定义在随机的图上逐个下标传播的结果比。

这里的参照只读各层写下的参数（核、步长、补零、膨胀率），不用 `Window`、`Field`、`through`、`union`。
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    ConvTranspose2d,
    GlobalAvgPool,
    GroupNorm,
    Layer,
    Ledger,
    MaxPool2d,
    Merge,
    Mul,
    Network,
    Node,
    Pad,
    ReLU,
    Row,
    Sigmoid,
    ledger,
)

Image = tuple[int, int, int]
FAR = 10**9
"""很远的一个单元：步距不同的分支到这里早已分开。图是无限大的，所以有这个单元。"""


def count(layer: Layer, axis: int, size: int) -> int:
    """一个方向上有几个输出：逐个位置数，不用公式。"""
    if isinstance(layer, ConvTranspose2d):
        steps = [tap * layer.dilation[axis] for tap in range(layer.kernel_size[axis])]  # type: ignore[index]
        reached = [pixel + step for pixel in range(size) for step in steps]
        return max(reached) - min(reached) + 1 - 2 * layer.padding[axis]  # type: ignore[index,operator]
    if not isinstance(layer, Conv2d | MaxPool2d | AvgPool2d | Pad):
        return size
    kernel, stride, dilation, (before, after) = geometry(layer, axis)
    pixels = range(-before, size + after)
    extent = (kernel - 1) * dilation + 1
    inside = [first for first in pixels[::stride] if first + extent <= pixels.stop]
    if getattr(layer, "rounding", "floor") == "ceil" and inside and inside[-1] + extent < pixels.stop:
        # 还有像素没有被窗口盖到：再放一个，只要它不从右侧的补零开始
        inside += [first for first in [inside[-1] + stride] if first < size]
    return len(inside)


def geometry(layer: Layer, axis: int) -> tuple[int, int, int, tuple[int, int]]:
    """核、步长、膨胀率、两端的补零，照层上写的。"""
    if isinstance(layer, Pad):
        return 1, 1, 1, layer.padding[axis]  # type: ignore[index,return-value]
    assert isinstance(layer, Conv2d | MaxPool2d | AvgPool2d)
    dilation = (1, 1) if isinstance(layer, AvgPool2d) else layer.dilation
    return layer.kernel_size[axis], layer.stride[axis], dilation[axis], layer.padding[axis]  # type: ignore[index,return-value]


def reads(layer: Layer, axis: int, unit: int) -> list[int]:
    """第 `unit` 个单元在一个方向上读它的输入的哪些下标。"""
    if isinstance(layer, ConvTranspose2d):  # 输入 i 散到输出 i-p+d*m，反过来就是读 unit+p-d*m
        kernel, dilation = layer.kernel_size[axis], layer.dilation[axis]  # type: ignore[index]
        return [unit + layer.padding[axis] - tap * dilation for tap in range(kernel)]  # type: ignore[index,operator]
    if isinstance(layer, Conv2d | MaxPool2d | AvgPool2d | Pad):
        kernel, stride, dilation, (before, _) = geometry(layer, axis)
        return [unit * stride - before + tap * dilation for tap in range(kernel)]
    return [unit]


@dataclass
class Graph:
    """一边搭图，一边按 `count` 记下各节点的形状；放不下的层不加。"""

    image: Image
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes["input"] = self.image

    def pick(self, back: int) -> str:
        names = list(self.shapes)
        return names[-1 - back % len(names)]

    def layer(self, layer: Layer, source: str) -> str:
        channels, *sizes = self.shapes[source]
        sizes = [1, 1] if isinstance(layer, GlobalAvgPool) else [count(layer, a, sizes[a]) for a in (0, 1)]
        if min(sizes) < 1:
            return source
        if isinstance(layer, Conv2d | ConvTranspose2d):
            channels = layer.out_channels
        return self._add(layer, (source,), (channels, *sizes))

    def merge(self, merge: Merge, sources: tuple[str, str], crop: int) -> str:
        """裁到一样大（相加、相乘还要通道数一样），再汇合；相乘时大小为 1 的轴不裁，留着广播。"""
        shapes = [self.shapes[source] for source in sources]
        pairs = [{shape[axis] for shape in shapes} for axis in (1, 2)]
        if isinstance(merge, Mul) and all(len(pair - {1}) < 2 for pair in pairs):
            height, width = (max(pair) for pair in pairs)
        else:
            height, width = (min(pair) for pair in pairs)
            sources = tuple(self._crop(source, (height, width), crop) for source in sources)  # type: ignore[assignment]
        if isinstance(merge, Concat):
            return self._add(merge, sources, (shapes[0][0] + shapes[1][0], height, width))
        channels = shapes[0][0]
        if shapes[1][0] != channels:
            sources = (sources[0], self.layer(point(channels), sources[1]))
        return self._add(merge, sources, (channels, height, width))

    def gate(self, main: str, source: str) -> str:
        """SE 的门：另一处的全局平均，变到同样多的通道，乘到这里。"""
        squeezed = self.layer(GlobalAvgPool(), source)
        excited = self.layer(Sigmoid(), self.layer(point(self.shapes[main][0]), squeezed))
        return self._add(Mul(), (main, excited), self.shapes[main])

    def network(self) -> Network:
        return Network("net", self.image, tuple(self.nodes))

    def _crop(self, source: str, sizes: tuple[int, int], crop: int) -> str:
        extra = [size - wanted for size, wanted in zip(self.shapes[source][1:], sizes, strict=True)]
        if not any(extra):
            return source
        before = [rest * crop // 2 for rest in extra]  # crop 为 0、1、2：裁后端、两端、前端
        (top, left), (bottom, right) = before, [a - b for a, b in zip(extra, before, strict=True)]
        return self.layer(Pad(((-top, -bottom), (-left, -right))), source)

    def _add(self, layer: Layer | Merge, sources: tuple[str, ...], shape: Image) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(Node(name, layer, sources))
        self.shapes[name] = shape
        return name


def point(channels: int) -> Conv2d:
    return Conv2d(channels, (1, 1), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))


def random_layers(amount: int) -> Iterator[Layer]:
    """各种核、步长、膨胀率、两端不同的补零；先造好，抽起来快。"""
    random = Random(20261123)  # noqa: S311 只是随机的例子

    def two(*values: int) -> tuple[int, int]:
        return random.choice(values), random.choice(values)

    for _ in range(amount):
        kernel, stride, dilation, channels = two(1, 2, 3, 4), two(1, 1, 1, 2, 3), two(1, 1, 2, 3), 1 + _ % 3
        yield Conv2d(
            channels, kernel, stride=stride, padding=(two(0, 1, 2, 3), two(0, 1, 2)), dilation=dilation
        )
        taps = kernel[0] // 2, kernel[1] // 2
        padding = two(0, taps[0]), two(0, taps[1])
        rounding = random.choice(["floor", "ceil"])
        yield AvgPool2d(kernel, stride=stride, padding=padding, rounding=rounding)
        extents = [1 + (k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        padding = two(0, extents[0] // 2), two(0, extents[1] // 2)
        yield MaxPool2d(kernel, stride=stride, padding=padding, dilation=dilation, rounding=rounding)
        yield Pad((two(-3, -1, 0, 2), two(-2, 0, 1, 3)))
        yield ConvTranspose2d(
            channels, kernel, stride=(1, 1), padding=two(0, 1, 2), dilation=two(1, 2, 3), bias=False
        )


POINTWISE = [ReLU(), BatchNorm2d(), Sigmoid()]
LAYERS = [*POINTWISE, *random_layers(40)]
MERGES = [Add(), Concat(), Mul()]
LINEAR = [step for step in LAYERS if isinstance(step, Conv2d | AvgPool2d | ConvTranspose2d | Pad)]

Step = tuple[Layer | Merge | str, int, int, int]


def steps(layers: list[Layer], *, gates: bool) -> st.SearchStrategy[list[Step]]:
    """每步：加什么、接在倒数第几个节点之后（汇合时两个）、怎样裁。"""
    kinds = [*layers, *MERGES * (len(layers) // 4), *(["gate", GroupNorm(1)] * 6 if gates else [])]
    back = st.integers(0, 3)
    step = st.tuples(st.sampled_from(kinds), back, back, st.integers(0, 2))
    return st.lists(step, min_size=1, max_size=8)


def build(image: Image, plan: list[Step]) -> Graph:
    graph = Graph(image)
    for kind, first, second, crop in plan:
        one, other = graph.pick(first), graph.pick(second)
        if kind == "gate":
            graph.gate(one, other)
        elif isinstance(kind, Merge):
            graph.merge(kind, (one, other), crop)
        else:
            assert isinstance(kind, Layer)
            graph.layer(kind, one)
    return graph


def whole(graph: Graph, gates: bool) -> dict[str, bool]:
    """哪些节点看到整个输入：路上有全局的层；`gates=False` 时，只经过门的那条路不算。"""
    seen = {"input": False}
    for node in graph.nodes:
        sources = [seen[source] for source in node.inputs]
        if isinstance(node.layer, GlobalAvgPool) or (gates and isinstance(node.layer, GroupNorm)):
            seen[node.name] = True
        elif isinstance(node.layer, Mul) and not gates:
            seen[node.name] = all(sources)
        else:
            seen[node.name] = any(sources)
    return seen


def indices(graph: Graph, name: str, unit: int, axis: int, skip: set[str]) -> dict[str, set[int]]:
    """从一个单元往回走：各节点的哪些下标被读到；图无限大，补零的位置照样往回走。

    `skip` 是当作常数的节点：只有门用到它们时，相乘处不往那边走。
    """
    wanted: dict[str, set[int]] = {source: set() for source in graph.shapes}
    wanted[name] = {unit}
    for node in reversed(graph.nodes):
        for source in node.inputs:
            if isinstance(node.layer, Mul) and source in skip:
                continue
            if isinstance(node.layer, Merge):
                broadcast = graph.shapes[source][axis + 1] < graph.shapes[node.name][axis + 1]
                read = {0} if broadcast and wanted[node.name] else wanted[node.name]
            else:
                read = {index for each in wanted[node.name] for index in reads(node.layer, axis, each)}
            wanted[source] |= read
    return wanted


def hulls(graph: Graph, name: str, axis: int, skip: set[str]) -> dict[int, tuple[int, int]]:
    """几个单元看到的第一个像素和像素数。"""
    seen = {unit: indices(graph, name, unit, axis, skip)["input"] for unit in (0, 1, 3, FAR)}
    return {unit: (min(pixels), max(pixels) - min(pixels) + 1) for unit, pixels in seen.items()}


def regular(seen: dict[int, tuple[int, int]]) -> bool:
    """各单元一样大，步距也一样。"""
    start, jump = seen[0][0], seen[1][0] - seen[0][0]
    return all(pair == (start + unit * jump, seen[0][1]) for unit, pair in seen.items())


def check_row(graph: Graph, row: Row, everything: dict[str, bool], gates: bool) -> None:
    assert (row.rf == "all") == everything[row.name]
    if row.rf == "all":
        assert (row.jump, row.start, row.reason) == (None, None, None)
        return
    skip = set() if gates else {name for name, seen in everything.items() if seen}
    axes = [hulls(graph, row.name, axis, skip) for axis in (0, 1)]
    if row.rf is None:
        assert row.reason
        assert not all(map(regular, axes))
        return
    assert row.jump is not None
    assert row.start is not None
    for seen, rf, jump, start in zip(axes, row.rf, row.jump, row.start, strict=True):
        assert seen == {unit: (start + unit * jump, rf) for unit in seen}


def check(graph: Graph, book: Ledger, gates: bool) -> None:
    everything = whole(graph, gates)
    for row in book.rows[-2:]:  # 前面的节点是更短的图的末尾
        check_row(graph, row, everything, gates)


images = st.tuples(st.integers(1, 3), st.integers(9, 40), st.integers(9, 40))


@settings(max_examples=1500, deadline=None)
@given(image=images, plan=steps(LAYERS, gates=True))
def test_fields_and_sizes_of_random_graphs_equal_the_propagated_index_sets(
    image: Image, plan: list[Step]
) -> None:
    """两个方向、算与不算门，都比。`rf` 是最小与最大的下标之间的像素数，空隙也算在内。"""
    graph = build(image, plan)
    network = graph.network()
    assert network.shapes() == graph.shapes
    for gates in (True, False):
        check(graph, ledger(network, gates=gates), gates)


def run(graph: Graph, images: np.ndarray) -> dict[str, np.ndarray]:
    """真的算一遍，`images` 的第 0 轴是批量。权重全是 1，平均池化只求和：输入变大，看得到它的输出就变大。"""
    values = {"input": images}
    for node in graph.nodes:
        first, *rest = (values[source] for source in node.inputs)
        if isinstance(node.layer, Add):
            first = first + rest[0]
        elif isinstance(node.layer, Mul):
            first = first * rest[0]
        elif isinstance(node.layer, Concat):
            first = np.concatenate([first, *rest], axis=1)
        elif isinstance(node.layer, Conv2d | AvgPool2d | ConvTranspose2d | Pad):
            for axis in (0, 1):
                units = graph.shapes[node.name][axis + 1]
                first = slide(node.layer, axis, first, units)
            if isinstance(node.layer, Conv2d | ConvTranspose2d):
                first = np.repeat(first.sum(axis=1, keepdims=True), node.layer.out_channels, axis=1)
        values[node.name] = first
    return values


def slide(layer: Layer, axis: int, values: np.ndarray, units: int) -> np.ndarray:
    """一个方向上把读到的值相加；核是全 1，所以两个方向可以先后做。

    图外是 1：是零的话，再乘到别的值上，就什么变化也看不见了。
    """
    size = values.shape[axis + 2]
    lines = [np.zeros_like(values.take(0, axis + 2)) for _ in range(units)]
    for unit, line in enumerate(lines):
        for index in reads(layer, axis, unit):
            line += values.take(index, axis + 2) if 0 <= index < size else 1
    return np.stack(lines, axis + 2)


def pixels(graph: Graph, name: str, unit: tuple[int, int]) -> set[tuple[int, int]]:
    """一个单元从真的图上看到哪些像素：图外的位置什么也没有。"""
    wanted: dict[str, set[tuple[int, int]]] = {source: set() for source in graph.shapes}
    wanted[name] = {unit}
    for node in reversed(graph.nodes):
        for source, (y, x) in product(node.inputs, wanted[node.name]):
            _, height, width = graph.shapes[source]
            if isinstance(node.layer, Merge):
                read = {(min(y, height - 1), min(x, width - 1))}
            else:
                read = set(product(reads(node.layer, 0, y), reads(node.layer, 1, x)))
            wanted[source] |= read & set(product(range(height), range(width)))
    return wanted["input"]


@settings(max_examples=200, deadline=None)
@given(
    image=st.tuples(st.just(1), *[st.integers(3, 9)] * 2),
    plan=steps(LINEAR, gates=False).map(lambda s: s[:5]),
)
def test_changing_a_pixel_changes_the_units_that_see_it(image: Image, plan: list[Step]) -> None:
    """真的图：逐个像素加 1，看输出哪里变了。变了的都在账本写的范围内；没有碰到图外时，两端恰好相同。"""
    graph = build(image, plan)
    book = ledger(graph.network())
    base = np.ones((1, *image))
    pixel = np.eye(image[1] * image[2]).reshape(-1, *image)
    values = run(graph, np.concatenate([base, base + pixel]))
    assert {name: value.shape[1:] for name, value in values.items()} == graph.shapes
    row = book.rows[-1] if book.rows else None
    if row is None or row.rf is None:
        return
    assert isinstance(row.rf, tuple)
    assert row.jump is not None
    assert row.start is not None
    last = values[row.name]
    changed = (last[1:] != last[:1]).any(axis=1).reshape(*image[1:], *last.shape[2:])
    _, height, width = graph.shapes[row.name]
    for unit in {(0, 0), (height // 2, width // 2), (height - 1, width - 1)}:
        seen = {(int(y), int(x)) for y, x in np.argwhere(changed[:, :, *unit])}
        assert seen == pixels(graph, row.name, unit)
        for axis in (0, 1):
            start = row.start[axis] + unit[axis] * row.jump[axis]
            found = {index[axis] for index in seen}
            assert found <= set(range(start, start + row.rf[axis]))
            if not leaves_the_image(graph, row.name, unit):
                assert (min(found), max(found)) == (start, start + row.rf[axis] - 1)


def leaves_the_image(graph: Graph, name: str, unit: tuple[int, int]) -> bool:
    """往回走时碰到过图外的位置，不论在哪一层。"""
    return any(
        not 0 <= index < graph.shapes[source][axis + 1]
        for axis in (0, 1)
        for source, wanted in indices(graph, name, unit[axis], axis, set()).items()
        for index in wanted
    )
