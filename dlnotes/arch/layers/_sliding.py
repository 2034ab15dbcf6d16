"""窗口在各方向滑动的层共用的规则：检查参数，由输入大小得到窗口，由窗口得到输出大小。"""

from functools import cached_property
from math import prod
from typing import ClassVar, Literal

from dlnotes._check import per_axis, problem
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers._base import INPUTS, Layer, Saved, Shape, channels_first
from dlnotes.arch.receptive import Rounding, Window, fits, outputs, same

Size = int | tuple[int, ...]
"""各方向相同的一个整数，或每个方向一个。"""

Padding = Size | tuple[tuple[int, int], ...] | Literal["same"]
"""补零：`Size` 是两端各补这么多，`((上, 下), (左, 右))` 两端可以不同，`"same"` 随输入而定。"""


Geometry = tuple[Size, Size, Padding, Size, Rounding]


class Sliding(Layer):
    """卷积与池化；子类给出方向的个数、窗口的四个参数和取整规则。"""

    axes: ClassVar[int]

    def geometry(self) -> Geometry:
        """核、步长、补零、膨胀率、取整规则，都按使用者写的样子。"""
        raise NotImplementedError

    def windows(self, shape: Shape, /) -> tuple[Window, ...]:
        """各方向的滑动窗口；只有 `padding="same"` 时才与输入的大小有关。

        Args:
            shape: 到达这一层的形状。
        """
        sizes = channels_first(shape, self.axes)[1]
        return self._windows(sizes) if self._fixed is None else self._fixed

    @cached_property
    def _fixed(self) -> tuple[Window, ...] | None:
        """各方向的滑动窗口，与输入的大小无关时只算一次；否则为 `None`。"""
        return None if self.geometry()[2] == "same" else self._windows((1,) * self.axes)

    def reach(self, shape: Shape, /) -> Reach:
        return self.windows(shape)

    def saved(self, shape: Shape, /) -> Saved:
        windows = self.windows(shape)
        if not any(isinstance(window.padding, tuple) for window in windows):
            return INPUTS
        # 两端补得不同时，先补成新的一张，再在上面滑动；留的是补过的
        padded = (size + sum(window.ends) for size, window in zip(shape[1:], windows, strict=True))
        return Saved(numbers=shape[0] * prod(padded))

    def check_windows(self) -> tuple[Window, ...]:
        """写下这一层时就检查核、步长等参数；返回 1 个像素上的窗口。"""
        return self._windows((1,) * self.axes)

    def slide(self, shape: Shape) -> Shape:
        """窗口滑动得到的各方向的大小；放不下时报出窗口和到达它的大小。"""
        sizes = channels_first(shape, self.axes)[1]
        if sizes not in self._slid:
            self._slid[sizes] = self._slide(sizes, self.windows(shape))
        return self._slid[sizes]

    @cached_property
    def _slid(self) -> dict[Shape, Shape]:
        """算过的大小：形状、运算、内存都要问，同一个答案只算一次。"""
        return {}

    def _slide(self, sizes: Shape, windows: tuple[Window, ...]) -> Shape:
        _, _, padding, _, rounding = self.geometry()
        if padding == "same":
            rounding = "floor"  # 补到恰好 ⌈i/s⌉ 个，无须再取整
        if not all(fits(size, window, rounding) for size, window in zip(sizes, windows, strict=True)):
            raise ValueError(_too_small(windows, sizes))
        return tuple(outputs(size, window, rounding) for size, window in zip(sizes, windows, strict=True))

    def _windows(self, sizes: Shape) -> tuple[Window, ...]:
        kernel_size, stride, padding, dilation, _ = self.geometry()
        kernels = per_axis("kernel_size", kernel_size, axes=self.axes, minimum=1)
        strides = per_axis("stride", stride, axes=self.axes, minimum=1)
        dilations = per_axis("dilation", dilation, axes=self.axes, minimum=1)
        if isinstance(padding, str) and padding == "same":
            return tuple(map(same, sizes, kernels, strides, dilations))
        if isinstance(padding, str):
            expected = '非负整数、各方向的元组或 "same"'
            raise ValueError(problem("padding", expected, repr(padding), "不补零请写 0"))
        ends = both_ends(padding, axes=self.axes, minimum=0)
        axes = list(zip(kernels, strides, ends, dilations, strict=True))
        windows = {axis: Window(*axis) for axis in axes}  # 各方向相同时是同一个对象，感受野就只用算一次
        return tuple(windows[axis] for axis in axes)


def both_ends(padding: object, *, axes: int, minimum: int | None) -> tuple[tuple[int, int], ...]:
    """各方向两端补的像素数：`padding` 是一个整数、每个方向一个，或每个方向一对 `(前, 后)`。"""
    if not isinstance(padding, tuple) or not any(isinstance(ends, tuple) for ends in padding):
        sizes = per_axis("padding", padding, axes=axes, minimum=minimum)
        return tuple((size, size) for size in sizes)
    if len(padding) != axes or not all(isinstance(ends, tuple) and len(ends) == 2 for ends in padding):
        expected = f"{axes} 个元组 (前, 后)"
        raise ValueError(problem("padding", expected, repr(padding), "各方向两端都请写全"))
    pairs = [per_axis(f"padding[{axis}]", ends, axes=2, minimum=minimum) for axis, ends in enumerate(padding)]
    return tuple((before, after) for before, after in pairs)


def _too_small(windows: tuple[Window, ...], sizes: Shape) -> str:
    kernel = "×".join(str(window.kernel_size) for window in windows)
    extent = "×".join(str(window.extent) for window in windows)
    dilated = f"（膨胀后 {extent}）" if extent != kernel else " "
    reached = "×".join(map(str, sizes))
    ends = [window.ends for window in windows]
    if all(before == after for before, after in ends):
        padding = f"两端各补 {'×'.join(str(before) for before, _ in ends)}"
    else:
        padding = f"前后补 {'、'.join(f'{before}+{after}' for before, after in ends)}"
    return f"窗口 {kernel}{dilated}大于到达它的 {reached}（{padding}）；请加大输入或 `padding`。"
