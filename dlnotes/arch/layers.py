r"""层的规格：每一种层是一个不可变的数据类，自己知道输出形状、参数量、乘加数和窗口。

形状不含批量：图像是 `(C, H, W)`，展平之后是 `(F,)`。输入通道数由到达它的形状推出，所以不用写。
乘加（MAC）只计卷积与线性层的乘法累加，偏置、归一化、激活、池化不计；FLOPs 按 1 MAC = 2 FLOPs 换算。
"""

from dataclasses import dataclass
from math import prod
from typing import Literal, Protocol

from dlnotes._check import integer, pair, problem
from dlnotes.arch.receptive import Rounding, Window, output_size

Shape = tuple[int, ...]
Size = int | tuple[int, int]
Windows = tuple[Window, Window]
Reach = Windows | Literal["all"] | None
"""一层的单元在它的输入上看到哪里：高、宽两个窗口；`"all"` 是整个输入；`None` 是各单元的窗口不规则。"""

POINT: Windows = (Window(1), Window(1))


class Layer(Protocol):
    """层要回答的四个问题。`shape` 是到达这一层的形状，不含批量。"""

    def output(self, shape: Shape) -> Shape:
        """输出的形状；形状不合时抛出 `ValueError`。"""

    def params(self, shape: Shape) -> int:
        """可学习的参数个数，含偏置。"""

    def macs(self, shape: Shape) -> int:
        """一个样本前向一次的乘加数。"""

    def reach(self, shape: Shape) -> Reach:
        """它的单元在输入上看到哪里。"""


def _windows(kernel_size: Size, stride: Size, padding: Size, dilation: Size) -> Windows:
    kernels = pair("kernel_size", kernel_size, minimum=1)
    strides = pair("stride", stride, minimum=1)
    paddings = pair("padding", padding, minimum=0)
    dilations = pair("dilation", dilation, minimum=1)
    height, width = zip(kernels, strides, paddings, dilations, strict=True)
    return Window(*height), Window(*width)


