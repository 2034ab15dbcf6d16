"""卷积与转置卷积。

`N` 维的规则只写一遍：`Conv1d` 作用于信号 `(C, L)`，`Conv2d` 作用于图像 `(C, H, W)`。
"""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

from dlnotes._check import boolean, integer, per_axis, problem, shown
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import Layer, Operations, Parameters, Shape, channels_first, some, store
from dlnotes.arch.layers._sliding import Geometry, Padding, Size, Sliding
from dlnotes.arch.receptive import Window


@dataclass(frozen=True)
class _Convolution(Sliding):
    """`N` 维卷积；`axes` 是方向的个数。"""

    axes: ClassVar[int]

    out_channels: int
    kernel_size: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        _check_channels(self, self.out_channels, self.groups, self.bias)
        self.check_windows()

    def geometry(self) -> Geometry:
        return self.kernel_size, self.stride, self.padding, self.dilation, "floor"

    def output(self, shape: Shape, /) -> Shape:
        _channels_per_group(shape, self.axes, self.groups)
        return self.out_channels, *self.slide(shape)

    def parameters(self, shape: Shape, /) -> Parameters:
        weight = self.out_channels * self._inputs_per_output(shape)
        return some({"weight": weight, "bias": self.out_channels * self.bias})

    def operations(self, shape: Shape, /) -> Operations:
        outputs = self.out_channels * prod(self.slide(shape))
        return some({"conv": outputs * self._inputs_per_output(shape), "bias": outputs * self.bias})

    def _inputs_per_output(self, shape: Shape) -> int:
        """一个输出由多少个输入相乘累加而成，补的零也算。"""
        return _channels_per_group(shape, self.axes, self.groups) * self._taps

    @cached_property
    def _taps(self) -> int:
        return prod(per_axis("kernel_size", self.kernel_size, axes=self.axes, minimum=1))


@dataclass(frozen=True)
class Conv1d(_Convolution):
    r"""一维卷积（互相关），作用于信号 `(C, L)`，核的形状是 `(out_channels, C // groups, k)`。

    参数量 $C_{\text{out}}\bigl(\frac{C}{g}k+b\bigr)$，乘加数 $C_{\text{out}}L'\cdot\frac{C}{g}k$。

    Attributes:
        out_channels: 输出通道数，即卷积核的个数。
        kernel_size: 核的长度。
        stride: 步长。
        padding: 两端各补零的个数；两端不同时写成 `((前, 后),)`；`"same"` 见
            [`same`][dlnotes.arch.receptive.same]。
        dilation: 膨胀率，1 表示不膨胀。
        groups: 分组数；必须整除输入通道数和 `out_channels`。
        bias: 是否有偏置。

    Raises:
        TypeError: 某个参数不是整数，或 `bias` 不是布尔值。
        ValueError: 参数小于允许的最小值，或 `groups` 不整除通道数。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, Relationship 6 与 15；PyTorch `torch.nn.Conv1d`。

    Examples:
        >>> conv = Conv1d(32, 3, padding=2, dilation=2)
        >>> conv.output((16, 100)), conv.params((16, 100)), conv.macs((16, 100))
        ((32, 100), 1568, 153600)
    """

    axes: ClassVar[int] = 1


@dataclass(frozen=True)
class Conv2d(_Convolution):
    r"""二维卷积（互相关），核的形状是 `(out_channels, C // groups, kh, kw)`。

    参数量 $C_{\text{out}}\bigl(\frac{C}{g}k_hk_w+b\bigr)$，
    乘加数 $C_{\text{out}}H'W'\cdot\frac{C}{g}k_hk_w$。
    其中 $b$ 有偏置时为 1，否则为 0，输出的大小是 $H'\times W'$；与补零相乘也算，各家工具都这样数。

    Attributes:
        out_channels: 输出通道数，即卷积核的个数。
        kernel_size: 核的大小；一个整数，或 `(高, 宽)`。
        stride: 步长；一个整数，或 `(高, 宽)`。
        padding: 每一端补零的像素数：一个整数，`(高, 宽)`，或两端不同时 `((上, 下), (左, 右))`；
            `"same"` 见 [`same`][dlnotes.arch.receptive.same]。
        dilation: 膨胀率，1 表示不膨胀。
        groups: 分组数；必须整除输入通道数和 `out_channels`，等于输入通道数时是逐通道卷积。
        bias: 是否有偏置。

    Raises:
        TypeError: 某个参数不是整数，或 `bias` 不是布尔值。
        ValueError: 参数小于允许的最小值，或 `groups` 不整除通道数。

    References:
        Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285,
        Relationship 6 与 15（输出大小）；Krizhevsky et al. (2012), §3.5（分组）。

    Examples:
        >>> conv = Conv2d(64, 3, padding=1)
        >>> conv.output((3, 224, 224)), conv.params((3, 224, 224)), conv.macs((3, 224, 224))
        ((64, 224, 224), 1792, 86704128)
        >>> Conv2d(64, (1, 7), padding="same").output((3, 17, 17))
        (64, 17, 17)
    """

    axes: ClassVar[int] = 2


