r"""一串 `Step` 首尾相接：初始化、前向、反向。

网络 `net` 是 `Step` 的元组，参数是同样长的列表，每一步一个字典；都是普通的数据，可以打印、改动、存起来。
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, DTypeLike

from dlnotes._check import problem
from dlnotes._random import generator
from dlnotes.models.step import Gradients, Net, Parameters, Run, Tape
from dlnotes.nn._arrays import Array, as_floats

__all__ = ["Gradients", "Net", "Tape", "backward", "forward", "initialize"]


def initialize(net: Net, rng: int | Generator, *, dtype: DTypeLike = np.float64) -> list[Parameters]:
    r"""各步的初始参数，依次从 `rng` 取随机数。

    Args:
        net: 网络。
        rng: 种子或生成器。
        dtype: 浮点类型；float32 的参数与 float32 的输入，全程都是 float32。

    Raises:
        TypeError: `rng` 不是种子。

    Examples:
        >>> from dlnotes.models.mlp import mlp
        >>> net = mlp((4, 3, 2))
        >>> [sorted(p) for p in initialize(net, 0)]
        [['bias', 'weight'], [], ['bias', 'weight']]
    """
    source = generator(rng)
    return [{name: array.astype(dtype) for name, array in step.init(source).items()} for step in net]


def forward(
    net: Net,
    parameters: list[Parameters],
    x: ArrayLike,
    *,
    training: bool = False,
    rng: int | Generator | None = None,
) -> tuple[Array, Tape]:
    r"""前向：返回输出，和反向要用的 `Tape`。

    Args:
        net: 网络。
        parameters: 它的参数；不会被改动，批归一化的新的滑动估计在 `Tape.saved` 里。
        x: 形状 `(N, ...)`。
        training: 批归一化用这一批的统计量，随机失活真的去掉。
        rng: 随机失活的种子或生成器。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `x` 的形状与第一步对不上，参数的个数不对，或训练时有随机失活而没有 `rng`。

    Examples:
        >>> from dlnotes.models.mlp import mlp
        >>> net = mlp((4, 3, 2))
        >>> y, tape = forward(net, initialize(net, 0), np.ones((5, 4)))
        >>> y.shape, len(tape.inputs)
        ((5, 2), 4)
    """
    (values,), _ = as_floats(x=x)
    if len(parameters) != len(net):
        expected, got = f"{len(net)} 个字典，每一步一个", f"{len(parameters)} 个"
        raise ValueError(
            problem("parameters", expected, got, "请用同一个网络的 initialize 或 train 得到参数")
        )
    _fits(net, parameters, values)
    run = Run(training, None if rng is None else generator(rng))
    tape = Tape([values], [])
    for step, p in zip(net, parameters, strict=True):
        y, saved = step.forward(tape.inputs[-1], p, run)
        tape.inputs.append(y)
        tape.saved.append(saved)
    return tape.inputs[-1], tape


def backward(net: Net, parameters: list[Parameters], tape: Tape, dy: ArrayLike) -> Gradients:
    r"""反向：从输出的梯度 `dy` 起，倒着走一遍。

    Args:
        net: 网络。
        parameters: 前向用的参数。
        tape: 前向返回的。
        dy: 损失对输出的梯度，与输出同形。

    Returns:
        `Gradients(parameters, inputs)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `dy` 的形状不是输出的形状。

    Examples:
        >>> from dlnotes.models.mlp import mlp
        >>> net = mlp((1, 1), init=lambda shape, rng: np.full(shape, 3.0))
        >>> p = initialize(net, 0)
        >>> _, tape = forward(net, p, [[5.0]])
        >>> gradients = backward(net, p, tape, [[1.0]])
        >>> gradients.parameters[0]["weight"].item(), gradients.inputs[0].item()  # 5 是输入，3 是权重
        (5.0, 3.0)
    """
    (upstream,), _ = as_floats(dy=dy)
    if upstream.shape != tape.inputs[-1].shape:
        expected = f"形状 {tape.inputs[-1].shape}（输出的形状）"
        raise ValueError(problem("dy", expected, str(upstream.shape), "请检查形状"))
    found: list[Parameters] = []
    flow = [upstream]
    for step, p, x, saved in zip(
        net[::-1], parameters[::-1], tape.inputs[-2::-1], tape.saved[::-1], strict=True
    ):
        dx, gradients = step.backward(flow[-1], x, p, saved)
        flow.append(dx)
        found.append(gradients)
    return Gradients(found[::-1], flow[::-1])


def _fits(net: Net, parameters: list[Parameters], x: Array) -> None:
    """第一步有权重时，输入的轴数与通道数要对得上；否则错误会从矩阵乘法里冒出来。"""
    if not net or net[0].name not in ("linear", "conv"):
        return
    weight = parameters[0]["weight"]
    if x.ndim != weight.ndim or x.shape[1] != weight.shape[1]:
        letters = "D" if weight.ndim == 2 else "C, H, W"
        expected = f"形状 (N, {letters})、第 1 轴为 {weight.shape[1]} 的数组"
        raise ValueError(problem("x", expected, f"形状 {x.shape}", "请检查形状，图用 reshape 补上通道"))
