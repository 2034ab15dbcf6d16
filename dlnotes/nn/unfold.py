r"""展开与折叠（im2col 与 col2im）：把各个窗口排成列，和它的伴随。

`unfold` 之后，卷积就是一次矩阵乘法；`fold` 把各列加回原处，重叠的地方相加，所以 `fold(unfold(x))` 不是 `x`，
而是每个像素乘上看到它的窗口数。两者互为伴随，$\langle Ux,y\rangle=\langle x,U^\top y\rangle$：
一个的反向就是另一个。

References:
    PyTorch `torch.nn.Unfold`、`torch.nn.Fold`；Dumoulin & Visin (2016), arXiv:1603.07285, §4.1。
"""

from math import prod

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import per_axis
from dlnotes.arch.layers import Conv2d, Size
from dlnotes.nn import _im2col
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._im2col import Grid, check_axes, check_count, padded, taps, windows

__all__ = ["fold", "fold_backward", "unfold", "unfold_backward"]


def unfold(
    x: ArrayLike, kernel_size: Size, *, dilation: Size = 1, padding: Size = 0, stride: Size = 1
) -> Array:
    r"""展开（im2col）：把每个窗口里的数排成一列。

    $$
    y_{n,\;(c\,k_h+i)\,k_w+j,\;hW'+w}=x_{n,c,\;hs-p+id,\;ws-p+jd}
    $$

    落在图外的当作 0。一列之内先通道、后行、后列，与卷积核 `(F, C, kh, kw)` 摊平的次序相同。

    Args:
        x: 形状 `(N, C, H, W)`。
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        dilation: 膨胀率 $d$。
        padding: 每一端补零的个数 $p$。
        stride: 步长 $s$。

    Returns:
        形状 `(N, C * kh * kw, L)`，$L=H'W'$ 是窗口的个数，先行后列。

    Raises:
        TypeError: 元素不是实数，或选项不是整数。
        ValueError: `x` 不是四维的，选项小于允许的值，或窗口比补零后的图大。

    References:
        PyTorch `torch.nn.Unfold`。

    Examples:
        >>> unfold(np.arange(6.0).reshape(1, 1, 2, 3), 2)[0]
        array([[0., 1.],
               [1., 2.],
               [3., 4.],
               [4., 5.]])
    """
    (values,), dtype = as_floats(x=x)
    check_axes("x", values, "N, C, H, W")
    grid = _grid(values.shape[2:], kernel_size, dilation, padding, stride)
    return result(_unfold(values, grid), dtype)


