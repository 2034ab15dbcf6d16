"""池化层：通道数不变，没有参数。"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar, get_args

from dlnotes._check import choice, per_axis, problem, shown
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import INPUTS, NOTHING, Layer, Operations, Saved, Shape, Tokens, channels_first
from dlnotes.arch.layers._sliding import Geometry, Padding, Size, Sliding
from dlnotes.arch.receptive import Rounding, Window


class _Pooling(Sliding):
    """最大池化与平均池化共用的规则。"""

    axes: ClassVar[int] = 2

    def __post_init__(self) -> None:
        choice("rounding", self.geometry()[-1], get_args(Rounding))
        for window in self.check_windows():
            if max(window.ends) > window.extent // 2:
                expected = f"不超过窗口 {window.extent} 的一半的整数"
                remedy = "请减小补零或加大窗口（与 PyTorch 的规定相同）"
                raise ValueError(problem("padding", expected, shown(max(window.ends)), remedy))

    def output(self, shape: Shape, /) -> Shape:
        channels, _ = channels_first(shape, self.axes)
        return channels, *self.slide(shape)

    def operations(self, shape: Shape, /) -> Operations:
        taps = prod(window.kernel_size for window in self.windows(shape))
        return {"pooling": prod(self.output(shape)) * taps}


@dataclass(frozen=True)
class MaxPool2d(_Pooling):
    """最大池化：每个窗口取最大值；通道数不变，没有参数。

    Attributes:
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长；不写则等于 `kernel_size`，与 PyTorch 相同。
        padding: 每一端补的像素数，不超过窗口的一半；也可以是 `((上, 下), (左, 右))` 或 `"same"`。
        dilation: 膨胀率。
        rounding: 除不尽时怎样取整，见 [`output_size`][dlnotes.arch.receptive.output_size]。

    Raises:
        TypeError: 某个参数不是整数。
        ValueError: 参数小于允许的最小值，`padding` 超过窗口的一半，或不认识 `rounding`。

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
    _: KW_ONLY
    stride: Size | None = None
    padding: Padding = 0
    dilation: Size = 1
    rounding: Rounding = "floor"

    def geometry(self) -> Geometry:
        stride = self.kernel_size if self.stride is None else self.stride
        return self.kernel_size, stride, self.padding, self.dilation, self.rounding

    def saved(self, shape: Shape, /) -> Saved:
        return super().saved(shape)._replace(indices=prod(self.output(shape)))  # 最大的那个在哪里


@dataclass(frozen=True)
class AvgPool2d(_Pooling):
    """平均池化：形状的规则与 [`MaxPool2d`][dlnotes.arch.layers.pooling.MaxPool2d] 相同，但没有膨胀。

    Attributes:
        kernel_size: 窗口的大小；一个整数，或 `(高, 宽)`。
        stride: 步长；不写则等于 `kernel_size`。
        padding: 每一端补的像素数，不超过窗口的一半；也可以是 `((上, 下), (左, 右))` 或 `"same"`。
        rounding: 除不尽时怎样取整。

    Raises:
        TypeError: 某个参数不是整数。
        ValueError: 参数小于允许的最小值，`padding` 超过窗口的一半，或不认识 `rounding`。

    References:
        PyTorch `torch.nn.AvgPool2d`。

    Examples:
        >>> AvgPool2d(3, stride=1, padding=1).output((192, 35, 35))
        (192, 35, 35)
    """

    kernel_size: Size
    _: KW_ONLY
    stride: Size | None = None
    padding: Padding = 0
    rounding: Rounding = "floor"

    def geometry(self) -> Geometry:
        stride = self.kernel_size if self.stride is None else self.stride
        return self.kernel_size, stride, self.padding, 1, self.rounding


@dataclass(frozen=True)
class AdaptiveAvgPool2d(Layer):
    r"""自适应平均池化：把任意大小的图平均成 `output_size`。

    第 $t$ 个输出平均的是输入的 $\lfloor t\,i/o\rfloor$ 到 $\lceil (t+1)\,i/o\rceil-1$。各窗口一样大、步长
    也一样时（$i$ 是 $o$ 的整数倍，或 7→6、5→2 这样碰巧整齐的），它就是普通的平均池化；否则感受野没有统一的
    大小。输出是 1×1 时它就是全局池化，看到整个输入。

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
        >>> pool.reach((512, 9, 9))
        Unaligned(reason='自适应池化 9×9 → 7×7 的窗口大小或步长不一')
    """

    output_size: Size

    def __post_init__(self) -> None:
        per_axis("output_size", self.output_size, axes=2, minimum=1)

    def output(self, shape: Shape, /) -> Shape:
        channels, _ = channels_first(shape, 2)
        return channels, *per_axis("output_size", self.output_size, axes=2, minimum=1)

    def reach(self, shape: Shape, /) -> Reach:
        sizes, counts = channels_first(shape, 2)[1], self.output(shape)[1:]
        if counts == (1, 1):
            return "all"
        windows = [_regular(adaptive_windows(size, count)) for size, count in zip(sizes, counts, strict=True)]
        if None in windows:
            before, after = ("×".join(map(str, pair)) for pair in (sizes, counts))
            return Unaligned(f"自适应池化 {before} → {after} 的窗口大小或步长不一")
        return tuple(window for window in windows if window)

    def operations(self, shape: Shape, /) -> Operations:
        channels, *sizes = shape
        taps = [
            sum(stop - start for start, stop in adaptive_windows(size, count))
            for size, count in zip(sizes, self.output(shape)[1:], strict=True)
        ]
        return {"pooling": channels * prod(taps)}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING if self.output(shape)[1:] == (1, 1) else INPUTS  # 1×1 时就是求平均


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """全局平均池化：每个通道平均成一个数，看到整个输入。

    图像 `(C, H, W)` 成为 `(C, 1, 1)`，信号 `(C, L)` 成为 `(C, 1)`，词元 `(T, D)` 成为向量 `(D,)`；
    接全连接层之前，前两种要再加一层 `Flatten`。

    Raises:
        ValueError: 到达它的是向量，没有位置可以平均。

    References:
        Lin, Chen & Yan (2013), *Network In Network*, arXiv:1312.4400, §3.2。

    Examples:
        >>> GlobalAvgPool().output((2048, 7, 7)), GlobalAvgPool().reach((2048, 7, 7))
        ((2048, 1, 1), 'all')
    """

    def output(self, shape: Shape, /) -> Shape:
        if len(shape) < 2:
            raise ValueError(problem("shape", "图像、信号或词元", shape, "展平之后不能再池化"))
        return (shape[-1],) if isinstance(shape, Tokens) else (shape[0], *[1] * (len(shape) - 1))

    def reach(self, shape: Shape, /) -> Reach:
        return "all"

    def operations(self, shape: Shape, /) -> Operations:
        return {"pooling": prod(shape)}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


def adaptive_windows(size: int, count: int) -> list[tuple[int, int]]:
    """把 `size` 个像素自适应地分给 `count` 个输出：各窗口的 `[start, stop)`。"""
    return [(unit * size // count, -(-(unit + 1) * size // count)) for unit in range(count)]


def _regular(windows: Sequence[tuple[int, int]]) -> Window | None:
    """各窗口一样大、步长也一样时的那个窗口；否则为 `None`。"""
    extents = {stop - start for start, stop in windows}
    # 只有一个窗口时谈不上步长，取窗口的大小
    steps = {after - before for (before, _), (after, _) in pairwise(windows)} or set(extents)
    if len(extents) > 1 or len(steps) > 1 or steps == {0}:
        return None
    return Window(extents.pop(), steps.pop())
