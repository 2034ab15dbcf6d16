"""分支汇合：相加、相乘、在通道上拼接，照另一个输入的大小裁剪。"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from dlnotes._check import per_axis, problem
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import (
    NOTHING,
    Merge,
    Operations,
    Reuse,
    Saved,
    Shape,
    Tokens,
    channels_first,
    features,
    positions,
    some,
)
from dlnotes.arch.receptive import Window


@dataclass(frozen=True)
class Add(Merge):
    """逐元素相加，如残差；各输入的形状必须相同，不广播。

    Raises:
        ValueError: 各输入的形状不同，或没有输入。

    References:
        He et al. (2015), *Deep Residual Learning for Image Recognition*, arXiv:1512.03385, 式 1。

    Examples:
        >>> Add().output([(64, 56, 56), (64, 56, 56)])
        (64, 56, 56)
    """

    reuses: ClassVar[Reuse] = "inplace"

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        _check_some(shapes)
        if any(shape != shapes[0] or _kind(shape) != _kind(shapes[0]) for shape in shapes):
            raise ValueError(problem("shape", "全部相同的形状", _list(shapes), "请检查各分支的通道数与步长"))
        return shapes[0]

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        return some({"elementwise": prod(shapes[0]) * (len(shapes) - 1)})

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class Mul(Merge):
    """逐元素相乘，如门控；大小为 1 的轴会广播，如 SE 的 `(C, 1, 1)` 乘到 `(C, H, W)` 上。

    n 个输入按输出的每个元素乘 n-1 次计。

    由整个输入算出的那个因子是门，它使每个元素都看到整个输入；账本的 `gates=False` 把它当作常数。

    Raises:
        ValueError: 各输入的轴数不同，或某一轴有两种不为 1 的大小，或没有输入。

    References:
        Hu, Shen & Sun (2017), *Squeeze-and-Excitation Networks*, arXiv:1709.01507, 式 4。

    Examples:
        >>> Mul().output([(64, 56, 56), (64, 1, 1)])
        (64, 56, 56)
    """

    reuses: ClassVar[Reuse] = "inplace"

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        sizes = [{size for size in axis if size != 1} for axis in zip(*shapes, strict=False)]
        _check_some(shapes)
        kinds = {(_kind(shape), len(shape)) for shape in shapes}
        if len(kinds) > 1 or any(len(axis) > 1 for axis in sizes):
            expected = "全部相同、或有的轴为 1 的形状"
            raise ValueError(problem("shape", expected, _list(shapes), "请检查各分支的通道数与步长"))
        return type(shapes[0])(axis.pop() if axis else 1 for axis in sizes)

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        whole = positions(self.output(shapes))
        return ["point" if positions(shape) == whole else _BROADCAST for shape in shapes]

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        return some({"elementwise": prod(self.output(shapes)) * (len(shapes) - 1)})

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        if len(shapes) == 1:
            return NOTHING
        partial = sum(prod(self.output(shapes[:count])) for count in range(2, len(shapes)))
        return Saved(inputs=True, numbers=partial)  # 一个一个地乘，中间的积也要留


_BROADCAST = Unaligned("一个位置的值广播到了所有位置")


@dataclass(frozen=True)
class Concat(Merge):
    """在特征轴上拼接：图像、信号拼通道，词元拼最后一轴；其余各轴必须相同。

    Raises:
        ValueError: 除通道外的轴不同，或没有输入。

    References:
        Szegedy et al. (2014), *Going Deeper with Convolutions*, arXiv:1409.4842, §4。

    Examples:
        >>> Concat().output([(64, 28, 28), (128, 28, 28), (32, 28, 28)])
        (224, 28, 28)
    """

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        _check_some(shapes)
        kinds = {(_kind(shape), len(shape), positions(shape)) for shape in shapes}
        if len(kinds) > 1:
            expected = "除通道外全部相同的形状"
            raise ValueError(problem("shape", expected, _list(shapes), "请检查各分支的步长与补零"))
        total, where = sum(map(features, shapes)), positions(shapes[0])
        return Tokens((*where, total)) if isinstance(shapes[0], Tokens) else (total, *where)

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        # 向量没有别的轴，拼接之后元素换了位置
        return ["all" if len(shape) == 1 else "point" for shape in shapes]

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class Crop(Merge):
    """把第一个输入裁到与第二个输入一样高、一样宽；第二个只给大小，它的值不用。

    Attributes:
        offset: 从上边、左边裁去的像素数；一个整数，或 `(高, 宽)`。

    Raises:
        TypeError: `offset` 不是整数。
        ValueError: `offset` 是负数，输入不是两幅图像，或裁去 `offset` 之后第一个不够大。

    References:
        Caffe `src/caffe/layers/crop_layer.cpp`（那里还可以裁别的轴）。

    Examples:
        >>> Crop(19).output([(21, 544, 544), (3, 500, 500)])
        (21, 500, 500)
    """

    reuses: ClassVar[Reuse] = "always"

    offset: int | tuple[int, int] = 0

    def __post_init__(self) -> None:
        self._offsets()

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        if len(shapes) != 2:
            remedy = "依次是要裁的、给出大小的"
            raise ValueError(problem("inputs", "两个输入", f"{len(shapes)} 个", remedy))
        (channels, sizes), (_, targets) = (channels_first(shape, 2) for shape in shapes)
        for size, offset, target in zip(sizes, self._offsets(), targets, strict=True):
            if size < offset + target:
                raise ValueError(problem("shape", f"{offset + target} 个像素以上", size, "请减小 `offset`"))
        return channels, *targets

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        return [tuple(Window(1, padding=-offset) for offset in self._offsets()), "nothing"]

    def _offsets(self) -> tuple[int, ...]:
        return per_axis("offset", self.offset, axes=2, minimum=0)


def _check_some(shapes: Sequence[Shape]) -> None:
    if not shapes:
        raise ValueError(problem("inputs", "至少一个输入", "0 个", "请写明汇合哪些节点"))


def _kind(shape: Shape) -> bool:
    """词元与图像、信号的轴意思不同，数字相同也不能汇合。"""
    return isinstance(shape, Tokens)


def _list(shapes: Sequence[Shape]) -> str:
    return " 与 ".join(map(str, shapes))
