"""EfficientNet：带 SE 的倒残差，基准网络 B0 由搜索得到，其余各号按同一比例放大宽度、深度、分辨率。"""

from collections.abc import Iterator
from itertools import count

from dlnotes.arch.blocks import Block, Path, sequential
from dlnotes.arch.layers import SiLU, StochasticDepth
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._inverted import inverted_residual, squeeze_excitation
from dlnotes.arch.zoo._stages import Unit, head, stages


def efficientnet_b0() -> Network:
    r"""EfficientNet-B0；各段的编号与论文的表相同，`stage1` 是开头的卷积，`stage9` 是最后的 1×1 卷积。

    SE 中间的通道数是块的**输入**（升维之前）的四分之一。随机深度只在有残差的块里，丢弃主路的概率
    逐块增加，第 $i$ 块（从 0 数起，共 16 块）是 $0.2i/16$。

    References:
        Tan & Le (2019), *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*,
        arXiv:1905.11946, Table 1；torchvision `models/efficientnet.py`。
    """
    number = count()
    table = [  # t 升维的倍数，k 核，c 输出通道数，n 块数，s 第一块的步长
        (1, 3, 16, 1, 1),
        (6, 3, 24, 2, 2),
        (6, 5, 40, 2, 2),
        (6, 3, 80, 3, 2),
        (6, 5, 112, 3, 1),
        (6, 5, 192, 4, 2),
        (6, 3, 320, 1, 1),
    ]
    return sequential(
        "efficientnet_b0",
        (3, 224, 224),
        [
            ("stage1", conv_bn(32, 3, stride=2, activation=SiLU())),
            *stages(32, [(_mbconv(t, k, number), c, n, s) for t, k, c, n, s in table], name="stage", first=2),
            ("stage9", conv_bn(1280, 1, activation=SiLU())),
            *head(dropout=0.2),
        ],
    )


def _mbconv(t: int, k: int, number: Iterator[int]) -> Unit:
    """MBConv：升维 t 倍、核为 k、带 SE 的倒残差；`number` 依次给出各块的序号。"""

    def unit(inputs: int, outputs: int, stride: int) -> Block | Path:
        return inverted_residual(
            inputs,
            outputs,
            stride,
            hidden=t * inputs,
            kernel_size=k,
            activation=SiLU(),
            gate=squeeze_excitation(t * inputs, inputs // 4, activation=SiLU()),
            last=[("stochastic_depth", StochasticDepth(0.2 * next(number) / 16))],
        )

    return unit
