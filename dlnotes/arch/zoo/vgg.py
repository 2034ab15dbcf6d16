"""VGG：只用 3×3 卷积和 2×2 池化，分五段，每段之后边长减半。"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import AdaptiveAvgPool2d, Conv2d, Dropout, Flatten, Layer, Linear, MaxPool2d, ReLU
from dlnotes.arch.network import Network


def vgg16() -> Network:
    """VGG-16（论文的配置 D）：13 个卷积层，3 个全连接层。

    References:
        Simonyan & Zisserman (2014), *Very Deep Convolutional Networks for Large-Scale Image Recognition*,
        arXiv:1409.1556，Table 1 的 D 列；torchvision `models/vgg.py`。
    """
    return sequential("vgg16", (3, 224, 224), [*_features(), *_classifier()])


def _features() -> list[tuple[str, Layer]]:
    layers: list[tuple[str, Layer]] = []
    stages = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
    for stage, (channels, depth) in enumerate(stages, start=1):
        for index in range(1, depth + 1):
            layers.append((f"conv{stage}_{index}", Conv2d(channels, 3, padding=1)))
            layers.append((f"relu{stage}_{index}", ReLU()))
        layers.append((f"pool{stage}", MaxPool2d(2)))
    return layers


def _classifier() -> list[tuple[str, Layer]]:
    return [
        ("avgpool", AdaptiveAvgPool2d(7)),
        ("flatten", Flatten()),
        ("fc6", Linear(4096)),
        ("relu6", ReLU()),
        ("drop6", Dropout()),
        ("fc7", Linear(4096)),
        ("relu7", ReLU()),
        ("drop7", Dropout()),
        ("fc8", Linear(1000)),
    ]
