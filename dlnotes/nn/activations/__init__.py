r"""激活函数：逐个元素的非线性，连同它们的导数。

除 `prelu` 与 `rbf` 多收一个数组之外，都是 `op(x, *, 选项)` 与 `op_backward(dy, x, *, 选项)`。共同的约定：

- `x` 的形状任意，输出与它同形；`dy` 也与它同形；反向就是 $\bar x=\bar y\odot\phi'(x)$，因为逐元素函数的雅可比
  矩阵是对角的，它的转置就是自己。
- $\pm\infty$ 处取极限值，`nan` 得 `nan`（输出与梯度都是）；导数是 0 的地方，`dy` 是无穷大也得 0。溢出得 ∞，
  不警告。不可导的点上取哪一侧的导数，各自写明，与 PyTorch 相同。
- 元素不是实数、选项不是一个数（数组也不行）抛 `TypeError`；`dy` 与 `x` 不同形、选项越界抛 `ValueError`。
"""

from dlnotes.nn.activations.gates import (
    gelu,
    gelu_backward,
    hardswish,
    hardswish_backward,
    mish,
    mish_backward,
    silu,
    silu_backward,
)
from dlnotes.nn.activations.rectifiers import (
    celu,
    celu_backward,
    elu,
    elu_backward,
    leaky_relu,
    leaky_relu_backward,
    prelu,
    prelu_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    selu,
    selu_backward,
    softplus,
    softplus_backward,
)
from dlnotes.nn.activations.sigmoids import (
    hardsigmoid,
    hardsigmoid_backward,
    hardtanh,
    hardtanh_backward,
    rbf,
    rbf_backward,
    sigmoid,
    sigmoid_backward,
    softsign,
    softsign_backward,
    tanh,
    tanh_backward,
)

__all__ = [
    "celu",
    "celu_backward",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "hardsigmoid",
    "hardsigmoid_backward",
    "hardswish",
    "hardswish_backward",
    "hardtanh",
    "hardtanh_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "mish",
    "mish_backward",
    "prelu",
    "prelu_backward",
    "rbf",
    "rbf_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
]
