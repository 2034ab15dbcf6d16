r"""层归一化：一个样本（一个位置）自己的均值与方差，对最后几个轴取。

与批、组、实例归一化的比较见 [`group_normalization`][dlnotes.nn.group_normalization]。$\sigma^2$ 是有偏的方差
（除以个数），训练与推理相同。一组全相等的数得 0；组里有 `nan` 或无穷大，整组是 `nan`。

统计量与梯度在内部用 float64 计算，再变回输入的类型；只有 float32 的前向先用 float32 算，快几倍，信不过的组再
用 float64 重算。
"""

from math import gcd, prod

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

BLOCK = 1 << 18  # `layer_norm` 一次算这么多个数：中间结果都留在缓存里
CLOSE = 2.0**-22  # 均值的误差不许超过标准差的这么多倍：float32 的两个 ε


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
        与 `x` 同形；$D=1$ 时 $\hat x=0$。float32 的误差在
        $5\epsilon\,\bigl(|\gamma|(1+|\hat x|)+|\beta|\bigr)$ 之内，$\epsilon=2^{-23}$；
        $\gamma\hat x$ 超出 float32 就得无穷大，即使加上 $\beta$ 之后不超出。

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
    y, step = np.empty(rows.shape, rows.dtype), max(1, BLOCK // max(1, size))
    # 铺成一整块：numpy 逐行广播，比同样大的两个数组相乘慢一倍。
    tall = (min(step, len(rows)), 1)
    gamma, beta = (None if array is None else np.tile(array.reshape(size), tall) for array in (gamma, beta))
    normalize = _in_float32 if dtype == np.float32 and _piece(size) else _in_float64
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        normalize(y[some], rows[some], gamma, beta, eps)
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


def _in_float64(y: Array, x: Array, weight: Array | None, bias: Array | None, eps: float) -> None:
    """写进 `y`；`weight`、`bias` 至少与 `y` 一样高，各行相同。"""
    weight, bias = (None if array is None else array[: len(y)] for array in (weight, bias))
    y[:] = result(affine(standardize(x, (1,), eps)[0], weight, bias), y.dtype)


def _in_float32(y: Array, x: Array, weight: Array | None, bias: Array | None, eps: float) -> None:
    """与 `_in_float64` 相同，但先用 float32，信不过的行再用 float64 重算。

    算出的均值 m 可以有误差：x - m 每个数只差半个 ulp，减完再求一次均值，剩下的就是 m 差的。它比标准差小得多，
    结果就准；全相等的一行剩下的等于标准差，一定重算，恰好得 `bias`。平方溢出、下溢的行，有 nan 的行也重算。
    """
    size, piece = x.shape[1], _piece(x.shape[1])
    ones = np.ones(size, x.dtype)  # 与它相乘是 BLAS 的求和
    with np.errstate(all="ignore"):
        np.subtract(x, (x @ ones / size)[:, np.newaxis], out=y)
        pieces = y.reshape(-1, piece)
        sums = (pieces @ ones[:piece], np.vecdot(pieces, pieces))
        left, variance = (part.reshape(len(y), -1).mean(1, np.float64) / piece for part in sums)
        total = variance + eps
        sure = (np.abs(left) <= CLOSE * np.sqrt(variance)) & (total > 1e-37) & (total < 1e37)
        y *= (1 / np.sqrt(total)).astype(y.dtype)[:, np.newaxis]
        if weight is not None:
            y *= weight[: len(y)]
        if bias is not None:
            y += bias[: len(y)]
    if not sure.all():
        again = np.empty((np.count_nonzero(~sure), size), y.dtype)
        _in_float64(again, x[~sure], weight, bias, eps)
        y[~sure] = again


def _piece(size: int) -> int:
    """一次加多少个：float32 加得太长就不准，所以分成等长的段，段与段之间用 float64 加；分不成时是 0。"""
    piece = size if size <= 512 else gcd(size, 256)
    return piece if piece == size or piece >= 64 else 0


def _layer_axes(
    x: Array, normalized_shape: int | tuple[int, ...], weight: Array | None, bias: Array | None, eps: float
) -> tuple[tuple[int, ...], float]:
    """检查参数，返回归一化的轴与 `eps`。"""
    axes = trailing(x, normalized_shape)
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            has_shape(name, array, x.shape[axes[0] :], like="`normalized_shape`")
    return axes, real("eps", eps, above=0)
