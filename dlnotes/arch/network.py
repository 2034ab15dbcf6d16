"""网络：有名字的节点，每个节点写明自己的输入，按计算的先后排好，是一个有向无环图。

节点可以直接写；分支多的网络用 [`blocks`][dlnotes.arch.blocks] 的函数拼起来更短。
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from dlnotes._check import integer, problem
from dlnotes.arch.layers import Layer, Merge, Shape, Sliding, Tokens
from dlnotes.arch.receptive import Window

INPUT = "input"
"""输入的名字，节点的 `inputs` 里用它指网络的输入。"""


@dataclass(frozen=True)
class Node:
    """网络里的一个节点。

    Attributes:
        name: 名字，在网络里不能重复；属于一个子图的用点连起来，如 `layer1.0.conv1`。
        layer: 层的规格；`Layer` 有一个输入，`Merge` 有几个。
        inputs: 它的输入是哪些节点，`"input"` 指网络的输入。

    Raises:
        TypeError: `inputs` 不是元组，或 `layer` 不是层的规格。

    Examples:
        >>> from dlnotes.arch import Add
        >>> Node("add", Add(), ("conv2", "input")).inputs
        ('conv2', 'input')
    """

    name: str
    layer: Layer | Merge
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(problem("name", "非空的字符串", repr(self.name), "请给节点起名字"))
        if not isinstance(self.layer, Layer | Merge):
            remedy = "请写成 Conv2d(64, 3) 这样的实例"
            raise TypeError(problem("layer", "层", f"{self.name} 的 {self.layer!r}", remedy))
        if not isinstance(self.inputs, tuple):
            remedy = f"请写成 ({self.inputs!r},)" if isinstance(self.inputs, str) else "请换成元组"
            raise TypeError(problem("inputs", "节点名的元组", repr(self.inputs), remedy))
        if not all(isinstance(source, str) for source in self.inputs):
            raise TypeError(problem("inputs", "节点名的元组", repr(self.inputs), "节点用名字指，不用对象"))

    @property
    def op(self) -> str:
        """层的种类，如 `"Conv2d"`。"""
        return type(self.layer).__name__


@dataclass(frozen=True)
class Network:
    """一个网络的完整描述。

    Attributes:
        name: 网络的名字。
        input: 默认的输入形状，不含批量：`(C, H, W)`、`(C, L)`、`(F,)` 或 `Tokens((T, D))`。
        nodes: 各节点，先后次序就是计算的次序；最后一个是网络的输出。

    Raises:
        TypeError: 形状不是整数，或 `nodes` 里有不是 `Node` 的。
        ValueError: 名字重复、引用了不存在或写在后面的节点、成环，或输入形状不合。

    Examples:
        >>> from dlnotes.arch import Add, Conv2d
        >>> nodes = [Node("conv", Conv2d(3, 3, padding=1), ("input",)), Node("add", Add(), ("conv", "input"))]
        >>> Network("residual", (3, 8, 8), nodes).shapes()
        {'input': (3, 8, 8), 'conv': (3, 8, 8), 'add': (3, 8, 8)}
    """

    name: str
    input: Shape
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(problem("name", "网络的名字", repr(self.name), "请写成字符串"))
        if not isinstance(self.nodes, Iterable):
            raise TypeError(problem("nodes", "Node 的序列", repr(self.nodes), "请写成元组或列表"))
        object.__setattr__(self, "input", _input_shape(self.input))
        object.__setattr__(self, "nodes", tuple(self.nodes))
        for node in self.nodes:
            if not isinstance(node, Node):
                raise TypeError(problem("nodes", "Node 的序列", repr(node), "请写成 Node(名字, 层, 输入)"))
        _check_names([node.name for node in self.nodes])
        _check_edges(self.nodes)

    def shapes(self, input: Shape | None = None) -> dict[str, Shape]:  # noqa: A002
        """把形状从输入推到每个节点。

        Args:
            input: 输入形状，不含批量；不写则用网络默认的。

        Returns:
            节点的名字到输出形状，`"input"` 也在其中。

        Raises:
            ValueError: 某一层接不上到达它的形状；报出网络、节点、层的种类、窗口或各输入的形状。
        """
        shapes = {INPUT: self.input if input is None else _input_shape(input)}
        for node in self.nodes:
            try:
                shapes[node.name] = _output(node, [shapes[source] for source in node.inputs])
            except ValueError as error:
                sources = f"，输入是 {'、'.join(node.inputs)}" if len(node.inputs) > 1 else ""
                raise ValueError(f"{self.name} 的 {node.name}（{node.op}{sources}）：{error}") from None
        return shapes

    def windows(self, axis: int = 0) -> dict[str, Window]:
        """各卷积层和池化层在一个方向上的滑动窗口，按计算的次序，输入取默认的大小。

        Args:
            axis: 0 是高，1 是宽；一维的网络只有 0。

        Returns:
            节点的名字到它的窗口；没有固定窗口的层（激活、全连接、转置卷积、自适应池化等）不在其中。

        Raises:
            ValueError: `axis` 不是 0 或 1。

        Examples:
            >>> from dlnotes.arch import zoo
            >>> list(zoo.load("zf5").windows())
            ['conv1', 'pool1', 'conv2', 'pool2', 'conv3', 'conv4', 'conv5']
        """
        integer("axis", axis, minimum=0)
        if axis > 1:
            raise ValueError(problem("axis", "0（高）或 1（宽）", axis, "请从中选一个"))
        shapes = self.shapes()
        windows = {
            node.name: node.layer.windows(shapes[node.inputs[0]])
            for node in self.nodes
            if isinstance(node.layer, Sliding)
        }
        if any(len(axes) <= axis for axes in windows.values()):
            raise ValueError(problem("axis", "0", axis, "这个网络里有一维的层，没有宽"))
        return {name: axes[axis] for name, axes in windows.items()}


def _input_shape(shape: object) -> Shape:
    """检查网络的输入形状，返回 Python 整数的元组；`Tokens` 还是 `Tokens`。"""
    if not isinstance(shape, tuple) or not 1 <= len(shape) <= 3:
        expected = "(C, H, W) 三个正整数"
        raise ValueError(problem("input", expected, repr(shape), "请写全通道数、高、宽（信号是 (C, L)）"))
    if isinstance(shape, Tokens):
        if len(shape) < 2:
            raise ValueError(problem("input", "词元 (T, D)", shape, "词元的编号请写成普通的元组 (T,)"))
        return Tokens(integer(f"input[{axis}]", size, minimum=1) for axis, size in enumerate(shape))
    axes = {3: "CHW", 2: "CL", 1: "F"}[len(shape)]
    return tuple(integer(f"input 的 {axis}", size, minimum=1) for axis, size in zip(axes, shape, strict=True))


def _output(node: Node, shapes: list[Shape]) -> Shape:
    if not shapes:
        raise ValueError(problem("inputs", "至少一个输入", node.inputs, "网络的输入写作 input"))
    if isinstance(node.layer, Merge):
        return node.layer.output(shapes)
    if len(shapes) > 1:
        remedy = "这一层只能接在一个节点之后，请先相加或拼接"
        raise ValueError(problem("inputs", "恰好一个输入", node.inputs, remedy))
    return node.layer.output(shapes[0])


def _check_names(names: list[str]) -> None:
    known = {INPUT}
    for name in names:
        if name in known:
            raise ValueError(problem("name", "不重复的名字", name, "请给这个节点另起名字"))
        known.add(name)


def _check_edges(nodes: tuple[Node, ...]) -> None:
    """只能引用写在前面的节点；引用了后面的，分清是成环、写错次序，还是没有这个名字。"""
    known = {INPUT}
    for node in nodes:
        for source in node.inputs:
            if source not in known:
                cycle = _cycle({each.name: each.inputs for each in nodes})
                if cycle:
                    raise ValueError(problem("inputs", "不成环的连接", " → ".join(cycle), "请断开其中一处"))
                expected = f"写在 {node.name} 之前的节点"
                raise ValueError(problem("inputs", expected, source, _remedy(source, nodes)))
        known.add(node.name)


def _remedy(source: str, nodes: tuple[Node, ...]) -> str:
    names = [INPUT, *(node.name for node in nodes)]
    if source in names:
        return "它写在后面，请调整先后次序"
    close = get_close_matches(source, names, n=3)
    return f"没有这个名字，相近的有 {'、'.join(close)}" if close else "没有这个名字，请检查拼写"


def _cycle(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """找一个环，按计算的方向；没有则为空。"""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
