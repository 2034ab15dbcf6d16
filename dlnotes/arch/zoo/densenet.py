"""DenseNet：每一层的输入是块里此前所有层的输出的拼接，自己只添 `growth` 个通道。

都是论文的 DenseNet-BC：每层先用 1×1 卷积降到 `4*growth` 个通道，两块之间的过渡层把通道减半；
激活在卷积之前。节点名与 torchvision 相同（去掉它的 `features.`）。

References:
    Huang, Liu, van der Maaten & Weinberger (2016), *Densely Connected Convolutional Networks*,
    arXiv:1608.06993，Table 1；torchvision `models/densenet.py`。
"""

from dlnotes.arch.blocks import Block, parallel, sequential
from dlnotes.arch.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
)
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import Layers


def densenet121() -> Network:
    """DenseNet-121：四块各 6、12、24、16 层，每层添 32 个通道。"""
    return _densenet("densenet121", (6, 12, 24, 16), growth=32)


def densenet161() -> Network:
    """DenseNet-161：四块各 6、12、36、24 层，每层添 48 个通道；论文定稿的表里没有它，代之以 264 层的。"""
    return _densenet("densenet161", (6, 12, 36, 24), growth=48)


def densenet169() -> Network:
    """DenseNet-169：四块各 6、12、32、32 层，每层添 32 个通道。"""
    return _densenet("densenet169", (6, 12, 32, 32), growth=32)


def densenet201() -> Network:
    """DenseNet-201：四块各 6、12、48、32 层，每层添 32 个通道。"""
    return _densenet("densenet201", (6, 12, 48, 32), growth=32)


def _densenet(name: str, depths: tuple[int, int, int, int], *, growth: int) -> Network:
    first, second, third, last = depths
    channels = 2 * growth
    widths = []  # 各过渡层的输出通道数
    for depth in (first, second, third):
        channels = (channels + depth * growth) // 2
        widths.append(channels)
    return sequential(
        name,
        (3, 224, 224),
        [
            ("conv0", Conv2d(2 * growth, 7, stride=2, padding=3, bias=False)),
            ("norm0", BatchNorm2d()),
            ("relu0", ReLU()),
            ("pool0", MaxPool2d(3, stride=2, padding=1)),
            ("denseblock1", _dense_block(first, growth)),
            ("transition1", _transition(widths[0])),
            ("denseblock2", _dense_block(second, growth)),
            ("transition2", _transition(widths[1])),
            ("denseblock3", _dense_block(third, growth)),
            ("transition3", _transition(widths[2])),
            ("denseblock4", _dense_block(last, growth)),
            ("norm5", BatchNorm2d()),
            ("relu5", ReLU()),
            ("avgpool", AdaptiveAvgPool2d(1)),
            ("flatten", Flatten()),
            ("classifier", Linear(1000)),
        ],
    )


def _dense_block(depth: int, growth: int) -> list[tuple[str, Block]]:
    return [(f"denselayer{index}", _dense_layer(growth)) for index in range(1, depth + 1)]


def _dense_layer(growth: int) -> Block:
    """直连与新添的 `growth` 个通道拼接：拼过的再往后传，就是此前所有层的输出。"""
    new: Layers = [
        ("norm1", BatchNorm2d()),
        ("relu1", ReLU()),
        ("conv1", Conv2d(4 * growth, 1, bias=False)),
        ("norm2", BatchNorm2d()),
        ("relu2", ReLU()),
        ("conv2", Conv2d(growth, 3, padding=1, bias=False)),
    ]
    return parallel([], new, join=Concat())


def _transition(channels: int) -> Layers:
    return [
        ("norm", BatchNorm2d()),
        ("relu", ReLU()),
        ("conv", Conv2d(channels, 1, bias=False)),
        ("pool", AvgPool2d(2)),
    ]
