r"""softmax、它的对数、归一化常数的对数：都先减去最大值，所以不会溢出。

一组（沿 `axis` 的一行）全是 $-\infty$ 时，没有可选的类别：`softmax` 得全 0，`log_softmax` 与 `logsumexp` 得
$-\infty$，梯度得 0，都不是 `nan`（被整行遮住的注意力就是这样）。含 $+\infty$ 的组没有极限，`softmax` 与
`log_softmax` 得 `nan`，`logsumexp` 得 $+\infty$。含 `nan` 的组得 `nan`。

`x` 形状任意，至少一维；`dy` 与输出同形。轴不存在、温度不是正数抛 `ValueError`，元素不是实数、
温度不是一个数抛 `TypeError`。溢出得 ∞，不警告；概率是 0 的地方，`softmax` 与 `logsumexp` 的 `dy`
是无穷大也没有影响。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, normal_axis, quiet, result, scaled


@quiet
def softmax(x: ArrayLike, *, axis: int = -1, temperature: float = 1.0) -> Array:
    r"""把一组实数变成概率。

    $$p_i=\frac{e^{x_i/T}}{\sum_j e^{x_j/T}}$$

    加一个常数不改变结果，所以先减最大值：指数都不大于 1，分母不小于 1。$T$ 越小越接近 one-hot，越大越均匀。

    Args:
        x: 任意形状。
        axis: 沿哪一轴归一化。
        temperature: 温度 $T$，正数。

    Returns:
        与 `x` 同形，沿 `axis` 的和为 1（全是 $-\infty$ 的组为 0）。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §4.1（溢出）与 §6.2.2.3；温度见
        Hinton, Vinyals & Dean (2015), arXiv:1503.02531，式 (1)。

    Examples:
        >>> softmax([1000.0, 1000.0, -np.inf])
        array([0.5, 0.5, 0. ])
        >>> softmax([-np.inf, -np.inf])
        array([0., 0.])
    """
    (values,), dtype = as_floats(x=x)
    return result(_softmax(values, normal_axis(axis, values.ndim), temperature), dtype)


@quiet
def softmax_backward(dy: ArrayLike, x: ArrayLike, *, axis: int = -1, temperature: float = 1.0) -> Array:
    r"""`softmax` 的反向。

    雅可比矩阵 $J=\frac1T(\operatorname{diag}p-pp^\top)$ 对称，所以

    $$\bar x=J^\top\bar y=\tfrac1T\,p\odot(\bar y-\langle p,\bar y\rangle)$$

    Examples:
        >>> softmax_backward([1.0, 0.0], [0.0, 0.0])
        array([ 0.25, -0.25])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    along = normal_axis(axis, values.ndim)
    p = _softmax(values, along, temperature)
    centred = upstream - scaled(p, upstream).sum(axis=along, keepdims=True)
    return result(scaled(p, centred) / temperature, dtype)


@quiet
def softmax_jacobian(x: ArrayLike, *, temperature: float = 1.0) -> Array:
    r"""`softmax` 的雅可比矩阵，沿最后一轴。

    $$\frac{\partial p_i}{\partial x_j}=\frac1T\,p_i(\delta_{ij}-p_j)$$

    对称、半正定，每行的和是 0（平移不变）。只为看清楚：反向用不着写出它。

    Args:
        x: 形状 `(..., K)`。
        temperature: 温度 $T$，正数。

    Returns:
        形状 `(..., K, K)`。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*，式 (4.106)。

    Examples:
        >>> softmax_jacobian([0.0, 0.0])
        array([[ 0.25, -0.25],
               [-0.25,  0.25]])
    """
    (values,), dtype = as_floats(x=x)
    if values.ndim == 0:
        raise ValueError(problem("x", "形状 (..., K) 的数组", "一个数", "雅可比矩阵要有一轴"))
    p = _softmax(values, values.ndim - 1, temperature)
    eye = np.eye(p.shape[-1], dtype=p.dtype)
    return result(p[..., :, None] * (eye - p[..., None, :]) / temperature, dtype)


