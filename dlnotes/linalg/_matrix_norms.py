"""矩阵的范数：看最后两轴。"""

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.linalg._vector_norms import finite, l1, l2, positive_power
from dlnotes.nn._arrays import Array, as_floats, result


def frobenius(a: ArrayLike) -> Array:
    r"""Frobenius 范数：全部元素的平方和的根，也是奇异值的 2-范数。

    $$\lVert A\rVert_F=\sqrt{\sum_{ij}a_{ij}^2}=\sqrt{\operatorname{tr}(A^\top A)}=\sqrt{\sum_k\sigma_k^2}$$

    Args:
        a: 形状 `(..., M, N)`。

    Returns:
        形状 `(...)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `a` 少于两维。

    Examples:
        >>> float(frobenius([[3.0, 0.0], [0.0, 4.0]]))
        5.0
    """
    matrix, dtype = _matrix(a, bounded=False)
    return result(l2(matrix.reshape(*matrix.shape[:-2], -1), axis=-1), dtype)


def spectral(a: ArrayLike) -> Array:
    r"""谱范数：最大的奇异值，矩阵最多能把一个向量拉长几倍（2-诱导范数）。

    $$\lVert A\rVert_2=\sigma_1=\max_{\lVert x\rVert_2=1}\lVert Ax\rVert_2$$

    Args:
        a: 形状 `(..., M, N)`。

    Returns:
        形状 `(...)`；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `a` 少于两维，或有 `nan` 或 `inf`。

    Examples:
        >>> float(spectral([[3.0, 0.0], [0.0, 4.0]]))
        4.0
    """
    matrix, dtype = _matrix(a)
    return result(np.linalg.svd(matrix, compute_uv=False).max(axis=-1, initial=0), dtype)


def nuclear(a: ArrayLike) -> Array:
    r"""核范数（迹范数）：奇异值之和，谱范数的对偶；在谱范数不大于 1 的矩阵上，它是秩的凸包络。

    $$\lVert A\rVert_*=\sum_k\sigma_k$$

    Args:
        a: 形状 `(..., M, N)`。

    Returns:
        形状 `(...)`；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `a` 少于两维，或有 `nan` 或 `inf`。

    References:
        Fazel, Hindi & Boyd (2001), A rank minimization heuristic with application to minimum order system
        approximation, ACC（凸包络）。

    Examples:
        >>> float(nuclear([[3.0, 0.0], [0.0, 4.0]]))
        7.0
    """
    matrix, dtype = _matrix(a)
    return result(np.linalg.svd(matrix, compute_uv=False).sum(axis=-1), dtype)


def induced(a: ArrayLike, p: float) -> Array:
    r"""由向量的 $p$-范数诱导的矩阵范数，$p$ 是 1、2 或 `inf`。

    $$\lVert A\rVert_p=\max_{x\ne0}\frac{\lVert Ax\rVert_p}{\lVert x\rVert_p},\qquad
    \lVert A\rVert_1=\max_j\sum_i\lvert a_{ij}\rvert,\quad\lVert A\rVert_2=\sigma_1,\quad
    \lVert A\rVert_\infty=\max_i\sum_j\lvert a_{ij}\rvert$$

    1 是列的绝对值之和的最大，$\infty$ 是行的。与把矩阵当成向量的 `lp` 不是一回事。别的 $p$ 没有闭式。

    Args:
        a: 形状 `(..., M, N)`。
        p: 1、2 或 `inf`。

    Returns:
        形状 `(...)`；没有元素时是 0。

    Raises:
        TypeError: 元素不是实数，或 `p` 不是数。
        ValueError: `a` 少于两维，`p` 是别的数，或 $p=2$ 而 `a` 有 `nan` 或 `inf`。

    References:
        Golub & Van Loan (2013), *Matrix Computations*, §2.3。

    Examples:
        >>> float(induced([[1.0, -2.0], [3.0, 4.0]], 1)), float(induced([[1.0, -2.0], [3.0, 4.0]], np.inf))
        (6.0, 7.0)
    """
    power = positive_power(p)
    if power not in (1, 2, inf):
        raise ValueError(problem("p", "1、2 或 inf", repr(p), "别的诱导范数没有闭式，请换一个"))
    if power == 2:
        return spectral(a)
    matrix, dtype = _matrix(a, bounded=False)
    sums = l1(matrix, axis=-2 if power == 1 else -1)
    return result(sums.max(axis=-1, initial=0), dtype)


def _matrix(a: ArrayLike, *, bounded: bool = True) -> tuple[Array, np.dtype[np.floating]]:
    (matrix,), dtype = as_floats(a=a)
    if matrix.ndim < 2:
        raise ValueError(problem("a", "至少两维的数组", f"{matrix.ndim} 维的", "向量请用 lp，或先写成矩阵"))
    if bounded:
        finite("a", matrix)
    return matrix, dtype
