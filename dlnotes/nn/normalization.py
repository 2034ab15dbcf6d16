r"""用一个样本自己的统计量归一化：层、实例、组，差别只在均值与方差对哪些轴取。

$$\hat x=\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}},\qquad y=\gamma\hat x+\beta$$

| 形状 `(N, C, H, W)` | 一组统计量取自 | 与批量有关 |
| --- | --- | --- |
| `batch_normalization.batch_norm` | 一个通道的 `N, H, W` | 是，推理时换成滑动估计 |
| `layer_norm` | 一个样本的最后几个轴 | 否 |
| `instance_norm` | 一个样本、一个通道的 `H, W` | 否 |
| `group_norm` | 一个样本、一组通道的 `C/G, H, W` | 否 |

$\sigma^2$ 是有偏的方差（除以个数）。训练与推理相同。一组全相等的数得 0；组里有 `nan` 或无穷大，整组是 `nan`。
统计量与梯度在内部用 float64 计算，再变回输入的类型。
"""

from math import prod

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, real, shown
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._standardize import (
    affine,
    affine_backward,
    channels,
    optional,
    per_channel,
    standardize,
    standardize_backward,
    trailing,
)

__all__ = [
    "group_norm",
    "group_norm_backward",
    "instance_norm",
    "instance_norm_backward",
    "layer_norm",
    "layer_norm_backward",
]

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


