"""挪动、切开、拼接：不做运算，只改形状的算子。"""

from collections.abc import Iterable
from math import prod

from dlnotes.arch.layers import (
    ChannelShuffle,
    ClassToken,
    Concat,
    Embedding,
    Flatten,
    SelectToken,
    Shape,
    Split,
    Tokens,
    ToTokens,
)
from dlnotes.arch.onnx._broadcast import broadcast
from dlnotes.arch.onnx._build import Call, Known, Result, Signal, normal, operator
from dlnotes.arch.onnx._proto import Dims
from dlnotes.arch.onnx.layers import Expand, Join, Reshape, Select, Slice, Take, Transpose

_END = 1 << 62


@operator("Flatten")
def _flatten(call: Call) -> Result:
    signal = call.signal(0)
    dims = call.dims(signal)
    axis = call.op.integer("axis", 1)
    axis += len(dims) if axis < 0 else 0
    if axis == 1 and signal.batch == 0:
        return call.emit(Flatten(), signal)
    if not 0 <= axis <= len(dims):
        raise ValueError(f"没有第 {axis} 轴，张量只有 {len(dims)} 轴。")
    return _reshaped(call, signal, (prod(dims[:axis]), prod(dims[axis:])))


@operator("Reshape")
def _reshape(call: Call) -> Result:
    signal = call.signal(0)
    target = call.integers(1, "shape")
    if target is None:
        raise ValueError("没有写新的形状。")
    return _reshaped(call, signal, resolved(call.dims(signal), target, bool(call.op.integer("allowzero", 0))))


@operator("Squeeze")
def _squeeze(call: Call) -> Result:
    signal = call.signal(0)
    return _reshaped(call, signal, squeezed(call.dims(signal), call.integers(1, "axes")))


@operator("Unsqueeze")
def _unsqueeze(call: Call) -> Result:
    signal, dims = call.signal(0), call.dims(call.signal(0))
    axes = call.integers(1, "axes") or []
    done = unsqueezed(dims, axes)
    if signal.batch is None:
        return _reshaped(call, signal, done)
    added = {normal(axis, len(done)) for axis in axes}
    old = [axis for axis in range(len(done)) if axis not in added]
    return _reshaped(call, signal, done, batch=old[signal.batch])


@operator("Transpose")
def _transpose(call: Call) -> Result:
    signal, shape = call.signal(0), call.shape(call.signal(0))
    rank = len(call.dims(signal))
    order = permutation(call.op.integers("perm"), rank)
    batch = None if signal.batch is None else order.index(signal.batch)
    inner = tuple(call.axis(signal, axis) for axis in order if axis != signal.batch)
    if inner == tuple(range(len(shape))):
        return Signal(signal.node, batch)
    if inner == (1, 0) and not isinstance(shape, Tokens):
        return _to_tokens(call, signal, batch)
    place = inner.index(call.feature(signal))
    tokens = place == len(inner) - 1 or (place != 0 and isinstance(shape, Tokens))
    return call.emit(Transpose(inner, tokens=tokens), signal, batch=batch)


def _to_tokens(call: Call, signal: Signal, batch: int | None) -> Signal:
    """图像的两个位置轴合成一个，再换到前面：每个位置成为一个词元。"""
    flat = call.behind(signal, Reshape)
    if flat is not None:
        source = call.build.shapes[flat.inputs[0]]
        if len(source) == 3 and not isinstance(source, Tokens) and source[0] == call.shape(signal)[0]:
            call.build.drop(flat.name)
            signal = Signal(flat.inputs[0], signal.batch)
    return call.emit(ToTokens(), signal, batch=batch)


