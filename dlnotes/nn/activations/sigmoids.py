r"""S 形与钟形：值有界，两端饱和。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real, shown
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled
from dlnotes.nn.activations._elementwise import apply, chain, decay, logistic


def sigmoid(x: ArrayLike) -> Array:
    r"""S 形函数（logistic）。

    $$\sigma(x)=\frac{1}{1+e^{-x}}$$

    $x<0$ 时改算 $e^{x}/(1+e^{x})$：指数的自变量从不为正，所以不溢出，负的一端也不丢相对精度。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §3.10，式 (3.30)。

    Examples:
        >>> sigmoid([-1e4, 0.0, 1e4])
        array([0. , 0.5, 1. ])
    """
    return apply(x, logistic)


def sigmoid_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`sigmoid` 的反向。

    $$\sigma'(x)=\sigma(x)\,\sigma(-x)=\frac{e^{-\lvert x\rvert}}{(1+e^{-\lvert x\rvert})^2}\le\tfrac14$$

    对 $(1+e^{-x})^{-1}$ 求导即得；写成偶函数，就不必用 1 减去接近 1 的数。

    Examples:
        >>> sigmoid_backward([1.0, 1.0], [0.0, 1e4])
        array([0.25, 0.  ])
    """
    return chain(dy, x, lambda x: decay(x) / (1 + decay(x)) ** 2)


def tanh(x: ArrayLike) -> Array:
    r"""双曲正切。

    $$\tanh x=\frac{e^x-e^{-x}}{e^x+e^{-x}}=2\sigma(2x)-1$$

    照定义直接写，$\lvert x\rvert$ 超过约 710 时 $e^{\lvert x\rvert}$ 溢出，得 ∞/∞，即 `nan`，所以用
    `np.tanh`。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.3.2。

    Examples:
        >>> tanh([-1e4, 0.0, 1e4])
        array([-1.,  0.,  1.])
    """
    return apply(x, np.tanh)


def tanh_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`tanh` 的反向。

    $$\tanh'x=1-\tanh^2x=\frac{4e^{-2\lvert x\rvert}}{(1+e^{-2\lvert x\rvert})^2}$$

    后一种写法在两端没有相消。

    Examples:
        >>> tanh_backward([1.0, 1.0], [0.0, 1e4])
        array([1., 0.])
    """
    return chain(dy, x, lambda x: 4 * decay(2 * x) / (1 + decay(2 * x)) ** 2)


def softsign(x: ArrayLike) -> Array:
    r"""softsign：像 `tanh`，但只以多项式的速度饱和。

    $$\phi(x)=\frac{x}{1+\lvert x\rvert}$$

    References:
        Glorot & Bengio (2010), AISTATS，§3。

    Examples:
        >>> softsign([-3.0, 0.0, 1.0])
        array([-0.75,  0.  ,  0.5 ])
    """
    # ∞/∞ 没有意义，先取极限 ±1
    return apply(x, lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))))


def softsign_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`softsign` 的反向：$\phi'(x)=1/(1+\lvert x\rvert)^2$，由商的求导法则，两侧相同。

    Examples:
        >>> softsign_backward([1.0, 1.0], [0.0, -3.0])
        array([1.    , 0.0625])
    """
    return chain(dy, x, lambda x: (1 / (1 + np.abs(x))) ** 2)  # 先取倒数再平方，不溢出


def hardsigmoid(x: ArrayLike) -> Array:
    r"""分段线性的 S 形函数：$\min(\max(x+3,0),6)/6$。

    这是 PyTorch 与 MobileNetV3 的系数；Keras 2 用的是 $0.2x+0.5$，不要混用。

    References:
        Howard et al. (2019), Searching for MobileNetV3, ICCV, arXiv:1905.02244，§5.2。

    Examples:
        >>> hardsigmoid([-4.0, 0.0, 3.0])
        array([0. , 0.5, 1. ])
    """
    return apply(x, lambda x: np.clip(x + 3, 0, 6) / 6)