def group_norm(
    x: ArrayLike,
    num_groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> Array:
    r"""组归一化：通道分成 $G$ 组，每个样本的每一组自己的均值与方差。

    第 $c$ 个通道在第 $\lfloor cG/C\rfloor$ 组，一组有 $m=(C/G)\,H\,W$ 个数；$\gamma$、$\beta$ 逐通道。

    $$y_{nc\cdot}=\gamma_c\frac{x_{nc\cdot}-\mu_{ng}}{\sqrt{\sigma_{ng}^2+\varepsilon}}+\beta_c$$

    $G=C$ 就是 `instance_norm`；$G=1$ 是对 `(C, H, W)` 的 `layer_norm`（仿射仍逐通道）。

    Args:
        x: 形状 `(N, C)`、`(N, C, L)`、`(N, C, H, W)`，更多的轴也行。
        num_groups: $G$，整除 `C`。
        weight: $\gamma$，形状 `(C,)`；不给就是 1。
        bias: $\beta$，形状 `(C,)`；不给就是 0。
        eps: 加在方差上，正数。

    Returns:
        与 `x` 同形；一组只有一个数时 $\hat x=0$。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `num_groups` 不整除 `C`，形状不对，`eps` 不是正数。

    References:
        Wu & He (2018), arXiv:1803.08494，§3.1，式 (1)、(7)。

    Examples:
        >>> group_norm([[1.0, 3, 10, 30]], 2).round(4).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """
    (x_, gamma, beta), dtype = as_floats(x=x, optional={"weight": weight, "bias": bias})
    grouped, axes, eps = _groups(x_, num_groups, eps)
    gamma, beta = per_channel("weight", gamma, x_), per_channel("bias", beta, x_)
    x_hat, _ = standardize(grouped, axes, eps)
    return result(affine(x_hat.reshape(x_.shape), gamma, beta), dtype)


def group_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    num_groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    r"""`group_norm` 的反向。

    对 $x$ 的推导与 `batch_norm_backward` 相同，$m=(C/G)HW$，但 $\delta=\gamma_c\bar y$ 里的 $\gamma_c$ 在一组
    之内随通道变，不能提到求和号外：

    $$\bar x=s\Bigl(\delta-\frac1m\sum\delta-\hat x\,\frac1m\sum\delta\hat x\Bigr),\qquad
    \bar\gamma_c=\sum_{n,h,w}\bar y\hat x,\qquad \bar\beta_c=\sum_{n,h,w}\bar y .$$

    Args:
        dy: 与 `x` 同形。
        x: 同 `group_norm`。
        num_groups: 同 `group_norm`。
        weight: 同 `group_norm`。
        bias: 同 `group_norm`。
        eps: 同 `group_norm`。

    Returns:
        `(dx, dweight, dbias)`；没有给的是 None。

    Raises:
        TypeError: 同 `group_norm`。
        ValueError: 同 `group_norm`，或 `dy` 的形状不对。

    References:
        Wu & He (2018), arXiv:1803.08494，§3.1（前向）。

    Examples:
        >>> dx, _, dbias = group_norm_backward([[1.0, 0, 0, 0]], [[1.0, 3, 10, 30]], 2, None, [0.0] * 4)
        >>> dx[0, 2:].tolist(), dbias.tolist()  # 别的组没有梯度
        ([0.0, 0.0], [1.0, 0.0, 0.0, 0.0])
    """
    (dy_, x_, gamma, beta), dtype = as_floats(dy=dy, x=x, optional={"weight": weight, "bias": bias})
    grouped, axes, eps = _groups(x_, num_groups, eps)
    has_shape("dy", dy_, x_.shape, like="`x`")
    gamma, beta = per_channel("weight", gamma, x_), per_channel("bias", beta, x_)
    x_hat, inv_std = standardize(grouped, axes, eps)
    batch = (0, *range(2, x_.ndim))
    dx_hat, dgamma, dbeta = affine_backward(dy_, x_hat.reshape(x_.shape), gamma, beta, batch)
    dx = standardize_backward(dx_hat.reshape(grouped.shape), x_hat, inv_std, axes)
    return result(dx.reshape(x_.shape), dtype), optional(dgamma, dtype), optional(dbeta, dtype)


def instance_norm(
    x: ArrayLike, weight: ArrayLike | None = None, bias: ArrayLike | None = None, *, eps: float = 1e-5
) -> Array:
    r"""实例归一化：每个样本、每个通道自己的均值与方差，对其余的轴取。

    $$y_{nchw}=\gamma_c\frac{x_{nchw}-\mu_{nc}}{\sqrt{\sigma_{nc}^2+\varepsilon}}+\beta_c,\qquad
    \mu_{nc}=\frac1{HW}\sum_{h,w}x_{nchw}$$

    就是 $G=C$ 的 `group_norm`。训练与推理相同：不记滑动估计（PyTorch 默认也不记）。

    Args:
        x: 形状 `(N, C, L)`、`(N, C, H, W)`，更多的轴也行。
        weight: $\gamma$，形状 `(C,)`；不给就是 1。
        bias: $\beta$，形状 `(C,)`；不给就是 0。
        eps: 加在方差上，正数。

    Returns:
        与 `x` 同形；每个通道只有一个数时 $\hat x=0$（PyTorch 报错）。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `x` 不到三维，形状不对，`eps` 不是正数。

    References:
        Ulyanov, Vedaldi & Lempitsky (2016), arXiv:1607.08022，§2。

    Examples:
        >>> instance_norm([[[1.0, 3], [10, 30]]]).round(4).tolist()
        [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    (x_,), _ = as_floats(x=x)
    return group_norm(x, max(channels(x_, least=3), 1), weight, bias, eps=eps)


def instance_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    r"""`instance_norm` 的反向，即 $G=C$ 的 `group_norm_backward`。

    $$
    \bar x=\gamma_c s\Bigl(\bar y-\frac1{HW}\sum_{h,w}\bar y-\hat x\,\frac1{HW}\sum_{h,w}\bar y\hat x\Bigr)
    $$

    Args:
        dy: 与 `x` 同形。
        x: 同 `instance_norm`。
        weight: 同 `instance_norm`。
        bias: 同 `instance_norm`。
        eps: 同 `instance_norm`。

    Returns:
        `(dx, dweight, dbias)`；没有给的是 None。

    Raises:
        TypeError: 同 `instance_norm`。
        ValueError: 同 `instance_norm`，或 `dy` 的形状不对。

    References:
        Ulyanov, Vedaldi & Lempitsky (2016), arXiv:1607.08022，§2（前向）。

    Examples:
        >>> dx, _, _ = instance_norm_backward([[[1.0, 0, 0]]], [[[1.0, 2, 4]]])
        >>> abs(float(dx.sum())) < 1e-15
        True
    """
    (x_,), _ = as_floats(x=x)
    return group_norm_backward(dy, x, max(channels(x_, least=3), 1), weight, bias, eps=eps)


def _layer_axes(
    x: Array, normalized_shape: int | tuple[int, ...], weight: Array | None, bias: Array | None, eps: float
) -> tuple[tuple[int, ...], float]:
    """检查参数，返回归一化的轴与 `eps`。"""
    axes = trailing(x, normalized_shape)
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            has_shape(name, array, x.shape[axes[0] :], like="`normalized_shape`")
    return axes, real("eps", eps, above=0)


def _groups(x: Array, num_groups: int, eps: float) -> tuple[Array, tuple[int, ...], float]:
    """变成 `(N, G, C / G, …)`，连同一组的轴与 `eps`。"""
    count, groups = channels(x, least=2), integer("num_groups", num_groups, minimum=1)
    if count % groups:
        raise ValueError(
            problem("num_groups", f"{count} 的因数（通道数）", shown(groups), "请让每组的通道一样多")
        )
    grouped = x.reshape(x.shape[0], groups, count // groups, *x.shape[2:])
    return grouped, tuple(range(2, grouped.ndim)), real("eps", eps, above=0)
