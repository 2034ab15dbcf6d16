"""卷积、池化、归一化、缩放：通道在第 1 轴的算子。"""

from typing import Any

from dlnotes.arch.layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    GlobalAvgPool,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    MaxPool2d,
    Pad,
    Padding,
    Parameter,
    PReLU,
    Tokens,
    Upsample,
)
from dlnotes.arch.onnx._build import Call, Known, Result, Signal, operator
from dlnotes.arch.onnx.layers import DepthToSpace, GlobalMaxPool, PadAxes, Resize, SpaceToDepth, WithConstant
from dlnotes.arch.receptive import same


@operator("Conv")
def _conv(call: Call) -> Result:
    signal, weight = call.channels_first(call.signal(0)), call.known(1)
    axes = len(weight.dims) - 2
    if axes not in (1, 2):
        raise ValueError(f"只读一维与二维的卷积，核的形状是 {weight.dims}。")
    kernel, weights = _kernel(call, axes)
    layer = {1: Conv1d, 2: Conv2d}[axes](
        weight.dims[0],
        kernel,
        stride=_sizes(call, "strides", axes),
        padding=_padding(call, signal, kernel),
        dilation=_sizes(call, "dilations", axes),
        groups=call.op.integer("group", 1),
        bias="bias" in weights,
    )
    return call.emit(layer, signal, weights=weights)


@operator("ConvTranspose")
def _transposed(call: Call) -> Result:
    signal, weight = call.channels_first(call.signal(0)), call.known(1)
    if len(weight.dims) != 4:
        raise ValueError(f"只读二维的转置卷积，核的形状是 {weight.dims}。")
    kernel, weights = _kernel(call, 2)
    stride, dilation = _sizes(call, "strides", 2), _sizes(call, "dilations", 2)
    extra = _sizes(call, "output_padding", 2, default=0)
    sizes = call.shape(signal)[1:]
    if len(sizes) != 2:
        raise ValueError(f"到达它的应是图像，得到 {call.shape(signal)}。")
    rows = zip(stride, sizes, dilation, kernel, extra, strict=True)
    whole = [s * (i - 1) + d * (k - 1) + 1 + e for s, i, d, k, e in rows]
    ends = _cropped(call, whole, [s * i for s, i in zip(stride, sizes, strict=True)])
    # 两端裁去的不同时，先按少的那一端裁，再补裁另一端
    padding = tuple(max(min(pair), 0) for pair in ends)
    (top, bottom), (left, right) = ((p - a, p - b) for p, (a, b) in zip(padding, ends, strict=True))
    groups = call.op.integer("group", 1)
    layer = ConvTranspose2d(
        weight.dims[1] * groups,
        kernel,
        stride=stride,
        padding=padding,
        output_padding=extra,
        dilation=dilation,
        groups=groups,
        bias="bias" in weights,
    )
    done = call.emit(layer, signal, weights=weights)
    if not (top or bottom or left or right):
        return done
    return call.emit(Pad(((top, bottom), (left, right))), done, suffix=".crop")


