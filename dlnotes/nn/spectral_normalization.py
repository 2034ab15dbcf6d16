r"""谱归一化：权重除以最大的奇异值，使线性层的 Lipschitz 常数约为 1。"""

from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, normal_axis, quiet, result
from dlnotes.nn._standardize import unit

__all__ = ["SpectralNorm", "spectral_norm", "spectral_norm_backward"]


class SpectralNorm(NamedTuple):
    r"""`spectral_norm` 的结果。

    Attributes:
        weight: $W/\sigma$，与 `weight` 同形。
        u: 新的左奇异向量的估计，形状 `(C,)`。
        v: 新的右奇异向量的估计，形状 `(D,)`。
    """

    weight: Array
    u: Array
    v: Array


@quiet
def spectral_norm(
    weight: ArrayLike,
    u: ArrayLike,
    v: ArrayLike,
    *,
    n_power_iterations: int = 1,
    axis: int = 0,
    eps: float = 1e-12,
) -> SpectralNorm:
    r"""谱归一化：除以用幂迭代估计的最大奇异值。

    把 `axis` 放到最前、其余的轴摊平，得矩阵 $W$，形状 `(C, D)`。重复 `n_power_iterations` 次

    $$v\leftarrow\frac{W^\top u}{\lVert W^\top u\rVert},\qquad u\leftarrow\frac{Wv}{\lVert Wv\rVert},$$

    再取 $\sigma=u^\top Wv$，输出 $W/\sigma$。每次误差缩小到约 $(\sigma_2/\sigma_1)^2$ 倍，训练中权重变得慢，
    把 $u,v$ 留到下一步，每步一次就够。次序与论文、`torch.nn.utils.spectral_norm` 相同；新的
    `torch.nn.utils.parametrizations.spectral_norm` 先更新 $u$，而且一开始先做 15 次。

    Args:
        weight: 形状任意，至少二维；卷积是 `(C_out, C_in, H, W)`。
        u: 形状 `(C,)`，$C$ 是 `weight.shape[axis]`；开始时取随机的单位向量，不能与最大的左奇异向量正交。
        v: 形状 `(D,)`，$D$ 是其余各轴的积；迭代次数大于 0 时只看 `u`。
        n_power_iterations: 迭代次数；推理时取 0，$u,v$ 不变。
        axis: 作为矩阵的行的轴，`dim` 在 PyTorch 里。
        eps: 范数的下限，免得除以 0。

    Returns:
        `SpectralNorm(weight, u, v)`：$W/\sigma$ 与新的 $u,v$；给的数组不变。$\sigma=0$（如权重全为 0）时是
        `nan`。

    Raises:
        TypeError: 元素不是实数，`n_power_iterations` 不是整数。
        ValueError: `weight` 不到两维，`u`、`v` 的形状不对，`axis` 超出范围，次数为负，`eps` 不是正数。

    References:
        Miyato, Kataoka, Koyama & Yoshida (2018), arXiv:1802.05957，算法 1。

    Examples:
        >>> weight, u, v = spectral_norm([[4.0, 0], [0, 1]], [0.6, 0.8], [1.0, 0], n_power_iterations=20)
        >>> weight.round(6).tolist()
        [[1.0, 0.0], [0.0, 0.25]]
    """
    (w, u_, v_), dtype = as_floats(weight=weight, u=u, v=v)
    _, sigma, u_, v_ = _power(w, u_, v_, n_power_iterations, axis, eps)
    return SpectralNorm(result(w / sigma, dtype), result(u_, dtype), result(v_, dtype))


@quiet
def spectral_norm_backward(
    dy: ArrayLike,
    weight: ArrayLike,
    u: ArrayLike,
    v: ArrayLike,
    *,
    n_power_iterations: int = 1,
    axis: int = 0,
    eps: float = 1e-12,
) -> Array:
    r"""`spectral_norm` 对权重的反向；$u,v$ 当作常数。

    记 $Y=W/\sigma$、$\bar Y=\partial L/\partial Y$。$u,v$ 不变时 $\mathrm d\sigma=u^\top\mathrm dW\,v$，即
    $\partial\sigma/\partial W=uv^\top$，所以

    $$\bar W=\frac{\bar Y}{\sigma}+\frac{\partial L}{\partial\sigma}\,uv^\top
    =\frac1\sigma\bigl(\bar Y-\langle\bar Y,Y\rangle\,uv^\top\bigr).$$

    $u,v$ 是前向更新之后的。迭代收敛时（两个奇异值不等）这也是精确的导数：单位向量的变化对 $\sigma$ 没有一阶的
    影响；没有收敛时 $u,v$ 对 $W$ 的依赖被略去，论文与 PyTorch 都如此。

    Args:
        dy: $\bar Y$，与 `weight` 同形。
        weight: 同 `spectral_norm`。
        u: 同 `spectral_norm`，更新之前的。
        v: 同 `spectral_norm`，更新之前的。
        n_power_iterations: 同 `spectral_norm`。
        axis: 同 `spectral_norm`。
        eps: 同 `spectral_norm`。

    Returns:
        `dweight`；`u`、`v` 是缓冲区，没有梯度。

    Raises:
        TypeError: 同 `spectral_norm`。
        ValueError: 同 `spectral_norm`，或 `dy` 的形状不对。

    References:
        Miyato et al. (2018), arXiv:1802.05957，§2.3。

    Examples:
        >>> options = {"n_power_iterations": 0}
        >>> spectral_norm_backward([[1.0, 1], [1, 1]], [[4.0, 0], [0, 1]], [1.0, 0], [1.0, 0], **options)
        array([[-0.0625,  0.25  ],
               [ 0.25  ,  0.25  ]])
    """
    (dy_, w, u_, v_), dtype = as_floats(dy=dy, weight=weight, u=u, v=v)
    matrix, sigma, u_, v_ = _power(w, u_, v_, n_power_iterations, axis, eps)
    has_shape("dy", dy_, w.shape, like="`weight`")
    rows = np.moveaxis(dy_, axis, 0)
    flat = rows.reshape(matrix.shape)
    flat = (flat - (flat * (matrix / sigma)).sum() * np.outer(u_, v_)) / sigma
    return result(np.moveaxis(flat.reshape(rows.shape), 0, axis), dtype)


def _power(
    weight: Array, u: Array, v: Array, iterations: int, axis: int, eps: float
) -> tuple[Array, Array, Array, Array]:
    """矩阵、最大奇异值的估计，迭代之后的 `u`、`v`。"""
    integer("n_power_iterations", iterations, minimum=0)
    eps = real("eps", eps, above=0)
    if weight.ndim < 2:
        raise ValueError(
            problem("weight", "至少二维的数组", f"形状 {weight.shape}", "一维的权重请用 weight_norm")
        )
    rows = np.moveaxis(weight, normal_axis(axis, weight.ndim), 0)
    matrix = rows.reshape(len(rows), prod(rows.shape[1:]))
    has_shape("u", u, matrix.shape[:1], like="矩阵的列向量")
    has_shape("v", v, matrix.shape[1:], like="矩阵的行向量")
    for _ in range(iterations):
        before, v = u, unit(matrix.T @ u, (0,), eps)[0]
        u = unit(matrix @ v, (0,), eps)[0]
        if np.array_equal(u, before, equal_nan=True):
            break  # 到了不动点，再迭代也一样
    return matrix, u @ matrix @ v, u, v
