r"""带权重的步：全连接、卷积；和改变形状的步：最大池化、排成一行。

`Step` 的三个函数都不藏状态：`forward(x, p, run)` 返回 `(y, saved)`，`saved` 是反向除 `x` 之外还要的东西；
`backward(dy, x, p, saved)` 返回 `(dx, 参数的梯度)`。`p` 是这一步的参数，名字到数组的字典。`saved` 是字典时，
里面是批归一化的新的滑动估计，训练时由它更新 `p`。自己写的步照样能用。
"""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.random import Generator

from dlnotes._check import choice, integer, problem
from dlnotes.arch.layers import Size
from dlnotes.models.step import Parameters, Run, Step, nothing
from dlnotes.nn import init as initializers
from dlnotes.nn._arrays import Array
from dlnotes.nn.max_pooling import max_pool2d, max_pool2d_backward
from dlnotes.nn.unfold import unfold, unfold_backward

__all__ = ["Init", "Run", "Step", "conv", "flatten", "linear", "max_pool"]

Init = str | Callable[[tuple[int, ...], Generator], Array]
"""权重的初始化：`dlnotes.nn.init` 里一个函数的名字，或自己的 `f(shape, rng)`。"""

_INITS = (
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "orthogonal",
    "trunc_normal",
    "xavier_normal",
    "xavier_uniform",
)


def linear(inputs: int, outputs: int, *, init: Init = "kaiming_normal") -> Step:
    r"""全连接，偏置从 0 开始。

    $$y=xW^\top+b,\qquad\bar x=\bar yW,\quad\bar W=\bar y^\top x,\quad\bar b=\sum_n\bar y_n$$
    """

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, None]:
        with np.errstate(over="ignore", invalid="ignore"):  # 发散的训练由优化器报错
            return x @ p["weight"].T + p["bias"], None

    def backward(dy: Array, x: Array, p: Parameters, saved: None) -> tuple[Array, Parameters]:
        with np.errstate(over="ignore", invalid="ignore"):
            return dy @ p["weight"], {"weight": dy.T @ x, "bias": dy.sum(0)}

    return Step("linear", _weights((outputs, inputs), init), forward, backward)


def conv(inputs: int, outputs: int, kernel_size: int, *, init: Init = "kaiming_normal") -> Step:
    r"""步长 1、补零到大小不变的卷积，窗口是单数。

    与 `dlnotes.nn.conv.conv2d` 是同一个映射，但一批图一起展开（`unfold`）再相乘：图很小时快几倍，展开的列反向
    还要用。
    """
    size = integer("kernel_size", kernel_size, minimum=1)
    if not size % 2:
        raise ValueError(problem("kernel_size", "单数", repr(size), "双数的窗口补不成同样大小"))
    pad = size // 2

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, Array]:
        columns = unfold(x, size, padding=pad)
        with np.errstate(over="ignore", invalid="ignore"):
            y = p["weight"].reshape(outputs, -1) @ columns + p["bias"][:, np.newaxis]
        return y.reshape(len(x), outputs, *x.shape[2:]), columns

    def backward(dy: Array, x: Array, p: Parameters, columns: Array) -> tuple[Array, Parameters]:
        flat = dy.reshape(len(dy), outputs, -1)
        with np.errstate(over="ignore", invalid="ignore"):
            dx = unfold_backward(p["weight"].reshape(outputs, -1).T @ flat, x, size, padding=pad)
            dw = (flat @ columns.swapaxes(1, 2)).sum(0).reshape(p["weight"].shape)
        return dx, {"weight": dw, "bias": flat.sum((0, 2))}

    return Step("conv", _weights((outputs, inputs, size, size), init), forward, backward)


def max_pool(kernel_size: Size) -> Step:
    r"""最大池化，步长等于窗口。"""

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, None]:
        return max_pool2d(x, kernel_size), None

    def backward(dy: Array, x: Array, p: Parameters, saved: None) -> tuple[Array, Parameters]:
        return max_pool2d_backward(dy, x, kernel_size), {}

    return Step("max_pool", nothing, forward, backward)


def flatten() -> Step:
    r"""除批量外排成一行。"""

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, None]:
        return x.reshape(len(x), prod(x.shape[1:])), None

    def backward(dy: Array, x: Array, p: Parameters, saved: None) -> tuple[Array, Parameters]:
        return dy.reshape(x.shape), {}

    return Step("flatten", nothing, forward, backward)


def _weights(shape: tuple[int, ...], init: Init) -> Callable[[Generator], Parameters]:
    for axis, size in enumerate(shape):
        integer(f"shape[{axis}]", size, minimum=1)
    if callable(init):
        make = init
    else:
        choice("init", init, _INITS)
        make = getattr(initializers, init)

    def start(rng: Generator) -> Parameters:
        weight = np.asarray(make(shape, rng), np.float64)
        if weight.shape != shape:
            remedy = "请返回 `f(shape, rng)` 收到的形状"
            raise ValueError(problem("init", f"返回形状 {shape} 的函数", f"形状 {weight.shape}", remedy))
        return {"weight": weight, "bias": np.zeros(shape[0])}

    return start
