"""逐元素函数共用的两步：算值，以及用导数乘上游的梯度。"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled


@quiet
def apply(x: ArrayLike, function: Callable[[Array], Array]) -> Array:
    """逐元素地算 `function(x)`，类型不变。"""
    (values,), dtype = as_floats(x=x)
    return result(function(values), dtype)


@quiet
def chain(dy: ArrayLike, x: ArrayLike, derivative: Callable[[Array], Array]) -> Array:
    """`dy` 乘以 `x` 处的导数；`x` 是 `nan` 的地方得 `nan`（分段函数的比较会把它漏掉）。

    导数是 0 的地方，`dy` 是无穷大也得 0。
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    return result(np.where(np.isnan(values), values, scaled(derivative(values), upstream)), dtype)


def decay(x: Array) -> Array:
    r"""$e^{-\lvert x\rvert}$：总在 0 与 1 之间，不会溢出。"""
    return np.asarray(np.exp(-np.abs(x)))


def logistic(x: Array) -> Array:
    r"""$1/(1+e^{-x})$；$x<0$ 时分子分母同乘 $e^{x}$，不让指数溢出，也不必用 1 去减。"""
    small = decay(x)
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))


def log1p_exp(x: Array) -> Array:
    r"""$\log(1+e^{x})$：正的部分提出来，指数不溢出。`np.logaddexp` 遇到 `nan` 会警告，所以不用它。"""
    return np.asarray(np.maximum(x, 0) + np.log1p(decay(x)))


def bounded(x: Array) -> Array:
    """截到 ±1000：指数在那里早已是 0，截断不改变结果，却免得 ∞ 乘 0。"""
    return np.asarray(np.clip(x, -1e3, 1e3))
