"""激活、逐元素运算、矩阵乘、归约；几个算子合写的一层（SiLU、GELU、带偏置的线性层）在这里合回去。"""

from collections.abc import Callable

from dlnotes.arch.layers import (
    ELU,
    GELU,
    Add,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Hardsigmoid,
    Hardswish,
    Identity,
    Layer,
    LeakyReLU,
    Linear,
    Merge,
    Mish,
    Mul,
    Parameter,
    PositionEmbedding,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    Tokens,
)
from dlnotes.arch.onnx._build import Call, Known, Result, Signal, normal, operator
from dlnotes.arch.onnx.layers import Elementwise, MatMul, Pointwise, Reduce, WithConstant

_ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "Elu": ELU,
    "Gelu": GELU,
    "HardSigmoid": Hardsigmoid,
    "HardSwish": Hardswish,
    "Identity": Identity,
    "LeakyRelu": LeakyReLU,
    "Mish": Mish,
    "Relu": ReLU,
    "Sigmoid": Sigmoid,
    "Swish": SiLU,
    "Tanh": Tanh,
}
_FUNCTIONS = (
    *("Abs", "Ceil", "Celu", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round", "Selu"),
    *("Shrink", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "ThresholdedRelu"),
)
_BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Mod")
_REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin"),
    *("ReduceProd", "ReduceSum", "ReduceSumSquare"),
)


@operator(*_ACTIVATIONS)
def _activation(call: Call) -> Result:
    signal = call.signal(0)
    return call.emit(_ACTIVATIONS[call.op.kind](), signal, batch=signal.batch)


@operator(*_FUNCTIONS)
def _function(call: Call) -> Result:
    signal = call.signal(0)
    return call.emit(Pointwise(call.op.kind), signal, batch=signal.batch)


@operator("Clip")
def _clip(call: Call) -> Result:
    signal = call.signal(0)
    low = call.numbers(1) or (call.op.number("min", float("-inf")),)
    high = call.numbers(2) or (call.op.number("max", float("inf")),)
    layer = ReLU6() if (low[0], high[0]) == (0, 6) else Pointwise("Clip")
    return call.emit(layer, signal, batch=signal.batch)


@operator("Dropout")
def _dropout(call: Call) -> Result:
    signal = call.signal(0)
    rate = (call.numbers(1) or (call.op.number("ratio", 0.5),))[0]
    # 单精度存不准 0.2 这样的小数，取回写下的那个
    return call.emit(Dropout(float(f"{rate:.6g}")), signal, batch=signal.batch)


