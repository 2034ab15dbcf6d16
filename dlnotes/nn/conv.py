r"""卷积：一维、二维，前向与反向。

深度学习里的「卷积」是互相关：核不翻转。用行主序把一张图的各个窗口排成矩阵的列（im2col），卷积就是一次矩阵
乘法；反向是同一个线性映射的伴随（col2im），所以 `conv2d_backward` 里没有新的公式。核不是矩阵时的逐点定义见
[`conv_loops`][dlnotes.nn.conv_loops]。

补的零也参与相乘：核里有无穷大时，$0\cdot\infty$ 使边上的结果是 `nan`。

References:
    Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285，
    §2（大小）与 §4.1（卷积作为矩阵，反向是它的转置）；Chellapilla, Puri & Simard (2006), *High Performance
    Convolutional Neural Networks for Document Processing*，§3（排成矩阵再相乘）。
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes.arch.layers import Padding, Size
from dlnotes.nn import _im2col
from dlnotes.nn._arrays import Array, has_shape, result
from dlnotes.nn._conv import Gradients, add, checked, sliding, total
from dlnotes.nn._im2col import Grid

__all__ = ["conv1d", "conv1d_backward", "conv2d", "conv2d_backward"]


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    r"""二维卷积（互相关）。

    $$
    y_{n,f,h,w}=b_f+\sum_{c=0}^{C/g-1}\sum_{i,j}
    W_{f,c,i,j}\;x_{n,\;\gamma C/g+c,\;hs-p+id,\;ws-p+jd},\qquad
    \gamma=\Bigl\lfloor\frac{f}{F/g}\Bigr\rfloor
    $$

    落在图外的 $x$ 当作 0。输出的大小 $H'=\lfloor(H+2p-d(k_h-1)-1)/s\rfloor+1$，宽同理，由
    [`dlnotes.arch`][dlnotes.arch.layers.conv.Conv2d] 的同一条规则算出。

    Args:
        x: 形状 `(N, C, H, W)`；`N` 可以为 0。
        weight: 形状 `(F, C // groups, kh, kw)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 $s$；一个整数，或 `(高, 宽)`。
        padding: 每一端补零的个数 $p$：一个整数，`(高, 宽)`，两端不同时 `((上, 下), (左, 右))`；`"valid"`
            不补；`"same"` 补到输出为 $\lceil H/s\rceil$，单数的一个补在后端（步长大于 1 时 PyTorch 不许，
            这里按 TensorFlow）。
        dilation: 膨胀率 $d$。
        groups: 分组数 $g$；整除 `C` 和 `F`。

    Returns:
        形状 `(N, F, H', W')`。

    Raises:
        TypeError: 元素不是实数，或选项不是整数。
        ValueError: 形状对不上，选项小于允许的值，`groups` 不整除通道数，或核比补零后的图大。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, Relationship 6 与 15；Krizhevsky et al. (2012), §3.5
        （分组）；TensorFlow API `tf.nn`，"Notes on padding"（`"same"`）。

    Examples:
        >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
        >>> conv2d(x, [[[[1, 0], [0, -1]]]])[0, 0]  # 左上减右下，不翻转核
        array([[-4., -4.],
               [-4., -4.]])
        >>> conv2d(x, np.ones((1, 1, 3, 3)), padding="same", stride=2)[0, 0]
        array([[ 8., 12.],
               [20., 24.]])
    """
    (values, kernel, offset), dtype = checked(2, bias, x=x, weight=weight)
    grid = sliding(2, values, kernel, stride, padding, dilation, groups)
    return result(add(_im2col.correlate(values, kernel, grid, groups), offset), dtype)


def conv2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Gradients:
    r"""`conv2d` 的反向。

    $y=A_Wx+b$ 对 $x$、对 $W$ 都是线性的，由 $\langle\bar y,A_Wx\rangle=\langle A_W^\top\bar y,x\rangle$：

    $$
    \bar x=A_W^\top\bar y,\qquad
    \bar W_{f,c,i,j}=\sum_{n,h,w}\bar y_{n,f,h,w}\;x_{n,\;\gamma C/g+c,\;hs-p+id,\;ws-p+jd},\qquad
    \bar b_f=\sum_{n,h,w}\bar y_{n,f,h,w}
    $$

    $A_W^\top$ 就是转置卷积：把 $\bar y_{n,f,h,w}W_{f,c,i,j}$ 加回它读过的像素，落在补零上的丢掉。

    Args:
        dy: 形状与 `conv2d` 的输出相同。
        x: 同 `conv2d`。
        weight: 同 `conv2d`。
        bias: 同 `conv2d`；只看有没有。
        stride: 同 `conv2d`。
        padding: 同 `conv2d`。
        dilation: 同 `conv2d`。
        groups: 同 `conv2d`。

    Returns:
        `(dx, dweight, dbias)`，形状与各自的参数相同；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `conv2d`。
        ValueError: 同 `conv2d`，或 `dy` 的形状不是输出的形状。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §4.1。

    Examples:
        >>> x, w = np.arange(4.0).reshape(1, 1, 2, 2), np.full((1, 1, 2, 2), 3.0)
        >>> dx, dw, db = conv2d_backward(np.ones((1, 1, 1, 1)), x, w)
        >>> dx.ravel(), dw.ravel(), db
        (array([3., 3., 3., 3.]), array([0., 1., 2., 3.]), None)
    """
    (upstream, values, kernel, offset), dtype = checked(2, bias, dy=dy, x=x, weight=weight)
    grid = sliding(2, values, kernel, stride, padding, dilation, groups)
    return _backward(upstream, values, kernel, offset, grid, groups, dtype)


def conv1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    r"""一维卷积（互相关）：高为 1 的 [`conv2d`][dlnotes.nn.conv.conv2d]。

    $$y_{n,f,l}=b_f+\sum_{c,i}W_{f,c,i}\;x_{n,\;\gamma C/g+c,\;ls-p+id}$$

    Args:
        x: 形状 `(N, C, L)`。
        weight: 形状 `(F, C // groups, k)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 $s$。
        padding: 两端各补零的个数 $p$；两端不同时 `((前, 后),)`；`"valid"`、`"same"` 同 `conv2d`。
        dilation: 膨胀率 $d$。
        groups: 分组数 $g$。

    Returns:
        形状 `(N, F, L')`，$L'=\lfloor(L+2p-d(k-1)-1)/s\rfloor+1$。

    Raises:
        TypeError: 同 `conv2d`。
        ValueError: 同 `conv2d`。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, Relationship 6 与 15。

    Examples:
        >>> conv1d([[[1, 2, 4, 8]]], [[[-1, 1]]])  # 相邻之差
        array([[[1., 2., 4.]]])
    """
    (values, kernel, offset), dtype = checked(1, bias, x=x, weight=weight)
    grid = sliding(1, values, kernel, stride, padding, dilation, groups)
    y = _im2col.correlate(values[:, :, np.newaxis], kernel[:, :, np.newaxis], grid, groups)
    return result(add(y, offset)[:, :, 0], dtype)


def conv1d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Gradients:
    r"""`conv1d` 的反向：同 [`conv2d_backward`][dlnotes.nn.conv.conv2d_backward]，高为 1。

    $$\bar x=A_W^\top\bar y,\qquad \bar W_{f,c,i}=\sum_{n,l}\bar y_{n,f,l}\;x_{n,\;\gamma C/g+c,\;ls-p+id}$$

    Args:
        dy: 形状与 `conv1d` 的输出相同。
        x: 同 `conv1d`。
        weight: 同 `conv1d`。
        bias: 同 `conv1d`；只看有没有。
        stride: 同 `conv1d`。
        padding: 同 `conv1d`。
        dilation: 同 `conv1d`。
        groups: 同 `conv1d`。

    Returns:
        `(dx, dweight, dbias)`；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `conv1d`。
        ValueError: 同 `conv1d`，或 `dy` 的形状不是输出的形状。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §4.1。

    Examples:
        >>> dx, dw, db = conv1d_backward([[[1, 0, 0]]], [[[1, 2, 4, 8]]], [[[-1, 1]]], [0])
        >>> dx.tolist(), dw.tolist(), db.tolist()
        ([[[-1.0, 1.0, 0.0, 0.0]]], [[[1.0, 2.0]]], [1.0])
    """
    (upstream, values, kernel, offset), dtype = checked(1, bias, dy=dy, x=x, weight=weight)
    grid = sliding(1, values, kernel, stride, padding, dilation, groups)
    has_shape("dy", upstream, (len(values), len(kernel), grid.outputs[1]), like="输出")
    image, signal, kernel = (array[:, :, np.newaxis] for array in (upstream, values, kernel))
    dx, dw, db = _backward(image, signal, kernel, offset, grid, groups, dtype)
    return dx[:, :, 0], dw[:, :, 0], db


def _backward(
    dy: Array, x: Array, weight: Array, bias: Array | None, grid: Grid, groups: int, dtype: np.dtype[Any]
) -> Gradients:
    has_shape("dy", dy, (len(x), len(weight), *grid.outputs), like="输出")
    dx = _im2col.correlate_input(dy, weight, grid, groups)
    dw = _im2col.correlate_weight(x, dy, grid, groups)
    return result(dx, dtype), result(dw, dtype), None if bias is None else result(total(dy), dtype)