@operator("Concat")
def _concat(call: Call) -> Result:
    signals = [each for each in call.inputs if isinstance(each, Signal)]
    constants = [each for each in call.inputs if isinstance(each, Known)]
    if not signals:
        raise ValueError("没有由网络的输入算出的张量。")
    if len({(len(call.dims(each)), each.batch) for each in signals}) > 1:
        raise ValueError("几个输入的轴数不同，或批量不在同一轴。")
    axis = call.axis(signals[0], call.op.integer("axis", 1))
    if constants:
        return _class_token(call, signals, constants, axis)
    if any(isinstance(call.shape(each), Tokens) for each in signals):
        signals = [call.features_last(each) for each in signals]
    layer = Concat() if axis == call.feature(signals[0]) else Join(axis)
    return call.emit(layer, *signals, batch=signals[0].batch)


def _class_token(call: Call, signals: list[Signal], constants: list[Known], axis: int) -> Signal:
    """在词元的最前面接上一个存着的词元。"""
    signal = call.features_last(signals[0])
    shape, (token, *more) = call.shape(signal), constants
    first = isinstance(call.get(0), Known) and len(signals) == 1 and not more
    new = not token.sources.keys() <= call.build.counted
    if not (first and new) or axis != 0 or len(shape) != 2 or token.count != shape[1]:
        raise ValueError("只读把一个存着的词元接在最前面的拼接。")
    return call.emit(ClassToken(), signal, batch=signal.batch, weights={"embedding": [token]})


