"""只挪动、复制或丢弃元素的层：没有参数，不做乘加。"""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import ClassVar, Literal

from dlnotes._check import choice, integer, per_axis, problem
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import (
    NOTHING,
    Layer,
    Operations,
    Reuse,
    Saved,
    Shape,
    Tokens,
    channels_first,
    features,
    store,
)
from dlnotes.arch.layers._sliding import both_ends
from dlnotes.arch.receptive import Window


@dataclass(frozen=True)
class Flatten(Layer):
    """把 `(C, H, W)` 展平成 `(C*H*W,)`；此后位置不再有意义，感受野记为整个输入。

    References:
        PyTorch `torch.nn.Flatten`。

    Examples:
        >>> Flatten().output((256, 6, 6))
        (9216,)
    """

    reuses: ClassVar[Reuse] = "always"

    def output(self, shape: Shape, /) -> Shape:
        return (prod(shape),)

    def reach(self, shape: Shape, /) -> Reach:
        return "all"


@dataclass(frozen=True)
class ChannelShuffle(Layer):
    """通道重排：把通道看成 `(groups, C // groups)` 的表，转置后再展平，让各组的信息交流。

    Attributes:
        groups: 组数，必须整除通道数。

    Raises:
        TypeError: `groups` 不是整数。
        ValueError: `groups` 小于 1，或不整除通道数。

    References:
        Zhang et al. (2017), *ShuffleNet*, arXiv:1707.01083, §3.1。

    Examples:
        >>> ChannelShuffle(3).output((240, 28, 28)), ChannelShuffle(3).operations((240, 28, 28))
        ((240, 28, 28), {})
    """

    groups: int

    def __post_init__(self) -> None:
        store(self, groups=integer("groups", self.groups, minimum=1))

    def output(self, shape: Shape, /) -> Shape:
        if features(shape) % self.groups:
            raise ValueError(problem("groups", f"通道数 {features(shape)} 的约数", self.groups, "请改分组数"))
        return shape

    def reach(self, shape: Shape, /) -> Reach:
        return "all" if len(shape) == 1 else "point"

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class Split(Layer):
    """把通道均分成 `chunks` 份，取第 `index` 份（从 0 数起）；各份分别写一个节点。

    Attributes:
        chunks: 份数，必须整除通道数。
        index: 取第几份。

    Raises:
        TypeError: 参数不是整数。
        ValueError: `chunks` 小于 1 或不整除通道数，或 `index` 不在 0 到 `chunks - 1`。

    References:
        Ma et al. (2018), *ShuffleNet V2*, arXiv:1807.11164, §3 的 "Channel Split and
        ShuffleNet V2"；PyTorch `torch.chunk`。

    Examples:
        >>> Split(2, index=1).output((116, 28, 28))
        (58, 28, 28)
    """

    reuses: ClassVar[Reuse] = "always"

    chunks: int
    _: KW_ONLY
    index: int

    def __post_init__(self) -> None:
        store(self, chunks=integer("chunks", self.chunks, minimum=1))
        store(self, index=integer("index", self.index, minimum=0))
        if self.index >= self.chunks:
            raise ValueError(problem("index", f"0 到 {self.chunks - 1} 的整数", self.index, "请改份数或序号"))

    def output(self, shape: Shape, /) -> Shape:
        if features(shape) % self.chunks:
            raise ValueError(problem("chunks", f"通道数 {features(shape)} 的约数", self.chunks, "请改份数"))
        if isinstance(shape, Tokens):
            return Tokens((*shape[:-1], shape[-1] // self.chunks))
        return shape[0] // self.chunks, *shape[1:]

    def reach(self, shape: Shape, /) -> Reach:
        return "all" if len(shape) == 1 else "point"


@dataclass(frozen=True)
class Pad(Layer):
    """在图像的四边补像素；负数是裁去。

    Attributes:
        padding: 一个整数，`(高, 宽)`，或 `((上, 下), (左, 右))`。

    Raises:
        TypeError: `padding` 不是整数。
        ValueError: 裁去之后一个像素也不剩，或到达它的不是图像。

    References:
        PyTorch `torch.nn.ZeroPad2d`（那里的次序是左、右、上、下）。

    Examples:
        >>> Pad(((0, 1), (0, 1))).output((64, 112, 112)), Pad(-4).output((64, 64, 64))
        ((64, 113, 113), (64, 56, 56))
    """

    padding: int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]

    def __post_init__(self) -> None:
        self._windows()

    def output(self, shape: Shape, /) -> Shape:
        channels, sizes = channels_first(shape, 2)
        padded = tuple(size + sum(w.ends) for size, w in zip(sizes, self._windows(), strict=True))
        if min(padded) < 1:
            reached = "×".join(map(str, sizes))
            raise ValueError(f"从 {reached} 裁去之后一个像素也不剩；请加大输入或少裁一些。")
        return channels, *padded

    def reach(self, shape: Shape, /) -> Reach:
        return self._windows()

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING

    def _windows(self) -> tuple[Window, ...]:
        """补零相当于一个 1 点的窗口，只移动位置。"""
        return tuple(Window(1, padding=ends) for ends in both_ends(self.padding, axes=2, minimum=None))


@dataclass(frozen=True)
class Upsample(Layer):
    """放大整数倍：`"nearest"` 复制像素，`"bilinear"` 用相邻的 4 个像素插值。

    相邻的输出看到的像素不等距（复制的几个看到同一个），所以感受野没有统一的大小。插值不算乘加，账本会点名。

    Attributes:
        scale_factor: 放大的倍数；一个整数，或 `(高, 宽)`。
        mode: `"nearest"` 或 `"bilinear"`。

    Raises:
        TypeError: `scale_factor` 不是整数。
        ValueError: `scale_factor` 小于 1，或不认识 `mode`。

    References:
        PyTorch `torch.nn.Upsample`；Odena, Dumoulin & Olah (2016), *Deconvolution and Checkerboard
        Artifacts*, Distill, doi:10.23915/distill.00003。

    Examples:
        >>> Upsample(2).output((256, 14, 14))
        (256, 28, 28)
    """

    scale_factor: int | tuple[int, int]
    _: KW_ONLY
    mode: Literal["nearest", "bilinear"] = "nearest"

    def __post_init__(self) -> None:
        per_axis("scale_factor", self.scale_factor, axes=2, minimum=1)
        choice("mode", self.mode, ("nearest", "bilinear"))

    def output(self, shape: Shape, /) -> Shape:
        channels, sizes = channels_first(shape, 2)
        return channels, *(size * factor for size, factor in zip(sizes, self._factors(), strict=True))

    def reach(self, shape: Shape, /) -> Reach:
        if self._factors() == (1, 1):
            return "point"
        return Unaligned(f"按 {'×'.join(map(str, self._factors()))} 放大，相邻单元看到的位置不等距")

    def operations(self, shape: Shape, /) -> Operations:
        return {"other": prod(self.output(shape))} if self.mode == "bilinear" else {}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING

    def _factors(self) -> tuple[int, ...]:
        return per_axis("scale_factor", self.scale_factor, axes=2, minimum=1)
