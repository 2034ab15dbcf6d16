"""滑动窗口的视图，和卷积的三个核心运算：`A x`、对 x 的伴随 `Aᵀ y`、对核的伴随。

窗口的形状规则与 `dlnotes.arch` 是同一套（`Window`、`outputs`）。卷积逐张图、逐块行地排成矩阵再相乘：
工作区不随批量增大，块留在缓存里，比一次排完整张图还快。
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dlnotes._check import problem, shown
from dlnotes.arch.layers import Sliding
from dlnotes.arch.receptive import Window
from dlnotes.nn._arrays import Array

_BLOCK = 1 << 18  # 一块窗口里的数，float32 是 1 MiB：放得进二级缓存，又大到矩阵乘不觉得碎


class Grid(NamedTuple):
    """窗口怎样在图上滑动：高、宽各一个窗口，输入与输出的大小。"""

    windows: tuple[Window, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def kernel(self) -> tuple[int, ...]:
        return tuple(window.kernel_size for window in self.windows)


def slide(layer: Sliding, channels: int, *sizes: int, name: str = "x") -> Grid:
    """由 `dlnotes.arch` 的一层得到窗口和大小；一维的层当作高为 1 的图。图太小时怪参数 `name`。"""
    shape = (channels, *sizes)
    windows = layer.windows(shape)
    whole = [size + sum(window.ends) for size, window in zip(sizes, windows, strict=True)]
    check_count("padding", layer.geometry()[2], whole)
    with blamed(name, sizes):
        outputs = layer.slide(shape)
    windows = tuple(map(clipped, windows, sizes))
    check_count("kernel_size", layer.geometry()[0], [window.extent for window in windows])
    if len(sizes) == 1:
        windows, sizes, outputs = (Window(1), *windows), (1, *sizes), (1, *outputs)
    return Grid(windows, sizes, outputs)


def check_count(name: str, value: object, sizes: Iterable[int]) -> None:
    """检查一张图的像素数：选项大得离谱时，不等 numpy 说放不下。"""
    if prod(max(size, 1) for size in sizes) >> 40:
        remedy = "由它得到的图超过 2⁴⁰ 个像素，请改小"
        raise ValueError(problem(name, "小一些的整数", shown(value), remedy))


@contextmanager
def blamed(name: str, sizes: tuple[int, ...]) -> Iterator[None]:
    """`dlnotes.arch` 的层不知道参数叫什么名字：图太小时，补上名字。"""
    try:
        yield
    except ValueError as error:
        got, why = "×".join(map(str, sizes)), str(error).rstrip("。")
        why = why if len(why) <= 150 else "窗口远大于图，请检查 `kernel_size` 与 `dilation`"
        raise ValueError(problem(name, "更大的图", got, why)) from None


def clipped(window: Window, size: int) -> Window:
    """步长、膨胀率一旦跨出图外，再大也一样：截短它们，数组的步幅就不会溢出。"""
    beyond = size + sum(window.ends) + 1
    return replace(window, stride=min(window.stride, beyond), dilation=min(window.dilation, beyond))


def check_axes(name: str, array: Array, letters: str) -> None:
    """检查数组有几个轴；`letters` 是各轴的字母，如 `"N, C, H, W"`。"""
    if array.ndim != letters.count(",") + 1:
        remedy = "缺的轴请用 x[np.newaxis] 补上"
        raise ValueError(problem(name, f"形状 ({letters}) 的数组", f"形状 {array.shape}", remedy))


def padded(lead: tuple[int, ...], grid: Grid, dtype: Any, fill: float = 0) -> tuple[Array, Array]:
    """一块补好的空图，和其中不含补边的那一部分（视图）；向上取整时窗口伸出的也补上。"""
    starts = [window.ends[0] for window in grid.windows]
    needs = [
        max(start + size, (count - 1) * window.stride + window.extent)
        for start, size, count, window in zip(starts, grid.inputs, grid.outputs, grid.windows, strict=True)
    ]
    whole = np.full((*lead, *needs), fill, dtype)
    inside = [slice(start, start + size) for start, size in zip(starts, grid.inputs, strict=True)]
    return whole, whole[..., inside[0], inside[1]]


def windows(whole: Array, grid: Grid) -> Array:
    """补好的图 `(..., H, W)` 上的全部窗口 `(..., kh, kw, H', W')`，不复制。

    同一个 `[..., i, j, :, :]` 里的元素互不重叠，可以就地相加；整个视图里的互相重叠，不可以。
    """
    *lead, down, right = whole.strides
    (y, x), shape = grid.windows, (*whole.shape[:-2], *grid.kernel, *grid.outputs)
    steps = (*lead, down * y.dilation, right * x.dilation, down * y.stride, right * x.stride)
    return as_strided(whole, shape, steps)


def taps(grid: Grid) -> Iterator[tuple[int, int]]:
    """窗口里的各点，先行后列。"""
    height, width = grid.kernel
    return product(range(height), range(width))


def _blocks(grid: Grid, channels: int) -> Iterator[slice]:
    """把输出的各行分成块。"""
    height, width = grid.outputs
    rows = max(1, _BLOCK // max(1, channels * prod(grid.kernel) * width))
    for top in range(0, height, rows):
        yield slice(top, top + rows)  # 最后一块可以伸出去，切片自会截断


def correlate(x: Array, weight: Array, grid: Grid, groups: int) -> Array:
    """`y = A x`：`(N, C, H, W)` 与核 `(F, C/g, kh, kw)` 得 `(N, F, H', W')`。"""
    batch, channels = x.shape[:2]
    y: Array = np.empty((batch, len(weight), *grid.outputs), x.dtype)
    kernel = _by_group(weight, groups)
    whole, inside = padded((channels,), grid, x.dtype)
    seen = windows(whole, grid)
    with np.errstate(invalid="ignore", over="ignore"):
        for image, out in zip(x, y.reshape(batch, *kernel.shape[:2], *grid.outputs), strict=True):
            inside[...] = image
            for rows in _blocks(grid, channels):
                columns = seen[..., rows, :].reshape(groups, kernel.shape[-1], -1)  # 复制：im2col
                out[:, :, rows] = (kernel @ columns).reshape(out[:, :, rows].shape)
    return y


def correlate_input(dy: Array, weight: Array, grid: Grid, groups: int) -> Array:
    """`Aᵀ dy`：`(N, F, H', W')` 与核 `(F, C/g, kh, kw)` 得 `(N, C, H, W)`，即 col2im。"""
    channels = groups * weight.shape[1]
    dx: Array = np.empty((len(dy), channels, *grid.inputs), dy.dtype)
    kernel = _by_group(weight, groups).swapaxes(1, 2)
    whole, inside = padded((channels,), grid, dy.dtype)
    seen = windows(whole, grid)
    with np.errstate(invalid="ignore", over="ignore"):
        for image, out in zip(dx, dy, strict=True):
            whole[...] = 0
            for rows in _blocks(grid, channels):
                columns = kernel @ out[:, rows].reshape(groups, kernel.shape[-1], -1)
                columns = columns.reshape(channels, *grid.kernel, -1, grid.outputs[1])
                for i, j in taps(grid):
                    seen[:, i, j, rows] += columns[:, i, j]
            image[...] = inside
    return dx


def correlate_weight(x: Array, dy: Array, grid: Grid, groups: int) -> Array:
    """对核的伴随：`(N, C, H, W)` 与 `(N, F, H', W')` 得核的梯度 `(F, C/g, kh, kw)`。"""
    channels, filters = x.shape[1], dy.shape[1]
    shape = (filters, channels // groups, *grid.kernel)
    dw: Array = np.zeros((groups, filters // groups, prod(shape[1:])), x.dtype)
    whole, inside = padded((channels,), grid, x.dtype)
    seen = windows(whole, grid)
    with np.errstate(invalid="ignore", over="ignore"):
        for image, out in zip(x, dy, strict=True):
            inside[...] = image
            for rows in _blocks(grid, channels):
                columns = seen[..., rows, :].reshape(groups, dw.shape[-1], -1)
                dw += out[:, rows].reshape(groups, dw.shape[1], -1) @ columns.swapaxes(1, 2)
    return dw.reshape(shape)


def _by_group(weight: Array, groups: int) -> Array:
    """核 `(F, C/g, kh, kw)` 排成 g 个矩阵 `(g, F/g, C/g·kh·kw)`。"""
    return weight.reshape(groups, len(weight) // groups, prod(weight.shape[1:]))
