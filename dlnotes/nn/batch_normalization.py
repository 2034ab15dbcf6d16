r"""批归一化：训练用这一批的统计量，推理用滑动估计。

一个通道的 `N, H, W` 是一组。变换是仿射的：均值变成 0，方差变成 $\sigma^2/(\sigma^2+\varepsilon)$，分布的形状
（偏度、峰度）不变，不会变成正态，也不限制范围（只有 $\lvert\hat x\rvert\le\sqrt{m-1}$）。统计量与梯度在内部用
float64 计算，再变回输入的类型；一组里有 `nan` 或无穷大，整组是 `nan`。
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result
from dlnotes.nn._standardize import (
    affine,
    affine_backward,
    channels,
    optional,
    per_channel,
    standardize,
    standardize_backward,
)

__all__ = ["BatchNorm", "batch_norm", "batch_norm_backward"]


class BatchNorm(NamedTuple):
    """`batch_norm` 的结果。

    Attributes:
        y: 输出，与 `x` 同形。
        running_mean: 新的滑动均值 `(C,)`；没有给旧的就是 None。
        running_var: 新的滑动方差 `(C,)`，无偏；没有给旧的就是 None。
    """

    y: Array
    running_mean: Array | None
    running_var: Array | None


@quiet
def batch_norm(
    x: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> BatchNorm:
    r"""批归一化：训练用这一批的统计量，推理用滑动估计。

    $$
    y=\gamma\frac{x-\mu}{\sqrt{\sigma^2+\varepsilon}}+\beta,\qquad
    \mu=\frac1m\sum_i x_i,\qquad \sigma^2=\frac1m\sum_i(x_i-\mu)^2,
    $$

    $m=N\cdot L$ 或 $N\cdot H\cdot W$，每个通道一组。训练时归一化用**有偏**的 $\sigma^2$，滑动估计记的却是
    **无偏**的，

    $$
    \mu_{\text{run}}\leftarrow(1-\text{momentum})\,\mu_{\text{run}}+\text{momentum}\cdot\mu,\qquad
    \sigma^2_{\text{run}}\leftarrow(1-\text{momentum})\,\sigma^2_{\text{run}}
    +\text{momentum}\cdot\tfrac{m}{m-1}\sigma^2,
    $$

    与 PyTorch 相同（TensorFlow、Keras 的 `momentum` 是这里的 `1 - momentum`）。推理时 $\mu,\sigma^2$ 就是给的
    滑动估计，输出是每个数各自的仿射变换，与同批的别的样本无关。取 $\gamma=\sqrt{\sigma^2+\varepsilon}$、
    $\beta=\mu$ 时输出就是输入。

    Args:
        x: 形状 `(N, C)`、`(N, C, L)`、`(N, C, H, W)`，更多的轴也行。
        running_mean: 形状 `(C,)`；推理时必须给。
        running_var: 形状 `(C,)`，同上。
        weight: $\gamma$，形状 `(C,)`；不给就是 1。
        bias: $\beta$，形状 `(C,)`；不给就是 0。
        training: 用这一批的统计量，并更新滑动估计。
        momentum: 新的统计量占的份额，在 0 与 1 之间。
        eps: 加在方差上（在根号里），正数。

    Returns:
        `BatchNorm(y, running_mean, running_var)`：滑动估计是新的数组，给的那两个不变；推理时与给的
            相等。

    Raises:
        TypeError: 元素不是实数，`training` 不是布尔。
        ValueError: 形状不对，`eps`、`momentum` 超出范围，`running_var` 里有负数；训练时每个通道不足两个数
            （方差没有意义），或两个滑动估计只给了一个；推理时没有给。

    References:
        Ioffe & Szegedy (2015), arXiv:1502.03167，算法 1（训练）、算法 2（推理，无偏的方差）。

    Examples:
        >>> y, mean, var = batch_norm([[1.0], [3.0]], [0.0], [1.0], training=True, eps=1e-12)
        >>> y.round(6).ravel().tolist(), mean.round(6).tolist(), var.round(6).tolist()
        ([-1.0, 1.0], [0.2], [1.1])
    """
    (x_, mean, var, gamma, beta), dtype = as_floats(
        x=x,
        optional={"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias},
    )
    axes, momentum, eps = _options(x_, mean, var, training, momentum, eps)
    gamma, beta = per_channel("weight", gamma, x_), per_channel("bias", beta, x_)
    if not training:
        x_hat, _ = _running(x_, mean, var, eps)
        return BatchNorm(
            result(affine(x_hat, gamma, beta), dtype), optional(mean, dtype), optional(var, dtype)
        )
    x_hat, _ = standardize(x_, axes, eps)
    y = result(affine(x_hat, gamma, beta), dtype)
    if mean is None:
        return BatchNorm(y, None, None)
    wide = x_.astype(np.float64)
    new_mean = (1 - momentum) * mean + momentum * wide.mean(axes)
    new_var = (1 - momentum) * var + momentum * wide.var(axes, ddof=1)
    return BatchNorm(y, result(new_mean, dtype), result(new_var, dtype))


@quiet
def batch_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Array | None, Array | None]:
    r"""`batch_norm` 的反向；训练时梯度也经过均值与方差。

    记 $s=1/\sqrt{\sigma^2+\varepsilon}$、$\hat x_i=(x_i-\mu)s$、$\delta_i=\gamma\,\bar y_i$，其中
    $\bar y=\partial L/\partial y$。$x_i$ 有三条路到 $L$：

    $$
    \begin{aligned}
    \frac{\partial L}{\partial\sigma^2}&=\sum_j\delta_j(x_j-\mu)\cdot\bigl(-\tfrac12 s^3\bigr)
    =-\tfrac12 s^2\sum_j\delta_j\hat x_j,\\
    \frac{\partial L}{\partial\mu}&=-s\sum_j\delta_j
    +\frac{\partial L}{\partial\sigma^2}\cdot\underbrace{\tfrac{-2}{m}\textstyle\sum_j(x_j-\mu)}_{0},\\
    \bar x_i&=s\,\delta_i+\frac{\partial L}{\partial\sigma^2}\cdot\frac{2(x_i-\mu)}{m}
    +\frac{\partial L}{\partial\mu}\cdot\frac1m .
    \end{aligned}
    $$

    代入前两行，$(x_i-\mu)=\hat x_i/s$，得紧凑的形式

    $$
    \bar x_i=s\Bigl(\delta_i-\frac1m\sum_j\delta_j-\hat x_i\,\frac1m\sum_j\delta_j\hat x_j\Bigr),\qquad
    \bar\gamma=\sum_j\bar y_j\hat x_j,\qquad \bar\beta=\sum_j\bar y_j .
    $$

    $\varepsilon>0$ 时也精确。括号里从 $\delta$ 减去它在全 1 方向的分量，再减去 $\hat x$ 方向的
    （$\varepsilon\to0$ 时正好是投影）：输出不随输入的平移、缩放而变，梯度就与这两个方向正交。推理时统计量是常
    数，只剩 $\bar x_i=s\,\delta_i$。

    Args:
        dy: 与 `x` 同形。
        x: 同 `batch_norm`。
        running_mean: 同 `batch_norm`。
        running_var: 同 `batch_norm`。
        weight: 同 `batch_norm`。
        bias: 同 `batch_norm`。
        training: 同 `batch_norm`。
        momentum: 同 `batch_norm`；不影响梯度。
        eps: 同 `batch_norm`。

    Returns:
        `(dx, dweight, dbias)`；滑动估计是缓冲区，不是参数，没有梯度（PyTorch 也不求）。

    Raises:
        TypeError: 同 `batch_norm`。
        ValueError: 同 `batch_norm`，或 `dy` 的形状不对。

    References:
        Ioffe & Szegedy (2015), arXiv:1502.03167，§3 的六个式子；那里没有消去等于 0 的一项。

    Examples:
        >>> dx, _, _ = batch_norm_backward([[1.0], [0], [0]], [[1.0], [2], [4]], training=True)
        >>> abs(float(dx.sum())) < 1e-15  # 整体平移不改变输出
        True
    """
    (dy_, x_, mean, var, gamma, beta), dtype = as_floats(
        dy=dy,
        x=x,
        optional={"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias},
    )
    axes, momentum, eps = _options(x_, mean, var, training, momentum, eps)
    has_shape("dy", dy_, x_.shape, like="`x`")
    gamma, beta = per_channel("weight", gamma, x_), per_channel("bias", beta, x_)
    x_hat, inv_std = standardize(x_, axes, eps) if training else _running(x_, mean, var, eps)
    dx_hat, dgamma, dbeta = affine_backward(dy_, x_hat, gamma, beta, axes)
    dx = standardize_backward(dx_hat, x_hat, inv_std, axes) if training else inv_std * dx_hat
    return result(dx, dtype), optional(dgamma, dtype), optional(dbeta, dtype)


def _options(
    x: Array, mean: Array | None, var: Array | None, training: bool, momentum: float, eps: float
) -> tuple[tuple[int, ...], float, float]:
    """检查参数，返回通道之外的轴、`momentum` 与 `eps`。"""
    channels(x, least=2)
    boolean("training", training)
    for name, array in (("running_mean", mean), ("running_var", var)):
        if array is not None:
            has_shape(name, array, (x.shape[1],), like="每个通道一个数")
        elif not training or mean is not var:
            remedy = "推理要用滑动估计；训练时两个一起给或都不给"
            raise ValueError(problem(name, "形状 (C,) 的数组", "None", remedy))
    count = x.size // x.shape[1] if x.shape[1] else 2
    if training and count < 2:
        got = f"形状 {x.shape}，每个通道 {count} 个"
        raise ValueError(problem("x", "每个通道至少两个数", got, "训练时一个数没有方差，请加大批量"))
    if var is not None and (var < 0).any():
        raise ValueError(problem("running_var", "不小于 0 的方差", f"{np.nanmin(var):g}", "请检查它从哪里来"))
    share = real("momentum", momentum, minimum=0, maximum=1)
    return (0, *range(2, x.ndim)), share, real("eps", eps, above=0)


def _running(x: Array, mean: Array, var: Array, eps: float) -> tuple[Array, Array]:
    """推理：统计量是给定的常数。"""
    shape = (1, -1, *(1,) * (x.ndim - 2))
    inv_std = 1 / np.sqrt(var.astype(np.float64) + eps).reshape(shape)
    return (x - mean.astype(np.float64).reshape(shape)) * inv_std, inv_std
