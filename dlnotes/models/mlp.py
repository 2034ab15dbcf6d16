r"""多层感知机：全连接与激活交替，可以加归一化与随机失活。"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from dlnotes._check import choice, problem, real
from dlnotes.models import inserts
from dlnotes.models.layers import Init, linear
from dlnotes.models.step import Net, Step

__all__ = ["mlp"]


def mlp(
    sizes: Sequence[int],
    *,
    activation: str = "relu",
    activation_options: Mapping[str, Any] | None = None,
    init: Init = "kaiming_normal",
    norm: str | None = None,
    norm_at: str = "before",
    dropout: float = 0.0,
) -> Net:
    r"""多层感知机。

    每个隐层依次是全连接、（归一化）、激活、（归一化）、（随机失活）；最后是一个全连接，输出 logits。

    Args:
        sizes: 各层的宽度，从输入到输出，如 `(64, 32, 10)`；至少两个。
        activation: `dlnotes.nn.activations` 里一个函数的名字。
        activation_options: 激活函数的选项，如 `{"negative_slope": 0.2}`。
        init: 权重的初始化：`dlnotes.nn.init` 里一个函数的名字，或自己的 `f(shape, rng)`；偏置从 0 开始。
        norm: `"batch"`、`"layer"`，或不归一化。
        norm_at: 归一化在激活之前（`"before"`，论文的做法）还是之后（`"after"`）。
        dropout: 隐层去掉的概率，0 是不用。

    Returns:
        `Step` 的元组，交给 `initialize`、`forward`、`train`。

    Raises:
        TypeError: 宽度不是整数，`dropout` 不是实数。
        ValueError: 少于两个宽度，名字不认识，或选项超出范围。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*，第 6 章；归一化的位置见 Ioffe & Szegedy
        (2015), arXiv:1502.03167，§3.2。

    Examples:
        >>> [step.name for step in mlp((64, 32, 10), norm="batch", dropout=0.5)]
        ['linear', 'batch_norm', 'relu', 'dropout', 'linear']
    """
    if len(sizes) < 2:
        raise ValueError(problem("sizes", "至少两个宽度", repr(sizes), "请写明输入与输出的宽度"))
    if norm is not None:
        choice("norm", norm, ("batch", "layer"))
    choice("norm_at", norm_at, ("before", "after"))
    rate = real("dropout", dropout, minimum=0, maximum=1)
    net: list[Step] = []
    for inputs, outputs in pairwise(sizes[:-1]):
        net.append(linear(inputs, outputs, init=init))
        squash = inserts.activation(activation, activation_options)
        normalized = [] if norm is None else [_NORMS[norm](outputs)]
        net += [*normalized, squash] if norm_at == "before" else [squash, *normalized]
        net += [inserts.dropout(rate)] if rate else []
    return (*net, linear(sizes[-2], sizes[-1], init=init))


_NORMS = {"batch": inserts.batch_normalization, "layer": inserts.layer_normalization}
