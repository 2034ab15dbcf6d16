"""展平与全连接层：此后每个单元都看到整个输入。"""

from dataclasses import dataclass
from math import prod

from dlnotes._check import boolean, integer, problem
from dlnotes.arch.layers._base import NoWeights, Reach, Shape, store


@dataclass(frozen=True)
class Flatten(NoWeights):
    """把 `(C, H, W)` 展平成 `(C*H*W,)`；此后位置不再有意义，感受野记为 `"all"`。"""

    def output(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def reach(self, shape: Shape) -> Reach:
        return "all"


@dataclass(frozen=True)
class Linear:
    r"""全连接层：$F\to$ `out_features`，参数量 $\text{out}\cdot(F+b)$，乘加数 $\text{out}\cdot F$。

    Attributes:
        out_features: 输出的个数。
        bias: 是否有偏置。

    Raises:
        TypeError: `out_features` 不是整数，或 `bias` 不是布尔值。
        ValueError: `out_features` 小于 1，或到达它的形状不是 `(F,)`。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.1。

    Examples:
        >>> Linear(4096).params((9216,)), Linear(4096).macs((9216,))
        (37752832, 37748736)
    """

    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, out_features=integer("out_features", self.out_features, minimum=1))
        boolean("bias", self.bias)

    def output(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(problem("shape", "(F,)", shape, "请在全连接层之前加一层 Flatten"))
        return (self.out_features,)

    def params(self, shape: Shape) -> int:
        self.output(shape)
        return self.out_features * (shape[0] + self.bias)

    def macs(self, shape: Shape) -> int:
        self.output(shape)
        return self.out_features * shape[0]

    def reach(self, shape: Shape) -> Reach:
        return "all"
