"""逐点的层：形状不变，不看相邻的像素，所以感受野也不变。"""

from dataclasses import dataclass
from numbers import Real

from dlnotes._check import integer, problem
from dlnotes.arch.layers._base import Pointwise, store


@dataclass(frozen=True)
class ReLU(Pointwise):
    """ReLU 激活。"""


@dataclass(frozen=True)
class Dropout(Pointwise):
    """随机失活，`p` 是**丢弃**的概率（PyTorch 的约定）；推理时什么也不做。"""

    p: float = 0.5

    def __post_init__(self) -> None:
        expected, remedy = "0 到 1 之间的概率", "它是丢弃的概率，不是保留的概率"
        if isinstance(self.p, bool) or not isinstance(self.p, Real):
            raise TypeError(problem("p", expected, repr(self.p), remedy))
        if not 0 <= self.p <= 1:
            raise ValueError(problem("p", expected, repr(self.p), remedy))


@dataclass(frozen=True)
class LocalResponseNorm(Pointwise):
    """局部响应归一化：在相邻的 `size` 个通道之间做，不看相邻像素，没有参数。"""

    size: int = 5

    def __post_init__(self) -> None:
        store(self, size=integer("size", self.size, minimum=1))
