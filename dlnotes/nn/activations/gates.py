r"""门：$x$ 乘以一个从 0 到 1 的函数。"""

from math import erfc, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import choice
from dlnotes.nn._arrays import Array
from dlnotes.nn.activations._elementwise import apply, bounded, chain, decay, logistic

_ERFC = np.frompyfunc(erfc, 1, 1)  # 标准库的 erfc：每个元素约 0.1 微秒，相对精度到末位


def gelu(x: ArrayLike, *, approximate: str = "none") -> Array:
    r"""高斯误差线性单元。

    $$\mathrm{GELU}(x)=x\,\Phi(x)=\tfrac x2\operatorname{erfc}\bigl(-x/\sqrt2\bigr)$$

    `approximate="tanh"` 是论文给出的近似 $\tfrac x2\bigl(1+\tanh u\bigr)=x\,\sigma(2u)$，
    $u=\sqrt{2/\pi}\,(x+0.044715x^3)$；两者最多差 $5\times10^{-4}$，GPT-2 与 BERT 的原版用的是近似。
    用 erfc 而不用 $1+\operatorname{erf}$：$x$ 很负时后者相消，前者的相对误差仍在末位。$-\infty$ 处取极限 0
    （PyTorch 得 `nan`）。

    References:
        Hendrycks & Gimpel (2016), Gaussian error linear units, arXiv:1606.08415，§2。

    Examples:
        >>> gelu([-1e4, 0.0, 1.0]).round(4)
        array([-0.    ,  0.    ,  0.8413])
        >>> float(gelu(1.0, approximate="tanh").round(4))
        0.8412
    """
    choice("approximate", approximate, ("none", "tanh"))
    return apply(x, lambda x: _gated(x, _gelu_gate(x, approximate)))


def gelu_backward(dy: ArrayLike, x: ArrayLike, *, approximate: str = "none") -> Array:
    r"""`gelu` 的反向。

    $$\frac{\mathrm d}{\mathrm dx}x\Phi(x)=\Phi(x)+x\,\varphi(x),\qquad
    \varphi(x)=\tfrac{1}{\sqrt{2\pi}}e^{-x^2/2}$$

    近似式对 $x\,\sigma(2u)$ 求导：$\sigma(2u)+2x\,\sigma(2u)\sigma(-2u)\,u'$，
    $u'=\sqrt{2/\pi}\,(1+3\cdot0.044715x^2)$。

    Examples:
        >>> gelu_backward([1.0, 1.0], [0.0, 1e4])
        array([0.5, 1. ])
    """
    choice("approximate", approximate, ("none", "tanh"))

    def derivative(x: Array) -> Array:
        gate, x = _gelu_gate(x, approximate), bounded(x)
        if approximate == "none":
            return np.asarray(gate + x * np.exp(-(x**2) / 2) / sqrt(2 * pi))
        slope = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)
        return np.asarray(gate + 2 * x * gate * logistic(-2 * _cubic(x)) * slope)

    return chain(dy, x, derivative)


def silu(x: ArrayLike) -> Array:
    r"""SiLU（Swish）：$x\,\sigma(x)$；$-\infty$ 处取极限 0（PyTorch 得 `nan`）。

    References:
        Hendrycks & Gimpel (2016), arXiv:1606.08415，§2（SiLU 这个名字）；Elfwing, Uchibe & Doya (2018),
        Neural Networks 107, arXiv:1702.03118；Ramachandran et al. (2017), arXiv:1710.05941（Swish）。

    Examples:
        >>> silu([-1e4, 0.0, 1e4])
        array([   -0.,     0., 10000.])
    """
    return apply(x, lambda x: _gated(x, logistic(x)))


def silu_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`silu` 的反向：$\sigma(x)+x\,\sigma(x)\sigma(-x)$，积的求导法则；在 $x\approx2.4$ 处大于 1。

    Examples:
        >>> silu_backward([1.0, 1.0], [0.0, 1e4])
        array([0.5, 1. ])
    """
    return chain(dy, x, lambda x: logistic(x) * (1 + bounded(x) * logistic(-x)))


def mish(x: ArrayLike) -> Array:
    r"""Mish。

    $$\mathrm{mish}(x)=x\tanh(\operatorname{softplus}x)=x\,\frac{(1+e^x)^2-1}{(1+e^x)^2+1}$$

    展开平方再约去公因子，就只剩 $e^{-\lvert x\rvert}$，没有溢出与相消。$-\infty$ 处取极限 0。

    References:
        Misra (2020), Mish: a self regularized non-monotonic activation function, BMVC,
        arXiv:1908.08681，摘要。

    Examples:
        >>> mish([-1e4, 0.0, 1.0]).round(4)
        array([-0.    ,  0.    ,  0.8651])
    """
    return apply(x, lambda x: _gated(x, _mish_gate(x)[0]))


def mish_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`mish` 的反向：$t+x(1-t^2)\,\sigma(x)$，其中 $t=\tanh(\operatorname{softplus}x)$。

    用到 $\tanh'=1-\tanh^2$ 与 $\operatorname{softplus}'=\sigma$。

    Examples:
        >>> mish_backward([1.0, 1.0], [0.0, 1e4])
        array([0.6, 1. ])
    """

    def derivative(x: Array) -> Array:
        gate, slope = _mish_gate(x)
        return np.asarray(gate + bounded(x) * slope * logistic(x))

    return chain(dy, x, derivative)


def hardswish(x: ArrayLike) -> Array:
    r"""分段的 Swish：$x\cdot\min(\max(x+3,0),6)/6$；$-\infty$ 处取极限 0。

    References:
        Howard et al. (2019), Searching for MobileNetV3, ICCV, arXiv:1905.02244，§5.2。

    Examples:
        >>> hardswish([-4.0, 1.5, 4.0])
        array([-0.   ,  1.125,  4.   ])
    """
    return apply(x, lambda x: _gated(x, np.clip(x + 3, 0, 6) / 6))


def hardswish_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`hardswish` 的反向：$x\le-3$ 时是 0，$x\ge3$ 时是 1，其间是 $x/3+1/2$。

    −3 处左右导数是 0 与 −1/2，3 处是 3/2 与 1：都取外侧。

    Examples:
        >>> hardswish_backward([1.0, 1.0, 1.0], [-3.0, 0.0, 3.0])
        array([0. , 0.5, 1. ])
    """
    return chain(dy, x, lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, bounded(x) / 3 + 0.5)))


def _gated(x: Array, gate: Array) -> Array:
    """门关死的地方取 0：-∞ 乘 0 没有意义，极限是 0。"""
    return np.asarray(np.where(np.isneginf(x), -0.0, x) * gate)


def _gelu_gate(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return logistic(2 * _cubic(bounded(x)))
    return np.asarray(_ERFC(-x / sqrt(2)), x.dtype) / 2


def _cubic(x: Array) -> Array:
    return np.asarray(sqrt(2 / pi) * (x + 0.044715 * x**3))


def _mish_gate(x: Array) -> tuple[Array, Array]:
    r"""$t=\tanh(\operatorname{softplus}x)$ 与 $1-t^2$，只用 $e=e^{-\lvert x\rvert}$。"""
    e = decay(x)
    low, high = e * (e + 2), 1 + 2 * e
    positive = x >= 0
    bottom = np.where(positive, high + 2 * e**2, low + 2)
    gate = np.where(positive, high, low) / bottom
    return gate, 4 * np.where(positive, e, 1) ** 2 * ((1 + e) / bottom) ** 2
