"""把块拼成网络：一段又一段，最后是分类头。

块是函数，给它输入、输出的通道数和步长；一个新网络通常只是一张表，交给 `stages`。
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from dlnotes.arch.blocks import Block, Path
from dlnotes.arch.layers import Dropout, Flatten, GlobalAvgPool, Layer, Linear
from dlnotes.arch.network import Node

Unit: TypeAlias = Callable[[int, int, int], Block | Path]
"""一种块：`(输入通道数, 输出通道数, 步长)` 到块。"""


def stages(inputs: int, table: Sequence[tuple[Unit, int, int, int]], *, name: str, first: int = 1) -> Path:
    """若干段：每一段的第一块改变通道数和大小，其余各块的输入、输出形状相同。

    Args:
        inputs: 到达第一段的通道数。
        table: 每段一行，`(块, 输出通道数, 块数, 第一块的步长)`。
        name: 各段的名字，后面接编号。
        first: 第一段的编号。

    Returns:
        一条路，如 `layer1.0`、`layer1.1`、`layer2.0`……

    Examples:
        >>> from dlnotes.arch import Conv2d, sequential
        >>> def unit(inputs, outputs, stride):
        ...     return [("conv", Conv2d(outputs, 3, stride=stride, padding=1))]
        >>> net = sequential("net", (3, 8, 8), stages(3, [(unit, 8, 2, 1), (unit, 16, 1, 2)], name="layer"))
        >>> {node.name: net.shapes()[node.name] for node in net.nodes if node.op == "Conv2d"}
        {'layer1.0.conv': (8, 8, 8), 'layer1.1.conv': (8, 8, 8), 'layer2.0.conv': (16, 4, 4)}
    """
    path: list[tuple[str, Path]] = []
    for number, (unit, outputs, depth, stride) in enumerate(table, start=first):
        blocks = [unit(inputs, outputs, stride), *(unit(outputs, outputs, 1) for _ in range(depth - 1))]
        path.append((f"{name}{number}", [(str(index), block) for index, block in enumerate(blocks)]))
        inputs = outputs
    return path


def then(block: Block, name: str, layer: Layer) -> Block:
    """一个块，后面再接一层，名字与块里的各步并列；如原始的残差块先相加、后激活。

    Args:
        block: 块。
        name: 这一层的名字。
        layer: 这一层。

    Returns:
        块；这一层是它的输出。

    Examples:
        >>> from dlnotes.arch import Conv2d, ReLU, residual, sequential
        >>> block = then(residual([("conv", Conv2d(8, 1))]), "relu", ReLU())
        >>> [node.name for node in sequential("net", (8, 4, 4), [("block", block)]).nodes]
        ['block.conv', 'block.add', 'block.relu']
    """

    def whole(prefix: str, source: str) -> tuple[list[Node], str]:
        nodes, end = block(prefix, source)
        last = Node(f"{prefix}.{name}", layer, (end,))
        return [*nodes, last], last.name

    return whole


def head(*, dropout: float | None = None) -> Path:
    """分类头：全局平均池化、展平、（随机失活、）1000 类的全连接。"""
    drop = [] if dropout is None else [("drop", Dropout(dropout))]
    return [("avgpool", GlobalAvgPool()), ("flatten", Flatten()), *drop, ("fc", Linear(1000))]
