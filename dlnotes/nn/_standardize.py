r"""减均值、除以标准差，和它的反向：批、层、实例、组归一化只差在对哪些轴做。

中间结果一律是 float64（只有 `layer_norm` 先试 float32）：float32 的均值在 $x\approx10^4$ 时有 $10^{-3}$ 的
舍入误差，与 $\sqrt\varepsilon$ 相当，全相等的一组就不再得 0；平方也会在 $10^{19}$ 处溢出。先减均值再平方，
不用 $E[x^2]-E[x]^2$（它会相消）。
"""

from math import prod
from typing import Any

import numpy as np

from dlnotes._check import problem, shown
from dlnotes.nn._arrays import Array, has_shape, result, sizes


def standardize(x: Array, axes: tuple[int, ...], eps: float) -> tuple[Array, Array]:
    """`x_hat` 与 `1 / sqrt(方差 + eps)`；方差是有偏的。"""
    x_hat = x.astype(np.float64)  # 总是复制，下面就地改它
    with np.errstate(invalid="ignore", over="ignore"):  # 组里有无穷大：无穷大减无穷大，整组是 NaN
        x_hat -= mean(x_hat, axes)
        inv_std = 1 / np.sqrt(mean(x_hat**2, axes) + eps)
        x_hat *= inv_std
        return x_hat, inv_std


def standardize_backward(dx_hat: Array, x_hat: Array, inv_std: Array, axes: tuple[int, ...]) -> Array:
    """经过均值、方差的两路都已并入，推导见 `batch_norm_backward`。"""
    with np.errstate(invalid="ignore", over="ignore"):
        dx: Array = inv_std * (dx_hat - mean(dx_hat, axes) - x_hat * mean(dx_hat * x_hat, axes))
        return dx


def mean(x: Array, axes: tuple[int, ...]) -> Array:
    """留着轴的均值；一个数也没有时不警告。"""
    total: Array = x.sum(axes, keepdims=True)
    with np.errstate(invalid="ignore"):
        total /= prod(x.shape[axis] for axis in axes)
    return total


def affine(x_hat: Array, weight: Array | None, bias: Array | None) -> Array:
    """`weight`、`bias` 已是能与 `x_hat` 广播的形状。"""
    with np.errstate(invalid="ignore", over="ignore"):
        y = x_hat if weight is None else x_hat * weight
        return y if bias is None else y + bias


def affine_backward(dy: Array, x_hat: Array, weight: Any, bias: Any, axes: tuple[int, ...]) -> Any:
    """`dx_hat`、`dweight`、`dbias`；后两个对广播的轴 `axes` 求和（广播的伴随），没有给的是 None。"""
    dy = dy.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        dx_hat = dy if weight is None else dy * weight
        dweight = None if weight is None else (dy * x_hat).sum(axes)
        return dx_hat, dweight, None if bias is None else dy.sum(axes)


def channels(x: Array, *, least: int) -> int:
    """第 1 轴的长度；`x` 至少 `least` 维。"""
    if x.ndim < least:
        expected = "形状 (N, C, …)" if least == 2 else "形状 (N, C, L, …)"
        raise ValueError(problem("x", expected, str(x.shape), "请把通道放在第 1 轴"))
    return int(x.shape[1])


def per_channel(name: str, array: Any, x: Array) -> Any:
    """检查 `(C,)` 的数组，变成能与 `(N, C, …)` 广播的形状；None 原样返回。"""
    if array is None:
        return None
    has_shape(name, array, (x.shape[1],), like="每个通道一个数")
    return array.reshape(1, -1, *(1,) * (x.ndim - 2))


def trailing(x: Array, normalized_shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """`normalized_shape` 对应的轴：`x` 最后的几个。"""
    shape = sizes("normalized_shape", normalized_shape)
    if not shape or x.shape[max(x.ndim - len(shape), 0) :] != shape:
        remedy = "请写出要归一化的最后几个轴的长度"
        expected = f"`x` 的形状 {x.shape} 的末尾"
        raise ValueError(problem("normalized_shape", expected, shown(normalized_shape), remedy))
    return tuple(range(x.ndim - len(shape), x.ndim))


def optional(array: Any, dtype: np.dtype[Any]) -> Any:
    """可以没有的结果：类型转好，与传入的数组不共用内存。"""
    return None if array is None else result(array, dtype).copy()


def unit(v: Array, axes: tuple[int, ...], eps: float = 0.0) -> tuple[Array, Array]:
    """单位向量与范数（不小于 `eps`）；先除以最大的绝对值，平方就不会上溢、下溢。"""
    largest = np.abs(v).max(axes, keepdims=True, initial=0)
    safe = np.where(largest > 0, largest, 1)
    norm = np.maximum(safe * np.sqrt(((v / safe) ** 2).sum(axes, keepdims=True)), eps)
    return v / norm, norm
