r"""浮点数的界限，和同一个式子的两种写法：直接照抄的，与不会溢出、不会相消的，放在一起看。

写法不同的几个函数都返回 `Forms(naive, stable)`，两个数组同形，都用输入的类型计算（float16 就用 float16，整数
当作 float64）：`naive` 里该溢出就是 `inf`，该坏掉就是 `nan`，没有警告；`stable` 是该用的那个。

References:
    Goodfellow, Bengio & Courville (2016), *Deep Learning*, §4.1；Higham (2002), *Accuracy and Stability of
    Numerical Algorithms*，第 1 章。
"""

from decimal import Context, Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from dlnotes._check import integer, problem
from dlnotes.nn import softmax as reference
from dlnotes.nn._arrays import Array, as_floats, normal_axis, result
from dlnotes.nn.activations._elementwise import log1p_exp

__all__ = ["Forms", "Limits", "Variance", "limits", "logsumexp", "softmax", "softplus", "variance"]


class Limits(NamedTuple):
    r"""一种浮点数的界限。

    Attributes:
        dtype: 类型的名字。
        bits: 占几位。
        eps: 1 与比它大的下一个数之差，$2^{-t}$；舍入的相对误差不超过它的一半。
        max: 最大的有限数，$(2-2^{-t})\,2^{e_{\max}}$。
        smallest_normal: 最小的正规数，$2^{e_{\min}}$；比它小的位数越来越少。
        smallest_subnormal: 最小的正数，$2^{e_{\min}-t}$；它的一半舍入成 0。
        exp_max: $e^x$ 还有限的最大的 $x$。
        exp_min: $e^x$ 还不是 0 的最小的 $x$。
    """

    dtype: str
    bits: int
    eps: float
    max: float
    smallest_normal: float
    smallest_subnormal: float
    exp_max: float
    exp_min: float


class Forms(NamedTuple):
    """同一个式子的两种写法的结果。

    Attributes:
        naive: 照定义直接算。
        stable: 数值稳定的写法。
    """

    naive: Array
    stable: Array


class Variance(NamedTuple):
    """方差的三种算法的结果。

    Attributes:
        one_pass: 平方的平均减去平均的平方。
        two_pass: 先算平均，再算离差的平方。
        welford: 逐个更新平均与离差平方和，只看一遍数据。
    """

    one_pass: Array
    two_pass: Array
    welford: Array


