r"""多类的逻辑回归（softmax 回归），用牛顿法求精确的极小。"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import integer, problem, real
from dlnotes.nn._arrays import Array, as_floats, integers, result
from dlnotes.nn.losses import cross_entropy, cross_entropy_backward
from dlnotes.nn.softmax import softmax

__all__ = ["SoftmaxRegression", "softmax_regression"]


class SoftmaxRegression(NamedTuple):
    """softmax 回归的结果；logits 是 `x @ weight.T + bias`。

    Attributes:
        weight: 形状 `(K, D)`；各类之和是 0（给所有的类加同一个向量，概率不变，这里取和为 0 的那一个）。
        bias: 形状 `(K,)`，和也是 0。
        losses: 起点与每一步牛顿法之后的目标函数，形状 `(步数 + 1,)`。
        accuracy: 训练集上的准确率。
    """

    weight: Array
    bias: Array
    losses: Array
    accuracy: float


def softmax_regression(
    x: ArrayLike, y: ArrayLike, *, l2: float = 0.0, max_iter: int = 30, tol: float = 1e-10
) -> SoftmaxRegression:
    r"""多类的逻辑回归：使正则化的平均交叉熵最小。

    $$\min_{W,b}\ -\frac1N\sum_n\log p_{n,y_n}+\frac\lambda2\lVert W\rVert_F^2,\qquad
    p_n=\operatorname{softmax}(Wx_n+b)$$

    $\lambda$ 是 `l2`，偏置不罚；scikit-learn 的 `C` 是 $1/(N\lambda)$。目标是凸的。记 $\tilde x=(x,1)$，黑塞
    矩阵的第 $(j,k)$ 块是 $\frac1N\sum_np_{nj}(\delta_{jk}-p_{nk})\tilde x_n\tilde x_n^\top$，加上 $\lambda$。
    它沿“所有的类一起平移”的方向是奇异的，梯度在那里没有分量，所以补上
    $\frac1K\mathbf 1\mathbf 1^\top\otimes I$ 不改变牛顿步。步长折半，直到目标下降。

    `l2=0` 而数据能被平面分开时没有极小：权重一直变大，曲率一直变小，到 $10^{-12}$（相对）或走完 `max_iter` 步
    就报错。

    Args:
        x: 形状 `(N, D)`；各列的尺度相差太大时先标准化。
        y: 形状 `(N,)` 的类别，`0 … K - 1` 每一类都要有，`K` 至少为 2。
        l2: $\lambda$，不小于 0。
        max_iter: 牛顿法最多几步。
        tol: 一步里变化最大的系数 $\lVert\Delta\rVert_\infty\le\text{tol}\,(1+\lVert W\rVert_\infty)$ 就停。

    Returns:
        `SoftmaxRegression(weight, bias, losses, accuracy)`；内部用 float64，结果的类型同 `x`。

    Raises:
        TypeError: 元素不是实数，类别不是整数，或选项不是数。
        ValueError: 形状或类别不对，选项超出范围，或没有收敛（数据可分，或有列线性相关而 `l2=0`）。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*，§4.3.4，式 (4.109) 与 (4.110)。

    Examples:
        >>> fit = softmax_regression([[0], [0], [0], [1], [1], [1]], [0, 0, 1, 0, 1, 1])
        >>> fit.weight.ravel().round(4)  # 对数几率从 -log 2 到 log 2，两类各分一半
        array([-0.6931,  0.6931])
    """
    (values,), dtype = as_floats(x=x)
    labels = _labels(values, integers("y", y))
    penalty = real("l2", l2, minimum=0)
    steps, close = integer("max_iter", max_iter, minimum=1), real("tol", tol, above=0)
    count, classes = len(values), int(labels.max()) + 1
    design = np.column_stack([values.astype(np.float64), np.ones(count)])
    decay = np.full(design.shape[1], penalty)
    decay[-1] = 0  # 偏置不罚
    w = np.zeros((classes, design.shape[1]))

    def objective(w: Array) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # 步子太长时溢出，折半就好
            return float(cross_entropy(design @ w.T, labels) + 0.5 * (decay * w**2).sum())

    losses = [objective(w)]
    for _ in range(steps):
        logits = design @ w.T
        gradient = cross_entropy_backward(1.0, logits, labels).T @ design + decay * w
        curvature = _hessian(design, softmax(logits), decay)
        try:
            step = np.linalg.solve(curvature, gradient.ravel()).reshape(w.shape)
        except np.linalg.LinAlgError:
            break
        rate = 1.0
        while rate > 1e-6 and not objective(w - rate * step) <= losses[-1]:
            rate /= 2
        moved = rate > 1e-6
        w = w - rate * step if moved else w
        losses.append(objective(w))
        if not penalty and np.linalg.cond(curvature) > 1e12:  # 平的方向：可分，或列线性相关
            break
        if np.abs(step).max() <= close * (1 + np.abs(w).max()) or not moved:
            guessed: NDArray[np.int64] = (design @ w.T).argmax(1)
            return SoftmaxRegression(
                result(w[:, :-1], dtype),
                result(w[:, -1], dtype),
                result(losses, dtype),
                float((guessed == labels).mean()),
            )
    remedy = "数据能被平面分开、或有列线性相关时没有唯一的极小，请给正的 l2，或先标准化、去掉多余的列"
    raise ValueError(problem("l2", "使牛顿法收敛的值", f"{l2!r}，{len(losses) - 1} 步之后没有收敛", remedy))


def _labels(x: Array, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise ValueError(
            problem("x", "形状 (N, D) 的非空数组，元素有限", f"形状 {x.shape}", "请检查形状与缺失的值")
        )
    if labels.shape != (len(x),):
        raise ValueError(problem("y", f"形状 ({len(x)},) 的类别", f"形状 {labels.shape}", "每个样本一个"))
    kinds = np.unique(labels)
    if len(kinds) < 2 or not np.array_equal(kinds, np.arange(len(kinds))):
        got = f"{kinds[:10].tolist()}"
        raise ValueError(
            problem("y", "0 … K-1 每一类都有（至少两类）", got, "请用 np.unique(y, return_inverse=True) 重编")
        )
    return labels


def _hessian(design: Array, p: Array, decay: Array) -> Array:
    """`(K(D+1), K(D+1))`，已补上平移的方向。"""
    count, classes = p.shape
    size = design.shape[1]
    hessian: Any = np.empty((classes, size, classes, size))
    for j in range(classes):
        for k in range(classes):
            weights = p[:, j] * ((j == k) - p[:, k]) / count
            hessian[j, :, k] = (design * weights[:, np.newaxis]).T @ design + np.eye(size) / classes
        hessian[j, :, j] += np.diag(decay)
    return np.asarray(hessian.reshape(classes * size, -1))
