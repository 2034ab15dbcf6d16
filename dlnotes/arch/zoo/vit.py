"""ViT：把图切成 16×16 的小块，每块一个词元，交给 Transformer 的编码器。"""

from dlnotes.arch.blocks import Path, residual, sequential
from dlnotes.arch.layers import (
    GELU,
    ClassToken,
    Conv2d,
    Dropout,
    LayerNorm,
    Linear,
    MultiheadAttention,
    PositionEmbedding,
    SelectToken,
    ToTokens,
)
from dlnotes.arch.network import Network


def vit_b_16() -> Network:
    """ViT-B/16：12 块，768 维，12 个头，两层全连接中间 3072 维。

    切块的线性层写成 16×16、步长 16 的卷积。位置向量的个数随输入而定：224×224 是 196 块加 1 个类别标记；换一种
    大小，这里照新的个数数参数，torchvision 则不收。

    References:
        Dosovitskiy et al. (2020), *An Image is Worth 16x16 Words*, arXiv:2010.11929, §3.1、Figure 1 与
        Table 1（那里的 86M 参数）；torchvision `models/vision_transformer.py`。
    """
    return sequential(
        "vit_b_16",
        (3, 224, 224),
        [
            ("patches", Conv2d(768, 16, stride=16)),
            ("to_tokens", ToTokens()),
            ("class_token", ClassToken()),
            ("position", PositionEmbedding()),
            ("drop", Dropout(0.0)),
            *((f"encoder{i}", _encoder(768, heads=12, hidden=3072)) for i in range(12)),
            ("norm", LayerNorm()),
            ("select", SelectToken()),
            ("head", Linear(1000)),
        ],
    )


def _encoder(width: int, *, heads: int, hidden: int) -> Path:
    """先归一化的编码器块：论文的式 2 与式 3。"""
    attention: Path = [
        ("norm", LayerNorm()),
        ("attention", MultiheadAttention(heads)),
        ("drop", Dropout(0.0)),
    ]
    mlp: Path = [
        ("norm", LayerNorm()),
        ("fc1", Linear(hidden)),
        ("gelu", GELU()),
        ("drop1", Dropout(0.0)),
        ("fc2", Linear(width)),
        ("drop2", Dropout(0.0)),
    ]
    return [("attention", residual(attention)), ("mlp", residual(mlp))]
