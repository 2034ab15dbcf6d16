"""ConvNeXt：照 Swin 的比例改造的卷积网络，块是逐通道的 7×7 卷积，再接两个逐位置的全连接层。"""

from dlnotes.arch.blocks import Block, residual, sequential
from dlnotes.arch.layers import (
    GELU,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    Linear,
    Scale,
    StochasticDepth,
    ToImage,
    ToTokens,
)
from dlnotes.arch.network import Network


def convnext_tiny() -> Network:
    """ConvNeXt-T：四段的通道是 96、192、384、768，块数是 3、3、9、3。

    块里的两个 1×1 卷积照 torchvision 写成逐位置的全连接层，所以前后各换一次轴，乘加数相同。层归一化只跨通道，
    不看相邻的位置。末尾先全局池化、后归一化，也与论文相同。

    References:
        Liu et al. (2022), *A ConvNet for the 2020s*, arXiv:2201.03545, §3、Figure 4 与 Table 9；
        torchvision `models/convnext.py`。
    """
    return sequential(
        "convnext_tiny",
        (3, 224, 224),
        [
            ("stem", [("conv", Conv2d(96, 4, stride=4)), ("norm", LayerNorm())]),
            ("stage1", [(f"{i}", _block(96, i)) for i in range(3)]),
            ("down2", [("norm", LayerNorm()), ("conv", Conv2d(192, 2, stride=2))]),
            ("stage2", [(f"{i}", _block(192, 3 + i)) for i in range(3)]),
            ("down3", [("norm", LayerNorm()), ("conv", Conv2d(384, 2, stride=2))]),
            ("stage3", [(f"{i}", _block(384, 6 + i)) for i in range(9)]),
            ("down4", [("norm", LayerNorm()), ("conv", Conv2d(768, 2, stride=2))]),
            ("stage4", [(f"{i}", _block(768, 15 + i)) for i in range(3)]),
            ("avgpool", GlobalAvgPool()),
            ("norm", LayerNorm()),
            ("flatten", Flatten()),
            ("head", Linear(1000)),
        ],
    )


def _block(channels: int, index: int) -> Block:
    """第 `index` 块（从 0 数起，共 18 块）；越深的块，训练时丢弃支路的概率越大，最大 0.1。"""
    return residual(
        [
            ("conv", Conv2d(channels, 7, padding=3, groups=channels)),
            ("to_tokens", ToTokens(grid=True)),
            ("norm", LayerNorm()),
            ("fc1", Linear(4 * channels)),
            ("gelu", GELU()),
            ("fc2", Linear(channels)),
            ("to_image", ToImage()),
            ("layer_scale", Scale()),
            ("drop_path", StochasticDepth(0.1 * index / 17)),
        ]
    )
