r"""小批量训练：一个循环，任何一串 `Step`、任何一阶优化器。"""

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, problem
from dlnotes._random import generator
from dlnotes.models.chain import backward, forward, initialize
from dlnotes.models.step import Net, Parameters
from dlnotes.nn._arrays import Array, as_floats, integers
from dlnotes.nn.losses import cross_entropy, cross_entropy_backward
from dlnotes.optim.first_order import adam

__all__ = ["Fit", "accuracy", "train"]
_Optimizer = Callable[..., tuple[Array, Any]]


class Fit(NamedTuple):
    """训练的结果。

    Attributes:
        parameters: 训练好的参数。
        losses: 每一步更新之前、那一小批上的平均交叉熵，形状 `(步数,)`。
        accuracy: 训练之后、训练集上的准确率。
        measured: 每一轮之后 `measure(parameters)` 的结果，依次排列；没有给 `measure` 就是空的。
    """

    parameters: list[Parameters]
    losses: Array
    accuracy: float
    measured: list[Any]


def train(
    net: Net,
    x: ArrayLike,
    y: ArrayLike,
    rng: int | Generator,
    *,
    parameters: list[Parameters] | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    shuffle: bool = True,
    optimizer: _Optimizer = adam,
    measure: Callable[[list[Parameters]], Any] | None = None,
    **options: Any,
) -> Fit:
    r"""用小批量的梯度把平均交叉熵降下来。

    每一轮打乱一次，平均分成 $\lceil N/\text{batch\_size}\rceil$ 批，大小最多差 1，不留特别小的尾巴。

    Args:
        net: `mlp`、`cnn` 返回的，或自己拼的一串 `Step`；输出 `(N, K)` 的 logits。
        x: 形状 `(N, ...)`。
        y: 形状 `(N,)` 的类别 `0 … K - 1`。
        rng: 种子或生成器，依次用于初始化、打乱、随机失活。
        parameters: 从哪里开始；不给就 `initialize(net, rng)`，类型与 `x` 相同。不会被改动。
        epochs: 走几轮；0 就只初始化。
        batch_size: 一批最多几个样本。
        shuffle: 每一轮要不要打乱。
        optimizer: `dlnotes.optim.first_order` 里的一步，或同样接口的函数。
        measure: 每一轮之后调用，结果收在 `Fit.measured`，如 `lambda p: accuracy(net, p, x_test, y_test)`。
        options: 给优化器的选项，如 `lr=0.01`、`momentum=0.9`、`weight_decay=1e-4`（对所有参数，含偏置）。

    Returns:
        `Fit(parameters, losses, accuracy, measured)`。

    Raises:
        TypeError: 元素不是实数，类别不是整数，或 `rng` 不是种子。
        ValueError: 形状或类别不对；训练发散（由优化器报告）。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §8.1.3（小批量）与算法 8.1。

    Examples:
        >>> from dlnotes.data import xor
        >>> from dlnotes.models.mlp import mlp
        >>> data = xor(80, 0)
        >>> train(mlp((2, 8, 2), activation="tanh"), data.x, data.y, 0, epochs=60, lr=0.03).accuracy
        1.0
    """
    source = generator(rng)
    (values,), _ = as_floats(x=x)
    labels = integers("y", y)
    if not values.ndim or not len(values) or labels.shape != values.shape[:1]:
        expected, got = "形状 (N,)、与 `x` 样本数相同的非空数组", f"形状 {labels.shape}"
        raise ValueError(problem("y", expected, got, f"`x` 的形状是 {values.shape}，请检查"))
    rounds, size = integer("epochs", epochs, minimum=0), integer("batch_size", batch_size, minimum=1)
    boolean("shuffle", shuffle)
    current = initialize(net, source, dtype=values.dtype) if parameters is None else parameters
    states: list[dict[str, Any]] = [{} for _ in net]
    step = partial(optimizer, **options)
    losses, measured = [], []
    for _ in range(rounds):
        order = source.permutation(len(values)) if shuffle else np.arange(len(values))
        for batch in np.array_split(order, ceil(len(order) / size)):
            logits, tape = forward(net, current, values[batch], training=True, rng=source)
            losses.append(cross_entropy(logits, labels[batch]))
            dy = cross_entropy_backward(1.0, logits, labels[batch])
            gradients = backward(net, current, tape, dy).parameters
            current = [
                _update(p, g, state, saved, step)
                for p, g, state, saved in zip(current, gradients, states, tape.saved, strict=True)
            ]
        if measure is not None:
            measured.append(measure(current))
    return Fit(current, np.array(losses, values.dtype), accuracy(net, current, values, labels), measured)


def accuracy(net: Net, parameters: list[Parameters], x: ArrayLike, y: ArrayLike) -> float:
    r"""推理模式下，最大的 logit 正好是 `y` 的比例。

    Args:
        net: 网络。
        parameters: 它的参数。
        x: 形状 `(N, ...)`，`N` 至少为 1。
        y: 形状 `(N,)` 的类别。

    Raises:
        ValueError: 形状不对，或没有样本。

    Examples:
        >>> from dlnotes.models.mlp import mlp
        >>> net = mlp((2, 2), init=lambda shape, rng: np.eye(2))
        >>> accuracy(net, initialize(net, 0), [[1.0, 0.0], [0.0, 1.0]], [0, 0])
        0.5
    """
    logits, _ = forward(net, parameters, x)
    labels = integers("y", y)
    if labels.shape != (len(logits),) or not len(labels):
        expected = f"形状 ({len(logits)},) 的非空数组"
        raise ValueError(problem("y", expected, f"形状 {labels.shape}", "每个样本一个类别"))
    return float((logits.argmax(1) == labels).mean())


def _update(
    p: Parameters, gradients: Parameters, state: dict[str, Any], saved: Any, step: _Optimizer
) -> Parameters:
    """一步的新参数；优化器的状态记在 `state` 里，滑动估计取前向算出的。"""
    new = p | saved if isinstance(saved, dict) else dict(p)
    for name, g in gradients.items():
        new[name], state[name] = step(p[name], g, state.get(name))
    return new
