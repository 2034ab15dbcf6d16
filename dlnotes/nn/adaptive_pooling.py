r"""自适应池化与全局池化：只说输出多大，窗口自己定；前向与反向。

把 $i$ 个像素分给 $o$ 个输出，第 $t$ 个看 $\lfloor t\,i/o\rfloor$ 到 $\lceil (t+1)\,i/o\rceil-1$：除不尽时
相邻的窗口会重叠，大小也可以不一。$o$ 可以大于 $i$，那时一个像素被几个输出共用。
"""

from collections.abc import Iterator
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import boolean, integer, problem, shown
from dlnotes.arch.layers.pooling import adaptive_windows
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._im2col import check_axes, check_count
from dlnotes.nn.max_pooling import send_back

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_backward",
    "global_avg_pool",
    "global_avg_pool_backward",
]

Target = int | tuple[int | None, int | None]
"""输出的大小：一个整数，或 `(高, 宽)`，其中 `None` 表示与输入相同。"""


def adaptive_avg_pool2d(x: ArrayLike, output_size: Target) -> Array:
    r"""二维自适应平均池化。

    $$
    y_{n,c,a,b}=\frac1{\lvert R_a\rvert\lvert S_b\rvert}\sum_{h\in R_a,\,w\in S_b}x_{n,c,h,w},\qquad
    R_a=\Bigl[\Bigl\lfloor\frac{aH}{H'}\Bigr\rfloor,\ \Bigl\lceil\frac{(a+1)H}{H'}\Bigr\rceil\Bigr)
    $$

    $S_b$ 同理，由宽得到。

    Args:
        x: 形状 `(N, C, H, W)`。
        output_size: 输出的大小；一个整数，或 `(高, 宽)`，`None` 表示与输入相同。

    Returns:
        形状 `(N, C, H', W')`。

    Raises:
        TypeError: 元素不是实数，或 `output_size` 不是整数。
        ValueError: `x` 不是四维的、图是空的，或 `output_size` 小于 1。

    References:
        PyTorch `aten/src/ATen/native/AdaptivePooling.h` 的 `start_index`、`end_index`。

    Examples:
        >>> adaptive_avg_pool2d([[[[0, 1, 2, 3, 4]]]], (1, 2))  # 0 到 2、2 到 4，中间的一个看两次
        array([[[[1., 3.]]]])
    """
    (values,), dtype = as_floats(x=x)
    y: Array = np.empty((*values.shape[:2], *_target(values, output_size)), values.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for (a, b), rows, columns in _cells(values, y):
            y[:, :, a, b] = values[:, :, rows, columns].mean(axis=(2, 3))
    return result(y, dtype)


def adaptive_avg_pool2d_backward(dy: ArrayLike, x: ArrayLike, output_size: Target) -> Array:
    r"""`adaptive_avg_pool2d` 的反向：线性映射的伴随，平均分给窗口里的每个像素。

    $$\bar x_{n,c,h,w}=\sum_{a:\,h\in R_a}\ \sum_{b:\,w\in S_b}
    \frac{\bar y_{n,c,a,b}}{\lvert R_a\rvert\lvert S_b\rvert}$$

    Args:
        dy: 形状 `(N, C, H', W')`。
        x: 同 `adaptive_avg_pool2d`；只用它的形状。
        output_size: 同 `adaptive_avg_pool2d`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `adaptive_avg_pool2d`。
        ValueError: 同 `adaptive_avg_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.AdaptiveAvgPool2d`。

    Examples:
        >>> adaptive_avg_pool2d_backward([[[[3, 6]]]], np.zeros((1, 1, 1, 5)), (1, 2))
        array([[[[1., 1., 3., 2., 2.]]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, (*values.shape[:2], *_target(values, output_size)), like="输出")
    dx = np.zeros_like(values)
    with np.errstate(invalid="ignore", over="ignore"):
        for (a, b), rows, columns in _cells(values, upstream):
            cell = dx[:, :, rows, columns]
            cell += upstream[:, :, a, b, np.newaxis, np.newaxis] / (cell.shape[2] * cell.shape[3])
    return result(dx, dtype)


@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: Target, *, return_indices: Literal[False] = False
) -> Array: ...
@overload
def adaptive_max_pool2d(
    x: ArrayLike, output_size: Target, *, return_indices: Literal[True]
) -> tuple[Array, NDArray[np.int64]]: ...
def adaptive_max_pool2d(
    x: ArrayLike, output_size: Target, *, return_indices: bool = False
) -> Array | tuple[Array, NDArray[np.int64]]:
    r"""二维自适应最大池化：窗口同 `adaptive_avg_pool2d`，取最大值。

    $$y_{n,c,a,b}=\max_{h\in R_a,\,w\in S_b}x_{n,c,h,w}$$

    并列时取第一个（先行后列）；窗口里有 `nan` 时结果是 `nan`，位置取第一个 `nan`。

    Args:
        x: 形状 `(N, C, H, W)`。
        output_size: 输出的大小；一个整数，或 `(高, 宽)`，`None` 表示与输入相同。
        return_indices: 是否同时返回最大值的位置。

    Returns:
        形状 `(N, C, H', W')`；要位置时是 `(y, indices)`，`indices` 是 int64，值为 $hW+w$。

    Raises:
        TypeError: 同 `adaptive_avg_pool2d`，或 `return_indices` 不是布尔值。
        ValueError: 同 `adaptive_avg_pool2d`。

    References:
        PyTorch `torch.nn.AdaptiveMaxPool2d`。

    Examples:
        >>> y, indices = adaptive_max_pool2d([[[[0, 1, 9, 3, 9]]]], (1, 2), return_indices=True)
        >>> y.ravel(), indices.ravel()
        (array([9., 9.]), array([2, 2]))
    """
    boolean("return_indices", return_indices)
    (values,), dtype = as_floats(x=x)
    y, indices = _max(values, _target(values, output_size))
    return (result(y, dtype), indices) if return_indices else result(y, dtype)


def adaptive_max_pool2d_backward(dy: ArrayLike, x: ArrayLike, output_size: Target) -> Array:
    r"""`adaptive_max_pool2d` 的反向：梯度送回（第一个）最大值的位置，重叠的窗口送来的相加。

    $$\bar x_{n,c,q}=\sum_{a,b:\;\operatorname{indices}_{n,c,a,b}=q}\bar y_{n,c,a,b}$$

    理由同 [`max_pool2d_backward`][dlnotes.nn.max_pooling.max_pool2d_backward]。

    Args:
        dy: 形状 `(N, C, H', W')`。
        x: 同 `adaptive_max_pool2d`。
        output_size: 同 `adaptive_max_pool2d`。

    Returns:
        `dx`，形状 `(N, C, H, W)`。

    Raises:
        TypeError: 同 `adaptive_avg_pool2d`。
        ValueError: 同 `adaptive_avg_pool2d`，或 `dy` 的形状不是输出的形状。

    References:
        PyTorch `torch.nn.AdaptiveMaxPool2d`。

    Examples:
        >>> adaptive_max_pool2d_backward([[[[3, 6]]]], [[[[0, 1, 9, 3, 9]]]], (1, 2))
        array([[[[0., 0., 9., 0., 0.]]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    target = _target(values, output_size)
    has_shape("dy", upstream, (*values.shape[:2], *target), like="输出")
    return result(send_back(upstream, _max(values, target)[1], values.shape), dtype)


def global_avg_pool(x: ArrayLike) -> Array:
    r"""全局平均池化：每个通道平均成一个数，留着长度为 1 的轴。

    $$y_{n,c}=\frac1{HW}\sum_{h,w}x_{n,c,h,w}$$

    等于 `adaptive_avg_pool2d(x, 1)`；也收一维的信号。

    Args:
        x: 形状 `(N, C, H, W)` 或 `(N, C, L)`。

    Returns:
        形状 `(N, C, 1, 1)` 或 `(N, C, 1)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `x` 没有位置轴，或一个位置也没有。

    References:
        Lin, Chen & Yan (2013), *Network In Network*, arXiv:1312.4400, §3.2。

    Examples:
        >>> global_avg_pool([[[[1, 2], [3, 6]]]])
        array([[[[3.]]]])
    """
    (values,), dtype = as_floats(x=x)
    axes = _positions(values)
    with np.errstate(invalid="ignore", over="ignore"):
        return result(values.mean(axis=axes, keepdims=True), dtype)


def global_avg_pool_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    r"""`global_avg_pool` 的反向：平均分给每个位置。

    $$\bar x_{n,c,h,w}=\frac{\bar y_{n,c}}{HW}$$

    Args:
        dy: 形状 `(N, C, 1, 1)` 或 `(N, C, 1)`。
        x: 同 `global_avg_pool`；只用它的形状。

    Returns:
        `dx`，形状与 `x` 相同。

    Raises:
        TypeError: 同 `global_avg_pool`。
        ValueError: 同 `global_avg_pool`，或 `dy` 的形状不是输出的形状。

    References:
        Lin, Chen & Yan (2013), arXiv:1312.4400, §3.2。

    Examples:
        >>> global_avg_pool_backward([[[8]]], np.zeros((1, 1, 4)))
        array([[[2., 2., 2., 2.]]])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    axes = _positions(values)
    has_shape("dy", upstream, (*values.shape[:2], *[1] * len(axes)), like="输出")
    count = int(np.prod(values.shape[2:]))
    return result(np.broadcast_to(upstream / count, values.shape).copy(), dtype)


def _positions(x: Array) -> tuple[int, ...]:
    if x.ndim not in (3, 4) or 0 in x.shape[2:]:
        expected = "形状 (N, C, H, W) 或 (N, C, L) 的非空数组"
        raise ValueError(problem("x", expected, f"形状 {x.shape}", "请检查各轴"))
    return tuple(range(2, x.ndim))


def _target(x: Array, output_size: object) -> tuple[int, int]:
    check_axes("x", x, "N, C, H, W")
    _positions(x)
    pair = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    if len(pair) != 2:
        remedy = "请改成其中一种写法"
        raise ValueError(problem("output_size", "一个整数或元组 (高, 宽)", shown(output_size), remedy))
    high, wide = (
        size if each is None and isinstance(output_size, tuple) else integer("output_size", each, minimum=1)
        for size, each in zip(x.shape[2:], pair, strict=True)
    )
    check_count("output_size", output_size, (high, wide))
    return high, wide


def _cells(x: Array, y: Array) -> Iterator[tuple[tuple[int, int], slice, slice]]:
    """每个输出 `(a, b)` 看的各行、各列。"""
    high, wide = (adaptive_windows(size, count) for size, count in zip(x.shape[2:], y.shape[2:], strict=True))
    for a, rows in enumerate(high):
        for b, columns in enumerate(wide):
            yield (a, b), slice(*rows), slice(*columns)


def _max(x: Array, target: tuple[int, int]) -> tuple[Array, NDArray[np.int64]]:
    y: Array = np.empty((*x.shape[:2], *target), x.dtype)
    indices = np.empty(y.shape, np.int64)
    numbers = np.arange(x.shape[2] * x.shape[3]).reshape(x.shape[2:])
    for (a, b), rows, columns in _cells(x, y):
        count = numbers[rows, columns].size
        cell = x[:, :, rows, columns].reshape(*x.shape[:2], count)
        first = cell.argmax(axis=2, keepdims=True)  # 并列时第一个；NaN 算最大
        y[:, :, a, b] = np.take_along_axis(cell, first, axis=2)[..., 0]
        indices[:, :, a, b] = numbers[rows, columns].ravel()[first[..., 0]]
    return y, indices
