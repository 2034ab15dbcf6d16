"""AlexNet 的三个版本：它们常被当成一个，参数量、乘加数和特征图大小却都不同。"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import (
    AdaptiveAvgPool2d,
    Conv2d,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
)
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import classifier


def alexnet() -> Network:
    """torchvision 的 AlexNet：单塔，224 输入补 2 圈，没有局部响应归一化。

    References:
        Krizhevsky (2014), *One weird trick for parallelizing convolutional neural networks*,
        arXiv:1404.5997；torchvision `models/alexnet.py`。
    """
    return sequential(
        "alexnet",
        (3, 224, 224),
        [
            ("conv1", Conv2d(64, 11, stride=4, padding=2)),
            ("relu1", ReLU()),
            ("pool1", MaxPool2d(3, stride=2)),
            ("conv2", Conv2d(192, 5, padding=2)),
            ("relu2", ReLU()),
            ("pool2", MaxPool2d(3, stride=2)),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("relu3", ReLU()),
            ("conv4", Conv2d(256, 3, padding=1)),
            ("relu4", ReLU()),
            ("conv5", Conv2d(256, 3, padding=1)),
            ("relu5", ReLU()),
            ("pool5", MaxPool2d(3, stride=2)),
            ("avgpool", AdaptiveAvgPool2d(6)),
            *classifier(dropout="before"),
        ],
    )


def alexnet_caffe() -> Network:
    """Caffe 的 `bvlc_alexnet`：2012 年论文的网络，227 输入不补零，双塔写成两组卷积。

    论文写输入是 224，但 11×11、步长 4、不补零时 224 得 54；227 才得论文的 55。

    References:
        Krizhevsky, Sutskever & Hinton (2012), *ImageNet Classification with Deep Convolutional Neural
        Networks*, §3.5；Caffe `models/bvlc_alexnet/deploy.prototxt`。
    """
    pool = MaxPool2d(3, stride=2, rounding="ceil_caffe")
    return sequential(
        "alexnet_caffe",
        (3, 227, 227),
        [
            ("conv1", Conv2d(96, 11, stride=4)),
            ("relu1", ReLU()),
            ("norm1", LocalResponseNorm(5)),
            ("pool1", pool),
            ("conv2", Conv2d(256, 5, padding=2, groups=2)),
            ("relu2", ReLU()),
            ("norm2", LocalResponseNorm(5)),
            ("pool2", pool),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("relu3", ReLU()),
            ("conv4", Conv2d(384, 3, padding=1, groups=2)),
            ("relu4", ReLU()),
            ("conv5", Conv2d(256, 3, padding=1, groups=2)),
            ("relu5", ReLU()),
            ("pool5", pool),
            *classifier(dropout="after"),
        ],
    )


def alexnet_seed() -> Network:
    """原文脚本里的 AlexNet：`[11, 4, 0]` 用在 224 上，池化向下取整，于是最后只剩 5×5 而不是 6×6。

    原文只写了窗口、步长和补零；通道数与分组取自 [`alexnet_caffe`][dlnotes.arch.zoo.alexnet.alexnet_caffe]，
    留着它是为了算给读者看错在哪里。
    """
    pool = MaxPool2d(3, stride=2)
    return sequential(
        "alexnet_seed",
        (3, 224, 224),
        [
            ("conv1", Conv2d(96, 11, stride=4)),
            ("pool1", pool),
            ("conv2", Conv2d(256, 5, padding=2, groups=2)),
            ("pool2", pool),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("conv4", Conv2d(384, 3, padding=1, groups=2)),
            ("conv5", Conv2d(256, 3, padding=1, groups=2)),
            ("pool5", pool),
        ],
    )
