r"""最大池化：一维、二维，前向与反向，连同最大值的位置。

并列时取第一个（先行后列），与 PyTorch 相同：前向的值不受影响，反向把梯度全给它，不平分。窗口里有 `nan` 时结果
是 `nan`，位置取第一个 `nan`（PyTorch 取最后一个）。补的边从不当选：它比任何数都小，整个窗口都是 $-\infty$ 时
也如此。
"""

from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import boolean
from dlnotes.arch.layers import Padding, Size
from dlnotes.nn import _pooling
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._im2col import Grid, padded, taps, windows

__all__ = ["max_pool1d", "max_pool1d_backward", "max_pool2d", "max_pool2d_backward"]

Indices = NDArray[np.int64]


@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Array: ...
@overload
def max_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: Literal[True],
) -> tuple[Array, Indices]: ...
def max_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Indices]:
    r"""二维最大池化：每个窗口取最大值。

    $$y_{n,c,h,w}=\max_{i,j}\;x_{n,c,\;hs-p+id,\;ws-p+jd}$$

    只在落在图内的点里取。

    Args:
        x: 形状 `(N, C, H, W)`。
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长 $s$；`None` 等于 `kernel_size`。
        padding: 每一端补的像素数 $p$，不超过窗口的一半；也可以是 `((上, 下), (左, 右))` 或 `"same"`。
        dilation: 膨胀率 $d$。
        ceil_mode: 除不尽时是否向上取整，让最后一个窗口伸出右端；规则见
            [`output_size`][dlnotes.arch.receptive.output_size] 的 `"ceil"`。
        return_indices: 是否同时返回最大值的位置。

    Returns:
        形状 `(N, C, H', W')`。要位置时是 `(y, indices)`，`indices` 是 int64，同样的形状，值为 $hW+w$：
        最大值在 `x` 的那张 `H×W` 的图里的序号。膨胀的小图上，窗口的各点可以都落在图外；那时值是 $-\infty$，
        序号是 -1。

    Raises:
        TypeError: 元素不是实数，或选项的类型不对。
        ValueError: `x` 不是四维的，选项小于允许的值，补得超过窗口的一半，或窗口比补后的图大。

    References:
        PyTorch `torch.nn.MaxPool2d`；Goodfellow, Bengio & Courville (2016), *Deep Learning*, §9.3。

    Examples:
        >>> y, indices = max_pool2d([[[[1, 5, 5], [2, 3, 0]]]], 2, stride=1, return_indices=True)
        >>> y.ravel(), indices.ravel()  # 并列的两个 5，取前一个
        (array([5., 5.]), array([1, 1]))
    """
    boolean("return_indices", return_indices)
    (values,), dtype = as_floats(x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, padding, ceil_mode, dilation)
    best, indices = _max(values, grid)
    return (result(best, dtype), indices) if return_indices else result(best, dtype)


