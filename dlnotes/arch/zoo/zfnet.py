"""ZFNet（2013）与 Faster R-CNN 用的 ZF-5：第一层都是 7×7、步长 2，补零和池化却不同。"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import Conv2d, LocalResponseNorm, MaxPool2d, ReLU
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import classifier


def zfnet() -> Network:
    """论文的 ZFNet：224 → 110 → 55 → 26 → 13 → 6，分类用三个全连接层。

    论文的图只给各层的大小，没有写补零：conv1 要补 1 圈才得 110，池化取 `ceil` 才得 55 和 13。
    （池化改为补 1 圈、向下取整，大小不变，但各单元的位置会向左上移。）

    References:
        Zeiler & Fergus (2013), *Visualizing and Understanding Convolutional Networks*, arXiv:1311.2901，
        Figure 3。
    """
    pool = MaxPool2d(3, stride=2, rounding="ceil")
    return sequential(
        "zfnet",
        (3, 224, 224),
        [
            ("conv1", Conv2d(96, 7, stride=2, padding=1)),
            ("relu1", ReLU()),
            ("pool1", pool),
            ("norm1", LocalResponseNorm()),
            ("conv2", Conv2d(256, 5, stride=2)),
            ("relu2", ReLU()),
            ("pool2", pool),
            ("norm2", LocalResponseNorm()),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("relu3", ReLU()),
            ("conv4", Conv2d(384, 3, padding=1)),
            ("relu4", ReLU()),
            ("conv5", Conv2d(256, 3, padding=1)),
            ("relu5", ReLU()),
            ("pool5", pool),
            *classifier(dropout="after"),
        ],
    )


def zf5() -> Network:
    """ZF-5：Faster R-CNN 的主干之一，只有五个卷积层，池化补 1 圈并按 Caffe 的规则取整。

    这里不列归一化层：原配置的两层 LRN 是 `WITHIN_CHANNEL`，在同一通道的 3×3 邻域里做，严格说也会扩大感受野；
    原文与 Faster R-CNN 论文的 139、171 都只数卷积和池化，这里与它们一致。

    References:
        Ren, He, Girshick & Sun (2015), *Faster R-CNN*, arXiv:1506.01497，§3.1；py-faster-rcnn
        `models/pascal_voc/ZF/faster_rcnn_alt_opt/rpn_test.pt`。
    """
    pool = MaxPool2d(3, stride=2, padding=1, rounding="ceil_caffe")
    return sequential(
        "zf5",
        (3, 224, 224),
        [
            ("conv1", Conv2d(96, 7, stride=2, padding=3)),
            ("relu1", ReLU()),
            ("pool1", pool),
            ("conv2", Conv2d(256, 5, stride=2, padding=2)),
            ("relu2", ReLU()),
            ("pool2", pool),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("relu3", ReLU()),
            ("conv4", Conv2d(384, 3, padding=1)),
            ("relu4", ReLU()),
            ("conv5", Conv2d(256, 3, padding=1)),
            ("relu5", ReLU()),
        ],
    )
