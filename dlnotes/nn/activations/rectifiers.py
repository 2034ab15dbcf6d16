r"""整流：正的一侧是（或趋于）恒等，负的一侧压低。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled
from dlnotes.nn.activations._elementwise import apply, chain, decay, logistic

# Klambauer et al. (2017) 的式 (14)：使均值 0、方差 1 成为不动点的两个常数
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def relu(x: ArrayLike) -> Array:
    r"""整流线性单元：$\max(x,0)$。

    References:
        Nair & Hinton (2010), Rectified linear units improve restricted Boltzmann machines, ICML，§2。

    Examples:
        >>> relu([-2.0, 0.0, 3.0])
        array([0., 0., 3.])
    """
    return apply(x, lambda x: np.maximum(x, 0))


def relu_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`relu` 的反向：$x>0$ 时是 1，否则是 0；0 处取次梯度 $[0,1]$ 里的 0。

    Examples:
        >>> relu_backward([5.0, 5.0, 5.0], [-2.0, 0.0, 3.0])
        array([0., 0., 5.])
    """
    return chain(dy, x, lambda x: (x > 0).astype(x.dtype))


def relu6(x: ArrayLike) -> Array:
    r"""上限为 6 的 ReLU：$\min(\max(x,0),6)$。

    References:
        Sandler et al. (2018), MobileNetV2, CVPR, arXiv:1801.04381，§3.3。

    Examples:
        >>> relu6([-2.0, 3.0, 8.0])
        array([0., 3., 6.])
    """
    return apply(x, lambda x: np.clip(x, 0, 6))


def relu6_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`relu6` 的反向：$0<x<6$ 时是 1，否则（连同 0 与 6）是 0。

    Examples:
        >>> relu6_backward([1.0, 1.0, 1.0], [3.0, 6.0, 8.0])
        array([1., 0., 0.])
    """
    return chain(dy, x, lambda x: ((x > 0) & (x < 6)).astype(x.dtype))


def leaky_relu(x: ArrayLike, *, negative_slope: float = 0.01) -> Array:
    r"""带泄漏的 ReLU：$x>0$ 时是 $x$，否则是 $\text{negative\_slope}\cdot x$。

    斜率是有限的数，正负都行；是 0 时就是 ReLU，$-\infty$ 处也得 0。

    References:
        Maas, Hannun & Ng (2013), Rectifier nonlinearities improve neural network acoustic models，§2。

    Examples:
        >>> leaky_relu([-2.0, 3.0])
        array([-0.02,  3.  ])
    """
    slope = real("negative_slope", negative_slope)
    return apply(x, lambda x: np.where(x > 0, x, scaled(slope, x)))


def leaky_relu_backward(dy: ArrayLike, x: ArrayLike, *, negative_slope: float = 0.01) -> Array:
    r"""`leaky_relu` 的反向：$x>0$ 时是 1，否则（连同 0）是 `negative_slope`。

    Examples:
        >>> leaky_relu_backward([1.0, 1.0, 1.0], [-2.0, 0.0, 3.0])
        array([0.01, 0.01, 1.  ])
    """
    slope = real("negative_slope", negative_slope)
    return chain(dy, x, lambda x: np.where(x > 0, 1, slope).astype(x.dtype))


@quiet
def prelu(x: ArrayLike, weight: ArrayLike) -> Array:
    r"""负侧的斜率可以学习的 ReLU：$x>0$ 时是 $x$，否则是 $w_c\,x$。

    Args:
        x: 形状 `(N, C, ...)`；少于两维时只有一个通道。
        weight: 一个数，或形状 `(1,)`（共用）或 `(C,)`（每通道一个）。

    Raises:
        ValueError: `weight` 不是这三种形状。

    References:
        He et al. (2015), Delving deep into rectifiers, ICCV, arXiv:1502.01852，§2.1，式 (1)。

    Examples:
        >>> prelu([[-2.0, -2.0]], [0.5, 0.25])
        array([[-1. , -0.5]])
    """
    (values, slopes), dtype = as_floats(x=x, weight=weight)
    return result(np.where(values > 0, values, scaled(_per_channel(values, slopes), values)), dtype)


@quiet
def prelu_backward(dy: ArrayLike, x: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    r"""`prelu` 的反向，返回对 `x` 与 `weight` 的梯度。

    $x\le0$ 时 $\bar x=w_c\,\bar y$；斜率被许多元素共用，所以 $\bar w_c=\sum_{x\le0}x\,\bar y$，
    对这个通道的所有元素求和（复制的伴随是求和）。

    Examples:
        >>> prelu_backward([[1.0, 1.0]], [[-2.0, 3.0]], [0.5, 0.25])
        (array([[0.5, 1. ]]), array([-2.,  0.]))
    """
    (upstream, values, slopes), dtype = as_floats(dy=dy, x=x, weight=weight)
    has_shape("dy", upstream, values.shape, like="输出")
    slope = _per_channel(values, slopes)
    dx = np.where(np.isnan(values), values, np.where(values > 0, upstream, scaled(slope, upstream)))
    terms = scaled(np.minimum(values, 0), upstream)
    axes = None if slopes.size == 1 else tuple(axis for axis in range(values.ndim) if axis != 1)
    return result(dx, dtype), result(terms.sum(axis=axes).reshape(slopes.shape), dtype)


def elu(x: ArrayLike, *, alpha: float = 1.0) -> Array:
    r"""指数线性单元：$x>0$ 时是 $x$，否则是 $\alpha(e^x-1)$。

    负侧用 `expm1`，$x$ 接近 0 时不相消。`alpha` 是有限的数；论文要它为正，PyTorch 与这里都不要求。

    References:
        Clevert, Unterthiner & Hochreiter (2016), ICLR, arXiv:1511.07289，§3。

    Examples:
        >>> elu([-1e4, 0.0, 2.0])
        array([-1.,  0.,  2.])
    """
    scale = real("alpha", alpha)
    return apply(x, lambda x: np.where(x > 0, x, scale * np.expm1(x)))


def elu_backward(dy: ArrayLike, x: ArrayLike, *, alpha: float = 1.0) -> Array:
    r"""`elu` 的反向：$x>0$ 时是 1，否则（连同 0）是 $\alpha e^x$。

    Examples:
        >>> elu_backward([1.0, 1.0], [0.0, 2.0], alpha=0.5)
        array([0.5, 1. ])
    """
    scale = real("alpha", alpha)
    return chain(dy, x, lambda x: np.where(x > 0, 1, scale * np.exp(x)))


def selu(x: ArrayLike) -> Array:
    r"""自归一化的 ELU：$\lambda\,\mathrm{ELU}_\alpha(x)$，$\lambda\approx1.0507$，$\alpha\approx1.6733$。

    两个常数使独立的标准正态输入得到均值 0、方差 1 的输出。

    References:
        Klambauer et al. (2017), Self-normalizing neural networks, NeurIPS, arXiv:1706.02515，式 (2)、(4)
        与 (5)。

    Examples:
        >>> selu([-1e4, 1.0]).round(4)
        array([-1.7581,  1.0507])
    """
    return apply(x, lambda x: SELU_SCALE * elu(x, alpha=SELU_ALPHA))


def selu_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`selu` 的反向：$\lambda$ 乘以 `elu` 的导数；0 处取左侧的 $\lambda\alpha$。

    Examples:
        >>> selu_backward([1.0, 1.0], [0.0, 1.0]).round(4)
        array([1.7581, 1.0507])
    """
    return chain(dy, x, lambda x: SELU_SCALE * elu_backward(np.ones_like(x), x, alpha=SELU_ALPHA))


