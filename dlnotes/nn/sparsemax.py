r"""sparsemax：到概率单纯形的欧氏投影，能给出恰好为 0 的概率。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, normal_axis, quiet, result


@quiet
def sparsemax(x: ArrayLike, *, axis: int = -1) -> Array:
    r"""概率单纯形上离 `x` 最近的点。

    $$\operatorname{sparsemax}(x)=\arg\min_{p\in\Delta}\lVert p-x\rVert^2,\qquad p_i=\max(x_i-\tau,0)$$

    $\tau$ 使和为 1：从大到小排成 $x_{(1)}\ge x_{(2)}\ge\dots$，支撑集的大小是满足
    $1+k\,x_{(k)}>\sum_{j\le k}x_{(j)}$ 的最大的 $k$，$\tau=(\sum_{j\le k}x_{(j)}-1)/k$。

    Args:
        x: 任意形状，没有 $+\infty$ 与 `nan`，每组至少一个有限的数；$-\infty$ 的概率是 0。
        axis: 类别轴。

    Returns:
        与 `x` 同形，沿 `axis` 的和为 1。

    Raises:
        ValueError: 某一组没有有限的数，含 $+\infty$ 或 `nan`。

    References:
        Martins & Astudillo (2016), From softmax to sparsemax, ICML, arXiv:1602.02068，式 (2)、(3) 与
        Algorithm 1。

    Examples:
        >>> sparsemax([1.0, 0.8, 0.1])
        array([0.6, 0.4, 0. ])
    """
    (values,), dtype = as_floats(x=x)
    return result(_sparsemax(values, normal_axis(axis, values.ndim)), dtype)


@quiet
def sparsemax_backward(dy: ArrayLike, x: ArrayLike, *, axis: int = -1) -> Array:
    r"""`sparsemax` 的反向。

    在支撑集 $S$ 上 $p_i=x_i-\tau$，而 $\tau$ 是 $S$ 里的平均减去常数，所以
    $J=\operatorname{diag}s-ss^\top/\lvert S\rvert$，$s$ 是支撑集的指示向量。它对称，因此
    $\bar x_i=\bar y_i-\operatorname{mean}_{j\in S}\bar y_j$，支撑集之外是 0。

    支撑集改变的地方不可导，这里取 $p_i=0$ 一侧的。

    References:
        Martins & Astudillo (2016), arXiv:1602.02068，§2.5，式 (11)–(13)。

    Examples:
        >>> sparsemax_backward([1.0, 0.0, 5.0], [1.0, 0.8, 0.1])
        array([ 0.5, -0.5,  0. ])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    along = normal_axis(axis, values.ndim)
    support = _sparsemax(values, along) > 0
    inside = np.where(support, upstream, 0)
    count = support.sum(axis=along, keepdims=True, dtype=values.dtype)
    mean = inside.sum(axis=along, keepdims=True) / count
    return result(np.where(support, upstream - mean, 0), dtype)


def _sparsemax(x: Array, axis: int) -> Array:
    if x.size == 0:
        return np.zeros_like(x)
    peak = x.max(axis=axis, keepdims=True)
    if not np.isfinite(peak).all():
        remedy = "请先处理 NaN、无穷大，遮住的位置用 -inf，每组留一个"
        raise ValueError(problem("x", "每组至少一个有限的数，没有 NaN 与 +∞", "不是这样的数组", remedy))
    # 平移不变：减去最大值，大数相加才不丢小数；-∞ 排在末尾，累加到它时支撑集已经定了
    shifted = x - peak
    ordered = -np.sort(-shifted, axis=axis)
    cumulative = ordered.cumsum(axis=axis)
    rank = np.arange(1, x.shape[axis] + 1, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    size = (1 + rank * ordered > cumulative).sum(axis=axis, keepdims=True)
    tau = (np.take_along_axis(cumulative, size - 1, axis=axis) - 1) / size.astype(x.dtype)
    return np.asarray(np.maximum(shifted - tau, 0))
