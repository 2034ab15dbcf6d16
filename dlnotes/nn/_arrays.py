"""各算子共用的入口：数组的类型一次定好，形状不对当场说清。

只读的、不连续的数组都收；从不改动传入的数组。
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import integer, problem, shown

Array = NDArray[Any]  # 浮点数组；是 float32 还是 float64 由输入定

# 装饰一个算子：溢出得 ∞，没有意义的得 nan，都在结果里看得见，不再警告
quiet = np.errstate(all="ignore")


def as_floats(
    *, optional: Mapping[str, ArrayLike | None] | None = None, **arrays: ArrayLike
) -> tuple[list[Any], np.dtype[Any]]:
    """把各参数变成同一种浮点数组，并说结果应是什么类型。

    结果的类型是各数组里最宽的：float32 与 float64 得 float64，整数当作 float64；Python 的数（如 `dy=1.0`）
    不算，免得把 float32 变宽。float16 用 float32 计算。可以不给的写在 `optional` 里，排在最后，`None` 原样
    返回。

        (x, bias), dtype = as_floats(x=x, optional={"bias": bias})
        …
        return result(y, dtype)

    Raises:
        TypeError: 元素不是实数（布尔、复数、字符串、长短不齐的列表），或必须给的数组是 `None`。
    """
    given = arrays
    if optional:
        given = arrays | {name: value for name, value in optional.items() if value is not None}
    found = {name: _real(name, value) for name, value in given.items()}
    # 只有 Python 的数不定类型（NEP 50）；全都是 Python 的数时是 float64。
    kinds = [_kind(array.dtype) for name, array in found.items() if type(given[name]) not in (int, float)]
    dtype = np.result_type(*kinds) if kinds else np.dtype(np.float64)
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    names = [*arrays, *(optional or {})]
    return [found[name].astype(wide, copy=False) if name in found else None for name in names], dtype


def result(array: Any, dtype: np.dtype[Any]) -> Array:
    """把结果转成 `as_floats` 说的类型；0 维的也是数组。float16 装不下的变成无穷大，不警告。"""
    converted: Array = np.asarray(array)
    if converted.dtype != dtype:
        with np.errstate(over="ignore", under="ignore"):
            converted = converted.astype(dtype)
    return converted


def has_shape(name: str, array: Array, shape: tuple[int, ...], *, like: str) -> None:
    """检查形状；`like` 说这个形状从哪里来，如 `"输出"`、`"`x`"`。"""
    if array.shape != shape:
        gap = " " if like[-1] == "`" else ""
        raise ValueError(problem(name, f"形状 {shape}（{like}{gap}的形状）", str(array.shape), "请检查形状"))


def normal_axis(axis: int, ndim: int, *, name: str = "axis") -> int:
    """把可以是负数的轴变成 0 到 `ndim - 1`。"""
    number = integer(name, axis, minimum=None)
    if not -ndim <= number < ndim:
        expected = f"{-ndim} 到 {ndim - 1} 的整数" if ndim else "至少一维的数组的轴"
        raise ValueError(problem(name, expected, shown(axis), f"数组是 {ndim} 维的，请改用它有的轴"))
    return number % ndim


def as_array(value: ArrayLike) -> Array:
    """`np.asarray`，但长短不齐的列表得一个没有元素的对象数组，由随后的检查去说。"""
    try:
        return np.asarray(value)
    except (ValueError, OverflowError):
        return np.empty(0, object)


def booleans(name: str, value: ArrayLike, remedy: str) -> NDArray[np.bool_]:
    """检查并返回一个布尔数组（掩码）。"""
    array = as_array(value)
    if array.dtype != bool:
        got = "None" if value is None else f"{array.dtype} 的数组"
        raise TypeError(problem(name, "布尔数组", got, remedy))
    return array


def integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """检查并返回一个整数数组（类别、下标、长度）；空的列表也算。"""
    array = as_array(value)
    if array.dtype.kind not in "iu" and (array.size or array.dtype.kind == "O"):
        got = "None" if value is None else f"{array.dtype} 的数组"
        raise TypeError(problem(name, "整数数组", got, "请用 astype(int) 写明怎样取整"))
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(problem(name, "int64 装得下的整数", f"其中有 {array.max()}", "请检查数据"))
    return array.astype(np.int64, copy=False)


def scaled(coefficient: Any, array: Array) -> Array:
    """`coefficient * array`，但系数是 0 的地方 ±∞ 也得 0；`nan` 照样得 `nan`。在 `quiet` 的算子里用。"""
    return np.asarray(coefficient * np.where((coefficient == 0) & np.isinf(array), 0, array))


def sizes(name: str, shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """检查要生成的数组的形状：一个长度，或几个长度的元组（列表也行）。"""
    if isinstance(shape, tuple | list):
        return tuple(integer(f"{name}[{axis}]", size, minimum=0) for axis, size in enumerate(shape))
    return (integer(name, shape, minimum=0),)


def generator(name: str, rng: np.random.Generator) -> None:
    """检查随机数生成器。"""
    if not isinstance(rng, np.random.Generator):
        remedy = "请传入 np.random.default_rng(种子)"
        raise TypeError(problem(name, "numpy 的 Generator", shown(rng), remedy))


def _real(name: str, value: ArrayLike) -> Array:
    array = as_array(value)
    if array.dtype.kind not in "iuf":
        if value is None:
            raise TypeError(problem(name, "实数的数组", "None", "这个参数不能省略"))
        kind = "长短不齐或不是数的列表" if array.dtype.kind == "O" else f"{array.dtype} 的数组"
        raise TypeError(problem(name, "实数的数组", kind, "请先用 astype 转成浮点数"))
    return array


@cache  # 训练时每个算子每一步都要问
def _kind(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """整数与 80 位的 longdouble 都当作 float64；字节序一律用本机的。"""
    native = dtype.newbyteorder("=")
    return native if native in (np.float16, np.float32) else np.dtype(np.float64)
