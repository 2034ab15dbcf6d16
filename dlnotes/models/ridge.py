r"""岭回归：线性回归加 L2 惩罚，有闭式解。

拟合 $\hat y=Xw+b$，截距 $b$ 不罚：先把 $X$ 的各列与 $y$ 减去均值，求 $w$，再取 $b=\bar y-\bar x^\top w$。惩罚
与列的尺度有关，所以各列一般先标准化。
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import real
from dlnotes.models._centred import centred
from dlnotes.nn._arrays import Array, result

__all__ = ["Ridge", "ridge"]


class Ridge(NamedTuple):
    """`ridge` 的结果；预测是 `x @ weight + bias`。

    Attributes:
        weight: 形状 `(D,)`。
        bias: 截距，0 维。
    """

    weight: Array
    bias: Array


def ridge(x: ArrayLike, y: ArrayLike, *, alpha: float = 1.0) -> Ridge:
    r"""岭回归。

    $$\min_{w,b}\lVert y-Xw-b\rVert^2+\alpha\lVert w\rVert^2,\qquad w=(X^\top X+\alpha I)^{-1}X^\top y$$

    后一式里的 $X$、$y$ 已经中心化。

    不写出 $X^\top X$（条件数会平方）：它就是在 $X$ 下面添上 $\sqrt\alpha I$、在 $y$ 下面添上 0 的最小二乘。
    `alpha=0` 是普通的最小二乘，列线性相关时取范数最小的解。

    Args:
        x: 形状 `(N, D)`。
        y: 形状 `(N,)`。
        alpha: $\alpha$，不小于 0；记号与 scikit-learn 的 `Ridge` 相同（没有除以 $N$）。

    Returns:
        `Ridge(weight, bias)`；内部用 float64，结果的类型由输入定。

    Raises:
        TypeError: 元素不是实数，或 `alpha` 不是数。
        ValueError: 形状不对，元素不是有限的，或 `alpha` 是负数。

    References:
        Hastie, Tibshirani & Friedman (2009), *The Elements of Statistical Learning*, 2nd ed.，式 (3.41) 与
        (3.44)；添行见习题 3.12。

    Examples:
        >>> fit = ridge([[-1.0], [1.0]], [0.0, 4.0], alpha=2.0)  # 最小二乘的斜率是 2，缩成 4/(2+2)
        >>> fit.weight.round(6), float(fit.bias.round(6))
        (array([1.]), 2.0)
    """
    shifted, target, means, dtype = centred(x, y)
    penalty = real("alpha", alpha, minimum=0)
    size = shifted.shape[1]
    rows = np.concatenate([shifted, np.sqrt(penalty) * np.eye(size)])
    w = np.linalg.lstsq(rows, np.concatenate([target, np.zeros(size)]))[0]
    return Ridge(result(w, dtype), result(means[1] - means[0] @ w, dtype))
