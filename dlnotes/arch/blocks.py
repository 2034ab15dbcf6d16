"""子图：用函数把层拼成块，块拼成网络，写法就像论文里的表。

一条路（`Path`）是若干 `(名字, 步骤)`，首尾相接；步骤可以是一层、另一条路，或一个块（`Block`）。块是函数：给它
名字和输入节点，它返回一串节点和其中作为输出的那个的名字。节点的名字用点连起来，如 `layer1.0.conv1`。
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias, Union

from dlnotes._check import problem
from dlnotes.arch.layers import Add, Layer, Merge, Shape
from dlnotes.arch.network import INPUT, Network, Node

Block: TypeAlias = Callable[[str, str], tuple[list[Node], str]]
"""子图：`(名字, 输入节点的名字)` 到 `(节点, 输出节点的名字)`。"""

Path: TypeAlias = Iterable[tuple[str, Union[Layer, Merge, Block, "Path"]]]
"""首尾相接的若干 `(名字, 步骤)`；空的路是直连。"""

_Step: TypeAlias = Layer | Merge | Block | list[tuple[str, "_Step"]]


def sequential(name: str, input: Shape, path: Path) -> Network:  # noqa: A002
    """把一条路接成网络：每行一个 `(名字, 层)`，像论文里的表。

    Args:
        name: 网络的名字。
        input: 输入形状 `(C, H, W)`，不含批量。
        path: 各步，依次以前一步为输入；步骤可以是层、块或另一条路。

    Returns:
        网络的描述；算它的账用 [`ledger`][dlnotes.arch.ledger.ledger]。

    Raises:
        TypeError: 某一步不是 `(名字, 层)`。
        ValueError: 名字重复。

    Examples:
        >>> from dlnotes.arch import Conv2d, MaxPool2d
        >>> net = sequential("tiny", (3, 32, 32), [("conv", Conv2d(8, 3)), ("pool", MaxPool2d(2))])
        >>> [(node.name, node.inputs) for node in net.nodes]
        [('conv', ('input',)), ('pool', ('conv',))]
    """
    nodes, _ = _chain("", INPUT, _steps(path))
    return Network(name, input, tuple(nodes))


def residual(body: Path, shortcut: Path = ()) -> Block:
    """残差块：`body` 的输出与 `shortcut` 的输出相加；`shortcut` 为空时是直连。

    Args:
        body: 主路。
        shortcut: 旁路，通常为空，或一个 1×1 卷积加归一化。

    Returns:
        块；它最后的节点名为 `add`。

    References:
        He et al. (2015), *Deep Residual Learning for Image Recognition*, arXiv:1512.03385, Figure 2。

    Examples:
        >>> from dlnotes.arch import Conv2d, ReLU
        >>> block = residual([("conv", Conv2d(3, 3, padding=1)), ("relu", ReLU())])
        >>> [node.name for node in sequential("net", (3, 8, 8), [("block1", block)]).nodes]
        ['block1.conv', 'block1.relu', 'block1.add']
    """
    return parallel(body, shortcut, join=Add())


def parallel(*paths: Path, join: Merge) -> Block:
    """几条路都从同一个输入出发，再汇合。

    Args:
        paths: 各条路，次序就是汇合层的输入的次序；各路的名字不能重复，空的路是直连。
        join: 汇合的层，如 `Concat()`、`Add()`、`Mul()`。

    Returns:
        块；它最后的节点以 `join` 的种类命名，如 `concat`。

    Examples:
        >>> from dlnotes.arch import Concat, Conv2d
        >>> block = parallel([("conv1", Conv2d(8, 1))], [("conv3", Conv2d(8, 3, padding=1))], join=Concat())
        >>> net = sequential("net", (3, 8, 8), [("mixed", block)])
        >>> net.nodes[-1].name, net.nodes[-1].inputs, net.shapes()["mixed.concat"]
        ('mixed.concat', ('mixed.conv1', 'mixed.conv3'), (16, 8, 8))
    """
    routes = [_steps(path) for path in paths]

    def block(name: str, source: str) -> tuple[list[Node], str]:
        chains = [_chain(name, source, route) for route in routes]
        ends = tuple(end for _, end in chains)
        last = Node(_join(name, type(join).__name__.lower()), join, ends)
        return [*(node for nodes, _ in chains for node in nodes), last], last.name

    return block


def side(path: Path) -> Block:
    """旁支：从这里分出一条路，算到头为止；主路不经过它，如 GoogLeNet 训练时的辅助分类器。

    Args:
        path: 旁支上的各步。

    Returns:
        块；它的输出就是它的输入。

    Examples:
        >>> from dlnotes.arch import Conv2d, ReLU
        >>> net = sequential("net", (3, 8, 8), [("aux", side([("conv", Conv2d(8, 1))])), ("relu", ReLU())])
        >>> [(node.name, node.inputs) for node in net.nodes]
        [('aux.conv', ('input',)), ('relu', ('input',))]
    """
    route = _steps(path)
    return lambda name, source: (_chain(name, source, route)[0], source)


def _steps(path: Path) -> list[tuple[str, _Step]]:
    """检查一条路，把它连同其中的路都存成列表：块可以用几次，生成器只能走一次。"""
    if isinstance(path, str) or not isinstance(path, Iterable):
        raise TypeError(_not_a_step(path))
    return [_step(item) for item in path]


def _step(item: object) -> tuple[str, _Step]:
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[0], str) or not item[0]:
        raise TypeError(_not_a_step(item))
    name, step = item
    if isinstance(step, Layer | Merge) or (callable(step) and not isinstance(step, type)):
        return name, step
    if isinstance(step, Iterable) and not isinstance(step, str | type):
        return name, _steps(step)
    raise TypeError(_not_a_step(item))


def _chain(prefix: str, source: str, steps: list[tuple[str, _Step]]) -> tuple[list[Node], str]:
    """把一条路展开成节点；返回节点与最后一个的名字，空的路返回它的输入。"""
    nodes: list[Node] = []
    for label, step in steps:
        name = _join(prefix, label)
        if isinstance(step, Layer | Merge):
            nodes.append(Node(name, step, (source,)))
            source = name
        else:
            added, source = _chain(name, source, step) if isinstance(step, list) else step(name, source)
            nodes += added
    return nodes, source


def _not_a_step(item: object) -> str:
    remedy = '请写成 ("conv1", Conv2d(64, 3)) 这样'
    return problem("layers", "(名字, 层) 的序列", repr(item), remedy)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
