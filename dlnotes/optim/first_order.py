r"""一阶优化的一步：SGD（动量、Nesterov）、AdaGrad、RMSProp、Adam、AdamW；梯度裁剪；把一步走成一条轨迹。

每个优化器是一个函数 `step(w, g, state=None, *, lr, …) -> (w, state)`：收当前的参数、那里的梯度、上一步留下的
状态（第一步是 `None`），返回新的参数与新的状态，什么都不就地改动。几个参数就调用几次，各留各的状态。更新规则
与 `torch.optim` 里同名的优化器逐项相同，论文的写法与它有三处出入：

- **动量里没有学习率**：torch 是 $v\leftarrow\mu v+g$、$w\leftarrow w-\eta v$；Polyak 与 Sutskever 把 $\eta$
  写在速度里面，$v\leftarrow\mu v-\eta g$、$w\leftarrow w+v$。学习率不变时两者走的是同一条路；中途改学习率，
  torch 的立刻换步长，论文的还带着旧步长的速度。
- **Nesterov**：torch 的 `w` 是论文里的前瞻点 $w+\mu v$，梯度就在那里算；轨迹差这一次换元。
- **权重衰减**：`sgd`、`adagrad`、`rmsprop`、`adam` 把 $\lambda w$ 加进梯度（就是 L2 惩罚）；自适应的方法会再
  把它除以 $\sqrt{\hat v}$，不再是按比例缩小权重。`adamw` 在梯度之外直接缩小权重。

`w` 与 `g` 同形，形状任意；类型不变（float16 用 float32 计算，状态也是 float32）。输入有 `nan` 或 `inf`，或更
新溢出，抛 `ValueError`：学习率太大时训练停在出事的那一步。

References:
    Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum in deep
    learning, ICML，式 (1)–(4)。
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem, real
from dlnotes.nn._arrays import Array
from dlnotes.optim._adam import AdamState, adam, adamw
from dlnotes.optim._adaptive import AdaGradState, RmsPropState, adagrad, rmsprop
from dlnotes.optim._clip import clip_by_norm, clip_by_value
from dlnotes.optim._path import Trajectory, minimize
from dlnotes.optim._step import end, kept, rates, start, state_of

__all__ = [
    "AdaGradState",
    "AdamState",
    "RmsPropState",
    "SgdState",
    "Trajectory",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_norm",
    "clip_by_value",
    "minimize",
    "rmsprop",
    "sgd",
]


class SgdState(NamedTuple):
    """`sgd` 的状态。

    Attributes:
        velocity: 速度（梯度的累积），与 `w` 同形；从没用过动量时是 `None`。
    """

    velocity: Array | None


def sgd(
    w: ArrayLike,
    g: ArrayLike,
    state: SgdState | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, SgdState]:
    r"""（随机）梯度下降，可带动量；`torch.optim.SGD` 的一步。

    $$g\leftarrow g+\lambda w,\qquad v\leftarrow\mu v+(1-\tau)\,g,\qquad
    w\leftarrow w-\eta\begin{cases}v\\g+\mu v&\text{Nesterov}\end{cases}$$

    第一步 $v=g$，不乘 $1-\tau$。$\mu=0$ 时没有速度，$w\leftarrow w-\eta g$。梯度不变时速度趋于 $g/(1-\mu)$：
    $\mu=0.9$ 相当于学习率大了 10 倍。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        momentum: 动量 $\mu$，不小于 0；大于等于 1 时速度不会衰减。
        dampening: 阻尼 $\tau$。
        nesterov: 是否用 Nesterov 的形式；要 `momentum > 0` 且 `dampening == 0`。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度，也就进了速度。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 元素不是实数，选项的类型不对，或 `state` 不是 `sgd` 的状态。
        ValueError: 形状不同，选项不在范围里，输入有 `nan` 或 `inf`，或更新溢出。

    References:
        Polyak (1964), Some methods of speeding up the convergence of iteration methods；Sutskever et al.
        (2013)，式 (1)–(4)。

    Examples:
        >>> w, state = sgd([1.0], [2.0], lr=0.1, momentum=0.9)
        >>> w, state = sgd(w, [2.0], state, lr=0.1, momentum=0.9)
        >>> w.round(6), state.velocity
        (array([0.42]), array([3.8]))
    """
    boolean("nesterov", nesterov)
    rates(lr, weight_decay)
    mu = real("momentum", momentum, minimum=0)
    tau = real("dampening", dampening)
    if nesterov and not (mu > 0 and tau == 0):
        got = f"momentum={momentum!r}、dampening={dampening!r}"
        raise ValueError(problem("nesterov", "False，或配正的动量与 0 的阻尼", got, "请改动量与阻尼"))
    (values, slope), dtype = start(w, g)
    old = state_of(SgdState, state) or SgdState(None)
    velocity = None if old.velocity is None else kept("velocity", old.velocity, values)
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        direction = slope
        if mu:
            velocity = slope if velocity is None else mu * velocity + (1 - tau) * slope
            direction = slope + mu * velocity if nesterov else velocity
        return end(values - lr * direction, velocity, dtype=dtype), SgdState(velocity)
