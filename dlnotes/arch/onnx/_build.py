"""边读边搭：每读一个算子，就接上一个节点，并立即推出它的形状。

ONNX 的张量带着批量，轴的次序也任意；这里记住批量在哪一轴，别的轴交给 `Network` 的形状。
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

from dlnotes.arch.layers import Layer, Merge, Parameter, Shape, Tokens
from dlnotes.arch.network import INPUT, Node
from dlnotes.arch.onnx._proto import LARGEST, Dims, Number, Operator
from dlnotes.arch.onnx.layers import Reshape, Shared


@dataclass(frozen=True)
class Known:
    """读文件时就知道的张量：权重、常数，和由它们算出的形状、下标。

    `values` 只有很短的才有；`sources` 是它取自哪些存下的张量，那里各有多少个数可能是参数。
    """

    dims: Dims
    values: tuple[Number, ...] | None
    sources: Mapping[str, int]
    integral: bool
    inline: bool = False  # 写在 Constant 节点里，不在权重表里

    @property
    def count(self) -> int:
        return prod(self.dims)


@dataclass(frozen=True)
class Signal:
    """由输入算出的张量：哪个节点的输出，批量在第几轴（`None` 是与别的轴合在一起了）。"""

    node: str
    batch: int | None = 0


Result = Known | Signal
Rule = Callable[["Call"], "Result | Iterable[Result | None]"]
RULES: dict[str, Rule] = {}
"""算子的名字到读法。"""


def operator(*kinds: str) -> Callable[[Rule], Rule]:
    """登记几个算子的读法。"""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


class Builder:
    """已经搭好的节点和它们的形状。"""

    def __init__(self, shape: Shape, batch: int, uses: Mapping[str, int]) -> None:
        self.batch = batch
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {INPUT: shape}
        self.made: dict[str, str] = {}  # 节点 → 它写出的张量
        self.counted: set[str] = set()  # 已经计过的权重
        self._uses = uses

    def name(self, wanted: Iterable[str]) -> str:
        """第一个没有用过的名字；都用过了就加上序号。"""
        names = [each for each in wanted if each]
        for each in names:
            if each not in self.shapes:
                return each
        first = names[0] if names else "node"
        numbered = (f"{first}#{count}" for count in range(2, len(self.shapes) + 3))
        return next(each for each in numbered if each not in self.shapes)

    def add(self, name: str, layer: Layer | Merge, sources: tuple[str, ...]) -> None:
        shapes = [self.shapes[source] for source in sources]
        shape = layer.output(shapes) if isinstance(layer, Merge) else layer.output(shapes[0])
        if prod(shape) > LARGEST:
            raise ValueError(f"输出 {tuple(shape)} 超过 {LARGEST:,} 个元素。")
        self.nodes[name], self.shapes[name] = Node(name, layer, sources), shape

    def uses(self, tensor: str) -> int:
        """这个张量用了几次，作为图的输出也算。"""
        return self._uses.get(tensor, 0)

    def alone(self, node: str) -> bool:
        """这个节点的输出是否只用了一次：只用一次的才能并进后一个节点。"""
        return self.uses(self.made.get(node, "")) == 1

    def drop(self, node: str) -> Node:
        """拆掉刚接上的节点，好与后一个合成一层。"""
        del self.shapes[node]
        return self.nodes.pop(node)


@dataclass(frozen=True)
class Call:
    """正在读的一个算子，和到达它的张量。"""

    op: Operator
    opset: int
    inputs: tuple[Result | None, ...]
    build: Builder

    def get(self, index: int) -> Result | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def signal(self, index: int) -> Signal:
        found = self.get(index)
        if not isinstance(found, Signal):
            raise ValueError(f"第 {index + 1} 个输入应当由网络的输入算出。")
        return found

    def known(self, index: int) -> Known:
        found = self.get(index)
        if not isinstance(found, Known):
            raise ValueError(f"第 {index + 1} 个输入应当是存在文件里的常数。")
        return found

    def optional(self, index: int) -> Known | None:
        return None if self.get(index) is None else self.known(index)

    def integers(self, index: int, attribute: str = "") -> list[int] | None:
        """一串整数：写成输入，或（旧版）写成属性；没有则为 `None`。"""
        known = self.optional(index)
        if known is None:
            return self.op.integers(attribute) if attribute else None
        if known.values is None or not known.integral or len(known.dims) > 1:
            raise ValueError(f"第 {index + 1} 个输入应当是读文件时就知道的一串整数。")
        return [int(value) for value in known.values]

    def numbers(self, index: int) -> tuple[Number, ...] | None:
        known = self.optional(index)
        return known.values if known else None

    def shape(self, signal: Signal) -> Shape:
        return self.build.shapes[signal.node]

    def dims(self, signal: Signal) -> Dims:
        """连批量在内的形状。"""
        shape = tuple(self.shape(signal))
        if signal.batch is None:
            return shape
        return (*shape[: signal.batch], self.build.batch, *shape[signal.batch :])

    def axis(self, signal: Signal, axis: int) -> int:
        """ONNX 的第 `axis` 轴是 `Network` 的形状里的第几轴。"""
        axis = normal(axis, len(self.dims(signal)))
        if axis == signal.batch:
            raise ValueError("它作用于批量那一轴，这里只算一个样本。")
        return axis if signal.batch is None or axis < signal.batch else axis - 1

    def feature(self, signal: Signal) -> int:
        """特征是形状里的第几轴。"""
        shape = self.shape(signal)
        return len(shape) - 1 if isinstance(shape, Tokens) else 0

    def emit(
        self,
        layer: Layer | Merge,
        *signals: Signal,
        batch: int | None = 0,
        suffix: str = "",
        weights: Mapping[Parameter, list[Known]] | None = None,
        buffers: Iterable[Known] = (),
    ) -> Signal:
        """接上一个节点；`weights`、`buffers` 是它用到的权重，用过的只计一次。"""
        names = [each for each in (self.op.name, *self.op.outputs) if each]
        name = self.build.name(f"{each}{suffix}" for each in names)
        sources = tuple(signal.node for signal in signals)
        if weights is not None:
            assert isinstance(layer, Layer)  # noqa: S101 有权重的都是一个输入的层
            layer = self._weighted(layer, self.build.shapes[sources[0]], weights, list(buffers))
        self.build.add(name, layer, sources)
        if not suffix and self.op.outputs:
            self.build.made[name] = self.op.outputs[0]
        return Signal(name, batch)

    def channels_first(self, signal: Signal) -> Signal:
        """通道在第 1 轴的张量；特征原来在最后一轴的，从这里起看作通道在前。"""
        if signal.batch != 0:
            raise ValueError("到达它的张量里，批量不在第 0 轴。")
        shape = self.shape(signal)
        if not isinstance(shape, Tokens):
            return signal
        return self.emit(Reshape(tuple(shape)), signal, suffix=".channels")

    def features_last(self, signal: Signal) -> Signal:
        """特征在最后一轴的张量；只有一轴的就是向量。"""
        shape = self.shape(signal)
        if signal.batch is not None and signal.batch == len(shape):
            raise ValueError("到达它的张量里，批量在最后一轴。")
        if isinstance(shape, Tokens) or (len(shape) == 1 and signal.batch is not None):
            return signal
        return self.emit(Reshape(Tokens(shape)), signal, batch=signal.batch, suffix=".tokens")

    def behind(self, signal: Signal, kind: type[Layer] | type[Merge]) -> Node | None:
        """这个张量是不是一个 `kind` 写出、只用一次的。"""
        node = self.build.nodes.get(signal.node)
        return node if node and type(node.layer) is kind and self.build.alone(node.name) else None

    def _weighted(
        self, layer: Layer, shape: Shape, weights: Mapping[Parameter, list[Known]], buffers: list[Known]
    ) -> Layer:
        layer.output(shape)  # 先报形状的错
        stored = {kind: sum(known.count for known in each) for kind, each in weights.items()}
        expected = dict(layer.parameters(shape))
        if {kind: count for kind, count in stored.items() if count} != expected:
            raise ValueError(f"权重的大小与用法对不上：存了 {stored}，应有 {expected}。")
        repeated = {kind: sum(map(self._again, each)) for kind, each in weights.items()}
        held = sum(map(self._again, buffers))
        seen = tuple((kind, count) for kind, count in repeated.items() if count)
        return Shared(layer, seen, held) if seen or held else layer

    def _again(self, known: Known) -> int:
        """这个张量里前面已经计过的个数。"""
        if known.sources.keys() <= self.build.counted:
            return known.count
        self.build.counted |= known.sources.keys()
        return 0

    def learned(self, known: Known) -> int:
        """与它逐元素运算的数组有多少个参数：一个数、整数不算，用过的不再算。"""
        if known.integral:
            return 0
        fresh = known.sources.keys() - self.build.counted
        self.build.counted |= fresh
        return sum(known.sources[name] for name in fresh)


def normal(axis: int, rank: int) -> int:
    """负的轴从后面数起。"""
    if not -rank <= axis < rank:
        raise ValueError(f"没有第 {axis} 轴，张量只有 {rank} 轴。")
    return axis % rank
