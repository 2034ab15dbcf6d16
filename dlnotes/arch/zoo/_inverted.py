"""移动端网络的块：SE、倒残差，和通道数取整的规则。"""

from dlnotes.arch.blocks import Block, Path, parallel, residual
from dlnotes.arch.layers import Conv2d, GlobalAvgPool, Layer, Mul, ReLU, Sigmoid
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._stages import Unit


def squeeze_excitation(
    channels: int, squeeze: int, *, activation: Layer | None = None, gate: Layer | None = None
) -> Block:
    """SE：每个通道压成一个数，经两层 1×1 卷积和门函数，再乘回去。

    门由整个输入算出，所以其后的感受野是 `"all"`；账本的 `gates=False` 把门当作常数。

    Args:
        channels: 通道数。
        squeeze: 中间的通道数。
        activation: 两层之间的激活；不写是 `ReLU()`。
        gate: 门函数；不写是 `Sigmoid()`。

    Returns:
        块；它最后的节点名为 `mul`。

    References:
        Hu, Shen & Sun (2017), *Squeeze-and-Excitation Networks*, arXiv:1709.01507, 式 2–4（那里的两层
        全连接等价于作用在 1×1 上的卷积，没有偏置；torchvision 的有）。

    Examples:
        >>> from dlnotes.arch import ledger, sequential
        >>> ledger(sequential("net", (64, 8, 8), [("se", squeeze_excitation(64, 16))])).params
        2128
    """
    path: Path = [
        ("pool", GlobalAvgPool()),
        ("fc1", Conv2d(squeeze, 1)),
        ("activation", activation or ReLU()),
        ("fc2", Conv2d(channels, 1)),
        ("gate", gate or Sigmoid()),
    ]
    return parallel([], path, join=Mul())


def inverted_residual(
    inputs: int,
    outputs: int,
    stride: int,
    *,
    hidden: int,
    activation: Layer,
    kernel_size: int = 3,
    gate: Block | None = None,
    last: Path = (),
) -> Block | Path:
    """倒残差：1×1 升维，逐通道卷积，（SE，）1×1 降维而不激活；形状不变时与输入相加。

    Args:
        inputs: 输入的通道数。
        outputs: 输出的通道数。
        stride: 逐通道卷积的步长。
        hidden: 升维之后的通道数；与 `inputs` 相同时没有升维的一步。
        activation: 前两个卷积之后的激活。
        kernel_size: 逐通道卷积的核。
        gate: 降维之前的 SE；`None` 是没有。
        last: 相加之前还有的步骤，如随机深度；不相加时没有它。

    Returns:
        块，或一条路；各步是 `expand`、`depthwise`、`se`、`project`、`add`。

    References:
        Sandler et al. (2018), *MobileNetV2*, arXiv:1801.04381, Table 1 与 Figure 4。

    Examples:
        >>> from dlnotes.arch import ReLU6, sequential
        >>> block = inverted_residual(16, 16, 1, hidden=96, activation=ReLU6())
        >>> net = sequential("net", (16, 8, 8), [("block", block)])
        >>> [node.name for node in net.nodes if node.op in ("Conv2d", "Add")]
        ['block.expand.conv', 'block.depthwise.conv', 'block.project.conv', 'block.add']
    """
    depthwise = conv_bn(hidden, kernel_size, stride=stride, groups=hidden, activation=activation)
    body: Path = [
        *([("expand", conv_bn(hidden, 1, activation=activation))] if hidden != inputs else []),
        ("depthwise", depthwise),
        *([("se", gate)] if gate else []),
        ("project", conv_bn(outputs, 1, activation=None)),
    ]
    return residual([*body, *last]) if stride == 1 and inputs == outputs else body


def expanding(times: int, *, activation: Layer, kernel_size: int = 3) -> Unit:
    """升维 `times` 倍的倒残差，交给 `stages`。"""

    def unit(inputs: int, outputs: int, stride: int) -> Block | Path:
        hidden = times * inputs
        return inverted_residual(
            inputs, outputs, stride, hidden=hidden, activation=activation, kernel_size=kernel_size
        )

    return unit


def divisible(channels: float, divisor: int = 8) -> int:
    """取最近的 `divisor` 的倍数；比原来小一成以上时，再加一个 `divisor`。

    MobileNetV2、V3 的实现都用它，论文没有写；torchvision 的 `_make_divisible` 也是它。

    Examples:
        >>> [divisible(channels) for channels in (4, 18, 30, 60)]
        [8, 24, 32, 64]
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor
