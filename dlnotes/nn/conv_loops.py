r"""卷积与转置卷积的逐点定义：七重循环，一次乘加一行。

很慢，只为读懂，也给 [`conv`][dlnotes.nn.conv] 与 [`conv_transpose`][dlnotes.nn.conv_transpose] 作对照：
它不排矩阵，不用切片，也不用 `dlnotes.arch` 的大小，输出多大由自己数；只有参数的检查是共用的。
"""

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import per_axis
from dlnotes.nn import _conv, conv_transpose
from dlnotes.nn._arrays import Array, as_floats, quiet, result

__all__ = ["conv2d_loop", "conv_transpose2d_loop"]

Pair = tuple[int, int]


@quiet
def conv2d_loop(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    r"""二维卷积的定义，逐个输出、逐个乘加。

    $$
    y_{n,f,h,w}=b_f+\sum_{c,i,j}W_{f,c,i,j}\;x_{n,\;\gamma C/g+c,\;hs-p+id,\;ws-p+jd}
    $$

    输出的第 $h$ 行存在，当且仅当窗口的最后一点 $hs-p+(k-1)d$ 不超过补零后的最后一行 $H-1+p$。

    Args:
        x: 形状 `(N, C, H, W)`。
        weight: 形状 `(F, C // groups, kh, kw)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 `(高, 宽)`。
        padding: 每一端补零的个数 `(高, 宽)`。
        dilation: 膨胀率 `(高, 宽)`。
        groups: 分组数。

    Returns:
        形状 `(N, F, H', W')`，与 [`conv2d`][dlnotes.nn.conv.conv2d] 相同。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状对不上，或选项小于允许的值。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*，式 (9.6)（互相关）、(9.7)（多通道）。

    Examples:
        >>> conv2d_loop([[[[1, 2, 4]]]], [[[[-1, 1]]]], padding=(0, 1))
        array([[[[ 1.,  1.,  2., -4.]]]])
    """
    (values, kernel, offset), dtype = _conv.checked(2, bias, x=x, weight=weight)
    _conv.sliding(2, values, kernel, stride, padding, dilation, groups)
    (batch, channels, height, width), (filters, _, kh, kw) = values.shape, kernel.shape
    (sh, sw), (ph, pw), (dh, dw) = _pairs(stride=stride, padding=padding, dilation=dilation)
    rows = [h for h in range(height + 2 * ph) if h * sh - ph + (kh - 1) * dh <= height - 1 + ph]
    columns = [w for w in range(width + 2 * pw) if w * sw - pw + (kw - 1) * dw <= width - 1 + pw]
    y = np.zeros((batch, filters, len(rows), len(columns)), values.dtype)
    for n, f, h, w in product(range(batch), range(filters), rows, columns):
        group = f // (filters // groups)
        for c, i, j in product(range(channels // groups), range(kh), range(kw)):
            top, left = h * sh - ph + i * dh, w * sw - pw + j * dw
            if 0 <= top < height and 0 <= left < width:
                y[n, f, h, w] += kernel[f, c, i, j] * values[n, group * (channels // groups) + c, top, left]
        if offset is not None:
            y[n, f, h, w] += offset[f]
    return result(y, dtype)


@quiet
def conv_transpose2d_loop(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    output_padding: Pair = (0, 0),
    groups: int = 1,
    dilation: Pair = (1, 1),
) -> Array:
    r"""二维转置卷积的定义：逐个输入，散到它的各个位置。

    $$
    y_{n,\;\gamma F/g+f,\;hs-p+id,\;ws-p+jd}\mathrel{+}=W_{c,f,i,j}\;x_{n,c,h,w}
    $$

    先不裁，散满 $(H-1)s+(k-1)d+1+p_{\text{out}}$ 行，再从每一端裁去 $p$ 行。

    Args:
        x: 形状 `(N, C, H, W)`。
        weight: 形状 `(C, F // groups, kh, kw)`。
        bias: 形状 `(F,)`，或 `None`。
        stride: 步长 `(高, 宽)`。
        padding: 每一端裁去的个数 `(高, 宽)`。
        output_padding: 下端、右端多出的个数。
        groups: 分组数。
        dilation: 膨胀率 `(高, 宽)`。

    Returns:
        形状 `(N, F, H', W')`，与 [`conv_transpose2d`][dlnotes.nn.conv_transpose.conv_transpose2d] 相同。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状对不上，或选项小于允许的值。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, §4。

    Examples:
        >>> conv_transpose2d_loop([[[[1, 2]]]], [[[[1, 10]]]], stride=(1, 2))
        array([[[[ 1., 10.,  2., 20.]]]])
    """
    (values, kernel, offset), dtype = as_floats(x=x, weight=weight, optional={"bias": bias})
    conv_transpose.sliding(2, values, kernel, offset, stride, padding, output_padding, groups, dilation)
    (batch, channels, height, width), (_, per_group, kh, kw) = values.shape, kernel.shape
    (sh, sw), (ph, pw), (dh, dw), extras = _pairs(
        stride=stride, padding=padding, dilation=dilation, output_padding=output_padding
    )
    full = (height - 1) * sh + (kh - 1) * dh + 1, (width - 1) * sw + (kw - 1) * dw + 1
    rows, columns = (size + extra for size, extra in zip(full, extras, strict=True))
    y = np.zeros((batch, groups * per_group, rows, columns), values.dtype)
    for n, c, h, w in product(range(batch), range(channels), range(height), range(width)):
        group = c // (channels // groups)
        for f, i, j in product(range(per_group), range(kh), range(kw)):
            y[n, group * per_group + f, h * sh + i * dh, w * sw + j * dw] += (
                kernel[c, f, i, j] * values[n, c, h, w]
            )
    y = y[:, :, ph : rows - ph, pw : columns - pw]
    if offset is not None:
        y = y + offset[:, np.newaxis, np.newaxis]
    return result(y, dtype)


def _pairs(**options: Pair) -> list[tuple[int, ...]]:
    return [per_axis(name, value, axes=2, minimum=None) for name, value in options.items()]