def hardsigmoid_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`hardsigmoid` 的反向：$\lvert x\rvert<3$ 时是 $1/6$，否则（连同 ±3 两点）是 0。

    Examples:
        >>> hardsigmoid_backward([6.0, 6.0], [0.0, 3.0])
        array([1., 0.])
    """
    return chain(dy, x, lambda x: np.where(np.abs(x) < 3, 1 / 6, 0).astype(x.dtype))


def hardtanh(x: ArrayLike, *, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    r"""截断：$\min(\max(x,\text{min\_val}),\text{max\_val})$；两界可以是 ±∞，下界小于上界。

    References:
        Collobert (2004), *Large Scale Machine Learning*, 博士论文，Université Paris VI。

    Examples:
        >>> hardtanh([-2.0, 0.5, 2.0])
        array([-1. ,  0.5,  1. ])
    """
    _interval(min_val, max_val)
    return apply(x, lambda x: np.clip(x, min_val, max_val))


def hardtanh_backward(dy: ArrayLike, x: ArrayLike, *, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    r"""`hardtanh` 的反向：严格在两界之间时是 1，否则（连同两界）是 0。

    Examples:
        >>> hardtanh_backward([1.0, 1.0], [0.5, 1.0])
        array([1., 0.])
    """
    _interval(min_val, max_val)
    return chain(dy, x, lambda x: ((x > min_val) & (x < max_val)).astype(x.dtype))


@quiet
def rbf(x: ArrayLike, center: ArrayLike | None = None, *, gamma: float = 1.0) -> Array:
    r"""高斯径向基函数，逐元素。

    $$\phi(x)=e^{-\gamma(x-c)^2}$$

    $\gamma=1/(2\sigma^2)$。多维的径向基函数是各维的乘积。

    Args:
        x: 任意形状。
        center: $c$，能按 numpy 规则广播成 `x` 的形状；不给就是 0。
        gamma: $\gamma$，正数。

    References:
        Broomhead & Lowe (1988), Multivariable functional interpolation and adaptive networks,
        Complex Systems 2, 321–355。

    Examples:
        >>> rbf([0.0, 1.0, 1e4]).round(4)
        array([1.    , 0.3679, 0.    ])
    """
    (values, middle), dtype = as_floats(x=x, optional={"center": center})
    return result(np.exp(-(_radius(values, middle, gamma) ** 2)), dtype)


@quiet
def rbf_backward(
    dy: ArrayLike, x: ArrayLike, center: ArrayLike | None = None, *, gamma: float = 1.0
) -> tuple[Array, Array | None]:
    r"""`rbf` 的反向，返回对 `x` 与 `center` 的梯度。

    $$\bar x=-2\gamma(x-c)\,\phi(x)\,\bar y,\qquad \bar c=-\bar x$$

    $\bar c$ 再对广播出来的轴求和：复制的伴随是求和。

    Examples:
        >>> dx, dcenter = rbf_backward([1.0, 1.0], [1.0, 0.0], 0.0)
        >>> dx.round(4), float(dcenter)
        (array([-0.7358, -0.    ]), 0.7357588823428847)
    """
    (upstream, values, middle), dtype = as_floats(dy=dy, x=x, optional={"center": center})
    has_shape("dy", upstream, values.shape, like="输出")
    radius = _radius(values, middle, gamma)
    dx = scaled(-2 * gamma**0.5 * radius * np.exp(-(radius**2)), upstream)
    if middle is None:
        return result(dx, dtype), None
    added = dx.ndim - middle.ndim
    stretched = [axis for axis in range(added, dx.ndim) if middle.shape[axis - added] != dx.shape[axis]]
    total = -dx.sum(axis=(*range(added), *stretched)).reshape(middle.shape)
    return result(dx, dtype), result(total, dtype)


def _radius(x: Array, center: Array | None, gamma: float) -> Array:
    """√γ·(x-c)，截到 ±1000：它的平方不溢出，指数早已是 0。"""
    real("gamma", gamma, above=0)
    if center is not None:
        try:
            fits = np.broadcast_shapes(x.shape, center.shape) == x.shape
        except ValueError:
            fits = False
        if not fits:
            expected = f"能广播成 {x.shape} 的形状"
            raise ValueError(problem("center", expected, str(center.shape), "请检查形状"))
    return np.asarray(np.clip(gamma**0.5 * (x - (0 if center is None else center)), -1e3, 1e3))


def _interval(min_val: float, max_val: float) -> None:
    low, high = real("min_val", min_val, finite=False), real("max_val", max_val, finite=False)
    if not low < high:
        expected = f"小于 max_val = {shown(max_val)} 的数"
        raise ValueError(problem("min_val", expected, shown(min_val), "请对调两界"))
