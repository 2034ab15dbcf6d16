r"""信息论：熵、交叉熵、KL 散度、JS 散度。

概率沿 `axis` 排，非负，和为 1：与 1 相差不超过 1e-6（float32 是 1e-5，float16 是 1e-2），先除以和把这点误差
去掉；差得更多抛 `ValueError`，不代你归一化。约定 $0\log0=0$；$p_i>0$ 而 $q_i=0$ 时交叉熵与 KL 散度是 `inf`，
没有警告。单位由对数的底 `base` 定：默认 $e$ 是 nat，2 是 bit。类型不变：float32 进，float32 出。

References:
    Cover & Thomas (2006), *Elements of Information Theory*, §2.1–§2.3；Goodfellow, Bengio & Courville (2016),
    *Deep Learning*, §3.13。
"""

from math import e, log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, normal_axis, result

__all__ = ["cross_entropy", "entropy", "js_divergence", "kl_divergence"]

_TOLERANCE = {"float64": 1e-6, "float32": 1e-5, "float16": 1e-2}


def entropy(p: ArrayLike, *, axis: int = -1, base: float = e) -> Array:
    r"""熵：平均要多少信息才说得清结果。

    $$H(p)=-\sum_ip_i\log p_i$$

    在 0（确定）与 $\log K$（$K$ 个类别均匀）之间。

    Args:
        p: 概率，任意形状。
        axis: 概率沿哪一轴。
        base: 对数的底，大于 1。

    Returns:
        去掉那一轴的形状，非负。

    Raises:
        TypeError: 元素不是实数，或 `base` 不是数。
        ValueError: `p` 不是概率分布，轴不存在，或 `base` 不大于 1。

    Examples:
        >>> float(entropy([0.5, 0.25, 0.25], base=2))
        1.5
    """
    unit = log(real("base", base, above=1))
    (weights,), along, dtype = _distributions(axis, p=p)
    return result(_sum(-weights * _log(weights), along) / unit, dtype)


def cross_entropy(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float = e) -> Array:
    r"""交叉熵：真实分布是 $p$，却按 $q$ 编码，平均要多少信息。

    $$H(p,q)=-\sum_ip_i\log q_i=H(p)+D_{\mathrm{KL}}(p\Vert q)$$

    不对称。$p$ 是 one-hot 时就是分类的损失 $-\log q_y$。

    Args:
        p: 真实的概率。
        q: 预测的概率，与 `p` 同形。
        axis: 概率沿哪一轴。
        base: 对数的底，大于 1。

    Returns:
        去掉那一轴的形状；某处 $p_i>0$、$q_i=0$ 时是 `inf`。

    Raises:
        TypeError: 同 `entropy`。
        ValueError: 同 `entropy`；`q` 与 `p` 的形状不同。

    Examples:
        >>> float(cross_entropy([1.0, 0.0], [0.25, 0.75], base=2))
        2.0
    """
    unit = log(real("base", base, above=1))
    (weights, guess), along, dtype = _distributions(axis, p=p, q=q)
    return result(_sum(-_times(weights, _log(guess, bottom=-np.inf)), along) / unit, dtype)


def kl_divergence(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float = e) -> Array:
    r"""KL 散度（相对熵）：按 $q$ 编码比按 $p$ 多花的信息。

    $$D_{\mathrm{KL}}(p\Vert q)=\sum_ip_i\log\frac{p_i}{q_i}$$

    非负，只在 $p=q$ 时为 0；不对称，也不满足三角不等式，所以不是距离。要另一个方向，就把两个参数换过来。
    `torch.nn.functional.kl_div(log_q, p)` 的参数次序与它相反。

    Args:
        p: 被比的概率，期望对它取。
        q: 参照的概率，与 `p` 同形。
        axis: 概率沿哪一轴。
        base: 对数的底，大于 1。

    Returns:
        去掉那一轴的形状，非负（舍入得到的负数取 0）；某处 $p_i>0$、$q_i=0$ 时是 `inf`。

    Raises:
        TypeError: 同 `entropy`。
        ValueError: 同 `cross_entropy`。

    References:
        Cover & Thomas (2006), §2.3 与定理 2.6.3（非负）。

    Examples:
        >>> p, q = [0.5, 0.5], [0.25, 0.75]
        >>> float(kl_divergence(p, q).round(4)), float(kl_divergence(q, p).round(4))
        (0.1438, 0.1308)
        >>> float(kl_divergence([0.5, 0.5], [1.0, 0.0]))
        inf
    """
    unit = log(real("base", base, above=1))
    (weights, other), along, dtype = _distributions(axis, p=p, q=q)
    ratio = _log(weights) - _log(other, bottom=-np.inf)
    return result(np.maximum(_sum(_times(weights, ratio), along), 0) / unit, dtype)


