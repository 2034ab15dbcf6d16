"""全连接层。"""

from dataclasses import KW_ONLY, dataclass
from math import prod

from dlnotes._check import boolean, integer, problem
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers._base import Layer, Operations, Parameters, Shape, Tokens, some, store


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
