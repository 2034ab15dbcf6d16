"""`boxes` 的底层：检查输入，统一两种坐标约定，量一对框的公共几何量。"""

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dlnotes._check import boolean, problem

FloatArray = npt.NDArray[np.floating[Any]]

# 坐标在此之内，面积与对角线的平方就不会溢出。
_LIMIT = {np.dtype(np.float32): 1e18, np.dtype(np.float64): 1e150}


class Pair(NamedTuple):
    """广播后的一对框，连续坐标，float64；`dtype` 是结果应有的类型。"""

    a: FloatArray
    b: FloatArray
    iou: FloatArray
    union: FloatArray
    enclosing: FloatArray
    dtype: np.dtype[Any]


def compare(a: npt.ArrayLike, b: npt.ArrayLike, pixels: bool) -> Pair:
    """量两组框的 IoU、并集面积、外接框。"""
    first, second = boxes("a", a), boxes("b", b)
    _broadcastable(first, second)
    dtype = np.result_type(first, second)
    first, second = continuous(first, pixels), continuous(second, pixels)
    near, far = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    width_height = np.maximum(far - near, 0)
    intersection = width_height[..., 0] * width_height[..., 1]
    union = area(first) + area(second) - intersection
    low, high = np.minimum(first[..., :2], second[..., :2]), np.maximum(first[..., 2:], second[..., 2:])
    enclosing = np.concatenate([low, high], axis=-1)
    return Pair(first, second, ratio(intersection, union), union, enclosing, dtype)


def continuous(checked: FloatArray, pixels: bool) -> FloatArray:
    """换成 float64 的连续坐标：含两端的像素下标等价于右下角各加 1。"""
    boolean("pixels", pixels)
    return checked.astype(np.float64) + ([0, 0, 1, 1] if pixels else 0)


def size(corners: FloatArray) -> FloatArray:
    """宽与高，形状 `(..., 2)`。"""
    return corners[..., 2:] - corners[..., :2]


def area(corners: FloatArray) -> FloatArray:
    """面积，形状 `(...)`。"""
    width_height = size(corners)
    return width_height[..., 0] * width_height[..., 1]


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """逐元素相除；分母为 0 时取 0。"""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)


def result(value: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
    """换成结果的类型；0 维数组换成标量，与 numpy 的函数一致。"""
    converted: FloatArray = np.asarray(value, dtype)[()]
    return converted


def boxes(argument: str, value: npt.ArrayLike) -> FloatArray:
    """检查一组框，返回 float32 或 float64 的数组。"""
    array = numbers(argument, value)
    if array.ndim == 0 or array.shape[-1] != 4:
        remedy = "最后一轴请给 (x1, y1, x2, y2)，没有框时请给 np.empty((0, 4))"
        raise ValueError(problem(argument, "形状 (..., 4) 的数组", f"形状 {array.shape}", remedy))
    limit = _LIMIT[array.dtype]
    bad = ~(np.abs(array) <= limit)  # nan 的比较为假，一并算作不合格
    if bad.any():
        expected = f"绝对值不超过 {limit:g} 的有限坐标"
        raise ValueError(
            problem(argument, expected, str(array[bad][0]), "请去掉 nan、inf，或换用更大的长度单位")
        )
    flipped = (size(array) < 0).any(axis=-1)
    if flipped.any():
        got, remedy = str(array[flipped][0].tolist()), "请对调坐标；若是 (x, y, w, h)，请先换算"
        raise ValueError(problem(argument, "满足 x1 <= x2 且 y1 <= y2 的框", got, remedy))
    return array


def list_of_boxes(argument: str, value: npt.ArrayLike) -> FloatArray:
    """检查一列框，形状必须是 `(N, 4)`。"""
    array = boxes(argument, value)
    if array.ndim != 2:
        remedy = "单个框请写成 [[x1, y1, x2, y2]]"
        raise ValueError(problem(argument, "形状 (N, 4) 的数组", f"形状 {array.shape}", remedy))
    return array


def scores(value: npt.ArrayLike, count: int) -> FloatArray:
    """检查 `count` 个框的分数。"""
    array = numbers("scores", value).astype(np.float64)
    if array.shape != (count,):
        raise ValueError(
            problem("scores", f"形状 ({count},) 的数组", f"形状 {array.shape}", "请给每个框一个分数")
        )
    if not np.isfinite(array).all():
        got = str(array[~np.isfinite(array)][0])
        raise ValueError(problem("scores", "有限的实数", got, "nan 与 inf 排不出先后，请先去掉"))
    return array


def threshold(value: float) -> float:
    """检查 IoU 的阈值。"""
    expected, remedy = "[0, 1] 内的实数", "请给比例而不是百分数，常取 0.5"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(problem("iou_threshold", expected, repr(value), remedy))
    if not 0 <= value <= 1:
        raise ValueError(problem("iou_threshold", expected, repr(value), remedy))
    return float(value)


def numbers(argument: str, value: npt.ArrayLike) -> FloatArray:
    """换成数组：float32 不变，其他实数变成 float64。"""
    try:
        array = np.asarray(value)
    except ValueError:
        remedy = "请让每一行一样长"
        raise ValueError(problem(argument, "规则的数组", "长短不一的嵌套序列", remedy)) from None
    if array.dtype.kind not in "iuf":
        got, remedy = f"dtype 为 {array.dtype} 的数组", "请先换成整数或浮点数"
        raise TypeError(problem(argument, "实数数组", got, remedy))
    return array if array.dtype == np.float32 else array.astype(np.float64)


def _broadcastable(a: FloatArray, b: FloatArray) -> None:
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        expected, remedy = f"能与 `a` 的形状 {a.shape} 广播的数组", "两两比较请用 pairwise"
        raise ValueError(problem("b", expected, f"形状 {b.shape}", remedy)) from None
