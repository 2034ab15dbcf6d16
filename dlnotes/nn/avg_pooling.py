r"""平均池化：一维、二维，前向与反向。

平均池化是线性的，反向是它的伴随：每个输出的梯度除以同一个除数，分给窗口里的每个像素。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, real
from dlnotes.arch.layers import Padding, Size
from dlnotes.nn import _pooling
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._im2col import Grid

__all__ = ["avg_pool1d", "avg_pool1d_backward", "avg_pool2d", "avg_pool2d_backward"]


def avg_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    r"""二维平均池化：每个窗口求平均。

    $$y_{n,c,h,w}=\frac1{m_{h,w}}\sum_{i,j}x_{n,c,\;hs-p+i,\;ws-p+j}$$

    图外的 $x$ 当作 0。除数 $m$ 默认是窗口的点数，补零也算（`count_include_pad=True`），所以边上的平均偏小；
    关掉之后只数图内的点。向上取整时伸出补零之外的部分从不计数。`divisor_override` 给出时 $m$ 就是它。

    Args:
        x: 形状 `(N, C, H, W)`。
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长 $s$；`None` 等于 `kernel_size`。
        padding: 每一端补零的像素数 $p$，不超过窗口的一半；也可以是 `((上, 下), (左, 右))` 或 `"same"`。
        ceil_mode: 除不尽时是否向上取整，规则见 [`output_size`][dlnotes.arch.receptive.output_size]。
        count_include_pad: 除数是否数补零。
        divisor_override: 除数；`None` 按上面的规则数。取 1 就是求和池化。

    Returns:
        形状 `(N, C, H', W')`。

    Raises:
        TypeError: 元素不是实数，或选项的类型不对。
        ValueError: `x` 不是四维的，选项小于允许的值，补得超过窗口的一半，或窗口比补后的图大。

    References:
        PyTorch `torch.nn.AvgPool2d`。

    Examples:
        >>> x = np.ones((1, 1, 2, 2))
        >>> avg_pool2d(x, 3, stride=1, padding=1).ravel()  # 九个里只有四个不是补零
        array([0.44444444, 0.44444444, 0.44444444, 0.44444444])
        >>> avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False).ravel()
        array([1., 1., 1., 1.])
    """
    (values,), dtype = as_floats(x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, padding, ceil_mode)
    return result(_average(values, grid, divisors(grid, count_include_pad, divisor_override)), dtype)


def avg_pool2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    r"""`avg_pool2d` 的反向。

    $y=M^{-1}Sx$，$S$ 是窗口求和，$M$ 是除数的对角阵；由
    $\langle\bar y,M^{-1}Sx\rangle=\langle S^\top M^{-1}\bar y,x\rangle$，

    $$\bar x=S^\top M^{-1}\bar y$$

    即 $\bar y_{h,w}/m_{h,w}$ 加到窗口里的每个像素，落在补零上的丢掉。

    Args:
        dy: 形状 `(N, C, H', W')`。
        x: 同 `avg_pool2d`；只用它的形状。
        kernel_size: 同 `avg_pool2d`。
        stride: 同 `avg_pool2d`。
        padding: 同 `avg_pool2d`。
        ceil_mode: 同 `avg_pool2d`。
        count_include_pad: 同 `avg_pool2d`。
        divisor_override: 同 `avg_pool2d`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `avg_pool2d`。
        ValueError: 同 `avg_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.AvgPool2d`。

    Examples:
        >>> avg_pool2d_backward([[[[4, 8]]]], np.zeros((1, 1, 2, 3)), 2, stride=1)[0, 0]
        array([[1., 3., 2.],
               [1., 3., 2.]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, padding, ceil_mode)
    has_shape("dy", upstream, (*values.shape[:2], *grid.outputs), like="输出")
    return result(_average_back(upstream, grid, divisors(grid, count_include_pad, divisor_override)), dtype)


def avg_pool1d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    r"""一维平均池化：高为 1 的 [`avg_pool2d`][dlnotes.nn.avg_pooling.avg_pool2d]。

    $$y_{n,c,l}=\frac1{m_l}\sum_i x_{n,c,\;ls-p+i}$$

    Args:
        x: 形状 `(N, C, L)`。
        kernel_size: 窗口的长度。
        stride: 步长；`None` 等于 `kernel_size`。
        padding: 每一端补零的个数，不超过窗口的一半。
        ceil_mode: 除不尽时是否向上取整。
        count_include_pad: 除数是否数补零。

    Returns:
        形状 `(N, C, L')`。

    Raises:
        TypeError: 同 `avg_pool2d`。
        ValueError: 同 `avg_pool2d`。

    References:
        PyTorch `torch.nn.AvgPool1d`。

    Examples:
        >>> avg_pool1d([[[1, 3, 5, 7, 9]]], 2, ceil_mode=True)  # 最后一个窗口只有一个数，除以 1
        array([[[2., 6., 9.]]])
    """
    (values,), dtype = as_floats(x=x)
    grid = _pooling.grid(values, 1, kernel_size, stride, padding, ceil_mode)
    y = _average(values[:, :, np.newaxis], grid, divisors(grid, count_include_pad, None))
    return result(y[:, :, 0], dtype)


def avg_pool1d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    r"""`avg_pool1d` 的反向：同 `avg_pool2d_backward`，$\bar x=S^\top M^{-1}\bar y$。

    Args:
        dy: 形状 `(N, C, L')`。
        x: 同 `avg_pool1d`；只用它的形状。
        kernel_size: 同 `avg_pool1d`。
        stride: 同 `avg_pool1d`。
        padding: 同 `avg_pool1d`。
        ceil_mode: 同 `avg_pool1d`。
        count_include_pad: 同 `avg_pool1d`。

    Returns:
        `dx`，形状 `(N, C, L)`。

    Raises:
        TypeError: 同 `avg_pool2d`。
        ValueError: 同 `avg_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.AvgPool1d`。

    Examples:
        >>> avg_pool1d_backward([[[4, 8]]], np.zeros((1, 1, 5)), 2)
        array([[[2., 2., 4., 4., 0.]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid = _pooling.grid(values, 1, kernel_size, stride, padding, ceil_mode)
    has_shape("dy", upstream, (*values.shape[:2], grid.outputs[1]), like="输出")
    dx = _average_back(upstream[:, :, np.newaxis], grid, divisors(grid, count_include_pad, None))
    return result(dx[:, :, 0], dtype)


def divisors(grid: Grid, count_include_pad: bool, override: int | None) -> Array:
    """各窗口的除数 `(H', W')`：高、宽方向各数各的，再相乘。"""
    boolean("count_include_pad", count_include_pad)
    if override is not None:
        return np.asarray(real("divisor_override", integer("divisor_override", override, minimum=1)))
    counts = []
    for window, size, outputs in zip(grid.windows, grid.inputs, grid.outputs, strict=True):
        before, after = window.ends if count_include_pad else (0, 0)
        starts = np.arange(outputs) * window.stride - window.ends[0]
        stops = np.minimum(starts + window.extent, size + after)
        counts.append(stops - np.maximum(starts, -before))
    product: Array = np.multiply.outer(*counts)
    return product


def _average(x: Array, grid: Grid, divisor: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        y: Array = _pooling.window_sum(x, grid) / divisor.astype(x.dtype)
    return y


def _average_back(dy: Array, grid: Grid, divisor: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        return _pooling.spread(dy / divisor.astype(dy.dtype), grid)
