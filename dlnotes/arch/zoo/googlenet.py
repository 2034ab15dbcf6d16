"""GoogLeNet：九个 Inception 块，每块四条分支看不同的范围，再在通道上拼接。

`googlenet` 是 torchvision 的，`googlenet_caffe` 是 2014 年论文的；两者的节点名相同，可以逐行对照。

References:
    Szegedy et al. (2014), *Going Deeper with Convolutions*, arXiv:1409.4842，Table 1 与 Figure 2(b)。
"""

from collections.abc import Callable

from dlnotes.arch.blocks import Block, Path, parallel, sequential, side
from dlnotes.arch.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
)
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import Layers, conv_bn

_INCEPTION = {  # #1×1，#3×3 reduce，#3×3，#5×5 reduce，#5×5，pool proj
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet() -> Network:
    """torchvision 的 GoogLeNet，不带辅助分类器：卷积之后都有批归一化，没有偏置，没有局部响应归一化。

    与论文还有两处不同：maxpool4 的窗口是 2 而不是 3；论文的 5×5 卷积在这里是 3×3，因为权重移植自 TensorFlow，
    那里就是 3×3，不重新训练便改不了。

    References:
        torchvision `models/googlenet.py`；3×3 的由来见 pytorch/vision#906。
    """
    return _torchvision("googlenet", aux=())


def googlenet_aux() -> Network:
    """torchvision 的 GoogLeNet，带训练时的两个辅助分类器；推理时不算它们。

    辅助分类器先平均成 4×4；论文是 5×5、步长 3 的平均池化，224 的输入下也得 4×4。

    References:
        Szegedy et al. (2014), §5；torchvision `models/googlenet.py`。
    """
    aux: Path = [
        ("pool", AdaptiveAvgPool2d(4)),
        ("conv", conv_bn(128, 1)),
        ("flatten", Flatten()),
        ("fc1", Linear(1024)),
        ("relu", ReLU()),
        ("dropout", Dropout(0.7)),
        ("fc2", Linear(1000)),
    ]
    return _torchvision("googlenet_aux", aux)


def googlenet_caffe() -> Network:
    """论文的 GoogLeNet，照 Caffe 的 `bvlc_googlenet`，不带辅助分类器：5×5 卷积，有偏置，没有批归一化。

    池化按 Caffe 的规则向上取整，才得论文的 56、28、14、7。论文 Table 1 的 ops 列就是乘加数，除 conv1（表写
    34M，实为 118M）与 5a（54M，实为 51M）外都对得上；params 列则不然，如 conv1 写 2.7K，权重就有 9.4K。

    References:
        Szegedy et al. (2014), Table 1；Caffe `models/bvlc_googlenet/deploy.prototxt`。
    """
    pool, norm = MaxPool2d(3, stride=2, rounding="ceil_caffe"), LocalResponseNorm(5)

    def mixed(row: str) -> tuple[str, Block]:
        return f"inception{row}", _inception(_INCEPTION[row], _conv_relu, five=5)

    return sequential(
        "googlenet_caffe",
        (3, 224, 224),
        [
            ("conv1", _conv_relu(64, 7, stride=2)),
            ("maxpool1", pool),
            ("norm1", norm),
            ("conv2", _conv_relu(64, 1)),
            ("conv3", _conv_relu(192, 3)),
            ("norm2", norm),
            ("maxpool2", pool),
            *map(mixed, ["3a", "3b"]),
            ("maxpool3", pool),
            *map(mixed, ["4a", "4b", "4c", "4d", "4e"]),
            ("maxpool4", pool),
            *map(mixed, ["5a", "5b"]),
            ("avgpool", AvgPool2d(7, stride=1)),
            ("flatten", Flatten()),
            ("dropout", Dropout(0.4)),
            ("fc", Linear(1000)),
        ],
    )


def _torchvision(name: str, aux: Path) -> Network:
    """`aux` 是两个辅助分类器各步，为空时没有。"""
    pool = MaxPool2d(3, stride=2, rounding="ceil")

    def mixed(row: str) -> tuple[str, Block]:
        return f"inception{row}", _inception(_INCEPTION[row], conv_bn, five=3)

    return sequential(
        name,
        (3, 224, 224),
        [
            ("conv1", conv_bn(64, 7, stride=2)),
            ("maxpool1", pool),
            ("conv2", conv_bn(64, 1)),
            ("conv3", conv_bn(192, 3)),
            ("maxpool2", pool),
            *map(mixed, ["3a", "3b"]),
            ("maxpool3", pool),
            mixed("4a"),
            ("aux1", side(aux)),
            *map(mixed, ["4b", "4c", "4d"]),
            ("aux2", side(aux)),
            mixed("4e"),
            ("maxpool4", MaxPool2d(2, rounding="ceil")),
            *map(mixed, ["5a", "5b"]),
            ("avgpool", AdaptiveAvgPool2d(1)),
            ("flatten", Flatten()),
            ("dropout", Dropout(0.2)),
            ("fc", Linear(1000)),
        ],
    )


def _inception(channels: tuple[int, ...], conv: Callable[[int, int], Layers], *, five: int) -> Block:
    """四条分支：1×1；1×1、3×3；1×1、5×5；池化、1×1。`five` 是第三条的核，torchvision 用 3。"""
    one, reduce3, three, reduce5, out5, proj = channels
    return parallel(
        [("branch1", conv(one, 1))],
        [("branch2.0", conv(reduce3, 1)), ("branch2.1", conv(three, 3))],
        [("branch3.0", conv(reduce5, 1)), ("branch3.1", conv(out5, five))],
        [("branch4.0", MaxPool2d(3, stride=1, padding=1)), ("branch4.1", conv(proj, 1))],
        join=Concat(),
    )


def _conv_relu(channels: int, kernel_size: int, *, stride: int = 1) -> Layers:
    """卷积（有偏置）与 ReLU。"""
    conv = Conv2d(channels, kernel_size, stride=stride, padding=kernel_size // 2)
    return [("conv", conv), ("relu", ReLU())]