@quiet
def log_softmax(x: ArrayLike, *, axis: int = -1) -> Array:
    r"""softmax 的对数：$x_i-\log\sum_je^{x_j}$。

    不能先算 softmax 再取对数：概率下溢成 0，对数就成了 $-\infty$。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.2.2.3，式 (6.30)。

    Examples:
        >>> log_softmax([0.0, -800.0])
        array([   0., -800.])
    """
    (values,), dtype = as_floats(x=x)
    return result(_log_softmax(values, normal_axis(axis, values.ndim)), dtype)


@quiet
def log_softmax_backward(dy: ArrayLike, x: ArrayLike, *, axis: int = -1) -> Array:
    r"""`log_softmax` 的反向。

    $J=I-\mathbf 1p^\top$，转置是 $I-p\mathbf 1^\top$，所以 $\bar x=\bar y-p\sum_j\bar y_j$。

    Examples:
        >>> log_softmax_backward([1.0, 0.0], [0.0, 0.0])
        array([ 0.5, -0.5])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    along = normal_axis(axis, values.ndim)
    dx = upstream - scaled(_softmax(values, along), upstream.sum(axis=along, keepdims=True))
    empty = np.isneginf(_peak(values, along))
    return result(np.where(empty, 0, dx), dtype)


@quiet
def logsumexp(x: ArrayLike, *, axis: int = -1, keepdims: bool = False) -> Array:
    r"""指数之和的对数：最大值的光滑上界。

    $$\log\sum_je^{x_j}=m+\log\sum_je^{x_j-m},\qquad m=\max_jx_j$$

    在 $m$ 与 $m+\log K$ 之间；空的组是 $-\infty$。

    Args:
        x: 任意形状。
        axis: 沿哪一轴求和。
        keepdims: 是否留下长度为 1 的轴。

    References:
        Blanchard, Higham & Higham (2021), Accurately computing the log-sum-exp and softmax functions,
        IMA J. Numer. Anal. 41，式 (1.1) 与 (1.3)。

    Examples:
        >>> float(logsumexp([1000.0, 1000.0]).round(4)), bool(np.isneginf(logsumexp([-np.inf])))
        (1000.6931, True)
    """
    boolean("keepdims", keepdims)
    (values,), dtype = as_floats(x=x)
    total = _logsumexp(values, normal_axis(axis, values.ndim))
    return result(total if keepdims else total.squeeze(axis=axis), dtype)


@quiet
def logsumexp_backward(dy: ArrayLike, x: ArrayLike, *, axis: int = -1, keepdims: bool = False) -> Array:
    r"""`logsumexp` 的反向：它的梯度就是 softmax，所以 $\bar x=\bar y\,p$。

    Examples:
        >>> logsumexp_backward(1.0, [0.0, 0.0])
        array([0.5, 0.5])
    """
    boolean("keepdims", keepdims)
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    along = normal_axis(axis, values.ndim)
    kept = tuple(1 if index == along else size for index, size in enumerate(values.shape))
    shape = kept if keepdims else kept[:along] + kept[along + 1 :]
    has_shape("dy", upstream, shape, like="输出")
    return result(scaled(_softmax(values, along), upstream.reshape(kept)), dtype)


def _peak(x: Array, axis: int) -> Array:
    return np.asarray(x.max(axis=axis, keepdims=True, initial=-np.inf))


def _shifted(x: Array, axis: int) -> Array:
    """减去最大值；全是 -∞ 的组不减（-∞ 减 -∞ 是 `nan`），含 +∞ 的组得 `nan`。"""
    peak = _peak(x, axis)
    return np.asarray(x - np.where(np.isneginf(peak), 0, peak))


def _softmax(x: Array, axis: int, temperature: float = 1.0) -> Array:
    real("temperature", temperature, above=0)
    weights = np.exp(_shifted(x, axis) / temperature)  # 差除以很小的温度可以到 -∞，指数正好是 0
    total = weights.sum(axis=axis, keepdims=True)
    return np.asarray(weights / np.where(total == 0, 1, total))  # 只有全是 -∞ 的组，分母才是 0


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = _shifted(x, axis)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.where(total == 0, 1, total)))


def _logsumexp(x: Array, axis: int) -> Array:
    peak = _peak(x, axis)
    total = np.exp(_shifted(x, axis)).sum(axis=axis, keepdims=True)
    # 峰值是 ±∞ 时它就是答案；NaN 由 `peak` 传下去
    return np.where(np.isfinite(peak), peak + np.log(total), peak)
