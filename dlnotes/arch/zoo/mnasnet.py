"""MNASNet：倒残差的倍数、核、层数由搜索得到，兼顾准确率与手机上的延迟。"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import ReLU
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._inverted import expanding
from dlnotes.arch.zoo._stages import head, stages


def mnasnet1_0() -> Network:
    """MnasNet-B1（宽度 1.0）：没有 SE 的一个。

    References:
        Tan et al. (2018), *MnasNet: Platform-Aware Neural Architecture Search for Mobile*, arXiv:1807.11626；
        torchvision `models/mnasnet.py`。
    """
    table = [  # t 升维的倍数，k 核，c 输出通道数，n 块数，s 第一块的步长
        (1, 3, 16, 1, 1),
        (3, 3, 24, 3, 2),
        (3, 5, 40, 3, 2),
        (6, 5, 80, 3, 2),
        (6, 3, 96, 2, 1),
        (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    ]
    rows = [(expanding(t, activation=ReLU(), kernel_size=k), c, n, s) for t, k, c, n, s in table]
    return sequential(
        "mnasnet1_0",
        (3, 224, 224),
        [
            ("stem", conv_bn(32, 3, stride=2)),
            *stages(32, rows, name="stage"),
            ("last", conv_bn(1280, 1)),
            *head(dropout=0.2),
        ],
    )
