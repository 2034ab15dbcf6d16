"""池化共用的：窗口怎样滑动，由 `dlnotes.arch` 的池化层检查选项、算出大小。"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlnotes._check import boolean, per_axis
from dlnotes.arch.layers import AvgPool2d, MaxPool2d, Padding, Size
from dlnotes.nn import _im2col
from dlnotes.nn._arrays import Array
from dlnotes.nn._im2col import Grid, check_axes, padded, taps, windows


def grid(
    x: Array,
    axes: int,
    kernel_size: Size,
    stride: Size | None,
    padding: Padding,
    ceil_mode: bool,
    *dilation: Size,
) -> Grid:
    """池化的窗口；一维的当作高为 1 的图。能膨胀的池化在末尾给出 `dilation`。"""
    check_axes("x", x, ("N, C, L", "N, C, H, W")[axes - 1])
    boolean("ceil_mode", ceil_mode)
    options: dict[str, Any] = {"rounding": "ceil" if ceil_mode else "floor"}
    kernel, sizes = kernel_size, x.shape[2:]
    if axes == 1:
        kernel = (1, *per_axis("kernel_size", kernel_size, axes=1, minimum=1))
        stride = None if stride is None else (1, *per_axis("stride", stride, axes=1, minimum=1))
        dilation = tuple((1, *per_axis("dilation", each, axes=1, minimum=1)) for each in dilation)
        padding = (0, *per_axis("padding", padding, axes=1, minimum=0))
        sizes = (1, *sizes)
    if not dilation:
        return _im2col.slide(AvgPool2d(kernel, stride=stride, padding=padding, **options), x.shape[1], *sizes)
    layer = MaxPool2d(kernel, stride=stride, padding=padding, dilation=dilation[0], **options)
    return _im2col.slide(layer, x.shape[1], *sizes)


def window_sum(x: Array, grid: Grid, term: Callable[[Array], Array] = lambda values: values) -> Array:
    """各窗口里 `term(x)` 之和，补的边算 0：`(N, C, H, W)` 得 `(N, C, H', W')`。"""
    whole, inside = padded(x.shape[:2], grid, x.dtype)
    inside[...] = term(x)
    seen, total = windows(whole, grid), np.zeros((*x.shape[:2], *grid.outputs), x.dtype)
    for i, j in taps(grid):
        total += seen[:, :, i, j]
    return total


def spread(dy: Array, grid: Grid) -> Array:
    """`window_sum` 的伴随：每个输出的数加到它的窗口里的每个像素。"""
    whole, inside = padded(dy.shape[:2], grid, dy.dtype)
    seen = windows(whole, grid)
    for i, j in taps(grid):
        seen[:, :, i, j] += dy
    return inside
