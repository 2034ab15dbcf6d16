"""池化层：通道数不变，没有参数。"""

from dataclasses import dataclass
from itertools import pairwise

from dlnotes._check import pair, problem
from dlnotes.arch.layers._base import NoWeights, Reach, Shape, Size, Windows, both_windows, image, slide
from dlnotes.arch.receptive import Rounding, Window, output_size


@dataclass(frozen=True)
class MaxPool2d(NoWeights):
    """最大池化：通道数不变，没有参数。

    Attributes:
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长；不写则等于 `kernel_size`，与 PyTorch 相同。
        padding: 每一端补的像素数；须小于窗口，否则有的窗口里一个像素也没有。
        dilation: 膨胀率。
        rounding: 除不尽时怎样取整，见 [`output_size`][dlnotes.arch.receptive.output_size]。

    Raises:
        TypeError: 某个参数不是整数。
        ValueError: 参数小于允许的最小值，`padding` 不小于窗口，或不认识 `rounding`。

    References:
        Dumoulin & Visin (2016), *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285,
        Relationship 7（`"floor"`、不补零）；另两种取整见 `output_size`。

    Examples:
        >>> MaxPool2d(3, stride=2).output((64, 112, 112))
        (64, 55, 55)
        >>> MaxPool2d(3, stride=2, rounding="ceil").output((64, 112, 112))
        (64, 56, 56)
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
        return both_windows(self.kernel_size, stride, self.padding, self.dilation)

    def output(self, shape: Shape) -> Shape:
        return image(shape)[0], *slide(shape, self.windows, self.rounding)

    def reach(self, shape: Shape) -> Windows:
        return self.windows


@dataclass(frozen=True)
class AvgPool2d(MaxPool2d):
    """平均池化：形状的规则与 [`MaxPool2d`][dlnotes.arch.layers.pooling.MaxPool2d] 相同。"""


@dataclass(frozen=True)
class AdaptiveAvgPool2d(NoWeights):
    r"""自适应平均池化：把任意大小的图平均成 `output_size`。

    第 $t$ 个输出平均的是输入的 $\lfloor t\,i/o\rfloor$ 到 $\lceil (t+1)\,i/o\rceil-1$。各窗口一样大、间隔
    也一样时（$i$ 是 $o$ 的整数倍，或 7→6、5→2 这样碰巧整齐的），它就是普通的平均池化；否则感受野没有统一的
    大小（`reach` 为 `None`）。

    Attributes:
        output_size: 输出的大小；一个整数，或 `(高, 宽)`。

    Raises:
        TypeError: `output_size` 不是整数。
        ValueError: `output_size` 小于 1。

    References:
        PyTorch `aten/src/ATen/native/AdaptivePooling.h` 的 `start_index`、`end_index`。

    Examples:
        >>> pool = AdaptiveAvgPool2d(7)
        >>> pool.output((512, 14, 14)), pool.reach((512, 14, 14))[0]
        ((512, 7, 7), Window(kernel_size=2, stride=2, padding=0, dilation=1))
        >>> pool.reach((512, 8, 9)) is None  # 9→7 的窗口大小不一
        True
    """

    output_size: Size

    def __post_init__(self) -> None:
        pair("output_size", self.output_size, minimum=1)

    def output(self, shape: Shape) -> Shape:
        return image(shape)[0], *pair("output_size", self.output_size, minimum=1)

    def reach(self, shape: Shape) -> Reach:
        height, width = (
            _adaptive_window(size, count)
            for size, count in zip(image(shape)[1:], self.output(shape)[1:], strict=True)
        )
        return (height, width) if height and width else None


def _adaptive_window(size: int, count: int) -> Window | None:
    """把 `size` 个像素自适应地分给 `count` 个输出的窗口；大小或间隔不一时为 `None`。"""
    starts = [unit * size // count for unit in range(count)]
    stops = [-(-(unit + 1) * size // count) for unit in range(count)]
    extents = {stop - start for start, stop in zip(starts, stops, strict=True)}
    steps = {after - before for before, after in pairwise(starts)} or {size}
    if len(extents) > 1 or len(steps) > 1 or steps == {0}:
        return None
    return Window(extents.pop(), steps.pop())
