"""逐点的层：形状不变，不看相邻的像素，所以感受野也不变。"""

from dataclasses import dataclass
from numbers import Real

from dlnotes._check import integer, problem
from dlnotes.arch.layers._base import Pointwise, store


@dataclass(frozen=True)
class ReLU(Pointwise):
    r"""ReLU 激活 $\max(0,x)$，逐元素计算。

    References:
        Nair & Hinton (2010), *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML。
    """


@dataclass(frozen=True)
class Dropout(Pointwise):
    r"""随机失活：训练时按概率把元素置零，推理时什么也不做。

    Attributes:
        p: **丢弃**的概率（PyTorch 的约定），不是保留的概率。

    Raises:
        TypeError: `p` 不是实数。
        ValueError: `p` 不在 0 到 1 之间。

    References:
        Srivastava et al. (2014), *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*,
        JMLR 15, §4（那里的 $p$ 是保留的概率）。
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        expected, remedy = "0 到 1 之间的概率", "它是丢弃的概率，不是保留的概率"
        if isinstance(self.p, bool) or not isinstance(self.p, Real):
            raise TypeError(problem("p", expected, repr(self.p), remedy))
        if not 0 <= self.p <= 1:
            raise ValueError(problem("p", expected, repr(self.p), remedy))


@dataclass(frozen=True)
class LocalResponseNorm(Pointwise):
    r"""局部响应归一化：在相邻的 `size` 个通道之间做，不看相邻像素，没有参数。

    $$b_c=a_c\Big/\Bigl(\kappa+\alpha\sum_{c'}a_{c'}^2\Bigr)^{\beta}$$

    求和遍及以 $c$ 为中心的 `size` 个通道；$\kappa,\alpha,\beta$ 不影响这里的任何计数，所以不列为属性。

    Attributes:
        size: 参与求和的通道数。

    Raises:
        TypeError: `size` 不是整数。
        ValueError: `size` 小于 1。

    References:
        Krizhevsky, Sutskever & Hinton (2012), *ImageNet Classification with Deep Convolutional Neural
        Networks*, §3.3。
    """

    size: int = 5

    def __post_init__(self) -> None:
        store(self, size=integer("size", self.size, minimum=1))
