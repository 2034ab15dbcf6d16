r"""近端梯度：软阈值，解 LASSO 的 ISTA 与 FISTA。

光滑的部分走一步梯度，不光滑的部分作一次近端映射

$$\operatorname{prox}_{h}(v)=\arg\min_x\ h(x)+\tfrac12\lVert x-v\rVert_2^2$$

$h=\lambda\lVert\cdot\rVert_1$ 时它是软阈值，所以 L1 得到恰好是 0 的分量；
$h=\frac\lambda2\lVert\cdot\rVert_2^2$ 时它只是按比例缩小，永远不到 0。

References:
    Parikh & Boyd (2014), *Proximal Algorithms*，§1.1（定义）、§4.2（近端梯度）、§6.5（范数）。
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, real
from dlnotes.linalg.norms import l1, spectral
from dlnotes.nn._arrays import Array, as_floats, has_shape, result

__all__ = ["Solution", "fista", "ista", "shrink", "soft_threshold"]


class Solution(NamedTuple):
    """`ista` 与 `fista` 的结果。

    Attributes:
        x: 最后的点，形状 `(N,)`。
        objectives: 各步的目标值，第 0 个是起点的，形状 `(步数 + 1,)`。
        converged: 是否到了容差；否则是走满了步数。
    """

    x: Array
    objectives: Array
    converged: bool


def soft_threshold(x: ArrayLike, threshold: float) -> Array:
    r"""软阈值：向 0 靠近 $\lambda$，靠过头就停在 0；$\lambda\lVert\cdot\rVert_1$ 的近端映射。

    $$S_\lambda(x)=\operatorname{sign}(x)\,\max(\lvert x\rvert-\lambda,0)
    =\arg\min_z\ \lambda\lvert z\rvert+\tfrac12(z-x)^2$$

    Args:
        x: 任意形状。
        threshold: $\lambda$，不小于 0。

    Returns:
        与 `x` 同形；`nan` 仍是 `nan`。

    Raises:
        TypeError: 元素或 `threshold` 不是实数。
        ValueError: `threshold` 是负数。

    Examples:
        >>> soft_threshold([3.0, -0.5, -2.0], 1.0)
        array([ 2.,  0., -1.])
    """
    bound = real("threshold", threshold, minimum=0)
    (values,), dtype = as_floats(x=x)
    return result(_soft(values, bound), dtype)


def shrink(x: ArrayLike, strength: float) -> Array:
    r"""按比例缩小：$\frac\lambda2\lVert\cdot\rVert_2^2$ 的近端映射，与软阈值对照。

    $$\frac{x}{1+\lambda}=\arg\min_z\ \tfrac\lambda2z^2+\tfrac12(z-x)^2$$

    Args:
        x: 任意形状。
        strength: $\lambda$，不小于 0。

    Returns:
        与 `x` 同形。

    Raises:
        TypeError: 元素或 `strength` 不是实数。
        ValueError: `strength` 是负数。

    Examples:
        >>> shrink([3.0, -0.5, -2.0], 1.0)
        array([ 1.5 , -0.25, -1.  ])
    """
    weight = real("strength", strength, minimum=0)
    (values,), dtype = as_floats(x=x)
    return result(values / (1 + weight), dtype)


def ista(
    a: ArrayLike,
    b: ArrayLike,
    penalty: float,
    *,
    x0: ArrayLike | None = None,
    steps: int = 10_000,
    tolerance: float = 1e-8,
) -> Solution:
    r"""ISTA：走一步梯度，再作软阈值。

    $$\min_x\ F(x)=\tfrac12\lVert Ax-b\rVert_2^2+\lambda\lVert x\rVert_1,\qquad
    x\leftarrow S_{\lambda/L}\Bigl(x-\tfrac1LA^\top(Ax-b)\Bigr),\quad L=\lVert A\rVert_2^2$$

    $F$ 从不增加，$F(x_k)-F^*\le L\lVert x_0-x^*\rVert^2/(2k)$。$\lambda\ge\lVert A^\top b\rVert_\infty$ 时解
    是 0。

    Args:
        a: 矩阵 $A$，形状 `(M, N)`，有限。
        b: 形状 `(M,)`，有限。
        penalty: $\lambda$，不小于 0；损失**没有**除以样本数（scikit-learn 的 `Lasso` 除以，相当于
            $\alpha=\lambda/M$）。
        x0: 起点，形状 `(N,)`；默认是 0。
        steps: 最多走几步。
        tolerance: 一步的位移乘 $L$（梯度映射，最优时是 0）的最大分量不超过它乘 $\lVert A^\top b\rVert_\infty$
            就停；0 是走满为止。

    Returns:
        最后的点、各步的目标值、是否到了容差。

    Raises:
        TypeError: 元素不是实数，或选项的类型不对。
        ValueError: 形状不对，有 `nan` 或 `inf`，选项是负数，或 $A$ 大得平方溢出。

    References:
        Beck & Teboulle (2009), A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems,
        SIAM J. Imaging Sciences 2(1)，§3，定理 3.1。

    Examples:
        >>> solution = ista([[1.0, 0.0], [0.0, 2.0]], [3.0, 1.0], 1.0)
        >>> solution.x.round(6), solution.converged  # 正交的列：每个分量各自作软阈值
        (array([2.  , 0.25]), True)
    """
    return _solve(a, b, penalty, x0, steps, tolerance, accelerated=False)


def fista(
    a: ArrayLike,
    b: ArrayLike,
    penalty: float,
    *,
    x0: ArrayLike | None = None,
    steps: int = 10_000,
    tolerance: float = 1e-8,
) -> Solution:
    r"""FISTA：在外推的点上走 ISTA 的一步。

    $$x_k=S_{\lambda/L}\Bigl(y_k-\tfrac1LA^\top(Ay_k-b)\Bigr),\quad t_{k+1}=\tfrac{1+\sqrt{1+4t_k^2}}2,\quad
    y_{k+1}=x_k+\tfrac{t_k-1}{t_{k+1}}(x_k-x_{k-1})$$

    $F(x_k)-F^*\le2L\lVert x_0-x^*\rVert^2/(k+1)^2$：快一个数量级，但 $F$ 不再单调，会来回起伏。

    Args:
        a: 同 `ista`。
        b: 同 `ista`。
        penalty: 同 `ista`。
        x0: 同 `ista`。
        steps: 同 `ista`。
        tolerance: 同 `ista`。

    Returns:
        同 `ista`。

    Raises:
        TypeError: 同 `ista`。
        ValueError: 同 `ista`。

    References:
        Beck & Teboulle (2009)，式 (4.1)–(4.3)，定理 4.4。

    Examples:
        >>> solution = fista([[1.0, 1.0], [1.0, -1.0]], [4.0, 1.0], 1.0)
        >>> solution.x.round(6)
        array([2., 1.])
    """
    return _solve(a, b, penalty, x0, steps, tolerance, accelerated=True)


def _solve(
    a: ArrayLike,
    b: ArrayLike,
    penalty: float,
    x0: ArrayLike | None,
    steps: int,
    tolerance: float,
    *,
    accelerated: bool,
) -> Solution:
    weight, limit = real("penalty", penalty, minimum=0), real("tolerance", tolerance, minimum=0)
    integer("steps", steps, minimum=0)
    (matrix, target, first), dtype = as_floats(a=a, b=b, optional={"x0": x0})
    if matrix.ndim != 2:
        raise ValueError(problem("a", "两维的数组", f"{matrix.ndim} 维的", "请写成 (样本数, 特征数) 的矩阵"))
    has_shape("b", target, matrix.shape[:1], like=" `a` 的行")
    x = np.zeros(matrix.shape[1], matrix.dtype) if first is None else first.copy()
    has_shape("x0", x, matrix.shape[1:], like=" `a` 的列")
    for name, array in (("a", matrix), ("b", target), ("x0", x)):
        if not np.isfinite(array).all():
            raise ValueError(problem(name, "有限的数", "nan 或 inf", "请先查它从哪里来"))
    with np.errstate(over="ignore", invalid="ignore"):
        lipschitz = float(np.square(spectral(matrix))) or 1.0  # A = 0 时步长随意
        scale = float(np.abs(matrix.T @ target).max(initial=0))
        objectives = [_objective(matrix, target, weight, x)]
    if not np.isfinite([lipschitz, scale, objectives[0]]).all():
        raise ValueError(problem("a", f"平方不超出 {dtype} 的矩阵", "会溢出的", "请先缩小 a 与 b"))
    y, t, converged = x, 1.0, False
    for _ in range(steps):
        new = _soft(y - matrix.T @ (matrix @ y - target) / lipschitz, weight / lipschitz)
        objectives.append(_objective(matrix, target, weight, new))
        converged = bool(lipschitz * np.abs(new - y).max(initial=0) <= limit * scale)
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        y = new + (t - 1) / following * (new - x) if accelerated else new
        x, t = new, following
        if converged and limit > 0:
            break
    return Solution(result(x, dtype), np.array(objectives, dtype), converged)


def _objective(a: Array, b: Array, penalty: float, x: Array) -> Any:
    residual = a @ x - b
    return residual @ residual / 2 + penalty * l1(x)


def _soft(x: Array, threshold: float) -> Array:
    # 写成两段之差：阈值以内恰好是 +0，`nan` 传得下去
    return np.asarray(np.maximum(x - threshold, 0) + np.minimum(x + threshold, 0))
