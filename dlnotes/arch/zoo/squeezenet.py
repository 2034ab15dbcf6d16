"""SqueezeNet：先用 1×1 卷积压到很少的通道，再由 1×1 与 3×3 两路展开；没有全连接层。

References:
    Iandola et al. (2016), *SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size*, arXiv:1602.07360，Table 1；torchvision `models/squeezenet.py`。
"""

from dlnotes.arch.blocks import Path, parallel, sequential
from dlnotes.arch.layers import AdaptiveAvgPool2d, Concat, Conv2d, Dropout, Flatten, MaxPool2d, ReLU
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import Layers

_POOL = MaxPool2d(3, stride=2, rounding="ceil")


def squeezenet1_0() -> Network:
    """论文的 SqueezeNet；各块的参数量与论文 Table 1 的相同，共 1,248,424。

    大小不同：conv1 不补零，224 的输入得 109×109，而论文的表写 111×111，那要 227 的输入。
    """
    return sequential(
        "squeezenet1_0",
        (3, 224, 224),
        [
            ("conv1", Conv2d(96, 7, stride=2)),
            ("relu1", ReLU()),
            ("maxpool1", _POOL),
            ("fire2", _fire(16, 64)),
            ("fire3", _fire(16, 64)),
            ("fire4", _fire(32, 128)),
            ("maxpool4", _POOL),
            ("fire5", _fire(32, 128)),
            ("fire6", _fire(48, 192)),
            ("fire7", _fire(48, 192)),
            ("fire8", _fire(64, 256)),
            ("maxpool8", _POOL),
            ("fire9", _fire(64, 256)),
            *_classifier(),
        ],
    )


def squeezenet1_1() -> Network:
    """作者后来的版本：conv1 改为 64 个 3×3，池化提前，乘加数不到一半，参数略少。

    References:
        https://github.com/forresti/SqueezeNet 的 `SqueezeNet_v1.1`。
    """
    return sequential(
        "squeezenet1_1",
        (3, 224, 224),
        [
            ("conv1", Conv2d(64, 3, stride=2)),
            ("relu1", ReLU()),
            ("maxpool1", _POOL),
            ("fire2", _fire(16, 64)),
            ("fire3", _fire(16, 64)),
            ("maxpool3", _POOL),
            ("fire4", _fire(32, 128)),
            ("fire5", _fire(32, 128)),
            ("maxpool5", _POOL),
            ("fire6", _fire(48, 192)),
            ("fire7", _fire(48, 192)),
            ("fire8", _fire(64, 256)),
            ("fire9", _fire(64, 256)),
            *_classifier(),
        ],
    )


def _fire(squeeze: int, expand: int) -> Path:
    """Fire 块：压到 `squeeze` 个通道，再展开成 1×1、3×3 各 `expand` 个，拼接（论文 Figure 1）。"""
    return [
        ("squeeze", Conv2d(squeeze, 1)),
        ("squeeze_relu", ReLU()),
        (
            "expand",
            parallel(
                [("1x1", Conv2d(expand, 1)), ("1x1_relu", ReLU())],
                [("3x3", Conv2d(expand, 3, padding=1)), ("3x3_relu", ReLU())],
                join=Concat(),
            ),
        ),
    ]


def _classifier() -> Layers:
    """1×1 卷积给出 1000 个通道，平均之后就是各类的分数。"""
    return [
        ("drop9", Dropout()),
        ("conv10", Conv2d(1000, 1)),
        ("relu10", ReLU()),
        ("avgpool10", AdaptiveAvgPool2d(1)),
        ("flatten", Flatten()),
    ]