def _cropped(call: Call, whole: list[int], scaled: list[int]) -> list[tuple[int, int]]:
    """转置卷积从两端各裁去多少。"""
    upper = call.op.text("auto_pad", "NOTSET")
    wanted = call.op.integers("output_shape")
    if wanted is None and upper not in ("SAME_UPPER", "SAME_LOWER"):
        pads = call.op.integers("pads") if upper == "NOTSET" else None
        return _pairs(pads, 2)
    targets = wanted[-2:] if wanted else scaled
    if len(targets) != 2:
        raise ValueError(f"output_shape 应有 2 个数，得到 {targets}。")
    total = [size - target for size, target in zip(whole, targets, strict=True)]
    # 规范：SAME_UPPER 的前端少一个，别的都是后端少一个
    before = [each // 2 if upper == "SAME_UPPER" else each - each // 2 for each in total]
    return [(one, each - one) for one, each in zip(before, total, strict=True)]


def _kernel(call: Call, axes: int) -> tuple[tuple[int, ...], dict[Parameter, list[Known]]]:
    """核的大小（由权重的形状知道，写明的要与它一致），和权重。"""
    weight, bias = call.known(1), call.optional(2)
    kernel = weight.dims[2:]
    written = call.op.integers("kernel_shape")
    if written is not None and tuple(written) != kernel:
        raise ValueError(f"kernel_shape 写着 {written}，权重的形状却是 {weight.dims}。")
    weights: dict[Parameter, list[Known]] = {"weight": [weight]}
    if bias:
        weights["bias"] = [bias]
    return kernel, weights


@operator("MaxPool", "AveragePool")
def _pool(call: Call) -> Result:
    signal = call.channels_first(call.signal(0))
    kernel = tuple(call.op.integers("kernel_shape") or ())
    if len(kernel) != 2:
        raise ValueError(f"只读二维的池化，kernel_shape 是 {kernel}。")
    shared: dict[str, Any] = {
        "stride": _sizes(call, "strides", 2),
        "padding": _padding(call, signal, kernel),
        "rounding": "ceil" if call.op.integer("ceil_mode", 0) else "floor",
    }
    dilation = _sizes(call, "dilations", 2)
    if call.op.kind == "MaxPool":
        return call.emit(MaxPool2d(kernel, dilation=dilation, **shared), signal)
    if dilation != (1, 1):
        raise ValueError(f"不读膨胀的平均池化，dilations 是 {dilation}。")
    return call.emit(AvgPool2d(kernel, **shared), signal)


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call) -> Result:
    layer = GlobalMaxPool() if call.op.kind == "GlobalMaxPool" else GlobalAvgPool()
    return call.emit(layer, call.channels_first(call.signal(0)))


@operator("BatchNormalization")
def _batch_norm(call: Call) -> Result:
    signal = call.channels_first(call.signal(0))
    scale, shift, *moments = (call.known(index) for index in range(1, 5))
    if any(each.count != call.shape(signal)[0] for each in moments):
        raise ValueError("均值、方差的个数不等于通道数。")
    layer = BatchNorm2d() if len(call.shape(signal)) == 3 else BatchNorm1d()
    return call.emit(layer, signal, weights={"norm": [scale, shift]}, buffers=moments)


@operator("InstanceNormalization")
def _instance_norm(call: Call) -> Result:
    signal, scale, shift = call.channels_first(call.signal(0)), call.known(1), call.known(2)
    channels = call.shape(signal)[0]
    # 没有参数的实例归一化，导出时写成全一与全零的常数
    if scale.inline and set(scale.values or ()) == {1.0} and set(shift.values or ()) == {0.0}:
        return call.emit(GroupNorm(channels, affine=False), signal)
    return call.emit(GroupNorm(channels), signal, weights={"norm": [scale, shift]})


@operator("GroupNormalization")
def _group_norm(call: Call) -> Result:
    signal, scale, shift = call.channels_first(call.signal(0)), call.known(1), call.known(2)
    layer = GroupNorm(call.op.integer("num_groups", 1))
    return call.emit(layer, signal, weights={"norm": [scale, shift]})


@operator("LayerNormalization")
def _layer_norm(call: Call) -> Result:
    signal, scale, shift = call.signal(0), call.known(1), call.optional(2)
    weights: dict[Parameter, list[Known]] = {"norm": [scale] + ([shift] if shift else [])}
    axis = call.axis(signal, call.op.integer("axis", -1))
    last = len(call.shape(signal)) - 1
    if axis == last:
        signal = call.features_last(signal)
    elif axis:
        raise ValueError("只读在最后一轴上、或在整个样本上的层归一化。")
    layer = LayerNorm(over="features" if axis == last else "all", bias=shift is not None)
    return call.emit(layer, signal, batch=signal.batch, weights=weights)


@operator("LRN")
def _lrn(call: Call) -> Result:
    layer = LocalResponseNorm(call.op.integer("size", 0))
    return call.emit(layer, call.channels_first(call.signal(0)))


@operator("Pad")
def _pad(call: Call) -> Result:
    signal = call.signal(0)
    pads = call.integers(1, "pads") or []
    rank = len(call.dims(signal))
    axes = call.integers(3) or list(range(rank))
    if len(pads) != 2 * len(axes) or any(not -rank <= axis < rank for axis in axes):
        raise ValueError(f"pads 应有 {2 * len(axes)} 个数，得到 {len(pads)} 个。")
    ends = {axis % rank: (pads[k], pads[k + len(axes)]) for k, axis in enumerate(axes)}
    ends = {axis: pair for axis, pair in ends.items() if any(pair)}
    if not ends:
        return signal
    shape, inner = call.shape(signal), {call.axis(signal, axis): pair for axis, pair in ends.items()}
    top, *sides = (inner.get(axis, (0, 0)) for axis in range(len(shape)))
    if len(sides) == 2 and not any(top) and not isinstance(shape, Tokens):
        return call.emit(Pad((sides[0], sides[1])), signal, batch=signal.batch)
    return call.emit(PadAxes((top, *sides)), signal, batch=signal.batch)


@operator("Resize", "Upsample")
def _resize(call: Call) -> Result:
    signal = call.channels_first(call.signal(0))
    if len(call.shape(signal)) != 3:
        raise ValueError(f"只缩放图像，得到 {call.shape(signal)}。")
    dims = call.dims(signal)
    before = (dims[2], dims[3])
    target = call.integers(3)
    if target is None:
        index = 2 if call.op.kind == "Resize" and call.opset >= 11 else 1
        scales = call.numbers(index) or call.op.numbers("scales") or ()
        if len(scales) not in (2, 4) or not all(0 < each < 1 << 20 for each in scales):
            raise ValueError("scales 与 sizes 都没有写成读文件时就知道的数。")
        target = [int(size * scale) for size, scale in zip(before, scales[-2:], strict=True)]
    if len(target) not in (2, 4):
        raise ValueError(f"sizes 应有 4 个数，得到 {len(target)} 个。")
    height, width = target[-2:]
    mode = call.op.text("mode", "nearest")
    whole = height >= before[0] and width >= before[1] and not (height % before[0] or width % before[1])
    if whole and mode in ("nearest", "linear"):
        factors = (height // before[0], width // before[1])
        return call.emit(Upsample(factors, mode="nearest" if mode == "nearest" else "bilinear"), signal)
    return call.emit(Resize((height, width), mode=mode), signal)


@operator("DepthToSpace", "SpaceToDepth")
def _blocks(call: Call) -> Result:
    block = call.op.integer("blocksize", 0)
    layer = DepthToSpace(block) if call.op.kind == "DepthToSpace" else SpaceToDepth(block)
    return call.emit(layer, call.channels_first(call.signal(0)))


@operator("PRelu")
def _prelu(call: Call) -> Result:
    signal, slope = call.channels_first(call.signal(0)), call.known(1)
    if slope.count not in (1, call.shape(signal)[0]):
        return call.emit(WithConstant("PRelu", slope.dims[1:], size=call.learned(slope)), signal)
    return call.emit(PReLU(slope.count), signal, weights={"activation": [slope]})


def _sizes(call: Call, name: str, axes: int, default: int = 1) -> tuple[int, ...]:
    found = call.op.integers(name)
    if found is None:
        return (default,) * axes
    if len(found) != axes:
        raise ValueError(f"{name} 应有 {axes} 个数，得到 {len(found)} 个。")
    return tuple(found)


def _pairs(pads: list[int] | None, axes: int) -> list[tuple[int, int]]:
    """ONNX 先写各方向的前端，再写各方向的后端。"""
    if pads is None:
        return [(0, 0)] * axes
    if len(pads) != 2 * axes:
        raise ValueError(f"pads 应有 {2 * axes} 个数，得到 {len(pads)} 个。")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def _padding(call: Call, signal: Signal, kernel: tuple[int, ...]) -> Padding:
    """补零：写明的，或 `auto_pad` 说的。"""
    axes, auto = len(kernel), call.op.text("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        return "same"
    if auto == "SAME_LOWER":  # 单数的一个补在前端
        sizes, stride = call.shape(signal)[1:], _sizes(call, "strides", axes)
        if len(sizes) != axes:
            raise ValueError(f"到达它的形状 {call.shape(signal)} 与 {axes} 个方向对不上。")
        dilation = _sizes(call, "dilations", axes)
        windows = [same(*axis) for axis in zip(sizes, kernel, stride, dilation, strict=True)]
        return tuple((window.ends[1], window.ends[0]) for window in windows)
    if auto not in ("NOTSET", "VALID"):
        raise ValueError(f"不认识 auto_pad={auto}。")
    pairs = _pairs(call.op.integers("pads") if auto == "NOTSET" else None, axes)
    if all(before == after for before, after in pairs):
        return tuple(before for before, _ in pairs)
    return tuple(pairs)
