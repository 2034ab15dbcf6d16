"""激活与随机失活：逐元素计算，形状不变，不看相邻的位置。"""

from dataclasses import dataclass
from math import prod
from numbers import Real
from typing import ClassVar

from dlnotes._check import integer, problem
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers._base import (
    NOTHING,
    OUTPUT,
    VIEW,
    Layer,
    Operations,
    Parameters,
    Reuse,
    Saved,
    Shape,
    features,
    store,
)


class _Activation(Layer):
    """逐元素的激活：每个元素算一次，算作几次乘加各家不同，所以只记元素的个数。"""

    reuses: ClassVar[Reuse] = "inplace"

    def operations(self, shape: Shape, /) -> Operations:
        return {"activation": prod(shape)}


@dataclass(frozen=True)
class ReLU(_Activation):
    r"""$\max(0,x)$。

    References:
        Nair & Hinton (2010), *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML。

    Examples:
        >>> ReLU().operations((64, 7, 7))
        {'activation': 3136}
    """

    def saved(self, shape: Shape, /) -> Saved:
        return OUTPUT


@dataclass(frozen=True)
class ReLU6(_Activation):
    r"""$\min(\max(0,x),6)$。

    References:
        Sandler et al. (2018), *MobileNetV2*, arXiv:1801.04381, §4。

    Examples:
        >>> ReLU6().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class LeakyReLU(_Activation):
    r"""$x\ge0$ 时是 $x$，否则是 $0.01x$（斜率不影响这里的计数）。

    References:
        Maas, Hannun & Ng (2013), *Rectifier Nonlinearities Improve Neural Network Acoustic Models*,
        ICML Workshop。

    Examples:
        >>> LeakyReLU().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class PReLU(_Activation):
    r"""$x\ge0$ 时是 $x$，否则是 $ax$，斜率 $a$ 可学习。

    Attributes:
        num_parameters: 斜率的个数：1 是各通道共用一个，等于通道数是每个通道一个（词元的通道是最后一轴）。

    Raises:
        TypeError: `num_parameters` 不是整数。
        ValueError: `num_parameters` 小于 1，或既不是 1 也不是到达它的通道数。

    References:
        He et al. (2015), *Delving Deep into Rectifiers*, arXiv:1502.01852, §2.1。

    Examples:
        >>> PReLU(64).params((64, 56, 56)), PReLU().params((64, 56, 56))
        (64, 1)
    """

    num_parameters: int = 1

    def __post_init__(self) -> None:
        store(self, num_parameters=integer("num_parameters", self.num_parameters, minimum=1))

    def output(self, shape: Shape, /) -> Shape:
        if self.num_parameters not in (1, features(shape)):
            expected = f"1 或通道数 {features(shape)}"
            raise ValueError(problem("num_parameters", expected, self.num_parameters, "请改为其中之一"))
        return shape

    def parameters(self, shape: Shape, /) -> Parameters:
        return {"activation": self.num_parameters}


