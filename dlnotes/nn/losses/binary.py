r"""二分类（与多标签）的损失：每个元素各是一道是非题；`mean` 除以元素的个数，不论权重。"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled
from dlnotes.nn.activations._elementwise import log1p_exp, logistic
from dlnotes.nn.losses._reduce import broadcast, reduce, spread, times, within


@quiet
def binary_cross_entropy(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, *, reduction: str = "mean"
) -> Array:
    r"""二元交叉熵，`x` 已经是概率。

    $$\ell=-w\,[t\log x+(1-t)\log(1-x)]$$

    与 PyTorch 相同，两个对数都不小于 −100，所以 $x=0$ 或 1 时损失有限。能拿到 logits 时，用
    `binary_cross_entropy_with_logits` 更准。

    Args:
        x: 概率，在 0 与 1 之间，任意形状。
        target: 在 0 与 1 之间，与 `x` 同形。
        weight: 各元素的权重，能广播成 `x` 的形状。
        reduction: 归约。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.2.2.2；Bishop (2006)，式 (4.90)。

    Examples:
        >>> float(binary_cross_entropy([0.5, 0.0], [1.0, 1.0], reduction="sum").round(4))  # log 2 + 100
        100.6931
    """
    (values, truth, weights), dtype = as_floats(x=x, target=target, optional={"weight": weight})
    scale = _check(values, truth, weights)
    within("x", values, 0, 1)
    yes, no = np.maximum(np.log(values), -100), np.maximum(np.log1p(-values), -100)  # log 0 = -∞，截到 -100
    return result(reduce(-scale * (truth * yes + (1 - truth) * no), reduction, values.size), dtype)


@quiet
def binary_cross_entropy_backward(
    dy: ArrayLike,
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    reduction: str = "mean",
) -> Array:
    r"""`binary_cross_entropy` 的反向。

    $$\bar x=\bar y\,w\,\frac{x-t}{\max(x(1-x),\,10^{-12})}$$

    两项各自求导再通分；分母的下限与 PyTorch 相同，所以 $x=0$、1 处有限。

    Examples:
        >>> binary_cross_entropy_backward(1.0, [0.5, 0.25], [1.0, 1.0], reduction="sum")
        array([-2., -4.])
    """
    (upstream, values, truth, weights), dtype = as_floats(
        dy=dy, x=x, target=target, optional={"weight": weight}
    )
    scale = _check(values, truth, weights)
    within("x", values, 0, 1)
    upstream = spread(upstream, values.shape, reduction, values.size)
    slope = (values - truth) / np.maximum(values * (1 - values), 1e-12)
    return result(scaled(scale * slope, upstream), dtype)


@quiet
def binary_cross_entropy_with_logits(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    pos_weight: ArrayLike | None = None,
    reduction: str = "mean",
) -> Array:
    r"""二元交叉熵，从 logits 直接算。

    $$\ell=w\,[\pi\,t\operatorname{softplus}(-x)+(1-t)\operatorname{softplus}(x)]$$

    因为 $-\log\sigma(x)=\operatorname{softplus}(-x)$。两项都不为负，没有相消，也不溢出；系数是 0 的项取 0，
    所以 $x=\pm\infty$ 而答对时损失是 0。

    Args:
        x: logits，任意形状。
        target: 在 0 与 1 之间，与 `x` 同形。
        weight: 各元素的权重，能广播成 `x` 的形状。
        pos_weight: 正例的权重 $\pi$，能广播成 `x` 的形状。
        reduction: 归约。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.2.2.2，式 (6.25)。

    Examples:
        >>> binary_cross_entropy_with_logits([0.0, -1e4], [1.0, 1.0], reduction="none").round(4)
        array([6.931e-01, 1.000e+04])
    """
    (values, truth, weights, positives), dtype = as_floats(
        x=x, target=target, optional={"weight": weight, "pos_weight": pos_weight}
    )
    scale = _check(values, truth, weights)
    truth_weight = truth * broadcast("pos_weight", positives, values.shape)
    terms = times(truth_weight, log1p_exp(-values)) + times(1 - truth, log1p_exp(values))
    return result(reduce(scaled(scale, terms), reduction, values.size), dtype)


@quiet
def binary_cross_entropy_with_logits_backward(
    dy: ArrayLike,
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    pos_weight: ArrayLike | None = None,
    reduction: str = "mean",
) -> Array:
    r"""`binary_cross_entropy_with_logits` 的反向。

    $$\bar x=\bar y\,w\,[(1-t)\,\sigma(x)-\pi\,t\,\sigma(-x)]$$

    由 $\operatorname{softplus}'=\sigma$；$\pi=1$ 时就是 $\bar y\,w\,(\sigma(x)-t)$。

    Examples:
        >>> binary_cross_entropy_with_logits_backward(1.0, [0.0, 0.0], [1.0, 0.0], reduction="sum")
        array([-0.5,  0.5])
    """
    (upstream, values, truth, weights, positives), dtype = as_floats(
        dy=dy, x=x, target=target, optional={"weight": weight, "pos_weight": pos_weight}
    )
    scale = _check(values, truth, weights)
    truth_weight = truth * broadcast("pos_weight", positives, values.shape)
    slope = (1 - truth) * logistic(values) - truth_weight * logistic(-values)
    return result(scaled(scale * slope, spread(upstream, values.shape, reduction, values.size)), dtype)


@quiet
def sigmoid_focal_loss(
    x: ArrayLike, target: ArrayLike, *, alpha: float = 0.25, gamma: float = 2.0, reduction: str = "none"
) -> Array:
    r"""焦点损失：压低已经分对的样本。

    $$\ell=-\alpha_t\,(1-p_t)^\gamma\log p_t$$

    $t=1$ 时 $p_t=\sigma(x)$、$\alpha_t=\alpha$，$t=0$ 时 $p_t=\sigma(-x)$、$\alpha_t=1-\alpha$；$t$ 在其间
    时，与 torchvision 相同，$p_t$、$\alpha_t$ 与交叉熵各自线性插值。`gamma=0` 是加了 $\alpha$ 的二元交叉熵。

    Args:
        x: logits，任意形状。
        target: 在 0 与 1 之间，与 `x` 同形。
        alpha: 正例的权重，在 0 与 1 之间；负数表示不加权。
        gamma: 聚焦的程度 $\gamma$，不为负。
        reduction: 归约，默认 `"none"`，与 torchvision 相同。

    References:
        Lin et al. (2017), Focal loss for dense object detection, ICCV, arXiv:1708.02002，§3.2，式 (5)。

    Examples:
        >>> sigmoid_focal_loss([0.0, 5.0], [1.0, 1.0]).round(6)  # 第一个是 log 2 / 16
        array([0.043322, 0.      ])
    """
    (values, truth), dtype = as_floats(x=x, target=target)
    weight, miss, entropy, _ = _focal(values, truth, alpha, gamma)
    return result(reduce(scaled(weight, miss**gamma * entropy), reduction, values.size), dtype)


@quiet
def sigmoid_focal_loss_backward(
    dy: ArrayLike,
    x: ArrayLike,
    target: ArrayLike,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "none",
) -> Array:
    r"""`sigmoid_focal_loss` 的反向。

    设 $m=1-p_t$、$c$ 为交叉熵，$\ell=\alpha_tm^\gamma c$，积的求导法则给出

    $$\bar x=\bar y\,\alpha_t\,[\,m^\gamma(\sigma(x)-t)+\gamma\,m^{\gamma-1}m'\,c\,],\qquad
    m'=(1-2t)\,\sigma(x)\,\sigma(-x)$$

    Examples:
        >>> sigmoid_focal_loss_backward([1.0], [0.0], [1.0], gamma=0.0)  # -α/2
        array([-0.125])
    """
    (upstream, values, truth), dtype = as_floats(dy=dy, x=x, target=target)
    weight, miss, entropy, slope = _focal(values, truth, alpha, gamma)
    upstream = spread(upstream, values.shape, reduction, values.size)
    direct = miss**gamma * ((1 - truth) * logistic(values) - truth * logistic(-values))
    # m' 下溢成 0 的地方整项是 0：γ < 1 时 m 的负幂会是 ∞
    power = gamma * miss ** (gamma - 1) if gamma else np.zeros_like(miss)
    focus = scaled(scaled(slope, entropy), power)
    return result(scaled(weight * (direct + focus), upstream), dtype)


@quiet
def hinge_loss(x: ArrayLike, target: ArrayLike, *, margin: float = 1.0, reduction: str = "mean") -> Array:
    r"""合页损失：$\ell=\max(0,\ m-t\,x)$，$t=\pm1$。

    Args:
        x: 得分，任意形状。
        target: 只有 1 与 −1，与 `x` 同形。
        margin: 间隔 $m$，不为负。
        reduction: 归约。

    Raises:
        ValueError: `target` 里有别的数（0/1 的标签要先变成 ±1）。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*, §7.1.2，式 (7.45)。

    Examples:
        >>> hinge_loss([0.5, 2.0, 0.5], [1, 1, -1], reduction="none")
        array([0.5, 0. , 1.5])
    """
    (values, truth), dtype = as_floats(x=x, target=target)
    _signs(values, truth, margin)
    return result(reduce(np.maximum(margin - truth * values, 0), reduction, values.size), dtype)


@quiet
def hinge_loss_backward(
    dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, margin: float = 1.0, reduction: str = "mean"
) -> Array:
    r"""`hinge_loss` 的反向：$t\,x<m$ 时是 $-t\,\bar y$，否则是 0；恰在折点取 0。

    Examples:
        >>> hinge_loss_backward(1.0, [0.5, 1.0], [1, 1], reduction="sum")
        array([-1., -0.])
    """
    (upstream, values, truth), dtype = as_floats(dy=dy, x=x, target=target)
    _signs(values, truth, margin)
    upstream = spread(upstream, values.shape, reduction, values.size)
    slope = np.where(np.isnan(values), values, -truth * (truth * values < margin))
    return result(scaled(slope, upstream), dtype)


def _check(x: Array, target: Array, weight: Array | None) -> Any:
    has_shape("target", target, x.shape, like="`x`")
    within("target", target, 0, 1)
    return broadcast("weight", weight, x.shape)


def _focal(x: Array, target: Array, alpha: float, gamma: float) -> tuple[Any, Array, Array, Array]:
    """返回 α_t、m = 1 - p_t、交叉熵、m'；都没有相消。"""
    has_shape("target", target, x.shape, like="`x`")
    within("target", target, 0, 1)
    real("gamma", gamma, minimum=0)
    real("alpha", alpha, maximum=1)
    weight = alpha * target + (1 - alpha) * (1 - target) if alpha >= 0 else 1
    yes, no = logistic(x), logistic(-x)
    miss = target * no + (1 - target) * yes
    entropy = times(target, log1p_exp(-x)) + times(1 - target, log1p_exp(x))
    return weight, miss, entropy, (1 - 2 * target) * yes * no


def _signs(x: Array, target: Array, margin: float) -> None:
    has_shape("target", target, x.shape, like="`x`")
    real("margin", margin, minimum=0)
    if (np.abs(target) != 1).any():
        raise ValueError(problem("target", "只含 1 与 -1 的数组", "别的数", "0/1 的标签请用 2*t-1 转换"))
