r"""循环单元共用的：权重的容器、形状的检查、线性层与它的伴随。"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, result


class Weights(NamedTuple):
    """一层、一个方向的权重；$G$ 是门数：RNN 1，GRU 3，LSTM 4。梯度也用它装。

    Attributes:
        weight_ih: 输入到隐状态，形状 `(G*H, D)`。
        weight_hh: 隐状态到隐状态，形状 `(G*H, H)`。
        bias_ih: 形状 `(G*H,)`，或 None。
        bias_hh: 形状 `(G*H,)`，或 None。
        peephole: 只有 LSTM 用：窥视孔，形状 `(3, H)`，次序 i、f、o；或 None。
    """

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any = None
    bias_hh: Any = None
    peephole: Any = None


REQUIRED = Weights._fields[:2]


def unpacked(weights: object, directions: int) -> list[Weights]:
    """检查使用者给的一列权重：各层各方向一份，每份 2 到 5 个数组。"""
    if not isinstance(weights, list | tuple):
        remedy = "只有一层时也请写成 [Weights(…)]"
        raise TypeError(problem("weights", "`Weights` 的列表", type(weights).__name__, remedy))
    for k, layer in enumerate(weights):
        if not isinstance(layer, list | tuple) or not 2 <= len(layer) <= len(Weights._fields):
            expected = f"{' / '.join(Weights._fields)} 的元组，后三个可以不给"
            got = f"{len(layer)} 个" if isinstance(layer, list | tuple) else type(layer).__name__
            raise TypeError(problem(f"weights[{k}]", expected, got, "请写成 `Weights` 或同样次序的元组"))
    if not weights or len(weights) % directions:
        expected = "各层正、反两份权重" if directions == 2 else "至少一层的权重"
        remedy = "次序是第 0 层正向、第 0 层反向、第 1 层正向……"
        raise ValueError(problem("weights", expected, f"{len(weights)} 份", remedy))
    return [Weights(*layer) for layer in weights]


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    y: Array = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(da: Array, x: Array, weight: Array, bias: Array | None) -> tuple[Array, Array, Any]:
    return da @ weight, da.T @ x, None if bias is None else da.sum(0)


def results(dtype: np.dtype[Any], *arrays: Array | None) -> tuple[Array | None, ...]:
    return tuple(None if array is None else result(array, dtype) for array in arrays)


def checked(gates: int, weights: Weights, **inputs: ArrayLike) -> tuple[list[Array], Weights, np.dtype[Any]]:
    """转成浮点数组并检查形状；`inputs` 里除 `x` 外都是 `(N, H)`。"""
    given = weights._asdict()
    required = {name: given.pop(name) for name in REQUIRED}
    arrays, dtype = as_floats(**inputs, **required, optional=given)
    found, w = arrays[: len(inputs)], Weights(*arrays[len(inputs) :])
    x = found[0]
    if x.ndim != 2:
        raise ValueError(problem("x", "形状 (N, D)", str(x.shape), "整个序列请用 rnn、lstm、gru"))
    check_weights(gates, w, x.shape[1])
    for name, array in list(zip(inputs, found, strict=True))[1:]:
        has_shape(name, array, (len(x), w.weight_hh.shape[1]), like="隐状态")
    return found, w, dtype


def check_weights(gates: int, w: Weights, inputs: int, *, prefix: str = "") -> None:
    """检查一层的形状；`prefix` 说是哪一层，如 `"weights[1]."`。"""
    if w.weight_hh.ndim != 2 or w.weight_hh.shape[0] != gates * w.weight_hh.shape[1]:
        expected = f"形状 ({gates}*H, H)" if gates > 1 else "形状 (H, H)"
        remedy = "各个门的矩阵叠在第 0 轴"
        raise ValueError(problem(f"{prefix}weight_hh", expected, str(w.weight_hh.shape), remedy))
    rows, size = w.weight_hh.shape
    has_shape(f"{prefix}weight_ih", w.weight_ih, (rows, inputs), like="输入与隐状态定下")
    for name, bias in (("bias_ih", w.bias_ih), ("bias_hh", w.bias_hh)):
        if bias is not None:
            has_shape(prefix + name, bias, (rows,), like="每行一个数")
    if w.peephole is not None:
        if gates != 4:
            raise ValueError(problem(f"{prefix}peephole", "None", "一个数组", "只有 LSTM 有窥视孔"))
        has_shape(f"{prefix}peephole", w.peephole, (3, size), like="三个门")
