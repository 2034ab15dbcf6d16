"""各种层共用的词汇：形状、窗口、`Layer` 要回答的问题，以及两个方向的滑动。"""

from typing import Literal, Protocol

from dlnotes._check import pair, problem
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


def store(layer: object, **values: int) -> None:
    """在不可变的数据类里存下检查过的 Python 整数：numpy 的整数位数有限，乘几下就会溢出。"""
    for name, value in values.items():
        object.__setattr__(layer, name, value)


def both_windows(kernel_size: Size, stride: Size, padding: Size, dilation: Size) -> Windows:
    """检查四个参数，得到高、宽两个方向的窗口。"""
    kernels = pair("kernel_size", kernel_size, minimum=1)
    strides = pair("stride", stride, minimum=1)
    paddings = pair("padding", padding, minimum=0)
    dilations = pair("dilation", dilation, minimum=1)
    height, width = zip(kernels, strides, paddings, dilations, strict=True)
    return Window(*height), Window(*width)


def image(shape: Shape) -> tuple[int, int, int]:
    """检查形状是 `(C, H, W)`。"""
    if len(shape) != 3:
        raise ValueError(problem("shape", "(C, H, W)", shape, "展平之后不能再接作用于图像的层"))
    channels, height, width = shape
    return channels, height, width


def slide(shape: Shape, windows: Windows, rounding: Rounding) -> tuple[int, int]:
    """窗口在图像上滑动，得到输出的高和宽；放不下时报出窗口和到达它的大小。"""
    _, height, width = image(shape)
    try:
        return output_size(height, windows[0], rounding), output_size(width, windows[1], rounding)
    except ValueError:
        kernel = "×".join(str(window.kernel_size) for window in windows)
        extent = "×".join(str(window.extent) for window in windows)
        dilated = f"（膨胀后 {extent}）" if extent != kernel else " "
        padding = "×".join(str(window.padding) for window in windows)
        raise ValueError(
            f"窗口 {kernel}{dilated}大于到达它的 {height}×{width}（两端各补 {padding}）；"
            "请加大输入或 `padding`。"
        ) from None


class NoWeights:
    """没有参数、也不计乘加的层。"""

    def params(self, shape: Shape) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


class Pointwise(NoWeights):
    """形状不变、不看相邻像素的层。"""

    def output(self, shape: Shape) -> Shape:
        return shape

    def reach(self, shape: Shape) -> Windows:
        return POINT
