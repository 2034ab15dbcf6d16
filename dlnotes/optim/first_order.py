r"""一阶优化的一步：SGD（动量、Nesterov）、AdaGrad、RMSProp、Adam、AdamW；梯度裁剪；把一步走成一条轨迹。

每个优化器是一个函数 `step(w, g, state=None, *, lr, …) -> (w, state)`：收当前的参数、那里的梯度、上一步留下的状态
（第一步是 `None`），返回新的参数与新的状态，什么都不就地改动。几个参数就调用几次，各留各的状态。更新规则与
`torch.optim` 里同名的优化器逐项相同，论文的写法与它有三处出入：

- **动量里没有学习率**：torch 是 $v\leftarrow\mu v+g$、$w\leftarrow w-\eta v$；Polyak 与 Sutskever 把 $\eta$ 写在
  速度里面，$v\leftarrow\mu v-\eta g$、$w\leftarrow w+v$。学习率不变时两者走的是同一条路；中途改学习率，torch 的
  立刻换步长，论文的还带着旧步长的速度。
- **Nesterov**：torch 的 `w` 是论文里的前瞻点 $w+\mu v$，梯度就在那里算；轨迹差这一次换元。
- **权重衰减**：`sgd`、`adagrad`、`rmsprop`、`adam` 把 $\lambda w$ 加进梯度（就是 L2 惩罚）；自适应的方法会再把它除以
  $\sqrt{\hat v}$，不再是按比例缩小权重。`adamw` 在梯度之外直接缩小权重。

`w` 与 `g` 同形，形状任意；类型不变（float16 用 float32 计算，状态也是 float32）。输入有 `nan` 或 `inf`，或更新溢出，
抛 `ValueError`：学习率太大时训练停在出事的那一步。

References:
    Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum in deep learning,
    ICML，式 (1)–(4)。
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, result

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


class AdaGradState(NamedTuple):
    """`adagrad` 的状态。

    Attributes:
        total: 梯度平方之和，与 `w` 同形。
    """

    total: Array


class RmsPropState(NamedTuple):
    """`rmsprop` 的状态。

    Attributes:
        square: 梯度平方的滑动平均，与 `w` 同形。
    """

    square: Array


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


class Trajectory(NamedTuple):
    """走过的路；三个数组的第一轴都是第几个点，第 0 个是起点。

    Attributes:
        points: 形状 `(步数 + 1, *w.shape)`。
        values: 各点的函数值，形状 `(步数 + 1,)`。
        gradients: 各点的梯度，与 `points` 同形。
    """

    points: Array
    values: Array
    gradients: Array


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
        Polyak (1964), Some methods of speeding up the convergence of iteration methods；Sutskever et al. (2013)，
        式 (1)–(4)。

    Examples:
        >>> w, state = sgd([1.0], [2.0], lr=0.1, momentum=0.9)
        >>> w, state = sgd(w, [2.0], state, lr=0.1, momentum=0.9)
        >>> w.round(6), state.velocity
        (array([0.42]), array([3.8]))
    """
    boolean("nesterov", nesterov)
    _rates(lr, weight_decay)
    mu = real("momentum", momentum, minimum=0)
    tau = real("dampening", dampening)
    if nesterov and not (mu > 0 and tau == 0):
        got = f"momentum={momentum!r}、dampening={dampening!r}"
        raise ValueError(problem("nesterov", "False，或配正的动量与 0 的阻尼", got, "请改动量与阻尼"))
    (values, slope), dtype = _start(w, g)
    velocity = None
    if _of(SgdState, state) is not None and state.velocity is not None:  # type: ignore[union-attr]
        velocity = _kept("velocity", state.velocity, values)  # type: ignore[union-attr]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        direction = slope
        if mu:
            velocity = slope.copy() if velocity is None else mu * velocity + (1 - tau) * slope
            direction = slope + mu * velocity if nesterov else velocity
        return _end(values - lr * direction, velocity, dtype=dtype), SgdState(velocity)


