"""FCN：把 VGG-16 的全连接层改成卷积，于是输入多大都行；再一步放大 32 倍，给每个像素打分。"""

from dlnotes.arch.blocks import Path, sequential
from dlnotes.arch.layers import Conv2d, ConvTranspose2d, Crop, Dropout, Layer, MaxPool2d, ReLU
from dlnotes.arch.network import INPUT, Network, Node


def fcn32s() -> Network:
    """FCN-32s（PASCAL VOC 的 21 类）：输出与输入一样大。

    第一层补 100 圈，很小的图到 fc6 也还够 7×7；代价是四周有许多全是零的地方也要算。放大用 64×64、步长 32 的
    转置卷积，原配置里它的核固定为双线性插值（学习率为 0），这里仍计入参数。最后从偏移 19 处裁出与输入一样大的
    一块。池化按 Caffe 的规则取整。默认的输入 500×500 是论文计时用的大小，别的大小也可以。

    References:
        Long, Shelhamer & Darrell (2014), *Fully Convolutional Networks for Semantic Segmentation*,
        arXiv:1411.4038, §4 与 Table 1；shelhamer/fcn.berkeleyvision.org `voc-fcn32s/net.py`。
    """
    body = sequential(
        "fcn32s",
        (3, 500, 500),
        [
            *_stage(1, channels=64, depth=2, padding=100),
            *_stage(2, channels=128, depth=2),
            *_stage(3, channels=256, depth=3),
            *_stage(4, channels=512, depth=3),
            *_stage(5, channels=512, depth=3),
            ("fc6", Conv2d(4096, 7)),
            ("relu6", ReLU()),
            ("drop6", Dropout()),
            ("fc7", Conv2d(4096, 1)),
            ("relu7", ReLU()),
            ("drop7", Dropout()),
            ("score_fr", Conv2d(21, 1)),
            ("upscore", ConvTranspose2d(21, 64, stride=32, bias=False)),
        ],
    )
    score = Node("score", Crop(19), ("upscore", INPUT))
    return Network(body.name, body.input, (*body.nodes, score))


def _stage(stage: int, *, channels: int, depth: int, padding: int = 1) -> Path:
    """VGG-16 的一段；`padding` 是第一个卷积补的圈数。"""
    layers: list[tuple[str, Layer]] = []
    for index in range(1, depth + 1):
        rings = padding if index == 1 else 1
        layers.append((f"conv{stage}_{index}", Conv2d(channels, 3, padding=rings)))
        layers.append((f"relu{stage}_{index}", ReLU()))
    return [*layers, (f"pool{stage}", MaxPool2d(2, rounding="ceil_caffe"))]
