r"""归一化权重，不归一化激活：长度与方向分开，或只看夹角；谱归一化在 `spectral_normalization`。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, normal_axis, quiet, result
from dlnotes.nn._standardize import unit

__all__ = [
    "cosine_linear",
    "cosine_linear_backward",
    "weight_norm",
    "weight_norm_backward",
]


@quiet
def weight_norm(v: ArrayLike, g: ArrayLike, *, axis: int | None = 0) -> Array:
    r"""权重归一化：把权重写成方向与长度。

    $$w=g\,\frac{v}{\lVert v\rVert_2}$$

    范数对 `axis` 以外的轴取：`axis=0` 时每个输出单元一个长度 $g_c$，于是
    $\lVert w_c\rVert=\lvert g_c\rvert$，与 $v$ 的长度无关。

    Args:
        v: 形状任意，至少一维；卷积是 `(C_out, C_in, H, W)`。
        g: 长度，与 `v` 的维数相同，`axis` 那一轴与 `v` 等长，其余为 1（PyTorch 也如此）；`axis=None` 时形
            状 `()`。
        axis: 留着的轴，即 `torch.nn.utils.parametrizations.weight_norm` 的 `dim`；None 表示整个数组一个范数。

    Returns:
        与 `v` 同形；$v_c=0$ 没有方向，结果是 `nan`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `axis` 超出范围，`g` 的形状不对。

    References:
        Salimans & Kingma (2016), arXiv:1602.07868，式 (2)。

    Examples:
        >>> weight_norm([[3.0, 4.0], [0.0, 2.0]], [[10.0], [1.0]]).tolist()
        [[6.0, 8.0], [0.0, 1.0]]
    """
    (v_, g_), dtype = as_floats(v=v, g=g)
    return result(g_ * unit(v_, _checked_axes(v_, g_, axis))[0], dtype)


@quiet
def weight_norm_backward(
    dy: ArrayLike, v: ArrayLike, g: ArrayLike, *, axis: int | None = 0
) -> tuple[Array, Array]:
    r"""`weight_norm` 的反向。

    记 $\hat v=v/\lVert v\rVert$。$\lVert v\rVert$ 对 $v$ 的梯度是 $\hat v$，所以
    $\mathrm d\hat v=(\mathrm dv-\hat v\,\hat v^\top\mathrm dv)/\lVert v\rVert$；这个矩阵对称，它的伴随是自
    己：

    $$\bar g=\hat v^\top\bar w,\qquad
    \bar v=\frac{g}{\lVert v\rVert}\bigl(\bar w-\hat v\,(\hat v^\top\bar w)\bigr).$$

    $\bar v$ 与 $v$ 正交，所以梯度下降的每一步都使 $\lVert v\rVert$ 变大。

    Args:
        dy: $\bar w$，与 `v` 同形。
        v: 同 `weight_norm`。
        g: 同 `weight_norm`。
        axis: 同 `weight_norm`。

    Returns:
        `(dv, dg)`；$v_c=0$ 时没有方向，那一个的梯度都是 `nan`。

    Raises:
        TypeError: 同 `weight_norm`。
        ValueError: 同 `weight_norm`，或 `dy` 的形状不对。

    References:
        Salimans & Kingma (2016), arXiv:1602.07868，式 (3)。

    Examples:
        >>> dv, dg = weight_norm_backward([[1.0, 0.0]], [[3.0, 4.0]], [[10.0]])
        >>> dv.round(2).tolist(), dg.round(2).tolist()
        ([[1.28, -0.96]], [[0.6]])
    """
    (dy_, v_, g_), dtype = as_floats(dy=dy, v=v, g=g)
    axes = _checked_axes(v_, g_, axis)
    has_shape("dy", dy_, v_.shape, like="`v`")
    v_hat, norm = unit(v_, axes)
    along = (dy_ * v_hat).sum(axes, keepdims=True)
    dg = along.reshape(g_.shape)
    return result(g_ / norm * (dy_ - v_hat * along), dtype), result(dg, dtype)


@quiet
def cosine_linear(x: ArrayLike, weight: ArrayLike, *, eps: float = 1e-12) -> Array:
    r"""余弦归一化的线性层：点积换成余弦。

    $$y_{nk}=\cos(x_n,w_k)=\frac{w_k^\top x_n}{\lVert x_n\rVert\,\lVert w_k\rVert}\in[-1,1]$$

    没有偏置。输出与输入、权重的长度都无关；作分类的最后一层时通常再乘一个温度的倒数，否则 softmax 太平。论文
    还有减均值的变体（皮尔逊相关系数）：先把 $x$、$w$ 各减去自己的均值就是。

    Args:
        x: 形状 `(…, D)`。
        weight: 形状 `(K, D)`。
        eps: 两个范数各自的下限，与 `torch.nn.functional.normalize` 相同。

    Returns:
        形状 `(…, K)`；零向量的余弦约定为 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不等长，维数不对，`eps` 不是正数。

    References:
        Luo, Zhan, Wang & Yang (2017), Cosine Normalization, arXiv:1702.05870，摘要与定义。

    Examples:
        >>> cosine_linear([[3.0, 4.0], [0, 0]], [[6.0, 8], [-8, 6]]).round(6).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    (x_, w), dtype = as_floats(x=x, weight=weight)
    (x_hat, _), (w_hat, _) = _cosine(x_, w, real("eps", eps, above=0))
    return result(x_hat @ w_hat.T, dtype)