@operator("Split")
def _split(call: Call) -> Iterable[Result | None]:
    signal = call.signal(0)
    axis = call.axis(signal, call.op.integer("axis", 0))
    size, count = call.shape(signal)[axis], len(call.op.outputs)
    parts = call.integers(1, "split")
    if parts is None:
        each = -(-size // max(count, 1))
        parts = [min(each, size - each * k) for k in range(count)]
    if len(parts) != count or sum(parts) != size or min(parts) < 1:
        raise ValueError(f"要把 {size} 分成 {parts}，输出却有 {count} 个。")
    even = len(set(parts)) == 1 and axis == call.feature(signal)
    results: list[Result | None] = []
    for index, (output, part) in enumerate(zip(call.op.outputs, parts, strict=True)):
        start = sum(parts[:index])
        layer = Split(count, index=index) if even else Slice(axis, start, start + part)
        suffix = f".{index}" if count > 1 else ""
        used = output and call.build.uses(output)
        results.append(call.emit(layer, signal, batch=signal.batch, suffix=suffix) if used else None)
    return results


@operator("Slice")
def _slice(call: Call) -> Result:
    signal = call.signal(0)
    for axis, start, stop, step in _slices(call, len(call.dims(signal))):
        size = call.dims(signal)[axis]
        if step < 1:
            raise ValueError(f"不读倒着取的切片，steps 是 {step}。")
        start, stop, step = slice(start, stop, step).indices(size)
        if (start, stop, step) == (0, size, 1):
            continue
        layer = Slice(call.axis(signal, axis), start, stop, step)
        signal = call.emit(layer, signal, batch=signal.batch, suffix=f".{axis}")
    return signal


def _slices(call: Call, rank: int) -> list[tuple[int, int, int, int]]:
    """各轴的起、止、步长。"""
    starts = call.integers(1, "starts") or []
    stops = call.integers(2, "ends") or []
    axes = call.integers(3, "axes") or list(range(len(starts)))
    steps = call.integers(4) or [1] * len(starts)
    if not len(starts) == len(stops) == len(axes) == len(steps) or len(axes) > rank:
        raise ValueError("starts、ends、axes、steps 的个数不同。")
    rows = zip(axes, starts, stops, steps, strict=True)
    return [(normal(axis, rank), start, min(stop, _END), step) for axis, start, stop, step in rows]


@operator("Gather")
def _gather(call: Call) -> Result:
    if isinstance(call.get(0), Known):
        return _embedding(call, call.known(0))
    signal, index = call.signal(0), call.known(1)
    axis = call.axis(signal, call.op.integer("axis", 0))
    if index.values is None or index.dims not in ((), (1,)):
        return _taken(call, signal, index, axis)
    shape = call.shape(signal)
    at = normal(int(index.values[0]), shape[axis])
    if index.dims:
        return call.emit(Slice(axis, at, at + 1), signal, batch=signal.batch)
    kept = signal.batch if signal.batch is None or signal.batch <= axis else signal.batch - 1
    if isinstance(shape, Tokens) and len(shape) == 2 and axis == 0:
        return call.emit(SelectToken(at), signal, batch=kept)
    return call.emit(Select(axis, at), signal, batch=kept)


def _taken(call: Call, signal: Signal, index: Known, axis: int) -> Signal:
    """按一组下标取；依次取遍整个轴的，只是换了形状（as_strided 这样导出）。"""
    before = call.dims(signal)
    at = normal(call.op.integer("axis", 0), len(before))
    for each in index.values or ():
        normal(int(each), before[at])
    after = (*before[:at], *index.dims, *before[at + 1 :])
    if not index.integral or not 1 <= len(after) <= 12 or min(after) < 1:
        raise ValueError(f"不能按形状是 {index.dims} 的下标，从 {before} 的第 {at} 轴取。")
    inside = index.dims
    batch = _batch(call, signal, before, after) if signal.batch is None else signal.batch
    if signal.batch is None and batch is not None:  # 批量并进过这个轴，从下标里分出来
        if not at <= batch < at + len(inside):
            batch = None
        else:
            inside = inside[: batch - at] + inside[batch - at + 1 :]
    elif batch is not None and batch > at:
        batch += len(inside) - 1
    if index.values == tuple(range(before[at])):
        return _reshaped(call, signal, after, batch=batch)
    return call.emit(Take(axis, inside), signal, batch=batch)


def _embedding(call: Call, table: Known) -> Signal:
    signal = call.signal(1)
    if len(table.dims) != 2 or call.op.integer("axis", 0) or len(call.shape(signal)) != 1 or signal.batch:
        raise ValueError("只读用词元的编号在二维的表里查向量的 Gather。")
    return call.emit(Embedding(*table.dims), signal, weights={"embedding": [table]})


@operator("Cast", "CastLike")
def _cast(call: Call) -> Result:
    data = call.get(0)  # CastLike 的另一个输入只给出类型
    return data if isinstance(data, Known) else call.signal(0)


@operator("Expand")
def _expand(call: Call) -> Result:
    signal, target = call.signal(0), call.integers(1) or []
    dims, batch = call.dims(signal), signal.batch
    if len(target) > 12 or min(target, default=1) < 1:
        raise ValueError(f"新的形状 {target[:12]} 不合规矩。")
    done = broadcast(dims, target)
    if done == dims:
        return signal
    if batch is not None:
        batch += len(done) - len(dims)
        if done[batch] != call.build.batch:
            raise ValueError(f"不读把 {dims} 的批量展成 {done[batch]} 的广播。")
        done = done[:batch] + done[batch + 1 :]
    return call.emit(Expand(done), signal, batch=batch)


@operator("Shape")
def _shape(call: Call) -> Result:
    found = call.get(0)
    dims = call.dims(found) if isinstance(found, Signal) else call.known(0).dims
    part = dims[slice(call.op.integer("start", 0), call.op.integer("end", len(dims)))]
    return Known((len(part),), part, {}, integral=True)


def _reshaped(call: Call, signal: Signal, dims: Dims, batch: int | None = None) -> Signal:
    """换成 `dims`；`batch` 是批量到了哪一轴，不写就自己找。"""
    before = call.dims(signal)
    if dims == before and batch in (None, signal.batch):
        return signal
    if min(dims, default=1) < 1 or prod(dims) != prod(before):
        raise ValueError(f"不能把 {before} 换成 {dims}，元素的个数不同。")
    if batch is None:
        batch = _batch(call, signal, before, dims)
    rest = tuple(dims) if batch is None else dims[:batch] + dims[batch + 1 :]
    shape = call.shape(signal)
    if rest == tuple(shape) and not (isinstance(shape, Tokens) and len(rest) == 1):
        return Signal(signal.node, batch)  # 只挪了批量的位置
    if not rest:
        rest = (1,)
    if len(rest) == 1:
        return call.emit(Flatten(), signal, batch=batch)
    if (groups := _shuffled(call, signal, rest)) is not None:
        return groups
    return call.emit(Reshape(_kind(shape, rest)), signal, batch=batch)


def _batch(call: Call, signal: Signal, before: Dims, after: Dims) -> int | None:
    """批量换到了第几轴：它前面的元素个数不变；一个样本也可以合进别的轴，再分出来。"""
    size = call.build.batch
    if signal.batch is not None:
        ahead = prod(before[: signal.batch])
        for axis in range(len(after)):
            if after[axis] == size and prod(after[:axis]) == ahead:
                return axis
    if size != 1:
        raise ValueError("批量与别的轴合在了一起；请导出批量为 1 的模型。")
    ones = [axis for axis, each in enumerate(after) if each == 1]
    return ones[0] if ones and (len(ones) == 1 or ones[0] == 0) and len(after) > 1 else None


def _kind(before: Shape, after: Dims) -> Shape:
    """特征轴的大小没有变的，仍是特征；看不出来的，保持原来的样子。"""
    if isinstance(before, Tokens) or (len(before) == 1 and after[-1] == before[0]):
        return Tokens(after)
    return after


def _shuffled(call: Call, signal: Signal, after: Dims) -> Signal | None:
    """拆开通道、对换、再合上：通道重排。"""
    turned = call.behind(signal, Transpose)
    if turned is None or not isinstance(turned.layer, Transpose) or turned.layer.order[:2] != (1, 0):
        return None
    split = call.behind(Signal(turned.inputs[0]), Reshape)
    if split is None or not isinstance(split.layer, Reshape) or isinstance(split.layer.shape, Tokens):
        return None
    source = split.inputs[0]
    groups, *rest = split.layer.shape
    if list(turned.layer.order) != [1, 0, *range(2, len(turned.layer.order))]:
        return None
    if call.build.shapes[source] != after or [groups * rest[0], *rest[1:]] != list(after):
        return None
    call.build.drop(turned.name)
    call.build.drop(split.name)
    return call.emit(ChannelShuffle(groups), Signal(source))


def resolved(dims: Dims, target: list[int], allow_zero: bool = False) -> Dims:
    """Reshape 的规矩：0 是照抄这一轴，-1 是由别的轴推出。"""
    if len(target) > 12 or target.count(-1) > 1 or any(size < -1 for size in target):
        raise ValueError(f"新的形状 {target[:12]} 不合规矩。")
    if any(size == 0 and not allow_zero and axis >= len(dims) for axis, size in enumerate(target)):
        raise ValueError(f"新的形状 {target} 照抄了没有的轴。")
    sizes = [dims[axis] if size == 0 and not allow_zero else size for axis, size in enumerate(target)]
    if -1 in sizes:
        rest = prod(size for size in sizes if size != -1)
        if not rest or prod(dims) % rest:
            raise ValueError(f"不能把 {dims} 换成 {target}。")
        sizes[sizes.index(-1)] = prod(dims) // rest
    return tuple(sizes)


def squeezed(dims: Dims, axes: list[int] | None) -> Dims:
    gone = {normal(axis, len(dims)) for axis in axes} if axes else {k for k, d in enumerate(dims) if d == 1}
    if any(dims[axis] != 1 for axis in gone):
        raise ValueError(f"{dims} 的第 {sorted(gone)} 轴不都是 1。")
    return tuple(size for axis, size in enumerate(dims) if axis not in gone)


def unsqueezed(dims: Dims, axes: list[int]) -> Dims:
    rank = len(dims) + len(axes)
    added = {normal(axis, rank) for axis in axes}
    if len(added) < len(axes) or rank > 12:
        raise ValueError(f"axes={axes} 有重复的轴，或轴太多。")
    rest = iter(dims)
    return tuple(1 if axis in added else next(rest) for axis in range(rank))


def permutation(order: list[int] | None, rank: int) -> list[int]:
    if order is None:
        return list(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise ValueError(f"perm={order[:12]} 不是 {rank} 个轴的排列。")
    return order
