"""残差网络的块：两个 3×3 的 basic，1×1、3×3、1×1 的 bottleneck，以及它们之前的开头。"""

from dlnotes.arch.blocks import Block, Path, residual
from dlnotes.arch.layers import Layer, MaxPool2d, ReLU
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._stages import then


def stem() -> Path:
    """开头：7×7、步长 2 的卷积和 3×3、步长 2 的最大池化，224 → 112 → 56。

    Examples:
        >>> from dlnotes.arch import sequential
        >>> sequential("net", (3, 224, 224), stem()).shapes()["maxpool"]
        (64, 56, 56)
    """
    return [*_numbered(1, conv_bn(64, 7, stride=2)), ("maxpool", MaxPool2d(3, stride=2, padding=1))]


def basic(inputs: int, outputs: int, stride: int = 1) -> Block:
    """两个 3×3 的残差块，用在 18、34 层的网络里。

    Args:
        inputs: 输入的通道数。
        outputs: 输出的通道数。
        stride: 第一个 3×3 的步长。

    Returns:
        块；最后的节点名为 `relu`。

    References:
        He et al. (2015), arXiv:1512.03385, Figure 5 左；形状改变时旁路用 1×1 卷积，即 §3.3 的 (B)。

    Examples:
        >>> from dlnotes.arch import sequential
        >>> net = sequential("net", (64, 56, 56), [("block", basic(64, 128, 2))])
        >>> net.shapes()["block.relu"]
        (128, 28, 28)
    """
    body = [
        *_numbered(1, conv_bn(outputs, 3, stride=stride)),
        *_numbered(2, conv_bn(outputs, 3, activation=None)),
    ]
    return then(residual(body, _shortcut(inputs, outputs, stride)), "relu", ReLU())


def bottleneck(
    inputs: int,
    outputs: int,
    stride: int = 1,
    *,
    widen: int = 1,
    groups: int = 1,
    dilation: int = 1,
    stride_first: bool = False,
) -> Block:
    """1×1 降维、3×3、1×1 升维的残差块，用在 50 层以上的网络里。

    Args:
        inputs: 输入的通道数。
        outputs: 输出的通道数；中间是它的四分之一，再乘 `widen`。
        stride: 步长。
        widen: 中间加宽的倍数。
        groups: 3×3 的分组数。
        dilation: 3×3 的膨胀率。
        stride_first: 步长放在第一个 1×1 上（论文），而不是 3×3 上（torchvision）。

    Returns:
        块；最后的节点名为 `relu`。

    References:
        He et al. (2015), arXiv:1512.03385, Figure 5 右；分组见 Xie et al. (2016), arXiv:1611.05431,
        Figure 3(c)。

    Examples:
        >>> from dlnotes.arch import ledger, sequential
        >>> net = sequential("net", (256, 56, 56), [("block", bottleneck(256, 512, 2))])
        >>> [(row.name, row.output) for row in ledger(net).rows if row.op == "Conv2d"][:2]
        [('block.conv1', (128, 56, 56)), ('block.conv2', (128, 28, 28))]
    """
    width = outputs // 4 * widen
    first, second = (stride, 1) if stride_first else (1, stride)
    body = [
        *_numbered(1, conv_bn(width, 1, stride=first)),
        *_numbered(2, conv_bn(width, 3, stride=second, groups=groups, dilation=dilation)),
        *_numbered(3, conv_bn(outputs, 1, activation=None)),
    ]
    return then(residual(body, _shortcut(inputs, outputs, stride)), "relu", ReLU())


def _shortcut(inputs: int, outputs: int, stride: int) -> Path:
    """形状不变时直连，否则用 1×1 卷积。"""
    if stride == 1 and inputs == outputs:
        return []
    return [("downsample", conv_bn(outputs, 1, stride=stride, activation=None))]


def _numbered(number: int, path: list[tuple[str, Layer]]) -> list[tuple[str, Layer]]:
    """各步的名字后面加上编号：`conv1`、`bn1`、`relu1`。"""
    return [(f"{name}{number}", layer) for name, layer in path]
