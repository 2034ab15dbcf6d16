r"""逐通道卷积与可分离卷积：都是 `conv2d` 的特例与复合，反向也由它的反向接成。

可分离卷积先在每个通道里各自卷积，再用 1×1 的核混合通道：乘加数从 $FCk^2$ 降到 $C(Mk^2+MF)$（每个位置）。
"""

from typing import Any

from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.arch.layers import Padding, Size
from dlnotes.nn._arrays import Array, as_floats, result
from dlnotes.nn._conv import Gradients, check_image
from dlnotes.nn._im2col import check_axes
from dlnotes.nn.conv import conv2d, conv2d_backward

__all__ = [
    "depthwise_conv2d",
    "depthwise_conv2d_backward",
    "separable_conv2d",
    "separable_conv2d_backward",
]


def depthwise_conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
) -> Array:
    r"""逐通道卷积：每个通道只与自己的 $M$ 个核卷积，即 `groups=C` 的 `conv2d`。

    $$y_{n,\;cM+m}=b_{cM+m}+W_{cM+m,0}\star x_{n,c},\qquad 0\le m<M$$

    $\star$ 是二维互相关。

    Args:
        x: 形状 `(N, C, H, W)`。
        weight: 形状 `(C * M, 1, kh, kw)`；`M` 是每个通道的核数，多为 1。
        bias: 形状 `(C * M,)`，或 `None`。
        stride: 同 [`conv2d`][dlnotes.nn.conv.conv2d]。
        padding: 同 `conv2d`。
        dilation: 同 `conv2d`。

    Returns:
        形状 `(N, C * M, H', W')`。

    Raises:
        TypeError: 同 `conv2d`。
        ValueError: 同 `conv2d`；`weight` 的个数不是 `C` 的倍数。

    References:
        Howard et al. (2017), *MobileNets*, arXiv:1704.04861, §3.1，式 (3)。

    Examples:
        >>> x = [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]  # 两个通道
        >>> depthwise_conv2d(x, [[[[1, 1], [1, 1]]]] * 2).ravel()
        array([10., 26.])
    """
    channels = _channels(x, weight)
    return conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=channels)


def depthwise_conv2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
) -> Gradients:
    r"""`depthwise_conv2d` 的反向：`groups=C` 的 `conv2d_backward`。

    各通道互不相干，每个通道是一个单通道的卷积，$\bar x_{n,c}=\sum_m A_{W_{cM+m}}^\top\bar y_{n,cM+m}$。

    Args:
        dy: 形状与 `depthwise_conv2d` 的输出相同。
        x: 同 `depthwise_conv2d`。
        weight: 同 `depthwise_conv2d`。
        bias: 同 `depthwise_conv2d`；只看有没有。
        stride: 同 `depthwise_conv2d`。
        padding: 同 `depthwise_conv2d`。
        dilation: 同 `depthwise_conv2d`。

    Returns:
        `(dx, dweight, dbias)`；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `depthwise_conv2d`。
        ValueError: 同 `depthwise_conv2d`，或 `dy` 的形状不是输出的形状。

    References:
        Howard et al. (2017), arXiv:1704.04861, §3.1。

    Examples:
        >>> dx, dw, db = depthwise_conv2d_backward([[[[1]], [[10]]]], [[[[2]], [[5]]]], [[[[3]]], [[[4]]]])
        >>> dx.ravel(), dw.ravel()
        (array([ 3., 40.]), array([ 2., 50.]))
    """
    channels = _channels(x, weight)
    return conv2d_backward(
        dy, x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=channels
    )