def adagrad(
    w: ArrayLike,
    g: ArrayLike,
    state: AdaGradState | None = None,
    *,
    lr: float = 1e-2,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
) -> tuple[Array, AdaGradState]:
    r"""AdaGrad：每个坐标除以自己历来梯度的平方和的根；`torch.optim.Adagrad` 的一步（学习率不衰减）。

    $$s\leftarrow s+g^2,\qquad w\leftarrow w-\eta\,\frac{g}{\sqrt s+\epsilon}$$

    第一步不论梯度多大都走 $\eta$；$s$ 只增不减，步子越来越小。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        eps: 加在根号外面的 $\epsilon$，正数。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `sgd`。
        ValueError: 同 `sgd`。

    References:
        Duchi, Hazan & Singer (2011), Adaptive Subgradient Methods for Online Learning and Stochastic Optimization,
        JMLR 12（对角的形式）。

    Examples:
        >>> w, state = adagrad([1.0, 1.0], [2.0, 0.5], lr=0.1)
        >>> w.round(6)  # 两个坐标都走 0.1
        array([0.9, 0.9])
    """
    _rates(lr, weight_decay)
    real("eps", eps, above=0)
    (values, slope), dtype = _start(w, g)
    total = 0.0 if _of(AdaGradState, state) is None else _kept("total", state.total, values)  # type: ignore[union-attr]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        total = total + slope * slope
        new = values - lr * slope / (np.sqrt(total) + eps)
    return _end(new, total, dtype=dtype), AdaGradState(total)


def rmsprop(
    w: ArrayLike,
    g: ArrayLike,
    state: RmsPropState | None = None,
    *,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Array, RmsPropState]:
    r"""RMSProp：把 AdaGrad 的和换成滑动平均；`torch.optim.RMSprop` 的一步（不带动量，不减均值）。

    $$s\leftarrow\alpha s+(1-\alpha)g^2,\qquad w\leftarrow w-\eta\,\frac{g}{\sqrt s+\epsilon}$$

    $s$ 从 0 开始而不校正，所以头几步偏大：第一步走 $\eta/\sqrt{1-\alpha}$，默认是 $10\eta$。

    Args:
        w: 参数。
        g: `w` 处的梯度，与 `w` 同形。
        state: 上一步返回的状态。
        lr: 学习率 $\eta$，不小于 0。
        alpha: 滑动平均的系数 $\alpha$，在 $[0,1)$ 里。
        eps: 加在根号外面的 $\epsilon$，正数。
        weight_decay: 权重衰减 $\lambda$，不小于 0；加进梯度。

    Returns:
        新的参数与状态。

    Raises:
        TypeError: 同 `sgd`。
        ValueError: 同 `sgd`。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §8.5.2（那里的 $\epsilon$ 加在根号里面）。

    Examples:
        >>> w, state = rmsprop([1.0, 1.0], [2.0, 0.5], lr=0.01)
        >>> w.round(6)  # 第一步走 10 倍的学习率
        array([0.9, 0.9])
    """
    _rates(lr, weight_decay)
    real("eps", eps, above=0)
    _fraction("alpha", alpha)
    (values, slope), dtype = _start(w, g)
    square = 0.0 if _of(RmsPropState, state) is None else _kept("square", state.square, values)  # type: ignore[union-attr]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = slope + weight_decay * values
        square = alpha * square + (1 - alpha) * slope * slope
        new = values - lr * slope / (np.sqrt(square) + eps)
    return _end(new, square, dtype=dtype), RmsPropState(square)


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

    $$\begin{aligned}g&\leftarrow g+\lambda w,&m&\leftarrow\beta_1m+(1-\beta_1)g,&v&\leftarrow\beta_2v+(1-\beta_2)g^2\\
    \hat m&=\frac{m}{1-\beta_1^t},&\hat v&=\frac{v}{1-\beta_2^t},&w&\leftarrow w-\eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon}
    \end{aligned}$$

    第一步 $\hat m=g$、$\hat v=g^2$，所以每个坐标走 $\eta$，与梯度的大小无关。`amsgrad=True` 时分母里用 $v$ 到目前为止
    的最大值，再校正；论文（Reddi et al.）的算法没有这个校正。

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
        Kingma & Ba (2015), arXiv:1412.6980，Algorithm 1；Reddi, Kale & Kumar (2018), arXiv:1904.09237，Algorithm 2。

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

    $\hat m$、$\hat v$ 只由梯度得到。论文的衰减是 $\eta_t\lambda w$，$\eta_t$ 是不含 $\alpha$ 的调度系数；torch 乘的是整个
    学习率 $\eta$，所以换学习率时要一起换 $\lambda$。

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
    _rates(lr, weight_decay)
    real("eps", eps, above=0)
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(problem("betas", "两个数的元组", repr(betas), "请写成 (0.9, 0.999) 的样子"))
    first, second = (_fraction(f"betas[{index}]", beta) for index, beta in enumerate(betas))
    (values, slope), dtype = _start(w, g)
    zeros = np.zeros_like(values)
    old = _of(AdamState, state) or AdamState(0, zeros, zeros, zeros if amsgrad else None)
    if (old.peak is not None) != amsgrad:
        got = f"{'有' if old.peak is not None else '没有'}最大值的状态"
        raise ValueError(problem("state", f"amsgrad={amsgrad} 时的状态", got, "请从第一步起用同样的 amsgrad"))
    mean, square = _kept("mean", old.mean, values), _kept("square", old.square, values)
    count = integer("state.step", old.step, minimum=0) + 1
    with np.errstate(over="ignore", invalid="ignore"):
        if decoupled:
            values = values * (1 - lr * weight_decay)
        else:
            slope = slope + weight_decay * values
        mean = mean + (1 - first) * (slope - mean)
        square = second * square + (1 - second) * slope * slope
        peak = None if old.peak is None else np.maximum(_kept("peak", old.peak, values), square)
        root = np.sqrt(square if peak is None else peak) / (1 - second**count) ** 0.5
        new = values - lr / (1 - first**count) * mean / (root + eps)
    return _end(new, mean, square, dtype=dtype), AdamState(count, mean, square, peak)