@operator("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Result:
    signal = call.signal(0)
    axis = call.axis(signal, call.op.integer("axis", -1 if call.opset >= 13 else 1))
    if axis != call.feature(signal):
        signal = call.features_last(signal)
        if axis != call.feature(signal):
            raise ValueError("只读在特征轴或最后一轴上的 softmax。")
    return call.emit(Softmax(), signal, batch=signal.batch)


@operator("Gemm")
def _gemm(call: Call) -> Result:
    weight, bias = call.known(1), call.optional(2)
    if call.op.integer("transA", 0):
        raise ValueError("不读把输入转置的 Gemm（transA）。")
    if len(weight.dims) != 2 or len(call.dims(call.signal(0))) != 2:
        raise ValueError(f"Gemm 的两个矩阵应各有 2 轴，权重是 {weight.dims}。")
    outputs, inputs = weight.dims if call.op.integer("transB", 0) else weight.dims[::-1]
    return _linear(call, call.signal(0), weight, bias, (inputs, outputs))


@operator("MatMul")
def _matmul(call: Call) -> Result:
    left, right = call.get(0), call.get(1)
    if isinstance(left, Signal) and isinstance(right, Known):
        if len(right.dims) != 2:
            raise ValueError(f"右边的常数应有 2 轴，得到 {right.dims}。")
        return _linear(call, left, right, None, (right.dims[0], right.dims[1]))
    one, other = call.signal(0), call.signal(1)
    ranks = [len(call.dims(signal)) for signal in (one, other)]
    if one.batch != other.batch or (one.batch is not None and one.batch > min(ranks) - 3):
        raise ValueError("两个输入的批量不在同一轴，或批量参与了相乘。")
    return call.emit(MatMul(), one, other, batch=one.batch)


def _linear(call: Call, signal: Signal, weight: Known, bias: Known | None, sizes: tuple[int, int]) -> Signal:
    signal, (inputs, outputs) = call.features_last(signal), sizes
    if call.shape(signal)[-1] != inputs:
        raise ValueError(f"权重要 {inputs} 个特征，到达它的形状是 {call.shape(signal)}。")
    layer = Linear(outputs, bias=bias is not None)
    weights: dict[Parameter, list[Known]] = {"weight": [weight]}
    if bias:
        weights["bias"] = [bias]
    return call.emit(layer, signal, batch=signal.batch, weights=weights)


@operator(*_BINARY)
def _binary(call: Call) -> Result:
    signals = [each for each in call.inputs if isinstance(each, Signal)]
    constants = [each for each in call.inputs if isinstance(each, Known)]
    if len(signals) == 1 and len(constants) == 1:
        return _with_constant(call, signals[0], constants[0])
    if constants or not signals:
        raise ValueError("只读两个算出的张量、或一个算出的与一个常数的逐元素运算。")
    if len(signals) == 1:
        return signals[0]
    return _joined(call, signals)


def _with_constant(call: Call, signal: Signal, constant: Known) -> Signal:
    operand = _aligned(call, signal, constant)
    if (fused := _gelu(call, signal, constant)) is not None:
        return fused
    if call.op.kind == "Add" and (fused := _biased(call, signal, constant)) is not None:
        return fused
    size = call.learned(constant)
    layer: Layer = WithConstant(call.op.kind, operand, size=size)
    shape = call.shape(signal)
    if call.op.kind == "Add" and isinstance(shape, Tokens) and len(shape) == 2 and operand == tuple(shape):
        layer = PositionEmbedding() if size == constant.count else layer
    return call.emit(layer, signal, batch=signal.batch)


def _aligned(call: Call, signal: Signal, constant: Known) -> tuple[int, ...]:
    """常数的形状去掉批量那一轴。"""
    dims = call.dims(signal)
    if len(constant.dims) > len(dims):
        raise ValueError(f"常数有 {len(constant.dims)} 轴，比到达它的 {len(dims)} 轴还多。")
    if signal.batch is None or signal.batch < len(dims) - len(constant.dims):
        return constant.dims
    where = signal.batch - (len(dims) - len(constant.dims))
    if constant.dims[where] not in (1, call.build.batch):
        raise ValueError(f"常数的形状 {constant.dims} 在批量那一轴上不是 1。")
    return constant.dims[:where] + constant.dims[where + 1 :]


def _biased(call: Call, signal: Signal, constant: Known) -> Signal | None:
    """没有偏置的线性层，紧接着加一个向量：合成有偏置的线性层。"""
    node = call.behind(signal, Linear)
    if node is None or not isinstance(node.layer, Linear) or node.layer.bias or constant.integral:
        return None
    if constant.dims != (node.layer.out_features,) or constant.sources.keys() <= call.build.counted:
        return None
    call.build.drop(node.name)
    call.build.counted |= constant.sources.keys()
    layer = Linear(node.layer.out_features, bias=True)
    return call.emit(layer, Signal(node.inputs[0], signal.batch), batch=signal.batch)


def _gelu(call: Call, signal: Signal, constant: Known) -> Signal | None:
    r"""GELU 的展开式 $\frac12\cdot x\bigl(1+\mathrm{erf}(x/\sqrt2)\bigr)$，末了的乘法在后的写法。"""
    product = call.behind(signal, Mul) if call.op.kind == "Mul" and constant.values == (0.5,) else None
    if product is None or len(product.inputs) != 2:
        return None
    source, shifted = product.inputs
    chain = [product.name]
    for kind in (WithConstant, Pointwise, WithConstant):  # 加一、erf、除以根号二
        node = call.behind(Signal(shifted), kind)
        if node is None or (isinstance(node.layer, Pointwise) and node.layer.function != "Erf"):
            return None
        chain.append(node.name)
        shifted = node.inputs[0]
    if shifted != source:
        return None
    for name in chain:
        call.build.drop(name)
    return call.emit(GELU(), Signal(source, signal.batch), batch=signal.batch)


def _joined(call: Call, signals: list[Signal]) -> Signal:
    """几个算出的张量逐元素运算。"""
    ranks = {(len(call.dims(signal)), signal.batch) for signal in signals}
    if len(ranks) > 1:
        raise ValueError("几个输入的轴数不同，或批量不在同一轴。")
    batch = signals[0].batch
    if call.op.kind == "Mul" and (fused := _silu(call, *signals)) is not None:
        return fused
    if any(isinstance(call.shape(each), Tokens) for each in signals):
        signals = [call.features_last(each) for each in signals]
    shapes = [call.shape(each) for each in signals]
    layer: Merge = Elementwise(call.op.kind)
    if call.op.kind in ("Add", "Sum") and len(set(shapes)) == 1:
        layer = Add()
    if call.op.kind == "Mul":
        layer = Mul()
    return call.emit(layer, *signals, batch=batch)


def _silu(call: Call, *signals: Signal) -> Signal | None:
    r"""$x\,\sigma(x)$ 是 SiLU，$x\tanh(\mathrm{softplus}(x))$ 是 Mish。"""
    one, other = signals
    for source, gate in ((one, other), (other, one)):
        node = call.behind(gate, Sigmoid)
        if node is not None and node.inputs == (source.node,):
            call.build.drop(node.name)
            return call.emit(SiLU(), source, batch=source.batch)
        node = call.behind(gate, Tanh)
        inner = node and call.behind(Signal(node.inputs[0]), Pointwise)
        if node and inner and inner.layer == Pointwise("Softplus") and inner.inputs == (source.node,):
            call.build.drop(node.name)
            call.build.drop(inner.name)
            return call.emit(Mish(), source, batch=source.batch)
    return None


@operator(*_REDUCTIONS)
def _reduce(call: Call) -> Result:
    signal = call.signal(0)
    dims, shape = call.dims(signal), call.shape(signal)
    axes = call.integers(1, "axes")
    if axes is None:
        axes = [axis for axis in range(len(dims)) if axis != signal.batch]
    where = sorted({call.axis(signal, axis) for axis in axes})
    keep = bool(call.op.integer("keepdims", 1))
    places = [axis for axis in range(len(shape)) if axis != call.feature(signal)]
    tokens = isinstance(shape, Tokens)
    if call.op.kind == "ReduceMean" and where == places and places and not (tokens and keep):
        pooled = call.emit(GlobalAvgPool(), signal, batch=0)
        if tokens or not keep:
            return pooled if tokens else call.emit(Flatten(), pooled, suffix=".flatten")
        return Signal(pooled.node, signal.batch)
    if keep or signal.batch is None:
        batch = signal.batch
    else:
        batch = signal.batch - sum(normal(axis, len(dims)) < signal.batch for axis in axes)
    return call.emit(Reduce(call.op.kind, tuple(where), keepdims=keep), signal, batch=batch)
