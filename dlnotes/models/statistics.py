r"""各层的激活与梯度：均值、标准差、范数、死单元。看信号与梯度逐层是不是放大、缩小、死掉。"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from dlnotes.models.chain import backward, forward
from dlnotes.models.step import Gradients, Net, Parameters, Tape
from dlnotes.nn._arrays import Array
from dlnotes.nn.losses import cross_entropy_backward

__all__ = ["LayerStatistics", "layer_statistics"]


class LayerStatistics(NamedTuple):
    """每个激活函数一行，从输入到输出；都是 float64，形状 `(L,)`。

    Attributes:
        names: 各激活函数的名字，重名的不另编号。
        mean: 输出的均值，对样本与单元。
        std: 输出的标准差（除以个数），对样本与单元。
        norm: 输出的 Frobenius 范数。
        dead: 死单元的比例：对每个样本，激活函数在它那里的导数都正好是 0，梯度再也过不去。
        gradient_mean: 损失对输出的梯度的均值。
        gradient_std: 它的标准差。
        gradient_norm: 它的 Frobenius 范数。
        weight_gradient_norm: 损失对前面最近的权重（全连接或卷积）的梯度的范数。
    """

    names: tuple[str, ...]
    mean: Array
    std: Array
    norm: Array
    dead: Array
    gradient_mean: Array
    gradient_std: Array
    gradient_norm: Array
    weight_gradient_norm: Array


def layer_statistics(
    net: Net,
    parameters: list[Parameters],
    x: ArrayLike,
    y: ArrayLike,
    *,
    training: bool = True,
    rng: int | Generator | None = None,
) -> LayerStatistics:
    r"""走一遍前向与反向（平均交叉熵），量各个激活函数的输出与那里的梯度。

    死单元看的是导数，不是输出：$\phi'(a_{nj})=0$ 对所有的 $n$ 成立，第 $j$ 个单元就算死了。ReLU 的是
    $a_{nj}\le0$；tanh 要饱和到导数下溢才算。

    Args:
        net: 网络。
        parameters: 它的参数，刚初始化的或训练过的。
        x: 形状 `(N, ...)`。
        y: 形状 `(N,)` 的类别。
        training: 批归一化用这一批的统计量（默认，与训练时相同），还是滑动估计。
        rng: 随机失活的种子或生成器。

    Returns:
        `LayerStatistics`，各数组的长度是激活函数的个数 `L`。

    Raises:
        TypeError: 同 `forward`。
        ValueError: 同 `forward`，或 `y` 不对。

    References:
        Glorot & Bengio (2010), Understanding the difficulty of training deep feedforward neural networks,
        AISTATS，§3（逐层的激活）与 §4.2（逐层的梯度）。

    Examples:
        >>> from dlnotes.models.chain import initialize
        >>> from dlnotes.models.mlp import mlp
        >>> net = mlp((50, *[100] * 30, 10), activation="tanh", init="xavier_normal")
        >>> x = np.random.default_rng(0).standard_normal((64, 50))
        >>> found = layer_statistics(net, initialize(net, 0), x, np.arange(64) % 10)
        >>> len(found.std), bool(found.std[-1] < found.std[0])
        (30, True)
    """
    logits, tape = forward(net, parameters, x, training=training, rng=rng)
    gradients = backward(net, parameters, tape, cross_entropy_backward(1.0, logits, y))
    places = [index for index, step in enumerate(net) if step.nonlinear]
    outputs = [tape.inputs[index + 1] for index in places]
    flows = [gradients.inputs[index + 1] for index in places]
    return LayerStatistics(
        tuple(net[index].name for index in places),
        *_moments(outputs),
        np.array([_dead(net, parameters, tape, index) for index in places]),
        *_moments(flows),
        np.array([_weight_gradient(net, gradients, index) for index in places]),
    )


def _moments(arrays: list[Array]) -> tuple[Array, Array, Array]:
    wide = [array.astype(np.float64) for array in arrays]
    return (
        np.array([array.mean() for array in wide]),
        np.array([array.std() for array in wide]),
        np.array([np.linalg.norm(array) for array in wide]),
    )


def _dead(net: Net, parameters: list[Parameters], tape: Tape, index: int) -> float:
    x = tape.inputs[index]
    slope, _ = net[index].backward(np.ones_like(x), x, parameters[index], tape.saved[index])
    return float((slope == 0).all(axis=0).mean())


def _weight_gradient(net: Net, gradients: Gradients, index: int) -> float:
    """往前找最近的有权重的一步；激活函数前面没有，就是 0。"""
    for place in range(index, -1, -1):
        if net[place].name in ("linear", "conv"):
            return float(np.linalg.norm(gradients.parameters[place]["weight"]))
    return 0.0
