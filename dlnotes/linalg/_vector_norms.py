"""向量的范数。"""

from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, normal_axis, result


def l0(x: ArrayLike, *, axis: int | None = None, tolerance: float = 0.0) -> NDArray[np.int64]:
    r"""不为零的元素的个数，习惯叫 L0「范数」。

    $$\lVert x\rVert_0=\#\{i:\lvert x_i\rvert>\tau\}$$

    它不是范数：乘一个常数不改变它，而范数要跟着乘。也不能由 `lp` 取极限得到，
    $\lim_{p\to0}\lVert x\rVert_p^p=\lVert x\rVert_0$ 说的是 $p$ 次方。

    Args:
        x: 任意形状。
        axis: 沿哪一轴数；默认整个数组。
        tolerance: $\tau$，绝对值不超过它的当作零；不小于 0。

    Returns:
        整数；`nan` 算不为零。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在，或 `tolerance` 是负数。

    Examples:
        >>> int(l0([0.0, 3.0, -4.0]))
        2
    """
    bound = real("tolerance", tolerance, minimum=0)
    values, along, _ = _vector(x, axis)
    return np.asarray((~(np.abs(values) <= bound)).sum(axis=along), np.int64)


def l1(x: ArrayLike, *, axis: int | None = None) -> Array:
    r"""绝对值之和 $\lVert x\rVert_1=\sum_i\lvert x_i\rvert$。

    Args:
        x: 任意形状。
        axis: 沿哪一轴；默认整个数组。

    Returns:
        去掉那一轴的形状；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在。

    Examples:
        >>> float(l1([3.0, -4.0]))
        7.0
    """
    return lp(x, 1, axis=axis)


def l2(x: ArrayLike, *, axis: int | None = None) -> Array:
    r"""欧氏长度 $\lVert x\rVert_2=\sqrt{\sum_i x_i^2}$。

    Args:
        x: 任意形状。
        axis: 沿哪一轴；默认整个数组。

    Returns:
        去掉那一轴的形状；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在。

    Examples:
        >>> float(l2([3.0, -4.0])), f"{l2([3e200, -4e200]):.15g}"
        (5.0, '5e+200')
    """
    return lp(x, 2, axis=axis)


def linf(x: ArrayLike, *, axis: int | None = None) -> Array:
    r"""最大的绝对值 $\lVert x\rVert_\infty=\max_i\lvert x_i\rvert=\lim_{p\to\infty}\lVert x\rVert_p$。

    Args:
        x: 任意形状。
        axis: 沿哪一轴；默认整个数组。

    Returns:
        去掉那一轴的形状；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在。

    Examples:
        >>> float(linf([3.0, -4.0]))
        4.0
    """
    return lp(x, inf, axis=axis)


def lp(x: ArrayLike, p: float, *, axis: int | None = None) -> Array:
    r"""$p$-范数。

    $$\lVert x\rVert_p=\Bigl(\sum_i\lvert x_i\rvert^p\Bigr)^{1/p}$$

    $p\ge1$ 是范数。$0<p<1$ 是拟范数：三角不等式只在乘以 $2^{1/p-1}$ 之后成立，单位球是凹的。

    Args:
        x: 任意形状。
        p: 正数，可以是 `inf`。
        axis: 沿哪一轴；默认整个数组。

    Returns:
        去掉那一轴的形状；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数，或 `p` 不是数。
        ValueError: `p` 不是正数，或轴不存在。

    Examples:
        >>> float(lp([1.0, 1.0], 0.5)), float(lp([1.0, 1.0], np.inf))
        (4.0, 1.0)
    """
    power = positive_power(p)
    values, along, dtype = _vector(x, axis)
    size = np.abs(values)
    peak = size.max(axis=along, keepdims=True, initial=0)
    if power == inf:
        return result(peak.squeeze(along), dtype)
    # 峰值是 head·2ᵉ，head 在 [1, 2)。除以 2ᵉ 没有舍入，平方就不会溢出；p 很大时连 head 也除掉
    head, exponent = np.frexp(np.where(np.isfinite(peak) & (peak > 0), peak, 1).astype(size.dtype))
    head, exponent = 2 * head if power > 64 else np.ones_like(head), exponent - 1
    with np.errstate(over="ignore"):  # 装不下的结果是 inf
        total = ((np.ldexp(size, -exponent) / head) ** power).sum(axis=along, keepdims=True) ** (1 / power)
        return result(np.ldexp(total * head, exponent).squeeze(along), dtype)


def _vector(x: ArrayLike, axis: int | None) -> tuple[Array, int, np.dtype[np.floating]]:
    (values,), dtype = as_floats(x=x)
    if axis is None:
        return values.ravel(), 0, dtype
    return values, normal_axis(axis, values.ndim), dtype


def positive_power(p: float, *, minimum: float | None = None) -> float:
    """检查并返回范数的 p：正数或 `inf`；`minimum` 是另要的下限。"""
    if isinstance(p, float) and p == inf:
        return inf
    return real("p", p, above=0) if minimum is None else real("p", p, minimum=minimum)


def finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise ValueError(problem(name, "有限的数", "nan 或 inf", "请先查它从哪里来"))
