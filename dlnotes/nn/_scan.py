r"""把一个单元沿时间走一遍：多层、双向、不等长，和穿过时间的反向。

三种网络共用；单元只管一步。不等长靠掩码：过了末尾，状态原地不动，输出是 0。反方向也一样：从最右边往回走，填充
处保持初始状态，到了真正的末尾才开始，所以恰好等于各序列单独倒着跑。
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem, shown
from dlnotes.nn._arrays import Array, as_floats, has_shape, integers, result
from dlnotes.nn._recurrent import REQUIRED, Weights, check_weights, unpacked

State = tuple[Array, ...]  # (h,) 或 (h, c)，各为 (N, H)


class Cell(NamedTuple):
    """一步的前向与反向。

    Attributes:
        gates: 门数。
        step: `(x, state, weights)` 变成新的 `state`。
        back: `(dstate, x, state, weights)` 变成 `(dx, *dstate, *dweights)`。
    """

    gates: int
    step: Callable[..., State]
    back: Callable[..., tuple[Any, ...]]


class Layout(NamedTuple):
    """三种网络共有的选项，见 `recurrent.rnn`。"""

    bidirectional: bool
    batch_first: bool
    lengths: ArrayLike | None


class Problem(NamedTuple):
    """检查过的参数，时间在最前。

    Attributes:
        x: 形状 `(L, N, D)`；填充处已经清零，那里有什么都不影响结果。
        weights: 各层、各方向的权重。
        states: 初始状态，每个 `(层数*方向数, N, H)`。
        mask: 形状 `(L, N, 1)`，真正有输入的地方是 True。
        directions: 1 或 2。
        dtype: 结果的类型。
        extra: 其余的数组（反向里各输出的梯度）。
    """

    x: Array
    weights: list[Weights]
    states: list[Array]
    mask: Array
    directions: int
    dtype: np.dtype[Any]
    extra: list[Any]


def scan(
    cell: Cell,
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    initial: dict[str, ArrayLike | None],
    layout: Layout,
) -> tuple[Array, ...]:
    """最后一层的输出，和各个末状态；没有给的初始状态是 0。"""
    p = _prepare(cell, {"x": x}, weights, initial, {}, layout)
    y, finals, _, _ = _forward(cell, p)
    return tuple(result(array, p.dtype) for array in (_swap(y, layout.batch_first), *finals))


def scan_backward(
    cell: Cell,
    dy: ArrayLike,
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    initial: dict[str, ArrayLike | None],
    dfinals: dict[str, ArrayLike | None],
    layout: Layout,
) -> tuple[Array, list[Weights], list[Array | None]]:
    """输入、各份权重、各个初始状态的梯度；没有给的是 None。"""
    p = _prepare(cell, {"dy": dy, "x": x}, weights, initial, dfinals, layout)
    upstream, *ends = p.extra
    upstream = _swap(upstream, layout.batch_first and upstream.ndim == 3)  # 形状由 _backward 检查
    dx, dweights, dstates = _backward(cell, p, upstream, ends)
    ready = [Weights(*(None if a is None else result(a, p.dtype) for a in w)) for w in dweights]
    given = zip(dstates, initial.values(), strict=True)
    dinitial = [None if state is None else result(d, p.dtype) for d, state in given]
    return result(_swap(dx, layout.batch_first), p.dtype), ready, dinitial


def _prepare(
    cell: Cell,
    required: dict[str, ArrayLike],
    weights: Sequence[Sequence[Any]],
    initial: dict[str, ArrayLike | None],
    extra: dict[str, ArrayLike | None],
    layout: Layout,
) -> Problem:
    """转成浮点数组，检查形状；`required` 是 `x`，反向时还有 `dy`。"""
    bidirectional, batch_first, lengths = layout
    boolean("bidirectional", bidirectional)
    boolean("batch_first", batch_first)
    directions = 2 if bidirectional else 1
    given = unpacked(weights, directions)
    named = {f"weights[{k}].{n}": a for k, w in enumerate(given) for n, a in w._asdict().items()}
    needed = required | {name: named.pop(name) for name in list(named) if name.endswith(REQUIRED)}
    optional = {**initial, **extra, **named}
    arrays, dtype = as_floats(**needed, optional=optional)
    found = dict(zip([*needed, *optional], arrays, strict=True))
    if found["x"].ndim != 3:
        expected = "形状 (N, L, D)" if batch_first else "形状 (L, N, D)"
        raise ValueError(problem("x", expected, str(found["x"].shape), "只有一个序列时也请留着批的轴"))
    x_ = _swap(found["x"], batch_first)
    ready = [Weights(*(found[f"weights[{k}].{n}"] for n in Weights._fields)) for k in range(len(given))]
    size = ready[0].weight_hh.shape[-1] if ready[0].weight_hh.ndim else 0
    for k, w in enumerate(ready):
        inputs = x_.shape[2] if k < directions else directions * size
        check_weights(cell.gates, w, inputs, prefix=f"weights[{k}].")
        has_shape(f"weights[{k}].weight_hh", w.weight_hh, (cell.gates * size, size), like="第 0 份权重")
    states = []
    for name in initial:
        shape = (len(ready), x_.shape[1], size)
        state = np.zeros(shape, x_.dtype) if found[name] is None else found[name]
        has_shape(name, state, shape, like="层数×方向数、批量、隐状态")
        states.append(state)
    mask = _mask(lengths, *x_.shape[:2])
    others = [found.get("dy"), *map(found.get, extra)]
    return Problem(np.where(mask, x_, 0), ready, states, mask, directions, dtype, others)


def _swap(x: Array, batch_first: bool) -> Array:
    """`batch_first` 时交换前两轴。"""
    return x.swapaxes(0, 1) if batch_first else x


def _forward(cell: Cell, p: Problem) -> tuple[Array, list[Array], list[Array], list[list[State]]]:
    """最后一层的输出、各个末状态；反向还要各层的输入、各步之前的状态。"""
    x, inputs, finals, before = p.x, [], [], []
    for k, w in enumerate(p.weights):
        if k % p.directions == 0:
            inputs.append(x)
            outputs = []
        y, final, states = _run(cell, x, tuple(s[k] for s in p.states), w, p.mask, _order(p, k))
        outputs.append(y)
        finals.append(final)
        before.append(states)
        if len(outputs) == p.directions:
            x = np.concatenate(outputs, axis=2)
    return x, [np.stack(state) for state in zip(*finals, strict=True)], inputs, before


def _backward(
    cell: Cell, p: Problem, dy: Array, dfinals: list[Array | None]
) -> tuple[Array, list[Weights], list[Array]]:
    """输入、各份权重、初始状态的梯度；从最后一层往前，每层从最后一步往前。"""
    y, _, inputs, before = _forward(cell, p)
    has_shape("dy", dy, y.shape, like="输出")
    ends = [np.zeros_like(s) if d is None else d for s, d in zip(p.states, dfinals, strict=True)]
    for name, s, end in zip(("dh_n", "dc_n"), p.states, ends, strict=False):
        has_shape(name, end, s.shape, like="末状态")
    dweights: list[Any] = [None] * len(p.weights)
    dstates = [np.zeros_like(s) for s in p.states]
    for layer in reversed(range(len(inputs))):
        dx = np.zeros_like(inputs[layer])
        parts = np.split(dy, p.directions, axis=2)
        for direction, part in enumerate(parts):
            k = layer * p.directions + direction
            last = tuple(e[k] for e in ends)
            one, dstate, dweights[k] = _run_backward(
                cell, part, last, inputs[layer], before[k], p.weights[k], p.mask, _order(p, k)
            )
            dx += one  # 两个方向读的是同一个输入
            for total, d in zip(dstates, dstate, strict=True):
                total[k] = d
        dy = dx
    return dy, dweights, dstates


def _run(
    cell: Cell, x: Array, state: State, w: Weights, mask: Array, order: Sequence[int]
) -> tuple[Array, State, list[State]]:
    """一层一个方向：输出 `(L, N, H)`，末状态，各步之前的状态。"""
    y = np.zeros((len(x), *state[0].shape), x.dtype)
    before: list[Any] = [None] * len(x)
    for t in order:
        before[t] = state
        new = cell.step(x[t], state, w)
        y[t] = np.where(mask[t], new[0], 0)
        state = tuple(np.where(mask[t], n, s) for n, s in zip(new, state, strict=True))
    return y, state, before


def _run_backward(
    cell: Cell,
    dy: Array,
    dstate: State,
    x: Array,
    before: list[State],
    w: Weights,
    mask: Array,
    order: Sequence[int],
) -> tuple[Array, State, Weights]:
    """`_run` 的反向：倒着走；同一份权重每步用一次，梯度相加。"""
    dx = np.zeros_like(x)
    dw: list[Any] = [None if a is None else np.zeros_like(a) for a in w]
    for t in reversed(order):
        # 前向 state = mask ? 新 : 旧，它的伴随把梯度分成两份。
        kept = tuple(np.where(mask[t], 0, d) for d in dstate)
        dnew = [np.where(mask[t], d, 0) for d in dstate]
        dnew[0] = dnew[0] + np.where(mask[t], dy[t], 0)
        gradients = cell.back(tuple(dnew), x[t], before[t], w)
        dx[t] = gradients[0]
        dstate = tuple(d + k for d, k in zip(gradients[1 : 1 + len(kept)], kept, strict=True))
        for total, gradient in zip(dw, gradients[1 + len(kept) :], strict=False):
            if total is not None:
                total += gradient
    return dx, dstate, Weights(*dw)


def _order(p: Problem, k: int) -> Sequence[int]:
    return range(len(p.x))[::-1] if k % p.directions else range(len(p.x))


def _mask(lengths: ArrayLike | None, steps: int, batch: int) -> Array:
    if lengths is None:
        return np.ones((steps, batch, 1), bool)
    counts = integers("lengths", lengths)
    has_shape("lengths", counts, (batch,), like="每个序列一个数")
    if ((counts < 0) | (counts > steps)).any():
        raise ValueError(
            problem("lengths", f"0 到 {steps} 的整数", shown(counts.tolist()), "长度不能超过 `x` 的")
        )
    mask: Array = np.arange(steps)[:, None, None] < counts[:, None]
    return mask
