r"""网络的一步，和一次前向、反向的结果。"""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.random import Generator

from dlnotes.nn._arrays import Array

Parameters = dict[str, Array]


class Run(NamedTuple):
    """这一次前向是不是训练；随机失活用的生成器。"""

    training: bool
    rng: Generator | None


class Step(NamedTuple):
    """一步。

    Attributes:
        name: 名字，如 `"linear"`、`"relu"`。
        init: `init(rng)` 返回初始的参数。
        forward: `forward(x, p, run)` 返回 `(y, saved)`。
        backward: `backward(dy, x, p, saved)` 返回 `(dx, 参数的梯度)`；没有梯度的（滑动估计）不在其中。
        nonlinear: 是不是激活函数；逐层的统计量在它的输出上量。
    """

    name: str
    init: Callable[[Generator], Parameters]
    forward: Callable[[Array, Parameters, Run], tuple[Array, Any]]
    backward: Callable[[Array, Array, Parameters, Any], tuple[Array, Parameters]]
    nonlinear: bool = False


Net = tuple[Step, ...]


class Tape(NamedTuple):
    """一次前向留下的东西，供反向用。

    Attributes:
        inputs: 各步的输入，最后多一个：整个网络的输出。
        saved: 各步另外留下的。
    """

    inputs: list[Array]
    saved: list[Any]


class Gradients(NamedTuple):
    """一次反向的结果。

    Attributes:
        parameters: 对各步参数的梯度，与参数同样排列。
        inputs: 对 `Tape.inputs` 各项的梯度：第 0 项是对 `x` 的，最后一项是 `dy`。
    """

    parameters: list[Parameters]
    inputs: list[Array]


def nothing(rng: Generator) -> Parameters:
    """没有参数。"""
    return {}
