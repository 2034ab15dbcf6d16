"""几个网络都用到的几步：卷积、批归一化、激活，以及 AlexNet 以来的三层全连接。"""

from typing import Literal

from dlnotes._check import choice, per_axis, problem
from dlnotes.arch.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Layer, Linear, Padding, ReLU, Size

Layers = list[tuple[str, Layer]]
"""一条没有分支的路。"""

_RELU = ReLU()


def conv_bn(
    channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: Padding | None = None,
    groups: int = 1,
    dilation: Size = 1,
    activation: Layer | None = _RELU,
) -> Layers:
    """卷积、批归一化、激活；卷积没有偏置，因为 BN 会把它减去。

    Args:
        channels: 输出通道数。
        kernel_size: 核的大小。
        stride: 步长。
        padding: 补零；不写则两端各补 `d*(k-1)/2`，步长 1 时大小不变。
        groups: 分组数。
        dilation: 膨胀率。
        activation: 激活；`None` 是没有。

    Returns:
        `conv`、`bn`，以及以激活的种类命名的一步，如 `relu`。

    Raises:
        ValueError: 不写 `padding` 而 `d*(k-1)` 是奇数，两端补不匀。

    References:
        Ioffe & Szegedy (2015), *Batch Normalization*, arXiv:1502.03167, §3.2。

    Examples:
        >>> [name for name, _ in conv_bn(64, 7, stride=2)]
        ['conv', 'bn', 'relu']
    """
    if padding is None:
        padding = _centred(kernel_size, dilation)
    conv = Conv2d(
        channels,
        kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    path: Layers = [("conv", conv), ("bn", BatchNorm2d())]
    return path if activation is None else [*path, (type(activation).__name__.lower(), activation)]


def classifier(*, dropout: Literal["before", "after"]) -> Layers:
    """展平，再接三层全连接：4096、4096、1000；前两层带 ReLU，另有两次随机失活。

    Args:
        dropout: 随机失活在 fc6、fc7 之前（torchvision 的 AlexNet），还是在它们的 ReLU 之后（其余各家）。

    Returns:
        `flatten`、`fc6` 到 `fc8` 各步。

    References:
        Krizhevsky, Sutskever & Hinton (2012), *ImageNet Classification with Deep Convolutional Neural
        Networks*, §3.5、§4.2。

    Examples:
        >>> [name for name, _ in classifier(dropout="after")]
        ['flatten', 'fc6', 'relu6', 'drop6', 'fc7', 'relu7', 'drop7', 'fc8']
    """
    choice("dropout", dropout, ("before", "after"))
    path: Layers = [("flatten", Flatten())]
    for index in (6, 7):
        linear: Layers = [(f"fc{index}", Linear(4096)), (f"relu{index}", ReLU())]
        drop: Layers = [(f"drop{index}", Dropout())]
        path += drop + linear if dropout == "before" else linear + drop
    return [*path, ("fc8", Linear(1000))]


def _centred(kernel_size: Size, dilation: Size) -> Size:
    """使窗口以像素为中心的补零：两端各补跨度的一半。"""
    kernels = per_axis("kernel_size", kernel_size, axes=2, minimum=1)
    dilations = per_axis("dilation", dilation, axes=2, minimum=1)
    spans = [d * (k - 1) for k, d in zip(kernels, dilations, strict=True)]
    if any(span % 2 for span in spans):
        expected = "奇数的核（不写 `padding` 时）"
        raise ValueError(problem("kernel_size", expected, kernel_size, "请写明 `padding`"))
    height, width = (span // 2 for span in spans)
    return height if height == width else (height, width)
