r"""只除以大小、不减均值的归一化：均方根归一化，跨通道的局部响应归一化。

内部用 float64 计算，再变回输入的类型：float32 的平方在 $10^{19}$ 处就溢出。
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result
from dlnotes.nn._standardize import affine, affine_backward, channels, mean, optional, trailing

__all__ = ["local_response_norm", "local_response_norm_backward", "rms_norm", "rms_norm_backward"]


def rms_norm(
    x: ArrayLike,
    normalized_shape: int | tuple[int, ...],
    weight: ArrayLike | None = None,
    *,
    eps: float | None = None,
) -> Array:
    r"""均方根归一化：对最后几个轴除以均方根，不减均值。

    $$y=\gamma\odot\frac{x}{\sqrt{\frac1D\sum_{d}x_d^2+\varepsilon}}$$

    均值为 0 的输入上就是没有偏置的 `layer_norm`。输出不随输入的缩放而变（$\varepsilon$ 可忽略时），却随平移而
    变。

    Args:
        x: 形状 `(…, *normalized_shape)`，$D$ 是后几个轴的积。
        normalized_shape: 最后几个轴的长度；一个整数表示只有最后一轴。
        weight: $\gamma$，形状 `normalized_shape`；不给就是 1。
        eps: 加在均方上，正数。默认与 PyTorch 相同：计算所用类型的机器精度，float64 是 2.2e-16，float32、
            float16 是 1.2e-7；许多大模型另设 1e-5 或 1e-6。

    Returns:
        与 `x` 同形；全为 0 的一组得 0，有 `nan` 或无穷大的一组：有限的数得 0 或 `nan`，无穷大得 `nan`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `normalized_shape` 不是 `x` 的形状的末尾，`weight` 的形状不对，`eps` 不是正数。

    References:
        Zhang & Sennrich (2019), arXiv:1910.07467，式 (4)（那里没有 $\varepsilon$）。

    Examples:
        >>> rms_norm([[3.0, 4.0]], 2).round(4).tolist()  # 均方根是 √12.5
        [[0.8485, 1.1314]]
    """
    (x_, gamma), dtype = as_floats(x=x, optional={"weight": weight})
    x_hat, _, _ = _rms(x_, normalized_shape, gamma, eps)
    return result(affine(x_hat, gamma, None), dtype)


def rms_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    normalized_shape: int | tuple[int, ...],
    weight: ArrayLike | None = None,
    *,
    eps: float | None = None,
) -> tuple[Array, Array | None]:
    r"""`rms_norm` 的反向。

    记 $s=(\frac1D\sum x_d^2+\varepsilon)^{-1/2}$、$\hat x=sx$、$\delta=\gamma\odot\bar y$。$s$ 也随 $x$ 变，
    $\partial s/\partial x_d=-s^3x_d/D$，所以

    $$\bar x_d=s\,\delta_d+\Bigl(\sum_j\delta_jx_j\Bigr)\frac{\partial s}{\partial x_d}
    =s\Bigl(\delta_d-\hat x_d\,\frac1D\sum_j\delta_j\hat x_j\Bigr),\qquad \bar\gamma=\sum\bar y\odot\hat x .$$

    比 `layer_norm` 少减一个均值，因为输出随平移而变。

    Args:
        dy: 与 `x` 同形。
        x: 同 `rms_norm`。
        normalized_shape: 同 `rms_norm`。
        weight: 同 `rms_norm`。
        eps: 同 `rms_norm`。

    Returns:
        `(dx, dweight)`；没有给 `weight` 时后者是 None。

    Raises:
        TypeError: 同 `rms_norm`。
        ValueError: 同 `rms_norm`，或 `dy` 的形状不对。

    References:
        Zhang & Sennrich (2019), arXiv:1910.07467，式 (4)（前向）。

    Examples:
        >>> dx, _ = rms_norm_backward([[1.0, 0.0]], [[3.0, 4.0]], 2)
        >>> abs(float(dx[0] @ [3.0, 4.0])) < 1e-15  # 缩放不改变输出
        True
    """
    (dy_, x_, gamma), dtype = as_floats(dy=dy, x=x, optional={"weight": weight})
    x_hat, s, axes = _rms(x_, normalized_shape, gamma, eps)
    has_shape("dy", dy_, x_.shape, like="`x`")
    dx_hat, dgamma, _ = affine_backward(dy_, x_hat, gamma, None, tuple(range(axes[0])))
    with np.errstate(invalid="ignore", over="ignore"):
        dx = s * (dx_hat - x_hat * mean(dx_hat * x_hat, axes))
    return result(dx, dtype), optional(dgamma, dtype)


@quiet
def local_response_norm(
    x: ArrayLike,
    size: int,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    average: bool = True,
) -> Array:
    r"""局部响应归一化：每个位置除以相邻 `size` 个通道的平方和的幂。

    $$y_c=\frac{x_c}{s_c^{\,\beta}},\qquad
    s_c=k+a\sum_{j\in W(c)}x_j^2,\qquad W(c)=\{c-\lfloor n/2\rfloor,\ \dots,\ c+\lfloor (n-1)/2\rfloor\},$$

    $n$ 是 `size`，超出边界的通道当作 0。$a$ 有两种约定：PyTorch、Caffe 是 $\alpha/n$（`average=True`，边上也
    除以 $n$）；AlexNet 的论文与 TensorFlow 是 $\alpha$（`average=False`），论文的常数是 $k=2$、$n=5$、
    $\alpha=10^{-4}$、$\beta=0.75$。TensorFlow 的 `depth_radius` 是 $\lfloor n/2\rfloor$。

    Args:
        x: 形状 `(N, C, L)`、`(N, C, H, W)`，`(N, C)` 与更多的轴也行。
        size: $n$，窗口里的通道数；偶数时往前多看一个（论文没有规定，这里与 PyTorch 相同）。
        alpha: $\alpha$，正数。
        beta: $\beta$，正数。
        k: $k$，正数，使 $s_c$ 不会是 0。
        average: $\alpha$ 是否除以 $n$。

    Returns:
        与 `x` 同形；无穷大得 `nan`，它旁边的有限数得 0。

    Raises:
        TypeError: 元素不是实数，`size` 不是整数。
        ValueError: `x` 不到两维，`size` 小于 1，`alpha`、`beta`、`k` 不是正数。

    References:
        Krizhevsky, Sutskever & Hinton (2012), ImageNet Classification with Deep Convolutional Neural
        Networks, NIPS，§3.3。

    Examples:
        >>> x = [[3.0, 4.0]]
        >>> local_response_norm(x, 3, alpha=3, beta=1, k=75).tolist()  # 75 + 3/3·25 = 100
        [[0.03, 0.04]]
        >>> local_response_norm(x, 3, alpha=3, beta=1, k=25, average=False).tolist()  # 25 + 3·25
        [[0.03, 0.04]]
    """
    (x_,), dtype = as_floats(x=x)
    x_, scale, _, beta = _scale(x_, size, alpha, beta, k, average)
    return result(x_ * scale**-beta, dtype)


@quiet
def local_response_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    size: int,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    average: bool = True,
) -> Array:
    r"""`local_response_norm` 的反向。

    $x_j$ 直接进 $y_j$，又经过 $s_c$ 进每个窗口里有它的 $y_c$：

    $$\bar x_j=\bar y_j\,s_j^{-\beta}-2a\beta\,x_j\sum_{c:\,j\in W(c)}\bar y_c\,x_c\,s_c^{-\beta-1}.$$

    窗口求和是线性的，它的伴随是窗口翻转过来的求和：$j\in W(c)$ 即 $c$ 从 $j-\lfloor (n-1)/2\rfloor$ 到
    $j+\lfloor n/2\rfloor$，偶数的 $n$ 与前向的不同。

    Args:
        dy: 与 `x` 同形。
        x: 同 `local_response_norm`。
        size: 同 `local_response_norm`。
        alpha: 同 `local_response_norm`。
        beta: 同 `local_response_norm`。
        k: 同 `local_response_norm`。
        average: 同 `local_response_norm`。

    Returns:
        `dx`，与 `x` 同形。

    Raises:
        TypeError: 同 `local_response_norm`。
        ValueError: 同 `local_response_norm`，或 `dy` 的形状不对。

    References:
        Krizhevsky, Sutskever & Hinton (2012)，§3.3（前向）。

    Examples:
        >>> local_response_norm_backward([[1.0, 0]], [[0.0, 5]], 1, beta=1).tolist()
        [[1.0, 0.0]]
    """
    (dy_, x_), dtype = as_floats(dy=dy, x=x)
    x_, scale, a, beta = _scale(x_, size, alpha, beta, k, average)
    has_shape("dy", dy_, x_.shape, like="`x`")
    spread = _window_sum(dy_ * x_ * scale ** (-beta - 1), (size - 1) // 2, size // 2)
    return result(dy_ * scale**-beta - 2 * a * beta * x_ * spread, dtype)


def _rms(
    x: Array, normalized_shape: int | tuple[int, ...], weight: Array | None, eps: float | None
) -> tuple[Array, Array, tuple[int, ...]]:
    """`x_hat`、均方根的倒数，与归一化的轴。"""
    eps = float(np.finfo(x.dtype).eps) if eps is None else real("eps", eps, above=0)
    axes = trailing(x, normalized_shape)
    if weight is not None:
        has_shape("weight", weight, x.shape[axes[0] :], like="`normalized_shape`")
    x = x.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        inverse = 1 / np.sqrt(mean(x**2, axes) + eps)
        return x * inverse, inverse, axes


def _scale(
    x: Array, size: int, alpha: float, beta: float, k: float, average: bool
) -> tuple[Array, Array, float, float]:
    r"""检查参数，返回 float64 的 `x`、$s$、$a$ 与 $\beta$。"""
    channels(x, least=2)
    n = integer("size", size, minimum=1)
    a, beta, k = (real(f, v, above=0) for f, v in (("alpha", alpha), ("beta", beta), ("k", k)))
    boolean("average", average)
    a = a / real("size", n) if average else a
    x = x.astype(np.float64)
    return x, k + a * _window_sum(x**2, n // 2, (n - 1) // 2), a, beta


def _window_sum(x: Array, before: int, after: int) -> Array:
    """第 1 轴上从 `-before` 到 `+after` 的和；不用前缀和相减，免得相消。"""
    count = x.shape[1]
    if count == 0:
        return x
    before, after = min(before, count), min(after, count)  # 通道之外都是 0
    padded = np.pad(x, [(before, after) if axis == 1 else (0, 0) for axis in range(x.ndim)])
    total: Array = sliding_window_view(padded, before + after + 1, axis=1).sum(axis=-1)
    return total
