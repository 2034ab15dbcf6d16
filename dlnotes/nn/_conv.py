r"""各种卷积共用的：检查数组与选项，加偏置和它的伴随。"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, shown
from dlnotes.arch.layers import Conv1d, Conv2d, Padding, Size
from dlnotes.nn import _im2col
from dlnotes.nn._arrays import Array, as_floats, has_shape
from dlnotes.nn._im2col import Grid, check_axes

Gradients = tuple[Array, Array, Array | None]
"""对 `x`、`weight`、`bias` 的梯度；没有偏置时最后一个是 `None`。"""


def checked(axes: int, bias: ArrayLike | None, **arrays: ArrayLike) -> tuple[list[Any], np.dtype[Any]]:
    """变成同一种浮点数组，并检查各有几个轴。"""
    floats, dtype = as_floats(**arrays, optional={"bias": bias})
    for name, array in zip([*arrays, "bias"], floats, strict=True):
        if name == "x":
            check_axes(name, array, ("N, C, L", "N, C, H, W")[axes - 1])
            check_image(array)
        elif name == "weight":
            check_kernel(array, ("F, C/groups, k", "F, C/groups, kh, kw")[axes - 1])
        elif name == "bias" and array is not None:
            filters = (len(floats[list(arrays).index("weight")]),)
            has_shape(name, array, filters, like="`weight` 第 0 轴")
    return floats, dtype


def sliding(
    axes: int,
    x: Array,
    weight: Array,
    stride: Size,
    padding: Padding | str,
    dilation: Size,
    groups: int,
) -> Grid:
    """选项交给 `dlnotes.arch` 的层检查，窗口和输出的大小也由它算。"""
    ends: Any = 0 if isinstance(padding, str) and padding == "valid" else padding
    channels, filters = x.shape[1], len(weight)
    if (channels % integer("groups", groups, minimum=1)) or filters % groups:
        expected = f"通道数 {channels} 与核数 {filters} 的公约数"
        raise ValueError(problem("groups", expected, shown(groups), "请改分组数"))
    if weight.shape[1] != channels // groups:
        remedy = f"`x` 有 {channels} 个通道，分成 {groups} 组；请改核的形状或 `groups`"
        expected = f"第 1 轴为 {channels // groups} 的数组"
        raise ValueError(problem("weight", expected, f"形状 {weight.shape}", remedy))
    kind = Conv1d if axes == 1 else Conv2d
    layer = kind(filters, weight.shape[2:], stride=stride, padding=ends, dilation=dilation)
    return _im2col.slide(layer, *x.shape[1:])


def check_image(x: Array) -> None:
    """检查至少有一个通道、一个位置。"""
    if 0 in x.shape[1:]:
        remedy = "只有批量可以为 0"
        raise ValueError(problem("x", "至少有一个通道、一个位置的数组", f"形状 {x.shape}", remedy))


def check_kernel(weight: Array, letters: str) -> None:
    """检查核有几个轴，各轴都不为 0。"""
    check_axes("weight", weight, letters)
    if weight.size == 0:
        raise ValueError(problem("weight", "各轴都不为 0 的数组", f"形状 {weight.shape}", "请检查核的形状"))


def add(y: Array, bias: Array | None) -> Array:
    """就地加上偏置；`y` 是刚算出的，不是使用者的。"""
    if bias is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            y += bias[:, np.newaxis, np.newaxis]
    return y


def total(dy: Array) -> Array:
    """偏置的梯度：除通道之外都加起来。"""
    with np.errstate(invalid="ignore", over="ignore"):
        summed: Array = dy.sum(axis=(0, 2, 3))
    return summed
