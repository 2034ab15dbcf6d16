"""FCN：把分类网络改成给每个像素分类，于是输入多大都行；一个一步放大 32 倍，一个用膨胀卷积只缩小 8 倍。"""

from dlnotes.arch.blocks import Block, Path, sequential
from dlnotes.arch.layers import Conv2d, ConvTranspose2d, Crop, Dropout, Layer, MaxPool2d, ReLU, Upsample
from dlnotes.arch.network import INPUT, Network, Node
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._residual import bottleneck, stem
from dlnotes.arch.zoo._stages import stages


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


def fcn_resnet50() -> Network:
    """FCN，主干是膨胀的 ResNet-50，21 类；没有训练用的辅助头（torchvision 的 `aux_loss=False`）。

    layer3、layer4 的步长 2 换成膨胀：此后的 3×3 膨胀率乘 2（每段的第一块仍用上一段的）。主干的参数、感受野与
    `resnet50` 相同，特征图却不再缩小。最后双线性插值放大 8 倍，回到输入的大小，所以输入的边长要是 8 的倍数
    （torchvision 直接插值到输入的大小）。论文的 FCN 用转置卷积放大、与浅层相加，这里只沿用了它的思路。

    References:
        Long, Shelhamer & Darrell (2014), *Fully Convolutional Networks for Semantic Segmentation*,
        arXiv:1411.4038；膨胀代替步长见 Yu, Koltun & Funkhouser (2017), *Dilated Residual Networks*,
        arXiv:1705.09914；torchvision `models/segmentation/fcn.py` 与 `models/resnet.py`。
    """
    return sequential(
        "fcn_resnet50",
        (3, 224, 224),
        [
            *stem(),
            *stages(64, [(bottleneck, 256, 3, 1), (bottleneck, 512, 4, 2)], name="layer"),
            ("layer3", _dilated(512, 1024, depth=6, before=1, after=2)),
            ("layer4", _dilated(1024, 2048, depth=3, before=2, after=4)),
            ("head", conv_bn(512, 3)),
            ("drop", Dropout(0.1)),
            ("classifier", Conv2d(21, 1)),
            ("upsample", Upsample(8, mode="bilinear")),
        ],
    )


def _stage(stage: int, *, channels: int, depth: int, padding: int = 1) -> Path:
    """VGG-16 的一段；`padding` 是第一个卷积补的圈数。"""
    layers: list[tuple[str, Layer]] = []
    for index in range(1, depth + 1):
        rings = padding if index == 1 else 1
        layers.append((f"conv{stage}_{index}", Conv2d(channels, 3, padding=rings)))
        layers.append((f"relu{stage}_{index}", ReLU()))
    return [*layers, (f"pool{stage}", MaxPool2d(2, rounding="ceil_caffe"))]


def _dilated(inputs: int, outputs: int, *, depth: int, before: int, after: int) -> list[tuple[str, Block]]:
    """膨胀的一段：第一块的膨胀率是 `before`，其余各块是 `after`，步长都是 1。"""
    first = bottleneck(inputs, outputs, dilation=before)
    rest = bottleneck(outputs, outputs, dilation=after)
    return [(str(index), block) for index, block in enumerate([first, *[rest] * (depth - 1)])]
