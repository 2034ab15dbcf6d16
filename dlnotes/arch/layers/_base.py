"""各种层共用的词汇：形状、要数的几类量，以及 `Layer` 与 `Merge` 要回答的问题。"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, Literal, NamedTuple, TypeVar

from dlnotes._check import problem
from dlnotes.arch.fields import Reach

Shape = tuple[int, ...]
"""到达一层的形状，不含批量：图像 `(C, H, W)`，一维信号 `(C, L)`，向量 `(F,)`，或 `Tokens`。"""

Given = TypeVar("Given")
Kind = TypeVar("Kind")


class Tokens(tuple[int, ...]):
    """特征在最后一轴的形状：`(T, D)` 是 T 个词元，每个 D 维；`(H, W, D)` 是排成网格的词元。

    它与图像的 `(C, H, W)`、信号的 `(C, L)` 一样是整数的元组，但轴的意思不同：同是 `(64, 100)`，作用在最后一轴
    的全连接层对词元是逐个的，对信号则混合了所有位置。比较大小时它与相同数字的元组相等。

    Examples:
        >>> from dlnotes.arch import Linear
        >>> Linear(10).output(Tokens((197, 768)))
        Tokens((197, 10))
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Tokens({tuple(self)})"


Operation = Literal[
    "conv", "linear", "attention", "bias", "norm", "activation", "pooling", "elementwise", "other"
]
"""运算的种类与单位：

- `"conv"`、`"linear"`、`"attention"`：卷积、线性层、注意力的两个矩阵积，单位是乘加（MAC）；
  三者之和是 `macs`。
- `"bias"`：加偏置的次数。
- `"norm"`、`"activation"`：归一化、激活的元素个数（每个元素算几次，各家工具不同）。
- `"pooling"`：池化的窗口读到的值的个数，补的零也算。
- `"elementwise"`：逐元素相加、相乘的次数。
- `"other"`：算不成以上任何一种的输出元素个数，如双线性插值；账本会点名。
"""

MACS: tuple[Operation, ...] = ("conv", "linear", "attention")

Parameter = Literal["weight", "bias", "norm", "activation", "embedding"]
"""参数的种类：权重、偏置、归一化的缩放与平移、激活的斜率（PReLU）、查表的向量（词元、位置、类别标记）。"""

Operations = Mapping[Operation, int]
Parameters = Mapping[Parameter, int]


class Saved(NamedTuple):
    """训练时，一层为自己的反向传播留着什么；参数与缓冲本来就在，不算。

    Attributes:
        inputs: 要它的各个输入。
        output: 要它的输出。
        view: 输出与输入是同一块内存，自己不占。
        numbers: 另外留着的数，与激活的类型相同；一个样本的个数，如归一化的均值与标准差。
        shared: 同上，但整批只有这么多，如 BN 的均值与标准差。
        indices: 另外留着的 int64 整数，如最大池化取自哪里；一个样本的个数。

    References:
        PyTorch `tools/autograd/derivatives.yaml`：每个算子的导数公式用到哪些张量。

    Examples:
        >>> from dlnotes.arch import BatchNorm2d, ReLU
        >>> ReLU().saved((64, 7, 7)).output, BatchNorm2d().saved((64, 7, 7)).shared
        (True, 128)
    """

    inputs: bool = False
    output: bool = False
    view: bool = False
    numbers: int = 0
    shared: int = 0
    indices: int = 0


NOTHING, INPUTS, OUTPUT, VIEW = Saved(), Saved(inputs=True), Saved(output=True), Saved(view=True)

Reuse = Literal["never", "inplace", "always"]
"""推理时输出占不占新的内存：

- `"never"`：总占。
- `"inplace"`：可以写进一个同样大小、以后没有人用的输入，如激活、相加。
- `"always"`：不占，输出就是输入，或输入的一部分、另一种看法，如展平、推理时的 Dropout。
"""


