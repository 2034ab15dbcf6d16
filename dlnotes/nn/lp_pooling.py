r"""幂池化（`lp_pool2d`）：窗口里各数的 p 次方之和，再开 p 次方；前向与反向。

照 PyTorch，不取绝对值：p 是偶数时它是 $L^p$ 范数，p 为 1 时就是求和池化；p 是别的数而各数有负的，和可以是
负的，开方得 `nan`。要范数，请先取绝对值。
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import real
from dlnotes.arch.layers import Size
from dlnotes.nn import _pooling
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._im2col import Grid, padded, taps, windows
from dlnotes.nn.avg_pooling import divisors

__all__ = ["lp_pool2d", "lp_pool2d_backward"]


def lp_pool2d(
    x: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Array:
    r"""二维幂池化。

    $$y_{n,c,h,w}=\Bigl(\frac{k_hk_w}{m_{h,w}}\sum_{i,j}x_{n,c,\;hs+i,\;ws+j}^{\,p}\Bigr)^{1/p}$$

    $m$ 是窗口落在图内的点数；不向上取整时 $m=k_hk_w$，式子就是和的 $1/p$ 次方。向上取整时伸出右端的窗口，
    和按点数放大，仿佛缺的点等于其余的平均，这也照 PyTorch。各数先除以窗口里绝对值最大的，平方不会溢出。

    Args:
        x: 形状 `(N, C, H, W)`。
        norm_type: 次数 $p$，有限的正数。
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长 $s$；`None` 等于 `kernel_size`。
        ceil_mode: 除不尽时是否向上取整。

    Returns:
        形状 `(N, C, H', W')`。

    Raises:
        TypeError: 元素不是实数，或选项的类型不对。
        ValueError: `x` 不是四维的，`norm_type` 不是有限的正数，选项小于允许的值，或窗口比图大。

    References:
        PyTorch `torch.nn.LPPool2d`；Sermanet, Chintala & LeCun (2012), *Convolutional Neural Networks Applied
        to House Numbers Digit Classification*, arXiv:1204.3968（Lp 池化）。

    Examples:
        >>> lp_pool2d([[[[3, 4]]]], 2, (1, 2)), lp_pool2d([[[[3, 4]]]], 1, (1, 2))
        (array([[[[5.]]]]), array([[[[7.]]]]))
        >>> lp_pool2d([[[[3e200, 4e200]]]], 2, (1, 2))  # 平方会溢出，结果不会
        array([[[[5.e+200]]]])
    """
    power = real("norm_type", norm_type, above=0)
    (values,), dtype = as_floats(x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, 0, ceil_mode)
    return result(_lp(values, power, grid), dtype)


def lp_pool2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    norm_type: float,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    ceil_mode: bool = False,
) -> Array:
    r"""`lp_pool2d` 的反向。

    记 $r=k_hk_w/m$。对 $y^p=r\sum x^p$ 两边求导，$p\,y^{p-1}\,\mathrm dy=r\,p\sum x^{p-1}\,\mathrm dx$，所以

    $$\bar x_q=\sum_{h,w\,\ni\,q}\frac{k_hk_w}{m_{h,w}}\Bigl(\frac{x_q}{y_{h,w}}\Bigr)^{p-1}\bar y_{h,w}$$

    $y=0$ 的窗口不可导（$p=1$ 除外），梯度一律取 0，与 PyTorch 相同。

    Args:
        dy: 形状 `(N, C, H', W')`。
        x: 同 `lp_pool2d`。
        norm_type: 同 `lp_pool2d`。
        kernel_size: 同 `lp_pool2d`。
        stride: 同 `lp_pool2d`。
        ceil_mode: 同 `lp_pool2d`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `lp_pool2d`。
        ValueError: 同 `lp_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.LPPool2d`（和为 0 时的梯度）。

    Examples:
        >>> lp_pool2d_backward([[[[10]]]], [[[[3, 4]]]], 2, (1, 2))
        array([[[[6., 8.]]]])
    """
    power = real("norm_type", norm_type, above=0)
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, 0, ceil_mode)
    has_shape("dy", upstream, (*values.shape[:2], *grid.outputs), like="输出")
    y = _lp(values, power, grid)
    whole, inside = padded(values.shape[:2], grid, values.dtype)
    sums, _ = padded(values.shape[:2], grid, values.dtype)
    inside[...] = values
    seen, gathered = windows(whole, grid), windows(sums, grid)
    with np.errstate(all="ignore"):
        scale = np.where(y == 0, 0, upstream * _ratio(grid, values.dtype))
        for i, j in taps(grid):
            # y 为 0 时商没有意义，换成 1，再乘以为 0 的 scale。
            slope = np.where(y == 0, 1, seen[:, :, i, j] / np.where(y == 0, 1, y)) ** (power - 1)
            gathered[:, :, i, j] += scale * slope
    height, width = grid.inputs
    return result(sums[..., :height, :width], dtype)


def _lp(x: Array, power: Any, grid: Grid) -> Array:
    largest: Array = np.zeros((*x.shape[:2], *grid.outputs), x.dtype)
    whole, inside = padded(x.shape[:2], grid, x.dtype)
    inside[...] = x
    seen = windows(whole, grid)
    for i, j in taps(grid):
        np.maximum(largest, np.abs(seen[:, :, i, j]), out=largest)
    scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1)
    total = np.zeros_like(largest)
    with np.errstate(all="ignore"):
        for i, j in taps(grid):
            total += (seen[:, :, i, j] / scale) ** power
        y: Array = scale * (total * _ratio(grid, x.dtype)) ** (1 / power)
    return y


def _ratio(grid: Grid, dtype: Any) -> Array:
    """窗口的点数与图内的点数之比；不向上取整时是 1。"""
    height, width = grid.kernel
    return (height * width / divisors(grid, True, None)).astype(dtype)
