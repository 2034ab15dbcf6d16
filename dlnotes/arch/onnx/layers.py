"""计算图里常见、论文的表里不写的层：挪动各轴、取一段、逐元素的一般运算、两个矩阵相乘。

网络的文件把一个概念拆成许多小算子，读文件时用得着它们；形状的约定与
[`dlnotes.arch.layers`][dlnotes.arch.layers] 相同，都不含批量。
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import ClassVar

from dlnotes._check import integer, problem
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers import GlobalAvgPool, Layer, Merge, Parameter, Shape, Tokens
from dlnotes.arch.layers._base import (
    INPUTS,
    NOTHING,
    OUTPUT,
    VIEW,
    Operations,
    Parameters,
    Reuse,
    Saved,
    channels_first,
    features,
    positions,
    some,
    store,
)
from dlnotes.arch.onnx._broadcast import broadcast
from dlnotes.arch.receptive import Window

_MIXED = Unaligned("各轴重新排过，位置不再对应")
_FROM_OUTPUT = ("Exp", "Reciprocal", "Sqrt", "Tan")  # 导数由输出算
_CONSTANT_SLOPE = ("Ceil", "Floor", "Neg", "Round", "Sign")  # 导数是常数


@dataclass(frozen=True)
class Reshape(Layer):
    """按原来的次序换一种形状，元素的个数不变。

    特征的个数不变、只是把几个位置轴合成一个的，每个单元仍看自己的位置；别的换法里位置不再对应。

    Attributes:
        shape: 新的形状，不含批量；`Tokens` 是特征在最后一轴。

    Raises:
        ValueError: 元素的个数变了。

    References:
        ONNX Operators, "Reshape"。

    Examples:
        >>> Reshape((768, 196)).output((768, 14, 14)), Reshape((768, 196)).reach((768, 14, 14))
        ((768, 196), 'point')
        >>> Reshape((3, 256, 196)).reach((768, 14, 14)).reason
        '各轴重新排过，位置不再对应'
    """

    reuses: ClassVar[Reuse] = "always"

    shape: Shape

    def __post_init__(self) -> None:
        sizes = [integer(f"shape[{axis}]", size, minimum=1) for axis, size in enumerate(self.shape)]
        store(self, shape=type(self.shape)(sizes))

    def output(self, shape: Shape, /) -> Shape:
        if prod(shape) != prod(self.shape):
            remedy = f"到达它的 {shape} 有 {prod(shape)} 个"
            raise ValueError(problem("shape", f"{prod(shape)} 个元素的形状", self.shape, remedy))
        return self.shape

    def reach(self, shape: Shape, /) -> Reach:
        before, after = positions(shape), positions(self.shape)
        kept = isinstance(shape, Tokens) == isinstance(self.shape, Tokens)
        if kept and features(shape) == features(self.shape) and (before == after or len(after) == 1):
            return "point"
        return "all" if len(shape) == 1 or len(self.shape) == 1 else _MIXED


@dataclass(frozen=True)
class Transpose(Layer):
    """换轴的次序：第 k 轴是原来的第 `order[k]` 轴。

    各位置轴的先后不变、只挪动特征轴的，每个单元仍看自己的位置。

    Attributes:
        order: 各轴的新次序，不含批量。
        tokens: 换过之后特征是否在最后一轴；否则在第一轴。

    Raises:
        ValueError: `order` 不是到达它的各轴的一个排列。

    References:
        ONNX Operators, "Transpose"。

    Examples:
        >>> Transpose((1, 2, 0), tokens=True).output((96, 56, 56))
        Tokens((56, 56, 96))
    """

    reuses: ClassVar[Reuse] = "always"

    order: tuple[int, ...]
    _: KW_ONLY
    tokens: bool = False

    def output(self, shape: Shape, /) -> Shape:
        if sorted(self.order) != list(range(len(shape))):
            raise ValueError(problem("order", f"{len(shape)} 个轴的排列", self.order, "每个轴写一次"))
        permuted = tuple(shape[axis] for axis in self.order)
        return Tokens(permuted) if self.tokens else permuted

    def reach(self, shape: Shape, /) -> Reach:
        before, after = len(shape) - 1 if isinstance(shape, Tokens) else 0, -1 if self.tokens else 0
        kept = [axis for axis in self.order if axis != before]
        return "point" if self.order[after] == before and kept == sorted(kept) else _MIXED


@dataclass(frozen=True)
class Slice(Layer):
    """在一个轴上从 `start` 到 `stop`（不含），每 `step` 个取一个。

    Attributes:
        axis: 哪个轴，不含批量，从 0 数起。
        start: 第一个。
        stop: 取到它之前。
        step: 每几个取一个。

    Raises:
        ValueError: 没有这个轴，或取不到任何元素。

    References:
        ONNX Operators, "Slice"。

    Examples:
        >>> Slice(0, 0, 58).output((116, 28, 28)), Slice(1, 0, 28, 2).output((116, 28, 28))
        ((58, 28, 28), (116, 14, 28))
    """

    reuses: ClassVar[Reuse] = "always"

    axis: int
    start: int
    stop: int
    step: int = 1

    def __post_init__(self) -> None:
        for name, least in (("axis", 0), ("start", 0), ("stop", 1), ("step", 1)):
            store(self, **{name: integer(name, getattr(self, name), minimum=least)})

    def output(self, shape: Shape, /) -> Shape:
        size = shape[_axis(self.axis, shape)]
        if not self.start < self.stop <= size:
            expected = f"0 到 {size} 之间的一段"
            raise ValueError(problem("start, stop", expected, f"{self.start} 到 {self.stop}", "请改起止"))
        kept = len(range(self.start, self.stop, self.step))
        return type(shape)((*shape[: self.axis], kept, *shape[self.axis + 1 :]))

    def reach(self, shape: Shape, /) -> Reach:
        if len(shape) == 1:
            return "all"
        where = self.axis if isinstance(shape, Tokens) else self.axis - 1
        count = len(shape) - 1
        if not 0 <= where < count:  # 特征轴
            return "point"
        crop = Window(1, self.step, (-self.start, self.start - 1))
        return tuple(crop if each == where else Window(1) for each in range(count))


@dataclass(frozen=True)
class Select(Layer):
    """在一个轴上只取第 `index` 个，这个轴随之消失。

    Attributes:
        axis: 哪个轴，不含批量，从 0 数起。
        index: 第几个，从 0 数起。

    Raises:
        ValueError: 没有这个轴，或没有这一个。

    References:
        ONNX Operators, "Gather"（下标是一个数）。

    Examples:
        >>> Select(1, 0).output(Tokens((196, 3, 64)))
        Tokens((196, 64))
    """

    reuses: ClassVar[Reuse] = "always"

    axis: int
    index: int

    def __post_init__(self) -> None:
        for name in ("axis", "index"):
            store(self, **{name: integer(name, getattr(self, name), minimum=0)})

    def output(self, shape: Shape, /) -> Shape:
        size = shape[_axis(self.axis, shape)]
        if self.index >= size or len(shape) < 2:
            raise ValueError(problem("index", f"0 到 {size - 1} 的整数", self.index, "请改序号"))
        rest = (*shape[: self.axis], *shape[self.axis + 1 :])
        return rest if len(rest) == 1 else type(shape)(rest)

    def reach(self, shape: Shape, /) -> Reach:
        return Unaligned(f"在第 {self.axis} 轴上只取第 {self.index} 个")


@dataclass(frozen=True)
class Take(Layer):
    """在一个轴上按一组下标取，可以重复、不按次序；下标排成什么形状，这个轴就换成什么形状。

    只取一个用 `Select`，取连续的一段用 `Slice`。

    Attributes:
        axis: 哪个轴，不含批量，从 0 数起。
        index: 下标的形状。

    Raises:
        ValueError: 没有这个轴，或一个轴也不剩。

    References:
        ONNX Operators, "Gather"。

    Examples:
        >>> Take(0, (3, 3)).output(Tokens((49, 64)))
        Tokens((3, 3, 64))
    """

    axis: int
    index: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = [integer(f"index[{axis}]", size, minimum=1) for axis, size in enumerate(self.index)]
        store(self, axis=integer("axis", self.axis, minimum=0), index=tuple(sizes))

    def output(self, shape: Shape, /) -> Shape:
        _axis(self.axis, shape)
        sizes = (*shape[: self.axis], *self.index, *shape[self.axis + 1 :])
        if not sizes:
            raise ValueError(problem("index", "有轴的形状", self.index, "从向量里至少取一个"))
        return sizes if len(sizes) == 1 else type(shape)(sizes)

    def reach(self, shape: Shape, /) -> Reach:
        if len(shape) == 1:
            return "all"
        feature = len(shape) - 1 if isinstance(shape, Tokens) else 0
        if self.axis == feature and len(self.index) == 1:
            return "point"
        return Unaligned(f"在第 {self.axis} 轴上按下标取")

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING  # 反向只用下标，它是常数


@dataclass(frozen=True)
class Join(Merge):
    """在位置轴上首尾相接；在特征轴上拼接用 `Concat`。

    Attributes:
        axis: 哪个轴，不含批量，从 0 数起。

    Raises:
        ValueError: 别的轴不同，或没有这个轴。

    References:
        ONNX Operators, "Concat"。

    Examples:
        >>> Join(0).output([Tokens((400, 85)), Tokens((100, 85))])
        Tokens((500, 85))
    """

    axis: int

    def __post_init__(self) -> None:
        store(self, axis=integer("axis", self.axis, minimum=0))

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        first = shapes[0]
        _axis(self.axis, first)
        rests = {(type(each), each[: self.axis], each[self.axis + 1 :]) for each in shapes}
        if len(rests) > 1:
            got = " 与 ".join(map(str, shapes))
            raise ValueError(problem("shape", f"只有第 {self.axis} 轴不同的形状", got, "请检查各分支"))
        total = sum(each[self.axis] for each in shapes)
        return type(first)((*first[: self.axis], total, *first[self.axis + 1 :]))

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        return [Unaligned("几段接在一起，各段看到的位置各不相同")] * len(shapes)

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class DepthToSpace(Layer):
    """把通道换成位置：`(C, H, W)` 成为 `(C / b², bH, bW)`，又名像素重排。

    Attributes:
        block: 放大的倍数 b。

    Raises:
        ValueError: 通道数不是 b² 的倍数。

    References:
        Shi et al. (2016), *Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
        Convolutional Neural Network*, arXiv:1609.05158, §2.2。

    Examples:
        >>> DepthToSpace(2).output((64, 28, 28))
        (16, 56, 56)
    """

    block: int

    def __post_init__(self) -> None:
        store(self, block=integer("block", self.block, minimum=1))

    def output(self, shape: Shape, /) -> Shape:
        channels, sizes = channels_first(shape, 2)
        if channels % self.block**2:
            raise ValueError(problem("block", f"平方整除通道数 {channels} 的整数", self.block, "请改倍数"))
        return channels // self.block**2, *(size * self.block for size in sizes)

    def reach(self, shape: Shape, /) -> Reach:
        return Unaligned(f"按 {self.block} 倍放大，相邻单元看到的位置不等距") if self.block > 1 else "point"

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class SpaceToDepth(Layer):
    """把位置换成通道：`(C, H, W)` 成为 `(Cb², H/b, W/b)`，每个单元看到 b×b 的一块。

    Attributes:
        block: 缩小的倍数 b。

    Raises:
        ValueError: 高或宽不是 b 的倍数。

    References:
        ONNX Operators, "SpaceToDepth"。

    Examples:
        >>> SpaceToDepth(2).output((3, 640, 640))
        (12, 320, 320)
    """

    block: int

    def __post_init__(self) -> None:
        store(self, block=integer("block", self.block, minimum=1))

    def output(self, shape: Shape, /) -> Shape:
        channels, sizes = channels_first(shape, 2)
        if any(size % self.block for size in sizes):
            raise ValueError(problem("block", f"{sizes} 的公约数", self.block, "请改倍数或输入的大小"))
        return channels * self.block**2, *(size // self.block for size in sizes)

    def reach(self, shape: Shape, /) -> Reach:
        return (Window(self.block, self.block),) * 2

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class PadAxes(Layer):
    """在任意的轴上补，负数是裁去；只补图像的四边用 `Pad`。

    Attributes:
        ends: 每个轴一对 `(前, 后)`，不含批量。

    Raises:
        ValueError: 对数与轴数不同，或裁去之后有的轴一个也不剩。

    References:
        ONNX Operators, "Pad"。

    Examples:
        >>> PadAxes(((0, 4), (0, 4), (0, 0))).output(Tokens((28, 28, 192)))
        Tokens((32, 32, 192))
    """

    ends: tuple[tuple[int, int], ...]

    def output(self, shape: Shape, /) -> Shape:
        if len(self.ends) != len(shape):
            raise ValueError(problem("ends", f"{len(shape)} 对整数", self.ends, "每个轴写一对"))
        sizes = tuple(size + sum(pair) for size, pair in zip(shape, self.ends, strict=True))
        if min(sizes) < 1:
            raise ValueError(problem("ends", f"在 {shape} 里留得下元素的整数", self.ends, "请少裁一些"))
        return type(shape)(sizes)

    def reach(self, shape: Shape, /) -> Reach:
        if len(shape) == 1:
            return "all"
        ends = self.ends[:-1] if isinstance(shape, Tokens) else self.ends[1:]
        return tuple(Window(1, padding=pair) for pair in ends)

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class Resize(Layer):
    """缩放到指定的高和宽；插值不算乘加，账本会点名。整数倍的放大用 `Upsample`。

    Attributes:
        size: `(高, 宽)`。
        mode: 怎样取值，如 `"nearest"`、`"linear"`、`"cubic"`；只有 `"nearest"` 不做运算。

    References:
        ONNX Operators, "Resize"。

    Examples:
        >>> Resize((65, 65), mode="linear").output((21, 33, 33))
        (21, 65, 65)
    """

    size: tuple[int, int]
    _: KW_ONLY
    mode: str = "nearest"

    def __post_init__(self) -> None:
        for axis, size in enumerate(self.size):
            integer(f"size[{axis}]", size, minimum=1)

    def output(self, shape: Shape, /) -> Shape:
        channels, _ = channels_first(shape, 2)
        return channels, *self.size

    def reach(self, shape: Shape, /) -> Reach:
        if shape[1:] == self.size:
            return "point"
        return Unaligned(f"缩放到 {'×'.join(map(str, self.size))}，各单元看到的位置不等距")

    def operations(self, shape: Shape, /) -> Operations:
        return {} if self.mode == "nearest" else {"other": prod(self.output(shape))}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class Pointwise(Layer):
    """别处没有名字的逐元素函数，如 `Erf`、`Exp`、`Sqrt`；与激活一样只记元素的个数。

    Attributes:
        function: 函数的名字，不影响计数。

    References:
        ONNX Operators, 各一元算子。

    Examples:
        >>> Pointwise("Erf").operations((64, 7, 7))
        {'activation': 3136}
    """

    function: str

    def operations(self, shape: Shape, /) -> Operations:
        return {"activation": prod(shape)}

    def saved(self, shape: Shape, /) -> Saved:
        if self.function == "Softsign":  # x / (1 + |x|)：分母也要留
            return Saved(inputs=True, numbers=prod(shape))
        if self.function in _FROM_OUTPUT:
            return OUTPUT
        return NOTHING if self.function in _CONSTANT_SLOPE else INPUTS


@dataclass(frozen=True)
class WithConstant(Layer):
    """与一个存在网络里的数组（或一个数）逐元素运算，会广播：缩放、平移、LayerScale、减均值。

    Attributes:
        operator: 运算的名字，如 `"Mul"`；`"Add"`、`"Sub"` 的数组记作偏置，别的记作权重。
        operand: 那个数组的形状，不含批量，从最后一轴对齐；一个数是 `()`。
        size: 其中有多少个是参数；常数写 0。

    Raises:
        ValueError: 广播不到一起。

    References:
        ONNX, "Broadcasting in ONNX"（`docs/Broadcasting.md`）。

    Examples:
        >>> scale = WithConstant("Mul", (96, 1, 1), size=96)
        >>> scale.params((96, 56, 56)), scale.operations((96, 56, 56))
        (96, {'elementwise': 301056})
    """

    operator: str
    operand: Shape
    _: KW_ONLY
    size: int = 0

    def output(self, shape: Shape, /) -> Shape:
        return type(shape)(broadcast(shape, self.operand))

    def reach(self, shape: Shape, /) -> Reach:
        return "point" if positions(shape) == positions(self.output(shape)) else _BROADCAST

    def parameters(self, shape: Shape, /) -> Parameters:
        kind: Parameter = "bias" if self.operator in ("Add", "Sub") else "weight"
        return some({kind: self.size})

    def operations(self, shape: Shape, /) -> Operations:
        return some({"elementwise": prod(self.output(shape))})

    def saved(self, shape: Shape, /) -> Saved:
        linear = self.operator in ("Add", "Sub", "Sum", "Mean")
        # 系数不学习，就用不着输入；常数除以输入的（很少见）本来要留，这里分不出哪个在上面
        scaled = self.operator in ("Mul", "Div") and not self.size
        return NOTHING if linear or scaled else INPUTS


@dataclass(frozen=True)
class Expand(Layer):
    """广播到更大的形状：大小为 1 的轴重复，前面可以添轴；不做运算。

    Attributes:
        shape: 要广播到的形状，不含批量，从最后一轴对齐。

    Raises:
        ValueError: 广播不到一起。

    References:
        ONNX Operators, "Expand"。

    Examples:
        >>> Expand((64, 7, 7)).output((64, 1, 1))
        (64, 7, 7)
    """

    shape: Shape

    def output(self, shape: Shape, /) -> Shape:
        return type(shape)(broadcast(shape, self.shape))

    def reach(self, shape: Shape, /) -> Reach:
        return "point" if positions(shape) == positions(self.output(shape)) else _BROADCAST

    def saved(self, shape: Shape, /) -> Saved:
        return VIEW  # 重复的格子不另占内存，步距是 0


@dataclass(frozen=True)
class Elementwise(Merge):
    """两个算出的数组逐元素运算，会广播：相减、相除、取大；形状相同的相加是 `Add`，相乘是 `Mul`。

    Attributes:
        operator: 运算的名字，如 `"Sub"`。

    Raises:
        ValueError: 广播不到一起。

    References:
        ONNX, "Broadcasting in ONNX"（`docs/Broadcasting.md`）。

    Examples:
        >>> Elementwise("Sub").output([(64, 7, 7), (64, 1, 1)])
        (64, 7, 7)
    """

    operator: str

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        if len({type(shape) for shape in shapes}) > 1:
            got = " 与 ".join(map(str, shapes))
            raise ValueError(problem("shape", "特征轴相同的形状", got, "请检查各分支"))
        whole: tuple[int, ...] = ()
        for shape in shapes:
            whole = broadcast(whole, shape)
        return type(shapes[0])(whole)

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        whole = positions(self.output(shapes))
        return ["point" if positions(shape) == whole else _BROADCAST for shape in shapes]

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        return some({"elementwise": prod(self.output(shapes)) * (len(shapes) - 1)})

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        if self.operator in ("Add", "Sub", "Sum", "Mean"):
            return NOTHING
        return Saved(inputs=True, output=self.operator == "Pow")


@dataclass(frozen=True)
class MatMul(Merge):
    r"""两个算出的矩阵相乘，如注意力的 $QK^\top$ 与乘 $V$：`(…, n, k)` 乘 `(…, k, m)` 得 `(…, n, m)`。

    乘加 $nkm$ 次，前面各轴每个都算一遍，记在 `"attention"`。结果的一行用到右边的所有行和列，所以右边的位置
    全都看到；左边只看自己的一行（左边的特征不在最后一轴时，位置也被加在一起，全都看到）。

    Raises:
        ValueError: 不是两个输入，里面的大小对不上，或前面各轴广播不到一起。

    References:
        Vaswani et al. (2017), *Attention Is All You Need*, arXiv:1706.03762, 式 1；ONNX Operators, "MatMul"。

    Examples:
        >>> scores = [Tokens((12, 197, 64)), Tokens((12, 64, 197))]
        >>> MatMul().output(scores), MatMul().macs(scores) == 12 * 197 * 64 * 197
        (Tokens((12, 197, 197)), True)
    """

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        got = " 与 ".join(map(str, shapes))
        if len(shapes) != 2 or min(map(len, shapes)) < 2 or shapes[0][-1] != shapes[1][-2]:
            raise ValueError(problem("shape", "(…, n, k) 与 (…, k, m)", got, "请检查两个输入"))
        left, right = shapes
        return Tokens((*broadcast(left[:-2], right[:-2]), left[-2], right[-1]))

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        return ["point" if isinstance(shapes[0], Tokens) else "all", "all"]

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        return {"attention": prod(self.output(shapes)) * shapes[0][-1]}


@dataclass(frozen=True)
class Einsum(Merge):
    r"""按爱因斯坦求和约定相乘的两个数组：一个字母是一个轴，只在左边出现的字母加起来。

    `"nk,km->nm"` 就是矩阵乘。乘加的次数是各个字母的大小之积，记在 `"attention"`；
    没有字母要加时只是逐元素相乘，记在 `"elementwise"`。

    Attributes:
        equation: 两个输入与输出各轴的字母，不含批量，如 `"hid,hjd->hij"`；一项里的字母不重复。

    Raises:
        ValueError: 字母的个数与轴数不同，或同一个字母有两种大小。

    References:
        ONNX Operators, "Einsum"。

    Examples:
        >>> heads = [Tokens((2, 49, 32)), Tokens((2, 49, 32))]
        >>> scores = Einsum("hid,hjd->hij")
        >>> scores.output(heads), scores.macs(heads) == 2 * 49 * 49 * 32
        (Tokens((2, 49, 49)), True)
    """

    equation: str

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        sizes, output = self._sizes(shapes), self._output
        made = tuple(sizes[each] for each in output)
        return Tokens(made) if len(made) > 1 and any(isinstance(each, Tokens) for each in shapes) else made

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        tokens = isinstance(self.output(shapes), Tokens)
        after = self._output[:-1] if tokens else self._output[1:]
        reaches: list[Reach] = []
        for term, shape in zip(self._terms, shapes, strict=True):
            before = term[:-1] if isinstance(shape, Tokens) else term[1:]
            gone = not set(before) <= set(after)  # 有位置轴加了起来，或成了特征
            reaches.append("point" if before == after else "all" if gone else _MIXED)
        return reaches

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        sizes = self._sizes(shapes)
        summed = set(sizes) - set(self._output)
        return {"attention" if summed else "elementwise": prod(sizes.values())}

    @property
    def _terms(self) -> list[str]:
        return self.equation.partition("->")[0].split(",")

    @property
    def _output(self) -> str:
        return self.equation.partition("->")[2]

    def _sizes(self, shapes: Sequence[Shape]) -> dict[str, int]:
        """各个字母的大小。"""
        got, sizes = " 与 ".join(map(str, shapes)), dict[str, int]()
        expected = f"合乎 {self.equation} 的形状"
        if [len(term) for term in self._terms] != [len(shape) for shape in shapes]:
            raise ValueError(problem("shape", expected, got, "请检查两个输入"))
        for term, shape in zip(self._terms, shapes, strict=True):
            for letter, size in zip(term, shape, strict=True):
                if sizes.setdefault(letter, size) != size:
                    raise ValueError(problem("shape", expected, got, f"{letter} 有两种大小"))
        return sizes


@dataclass(frozen=True)
class Reduce(Layer):
    """在几个轴上求和、取平均、取大；对所有位置取平均的是 `GlobalAvgPool`。

    Attributes:
        operator: 运算的名字，如 `"ReduceMean"`，不影响计数。
        axes: 哪几个轴，不含批量。
        keepdims: 这些轴是留下、大小为 1，还是消失。

    Raises:
        ValueError: 没有这个轴，或一个轴也不剩。

    References:
        ONNX Operators, "ReduceMean" 等。

    Examples:
        >>> Reduce("ReduceMean", (0,)).output((64, 7, 7)), Reduce("ReduceMean", (0,)).reach((64, 7, 7))
        ((1, 7, 7), 'point')
    """

    operator: str
    axes: tuple[int, ...]
    _: KW_ONLY
    keepdims: bool = True

    def output(self, shape: Shape, /) -> Shape:
        for axis in self.axes:
            _axis(axis, shape)
        sizes = [1 if axis in self.axes else size for axis, size in enumerate(shape)]
        if not self.keepdims:
            sizes = [size for axis, size in enumerate(sizes) if axis not in self.axes]
        if not sizes:
            raise ValueError(problem("axes", "留下至少一个轴", self.axes, "请加上 keepdims"))
        return tuple(sizes) if len(sizes) == 1 else type(shape)(sizes)

    def reach(self, shape: Shape, /) -> Reach:
        feature = len(shape) - 1 if isinstance(shape, Tokens) else 0
        where = set(range(len(shape))) - {feature}
        if not self.keepdims and feature in self.axes and len(shape) > 2:
            return _MIXED  # 特征轴消失，位置轴成了特征轴
        if where <= set(self.axes):
            return "all"
        return Unaligned("只在几个轴上合并") if where & set(self.axes) else "point"

    def operations(self, shape: Shape, /) -> Operations:
        return {"pooling": prod(shape)}

    def saved(self, shape: Shape, /) -> Saved:
        if self.operator in ("ReduceMean", "ReduceSum"):
            return NOTHING
        if self.operator == "ReduceLogSum":  # 取对数之前的和
            return Saved(numbers=prod(self.output(shape)))
        # 绝对值、平方的和只看输入；别的还要与结果比，或除以结果
        return Saved(inputs=True, output=self.operator not in ("ReduceL1", "ReduceSumSquare"))


@dataclass(frozen=True)
class GlobalMaxPool(GlobalAvgPool):
    """全局最大池化：每个通道取最大的数，其余与 `GlobalAvgPool` 相同。

    References:
        ONNX Operators, "GlobalMaxPool"。

    Examples:
        >>> GlobalMaxPool().output((512, 7, 7)), GlobalMaxPool().reach((512, 7, 7))
        ((512, 1, 1), 'all')
    """

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(inputs=True, indices=features(shape))


@dataclass(frozen=True)
class Shared(Layer):
    """一层，但它的参数前面的节点已经用过：一个张量只计一次。

    Attributes:
        layer: 那一层。
        repeated: 各种参数里，前面计过的个数。
        buffers_repeated: 缓冲里，前面计过的个数。

    References:
        Press & Wolf (2017), *Using the Output Embedding to Improve Language Models*, arXiv:1608.05859, §1。

    Examples:
        >>> from dlnotes.arch import Conv2d
        >>> again = Shared(Conv2d(64, 3), (("weight", 36864),))
        >>> dict(again.parameters((64, 56, 56))), again.macs((64, 56, 56))
        ({'bias': 64}, 107495424)
    """

    layer: Layer
    repeated: tuple[tuple[Parameter, int], ...]
    buffers_repeated: int = 0

    def output(self, shape: Shape, /) -> Shape:
        return self.layer.output(shape)

    def reach(self, shape: Shape, /) -> Reach:
        return self.layer.reach(shape)

    def parameters(self, shape: Shape, /) -> Parameters:
        repeated = dict(self.repeated)
        counts = self.layer.parameters(shape)
        return some({kind: count - repeated.get(kind, 0) for kind, count in counts.items()})

    def operations(self, shape: Shape, /) -> Operations:
        return self.layer.operations(shape)

    def buffers(self, shape: Shape, /) -> int:
        return self.layer.buffers(shape) - self.buffers_repeated

    def saved(self, shape: Shape, /) -> Saved:
        return self.layer.saved(shape)


@dataclass(frozen=True)
class Unknown(Merge):
    """不认识的算子：只知道输出的形状，参数与运算都没有计入，账本会点名。

    Attributes:
        operator: 算子的名字。
        shape: 输出的形状，不含批量。

    References:
        ONNX Operators。

    Examples:
        >>> Unknown("Det", (1,)).operations([(3, 3)])
        {'other': 1}
    """

    operator: str
    shape: Shape

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        return self.shape

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        return [Unaligned(f"不认识算子 {self.operator}")] * len(shapes)

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        return {"other": prod(self.shape)}


_BROADCAST = Unaligned("一个位置的值广播到了所有位置")


def _axis(axis: int, shape: Shape) -> int:
    if not 0 <= axis < len(shape):
        raise ValueError(problem("axis", f"0 到 {len(shape) - 1} 的整数", axis, f"到达它的形状是 {shape}"))
    return axis
