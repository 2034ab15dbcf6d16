"""Swin Transformer：注意力只在 7×7 的窗口里做，窗口隔一块移半格，边长逐段减半，像卷积网络。"""

from dlnotes.arch.blocks import Path, residual, sequential
from dlnotes.arch.layers import (
    GELU,
    Conv2d,
    Dropout,
    GlobalAvgPool,
    LayerNorm,
    Linear,
    PatchMerging,
    StochasticDepth,
    ToTokens,
    WindowAttention,
)
from dlnotes.arch.network import Network


def swin_t() -> Network:
    """Swin-T：四段的维数是 96、192、384、768，块数是 2、2、6、2，头数是 3、6、12、24。

    224×224 时四段的网格是 56、28、14、7，都是窗口 7 的倍数，不用补零；最后一段只有一个窗口，于是不移位，每个
    词元看到整个输入。别的大小，注意力先给网格的右边、下边补零，补的词元也参加它的线性层与矩阵积的运算。

    References:
        Liu et al. (2021), *Swin Transformer*, arXiv:2103.14030, §3.3、Figure 3 与 Table 7；
        torchvision `models/swin_transformer.py`。
    """
    return sequential(
        "swin_t",
        (3, 224, 224),
        [
            ("patches", Conv2d(96, 4, stride=4)),
            ("to_tokens", ToTokens(grid=True)),
            ("norm0", LayerNorm()),
            ("stage1", [(f"{i}", _block(96, 3, i, i)) for i in range(2)]),
            ("merge2", _merging(192)),
            ("stage2", [(f"{i}", _block(192, 6, i, 2 + i)) for i in range(2)]),
            ("merge3", _merging(384)),
            ("stage3", [(f"{i}", _block(384, 12, i, 4 + i)) for i in range(6)]),
            ("merge4", _merging(768)),
            ("stage4", [(f"{i}", _block(768, 24, i, 10 + i)) for i in range(2)]),
            ("norm", LayerNorm()),
            ("avgpool", GlobalAvgPool()),
            ("head", Linear(1000)),
        ],
    )


def _block(width: int, heads: int, index: int, total: int) -> Path:
    """一段里的第 `index` 块，全网络的第 `total` 块（都从 0 数起，共 12 块）；单数的块移位：论文的式 3。"""
    drop = StochasticDepth(0.2 * total / 11)
    attention: Path = [
        ("norm", LayerNorm()),
        ("attention", WindowAttention(heads, 7, shift_size=3 * (index % 2))),
        ("drop_path", drop),
    ]
    mlp: Path = [
        ("norm", LayerNorm()),
        ("fc1", Linear(4 * width)),
        ("gelu", GELU()),
        ("drop1", Dropout(0.0)),
        ("fc2", Linear(width)),
        ("drop2", Dropout(0.0)),
        ("drop_path", drop),
    ]
    return [("attention", residual(attention)), ("mlp", residual(mlp))]


def _merging(width: int) -> Path:
    """网格的边长减半，维数加倍。"""
    return [
        ("merge", PatchMerging()),
        ("norm", LayerNorm()),
        ("reduction", Linear(width, bias=False)),
    ]