def js_divergence(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float = e) -> Array:
    r"""JS 散度：两个分布到它们的平均的 KL 散度，再平均。

    $$\mathrm{JS}(p,q)=\tfrac12D_{\mathrm{KL}}(p\Vert m)+\tfrac12D_{\mathrm{KL}}(q\Vert m),\qquad
    m=\tfrac{p+q}2$$

    对称，总是有限：在 0（相同）与 $\log2$（没有重叠）之间；平方根是距离。没有重叠时恒为 $\log2$，离得多远都一
    样，所以 GAN 里它给不出梯度。

    Args:
        p: 概率。
        q: 概率，与 `p` 同形。
        axis: 概率沿哪一轴。
        base: 对数的底，大于 1。

    Returns:
        去掉那一轴的形状。

    Raises:
        TypeError: 同 `entropy`。
        ValueError: 同 `cross_entropy`。

    References:
        Lin (1991), Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf. Theory 37(1)；
        Endres & Schindelin (2003), A New Metric for Probability Distributions, IEEE Trans. Inf. Theory 49(7)
        （平方根是距离）；Arjovsky & Bottou (2017), arXiv:1701.04862，§2（没有重叠）。

    Examples:
        >>> float(js_divergence([1.0, 0.0], [0.0, 1.0], base=2))
        1.0
    """
    unit = log(real("base", base, above=1))
    (one, other), along, dtype = _distributions(axis, p=p, q=q)
    both = _log(one + other)  # 不先除以 2：最小的次正规数除以 2 是 0
    halves = [_sum(weights * (_log(2 * weights) - both), along) / 2 for weights in (one, other)]
    return result(np.clip(halves[0] + halves[1], 0, log(2)) / unit, dtype)


def _distributions(axis: int, **arrays: Any) -> tuple[list[Array], int, np.dtype[Any]]:
    found, dtype = as_floats(**arrays)
    first = next(iter(arrays))
    along = normal_axis(axis, found[0].ndim)
    checked = []
    for name, array in zip(arrays, found, strict=True):
        has_shape(name, array, found[0].shape, like=f" `{first}` ")
        if not (array >= 0).all():  # nan 也在这里
            worst = array[~(array >= 0)].flat[0]
            raise ValueError(problem(name, "非负的概率", f"{worst:g}", "请先用 softmax 之类变成概率"))
        total = array.sum(axis=along, keepdims=True, dtype=np.float64)
        off = ~(np.abs(total - 1) <= _TOLERANCE[str(dtype)])
        if off.any():
            raise ValueError(
                problem(name, "和为 1 的概率", f"和为 {total[off].flat[0]:.9g}", "请先除以它的和")
            )
        checked.append((array / total).astype(array.dtype))
    return checked, along, dtype


def _log(x: Array, *, bottom: float = 0.0) -> Array:
    """对数；0 处取 `bottom`。"""
    return np.log(x, out=np.full_like(x, bottom), where=x > 0)


def _times(p: Array, x: Array) -> Array:
    """p 乘 x；p 是 0 的地方是 0，哪怕 x 无穷大。"""
    return np.multiply(p, x, out=np.zeros_like(p), where=p > 0)


def _sum(x: Array, axis: int) -> Array:
    return np.asarray(x.sum(axis=axis))
