"""ONNX 文件里用得着的部分：图、节点、属性、张量的形状与很短的整数表；权重的数值不读。

References:
    ONNX, `onnx/onnx.proto`（各字段的编号）与 `docs/IR.md`。
"""

import struct
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from dlnotes.arch.onnx._wire import Budget, DamagedError, Data, Message

NODES = 50_000
"""一个图至多有多少个节点。"""
AXES = 12
"""一个张量至多有多少个轴。"""
LARGEST = 1 << 40
"""一个张量至多有多少个元素。"""
SHORT = 4096
"""形状、下标这样的整数表至多多长；更长的是权重，只看它的形状。"""

Number = int | float
Dims = tuple[int, ...]

_FLOATS = {1: ("f", 4), 10: ("e", 2), 11: ("d", 8)}
_INTEGERS = {2: ("B", 1), 3: ("b", 1), 4: ("H", 2), 5: ("h", 2), 6: ("i", 4), 7: ("q", 8), 9: ("?", 1)}
_INTEGERS |= {12: ("I", 4), 13: ("Q", 8)}


@dataclass(frozen=True)
class Tensor:
    """一个常数张量：名字、形状、类型；数值要用时才读。"""

    name: str
    dims: Dims
    kind: int
    _message: Message = field(repr=False, compare=False)
    _data: Data = field(repr=False, compare=False)

    @property
    def integral(self) -> bool:
        return self.kind in _INTEGERS

    @cached_property
    def values(self) -> tuple[Number, ...] | None:
        """各元素，按行；太长、存在别的文件里或不是数的为 `None`，别的文件从不打开。"""
        count = prod(self.dims)
        if count > SHORT or self._message.integer(14) or self.kind not in _FLOATS | _INTEGERS:
            return None
        if spans := self._message.spans(9):
            code, size = (_FLOATS | _INTEGERS)[self.kind]
            start, stop = spans[-1]
            if stop - start != count * size:
                raise ValueError(
                    f"常数 {self.name} 有 {count} 个元素，却存了 {stop - start} 字节；文件是坏的。"
                )
            return struct.unpack(f"<{count}{code}", self._data[start:stop])
        numbers: list[Number]
        if self.kind in _INTEGERS:
            numbers = [*self._message.integers(7 if self.kind == 7 else 5)]
        else:
            numbers = [*self._message.floats(10, 8)] if self.kind == 11 else [*self._message.floats(4)]
        return tuple(numbers) if len(numbers) == count else None


@dataclass(frozen=True)
class Value:
    """图的一个输入、输出或中间量；不知道的轴是 `None`，连轴数也不知道时 `dims` 是 `None`。"""

    name: str
    dims: tuple[int | None, ...] | None
    integral: bool


@dataclass(frozen=True)
class Operator:
    """图里的一个节点。"""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Message]
    _data: Data = field(repr=False)

    def integer(self, name: str, default: int) -> int:
        found = self.attributes.get(name)
        return default if found is None else self._typed(name, found, 2).integer(3)

    def integers(self, name: str) -> list[int] | None:
        found = self.attributes.get(name)
        return None if found is None else self._typed(name, found, 7).integers(8)

    def number(self, name: str, default: float) -> float:
        found = self.attributes.get(name)
        return default if found is None else next(reversed(self._typed(name, found, 1).floats(2)), 0.0)

    def numbers(self, name: str) -> list[float] | None:
        found = self.attributes.get(name)
        return None if found is None else self._typed(name, found, 6).floats(7)

    def text(self, name: str, default: str) -> str:
        found = self.attributes.get(name)
        return default if found is None else self._typed(name, found, 3).text(4)

    def tensor(self, name: str) -> Tensor | None:
        found = self.attributes.get(name)
        inner = found and self._typed(name, found, 4).message(5)
        return _tensor(inner, self._data) if inner else None

    def _typed(self, name: str, found: Message, kind: int) -> Message:
        if found.integer(20, kind) != kind:  # 很旧的文件不写类型
            raise ValueError(f"属性 {name} 的类型是 {found.integer(20)}，应为 {kind}；文件是坏的。")
        return found


@dataclass(frozen=True)
class Graph:
    """一个图，与它用的算子集的版本。"""

    opset: int
    operators: tuple[Operator, ...]
    constants: tuple[Tensor, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    values: tuple[Value, ...]


def graph(data: Data) -> Graph:
    """拆开一个 ONNX 文件。

    Args:
        data: 文件的全部字节，或它的内存映射。

    Returns:
        图；权重的数值没有读。

    Raises:
        ValueError: 不是 ONNX 文件，或文件是坏的。
    """
    model = Message(data, (0, len(data)), Budget())
    inner = model.message(7)
    if inner is None:
        raise DamagedError("里面没有图")
    if inner.spans(15):
        raise ValueError("有稀疏的权重，这里不读；请换成稠密的。")
    versions = {each.text(1): each.integer(2) for each in model.messages(8)}
    if len(inner.spans(1)) > NODES:
        raise ValueError(f"有 {len(inner.spans(1)):,} 个节点，超过 {NODES:,} 个。")
    return Graph(
        versions.get("") or versions.get("ai.onnx") or 1,
        tuple(_operator(each, data) for each in inner.messages(1)),
        tuple(_tensor(each, data) for each in inner.messages(5)),
        tuple(map(_declared, inner.messages(11))),
        tuple(map(_declared, inner.messages(12))),
        tuple(map(_declared, inner.messages(13))),
    )


def _operator(message: Message, data: Data) -> Operator:
    domain, kind = message.text(7), message.text(4)
    attributes = {each.text(1): each for each in message.messages(5)}
    full = kind if domain in ("", "ai.onnx") else f"{domain}.{kind}"
    inputs, outputs = tuple(message.texts(1)), tuple(message.texts(2))
    return Operator(message.text(3), full, inputs, outputs, attributes, data)


def _tensor(message: Message, data: Data) -> Tensor:
    name, dims = message.text(8), tuple(message.integers(1))
    if len(dims) > AXES or any(size < 0 for size in dims) or prod(dims) > LARGEST:
        raise ValueError(f"常数 {name} 的形状 {_short(dims)} 不合理；文件是坏的。")
    return Tensor(name, dims, message.integer(2), message, data)


def _declared(message: Message) -> Value:
    outer = message.message(2)
    tensor = outer.message(1) if outer else None
    shape = tensor.message(2) if tensor else None
    integral = tensor is not None and tensor.integer(1) in _INTEGERS
    if shape is None:
        return Value(message.text(1), None, integral)
    dims = tuple(_dim(each) for each in shape.messages(1))
    if len(dims) > AXES or any(size is not None and size > LARGEST for size in dims):
        raise ValueError(f"{message.text(1)} 的形状 {_short(dims)} 不合理；文件是坏的。")
    return Value(message.text(1), dims, integral)


def _dim(message: Message) -> int | None:
    """一个轴的大小；写成符号、没有写、写成零或负数的（旧工具以此表示不定）是 `None`。"""
    size = message.integer(1)
    return size if size > 0 and not message.spans(2) else None


def _short(dims: tuple[int | None, ...]) -> str:
    return f"({', '.join(map(str, dims[:AXES]))}{'……' if len(dims) > AXES else ''})"
