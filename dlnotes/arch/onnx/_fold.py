"""常数之间的运算：导出的图里，形状与下标常由一串小算子算出，读文件时就把它们算完。

只算一个数或一串数；更大的是权重，只推它的形状，记住它取自哪里。
"""

import math
import operator as op
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from dlnotes.arch.onnx._arithmetic import _ACTIVATIONS, _FUNCTIONS, _REDUCTIONS
from dlnotes.arch.onnx._arrange import _slices, permutation, resolved, squeezed, unsqueezed
from dlnotes.arch.onnx._broadcast import broadcast
from dlnotes.arch.onnx._build import Call, Known, normal
from dlnotes.arch.onnx._proto import LARGEST, SHORT, Dims, Number, Tensor

_BINARY: dict[str, Callable[[Number, Number], Number]] = {
    "Add": op.add,
    "And": lambda a, b: bool(a) and bool(b),
    "Div": lambda a, b: a // b if isinstance(a, int) and isinstance(b, int) else a / b,
    "Equal": op.eq,
    "Greater": op.gt,
    "Less": op.lt,
    "Max": max,
    "Min": min,
    "Mod": op.mod,
    "Mul": op.mul,
    "Pow": lambda a, b: _power(a, b),
    "Sub": op.sub,
}
_UNARY: dict[str, Callable[[Number], Number]] = {
    "Abs": abs,
    "Ceil": math.ceil,
    "Floor": math.floor,
    "Neg": op.neg,
    "Not": op.not_,
    "Sqrt": math.sqrt,
}
_TOTALS: dict[str, Callable[[Sequence[Number]], Number]] = {
    "ReduceMax": max,
    "ReduceMin": min,
    "ReduceProd": math.prod,
    "ReduceSum": sum,
}
_FLOATS = (1, 10, 11, 16)


def fold(call: Call) -> Known | None:
    """输入都是常数的算子的结果；不会算的为 `None`。"""
    rule = _RULES.get(call.op.kind)
    return rule(call) if rule else None


def stored(tensor: Tensor, *, inline: bool = False) -> Known:
    """文件里存着的一个张量；很短的整数表和单个的数读出数值。"""
    small = math.prod(tensor.dims) <= SHORT
    values = tensor.values if small and (tensor.integral or inline or math.prod(tensor.dims) <= 16) else None
    sources = {tensor.name: _learnable(math.prod(tensor.dims), tensor.integral)}
    return Known(tensor.dims, values, sources, tensor.integral, inline)


def _learnable(count: int, integral: bool) -> int:
    """单个的数与整数不算参数：它们是公式里的常数、下标、形状。"""
    return 0 if integral or count == 1 else count


def _constant(call: Call) -> Known:
    name = call.op.outputs[0] if call.op.outputs else ""
    if (tensor := call.op.tensor("value")) is not None:
        kept = stored(tensor, inline=True)
        return replace(kept, sources={f"{name}=": kept.sources[tensor.name]})
    dims: Dims = ()
    values: tuple[Number, ...]
    if "value_int" in call.op.attributes:
        values = (call.op.integer("value_int", 0),)
    elif "value_float" in call.op.attributes:
        values = (call.op.number("value_float", 0.0),)
    elif (found := call.op.integers("value_ints") or call.op.numbers("value_floats")) is not None:
        values, dims = tuple(found), (len(found),)
    else:
        raise ValueError("没有写常数的值，或值不是数。")
    integral = all(isinstance(value, int) for value in values)
    return Known(dims, values, {f"{name}=": _learnable(len(values), integral)}, integral, inline=True)


def _filled(call: Call) -> Known:
    """ConstantOfShape。"""
    dims = tuple(call.integers(0) or ())
    value = call.op.tensor("value")
    if any(size < 0 for size in dims) or math.prod(dims) > LARGEST:
        raise ValueError(f"形状 {dims[:12]} 不合理。")
    fill = value.values if value else (0.0,)
    values = fill * math.prod(dims) if fill and math.prod(dims) <= SHORT else None
    return _made(call, dims, values, bool(value and value.integral))


def _range(call: Call) -> Known | None:
    parts = [call.numbers(index) for index in range(3)]
    if not all(part and isinstance(part[0], int) for part in parts):
        return None
    start, stop, step = (int(part[0]) for part in parts if part)
    values = range(start, stop, step) if step else range(0)
    if len(values) > SHORT:
        return _made(call, (len(values),), None, True)
    return _made(call, (len(values),), tuple(values), True)


def _gather(call: Call) -> Known:
    data, index = call.known(0), call.known(1)
    axis = normal(call.op.integer("axis", 0), len(data.dims))
    dims = data.dims[:axis] + index.dims + data.dims[axis + 1 :]
    values = None
    if data.values is not None and index.values is not None and index.integral:
        kept = [normal(int(each), data.dims[axis]) for each in index.values]
        values = _picked(data.dims, data.values, {axis: kept})
    return _alias(data, dims, values)


