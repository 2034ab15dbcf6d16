"""VGG：只用 3×3 卷积和 2×2 池化，分五段，每段之后边长减半；带 `_bn` 的在每个卷积之后加批归一化。

论文没有批归一化，`_bn` 是 torchvision 加的；卷积仍有偏置。论文的 C 列（有 1×1 卷积）torchvision 没有。

References:
    Simonyan & Zisserman (2014), *Very Deep Convolutional Networks for Large-Scale Image Recognition*,
    arXiv:1409.1556，Table 1；torchvision `models/vgg.py`。
"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, MaxPool2d, ReLU
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import Layers, classifier

_CHANNELS = (64, 128, 256, 512, 512)  # 五段的通道数，各列相同
_DEPTHS = {  # 五段的卷积层数，论文 Table 1 的各列
    "A": (1, 1, 2, 2, 2),
    "B": (2, 2, 2, 2, 2),
    "D": (2, 2, 3, 3, 3),
    "E": (2, 2, 4, 4, 4),
}


def vgg11() -> Network:
    """VGG-11（论文的配置 A）：8 个卷积层，3 个全连接层。"""
    return _vgg("vgg11", "A")


def vgg13() -> Network:
    """VGG-13（论文的配置 B）：10 个卷积层，3 个全连接层。"""
    return _vgg("vgg13", "B")


def vgg16() -> Network:
    """VGG-16（论文的配置 D）：13 个卷积层，3 个全连接层。"""
    return _vgg("vgg16", "D")


def vgg19() -> Network:
    """VGG-19（论文的配置 E）：16 个卷积层，3 个全连接层。"""
    return _vgg("vgg19", "E")


def vgg11_bn() -> Network:
    """VGG-11 加批归一化。"""
    return _vgg("vgg11_bn", "A", norm=True)


def vgg13_bn() -> Network:
    """VGG-13 加批归一化。"""
    return _vgg("vgg13_bn", "B", norm=True)


def vgg16_bn() -> Network:
    """VGG-16 加批归一化。"""
    return _vgg("vgg16_bn", "D", norm=True)


def vgg19_bn() -> Network:
    """VGG-19 加批归一化。"""
    return _vgg("vgg19_bn", "E", norm=True)


def _vgg(name: str, column: str, *, norm: bool = False) -> Network:
    path: Layers = []
    for stage, (channels, depth) in enumerate(zip(_CHANNELS, _DEPTHS[column], strict=True), start=1):
        for index in range(1, depth + 1):
            path.append((f"conv{stage}_{index}", Conv2d(channels, 3, padding=1)))
            if norm:
                path.append((f"bn{stage}_{index}", BatchNorm2d()))
            path.append((f"relu{stage}_{index}", ReLU()))
        path.append((f"pool{stage}", MaxPool2d(2)))
    path += [("avgpool", AdaptiveAvgPool2d(7)), *classifier(dropout="after")]
    return sequential(name, (3, 224, 224), path)