def celu(x: ArrayLike, *, alpha: float = 1.0) -> Array:
    r"""处处可导的 ELU：$x>0$ 时是 $x$，否则是 $\alpha(e^{x/\alpha}-1)$，`alpha` 为正。

    References:
        Barron (2017), Continuously differentiable exponential linear units, arXiv:1704.07483，式 (2)。

    Examples:
        >>> celu([-1e4, 2.0], alpha=0.5)
        array([-0.5,  2. ])
    """
    a = real("alpha", alpha, above=0)
    return apply(x, lambda x: np.where(x > 0, x, a * np.expm1(x / a)))


def celu_backward(dy: ArrayLike, x: ArrayLike, *, alpha: float = 1.0) -> Array:
    r"""`celu` 的反向：$e^{\min(x,0)/\alpha}$，0 处两侧都是 1。

    Examples:
        >>> celu_backward([1.0, 1.0], [0.0, -1e4], alpha=0.5)
        array([1., 0.])
    """
    a = real("alpha", alpha, above=0)
    return chain(dy, x, lambda x: np.exp(np.minimum(x, 0) / a))


def softplus(x: ArrayLike, *, beta: float = 1.0, threshold: float = 20.0) -> Array:
    r"""光滑的 ReLU。

    $$\phi(x)=\frac1\beta\log(1+e^{\beta x})$$

    与 PyTorch 相同，$\beta x>\text{threshold}$ 时直接取 $x$：默认的 20 处差 $2\times10^{-9}/\beta$。
    要精确的函数，把 `threshold` 设成 `inf`，这里不会溢出。

    References:
        Dugas et al. (2001), Incorporating second-order functional knowledge for better option pricing,
        NIPS 13，§2。

    Examples:
        >>> softplus([-1e4, 0.0, 50.0]).round(4)
        array([ 0.    ,  0.6931, 50.    ])
    """
    b, limit = real("beta", beta, above=0), real("threshold", threshold, finite=False)

    def smooth(x: Array) -> Array:
        return np.asarray(np.maximum(x, 0) + np.log1p(decay(b * x)) / b)  # 正的部分不乘 β，不会溢出

    return apply(x, lambda x: np.where(b * x > limit, x, smooth(x)))


def softplus_backward(dy: ArrayLike, x: ArrayLike, *, beta: float = 1.0, threshold: float = 20.0) -> Array:
    r"""`softplus` 的反向：$\sigma(\beta x)$；$\beta x>\text{threshold}$ 时是 1。

    Examples:
        >>> softplus_backward([1.0, 1.0], [0.0, 1e4])
        array([0.5, 1. ])
    """
    b, limit = real("beta", beta, above=0), real("threshold", threshold, finite=False)
    return chain(dy, x, lambda x: np.where(b * x > limit, 1, logistic(b * x)))


def _per_channel(x: Array, weight: Array) -> Array:
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.shape not in ((), (1,), (channels,)):
        expected = f"一个数，或形状 (1,)、({channels},) 的数组"
        raise ValueError(problem("weight", expected, f"形状 {weight.shape}", "请检查通道数"))
    return weight.reshape(()) if weight.size == 1 else weight.reshape(channels, *(1,) * (x.ndim - 2))