def minimize(
    f: Callable[[Array], tuple[Any, Any]],
    w0: ArrayLike,
    step: Callable[..., tuple[Array, Any]],
    *,
    steps: int,
    tolerance: float | None = None,
) -> Trajectory:
    r"""从 `w0` 出发走 `steps` 步，记下每个点。

    Args:
        f: `f(w)` 返回函数值与梯度（与 `w` 同形）。
        w0: 起点，形状任意。
        step: 一步的函数，选项先绑好，如 `partial(adam, lr=0.1)`。
        steps: 走几步，不小于 0；`f` 算 `steps + 1` 次。
        tolerance: 梯度各分量的绝对值都不超过它就提前停；默认不提前停。

    Returns:
        轨迹；提前停时比 `steps + 1` 短。

    Raises:
        TypeError: `f` 不返回两个数，或元素不是实数。
        ValueError: 函数值不是一个数、梯度的形状不对，或它们不是有限的（多半是学习率太大）。

    Examples:
        >>> from functools import partial
        >>> path = minimize(lambda w: (w @ w, 2 * w), [1.0, -2.0], partial(sgd, lr=0.25), steps=3)
        >>> path.values
        array([5.      , 1.25    , 0.3125  , 0.078125])
    """
    integer("steps", steps, minimum=0)
    if tolerance is not None:
        real("tolerance", tolerance, minimum=0)
    (start,), dtype = as_floats(w0=w0)
    w, state = result(start, dtype).copy(), None
    points: list[Array] = []
    values: list[Array] = []
    gradients: list[Array] = []
    while True:
        pair = f(w.copy())  # 给出去的是副本：f 就地改它，也改不了记下的点
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(problem("f", "返回 (函数值, 梯度) 的函数", repr(pair), "请让它返回两个数的元组"))
        (value, gradient), _ = as_floats(**{"f(w)[0]": pair[0], "f(w)[1]": pair[1]})
        has_shape("f(w)[0]", value, (), like="一个数")
        has_shape("f(w)[1]", gradient, w.shape, like=" `w` ")
        for what in (value, gradient):
            if not np.isfinite(what).all():
                raise ValueError(
                    problem("f", "处处有限的函数", f"第 {len(points)} 步的 nan 或 inf", "请减小学习率或换起点")
                )
        points.append(w)
        values.append(value)
        gradients.append(gradient.astype(dtype))
        if len(values) > steps or (tolerance is not None and np.abs(gradient).max(initial=0) <= tolerance):
            break
        w, state = step(w, gradients[-1], state)
    return Trajectory(np.stack(points), np.stack(values).astype(dtype), np.stack(gradients))


def clip_by_value(g: ArrayLike, *, limit: float) -> Array:
    r"""逐元素截到 $[-c,c]$；`torch.nn.utils.clip_grad_value_` 的算法。

    各分量截得不一样多，所以梯度的方向会变。

    Args:
        g: 梯度，任意形状。
        limit: 界 $c$，不小于 0。

    Returns:
        与 `g` 同形。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `limit` 是负数，或 `g` 有 `nan` 或 `inf`。

    Examples:
        >>> clip_by_value([3.0, -0.5], limit=1.0)
        array([ 1. , -0.5])
    """
    bound = real("limit", limit, minimum=0)
    (values,), dtype = as_floats(g=g)
    _finite("g", values)
    return result(np.clip(values, -bound, bound), dtype)


