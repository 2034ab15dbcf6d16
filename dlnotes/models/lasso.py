r"""Lasso：线性回归加 L1 惩罚，坐标下降；许多系数正好是 0。

截距不罚，各列一般先标准化，同 [`ridge`][dlnotes.models.ridge]。
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, real
from dlnotes.models._centred import centred
from dlnotes.nn._arrays import Array, result

__all__ = ["Lasso", "lasso"]


class Lasso(NamedTuple):
    """`lasso` 的结果；预测是 `x @ weight + bias`。

    Attributes:
        weight: 形状 `(D,)`，许多个正好是 0。
        bias: 截距，0 维。
        losses: 起点与每一轮之后的目标函数，形状 `(轮数 + 1,)`。
        gap: 最后的对偶间隙：目标函数离最小值不超过它。
    """

    weight: Array
    bias: Array
    losses: Array
    gap: float


def lasso(
    x: ArrayLike, y: ArrayLike, *, alpha: float = 1.0, max_iter: int = 10_000, tol: float = 1e-10
) -> Lasso:
    r"""L1 惩罚的线性回归，坐标下降。

    $$\min_{w,b}\frac1{2N}\lVert y-Xw-b\rVert^2+\alpha\lVert w\rVert_1$$

    只动 $w_d$ 时有闭式解：$r_{(d)}$ 是不算第 $d$ 列的残差，

    $$w_d=\frac{S\!\left(\tfrac1Nx_d^\top r_{(d)},\,\alpha\right)}{\tfrac1N\lVert x_d\rVert^2},\qquad
    S(z,\alpha)=\operatorname{sign}(z)\max(\lvert z\rvert-\alpha,\,0).$$

    什么时候停由对偶间隙定：残差 $r$ 缩成对偶可行的点
    $\theta=r\cdot\min(1,\ N\alpha/\lVert X^\top r\rVert_\infty)$，目标函数减去
    $\frac1{2N}(\lVert y\rVert^2-\lVert y-\theta\rVert^2)$ 就是离最小值的上界，不用猜。

    Args:
        x: 形状 `(N, D)`。
        y: 形状 `(N,)`。
        alpha: $\alpha$，正数；记号与 scikit-learn 的 `Lasso` 相同。不小于 $\lVert X^\top y\rVert_\infty/N$ 时
            $w=0$。
        max_iter: 最多几轮，一轮把每个坐标动一次。
        tol: 对偶间隙不超过 `tol`·$\lVert y-\bar y\rVert^2/N$ 就停。

    Returns:
        `Lasso(weight, bias, losses, gap)`；内部用 float64，结果的类型由输入定。

    Raises:
        TypeError: 元素不是实数，或选项不是数。
        ValueError: 形状不对，元素不是有限的，选项超出范围，或 `max_iter` 轮之后间隙还太大。

    References:
        Friedman, Hastie & Tibshirani (2010), Regularization paths for generalized linear models via
        coordinate descent, J. Stat. Software 33(1)，§2.1，式 (5)。

    Examples:
        >>> x = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
        >>> lasso(x, [3.0, 2.0, -2.0, -3.0], alpha=1.0).weight  # 最小二乘是 (2.5, 0.5)，各缩 1
        array([1.5, 0. ])
    """
    shifted, target, means, dtype = centred(x, y)
    penalty, close = real("alpha", alpha, above=0), real("tol", tol, above=0)
    rounds = integer("max_iter", max_iter, minimum=1)
    count = len(target)
    gram, moments = shifted.T @ shifted / count, shifted.T @ target / count
    limit = close * float(target @ target) / count
    w = np.zeros(shifted.shape[1])
    losses, gap = [], np.inf
    for _ in range(rounds + 1):
        residual = target - shifted @ w
        loss, gap = _gap(shifted, target, residual, w, penalty)
        losses.append(loss)
        if gap <= limit:
            return Lasso(result(w, dtype), result(means[1] - means[0] @ w, dtype), result(losses, dtype), gap)
        for d in np.flatnonzero(gram.diagonal()):  # 没有变化的列，系数留在 0
            z = moments[d] - gram[d] @ w + gram[d, d] * w[d]
            w[d] = np.sign(z) * max(abs(z) - penalty, 0.0) / gram[d, d]
    got = f"{rounds}，间隙还有 {gap:.3g}，要求 {limit:.3g}"
    raise ValueError(problem("max_iter", "足够收敛的轮数", got, "请加大它或 `tol`，列的尺度悬殊时先标准化"))


def _gap(x: Array, y: Array, residual: Array, w: Array, alpha: float) -> tuple[float, float]:
    """目标函数与对偶间隙。"""
    count = len(y)
    loss = float(residual @ residual) / (2 * count) + alpha * float(np.abs(w).sum())
    steepest = float(np.abs(x.T @ residual).max())
    dual = residual * min(1.0, count * alpha / steepest if steepest else 1.0)
    return loss, loss - float(y @ y - (y - dual) @ (y - dual)) / (2 * count)
