r"""激活内存：训练时为反向传播留着多少，推理时同时放着的最多是多少。

两个数都只算存放激活的字节：不含参数、梯度、优化器的状态，也不含卷积算法的工作区与分配器的碎片。输入按同一种
数据类型算。
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from dlnotes.arch.layers import Merge, Shape
from dlnotes.arch.network import INPUT, Node

INT64 = 8
"""`Saved.indices` 的一个整数占的字节数。"""


@dataclass(frozen=True)
class Memory:
    """一个网络在一种输入大小下的激活内存；要走遍整张图才知道，所以问到时才算。

    Attributes:
        nodes: 各节点，按计算的次序。
        shapes: 节点的名字到输出形状，`"input"` 也在其中。
        element_bytes: 一个激活占的字节数。
        batch: 一批的样本数。
        inplace: 算 `peak` 时，激活、相加、相乘是否写进以后没有人用的输入。

    Examples:
        >>> from dlnotes.arch import Conv2d, ReLU, sequential
        >>> net = sequential("net", (3, 8, 8), [("conv", Conv2d(4, 1)), ("relu", ReLU())])
        >>> memory = Memory(net.nodes, net.shapes(), 4)
        >>> memory.saved, memory.peak
        ({'input': 768, 'relu': 1024}, (2048, 'relu'))
    """

    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    element_bytes: int
    batch: int = 1
    inplace: bool = False

    @cached_property
    def saved(self) -> dict[str, int]:
        """训练时，各节点产生的张量里要留着的字节数，见 [`saved_bytes`][dlnotes.arch.memory.saved_bytes]。"""
        return saved_bytes(self.nodes, self.shapes, self.element_bytes, self.batch)

    @cached_property
    def peak(self) -> tuple[int, str]:
        """推理时的峰值与最先达到它的节点，见 [`peak_bytes`][dlnotes.arch.memory.peak_bytes]。"""
        scale = self.batch * self.element_bytes
        sizes = {name: scale * prod(shape) for name, shape in self.shapes.items()}
        return peak_bytes(self.nodes, sizes, inplace=self.inplace)


def saved_bytes(
    nodes: Iterable[Node], shapes: Mapping[str, Shape], element_bytes: int, batch: int = 1
) -> dict[str, int]:
    r"""训练时，前向算完、反向还没有开始，各节点产生的张量里要留着的字节数。

    每一层的反向要用它的输入、输出或另外几个数，见 [`Saved`][dlnotes.arch.layers.Saved]；同一个张量几层都要，
    只算一次，记在产生它的节点上，视图记在它的来源上。于是卷积接 ReLU 只留一张（ReLU 的输出，也是下一个卷积的
    输入），卷积接 BN 再接 ReLU 留两张，相加和拼接不留。前面没有参数的层不求梯度，什么也不留。

    就地写的层（`inplace=True`）不改变这里的数：ReLU 留的是输出；ReLU6、Hardswish、SiLU 就地写时，PyTorch 另存
    一份输入；只有 LeakyReLU、ELU 就地写时改留输出，能省一张。

    Args:
        nodes: 各节点，按计算的次序。
        shapes: 节点的名字到输出形状，`"input"` 也在其中。
        element_bytes: 一个激活占的字节数。
        batch: 一批的样本数。

    Returns:
        节点的名字到字节数，不留的不列；输入也要留时，`"input"` 在其中。

    References:
        PyTorch `torch.autograd.graph.saved_tensors_hooks`，`tools/autograd/derivatives.yaml`。

    Examples:
        >>> from dlnotes.arch import BatchNorm2d, Conv2d, ReLU, sequential
        >>> layers = [("conv", Conv2d(4, 1)), ("bn", BatchNorm2d()), ("relu", ReLU())]
        >>> net = sequential("net", (3, 8, 8), layers)
        >>> saved_bytes(net.nodes, net.shapes(), 4)
        {'input': 768, 'conv': 1024, 'bn': 32, 'relu': 1024}
    """
    owner, learned = {INPUT: INPUT}, set[str]()
    kept: set[str] = set()
    extra: dict[str, int] = {}
    for node in nodes:
        rules: Any = node.layer  # Layer 收一个形状，Merge 收几个
        sources = [shapes[source] for source in node.inputs]
        given: Any = sources if isinstance(rules, Merge) else sources[0]
        saved = rules.saved(given)
        owner[node.name] = owner[node.inputs[0]] if saved.view else node.name
        if learned.isdisjoint(node.inputs) and not rules.params(given):
            continue
        learned.add(node.name)
        if saved.inputs:
            kept.update([owner[source] for source in node.inputs])
        if saved.output:
            kept.add(owner[node.name])
        numbers = (batch * saved.numbers + saved.shared) * element_bytes
        extra[node.name] = numbers + batch * saved.indices * INT64
    for name in kept:
        extra[name] = extra.get(name, 0) + batch * prod(shapes[name]) * element_bytes
    return {name: extra[name] for name in shapes if extra.get(name)}


def peak_bytes(nodes: Sequence[Node], sizes: Mapping[str, int], *, inplace: bool = False) -> tuple[int, str]:
    r"""推理时按写下的次序逐个计算，同时放着的张量最多占多少字节。

    一个张量从算出它起，放到最后一个用它的节点算完；没有节点用它的，算完就放掉。输入也算，放到最后一个用它的节点。
    算一个节点时，它的输入和输出都在，所以首尾相接的网络里，峰值是某一层的输入加输出；有分支时，等着汇合的张量
    也在。展平、取一份、推理时的 Dropout 不占新的内存，来源就放到视图用完为止。

    Args:
        nodes: 各节点，按计算的次序。
        sizes: 节点的名字到它的输出的字节数，`"input"` 也在其中。
        inplace: 激活、相加、相乘是否写进输入：那个输入要与输出同样大小，它所在的内存此后没有别的节点用，
            而且不是网络的输入。

    Returns:
        字节数，和最先达到它的节点的名字；还没有算就最大时是 `"input"`。

    References:
        Chen et al. (2016), *Training Deep Nets with Sublinear Memory Cost*, arXiv:1604.06174, §3
        （就地计算与按活跃期共用内存）。

    Examples:
        >>> from dlnotes.arch import Conv2d, ReLU, sequential
        >>> net = sequential("net", (3, 8, 8), [("conv", Conv2d(4, 1)), ("relu", ReLU())])
        >>> sizes = {"input": 192, "conv": 256, "relu": 256}
        >>> peak_bytes(net.nodes, sizes), peak_bytes(net.nodes, sizes, inplace=True)
        ((512, 'relu'), (448, 'conv'))
    """
    last = {INPUT: -1}
    for index, node in enumerate(nodes):
        last[node.name] = index
        last.update(dict.fromkeys(node.inputs, index))
    block = {INPUT: INPUT}  # 张量放在哪一块内存里，以第一个写它的节点为名
    until = {INPUT: last[INPUT]}  # 每一块放到哪个节点算完
    peak = sizes[INPUT], INPUT
    for index, node in enumerate(nodes):
        until = {name: stop for name, stop in until.items() if stop >= index}
        home = block[node.inputs[0]] if node.layer.reuses == "always" else node.name
        if inplace and node.layer.reuses == "inplace":
            home = _overwritten(node, index, block, until, sizes) or home
        block[node.name] = home
        until[home] = max(until.get(home, index), last[node.name])
        live = sum(sizes[name] for name in until)
        if live > peak[0]:
            peak = live, node.name
    return peak


def _overwritten(
    node: Node, index: int, block: Mapping[str, str], until: Mapping[str, int], sizes: Mapping[str, int]
) -> str | None:
    """就地写在哪一块：第一个同样大小、这块内存此后没有人用、又不是网络输入的输入。"""
    for source in node.inputs:
        home, others = block[source], [block[other] for other in node.inputs if other != source]
        unused = until[home] == index and home != INPUT and home not in others
        if unused and sizes[source] == sizes[node.name]:
            return home
    return None