def clip_by_norm(*gradients: ArrayLike, max_norm: float) -> tuple[list[Array], float]:
    r"""把几个梯度当成一个长向量，2-范数超过 `max_norm` 就一起缩小；`torch.nn.utils.clip_grad_norm_` 的算法。

    $$g_i\leftarrow g_i\cdot\min\!\left(1,\ \frac{c}{\lVert g\rVert+10^{-6}}\right),\qquad
    \lVert g\rVert^2=\sum_i\lVert g_i\rVert_2^2$$

    同一个系数乘所有的梯度，所以方向不变。$10^{-6}$ 是 torch 加的：裁剪后的范数比 $c$ 略小。

    Args:
        *gradients: 各个参数的梯度，形状各异。
        max_norm: 界 $c$，不小于 0。

    Returns:
        裁剪后的梯度的列表，和裁剪**之前**的总范数。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 一个梯度也没有，`max_norm` 是负数，或梯度有 `nan` 或 `inf`。

    References:
        Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks, arXiv:1211.5063，
        Algorithm 1。

    Examples:
        >>> clipped, norm = clip_by_norm([3.0], [[4.0]], max_norm=1.0)
        >>> norm, [array.round(4).tolist() for array in clipped]
        (5.0, [[0.6], [[0.8]]])
    """
    bound = real("max_norm", max_norm, minimum=0)
    if not gradients:
        raise ValueError(problem("gradients", "至少一个梯度", "0 个", "请传入梯度，列表前加 *"))
    arrays = [as_floats(**{f"gradients[{index}]": array}) for index, array in enumerate(gradients)]
    for index, ((array,), _) in enumerate(arrays):
        _finite(f"gradients[{index}]", array)
    largest = max(float(np.abs(array).max(initial=0)) for (array,), _ in arrays)
    scale = largest or 1.0  # 先除以最大的，平方就不会溢出
    squares = sum(float(np.square(array / scale).sum(dtype=np.float64)) for (array,), _ in arrays)
    norm = scale * squares**0.5
    factor = min(1.0, bound / (norm + 1e-6))
    return [result(array * factor, dtype) for (array,), dtype in arrays], norm


def _rates(lr: float, weight_decay: float) -> None:
    real("lr", lr, minimum=0)
    real("weight_decay", weight_decay, minimum=0)


def _fraction(name: str, value: float) -> float:
    number = real(name, value, minimum=0, maximum=1)
    if number == 1:
        raise ValueError(problem(name, "小于 1 的实数", repr(value), "请改为比 1 小的数，1 永远记不进新的梯度"))
    return number


def _start(w: ArrayLike, g: ArrayLike) -> tuple[list[Array], np.dtype[Any]]:
    (values, slope), dtype = as_floats(w=w, g=g)
    has_shape("g", slope, values.shape, like=" `w` ")
    _finite("w", values)
    _finite("g", slope)
    return [values, slope], dtype


def _of(kind: type[Any], state: Any) -> Any:
    if state is not None and not isinstance(state, kind):
        got = f"{type(state).__name__} 类型的值"
        raise TypeError(problem("state", f"None 或 {kind.__name__}", got, "请传入上一步返回的状态"))
    return state


def _kept(name: str, array: Any, like: Array) -> Array:
    """状态里的数组：要与 `w` 同形。"""
    (kept,), _ = as_floats(**{f"state.{name}": array})
    has_shape(f"state.{name}", kept, like.shape, like=" `w` ")
    return np.asarray(kept)


def _finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise ValueError(problem(name, "有限的数", "nan 或 inf", "请减小学习率，或先查它从哪里来"))


def _end(w: Array, *state: Array | None, dtype: np.dtype[Any]) -> Array:
    """更新后的参数；参数或状态溢出就报错，不悄悄走下去（平方溢出的 Adam 会原地不动）。"""
    new = result(w, dtype)
    if not all(np.isfinite(array).all() for array in (new, *state) if array is not None):
        raise ValueError(problem("g", f"更新不超出 {dtype} 的梯度", "会溢出的", "请减小学习率或先裁剪梯度"))
    return new
