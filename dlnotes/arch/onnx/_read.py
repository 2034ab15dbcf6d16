"""把图里的算子依次接成网络。"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from dlnotes.arch.layers import Shape, Tokens
from dlnotes.arch.network import INPUT, Network
from dlnotes.arch.onnx import _arithmetic, _arrange, _einsum, _spatial  # noqa: F401 导入时登记各算子
from dlnotes.arch.onnx._build import RULES, Builder, Call, Known, Result, Signal
from dlnotes.arch.onnx._fold import fold, stored
from dlnotes.arch.onnx._proto import AXES, LARGEST, Dims, Graph, Operator, Value
from dlnotes.arch.onnx.layers import Unknown

_VALUES = 1_000_000
"""由常数算出的数一共至多多少个。"""
_LAST = ("MatMul", "LayerNormalization")  # 第一个算子是它们的序列，特征在最后一轴


def network(graph: Graph, name: str, shape: Shape | None, *, skip: bool) -> Network:
    """把一个图读成网络。

    Args:
        graph: 拆开的文件。
        name: 网络的名字。
        shape: 输入形状，不含批量；`None` 是文件里写的。
        skip: 不认识的算子是留作没有计入的节点，还是报错。

    Returns:
        网络。

    Raises:
        ValueError: 图有误，或有读不了的算子；报出节点、算子和怎么办。
    """
    main, batch = _input(graph)
    shape = _shape(graph, main, shape)
    uses = Counter(each for operator in graph.operators for each in operator.inputs)
    uses.update(each.name for each in graph.outputs)
    reader = _Reader(graph, Builder(shape, batch, uses), skip)
    reader.tensors[main.name] = Signal(INPUT)
    for operator in graph.operators:
        reader.read(operator)
    for each in graph.outputs:
        if each.name not in reader.tensors:
            raise ValueError(f"没有节点写出图的输出 {each.name}；文件是坏的。")
    if not reader.build.nodes:
        raise ValueError("没有一个节点用到网络的输入。")
    return Network(name, shape, tuple(reader.build.nodes.values()))


def inputs(graph: Graph) -> list[Value]:
    """没有存着值的输入：第一个是网络的输入，其余是没有存值的权重。"""
    held = {tensor.name for tensor in graph.constants}
    return [value for value in graph.inputs if value.name not in held]


@dataclass
class _Reader:
    """读到哪里，各张量是什么。"""

    graph: Graph
    build: Builder
    skip: bool
    tensors: dict[str, Result] = field(default_factory=dict)
    left: int = _VALUES

    def __post_init__(self) -> None:
        for tensor in self.graph.constants:
            if tensor.name in self.tensors:
                raise ValueError(f"权重 {tensor.name} 存了两次；文件是坏的。")
            self.tensors[tensor.name] = stored(tensor)
        for value in inputs(self.graph)[1:]:
            self.tensors[value.name] = _weight(value)

    def read(self, operator: Operator) -> None:
        label = operator.name or next(filter(None, operator.outputs), "")
        try:
            call = Call(operator, self.graph.opset, tuple(map(self._tensor, operator.inputs)), self.build)
            results = self._results(call)
            for output, result in zip(operator.outputs, results, strict=False):
                self._store(output, result)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise ValueError(f"节点 {label}（{operator.kind}）：{error}") from None

    def _tensor(self, name: str) -> Result | None:
        if not name:
            return None
        if name not in self.tensors:
            later = any(name in operator.outputs for operator in self.graph.operators)
            why = "它写在后面，或成了环" if later else "没有节点写出它"
            raise ValueError(f"输入 {name} 还没有算出来：{why}；文件是坏的。")
        return self.tensors[name]

    def _store(self, name: str, result: Result | None) -> None:
        if not name or result is None:
            return
        if name in self.tensors:
            raise ValueError(f"输出 {name} 写了两次；文件是坏的。")
        self.tensors[name] = result

    def _results(self, call: Call) -> Iterable[Result | None]:
        if not any(isinstance(each, Signal) for each in call.inputs):
            if (folded := fold(call)) is not None:
                return [self._bounded(call, folded)]
        elif (rule := RULES.get(call.op.kind)) is not None:
            before = len(self.build.nodes)
            try:
                results = rule(call)
            except (ValueError, TypeError, ArithmeticError):
                if not self.skip:
                    raise
                for name in list(self.build.nodes)[before:]:
                    self.build.drop(name)
            else:
                return [results] if isinstance(results, Known | Signal) else results
        if call.op.kind == "Shape":
            return [RULES["Shape"](call)]  # type: ignore[list-item]
        return self._unknown(call)

    def _bounded(self, call: Call, known: Known) -> Known:
        """常数之间的运算不能越算越多、越算越大，轴也不能越取越多。"""
        if len(known.dims) > AXES or prod(known.dims) > LARGEST:
            raise ValueError(f"由常数算出的形状 {known.dims[:AXES]} 不合理。")
        self.left -= len(known.values or ())
        if self.left < 0 or any(abs(value) > 1 << 63 for value in known.values or ()):
            raise ValueError("由常数算出的数太多或太大。")
        if len(known.sources) > 64:
            return replace(known, sources={call.op.outputs[0]: sum(known.sources.values())})
        return known

    def _unknown(self, call: Call) -> Iterable[Result | None]:
        """不认识的算子：形状取自文件里写明的。"""
        if not self.skip:
            remedy = '写上 unknown="skip"（命令行是 --unknown skip），可把它留作没有计入的节点'
            raise ValueError(f"不认识这个算子；{remedy}。")
        signals = [each for each in call.inputs if isinstance(each, Signal)]
        results: list[Result | None] = []
        for index, output in enumerate(call.op.outputs):
            dims = self._declared(output) if output else None
            if output and dims is None:
                raise ValueError(
                    f"不认识这个算子，文件里也没有写明它的输出 {output} 的形状；"
                    "请先用 onnx.shape_inference.infer_shapes_path 把形状写进文件。"
                )
            if dims is None:
                results.append(None)
            elif not signals:
                results.append(Known(dims, None, {output: 0}, integral=False))
            else:
                results.append(_opaque(call, signals, dims, f".{index}" if index else ""))
        return results

    def _declared(self, name: str) -> Dims | None:
        for value in (*self.graph.values, *self.graph.outputs):
            if value.name == name and value.dims is not None:
                sizes = [self.build.batch if k == 0 and d is None else d for k, d in enumerate(value.dims)]
                if sizes and None not in sizes:
                    return tuple(size for size in sizes if size is not None)
        return None


def _opaque(call: Call, signals: list[Signal], dims: Dims, suffix: str) -> Signal:
    batch = 0 if len(dims) > 1 and dims[0] == call.build.batch else None
    rest = dims[1:] if batch == 0 else dims
    kept = isinstance(call.shape(signals[0]), Tokens) and len(rest) > 1
    layer = Unknown(call.op.kind, Tokens(rest) if kept else rest)
    return call.emit(layer, *signals, batch=batch, suffix=suffix)


def _input(graph: Graph) -> tuple[Value, int]:
    """网络的输入，与一批几个样本；没有写明批量的当作一个。"""
    found = inputs(graph)
    if not found:
        raise ValueError("图没有输入；文件是坏的。")
    names = [value.name for value in found]
    if len(set(names)) < len(names):
        raise ValueError("图的输入有重名；文件是坏的。")
    dims = found[0].dims
    if dims is None or not 2 <= len(dims) <= 4:
        shown = "不定" if dims is None else f"{len(dims)} 轴"
        raise ValueError(f"输入 {names[0]} 应有 2 到 4 轴，第一轴是批量，得到 {shown}。")
    return found[0], dims[0] or 1


def _shape(graph: Graph, value: Value, given: Shape | None) -> Shape:
    declared = (value.dims or ())[1:]
    if given is None and None in declared:
        shown = "×".join("?" if size is None else str(size) for size in declared)
        raise ValueError(f"输入 {value.name} 的形状 {shown} 没有写全；请用 input（命令行是 --input）写明。")
    shape = given if given is not None else tuple(size for size in declared if size is not None)
    if len(shape) != len(declared):
        raise ValueError(f"输入 {value.name} 除批量外有 {len(declared)} 轴，给的是 {tuple(shape)}。")
    kinds = {operator.kind for operator in graph.operators if value.name in operator.inputs}
    return Tokens(shape) if len(shape) == 2 and kinds & set(_LAST) else shape


def _weight(value: Value) -> Known:
    """写成图的输入、没有存值的权重。"""
    dims = tuple(size for size in value.dims or () if size is not None)
    if value.dims is None or len(dims) < len(value.dims) or value.integral:
        raise ValueError(f"除了第一个，还有一个输入 {value.name}；只读有一个输入的网络。")
    count = 1
    for size in dims:
        count *= size
    if count > LARGEST:
        raise ValueError(f"输入 {value.name} 超过 {LARGEST:,} 个元素。")
    return Known(dims, None, {value.name: count}, integral=False)
