r"""归一化：形状不变，每个元素减均值、除标准差，再乘 $\gamma$ 加 $\beta$。

区别只在均值与方差取自哪些元素，感受野也由此不同：只跨通道的不看别的位置，跨位置的通过均值、方差看到整个输入。
"""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Literal

from dlnotes._check import boolean, choice, integer, problem
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers._base import (
    Layer,
    Operations,
    Parameters,
    Saved,
    Shape,
    Tokens,
    features,
    positions,
    some,
    store,
)


class _Norm(Layer):
    """每个元素归一化一次。"""

    def operations(self, shape: Shape, /) -> Operations:
        return {"norm": prod(shape)}


@dataclass(frozen=True)
class BatchNorm2d(_Norm):
    r"""批归一化：每个通道用一批样本、所有位置的均值与方差；推理时用训练时攒下的，所以是逐点的。

    参数是 $\gamma,\beta$ 共 $2C$ 个；另有滑动平均的均值与方差 $2C$ 个，不参与学习，不计入 `params`
    （PyTorch 还存一个数批次的计数器 `num_batches_tracked`，这里不算）。
    感受野按推理算；训练时每个元素还通过均值、方差看到整批。

    Attributes:
        affine: 是否有 $\gamma,\beta$。
        track_running_stats: 是否保存滑动平均。

    Raises:
        TypeError: 某个开关不是布尔值。
        ValueError: 到达它的形状不是 `(C, H, W)`。

    References:
        Ioffe & Szegedy (2015), *Batch Normalization*, arXiv:1502.03167, Algorithm 1、2 与 §3.2（卷积层）。

    Examples:
        >>> BatchNorm2d().params((64, 112, 112)), BatchNorm2d().buffers((64, 112, 112))
        (128, 128)
    """

    _: KW_ONLY
    affine: bool = True
    track_running_stats: bool = True

    def __post_init__(self) -> None:
        boolean("affine", self.affine)
        boolean("track_running_stats", self.track_running_stats)

    def output(self, shape: Shape, /) -> Shape:
        if len(shape) != 3 or isinstance(shape, Tokens):
            raise ValueError(problem("shape", "(C, H, W)", shape, "别的输入请用 BatchNorm1d 或 LayerNorm"))
        return shape

    def parameters(self, shape: Shape, /) -> Parameters:
        return some({"norm": 2 * shape[0] * self.affine})

    def buffers(self, shape: Shape, /) -> int:
        return 2 * shape[0] * self.track_running_stats

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(inputs=True, shared=2 * shape[0])  # 这一批的均值与标准差的倒数


@dataclass(frozen=True)
class BatchNorm1d(BatchNorm2d):
    """批归一化，作用于信号 `(C, L)` 或向量 `(F,)`；其余与
    [`BatchNorm2d`][dlnotes.arch.layers.norm.BatchNorm2d] 相同。

    References:
        Ioffe & Szegedy (2015), arXiv:1502.03167, Algorithm 1。

    Examples:
        >>> BatchNorm1d().params((128,))
        256
    """  # noqa: D205

    def output(self, shape: Shape, /) -> Shape:
        if len(shape) > 2 or isinstance(shape, Tokens):
            raise ValueError(problem("shape", "(C, L) 或 (F,)", shape, "图像请用 BatchNorm2d"))
        return shape


@dataclass(frozen=True)
class LayerNorm(_Norm):
    r"""层归一化：均值与方差取自一个样本自己。

    Attributes:
        over: `"features"` 只在特征轴上（词元的最后一轴，图像与信号的通道），逐位置，参数 $2D$ 个；
            `"all"` 在样本的全部元素上，参数是元素数的两倍，每个元素通过均值、方差看到整个输入。
        elementwise_affine: 是否有 $\gamma,\beta$。
        bias: 有 $\gamma$ 时，是否也有 $\beta$。

    Raises:
        TypeError: 某个开关不是布尔值。
        ValueError: 不认识 `over`。

    References:
        Ba, Kiros & Hinton (2016), *Layer Normalization*, arXiv:1607.06450, §3；PyTorch `torch.nn.LayerNorm`。

    Examples:
        >>> LayerNorm().params((96, 56, 56)), LayerNorm(over="all").params((96, 56, 56))
        (192, 602112)
    """

    _: KW_ONLY
    over: Literal["features", "all"] = "features"
    elementwise_affine: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        choice("over", self.over, ("features", "all"))
        boolean("elementwise_affine", self.elementwise_affine)
        boolean("bias", self.bias)

    def reach(self, shape: Shape, /) -> Reach:
        return "gate" if self.over == "all" or len(shape) == 1 else "point"

    def parameters(self, shape: Shape, /) -> Parameters:
        normalised = prod(shape) if self.over == "all" else features(shape)
        return some({"norm": normalised * (1 + self.bias) * self.elementwise_affine})

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(inputs=True, numbers=2 if self.over == "all" else 2 * prod(positions(shape)))


@dataclass(frozen=True)
class GroupNorm(_Norm):
    r"""组归一化：每组通道、所有位置一起求均值与方差，参数 $2C$ 个。

    `num_groups=1` 是对整个样本，`num_groups=C` 是实例归一化。均值、方差跨所有位置，所以严格说每个元素都看到
    整个输入；账本的 `gates=False` 把它们当作常数。

    Attributes:
        num_groups: 组数，必须整除通道数。
        affine: 是否有 $\gamma,\beta$。

    Raises:
        TypeError: `num_groups` 不是整数，或 `affine` 不是布尔值。
        ValueError: `num_groups` 小于 1，或不整除通道数。

    References:
        Wu & He (2018), *Group Normalization*, arXiv:1803.08494, 式 7。

    Examples:
        >>> GroupNorm(32).params((256, 56, 56)), GroupNorm(32).reach((256, 56, 56))
        (512, 'gate')
    """

    num_groups: int
    _: KW_ONLY
    affine: bool = True

    def __post_init__(self) -> None:
        store(self, num_groups=integer("num_groups", self.num_groups, minimum=1))
        boolean("affine", self.affine)

    def output(self, shape: Shape, /) -> Shape:
        if isinstance(shape, Tokens):
            raise ValueError(problem("shape", "通道在前的形状", shape, "请用 LayerNorm"))
        if shape[0] % self.num_groups:
            raise ValueError(problem("num_groups", f"通道数 {shape[0]} 的约数", self.num_groups, "请改组数"))
        return shape

    def reach(self, shape: Shape, /) -> Reach:
        return "gate"

    def parameters(self, shape: Shape, /) -> Parameters:
        return some({"norm": 2 * shape[0] * self.affine})

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(inputs=True, numbers=2 * self.num_groups)


@dataclass(frozen=True)
class LocalResponseNorm(_Norm):
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

    Examples:
        >>> LocalResponseNorm().params((96, 55, 55)), LocalResponseNorm().operations((96, 55, 55))
        (0, {'norm': 290400})
    """

    size: int = 5

    def __post_init__(self) -> None:
        store(self, size=integer("size", self.size, minimum=1))

    def reach(self, shape: Shape, /) -> Reach:
        return "gate" if len(shape) == 1 else "point"

    def saved(self, shape: Shape, /) -> Saved:
        padded = (features(shape) + self.size - 1) * prod(positions(shape))  # 平方，通道两端补零
        return Saved(inputs=True, numbers=padded + 2 * prod(shape))  # 括号里的和，它的 β 次方