def unfold_backward(
    dy: ArrayLike,
    x: ArrayLike,
    kernel_size: Size,
    *,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    r"""`unfold` 的反向：`fold`。

    展开是线性的，$y=Ux$；由 $\langle\bar y,Ux\rangle=\langle U^\top\bar y,x\rangle$，$\bar x=U^\top\bar y$：
    每个数加回它来的那个像素。

    Args:
        dy: 形状 `(N, C * kh * kw, L)`。
        x: 形状 `(N, C, H, W)`；只用它的形状。
        kernel_size: 同 `unfold`。
        dilation: 同 `unfold`。
        padding: 同 `unfold`。
        stride: 同 `unfold`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `unfold`。
        ValueError: 同 `unfold`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.Fold`。

    Examples:
        >>> unfold_backward(np.ones((1, 4, 2)), np.zeros((1, 1, 2, 3)), 2)[0, 0]  # 看到各像素的窗口数
        array([[1., 2., 1.],
               [1., 2., 1.]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    check_axes("x", values, "N, C, H, W")
    grid = _grid(values.shape[2:], kernel_size, dilation, padding, stride)
    has_shape("dy", upstream, _columns(len(values), values.shape[1], grid), like="输出")
    return result(_fold(upstream, grid, values.shape[1]), dtype)


def fold(
    x: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    *,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    r"""折叠（col2im）：把各列加回它们的窗口，重叠处相加。

    $$
    y_{n,c,\;hs-p+id,\;ws-p+jd}\mathrel{+}=x_{n,\;(c\,k_h+i)\,k_w+j,\;hW'+w}
    $$

    落在图外的丢掉。

    Args:
        x: 形状 `(N, C * kh * kw, L)`。
        output_size: 折叠成的图的大小；一个整数，或 `(高, 宽)`。
        kernel_size: 窗口的大小。
        dilation: 膨胀率 $d$。
        padding: 每一端补零的个数 $p$。
        stride: 步长 $s$。

    Returns:
        形状 `(N, C, H, W)`，`(H, W)` 是 `output_size`。

    Raises:
        TypeError: 元素不是实数，或选项不是整数。
        ValueError: 选项小于允许的值，或 `x` 的列数、列长与这些选项不合。

    References:
        PyTorch `torch.nn.Fold`。

    Examples:
        >>> fold([[[1, 2], [10, 20]]], (1, 3), (1, 2))
        array([[[[ 1., 12., 20.]]]])
    """
    (values,), dtype = as_floats(x=x)
    grid, channels = _folding(values, output_size, kernel_size, dilation, padding, stride)
    return result(_fold(values, grid, channels), dtype)


def fold_backward(
    dy: ArrayLike,
    x: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    *,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Array:
    r"""`fold` 的反向：`unfold`。

    $y=U^\top x$，$\langle\bar y,U^\top x\rangle=\langle U\bar y,x\rangle$，所以 $\bar x=U\bar y$。

    Args:
        dy: 形状 `(N, C, H, W)`。
        x: 形状 `(N, C * kh * kw, L)`；只用它的形状。
        output_size: 同 `fold`。
        kernel_size: 同 `fold`。
        dilation: 同 `fold`。
        padding: 同 `fold`。
        stride: 同 `fold`。

    Returns:
        `dx`，形状 `(N, C * kh * kw, L)`。

    Raises:
        TypeError: 同 `fold`。
        ValueError: 同 `fold`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.Unfold`。

    Examples:
        >>> fold_backward([[[[1, 2, 3]]]], np.zeros((1, 2, 2)), (1, 3), (1, 2))
        array([[[1., 2.],
                [2., 3.]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid, channels = _folding(values, output_size, kernel_size, dilation, padding, stride)
    has_shape("dy", upstream, (len(values), channels, *grid.inputs), like="输出")
    return result(_unfold(upstream, grid), dtype)


def _grid(
    sizes: tuple[int, ...],
    kernel_size: Size,
    dilation: Size,
    padding: Size,
    stride: Size,
    name: str = "x",
) -> Grid:
    """`name` 是定下图的大小的参数。"""
    ends = per_axis("padding", padding, axes=2, minimum=0)
    layer = Conv2d(1, kernel_size, stride=stride, padding=ends, dilation=dilation)
    return _im2col.slide(layer, 1, *sizes, name=name)


def _folding(
    x: Array, output_size: Size, kernel_size: Size, dilation: Size, padding: Size, stride: Size
) -> tuple[Grid, int]:
    """折叠的窗口与通道数；通道数由列的长度除以窗口的点数得到。"""
    check_axes("x", x, "N, C*kh*kw, L")
    sizes = per_axis("output_size", output_size, axes=2, minimum=1)
    check_count("output_size", output_size, sizes)
    grid = _grid(sizes, kernel_size, dilation, padding, stride, "output_size")
    channels = x.shape[1] // prod(grid.kernel)
    has_shape("x", x, _columns(len(x), channels, grid), like="由 `output_size` 和窗口算出")
    return grid, channels


def _columns(batch: int, channels: int, grid: Grid) -> tuple[int, int, int]:
    return batch, channels * prod(grid.kernel), prod(grid.outputs)


def _unfold(x: Array, grid: Grid) -> Array:
    whole, inside = padded(x.shape[:2], grid, x.dtype)
    inside[...] = x
    return windows(whole, grid).reshape(_columns(len(x), x.shape[1], grid))


def _fold(columns: Array, grid: Grid, channels: int) -> Array:
    batch = len(columns)
    whole, inside = padded((batch, channels), grid, columns.dtype)
    seen, blocks = windows(whole, grid), columns.reshape(batch, channels, *grid.kernel, *grid.outputs)
    with np.errstate(invalid="ignore", over="ignore"):
        for i, j in taps(grid):
            seen[:, :, i, j] += blocks[:, :, i, j]
    return inside.copy()
