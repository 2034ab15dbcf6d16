r"""组归一化与实例归一化：一个样本自己的统计量，对一组通道、一个通道取。

$$\hat x=\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}},\qquad y=\gamma\hat x+\beta$$

| 形状 `(N, C, H, W)` | 一组统计量取自 | 与批量有关 |
| --- | --- | --- |
| `batch_normalization.batch_norm` | 一个通道的 `N, H, W` | 是，推理时换成滑动估计 |
| `layer_normalization.layer_norm` | 一个样本的最后几个轴 | 否 |
| `instance_norm` | 一个样本、一个通道的 `H, W` | 否 |
| `group_norm` | 一个样本、一组通道的 `C/G, H, W` | 否 |

$\sigma^2$ 是有偏的方差（除以个数）。训练与推理相同。一组全相等的数得 0；组里有 `nan` 或无穷大，整组是 `nan`。
统计量与梯度在内部用 float64 计算，再变回输入的类型。
"""

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
)

__all__ = ["group_norm", "group_norm_backward", "instance_norm", "instance_norm_backward"]


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


def _groups(x: Array, num_groups: int, eps: float) -> tuple[Array, tuple[int, ...], float]:
    """变成 `(N, G, C / G, …)`，连同一组的轴与 `eps`。"""
    count, groups = channels(x, least=2), integer("num_groups", num_groups, minimum=1)
    if count % groups:
        raise ValueError(
            problem("num_groups", f"{count} 的因数（通道数）", shown(groups), "请让每组的通道一样多")
        )
    grouped = x.reshape(x.shape[0], groups, count // groups, *x.shape[2:])
    return grouped, tuple(range(2, grouped.ndim)), real("eps", eps, above=0)
