"""Adam 与 AdamW。"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, problem, real
from dlnotes.nn._arrays import Array
from dlnotes.optim._step import end, fraction, kept, rates, start, state_of


class AdamState(NamedTuple):
    """`adam` 与 `adamw` 的状态。

    Attributes:
        step: 已经走了几步。
        mean: 梯度的滑动平均（未校正），与 `w` 同形。
        square: 梯度平方的滑动平均（未校正），与 `w` 同形。
        peak: `square` 到目前为止的最大值；只在 `amsgrad=True` 时有，否则是 `None`。
    """

    step: int
    mean: Array
    square: Array
    peak: Array | None


def adam(
    w: ArrayLike,
    g: ArrayLike,
    state: AdamState | None = None,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> tuple[Array, AdamState]:
    r"""Adam：动量除以梯度平方的根，都校正从 0 开始的偏差；`torch.optim.Adam` 的一步。

    $$\begin{aligned}
    g&\leftarrow g+\lambda w,&m&\leftarrow\beta_1m+(1-\beta_1)g,&v&\leftarrow\beta_2v+(1-\beta_2)g^2\\
    \hat m&=\frac{m}{1-\beta_1^t},&\hat v&=\frac{v}{1-\beta_2^t},&
    w&\leftarrow w-\eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon}
    \end{aligned}$$

    第一步 $\hat m=g$、$\hat v=g^2$，所以每个坐标走 $\eta$，与梯度的大小无关。`amsgrad=True` 时分母里用 $v$ 到
    目前为止的最大值，再校正；论文（Reddi et al.）的算法没有这个校正。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        betas: 两个滑动平均的系数 $(\beta_1,\beta_2)$，都在 $[0,1)$ 里。
        eps: 加在根号外面的 $\epsilon$，正数。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度，于是也被除以 $\sqrt{\hat v}$。
        amsgrad: 是否用 AMSGrad；中途不能换。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `sgd`。
        ValueError: 同 `sgd`；`betas` 不是两个数；`state` 与 `amsgrad` 不符。

    References:
        Kingma & Ba (2015), arXiv:1412.6980，Algorithm 1；Reddi, Kale & Kumar (2018), arXiv:1904.09237，
        Algorithm 2。

    Examples:
        >>> w, state = adam([1.0, 1.0], [1000.0, 0.001], lr=0.1)
        >>> w.round(4)
        array([0.9, 0.9])
    """
    return _adam(w, g, state, lr, betas, eps, weight_decay, amsgrad, decoupled=False)


def adamw(
    w: ArrayLike,
    g: ArrayLike,
    state: AdamState | None = None,
    *,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
) -> tuple[Array, AdamState]:
    r"""AdamW：权重衰减与梯度分开的 Adam；`torch.optim.AdamW` 的一步。

    $$w\leftarrow(1-\eta\lambda)\,w-\eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon}$$

    $\hat m$、$\hat v$ 只由梯度得到。论文的衰减是 $\eta_t\lambda w$，$\eta_t$ 是不含 $\alpha$ 的调度系数；
    torch 乘的是整个学习率 $\eta$，所以换学习率时要一起换 $\lambda$。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        betas: 同 `adam`。
        eps: 同 `adam`。
        weight_decay: 权重衰减 $\lambda$，不小于 0。
        amsgrad: 同 `adam`。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `adam`。
        ValueError: 同 `adam`。

    References:
        Loshchilov & Hutter (2019), arXiv:1711.05101，Algorithm 2。

    Examples:
        >>> w, state = adamw([1.0], [0.0], lr=0.1, weight_decay=0.5)  # 没有梯度，只衰减
        >>> w
        array([0.95])
    """
    return _adam(w, g, state, lr, betas, eps, weight_decay, amsgrad, decoupled=True)


def _adam(
    w: ArrayLike,
    g: ArrayLike,
    state: AdamState | None,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    *,
    decoupled: bool,
) -> tuple[Array, AdamState]:
    boolean("amsgrad", amsgrad)
    rates(lr, weight_decay)
    real("eps", eps, above=0)
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(problem("betas", "两个数的元组", repr(betas), "请写成 (0.9, 0.999) 的样子"))
    first, second = (fraction(f"betas[{index}]", beta) for index, beta in enumerate(betas))
    (values, slope), dtype = start(w, g)
    zeros = np.zeros_like(values)
    old = state_of(AdamState, state) or AdamState(0, zeros, zeros, zeros if amsgrad else None)
    if (old.peak is not None) != amsgrad:
        got = f"{'有' if old.peak is not None else '没有'}最大值的状态"
        raise ValueError(problem("state", f"amsgrad={amsgrad} 时的状态", got, "请从第一步起用同样的 amsgrad"))
    mean, square = kept("mean", old.mean, values), kept("square", old.square, values)
    count = integer("state.step", old.step, minimum=0) + 1
    with np.errstate(over="ignore", invalid="ignore"):
        if decoupled:
            values = values * (1 - lr * weight_decay)
        else:
            slope = slope + weight_decay * values
        mean = mean + (1 - first) * (slope - mean)
        square = second * square + (1 - second) * slope * slope
        peak = None if old.peak is None else np.maximum(kept("peak", old.peak, values), square)
        root = np.sqrt(square if peak is None else peak) / (1 - second**count) ** 0.5
        new = values - lr / (1 - first**count) * mean / (root + eps)
    return end(new, mean, square, dtype=dtype), AdamState(count, mean, square, peak)
