"""Inception v3：把大的卷积核拆成几个小的，7×7 拆成 1×7 与 7×1，用五种块拼成。

这里照 torchvision，它照 TF-Slim，各层的名字也沿用下来。与论文 Table 1 不同之处：第一次池化之后，论文是三个
3×3 卷积（80、192、288 个通道，第二个步长 2），这里是 1×1、3×3 卷积（80、192）和一次池化；各块内部的通道数
论文的正文没有写。

References:
    Szegedy et al. (2015), *Rethinking the Inception Architecture for Computer Vision*, arXiv:1512.00567，
    Table 1 与 Figure 5–7、10；torchvision `models/inception.py`。
"""

from dlnotes.arch.blocks import Block, Path, parallel, sequential, side
from dlnotes.arch.layers import AdaptiveAvgPool2d, AvgPool2d, Concat, Dropout, Flatten, Linear, MaxPool2d
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn

_AVERAGE = AvgPool2d(3, stride=1, padding=1)
_HALVE = MaxPool2d(3, stride=2)


def inception_v3() -> Network:
    """Inception v3，不带辅助分类器；输入是 299×299，不补零的卷积与池化使 299 → 35 → 17 → 8。"""
    return _inception_v3("inception_v3", aux=())


def inception_v3_aux() -> Network:
    """Inception v3，带训练时的辅助分类器；torchvision 文档里的参数量 27,161,264 是它的。"""
    aux: Path = [
        ("pool", AvgPool2d(5, stride=3)),
        ("conv0", conv_bn(128, 1)),
        ("conv1", conv_bn(768, 5, padding=0)),
        ("avgpool", AdaptiveAvgPool2d(1)),
        ("flatten", Flatten()),
        ("fc", Linear(1000)),
    ]
    return _inception_v3("inception_v3_aux", aux)


def _inception_v3(name: str, aux: Path) -> Network:
    """`aux` 是辅助分类器的各步，为空时没有。"""
    return sequential(
        name,
        (3, 299, 299),
        [
            ("Conv2d_1a_3x3", conv_bn(32, 3, stride=2, padding=0)),
            ("Conv2d_2a_3x3", conv_bn(32, 3, padding=0)),
            ("Conv2d_2b_3x3", conv_bn(64, 3)),
            ("maxpool1", _HALVE),
            ("Conv2d_3b_1x1", conv_bn(80, 1)),
            ("Conv2d_4a_3x3", conv_bn(192, 3, padding=0)),
            ("maxpool2", _HALVE),
            ("Mixed_5b", _two_threes(pool=32)),
            ("Mixed_5c", _two_threes(pool=64)),
            ("Mixed_5d", _two_threes(pool=64)),
            ("Mixed_6a", _to_17()),
            ("Mixed_6b", _sevens(128)),
            ("Mixed_6c", _sevens(160)),
            ("Mixed_6d", _sevens(160)),
            ("Mixed_6e", _sevens(192)),
            ("AuxLogits", side(aux)),
            ("Mixed_7a", _to_8()),
            ("Mixed_7b", _wide()),
            ("Mixed_7c", _wide()),
            ("avgpool", AdaptiveAvgPool2d(1)),
            ("dropout", Dropout()),
            ("flatten", Flatten()),
            ("fc", Linear(1000)),
        ],
    )


def _two_threes(*, pool: int) -> Block:
    """35×35 上的块（torchvision 的 `InceptionA`）：论文 Figure 5 里单个 3×3 的那一路，这里是 5×5。"""
    return parallel(
        [("branch1x1", conv_bn(64, 1))],
        [("branch5x5_1", conv_bn(48, 1)), ("branch5x5_2", conv_bn(64, 5))],
        [
            ("branch3x3dbl_1", conv_bn(64, 1)),
            ("branch3x3dbl_2", conv_bn(96, 3)),
            ("branch3x3dbl_3", conv_bn(96, 3)),
        ],
        [("pool", _AVERAGE), ("branch_pool", conv_bn(pool, 1))],
        join=Concat(),
    )


def _to_17() -> Block:
    """35×35 到 17×17（`InceptionB`，Figure 10）：卷积与池化各自缩小，再拼接。"""
    return parallel(
        [("branch3x3", conv_bn(384, 3, stride=2, padding=0))],
        [
            ("branch3x3dbl_1", conv_bn(64, 1)),
            ("branch3x3dbl_2", conv_bn(96, 3)),
            ("branch3x3dbl_3", conv_bn(96, 3, stride=2, padding=0)),
        ],
        [("pool", _HALVE)],
        join=Concat(),
    )


def _sevens(channels: int) -> Block:
    """17×17 上的块（`InceptionC`，Figure 6）：7×7 拆成 1×7 与 7×1，`channels` 是中间的通道数。"""
    return parallel(
        [("branch1x1", conv_bn(192, 1))],
        [
            ("branch7x7_1", conv_bn(channels, 1)),
            ("branch7x7_2", conv_bn(channels, (1, 7))),
            ("branch7x7_3", conv_bn(192, (7, 1))),
        ],
        [
            ("branch7x7dbl_1", conv_bn(channels, 1)),
            ("branch7x7dbl_2", conv_bn(channels, (7, 1))),
            ("branch7x7dbl_3", conv_bn(channels, (1, 7))),
            ("branch7x7dbl_4", conv_bn(channels, (7, 1))),
            ("branch7x7dbl_5", conv_bn(192, (1, 7))),
        ],
        [("pool", _AVERAGE), ("branch_pool", conv_bn(192, 1))],
        join=Concat(),
    )


def _to_8() -> Block:
    """17×17 到 8×8（`InceptionD`）。"""
    return parallel(
        [("branch3x3_1", conv_bn(192, 1)), ("branch3x3_2", conv_bn(320, 3, stride=2, padding=0))],
        [
            ("branch7x7x3_1", conv_bn(192, 1)),
            ("branch7x7x3_2", conv_bn(192, (1, 7))),
            ("branch7x7x3_3", conv_bn(192, (7, 1))),
            ("branch7x7x3_4", conv_bn(192, 3, stride=2, padding=0)),
        ],
        [("pool", _HALVE)],
        join=Concat(),
    )


def _wide() -> Block:
    """8×8 上的块（`InceptionE`，Figure 7）：1×3 与 3×1 不再首尾相接，而是并排，通道更多。"""
    return parallel(
        [("branch1x1", conv_bn(320, 1))],
        [("branch3x3_1", conv_bn(384, 1)), ("branch3x3_2", _row_and_column())],
        [
            ("branch3x3dbl_1", conv_bn(448, 1)),
            ("branch3x3dbl_2", conv_bn(384, 3)),
            ("branch3x3dbl_3", _row_and_column()),
        ],
        [("pool", _AVERAGE), ("branch_pool", conv_bn(192, 1))],
        join=Concat(),
    )


def _row_and_column() -> Block:
    return parallel([("a", conv_bn(384, (1, 3)))], [("b", conv_bn(384, (3, 1)))], join=Concat())