def _slice(call: Call) -> Known:
    data = call.known(0)
    dims, values = list(data.dims), data.values
    for axis, start, stop, step in _slices(call, len(dims)):
        if not step:
            raise ValueError("切片的 steps 不能是 0。")
        kept = range(*slice(start, stop, step).indices(dims[axis]))
        if values is not None:
            values = _picked(tuple(dims), values, {axis: kept})
        dims[axis] = len(kept)
    return _alias(data, tuple(dims), values)


def _concat(call: Call) -> Known:
    parts = [call.known(index) for index in range(len(call.inputs))]
    axis = normal(call.op.integer("axis", 0), len(parts[0].dims))
    if any(len(part.dims) != len(parts[0].dims) for part in parts):
        raise ValueError("几个常数的轴数不同。")
    dims = list(parts[0].dims)
    dims[axis] = sum(part.dims[axis] for part in parts)
    values: tuple[Number, ...] | None = ()
    for part in parts:
        ok = values is not None and part.values is not None and len(dims) == 1 and dims[0] <= SHORT
        values = (*(values or ()), *(part.values or ())) if ok else None
    return Known(
        tuple(dims),
        values,
        _sources(*parts),
        all(part.integral for part in parts),
    )


def _unsqueeze(call: Call) -> Known:
    data = call.known(0)
    return _alias(data, unsqueezed(data.dims, call.integers(1, "axes") or []), data.values)


def _squeeze(call: Call) -> Known:
    data = call.known(0)
    return _alias(data, squeezed(data.dims, call.integers(1, "axes")), data.values)


def _reshape(call: Call) -> Known:
    data = call.known(0)
    dims = resolved(data.dims, call.integers(1, "shape") or [], bool(call.op.integer("allowzero", 0)))
    if math.prod(dims) != data.count:
        raise ValueError(f"不能把 {data.dims} 换成 {dims}。")
    return _alias(data, dims, data.values)


def _transpose(call: Call) -> Known:
    data = call.known(0)
    order = permutation(call.op.integers("perm"), len(data.dims))
    dims = tuple(data.dims[axis] for axis in order)
    if data.values is None:
        return _alias(data, dims, None)
    steps = _steps(data.dims)
    cells = product(*(range(size) for size in dims))
    where = (sum(at * steps[axis] for at, axis in zip(cell, order, strict=True)) for cell in cells)
    return _alias(data, dims, tuple(data.values[each] for each in where))


def _expand(call: Call) -> Known:
    data = call.known(0)
    dims = broadcast(data.dims, call.integers(1) or [])
    if len(dims) > 12 or math.prod(dims) > LARGEST:
        raise ValueError(f"形状 {dims[:12]} 不合理。")
    return _alias(data, dims, data.values if dims == data.dims else None)


def _first(call: Call) -> Known:
    """ScatterND：形状是第一个输入的，数值用不到。"""
    return _alias(call.known(0), call.known(0).dims, None)


def _same(call: Call) -> Known:
    return call.known(0)


def _cast(call: Call) -> Known:
    data, integral = call.known(0), call.op.integer("to", 1) not in _FLOATS
    convert: Callable[[Number], Number] = int if integral else float
    values = data.values and tuple(convert(each) for each in data.values)
    return replace(data, values=values, integral=integral)


def _cast_like(call: Call) -> Known:
    data, integral = call.known(0), call.known(1).integral
    convert: Callable[[Number], Number] = int if integral else float
    values = data.values and tuple(convert(each) for each in data.values)
    return replace(data, values=values, integral=integral)


def _unary(call: Call) -> Known:
    data = call.known(0)
    rule = _UNARY[call.op.kind]
    values = tuple(rule(each) for each in data.values) if data.values is not None else None
    return _alias(data, data.dims, values)


def _function(call: Call) -> Known:
    """只算一次的小网络（如由坐标算出位置偏置）里的函数：形状不变，数值用不到。"""
    return _computed(call, call.known(0).dims)


def _matmul(call: Call) -> Known:
    left, right = call.known(0).dims, call.known(1).dims
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise ValueError(f"{left} 与 {right} 不能相乘。")
    return _computed(call, (*broadcast(left[:-2], right[:-2]), left[-2], right[-1]))


def _reduced(call: Call) -> Known:
    data, axes = call.known(0), call.integers(1, "axes")
    gone = {normal(axis, len(data.dims)) for axis in axes} if axes else set(range(len(data.dims)))
    keep = call.op.integer("keepdims", 1)
    dims = [1 if axis in gone else size for axis, size in enumerate(data.dims) if keep or axis not in gone]
    rule = _TOTALS.get(call.op.kind)
    if rule and data.values and len(gone) == len(data.dims):
        return _alias(data, tuple(dims), (rule(data.values),))
    return _computed(call, tuple(dims))