@quiet
def cosine_linear_backward(
    dy: ArrayLike, x: ArrayLike, weight: ArrayLike, *, eps: float = 1e-12
) -> tuple[Array, Array]:
    r"""`cosine_linear` 的反向。

    先过矩阵乘，$\bar{\hat x}=\bar y\,\hat W$、$\bar{\hat W}=\bar y^\top\hat x$；再过「变成单位长度」，与
    `weight_norm_backward` 里一样减去沿自己的分量：

    $$\bar x=\frac{\bar{\hat x}-\hat x\,(\hat x^\top\bar{\hat x})}{\lVert x\rVert},\qquad
    \bar w_k=\frac{\bar{\hat w}_k-\hat w_k\,(\hat w_k^\top\bar{\hat w}_k)}{\lVert w_k\rVert}.$$

    范数小于 `eps` 时除的是常数，不减那一项。

    Args:
        dy: 形状 `(…, K)`。
        x: 同 `cosine_linear`。
        weight: 同 `cosine_linear`。
        eps: 同 `cosine_linear`。

    Returns:
        `(dx, dweight)`。

    Raises:
        TypeError: 同 `cosine_linear`。
        ValueError: 同 `cosine_linear`，或 `dy` 的形状不对。

    References:
        Luo, Zhan, Wang & Yang (2017), arXiv:1702.05870（前向）。

    Examples:
        >>> dx, dweight = cosine_linear_backward([[1.0]], [[3.0, 4.0]], [[1.0, 0.0]])
        >>> dx.round(4).tolist(), dweight.round(4).tolist()
        ([[0.128, -0.096]], [[0.0, 0.8]])
    """
    (dy_, x_, w), dtype = as_floats(dy=dy, x=x, weight=weight)
    eps = real("eps", eps, above=0)
    (x_hat, x_norm), (w_hat, w_norm) = _cosine(x_, w, eps)
    has_shape("dy", dy_, (*x_.shape[:-1], len(w)), like="输出")
    dw_hat = np.tensordot(dy_, x_hat, axes=(range(x_.ndim - 1),) * 2)
    dx = _unit_backward(dy_ @ w_hat, x_hat, x_norm, eps)
    dw = _unit_backward(dw_hat, w_hat, w_norm, eps)
    return result(dx, dtype), result(dw, dtype)


def _unit_backward(d: Array, v_hat: Array, norm: Array, eps: float) -> Array:
    along = np.where(norm > eps, (d * v_hat).sum(-1, keepdims=True), 0)
    dx: Array = (d - v_hat * along) / norm
    return dx


def _checked_axes(v: Array, g: Array, axis: int | None) -> tuple[int, ...]:
    """范数对哪些轴取；`g` 与结果广播。"""
    if axis is None:
        has_shape("g", g, (), like="`axis=None` 的长度")
        return tuple(range(v.ndim))
    kept = normal_axis(axis, v.ndim)
    expected = tuple(size if place == kept else 1 for place, size in enumerate(v.shape))
    has_shape("g", g, expected, like="各个长度")
    return tuple(place for place in range(v.ndim) if place != kept)


def _cosine(x: Array, weight: Array, eps: float) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    if weight.ndim != 2:
        raise ValueError(problem("weight", "形状 (K, D)", str(weight.shape), "每行是一个单元的权重"))
    if x.ndim < 1 or x.shape[-1] != weight.shape[1]:
        remedy = "`x` 的最后一轴要与 `weight` 的最后一轴等长"
        raise ValueError(problem("x", f"形状 (…, {weight.shape[1]})", str(x.shape), remedy))
    return unit(x, (-1,), eps), unit(weight, (-1,), eps)