def _image(shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(problem("shape", " (C, H, W)", shape, "展平之后不能再接作用于图像的层"))
    channels, height, width = shape
    return channels, height, width


def _slide(shape: Shape, windows: Windows, rounding: Rounding) -> tuple[int, int]:
    _, height, width = _image(shape)
    try:
        return output_size(height, windows[0], rounding), output_size(width, windows[1], rounding)
    except ValueError:
        kernel = "×".join(str(window.kernel_size) for window in windows)
        extent = "×".join(str(window.extent) for window in windows)
        dilated = f"（膨胀后 {extent}）" if extent != kernel else ""
        padding = "×".join(str(window.padding) for window in windows)
        raise ValueError(
            f"窗口 {kernel}{dilated} 大于到达它的 {height}×{width}（两端各补 {padding}）；"
            "请加大输入或 `padding`。"
        ) from None


@dataclass(frozen=True)
class Conv2d:
    r"""二维卷积（互相关），核的形状是 `(out_channels, C // groups, kh, kw)`。

    参数量 $C_{\text{out}}\bigl(\frac{C}{g}k_hk_w+b\bigr)$，
    乘加数 $C_{\text{out}}H'W'\cdot\frac{C}{g}k_hk_w$。
    其中 $b$ 有偏置时为 1，否则为 0，输出的大小是 $H'\times W'$。

    Attributes:
        out_channels: 输出通道数，即卷积核的个数。
        kernel_size: 核的大小；一个整数，或 (高, 宽)。
        stride: 步长。
        padding: 每一端补零的像素数。
        dilation: 膨胀率，1 表示不膨胀。
        groups: 分组数；必须整除输入通道数和 `out_channels`。
        bias: 是否有偏置。
    """

    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: Size = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True

    def __post_init__(self) -> None:
        integer("out_channels", self.out_channels, minimum=1)
        integer("groups", self.groups, minimum=1)
        if self.out_channels % self.groups:
            raise ValueError(
                problem("groups", f"out_channels={self.out_channels} 的约数", self.groups, "请改分组数")
            )
        _ = self.windows  # 核、步长等有错时，在写下这一层的地方就报出来

    @property
    def windows(self) -> Windows:
        """高、宽两个方向的滑动窗口。"""
        return _windows(self.kernel_size, self.stride, self.padding, self.dilation)

    def output(self, shape: Shape) -> Shape:
        self._inputs_per_filter(shape)
        return self.out_channels, *_slide(shape, self.windows, "floor")

    def params(self, shape: Shape) -> int:
        return self.out_channels * (self._inputs_per_filter(shape) + self.bias)

    def macs(self, shape: Shape) -> int:
        return prod(self.output(shape)) * self._inputs_per_filter(shape)

    def reach(self, shape: Shape) -> Windows:
        return self.windows

    def _inputs_per_filter(self, shape: Shape) -> int:
        """一个输出由多少个输入相乘累加而成。"""
        channels = _image(shape)[0]
        if channels % self.groups:
            raise ValueError(
                problem("groups", f"输入通道数 {channels} 的约数", self.groups, "请改分组数或上一层的通道数")
            )
        kernel = prod(window.kernel_size for window in self.windows)
        return channels // self.groups * kernel


class _NoWeights:
    """没有参数、也不计乘加的层。"""

    def params(self, shape: Shape) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


class _Pointwise(_NoWeights):
    """形状不变、不看相邻像素的层。"""

    def output(self, shape: Shape) -> Shape:
        return shape

    def reach(self, shape: Shape) -> Windows:
        return POINT


@dataclass(frozen=True)
class MaxPool2d(_NoWeights):
    """最大池化：通道数不变，没有参数。

    Attributes:
        kernel_size: 窗口的大小；一个整数，或 (高, 宽)。
        stride: 步长；不写则等于 `kernel_size`，与 PyTorch 相同。
        padding: 每一端补的像素数；须小于窗口，否则有的窗口里一个像素也没有。
        dilation: 膨胀率。
        rounding: 除不尽时怎样取整，见 [`output_size`][dlnotes.arch.receptive.output_size]。
    """

    kernel_size: Size
    stride: Size | None = None
    padding: Size = 0
    dilation: Size = 1
    rounding: Rounding = "floor"

    def __post_init__(self) -> None:
        for window in self.windows:
            if window.padding >= window.extent:
                expected = f"小于窗口 {window.extent} 的整数"
                raise ValueError(problem("padding", expected, window.padding, "请减小补零或加大窗口"))
            output_size(window.extent, window, self.rounding)  # 只为检查 rounding

    @property
    def windows(self) -> Windows:
        """高、宽两个方向的滑动窗口。"""
        stride = self.kernel_size if self.stride is None else self.stride
        return _windows(self.kernel_size, stride, self.padding, self.dilation)

    def output(self, shape: Shape) -> Shape:
        return shape[0], *_slide(shape, self.windows, self.rounding)

    def reach(self, shape: Shape) -> Windows:
        return self.windows


@dataclass(frozen=True)
class AvgPool2d(MaxPool2d):
    """平均池化：形状的规则与 [`MaxPool2d`][dlnotes.arch.layers.MaxPool2d] 相同。"""


@dataclass(frozen=True)
class AdaptiveAvgPool2d(_NoWeights):
    r"""自适应平均池化：把任意大小的图平均成 `output_size`。

    第 $t$ 个输出平均的是输入的 $\lfloor t\,i/o\rfloor$ 到 $\lceil (t+1)\,i/o\rceil-1$；$i$ 是 $o$ 的整数倍时
    它就是普通的平均池化，否则各窗口大小不一，感受野没有统一的大小（`reach` 为 `None`）。

    Attributes:
        output_size: 输出的大小；一个整数，或 (高, 宽)。
    """

    output_size: Size

    def __post_init__(self) -> None:
        pair("output_size", self.output_size, minimum=1)

    def output(self, shape: Shape) -> Shape:
        return _image(shape)[0], *pair("output_size", self.output_size, minimum=1)

    def reach(self, shape: Shape) -> Reach:
        height, width = _image(shape)[1:]
        rows, columns = self.output(shape)[1:]
        if height % rows or width % columns:
            return None
        steps = height // rows, width // columns
        return _windows(steps, steps, 0, 1)


@dataclass(frozen=True)
class ReLU(_Pointwise):
    """ReLU 激活。"""


@dataclass(frozen=True)
class Dropout(_Pointwise):
    """随机失活，`p` 是**丢弃**的概率（PyTorch 的约定）；推理时什么也不做。"""

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(problem("p", "0 到 1 之间的概率", self.p, "它是丢弃的概率，不是保留的概率"))


@dataclass(frozen=True)
class LocalResponseNorm(_Pointwise):
    """局部响应归一化：在相邻的 `size` 个通道之间做，不看相邻像素，没有参数。"""

    size: int = 5

    def __post_init__(self) -> None:
        integer("size", self.size, minimum=1)


@dataclass(frozen=True)
class Flatten(_NoWeights):
    """把 `(C, H, W)` 展平成 `(C*H*W,)`；此后位置不再有意义，感受野记为 `"all"`。"""

    def output(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def reach(self, shape: Shape) -> Reach:
        return "all"


@dataclass(frozen=True)
class Linear:
    r"""全连接层：$F\to$ `out_features`，参数量 $\text{out}\cdot(F+b)$，乘加数 $\text{out}\cdot F$。

    Attributes:
        out_features: 输出的个数。
        bias: 是否有偏置。
    """

    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        integer("out_features", self.out_features, minimum=1)

    def output(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(problem("shape", " (F,)", shape, "请在全连接层之前加一层 Flatten"))
        return (self.out_features,)

    def params(self, shape: Shape) -> int:
        return self.out_features * (shape[0] + self.bias)

    def macs(self, shape: Shape) -> int:
        return self.out_features * shape[0]

    def reach(self, shape: Shape) -> Reach:
        return "all"