@dataclass(frozen=True)
class ELU(_Activation):
    r"""$x>0$ 时是 $x$，否则是 $e^x-1$。

    References:
        Clevert, Unterthiner & Hochreiter (2015), arXiv:1511.07289, §3。

    Examples:
        >>> ELU().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class Sigmoid(_Activation):
    r"""$\sigma(x)=1/(1+e^{-x})$。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.3.2。

    Examples:
        >>> Sigmoid().operations((64, 7, 7))
        {'activation': 3136}
    """

    def saved(self, shape: Shape, /) -> Saved:
        return OUTPUT


@dataclass(frozen=True)
class Tanh(_Activation):
    r"""$\tanh x=2\sigma(2x)-1$。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.3.2。

    Examples:
        >>> Tanh().operations((64, 7, 7))
        {'activation': 3136}
    """

    def saved(self, shape: Shape, /) -> Saved:
        return OUTPUT


@dataclass(frozen=True)
class Hardsigmoid(_Activation):
    r"""$\mathrm{ReLU6}(x+3)/6$。

    References:
        Howard et al. (2019), *Searching for MobileNetV3*, arXiv:1905.02244, §5.2。

    Examples:
        >>> Hardsigmoid().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class Hardswish(_Activation):
    r"""$x\cdot\mathrm{ReLU6}(x+3)/6$。

    References:
        Howard et al. (2019), *Searching for MobileNetV3*, arXiv:1905.02244, §5.2。

    Examples:
        >>> Hardswish().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class SiLU(_Activation):
    r"""$x\,\sigma(x)$，又名 Swish。

    References:
        Ramachandran, Zoph & Le (2017), *Searching for Activation Functions*, arXiv:1710.05941, §4；
        Elfwing, Uchibe & Doya (2017), arXiv:1702.03118。

    Examples:
        >>> SiLU().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class Mish(_Activation):
    r"""$x\tanh(\ln(1+e^x))$。

    References:
        Misra (2019), *Mish: A Self Regularized Non-Monotonic Activation Function*, arXiv:1908.08681。

    Examples:
        >>> Mish().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class GELU(_Activation):
    r"""$x\,\Phi(x)$，$\Phi$ 是标准正态的分布函数。

    References:
        Hendrycks & Gimpel (2016), *Gaussian Error Linear Units*, arXiv:1606.08415, §2。

    Examples:
        >>> GELU().operations((64, 7, 7))
        {'activation': 3136}
    """


@dataclass(frozen=True)
class Softmax(_Activation):
    r"""在特征轴上归一化 $e^{x_c}/\sum_{c'}e^{x_{c'}}$：图像在通道上，词元在最后一轴上，向量在全部元素上。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.2.2.3。

    Examples:
        >>> Softmax().operations((64, 7, 7))
        {'activation': 3136}
    """

    reuses: ClassVar[Reuse] = "never"

    def reach(self, shape: Shape, /) -> Reach:
        return "all" if len(shape) == 1 else "point"

    def saved(self, shape: Shape, /) -> Saved:
        return OUTPUT


@dataclass(frozen=True)
class Identity(Layer):
    """什么也不做。

    References:
        He et al. (2016), *Identity Mappings in Deep Residual Networks*, arXiv:1603.05027, §2。

    Examples:
        >>> Identity().output((64, 56, 56)), Identity().operations((64, 56, 56))
        ((64, 56, 56), {})
    """

    reuses: ClassVar[Reuse] = "always"


@dataclass(frozen=True)
class Dropout(Layer):
    r"""随机失活：训练时按概率把元素置零，推理时什么也不做，所以不计运算。

    训练时另留一张与输入同样大小、同样类型的掩码（PyTorch 在 CPU 上的做法；在 CUDA 上每个元素只要 1 个字节）。

    Attributes:
        p: **丢弃**的概率（PyTorch 的约定），不是保留的概率。

    Raises:
        TypeError: `p` 不是实数。
        ValueError: `p` 不在 0 到 1 之间。

    References:
        Srivastava et al. (2014), *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*,
        JMLR 15, §4（那里的 $p$ 是保留的概率）。

    Examples:
        >>> Dropout(0.2).output((4096,)), Dropout(0.2).operations((4096,))
        ((4096,), {})
    """

    reuses: ClassVar[Reuse] = "always"

    p: float = 0.5

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def saved(self, shape: Shape, /) -> Saved:
        if self.p == 0:
            return VIEW
        return Saved(numbers=prod(shape)) if self.p < 1 else NOTHING


@dataclass(frozen=True)
class StochasticDepth(Layer):
    r"""随机深度：训练时按概率把一个样本的整条残差支路置零，推理时什么也不做，所以不计运算。

    论文推理时把支路乘以保留的概率；这里与 torchvision 相同，改在训练时除以它。

    Attributes:
        p: **丢弃**的概率（torchvision 的约定），不是保留的概率。

    Raises:
        TypeError: `p` 不是实数。
        ValueError: `p` 不在 0 到 1 之间。

    References:
        Huang et al. (2016), *Deep Networks with Stochastic Depth*, arXiv:1603.09382, §3 与式 5（那里的
        $p_\ell$ 是保留的概率）；torchvision `ops/stochastic_depth.py`。

    Examples:
        >>> StochasticDepth(0.1).output((96, 56, 56)), StochasticDepth(0.1).operations((96, 56, 56))
        ((96, 56, 56), {})
    """

    reuses: ClassVar[Reuse] = "always"

    p: float

    def __post_init__(self) -> None:
        _check_probability(self.p)

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(numbers=1) if self.p else VIEW  # 每个样本一个：留不留


def _check_probability(p: float) -> None:
    expected, remedy = "0 到 1 之间的概率", "它是丢弃的概率，不是保留的概率"
    if isinstance(p, bool) or not isinstance(p, Real):
        raise TypeError(problem("p", expected, repr(p), remedy))
    if not 0 <= p <= 1:
        raise ValueError(problem("p", expected, repr(p), remedy))
