r"""回归的损失：只看差 $d=x-t$；`mean` 除以元素的个数。

`x`、`target` 同形，形状任意；PyTorch 遇到不同形会广播并警告，这里报错，因为那几乎总是写错了。
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled
from dlnotes.nn.losses._reduce import reduce, spread


def mse_loss(x: ArrayLike, target: ArrayLike, *, reduction: str = "mean") -> Array:
    r"""平方误差：$d^2$（没有 ½）。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*，式 (1.2)（那里有 ½）。

    Examples:
        >>> float(mse_loss([1.0, 3.0], [0.0, 0.0]))
        5.0
    """
    return _loss(x, target, reduction, np.square)


def mse_loss_backward(dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, reduction: str = "mean") -> Array:
    r"""`mse_loss` 的反向：每个元素 $2d$，乘以归约分到的 `dy`。

    Examples:
        >>> mse_loss_backward(1.0, [1.0, 3.0], [0.0, 0.0])
        array([1., 3.])
    """
    return _backward(dy, x, target, reduction, lambda d: 2 * d)


def l1_loss(x: ArrayLike, target: ArrayLike, *, reduction: str = "mean") -> Array:
    r"""绝对误差：$\lvert d\rvert$。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*，式 (1.91)，取 $q=1$。

    Examples:
        >>> float(l1_loss([1.0, -3.0], [0.0, 0.0]))
        2.0
    """
    return _loss(x, target, reduction, np.abs)


def l1_loss_backward(dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, reduction: str = "mean") -> Array:
    r"""`l1_loss` 的反向：$\operatorname{sign}d$；$d=0$ 处取次梯度 0。

    Examples:
        >>> l1_loss_backward(1.0, [1.0, 0.0], [0.0, 0.0])
        array([0.5, 0. ])
    """
    return _backward(dy, x, target, reduction, np.sign)


def smooth_l1_loss(x: ArrayLike, target: ArrayLike, *, beta: float = 1.0, reduction: str = "mean") -> Array:
    r"""光滑的绝对误差：小的差按平方，大的差按绝对值。

    $$\ell=\begin{cases}d^2/(2\beta)&\lvert d\rvert<\beta\\\lvert d\rvert-\beta/2&\text{其他}\end{cases}$$

    是 $\delta=\beta$ 的 `huber_loss` 除以 $\beta$；$\beta=0$ 是 `l1_loss`。

    References:
        Girshick (2015), Fast R-CNN, ICCV, arXiv:1504.08083，式 (3)（$\beta=1$）。

    Examples:
        >>> smooth_l1_loss([0.5, -3.0], [0.0, 0.0], reduction="none")
        array([0.125, 2.5  ])
    """
    width = real("beta", beta, minimum=0)
    if width == 0:
        return l1_loss(x, target, reduction=reduction)
    return _loss(x, target, reduction, lambda d: _smooth(d, width))


def smooth_l1_loss_backward(
    dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, beta: float = 1.0, reduction: str = "mean"
) -> Array:
    r"""`smooth_l1_loss` 的反向：$d/\beta$ 截到 $[-1,1]$。

    Examples:
        >>> smooth_l1_loss_backward(1.0, [0.5, -3.0], [0.0, 0.0], reduction="sum")
        array([ 0.5, -1. ])
    """
    width = real("beta", beta, minimum=0)
    if width == 0:
        return l1_loss_backward(dy, x, target, reduction=reduction)
    return _backward(dy, x, target, reduction, lambda d: np.where(np.abs(d) < width, d / width, np.sign(d)))


def huber_loss(x: ArrayLike, target: ArrayLike, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    r"""Huber 损失：$\lvert d\rvert\le\delta$ 时是 $d^2/2$，否则是 $\delta(\lvert d\rvert-\delta/2)$。

    References:
        Huber (1964), Robust estimation of a location parameter, Ann. Math. Statist. 35，§1。

    Examples:
        >>> huber_loss([0.5, -3.0], [0.0, 0.0], delta=2.0, reduction="none")
        array([0.125, 4.   ])
    """
    width = real("delta", delta, above=0)
    return _loss(x, target, reduction, lambda d: _huber(d, width))


def huber_loss_backward(
    dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, delta: float = 1.0, reduction: str = "mean"
) -> Array:
    r"""`huber_loss` 的反向：$d$ 截到 $[-\delta,\delta]$。

    Examples:
        >>> huber_loss_backward(1.0, [0.5, -3.0], [0.0, 0.0], delta=2.0, reduction="sum")
        array([ 0.5, -2. ])
    """
    width = real("delta", delta, above=0)
    return _backward(dy, x, target, reduction, lambda d: np.clip(d, -width, width))


def _huber(d: Array, delta: float) -> Array:
    """设 m 是 |d| 与 δ 中小的，两段合成一式 m(|d| - m/2)；大的差不必先平方，不会溢出。"""
    size = np.abs(d)
    small = np.minimum(size, delta)
    return np.asarray(small * (size - small / 2))


def _smooth(d: Array, beta: float) -> Array:
    """`_huber` 除以 β；先除后乘，β 很小时乘积不会下溢。"""
    size = np.abs(d)
    return np.asarray(np.where(size < beta, size / beta, 1) * (size - np.minimum(size, beta) / 2))


@quiet
def _loss(x: ArrayLike, target: ArrayLike, reduction: str, function: Callable[[Array], Array]) -> Array:
    (values, truth), dtype = as_floats(x=x, target=target)
    has_shape("target", truth, values.shape, like="`x`")
    return result(reduce(function(values - truth), reduction, values.size), dtype)


@quiet
def _backward(
    dy: ArrayLike, x: ArrayLike, target: ArrayLike, reduction: str, slope: Callable[[Array], Array]
) -> Array:
    (upstream, values, truth), dtype = as_floats(dy=dy, x=x, target=target)
    has_shape("target", truth, values.shape, like="`x`")
    upstream = spread(upstream, values.shape, reduction, values.size)
    return result(scaled(slope(values - truth), upstream), dtype)
