r"""Gumbel-softmax：让「按概率抽一类」也能求导。"""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from dlnotes._check import boolean, real
from dlnotes.nn._arrays import Array, as_floats, generator, has_shape, normal_axis, quiet, result, sizes
from dlnotes.nn.softmax import softmax, softmax_backward


def gumbel_noise(shape: int | tuple[int, ...], rng: Generator) -> Array:
    r"""标准 Gumbel 分布的随机数：$g=-\log(-\log u)$，$u$ 均匀分布。

    $-\log u$ 是标准指数分布，直接抽它就不会遇到 $u=0$。均值是欧拉常数 0.5772…，方差是 $\pi^2/6$。

    References:
        Gumbel (1954), *Statistical Theory of Extreme Values and Some Practical Applications*。

    Examples:
        >>> gumbel_noise((2, 3), np.random.default_rng(0)).shape
        (2, 3)
    """
    generator("rng", rng)
    # 指数分布的随机数在 2⁻⁵³ 的机会下恰为 0，那时取最小的正数
    return -np.log(np.maximum(rng.standard_exponential(sizes("shape", shape)), np.finfo(np.float64).tiny))


@quiet
def gumbel_softmax(
    x: ArrayLike, noise: ArrayLike, *, tau: float = 1.0, hard: bool = False, axis: int = -1
) -> Array:
    r"""加上 Gumbel 噪声再做 softmax：抽样的光滑近似。

    $$y=\operatorname{softmax}\bigl((x+g)/\tau\bigr)$$

    $\arg\max_i(x_i+g_i)$ 恰好按 $\operatorname{softmax}(x)$ 抽出一类（Gumbel-max）；$\tau\to0$ 时 $y$
    趋于它的 one-hot。`hard=True` 时输出就是那个 one-hot，反向却仍用光滑的 $y$（直通估计，有偏）。

    Args:
        x: 未归一化的对数概率，任意形状。
        noise: 噪声 $g$，与 `x` 同形，来自 `gumbel_noise`；前向与反向要用同一份。不是参数，不求梯度。
        tau: 温度 $\tau$，正数。
        hard: 是否取 one-hot；并列时取下标小的。
        axis: 类别轴。

    References:
        Jang, Gu & Poole (2017), ICLR, arXiv:1611.01144，§2 式 (1)、(2)，§2.2（直通）。

    Examples:
        >>> noise = gumbel_noise(3, np.random.default_rng(0))
        >>> gumbel_softmax([0.0, 1.0, 9.0], noise, hard=True)
        array([0., 0., 1.])
    """
    boolean("hard", hard)
    real("tau", tau, above=0)
    (values, added), dtype = as_floats(x=x, noise=noise)
    has_shape("noise", added, values.shape, like="`x`")
    along = normal_axis(axis, values.ndim)
    soft = softmax(values + added, axis=along, temperature=tau)
    if not hard:
        return result(soft, dtype)
    one_hot = np.zeros_like(soft)
    np.put_along_axis(one_hot, soft.argmax(axis=along, keepdims=True), 1, axis=along)
    total = soft.sum(axis=along, keepdims=True)  # `nan` 传下去；全是 -∞ 的一组没有类别，与 softmax 相同
    one_hot = np.where(np.isnan(total), total, one_hot * (total > 0))
    return result(one_hot, dtype)


@quiet
def gumbel_softmax_backward(
    dy: ArrayLike, x: ArrayLike, noise: ArrayLike, *, tau: float = 1.0, hard: bool = False, axis: int = -1
) -> Array:
    r"""`gumbel_softmax` 的反向：对 `x` 的梯度，就是 `softmax` 在 $x+g$、温度 $\tau$ 处的反向。

    `hard` 不影响它：直通估计把取 one-hot 这一步的导数当作恒等，所以有限差分与它不符，是有意的。

    Examples:
        >>> gumbel_softmax_backward([1.0, 0.0], [0.0, 0.0], [0.5, 0.5], hard=True)
        array([ 0.25, -0.25])
    """
    boolean("hard", hard)
    real("tau", tau, above=0)
    (upstream, values, added), dtype = as_floats(dy=dy, x=x, noise=noise)
    has_shape("noise", added, values.shape, like="`x`")
    return result(softmax_backward(upstream, values + added, axis=axis, temperature=tau), dtype)
