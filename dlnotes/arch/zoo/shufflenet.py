"""ShuffleNet V2：通道分成两半，一半直通，一半卷积，拼起来再重排通道。"""

from dlnotes.arch.blocks import Block, Path, parallel, sequential
from dlnotes.arch.layers import ChannelShuffle, Concat, MaxPool2d, Split
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._stages import head, stages, then


def shuffle_unit(inputs: int, outputs: int, stride: int) -> Block:
    """一个单元：步长 1 时通道分成两半，步长 2 时不分、两路都卷积，输出的每一半来自一路。

    Args:
        inputs: 输入的通道数。
        outputs: 输出的通道数。
        stride: 步长，1 或 2。

    Returns:
        块；最后的节点名为 `shuffle`。

    References:
        Ma et al. (2018), *ShuffleNet V2*, arXiv:1807.11164, Figure 3 (c)、(d)。

    Examples:
        >>> net = sequential("net", (116, 28, 28), [("unit", shuffle_unit(116, 116, 1))])
        >>> [node.name for node in net.nodes if node.op not in ("Conv2d", "BatchNorm2d", "ReLU")]
        ['unit.branch1.split', 'unit.branch2.split', 'unit.concat', 'unit.shuffle']
    """
    half = outputs // 2
    left: Path = [("split", Split(2, index=0))]
    right: Path = [("split", Split(2, index=1))]
    if stride > 1:
        left = [
            ("depthwise", conv_bn(inputs, 3, stride=stride, groups=inputs, activation=None)),
            ("pointwise", conv_bn(half, 1)),
        ]
        right = []
    convolutions: Path = [
        ("pointwise1", conv_bn(half, 1)),
        ("depthwise", conv_bn(half, 3, stride=stride, groups=half, activation=None)),
        ("pointwise2", conv_bn(half, 1)),
    ]
    mix = parallel([("branch1", left)], [("branch2", [*right, *convolutions])], join=Concat())
    return then(mix, "shuffle", ChannelShuffle(2))


def shufflenet_v2_x0_5() -> Network:
    """ShuffleNet V2 0.5×。

    References:
        Ma et al. (2018), *ShuffleNet V2*, arXiv:1807.11164, Table 5；torchvision `models/shufflenetv2.py`。
    """
    return _shufflenet_v2("shufflenet_v2_x0_5", (48, 96, 192))


def shufflenet_v2_x1_0() -> Network:
    """ShuffleNet V2 1×。

    References:
        Ma et al. (2018), *ShuffleNet V2*, arXiv:1807.11164, Table 5；torchvision `models/shufflenetv2.py`。
    """
    return _shufflenet_v2("shufflenet_v2_x1_0", (116, 232, 464))


def _shufflenet_v2(name: str, channels: tuple[int, int, int]) -> Network:
    table = [(shuffle_unit, outputs, depth, 2) for outputs, depth in zip(channels, (4, 8, 4), strict=True)]
    return sequential(
        name,
        (3, 224, 224),
        [
            ("conv1", conv_bn(24, 3, stride=2)),
            ("maxpool", MaxPool2d(3, stride=2, padding=1)),
            *stages(24, table, name="stage", first=2),
            ("conv5", conv_bn(1024, 1)),
            *head(),
        ],
    )
