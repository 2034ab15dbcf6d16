r"""小卷积网络：几段卷积、激活、最大池化，再接全连接。"""

from collections.abc import Mapping, Sequence
from typing import Any

from dlnotes._check import boolean, integer, problem
from dlnotes.models import inserts, layers
from dlnotes.models.layers import Init
from dlnotes.models.step import Net, Step

__all__ = ["cnn"]


def cnn(
    shape: tuple[int, int, int] = (1, 8, 8),
    *,
    channels: Sequence[int] = (16,),
    classes: int = 10,
    kernel_size: int = 3,
    activation: str = "relu",
    activation_options: Mapping[str, Any] | None = None,
    init: Init = "kaiming_normal",
    batch_norm: bool = False,
) -> Net:
    r"""小卷积网络。

    每一段是卷积（步长 1，补零到大小不变）、（批归一化）、激活、2×2 的最大池化（边长减半，单数时舍去一行一
    列）；最后排成一行，一个全连接输出 logits。

    默认的一段 16 个通道，在 8×8 的手写数字上用 Adam 先走 4 轮（`lr=0.02`）、再走 2 轮（`lr=0.002`），五种切分
    的测试准确率都在 97% 以上，用时不到一秒；学习率不减，最差的只有 95%。

    Args:
        shape: 输入的 `(C, H, W)`。
        channels: 各段的通道数。
        classes: 类别数。
        kernel_size: 卷积窗口的边长，单数。
        activation: 同 `mlp`。
        activation_options: 同 `mlp`。
        init: 同 `mlp`。
        batch_norm: 卷积与激活之间要不要批归一化。

    Returns:
        `Step` 的元组，交给 `initialize`、`forward`、`train`；输入是 `(N, C, H, W)`。

    Raises:
        TypeError: 大小不是整数，或 `batch_norm` 不是布尔。
        ValueError: 边长小得不够池化这么多次，或选项不对。

    References:
        LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition,
        Proc. IEEE 86(11)，§II.B（卷积与下采样交替；那里的下采样是平均再乘系数）。

    Examples:
        >>> [step.name for step in cnn(channels=(8, 16))]
        ['conv', 'relu', 'max_pool', 'conv', 'relu', 'max_pool', 'flatten', 'linear']
    """
    if not isinstance(shape, tuple) or len(shape) != 3:
        raise ValueError(problem("shape", "元组 (C, H, W)", repr(shape), "灰度图的 C 是 1"))
    inputs, height, width = (integer(f"shape[{axis}]", size, minimum=1) for axis, size in enumerate(shape))
    boolean("batch_norm", batch_norm)
    net: list[Step] = []
    for outputs in channels:
        net.append(layers.conv(inputs, outputs, kernel_size, init=init))
        if batch_norm:
            net.append(inserts.batch_normalization(outputs))
        net += [inserts.activation(activation, activation_options), layers.max_pool(2)]
        inputs, height, width = outputs, height // 2, width // 2
    if not min(height, width):
        expected = f"边长至少 {2 ** len(channels)} 的图（池化 {len(channels)} 次）"
        raise ValueError(problem("shape", expected, repr(shape), "请减少 `channels` 的段数"))
    return (*net, layers.flatten(), layers.linear(inputs * height * width, classes, init=init))
