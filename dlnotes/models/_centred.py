"""`ridge` 与 `lasso` 共用的：检查，减去均值。"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_floats


def centred(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array, tuple[Array, Array], np.dtype[Any]]:
    """中心化的 `x`、`y`，两者的均值，结果的类型。"""
    (values, target), dtype = as_floats(x=x, y=y)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            problem("x", "形状 (N, D) 的非空数组", f"形状 {values.shape}", "一个特征请用 x[:, np.newaxis]")
        )
    if target.shape != (len(values),):
        raise ValueError(
            problem("y", f"形状 ({len(values)},) 的数组", f"形状 {target.shape}", "每个样本一个数")
        )
    for name, array in (("x", values), ("y", target)):
        if not np.isfinite(array).all():
            raise ValueError(problem(name, "有限的数", "NaN 或无穷大", "请先补上或去掉缺失的值"))
    wide, goal = values.astype(np.float64), target.astype(np.float64)
    means = wide.mean(0), goal.mean()
    shifted = np.where((wide == wide[0]).all(0), 0, wide - means[0])  # 常数列正好是 0
    return shifted, goal - means[1], means, dtype