def _gather_nd(call: Call) -> Known:
    data, index = call.known(0), call.known(1)
    if call.op.integer("batch_dims", 0) or not index.dims or index.dims[-1] > len(data.dims):
        raise ValueError(f"不能按形状是 {index.dims} 的下标取 {data.dims}；batch_dims 只读 0。")
    return _alias(data, (*index.dims[:-1], *data.dims[index.dims[-1] :]), None)


def _computed(call: Call, dims: Dims) -> Known:
    """由几个常数算出、数值用不到的常数；参数是它们的。"""
    parts = [each for each in call.inputs if isinstance(each, Known)]
    return Known(dims, None, _sources(*parts), integral=False)


def _binary(call: Call) -> Known:
    left, right = call.known(0), call.known(1)
    dims = broadcast(left.dims, right.dims)
    if math.prod(dims) > LARGEST:
        raise ValueError(f"形状 {dims[:12]} 不合理。")
    values = _paired(left, right, dims, _BINARY[call.op.kind])
    integral = call.op.kind in ("Equal", "Greater", "Less", "And") or (left.integral and right.integral)
    return Known(dims, values, _sources(left, right), integral)


def _paired(
    left: Known, right: Known, dims: Dims, rule: Callable[[Number, Number], Number]
) -> tuple[Number, ...] | None:
    """一个数与一串数，或一样长的两串数。"""
    count = math.prod(dims)
    if left.values is None or right.values is None or count > SHORT:
        return None
    if not {left.count, right.count} <= {1, count}:
        return None
    one = left.values if left.count == count else left.values * count
    other = right.values if right.count == count else right.values * count
    return tuple(rule(a, b) for a, b in zip(one, other, strict=True))


def _power(base: Number, exponent: Number) -> Number:
    """乘方；指数很大的结果没有用处，却要很久才算得出。"""
    if abs(exponent) > 64:
        raise ValueError(f"指数 {exponent} 太大。")
    power = base**exponent
    return power if isinstance(power, int | float) else math.nan  # 负数开方得到复数


def _where(call: Call) -> Known:
    which, left, right = (call.known(index) for index in range(3))
    dims = broadcast(broadcast(which.dims, left.dims), right.dims)
    chosen = None
    if which.values is not None and {which.count, left.count, right.count} <= {1, math.prod(dims)}:
        chosen = _paired(left, right, dims, lambda a, _: a)
        other = _paired(left, right, dims, lambda _, b: b)
        tests = which.values if which.count == math.prod(dims) else which.values * math.prod(dims)
        if chosen is not None and other is not None and len(tests) == len(chosen):
            chosen = tuple(a if t else b for t, a, b in zip(tests, chosen, other, strict=True))
    return Known(dims, chosen, _sources(left, right), left.integral)


def _picked(dims: Dims, values: tuple[Number, ...], kept: Mapping[int, Sequence[int]]) -> tuple[Number, ...]:
    """在几个轴上各取几个下标；结果也得很短。"""
    axes = [kept.get(axis, range(size)) for axis, size in enumerate(dims)]
    if math.prod(map(len, axes)) > SHORT:
        raise ValueError("取出的数太多。")
    steps = _steps(dims)
    where = (sum(at * step for at, step in zip(cell, steps, strict=True)) for cell in product(*axes))
    return tuple(values[each] for each in where)


def _steps(dims: Dims) -> list[int]:
    """各轴上走一格，在按行存的数里走几格。"""
    return [math.prod(dims[axis + 1 :]) for axis in range(len(dims))]


def _alias(data: Known, dims: Dims, values: tuple[Number, ...] | None) -> Known:
    """同一批存下的数，换了形状。"""
    return replace(data, dims=dims, values=values)


def _sources(*parts: Known) -> dict[str, int]:
    """几个常数取自哪些存下的张量；同一个张量只算一次。"""
    return {name: count for part in parts for name, count in part.sources.items()}


def _made(call: Call, dims: Dims, values: tuple[Number, ...] | None, integral: bool) -> Known:
    """算出来的常数：文件里没有存它。"""
    return Known(dims, values, {f"{call.op.outputs[0]}=": 0}, integral)


_RULES: dict[str, Callable[[Call], Known | None]] = {
    **dict.fromkeys((*_ACTIVATIONS, *_FUNCTIONS, "Clip", "Softmax"), _function),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    "Cast": _cast,
    "CastLike": _cast_like,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Identity": _same,
    "MatMul": _matmul,
    "Range": _range,
    "Reshape": _reshape,
    "ScatterElements": _first,
    "ScatterND": _first,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(_BINARY, _binary),
}
