"""AdaGrad 与 RMSProp：每个坐标除以自己梯度平方的和（或平均）的根。"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import real
from dlnotes.nn._arrays import Array
from dlnotes.optim._step import end, fraction, kept, rates, start, state_of


class AdaGradState(NamedTuple):
    """`adagrad` 的状态。

    Attributes:
        total: 梯度平方之和，与 `w` 同形。
    """

    total: Array


class RmsPropState(NamedTuple):
    """`rmsprop` 的状态。

    Attributes:
        square: 梯度平方的滑动平均，与 `w` 同形。
    """

    square: Array


def adagrad(
    w: ArrayLike,
    g: ArrayLike,
    state: AdaGradState | None = None,
    *,
    lr: float = 1e-2,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> tuple[Array, AdaGradState]:
    r"""AdaGrad：每个坐标除以自己历来梯度的平方和的根；`torch.optim.Adagrad` 的一步（学习率不衰减）。

    $$s\leftarrow s+g^2,\qquad w\leftarrow w-\eta\,\frac{g}{\sqrt s+\epsilon}$$

    第一步不论梯度多大都走 $\eta$；$s$ 只增不减，步子越来越小。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        eps: 加在根号外面的 $\epsilon$，正数。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `sgd`。
        ValueError: 同 `sgd`。

    References:
        Duchi, Hazan & Singer (2011), Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization, JMLR 12（对角的形式）。

    Examples:
        >>> w, state = adagrad([1.0, 1.0], [2.0, 0.5], lr=0.1)
        >>> w.round(6)  # 两个坐标都走 0.1
        array([0.9, 0.9])
    """
    rates(lr, weight_decay)
    real("eps", eps, above=0)
    (values, slope), dtype = start(w, g)
    old = state_of(AdaGradState, state)
    total = 0.0 if old is None else kept("total", old.total, values)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        total = total + slope * slope
        new = values - lr * slope / (np.sqrt(total) + eps)
    return end(new, total, dtype=dtype), AdaGradState(total)


def rmsprop(
    w: ArrayLike,
    g: ArrayLike,
    state: RmsPropState | None = None,
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Array, RmsPropState]:
    r"""RMSProp：把 AdaGrad 的和换成滑动平均；`torch.optim.RMSprop` 的一步（不带动量，不减均值）。

    $$s\leftarrow\alpha s+(1-\alpha)g^2,\qquad w\leftarrow w-\eta\,\frac{g}{\sqrt s+\epsilon}$$

    $s$ 从 0 开始而不校正，所以头几步偏大：第一步走 $\eta/\sqrt{1-\alpha}$，默认是 $10\eta$。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        alpha: 滑动平均的系数 $\alpha$，在 $[0,1)$ 里。
        eps: 加在根号外面的 $\epsilon$，正数。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `sgd`。
        ValueError: 同 `sgd`。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §8.5.2（那里的 $\epsilon$ 加在根号里面）。

    Examples:
        >>> w, state = rmsprop([1.0, 1.0], [2.0, 0.5], lr=0.01)
        >>> w.round(6)  # 第一步走 10 倍的学习率
        array([0.9, 0.9])
    """
    rates(lr, weight_decay)
    real("eps", eps, above=0)
    fraction("alpha", alpha)
    (values, slope), dtype = start(w, g)
    old = state_of(RmsPropState, state)
    square = 0.0 if old is None else kept("square", old.square, values)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        square = alpha * square + (1 - alpha) * slope * slope
        new = values - lr * slope / (np.sqrt(square) + eps)
    return end(new, square, dtype=dtype), RmsPropState(square)
