"""U-Net：卷积都不补零，先一级级缩小、加通道，再一级级放大，每次与左边同级的、裁好的图拼接。"""

from dlnotes.arch.blocks import Block, Path, sequential
from dlnotes.arch.layers import Concat, Conv2d, ConvTranspose2d, MaxPool2d, Pad, ReLU
from dlnotes.arch.network import Network, Node


def unet() -> Network:
    """论文的 U-Net：572×572 的灰度图进，388×388、两类的图出，23 个卷积层。

    四次 2×2 池化都要除得尽，所以输入的边长除以 16 余 12；别的大小到拼接处就对不上。放大的“up-convolution”写成
    2×2、步长 2 的转置卷积，其后没有激活，照论文的图；图里没有的 dropout 也不写。放大之后，相邻单元看到的位置
    不等距，感受野没有统一的大小。

    References:
        Ronneberger, Fischer & Brox (2015), *U-Net: Convolutional Networks for Biomedical Image
        Segmentation*, arXiv:1505.04597, §2 与 Figure 1。
    """
    return sequential(
        "unet",
        (1, 572, 572),
        [
            ("left1", _double(64)),
            ("pool1", MaxPool2d(2)),
            ("left2", _double(128)),
            ("pool2", MaxPool2d(2)),
            ("left3", _double(256)),
            ("pool3", MaxPool2d(2)),
            ("left4", _double(512)),
            ("pool4", MaxPool2d(2)),
            ("bottom", _double(1024)),
            ("up4", _up(512, "left4.relu2", crop=4)),
            ("right4", _double(512)),
            ("up3", _up(256, "left3.relu2", crop=16)),
            ("right3", _double(256)),
            ("up2", _up(128, "left2.relu2", crop=40)),
            ("right2", _double(128)),
            ("up1", _up(64, "left1.relu2", crop=88)),
            ("right1", _double(64)),
            ("score", Conv2d(2, 1)),
        ],
    )


def _double(channels: int) -> Path:
    return [
        ("conv1", Conv2d(channels, 3)),
        ("relu1", ReLU()),
        ("conv2", Conv2d(channels, 3)),
        ("relu2", ReLU()),
    ]


def _up(channels: int, left: str, *, crop: int) -> Block:
    """放大一倍，通道减半；左边的节点 `left` 四周各裁去 `crop` 个像素，拼在前面。"""

    def block(name: str, source: str) -> tuple[list[Node], str]:
        nodes = [
            Node(f"{name}.up", ConvTranspose2d(channels, 2, stride=2), (source,)),
            Node(f"{name}.crop", Pad(-crop), (left,)),
            Node(f"{name}.concat", Concat(), (f"{name}.crop", f"{name}.up")),
        ]
        return nodes, nodes[-1].name

    return block
