"""全连接层、逐通道的缩放（只留对角线的全连接）、径向基函数。"""

from dataclasses import KW_ONLY, dataclass
from math import prod

from dlnotes._check import boolean, integer, problem
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers._base import (
    Layer,
    Operations,
    Parameters,
    Saved,
    Shape,
    Tokens,
    features,
    some,
    store,
)


@dataclass(frozen=True)
class Linear(Layer):
    r"""全连接层，作用于最后一轴：$F\to$ `out_features`。

    参数量 $\text{out}\cdot(F+b)$，乘加数 $\text{out}\cdot F$。
    输入是向量 `(F,)` 时每个输出看到整个输入；是词元 `(T, D)` 时逐个词元计算，乘加数再乘词元数，不看别的词元。

    Attributes:
        out_features: 输出的个数。
        bias: 是否有偏置。

    Raises:
        TypeError: `out_features` 不是整数，或 `bias` 不是布尔值。
        ValueError: `out_features` 小于 1，或到达它的形状不是 `(F,)` 或词元。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.1；PyTorch `torch.nn.Linear`。

    Examples:
        >>> Linear(4096).params((9216,)), Linear(4096).macs((9216,))
        (37752832, 37748736)
        >>> from dlnotes.arch import Tokens
        >>> Linear(3072).macs(Tokens((197, 768))) == 197 * 3072 * 768
        True
    """

    out_features: int
    _: KW_ONLY
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, out_features=integer("out_features", self.out_features, minimum=1))
        boolean("bias", self.bias)

    def output(self, shape: Shape, /) -> Shape:
        if isinstance(shape, Tokens):
            return Tokens((*shape[:-1], self.out_features))
        if len(shape) != 1:
            raise ValueError(problem("shape", "(F,)", shape, "请在全连接层之前加一层 Flatten"))
        return (self.out_features,)

    def reach(self, shape: Shape, /) -> Reach:
        return "point" if isinstance(shape, Tokens) else "all"

    def parameters(self, shape: Shape, /) -> Parameters:
        self.output(shape)
        return some({"weight": self.out_features * shape[-1], "bias": self.out_features * self.bias})

    def operations(self, shape: Shape, /) -> Operations:
        outputs = prod(self.output(shape))
        return some({"linear": outputs * shape[-1], "bias": outputs * self.bias})


@dataclass(frozen=True)
class Scale(Layer):
    r"""每个通道（词元的每一维）乘一个可学习的系数，还可以再加一个偏置：$y_c=\gamma_c x_c+\beta_c$。

    ConvNeXt 的 LayerScale 只有系数；LeNet-5 的下采样是 2×2 平均之后的系数与偏置。乘法记在 `"elementwise"`，
    不算乘加。

    Attributes:
        bias: 是否有 $\beta$。

    Raises:
        TypeError: `bias` 不是布尔值。

    References:
        Touvron et al. (2021), *Going deeper with Image Transformers*, arXiv:2103.17239，
        "Deeper image transformers with LayerScale" 一节；
        LeCun et al. (1998), *Gradient-Based Learning Applied to Document Recognition*, §II.B（S2 与 S4）。

    Examples:
        >>> Scale().params((96, 56, 56)), Scale(bias=True).params((6, 14, 14))
        (96, 12)
    """

    _: KW_ONLY
    bias: bool = False

    def __post_init__(self) -> None:
        boolean("bias", self.bias)

    def parameters(self, shape: Shape, /) -> Parameters:
        return some({"weight": features(shape), "bias": features(shape) * self.bias})

    def operations(self, shape: Shape, /) -> Operations:
        return some({"elementwise": prod(shape), "bias": prod(shape) * self.bias})


@dataclass(frozen=True)
class RBF(Layer):
    r"""欧氏径向基函数：每个输出是输入到一个模板的距离的平方 $y_i=\sum_j(x_j-w_{ij})^2$。

    LeNet-5 的输出层：10 个模板是照 7×12 的字形手工选定的 ±1，不学习，所以记在 `buffers`，参数为零。
    每一项先相减（记在 `"elementwise"`），再平方、累加，这是一次乘加（记在 `"linear"`）。训练时留着各项的差，
    平方的导数要用它。

    Attributes:
        out_features: 模板的个数。

    Raises:
        TypeError: `out_features` 不是整数。
        ValueError: `out_features` 小于 1，或到达它的不是向量 `(F,)`。

    References:
        LeCun et al. (1998), *Gradient-Based Learning Applied to Document Recognition*, §II.B。

    Examples:
        >>> RBF(10).output((84,)), RBF(10).params((84,)), RBF(10).buffers((84,)), RBF(10).macs((84,))
        ((10,), 0, 840, 840)
    """

    out_features: int

    def __post_init__(self) -> None:
        store(self, out_features=integer("out_features", self.out_features, minimum=1))

    def output(self, shape: Shape, /) -> Shape:
        if isinstance(shape, Tokens) or len(shape) != 1:
            raise ValueError(problem("shape", "(F,)", shape, "请在它之前加一层 Flatten"))
        return (self.out_features,)

    def reach(self, shape: Shape, /) -> Reach:
        return "all"

    def buffers(self, shape: Shape, /) -> int:
        return self.out_features * shape[0]

    def operations(self, shape: Shape, /) -> Operations:
        pairs = self.out_features * shape[0]
        return {"linear": pairs, "elementwise": pairs}

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(numbers=self.out_features * shape[0])  # 平方之前的差
