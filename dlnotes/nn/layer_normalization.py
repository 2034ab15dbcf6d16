r"""层归一化：一个样本（一个位置）自己的均值与方差，对最后几个轴取。

与批、组、实例归一化的比较见 [`group_normalization`][dlnotes.nn.group_normalization]。$\sigma^2$ 是有偏的方差
（除以个数），训练与推理相同。一组全相等的数得 0；组里有 `nan` 或无穷大，整组是 `nan`。
"""

from math import prod

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import real
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._standardize import (
    affine,
    affine_backward,
    optional,
    standardize,
    standardize_backward,
    trailing,
)

__all__ = ["layer_norm", "layer_norm_backward"]

BLOCK = 1 << 16  # `layer_norm` 一次算这么多个数：float64 的中间结果都留在缓存里


def layer_norm(
    x: ArrayLike,
    normalized_shape: int | tuple[int, ...],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> Array:
    r"""层归一化：对最后几个轴，每个样本（每个位置）自己的均值与方差。

    $$y=\gamma\odot\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}+\beta,\qquad
    \mu=\frac1D\sum_{d=1}^{D}x_d,\quad \sigma^2=\frac1D\sum_{d=1}^{D}(x_d-\mu)^2$$

    $D$ 是 `normalized_shape` 的积。$\gamma$、$\beta$ 逐元素，与 `batch_norm` 的逐通道不同。所有特征共用一组
    统计量，所以数值特别大的一个特征会盖住其余的。

    Args:
        x: 形状 `(…, *normalized_shape)`。
        normalized_shape: 最后几个轴的长度；一个整数表示只有最后一轴。
        weight: $\gamma$，形状 `normalized_shape`；不给就是 1。
        bias: $\beta$，形状 `normalized_shape`；不给就是 0。
        eps: 加在方差上，正数。

    Returns:
        与 `x` 同形；$D=1$ 时 $\hat x=0$。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `normalized_shape` 不是 `x` 的形状的末尾，`weight`、`bias` 的形状不对，`eps` 不是正数。

    References:
        Ba, Kiros & Hinton (2016), arXiv:1607.06450，式 (3)、(4)。

    Examples:
        >>> layer_norm([[1000.0, 1, 2], [990.0, 2, 9]], 3).round(2).tolist()  # 第一个特征盖住其余的
        [[1.41, -0.71, -0.71], [1.41, -0.71, -0.7]]
    """
    (x_, gamma, beta), dtype = as_floats(x=x, optional={"weight": weight, "bias": bias})
    axes, eps = _layer_axes(x_, normalized_shape, gamma, beta, eps)
    size = prod(x_.shape[axis] for axis in axes)
    rows = x_.reshape(prod(x_.shape[: axes[0]]), size)
    gamma, beta = (None if array is None else array.reshape(size) for array in (gamma, beta))
    y = np.empty_like(rows)
    step = max(1, BLOCK // max(1, size))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        y[some] = result(affine(standardize(rows[some], (1,), eps)[0], gamma, beta), y.dtype)
    return result(y.reshape(x_.shape), dtype)


def layer_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    normalized_shape: int | tuple[int, ...],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    r"""`layer_norm` 的反向。

    对 $x$ 的推导与 `batch_norm_backward` 相同，只是每组是一个样本的 $D$ 个数，$\delta=\gamma\odot\bar y$：

    $$\bar x=s\Bigl(\delta-\frac1D\sum_d\delta_d-\hat x\,\frac1D\sum_d\delta_d\hat x_d\Bigr).$$

    $\gamma$、$\beta$ 由各样本共用，前向是广播，广播的伴随是求和：$\bar\gamma=\sum\bar y\odot\hat x$、
    $\bar\beta=\sum\bar y$，对前面所有的轴。

    Args:
        dy: 与 `x` 同形。
        x: 同 `layer_norm`。
        normalized_shape: 同 `layer_norm`。
        weight: 同 `layer_norm`。
        bias: 同 `layer_norm`。
        eps: 同 `layer_norm`。

    Returns:
        `(dx, dweight, dbias)`；没有给的是 None。

    Raises:
        TypeError: 同 `layer_norm`。
        ValueError: 同 `layer_norm`，或 `dy` 的形状不对。

    References:
        Ba, Kiros & Hinton (2016), arXiv:1607.06450，式 (3)、(4)（前向）。

    Examples:
        >>> dx, dweight, dbias = layer_norm_backward([[1.0, 0]], [[3.0, 5]], 2, [1.0, 1])
        >>> dweight.round(4).tolist(), dbias
        ([-1.0, 0.0], None)
    """
    (dy_, x_, gamma, beta), dtype = as_floats(dy=dy, x=x, optional={"weight": weight, "bias": bias})
    axes, eps = _layer_axes(x_, normalized_shape, gamma, beta, eps)
    has_shape("dy", dy_, x_.shape, like="`x`")
    x_hat, inv_std = standardize(x_, axes, eps)
    dx_hat, dgamma, dbeta = affine_backward(dy_, x_hat, gamma, beta, tuple(range(axes[0])))
    dx = standardize_backward(dx_hat, x_hat, inv_std, axes)
    return result(dx, dtype), optional(dgamma, dtype), optional(dbeta, dtype)


def _layer_axes(
    x: Array, normalized_shape: int | tuple[int, ...], weight: Array | None, bias: Array | None, eps: float
) -> tuple[tuple[int, ...], float]:
    """检查参数，返回归一化的轴与 `eps`。"""
    axes = trailing(x, normalized_shape)
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            has_shape(name, array, x.shape[axes[0] :], like="`normalized_shape`")
    return axes, real("eps", eps, above=0)
