"""损失共用的：怎样归约，检查目标与权重；都在 `quiet` 的算子里用。"""

from typing import Any

import numpy as np

from dlnotes._check import choice, problem
from dlnotes.nn._arrays import Array, has_shape

REDUCTIONS = ("none", "mean", "sum")


def reduce(loss: Array, reduction: str, count: float, *, choices: tuple[str, ...] = REDUCTIONS) -> Array:
    """归约；`mean` 除以 `count`，它是 0 时得 `nan`，不警告。"""
    choice("reduction", reduction, choices)
    if reduction == "none":
        return loss
    return np.asarray(loss.sum() / _divisor(reduction, count, loss.dtype))


def spread(
    dy: Array,
    shape: tuple[int, ...],
    reduction: str,
    count: float,
    *,
    choices: tuple[str, ...] = REDUCTIONS,
) -> Array:
    """归约的反向：`mean` 的伴随是各处都分到 `dy/count`，`sum` 的是各处都分到 `dy`。"""
    choice("reduction", reduction, choices)
    has_shape("dy", dy, shape if reduction == "none" else (), like="输出")
    return np.broadcast_to(dy / _divisor(reduction, count, dy.dtype), shape)


def times(coefficient: Array, value: Array) -> Array:
    """乘积，系数是 0 时得 0：没有选中的项是无穷大、`nan` 也不要紧。"""
    return np.where(coefficient == 0, 0, coefficient * value)


def broadcast(name: str, weight: Array | None, shape: tuple[int, ...]) -> Any:
    """检查权重能广播成 `shape`；没有给就是 1。"""
    if weight is None:
        return 1
    try:
        fits = np.broadcast_shapes(weight.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(problem(name, f"能广播成 {shape} 的形状", str(weight.shape), "请检查形状"))
    return weight


def within(name: str, array: Array, low: float, high: float) -> None:
    """检查各元素在闭区间之内（`nan` 放过，让它传下去）。"""
    if ((array < low) | (array > high)).any():
        expected = f"{low:g} 到 {high:g} 的数" if high < np.inf else f"不小于 {low:g} 的数"
        raise ValueError(problem(name, expected, "界外的数", "请检查是不是传错了数组"))


def _divisor(reduction: str, count: float, dtype: np.dtype[Any]) -> Any:
    return dtype.type(count) if reduction.endswith("mean") else dtype.type(1)