def limits(dtype: DTypeLike) -> Limits:
    r"""float16、float32、float64 的界限。

    $e^x$ 的两个界按就近舍入算：$e^x$ 小于最大数与 $2^{e_{\max}+1}$ 的中点才有限，大于最小次正规数的一半才不是
    0。各界由指数与尾数的位数用精确算术得出，不靠机器上的 `exp`。

    Args:
        dtype: `np.float16`、`np.float32`、`np.float64`，或它们的名字。

    Returns:
        各项都能由这种浮点数精确表示。

    Raises:
        TypeError: 不是这三种类型之一。

    References:
        IEEE 754-2019，§3.3（格式）与 §4.3.1（就近舍入、何时溢出）。

    Examples:
        >>> found = limits(np.float32)
        >>> found.eps == 2**-23, found.max == (2 - 2**-23) * 2.0**127, round(found.exp_max, 4)
        (True, True, 88.7228)
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind not in (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)) or dtype is None:
        remedy = "请传入其中之一，比如 np.float32"
        raise TypeError(problem("dtype", "float16、float32 或 float64", repr(dtype), remedy))
    info = np.finfo(kind)
    digits, top, bottom = int(info.nmant), int(info.maxexp), int(info.minexp)
    wide = Context(prec=60)
    overflow = wide.ln(Decimal(2**top - 2 ** (top - digits - 2)))  # 最大数与 2^top 的中点
    vanish = -wide.ln(Decimal(2 ** (digits - bottom + 1)))  # 最小次正规数的一半
    return Limits(
        dtype=str(kind),
        bits=8 * kind.itemsize,
        eps=float(info.eps),
        max=float(info.max),
        smallest_normal=float(info.smallest_normal),
        smallest_subnormal=float(info.smallest_subnormal),
        exp_max=_inside(overflow, kind, -1),
        exp_min=_inside(vanish, kind, 1),
    )


def softmax(x: ArrayLike, *, axis: int = -1) -> Forms:
    r"""softmax：直接算指数，与先减最大值。

    $$\frac{e^{x_i}}{\sum_je^{x_j}}=\frac{e^{x_i-m}}{\sum_je^{x_j-m}},\qquad m=\max_jx_j$$

    直接算时，$x$ 大了得 $\infty/\infty$，全都很小得 $0/0$，都是 `nan`。

    Args:
        x: 任意形状，至少一维。
        axis: 沿哪一轴归一化。

    Returns:
        两个与 `x` 同形的数组。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在。

    Examples:
        >>> softmax([1000.0, 1000.0])
        Forms(naive=array([nan, nan]), stable=array([0.5, 0.5]))
    """
    values, along = _values(x, axis)
    with np.errstate(all="ignore"):
        weights = np.exp(values)
        naive = weights / weights.sum(axis=along, keepdims=True)
    return Forms(naive, reference.softmax(values, axis=along))


def logsumexp(x: ArrayLike, *, axis: int = -1) -> Forms:
    r"""指数之和的对数：直接算，与先提出最大值。

    $$\log\sum_je^{x_j}=m+\log\sum_je^{x_j-m},\qquad m=\max_jx_j$$

    直接算时，$x$ 大了得 `inf`，全都很小得 `-inf`。

    Args:
        x: 任意形状，至少一维。
        axis: 沿哪一轴求和。

    Returns:
        两个去掉那一轴的数组。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 轴不存在。

    Examples:
        >>> forms = logsumexp([-1000.0, -1000.0])
        >>> float(forms.naive), float(forms.stable.round(4))
        (-inf, -999.3069)
    """
    values, along = _values(x, axis)
    with np.errstate(all="ignore"):
        naive = np.asarray(np.log(np.exp(values).sum(axis=along)))
    return Forms(naive, reference.logsumexp(values, axis=along))


def softplus(x: ArrayLike) -> Forms:
    r"""softplus：直接算 $\log(1+e^x)$，与提出正的部分。

    $$\log(1+e^x)=\max(x,0)+\operatorname{log1p}\bigl(e^{-\lvert x\rvert}\bigr)$$

    直接算时，$x$ 大了得 `inf`；$e^x$ 小于 `eps` 的一半时，加到 1 上就没了，得 0。

    Args:
        x: 任意形状。

    Returns:
        两个与 `x` 同形的数组。

    Raises:
        TypeError: 元素不是实数。

    Examples:
        >>> softplus([1000.0, -40.0])
        Forms(naive=array([inf,  0.]), stable=array([1.00000000e+03, 4.24835426e-18]))
    """
    (wide,), dtype = as_floats(x=x)
    values = wide.astype(dtype)
    with np.errstate(all="ignore"):
        naive = np.asarray(np.log(1 + np.exp(values)))
    return Forms(naive, result(log1p_exp(wide), dtype))


def variance(x: ArrayLike, *, axis: int = -1, ddof: int = 0) -> Variance:
    r"""方差：平方的平均减平均的平方，两遍，Welford。

    $$\frac{1}{n-d}\Bigl(\sum_ix_i^2-\frac{(\sum_ix_i)^2}{n}\Bigr)=\frac1{n-d}\sum_i(x_i-\bar x)^2$$

    左边是两个几乎相等的大数相减：平均比标准差大 $10^k$ 倍，就丢掉 $2k$ 位，甚至得负数。Welford 的递推也只看一
    遍数据，却没有这个问题：

    $$M_i=M_{i-1}+\frac{x_i-M_{i-1}}i,\qquad S_i=S_{i-1}+(x_i-M_{i-1})(x_i-M_i)$$

    Args:
        x: 任意形状，有限。
        axis: 沿哪一轴。
        ddof: 分母是 $n-d$ 的 $d$；1 是样本方差。

    Returns:
        三个去掉那一轴的数组，都用输入的类型计算。

    Raises:
        TypeError: 元素不是实数，或 `ddof` 不是整数。
        ValueError: 轴不存在，那一轴的长度不大于 `ddof`，或有 `nan` 或 `inf`。

    References:
        Higham (2002), *Accuracy and Stability of Numerical Algorithms*, §1.9。

    Examples:
        >>> found = variance([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16], ddof=1)
        >>> float(found.two_pass), float(found.welford), float(found.one_pass) == 30
        (30.0, 30.0, False)
    """
    degrees = integer("ddof", ddof, minimum=0)
    values, along = _values(x, axis)
    if not np.isfinite(values).all():
        raise ValueError(problem("x", "有限的数", "nan 或 inf", "请先查它从哪里来"))
    rows = np.moveaxis(values, along, 0)
    count = len(rows)
    if count <= degrees:
        expected, got = f"沿 axis 多于 {degrees} 个的数", f"{count} 个"
        raise ValueError(problem("x", expected, got, "请多给数据，或减小 ddof"))
    with np.errstate(over="ignore", invalid="ignore"):
        total = rows.sum(axis=0)
        one_pass = ((rows * rows).sum(axis=0) - total * total / count) / (count - degrees)
        apart = rows - total / count
        two_pass = (apart * apart).sum(axis=0) / (count - degrees)
        mean = squares = np.zeros_like(rows[0])
        for seen, row in enumerate(rows, start=1):
            before, mean = mean, mean + (row - mean) / seen
            squares = squares + (row - before) * (row - mean)
        welford = squares / (count - degrees)
    return Variance(np.asarray(one_pass), np.asarray(two_pass), np.asarray(welford))


def _values(x: ArrayLike, axis: int) -> tuple[Array, int]:
    """输入，用它自己的类型（float16 不换成 float32），和不带负号的轴。"""
    (values,), dtype = as_floats(x=x)
    return values.astype(dtype), normal_axis(axis, values.ndim)


def _inside(bound: Decimal, kind: np.dtype[Any], direction: int) -> float:
    """这种类型里最靠近 `bound` 的数，在它的 `direction` 一侧（-1 是下面）。"""
    number = kind.type(float(bound))
    while (Decimal(float(number)) - bound) * direction <= 0:
        number = np.nextafter(number, kind.type(direction * np.inf))
    return float(number)