def max_pool2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Padding = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    r"""`max_pool2d` 的反向：梯度送回最大值的位置。

    没有并列时，最大值附近 $y$ 就是那一个 $x$，对它的导数是 1，对其余的是 0；窗口重叠时各窗口送来的相加：

    $$\bar x_{n,c,q}=\sum_{h,w:\;\operatorname{indices}_{n,c,h,w}=q}\bar y_{n,c,h,w}$$

    并列处不可导，取第一个最大值，这是一个次梯度。

    Args:
        dy: 形状 `(N, C, H', W')`。
        x: 同 `max_pool2d`。
        kernel_size: 同 `max_pool2d`。
        stride: 同 `max_pool2d`。
        padding: 同 `max_pool2d`。
        dilation: 同 `max_pool2d`。
        ceil_mode: 同 `max_pool2d`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `max_pool2d`。
        ValueError: 同 `max_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.MaxPool2d`（并列时的取法由实测，见 `tests/oracles`）。

    Examples:
        >>> max_pool2d_backward([[[[1, 10]]]], [[[[1, 5, 5], [2, 3, 0]]]], 2, stride=1)[0, 0]
        array([[ 0., 11.,  0.],
               [ 0.,  0.,  0.]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid = _pooling.grid(values, 2, kernel_size, stride, padding, ceil_mode, dilation)
    has_shape("dy", upstream, (*values.shape[:2], *grid.outputs), like="输出")
    return result(send_back(upstream, _max(values, grid)[1], values.shape), dtype)


@overload
def max_pool1d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Array: ...
@overload
def max_pool1d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: Literal[True],
) -> tuple[Array, Indices]: ...
def max_pool1d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Array | tuple[Array, Indices]:
    r"""一维最大池化：高为 1 的 [`max_pool2d`][dlnotes.nn.max_pooling.max_pool2d]。

    $$y_{n,c,l}=\max_{i}\;x_{n,c,\;ls-p+id}$$

    Args:
        x: 形状 `(N, C, L)`。
        kernel_size: 窗口的长度。
        stride: 步长；`None` 等于 `kernel_size`。
        padding: 每一端补的个数，不超过窗口的一半。
        dilation: 膨胀率。
        ceil_mode: 除不尽时是否向上取整。
        return_indices: 是否同时返回最大值的位置。

    Returns:
        形状 `(N, C, L')`；要位置时是 `(y, indices)`，`indices` 是最大值在信号里的序号。

    Raises:
        TypeError: 同 `max_pool2d`。
        ValueError: 同 `max_pool2d`。

    References:
        PyTorch `torch.nn.MaxPool1d`。

    Examples:
        >>> max_pool1d([[[3, 1, 2, 9, 4]]], 2), max_pool1d([[[3, 1, 2, 9, 4]]], 2, ceil_mode=True)
        (array([[[3., 9.]]]), array([[[3., 9., 4.]]]))
    """
    boolean("return_indices", return_indices)
    (values,), dtype = as_floats(x=x)
    grid = _pooling.grid(values, 1, kernel_size, stride, padding, ceil_mode, dilation)
    best, indices = (array[:, :, 0] for array in _max(values[:, :, np.newaxis], grid))
    return (result(best, dtype), indices) if return_indices else result(best, dtype)


def max_pool1d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Array:
    r"""`max_pool1d` 的反向：同 `max_pool2d_backward`，高为 1。

    $$\bar x_{n,c,q}=\sum_{l:\;\operatorname{indices}_{n,c,l}=q}\bar y_{n,c,l}$$

    Args:
        dy: 形状 `(N, C, L')`。
        x: 同 `max_pool1d`。
        kernel_size: 同 `max_pool1d`。
        stride: 同 `max_pool1d`。
        padding: 同 `max_pool1d`。
        dilation: 同 `max_pool1d`。
        ceil_mode: 同 `max_pool1d`。

    Returns:
        `dx`，形状 `(N, C, L)`。

    Raises:
        TypeError: 同 `max_pool2d`。
        ValueError: 同 `max_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.MaxPool1d`。

    Examples:
        >>> max_pool1d_backward([[[10, 20]]], [[[3, 1, 2, 9, 4]]], 2)
        array([[[10.,  0.,  0., 20.,  0.]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    grid = _pooling.grid(values, 1, kernel_size, stride, padding, ceil_mode, dilation)
    has_shape("dy", upstream, (*values.shape[:2], grid.outputs[1]), like="输出")
    indices = _max(values[:, :, np.newaxis], grid)[1]
    return result(send_back(upstream[:, :, np.newaxis], indices, values.shape), dtype)


def _max(x: Array, grid: Grid) -> tuple[Array, Indices]:
    """逐点扫过窗口，记下至今最大的值和它的序号；补的边序号是 -1，不参与。"""
    whole, inside = padded(x.shape[:2], grid, x.dtype)
    inside[...] = x
    places, real = padded((), grid, np.int64, fill=-1)
    real[...] = np.arange(real.size).reshape(real.shape)
    values, where = windows(whole, grid), windows(places, grid)
    best: Array = np.full((*x.shape[:2], *grid.outputs), -np.inf, x.dtype)
    indices = np.full(best.shape, -1, np.int64)
    for i, j in taps(grid):
        value, place = values[:, :, i, j], where[i, j]
        better = (value > best) | (np.isnan(value) & ~np.isnan(best)) | (indices < 0)
        better &= place >= 0
        np.copyto(best, value, where=better)
        np.copyto(indices, place, where=better)
    return best, indices


def send_back(dy: Array, indices: Indices, shape: tuple[int, ...]) -> Array:
    """把每个输出的梯度加到它选中的那一点；一个像素可以被几个窗口选中，所以要累加，不能赋值。"""
    planes = int(np.prod(shape[:2]))
    dx: Array = np.zeros((planes, int(np.prod(shape[2:]))), dy.dtype)
    chosen, gradient = (array.reshape(planes, int(np.prod(array.shape[2:]))) for array in (indices, dy))
    plane, _ = np.indices(chosen.shape, sparse=True)
    inside = chosen >= 0
    with np.errstate(invalid="ignore", over="ignore"):
        np.add.at(dx, (np.broadcast_to(plane, chosen.shape)[inside], chosen[inside]), gradient[inside])
    return dx.reshape(shape)
