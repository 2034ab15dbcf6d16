"""卷积层。"""

from dataclasses import dataclass
from math import prod

from dlnotes._check import boolean, integer, problem
from dlnotes.arch.layers._base import Shape, Size, Windows, both_windows, image, slide, store


@dataclass(frozen=True)
class Conv2d:
    r"""二维卷积（互相关），核的形状是 `(out_channels, C // groups, kh, kw)`。

    参数量 $C_{\text{out}}\bigl(\frac{C}{g}k_hk_w+b\bigr)$，
    乘加数 $C_{\text{out}}H'W'\cdot\frac{C}{g}k_hk_w$。
    其中 $b$ 有偏置时为 1，否则为 0，输出的大小是 $H'\times W'$。

    Attributes:
        out_channels: 输出通道数，即卷积核的个数。
        kernel_size: 核的大小；一个整数，或 `(高, 宽)`。
        stride: 步长。
        padding: 每一端补零的像素数。
        dilation: 膨胀率，1 表示不膨胀。
        groups: 分组数；必须整除输入通道数和 `out_channels`。
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
    """

    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: Size = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, out_channels=integer("out_channels", self.out_channels, minimum=1))
        store(self, groups=integer("groups", self.groups, minimum=1))
        boolean("bias", self.bias)
        if self.out_channels % self.groups:
            raise ValueError(
                problem("groups", f"out_channels={self.out_channels} 的约数", self.groups, "请改分组数")
            )
        _ = self.windows  # 核、步长等有错时，在写下这一层的地方就报出来

    @property
    def windows(self) -> Windows:
        """高、宽两个方向的滑动窗口。"""
        return both_windows(self.kernel_size, self.stride, self.padding, self.dilation)

    def output(self, shape: Shape) -> Shape:
        self._inputs_per_filter(shape)
        return self.out_channels, *slide(shape, self.windows, "floor")

    def params(self, shape: Shape) -> int:
        return self.out_channels * (self._inputs_per_filter(shape) + self.bias)

    def macs(self, shape: Shape) -> int:
        return prod(self.output(shape)) * self._inputs_per_filter(shape)

    def reach(self, shape: Shape) -> Windows:
        return self.windows

    def _inputs_per_filter(self, shape: Shape) -> int:
        """一个输出由多少个输入相乘累加而成。"""
        channels = image(shape)[0]
        if channels % self.groups:
            raise ValueError(
                problem("groups", f"输入通道数 {channels} 的约数", self.groups, "请改分组数或上一层的通道数")
            )
        kernel = prod(window.kernel_size for window in self.windows)
        return channels // self.groups * kernel
