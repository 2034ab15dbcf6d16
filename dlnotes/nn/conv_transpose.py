r"""转置卷积：卷积的伴随，前向与反向。

卷积 $A_W$ 把大图变成小图；转置卷积 $A_W^\top$ 把小图变成大图：每个输入像素乘上核，加到输出的 `kh×kw` 个位置。
它不是卷积的逆。所以前向就是卷积对输入的反向，反向就是卷积的前向，一行新的算法也没有。逐点的定义见
[`conv_loops`][dlnotes.nn.conv_loops]。

References:
    Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285, §4。
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, per_axis, problem, shown
from dlnotes.arch.layers import ConvTranspose2d, Size
from dlnotes.arch.receptive import Window
from dlnotes.nn import _im2col
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._conv import Gradients, add, check_image, check_kernel, total
from dlnotes.nn._im2col import Grid, blamed, check_axes, check_count, clipped

__all__ = ["conv_transpose1d", "conv_transpose1d_backward", "conv_transpose2d", "conv_transpose2d_backward"]


def conv_transpose2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    r"""二维转置卷积：每个输入像素散到输出的 `kh×kw` 个位置，再相加。

    $$
    y_{n,\;\gamma F/g+f,\;hs-p+id,\;ws-p+jd}\mathrel{+}=W_{c,f,i,j}\;x_{n,c,h,w},\qquad
    \gamma=\Bigl\lfloor\frac{c}{C/g}\Bigr\rfloor
    $$

    从 0 起加，最后加偏置；落在输出之外的丢掉。输出的大小 $H'=(H-1)s-2p+d(k_h-1)+p_{\text{out}}+1$，宽同理，
    由 [`dlnotes.arch`][dlnotes.arch.layers.conv.ConvTranspose2d] 的同一条规则算出。

    Args:
        x: 形状 `(N, C, H, W)`；`N` 可以为 0。
        weight: 形状 `(C, F // groups, kh, kw)`：与以它为伴随的卷积的核相同，输入的通道在前。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 $s$，即放大的倍数；一个整数，或 `(高, 宽)`。
        padding: 对应的卷积的补零 $p$，在这里是每一端裁去的像素数。
        output_padding: 在下端、右端多算出的像素数 $p_{\text{out}}$，小于步长或膨胀率；不是补零。
        groups: 分组数 $g$；整除 `C` 和 `F`。
        dilation: 膨胀率 $d$。

    Returns:
        形状 `(N, F, H', W')`。

    Raises:
        TypeError: 元素不是实数，或选项不是整数。
        ValueError: 形状对不上，选项不合，或裁去之后一个像素也不剩。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, Relationship 14（不膨胀）；PyTorch
        `torch.nn.ConvTranspose2d` 的 Shape 一节（含膨胀）。

    Examples:
        >>> conv_transpose2d([[[[1, 2]]]], np.ones((1, 1, 2, 2)))[0, 0]  # 重叠处相加
        array([[1., 3., 2.],
               [1., 3., 2.]])
        >>> conv_transpose2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), stride=2, padding=1).shape
        (1, 1, 7, 7)
    """
    (values, kernel, offset), dtype = as_floats(x=x, weight=weight, optional={"bias": bias})
    grid = sliding(2, values, kernel, offset, stride, padding, output_padding, groups, dilation)
    return result(add(_im2col.correlate_input(values, kernel, grid, groups), offset), dtype)


def conv_transpose2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Gradients:
    r"""`conv_transpose2d` 的反向。

    $y=A_W^\top x+b$，伴随的伴随是自己：$\langle\bar y,A_W^\top x\rangle=\langle A_W\bar y,x\rangle$，所以

    $$
    \bar x=A_W\bar y,\qquad
    \bar W_{c,f,i,j}=\sum_{n,h,w}x_{n,c,h,w}\;\bar y_{n,\;\gamma F/g+f,\;hs-p+id,\;ws-p+jd}
    $$

    $A_W$ 是普通的卷积；$\bar W$ 是 `conv2d` 的那个式子，$x$ 与 $\bar y$ 对调。

    Args:
        dy: 形状与 `conv_transpose2d` 的输出相同。
        x: 同 `conv_transpose2d`。
        weight: 同 `conv_transpose2d`。
        bias: 同 `conv_transpose2d`；只看有没有。
        stride: 同 `conv_transpose2d`。
        padding: 同 `conv_transpose2d`。
        output_padding: 同 `conv_transpose2d`。
        groups: 同 `conv_transpose2d`。
        dilation: 同 `conv_transpose2d`。

    Returns:
        `(dx, dweight, dbias)`；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `conv_transpose2d`。
        ValueError: 同 `conv_transpose2d`，或 `dy` 的形状不是输出的形状。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §4.1。

    Examples:
        >>> x, w = np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 1, 2))
        >>> dx, dw, db = conv_transpose2d_backward([[[[1, 10, 100]]]], x, w)
        >>> dx.ravel(), dw.ravel()
        (array([ 11., 110.]), array([ 21., 210.]))
    """
    (upstream, values, kernel, offset), dtype = as_floats(dy=dy, x=x, weight=weight, optional={"bias": bias})
    grid = sliding(2, values, kernel, offset, stride, padding, output_padding, groups, dilation)
    return _backward(upstream, values, kernel, offset, grid, groups, dtype)


def conv_transpose1d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Array:
    r"""一维转置卷积：高为 1 的 [`conv_transpose2d`][dlnotes.nn.conv_transpose.conv_transpose2d]。

    $$y_{n,\;\gamma F/g+f,\;ls-p+id}\mathrel{+}=W_{c,f,i}\;x_{n,c,l}$$

    Args:
        x: 形状 `(N, C, L)`。
        weight: 形状 `(C, F // groups, k)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 $s$。
        padding: 每一端裁去的个数 $p$。
        output_padding: 在后端多算出的个数 $p_{\text{out}}$。
        groups: 分组数 $g$。
        dilation: 膨胀率 $d$。

    Returns:
        形状 `(N, F, L')`，$L'=(L-1)s-2p+d(k-1)+p_{\text{out}}+1$。

    Raises:
        TypeError: 同 `conv_transpose2d`。
        ValueError: 同 `conv_transpose2d`。

    References:
        PyTorch `torch.nn.ConvTranspose1d` 的 Shape 一节。

    Examples:
        >>> conv_transpose1d([[[1, 2]]], [[[1, 10]]], stride=3, output_padding=2)
        array([[[ 1., 10.,  0.,  2., 20.,  0.,  0.]]])
    """
    (values, kernel, offset), dtype = as_floats(x=x, weight=weight, optional={"bias": bias})
    grid = sliding(1, values, kernel, offset, stride, padding, output_padding, groups, dilation)
    y = _im2col.correlate_input(values[:, :, np.newaxis], kernel[:, :, np.newaxis], grid, groups)
    return result(add(y, offset)[:, :, 0], dtype)


def conv_transpose1d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Gradients:
    r"""`conv_transpose1d` 的反向：同 `conv_transpose2d_backward`，高为 1。

    $$\bar x=A_W\bar y,\qquad \bar W_{c,f,i}=\sum_{n,l}x_{n,c,l}\;\bar y_{n,\;\gamma F/g+f,\;ls-p+id}$$

    Args:
        dy: 形状与 `conv_transpose1d` 的输出相同。
        x: 同 `conv_transpose1d`。
        weight: 同 `conv_transpose1d`。
        bias: 同 `conv_transpose1d`；只看有没有。
        stride: 同 `conv_transpose1d`。
        padding: 同 `conv_transpose1d`。
        output_padding: 同 `conv_transpose1d`。
        groups: 同 `conv_transpose1d`。
        dilation: 同 `conv_transpose1d`。

    Returns:
        `(dx, dweight, dbias)`；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `conv_transpose1d`。
        ValueError: 同 `conv_transpose1d`，或 `dy` 的形状不是输出的形状。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §4.1。

    Examples:
        >>> dx, dw, db = conv_transpose1d_backward([[[1, 10, 100]]], [[[1, 2]]], [[[1, 1]]], [0])
        >>> dx.tolist(), dw.tolist(), db.tolist()
        ([[[11.0, 110.0]]], [[[21.0, 210.0]]], [111.0])
    """
    (upstream, values, kernel, offset), dtype = as_floats(dy=dy, x=x, weight=weight, optional={"bias": bias})
    grid = sliding(1, values, kernel, offset, stride, padding, output_padding, groups, dilation)
    has_shape("dy", upstream, (len(values), groups * kernel.shape[1], grid.inputs[1]), like="输出")
    image, signal, kernel = (array[:, :, np.newaxis] for array in (upstream, values, kernel))
    dx, dw, db = _backward(image, signal, kernel, offset, grid, groups, dtype)
    return dx[:, :, 0], dw[:, :, 0], db


def sliding(
    axes: int,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Size,
    padding: Size,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Grid:
    """对应的卷积怎样滑动：它的输入是这里的输出；大小由 `dlnotes.arch` 算。"""
    check_axes("x", x, ("N, C, L", "N, C, H, W")[axes - 1])
    check_image(x)
    check_kernel(weight, ("C, F/groups, k", "C, F/groups, kh, kw")[axes - 1])
    if len(weight) != x.shape[1]:
        remedy = "转置卷积的核，输入的通道在前"
        raise ValueError(problem("weight", f"第 0 轴为 {x.shape[1]} 的数组", f"形状 {weight.shape}", remedy))
    if x.shape[1] % integer("groups", groups, minimum=1):
        raise ValueError(problem("groups", f"通道数 {x.shape[1]} 的约数", shown(groups), "请改分组数"))
    filters = groups * weight.shape[1]
    if bias is not None:
        has_shape("bias", bias, (filters,), like="输出通道数")
    options: dict[str, Any] = {
        name: per_axis(name, value, axes=axes, minimum=minimum)
        for name, value, minimum in (
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("output_padding", output_padding, 0),
            ("dilation", dilation, 1),
        )
    }
    kernel, sizes = weight.shape[2:], x.shape[2:]
    if axes == 1:  # 高为 1 的图
        kernel, sizes = (1, *kernel), (1, *sizes)
        neutral = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
        options = {name: (neutral[name], *values) for name, values in options.items()}
    layer = ConvTranspose2d(filters, kernel, **options)
    with blamed("x", x.shape[2:]):
        outputs = layer.output((x.shape[1], *sizes))[1:]
    largest = max(("stride", "dilation", "padding"), key=lambda name: max(options[name]))
    whole = [size + 2 * p for size, p in zip(outputs, options["padding"], strict=True)]
    check_count(largest, options[largest], whole)
    numbers = zip(kernel, options["stride"], options["padding"], options["dilation"], strict=True)
    return Grid(tuple(map(clipped, (Window(*each) for each in numbers), outputs)), outputs, sizes)


def _backward(
    dy: Array, x: Array, weight: Array, bias: Array | None, grid: Grid, groups: int, dtype: np.dtype[Any]
) -> Gradients:
    has_shape("dy", dy, (len(x), groups * weight.shape[1], *grid.inputs), like="输出")
    dx = _im2col.correlate(dy, weight, grid, groups)
    dw = _im2col.correlate_weight(dy, x, grid, groups)
    return result(dx, dtype), result(dw, dtype), None if bias is None else result(total(dy), dtype)
