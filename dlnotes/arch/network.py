"""网络：有名字的节点，每个节点写明自己的输入，按先后排好。

节点只能引用写在它前面的节点，所以网络一定无环，逐个走一遍就是一次前向。
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dlnotes._check import image_shape, integer, problem
from dlnotes.arch.layers import Conv2d, Layer, MaxPool2d, Shape
from dlnotes.arch.receptive import Window

INPUT = "input"
"""输入图的名字，节点的 `inputs` 里用它指网络的输入。"""


@dataclass(frozen=True)
class Node:
    """网络里的一个节点。

    Attributes:
        name: 名字，在网络里不能重复。
        layer: 层的规格。
        inputs: 它的输入是哪些节点，`"input"` 指网络的输入。
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """一个网络的完整描述。

    Attributes:
        name: 网络的名字。
        input: 默认的输入形状 `(C, H, W)`，不含批量。
        nodes: 各节点，先后次序就是计算的次序。

    Raises:
        ValueError: 名字重复、引用了不存在或写在后面的节点，或输入形状不是三个正整数。
    """

    name: str
    input: Shape
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", image_shape(self.input))
        known = {INPUT}
        for node in self.nodes:
            if node.name in known:
                raise ValueError(problem("name", "不重复的名字", node.name, "请给这个节点另起名字"))
            if isinstance(node.inputs, str):
                remedy = f"请写成 ({node.inputs!r},)"
                raise TypeError(problem("inputs", "节点名的元组", repr(node.inputs), remedy))
            for source in node.inputs:
                if source not in known:
                    expected = f"写在 {node.name} 之前的节点"
                    raise ValueError(problem("inputs", expected, source, "请检查名字和先后次序"))
            known.add(node.name)

    def windows(self, axis: int = 0) -> dict[str, Window]:
        """各卷积层和池化层在一个方向上的滑动窗口，按计算的次序。

        Args:
            axis: 0 是高，1 是宽。

        Returns:
            节点的名字到它的窗口；没有固定窗口的层（激活、全连接、自适应池化等）不在其中。

        Examples:
            >>> from dlnotes.arch import zoo
            >>> list(zoo.load("zf5").windows())
            ['conv1', 'pool1', 'conv2', 'pool2', 'conv3', 'conv4', 'conv5']
        """
        integer("axis", axis, minimum=0)
        if axis > 1:
            raise ValueError(problem("axis", "0（高）或 1（宽）", axis, "请从中选一个"))
        return {
            node.name: node.layer.windows[axis]
            for node in self.nodes
            if isinstance(node.layer, Conv2d | MaxPool2d)
        }


def sequential(name: str, input: Shape, layers: Iterable[tuple[str, Layer]]) -> Network:  # noqa: A002
    """把一串层首尾相接成网络，写法就像论文里的表：每行一个 `(名字, 层)`。

    Args:
        name: 网络的名字。
        input: 输入形状 `(C, H, W)`，不含批量。
        layers: 各层，依次以前一层为输入。

    Returns:
        网络的描述；算它的账用 [`ledger`][dlnotes.arch.ledger.ledger]。

    Examples:
        >>> from dlnotes.arch import Conv2d, MaxPool2d
        >>> net = sequential("tiny", (3, 32, 32), [("conv", Conv2d(8, 3)), ("pool", MaxPool2d(2))])
        >>> [(node.name, node.inputs) for node in net.nodes]
        [('conv', ('input',)), ('pool', ('conv',))]
    """
    nodes: list[Node] = []
    previous = INPUT
    for item in layers:
        if not isinstance(item, tuple) or len(item) != 2 or isinstance(item[1], type):
            remedy = '请写成 ("conv1", Conv2d(64, 3)) 这样'
            raise TypeError(problem("layers", "(名字, 层) 的序列", repr(item), remedy))
        node_name, layer = item
        nodes.append(Node(node_name, layer, (previous,)))
        previous = node_name
    return Network(name, input, tuple(nodes))