@dataclass(frozen=True)
class ConvTranspose2d(Layer):
    r"""二维转置卷积：把卷积的连接反过来，输入的每个像素散到输出的 `kh×kw` 个位置再相加。

    $$o=(i-1)s-2p+d(k-1)+p_{\text{out}}+1$$

    参数量 $C_{\text{out}}\bigl(\frac{C}{g}k_hk_w+b\bigr)$，
    乘加数 $C_{\text{out}}HW\cdot\frac{C}{g}k_hk_w$，乘的是**输入**的 $H\times W$（落到裁去的边上的也算）；
    误乘输出的大小会多数约 $s^2$ 倍。步长大于 1 时，相邻的输出看到的输入个数不一，或位置不等距，感受野没有
    统一的大小和步距；步长为 1 时它就是补 $d(k-1)-p$ 个零的普通卷积。

    Attributes:
        out_channels: 输出通道数。
        kernel_size: 核的大小；一个整数，或 `(高, 宽)`。
        stride: 步长，即放大的倍数。
        padding: 对应的正向卷积补零的像素数；在这里是从每一端**裁去**的像素数。
        output_padding: 在下端、右端多算出的像素数，用来选定几个可能的大小之一；须小于步长或膨胀率。
        dilation: 膨胀率。
        groups: 分组数；必须整除输入通道数和 `out_channels`。
        bias: 是否有偏置。

    Raises:
        TypeError: 某个参数不是整数，或 `bias` 不是布尔值。
        ValueError: 参数小于允许的最小值，`groups` 不整除通道数，`output_padding` 过大，或输出不足一个像素。

    References:
        Dumoulin & Visin (2016), arXiv:1603.07285, Relationship 14（输出大小，不膨胀）；
        PyTorch `torch.nn.ConvTranspose2d` 的 Shape 一节（含膨胀）。

    Examples:
        >>> up = ConvTranspose2d(64, 2, stride=2)
        >>> up.output((128, 28, 28)), up.params((128, 28, 28)), up.macs((128, 28, 28))
        ((64, 56, 56), 32832, 25690112)
    """

    out_channels: int
    kernel_size: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Size = 0
    output_padding: Size = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        _check_channels(self, self.out_channels, self.groups, self.bias)
        for window, extra in self._axes():
            if extra >= max(window.stride, window.dilation):
                expected = f"小于步长 {window.stride} 或膨胀率 {window.dilation} 的整数"
                raise ValueError(problem("output_padding", expected, shown(extra), "请减小它"))

    def output(self, shape: Shape, /) -> Shape:
        _channels_per_group(shape, 2, self.groups)
        _, sizes = channels_first(shape, 2)
        outputs = tuple(
            (size - 1) * window.stride - sum(window.ends) + window.extent + extra
            for size, (window, extra) in zip(sizes, self._axes(), strict=True)
        )
        if min(outputs) < 1:
            reached = "×".join(map(str, sizes))
            raise ValueError(f"从 {reached} 裁去 `padding` 之后一个像素也不剩；请加大输入或减小 `padding`。")
        return self.out_channels, *outputs

    def reach(self, shape: Shape, /) -> Reach:
        windows = [window for window, _ in self._axes()]
        strides = "×".join(str(window.stride) for window in windows)
        if any(window.stride > 1 for window in windows):
            return Unaligned(f"转置卷积的步长是 {strides}，相邻单元看到的位置不等距")
        # 步长 1 的转置卷积就是把核翻转、补 d(k-1)-p 个零的卷积；output_padding 只在后端，不影响位置。
        return tuple(Window(w.kernel_size, 1, w.extent - 1 - w.ends[0], w.dilation) for w in windows)

    def parameters(self, shape: Shape, /) -> Parameters:
        weight = self.out_channels * _channels_per_group(shape, 2, self.groups) * self._taps()
        return some({"weight": weight, "bias": self.out_channels * self.bias})

    def operations(self, shape: Shape, /) -> Operations:
        inputs_per_group = _channels_per_group(shape, 2, self.groups) * prod(shape[1:])
        conv = self.out_channels * inputs_per_group * self._taps()
        return some({"conv": conv, "bias": prod(self.output(shape)) * self.bias})

    def _taps(self) -> int:
        return prod(window.kernel_size for window, _ in self._axes())

    def _axes(self) -> list[tuple[Window, int]]:
        """各方向对应的正向卷积的窗口，和 `output_padding`。"""
        columns = [
            per_axis(name, getattr(self, name), axes=2, minimum=minimum)
            for name, minimum in (
                ("kernel_size", 1),
                ("stride", 1),
                ("padding", 0),
                ("dilation", 1),
                ("output_padding", 0),
            )
        ]
        return [(Window(k, s, p, d), extra) for k, s, p, d, extra in zip(*columns, strict=True)]


def _check_channels(layer: object, out_channels: int, groups: int, bias: bool) -> None:
    store(layer, out_channels=integer("out_channels", out_channels, minimum=1))
    store(layer, groups=integer("groups", groups, minimum=1))
    boolean("bias", bias)
    if out_channels % groups:
        raise ValueError(problem("groups", f"out_channels={out_channels} 的约数", groups, "请改分组数"))


def _channels_per_group(shape: Shape, axes: int, groups: int) -> int:
    channels, _ = channels_first(shape, axes)
    if channels % groups:
        expected = f"输入通道数 {channels} 的约数"
        raise ValueError(problem("groups", expected, groups, "请改分组数或上一层的通道数"))
    return channels // groups
