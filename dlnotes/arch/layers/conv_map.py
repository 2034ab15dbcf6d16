"""按连接表连接的卷积：每张输出图只看一部分输入图，如 LeNet-5 的 C3。"""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import ClassVar

from dlnotes._check import boolean, integer, per_axis, problem
from dlnotes.arch.layers._base import Operations, Parameters, Shape, channels_first, some, store
from dlnotes.arch.layers._sliding import Geometry, Padding, Size, Sliding

Table = tuple[tuple[int, ...], ...]
"""连接表：第 c 项是第 c 张输出图看到的那些输入图的序号，从 0 数起。"""


@dataclass(frozen=True)
class ConvMap2d(Sliding):
    r"""按连接表连接的二维卷积：表里的每个连接有自己的一个 `kh×kw` 的核，每张输出图一个偏置。

    表里共有 $n$ 个连接时，参数量 $nk_hk_w+bC_{\text{out}}$，乘加数 $nk_hk_w\cdot H'W'$。每张输出图都看到全部
    输入图时，它就是 `Conv2d`；分组卷积是把图分成互不相干的几组的表。

    Attributes:
        table: 连接表，第 c 项是第 c 张输出图看到的输入图的序号；项数就是输出通道数。
        kernel_size: 核的大小；一个整数，或 `(高, 宽)`。
        stride: 步长；一个整数，或 `(高, 宽)`。
        padding: 每一端补零的像素数；也可以是 `((上, 下), (左, 右))` 或 `"same"`。
        dilation: 膨胀率。
        bias: 是否有偏置。

    Raises:
        TypeError: `table` 不是元组的元组，某个参数不是整数，或 `bias` 不是布尔值。
        ValueError: 表是空的，序号重复、为负或超出输入通道数，或参数小于允许的最小值。

    References:
        LeCun et al. (1998), *Gradient-Based Learning Applied to Document Recognition*, §II.B, TABLE I；
        Torch7 `nn.SpatialConvolutionMap`。

    Examples:
        >>> conv = ConvMap2d(((0, 1), (1, 2), (0, 1, 2)), 5)
        >>> conv.output((3, 14, 14)), conv.params((3, 14, 14)), conv.macs((3, 14, 14))
        ((3, 10, 10), 178, 17500)
    """

    axes: ClassVar[int] = 2

    table: Table
    kernel_size: Size
    _: KW_ONLY
    stride: Size = 1
    padding: Padding = 0
    dilation: Size = 1
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, table=_table(self.table))
        boolean("bias", self.bias)
        self.check_windows()

    def geometry(self) -> Geometry:
        return self.kernel_size, self.stride, self.padding, self.dilation, "floor"

    def output(self, shape: Shape, /) -> Shape:
        channels, _ = channels_first(shape, 2)
        largest = max(map(max, self.table))
        if largest >= channels:
            expected = f"0 到 {channels - 1} 的序号"
            raise ValueError(problem("table", expected, largest, "请改表，或改上一层的通道数"))
        return len(self.table), *self.slide(shape)

    def parameters(self, shape: Shape, /) -> Parameters:
        self.output(shape)
        return some({"weight": self._weights(), "bias": len(self.table) * self.bias})

    def operations(self, shape: Shape, /) -> Operations:
        maps, *sizes = self.output(shape)
        return some({"conv": self._weights() * prod(sizes), "bias": maps * prod(sizes) * self.bias})

    def _weights(self) -> int:
        """表里的连接数乘以核的点数。"""
        return sum(map(len, self.table)) * prod(per_axis("kernel_size", self.kernel_size, axes=2, minimum=1))


def _table(table: object) -> Table:
    """检查连接表，返回 Python 整数的元组的元组。"""
    if not isinstance(table, tuple) or not all(isinstance(maps, tuple) for maps in table):
        raise TypeError(problem("table", "元组的元组", repr(table), "每张输出图一个元组，写输入图的序号"))
    if not table or not all(table):
        raise ValueError(problem("table", "每项至少一个序号", repr(table), "没有连接的输出图请删去"))
    checked = tuple(tuple(integer("table", each, minimum=0) for each in maps) for maps in table)
    for maps in checked:
        if len(set(maps)) < len(maps):
            raise ValueError(problem("table", "各项里不重复的序号", maps, "一对图之间只有一个核"))
    return checked