class _Rules(Generic[Given]):
    """参数、运算、内存的规则；`given` 是到达这一层的一个或几个形状。默认没有参数和运算，反向要用输入。"""

    reuses: ClassVar[Reuse] = "never"

    def parameters(self, given: Given, /) -> Parameters:
        """可学习的参数，按种类。"""
        return {}

    def operations(self, given: Given, /) -> Operations:
        """一个样本前向一次的运算，按种类。"""
        return {}

    def buffers(self, given: Given, /) -> int:
        """不参与学习、却随模型保存的数，如 BN 的滑动平均；不含 PyTorch 的批次计数器。"""
        return 0

    def saved(self, given: Given, /) -> Saved:
        """训练时为自己的反向传播留着什么。"""
        return VIEW if self.reuses == "always" else INPUTS

    def params(self, given: Given, /) -> int:
        """可学习的参数总数，含偏置。"""
        return sum(self.parameters(given).values())

    def macs(self, given: Given, /) -> int:
        """一个样本前向一次的乘加数：卷积、线性层、注意力的矩阵积；FLOPs 是它的两倍。"""
        return macs(self.operations(given))


class Layer(_Rules[Shape]):
    """一个输入的层。

    新写一种层：继承它，写成不可变的数据类，只覆盖与默认不同的规则。默认是形状不变、只看自己的位置、
    没有参数、不做运算；做了运算就要写进 `operations`，归不进已有种类的写作 `"other"`，账本才会点名。
    `shape` 是到达这一层的形状，不含批量。

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Shift(Layer):  # 每个通道加一个可学习的数
        ...     def parameters(self, shape, /):
        ...         return {"bias": shape[0]}
        ...     def operations(self, shape, /):
        ...         return {"bias": shape[0] * shape[1] * shape[2]}
        >>> Shift().output((64, 7, 7)), Shift().params((64, 7, 7)), Shift().macs((64, 7, 7))
        ((64, 7, 7), 64, 0)
    """

    def output(self, shape: Shape, /) -> Shape:
        """输出的形状；形状不合时抛出 `ValueError`。"""
        return shape

    def reach(self, shape: Shape, /) -> Reach:
        """它的单元在输入上看到哪里，见 [`Reach`][dlnotes.arch.fields.Reach]。"""
        return "point"


class Merge(_Rules[Sequence[Shape]]):
    """几个输入的层；`shapes` 是各输入的形状，按 `Node.inputs` 的次序。

    新写一种汇合层：继承它，至少覆盖 `output`。

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class First(Merge):  # 只取第一个输入
        ...     def output(self, shapes, /):
        ...         return shapes[0]
        >>> First().output([(64, 7, 7), (32, 7, 7)])
        (64, 7, 7)
    """

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        """输出的形状；形状不合时抛出 `ValueError`。"""
        raise NotImplementedError

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        """它的单元在各个输入上看到哪里。"""
        return ["point"] * len(shapes)


def macs(operations: Operations) -> int:
    """各种运算里算作乘加的那些。"""
    return sum([operations[kind] for kind in MACS if kind in operations])


def store(layer: object, **values: object) -> None:
    """在不可变的数据类里存下检查过的值：numpy 的整数位数有限，乘几下就会溢出。"""
    for name, value in values.items():
        object.__setattr__(layer, name, value)


def some(counts: Mapping[Kind, int]) -> dict[Kind, int]:
    """去掉是零的种类。"""
    return {kind: count for kind, count in counts.items() if count}


_NAMES = {1: "(C, L)", 2: "(C, H, W)"}


def channels_first(shape: Shape, axes: int) -> tuple[int, Shape]:
    """检查形状是通道在前、有 `axes` 个方向的图像或信号，返回通道数和各方向的大小。"""
    if isinstance(shape, Tokens):
        raise ValueError(problem("shape", _NAMES[axes], shape, "这一层只作用于通道在前的输入"))
    if len(shape) != axes + 1:
        remedy = "展平之后不能再接它" if len(shape) < 2 else "请检查前面各层"
        raise ValueError(problem("shape", _NAMES[axes], shape, remedy))
    return shape[0], shape[1:]


def positions(shape: Shape) -> Shape:
    """各位置轴的大小：词元的最后一轴、图像与信号的第一轴是特征；向量没有位置。"""
    return shape[:-1] if isinstance(shape, Tokens) else shape[1:]


def features(shape: Shape) -> int:
    """特征数：图像、信号的通道数，词元和向量的维数。"""
    return shape[-1] if isinstance(shape, Tokens) else shape[0]