def separable_conv2d(
    x: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
) -> Array:
    r"""可分离卷积：逐通道卷积，再接 1×1 卷积；两步之间没有偏置，也没有激活。

    $$y_{n,f}=b_f+\sum_{q}P_{f,q}\,\bigl(D_q\star x_{n,\lfloor q/M\rfloor}\bigr)$$

    等于以 $W_{f,c}=\sum_m P_{f,cM+m}D_{cM+m}$ 为核的普通卷积；这样的核只是全部的核里的一小部分。

    Args:
        x: 形状 `(N, C, H, W)`。
        depthwise: $D$，形状 `(C * M, 1, kh, kw)`。
        pointwise: $P$，形状 `(F, C * M, 1, 1)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 逐通道那一步的步长，同 `conv2d`。
        padding: 逐通道那一步的补零，同 `conv2d`。
        dilation: 逐通道那一步的膨胀率。

    Returns:
        形状 `(N, F, H', W')`。

    Raises:
        TypeError: 同 `conv2d`。
        ValueError: 同 `conv2d`，或 `pointwise` 不是 1×1 的。

    References:
        Chollet (2017), *Xception*, CVPR, arXiv:1610.02357，§1.2（两步之间有没有激活：§4.7）。

    Examples:
        >>> x = [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]
        >>> separable_conv2d(x, [[[[1, 1], [1, 1]]]] * 2, [[[[1]], [[-1]]]]).ravel()  # 10 - 26
        array([-16.])
    """
    (values, first, second, offset), dtype = as_floats(
        x=x, depthwise=depthwise, pointwise=pointwise, optional={"bias": bias}
    )
    _check_kernels(values, first, second)
    middle = depthwise_conv2d(values, first, stride=stride, padding=padding, dilation=dilation)
    return result(conv2d(middle, second, offset), dtype)


def separable_conv2d_backward(
    dy: ArrayLike,
    x: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: Padding | str = 0,
    dilation: Size = 1,
) -> tuple[Array, Array, Array, Array | None]:
    r"""`separable_conv2d` 的反向：链式法则，先过 1×1，再过逐通道的一步。

    中间的 $z=D\star x$ 重算一遍；$\bar z=A_P^\top\bar y$ 就是逐通道那一步的 $\bar y$。

    Args:
        dy: 形状与 `separable_conv2d` 的输出相同。
        x: 同 `separable_conv2d`。
        depthwise: 同 `separable_conv2d`。
        pointwise: 同 `separable_conv2d`。
        bias: 同 `separable_conv2d`；只看有没有。
        stride: 同 `separable_conv2d`。
        padding: 同 `separable_conv2d`。
        dilation: 同 `separable_conv2d`。

    Returns:
        `(dx, ddepthwise, dpointwise, dbias)`；没有偏置时 `dbias` 是 `None`。

    Raises:
        TypeError: 同 `separable_conv2d`。
        ValueError: 同 `separable_conv2d`，或 `dy` 的形状不是输出的形状。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.5.2（链式法则）。

    Examples:
        >>> gradients = separable_conv2d_backward([[[[1]]]], [[[[2]]]], [[[[3]]]], [[[[5]]]], [0])
        >>> [float(gradient.sum()) for gradient in gradients]
        [15.0, 10.0, 6.0, 1.0]
    """
    (upstream, values, first, second, offset), dtype = as_floats(
        dy=dy, x=x, depthwise=depthwise, pointwise=pointwise, optional={"bias": bias}
    )
    _check_kernels(values, first, second)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    middle = depthwise_conv2d(values, first, **options)
    dmiddle, dpointwise, dbias = conv2d_backward(upstream, middle, second, offset)
    dx, ddepthwise, _ = depthwise_conv2d_backward(dmiddle, values, first, **options)
    return (
        result(dx, dtype),
        result(ddepthwise, dtype),
        result(dpointwise, dtype),
        None if dbias is None else result(dbias, dtype),
    )


def _channels(x: ArrayLike, weight: ArrayLike) -> int:
    """检查 `x` 与 `weight` 相配，返回通道数，也就是组数。"""
    (array, kernel), _ = as_floats(x=x, weight=weight)
    _check_depthwise("weight", array, kernel)
    return int(array.shape[1])


def _check_depthwise(name: str, x: Array, kernel: Array) -> None:
    check_axes("x", x, "N, C, H, W")
    check_image(x)
    if kernel.ndim != 4 or kernel.size == 0 or kernel.shape[1] != 1 or len(kernel) % x.shape[1]:
        remedy = f"`x` 有 {x.shape[1]} 个通道，每个通道要有同样多的核"
        raise ValueError(problem(name, "形状 (C*M, 1, kh, kw) 的数组", f"形状 {kernel.shape}", remedy))


def _check_kernels(x: Array, depthwise: Array, pointwise: Array) -> None:
    _check_depthwise("depthwise", x, depthwise)
    expected = f"形状 (F, {len(depthwise)}, 1, 1) 的数组"
    if pointwise.ndim != 4 or len(pointwise) == 0 or pointwise.shape[1:] != (len(depthwise), 1, 1):
        remedy = "第二步只混合通道，不看邻居"
        raise ValueError(problem("pointwise", expected, f"形状 {pointwise.shape}", remedy))
