"""写出 `tests/oracles/nn/jax.npz`：用 jax 的函数与基本运算照公式写，梯度由它自动求；多是 torch 没有的算子。

手工运行，项目自己不用它；要一个装有 jax（CPU）与 numpy 的环境：

    python tests/oracles/make/nn_jax.py

写法尽量与我们的不同：常数由条件解出，sparsemax 用 Michelot 的迭代而不排序，卷积用 `lax` 的分组卷积。
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from _record import Arrays, Record
from jax import lax, nn

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)


def differentiate(
    run: Callable[..., Any], arrays: Arrays, fixed: Arrays, draw: Callable[..., Any]
) -> tuple[Arrays, Arrays, Arrays]:
    """见 `Record`。"""
    given = {name: None if a is None else jnp.asarray(a) for name, a in (arrays | fixed).items()}
    leaves = {name: given[name] for name in arrays if given[name] is not None}

    def forward(leaves: Arrays) -> Arrays:
        found = run(*(given | leaves).values())
        return found if isinstance(found, dict) else {"y": found}

    outputs = forward(leaves)
    if not leaves:
        return outputs, {}, {}
    upstream = {name: draw(y.shape, str(y.dtype)) for name, y in outputs.items()}
    _, pull = jax.vjp(forward, leaves)
    (gradients,) = pull({name: jnp.asarray(dy) for name, dy in upstream.items()})
    return outputs, upstream, dict.fromkeys(arrays) | gradients  # 次序照 `arrays`：jax 按名字排


def elementwise(r: Record) -> None:
    def rbf(x: Any, center: Any, gamma: float) -> Any:
        return jnp.exp(-gamma * jnp.square(x if center is None else x - center))

    for shape, center in (((4,), None), ((2, 3), ()), ((2, 3), (3,)), ((2, 3, 2), (3, 1))):
        arrays = {"x": r.normal(*shape), "center": None if center is None else r.normal(*center)}
        r.both("rbf", rbf, arrays, {"gamma": 0.7})
    for shape in ((2, 3, 4), (2, 3, 4, 5)):
        axes = tuple(range(2, len(shape)))
        r.both("global_avg_pool", lambda x, a=axes: jnp.mean(x, a, keepdims=True), {"x": r.normal(*shape)})


def dropout(r: Record) -> None:
    def drop_path(x: Any, mask: Any, p: float, training: bool) -> Any:
        if not training:
            return x
        kept = jax.vmap(lambda sample, keep: lax.select(keep, sample, jnp.zeros_like(sample)))(x, mask)
        return kept / (1 - p)

    def alpha(x: Any, mask: Any, p: float, training: bool) -> Any:
        """去掉的换成 SELU 在负无穷处的值；再由「均值 0、方差 1 不变」解出线性变换。"""
        if not training:
            return x
        floor = nn.selu(jnp.asarray(-1e4, x.dtype))
        mean = p * floor
        variance = (1 - p) + p * floor**2 - mean**2
        return (jnp.where(mask, x, floor) - mean) / jnp.sqrt(variance)

    for p in (0.1, 0.5, 0.8):
        for training in (True, False):
            options = {"p": p, "training": training}
            mask = r.rng.random(5) >= p
            r.both("drop_path", drop_path, {"x": r.normal(5, 2, 3)}, options, fixed={"mask": mask})
            mask = r.rng.random((5, 6)) >= p
            r.both("alpha_dropout", alpha, {"x": r.normal(5, 6)}, options, fixed={"mask": mask})


def choices(r: Record) -> None:
    def gumbel(x: Any, noise: Any, tau: float, hard: bool, axis: int) -> Any:
        soft = nn.softmax((x + noise) / tau, axis)
        if not hard:
            return soft
        one_hot = nn.one_hot(jnp.argmax(soft, axis), x.shape[axis], dtype=x.dtype, axis=axis)
        return soft + lax.stop_gradient(one_hot - soft)

    def sparsemax(x: Any, axis: int) -> Any:
        """Michelot (1986)：去掉低于阈值的，重算阈值，直到不变；至多去掉 K 次。"""
        tau = (x.sum(axis, keepdims=True) - 1) / x.shape[axis]
        for _ in range(x.shape[axis]):
            active = x > tau
            total = jnp.where(active, x, 0).sum(axis, keepdims=True)
            tau = (total - 1) / active.sum(axis, keepdims=True, dtype=x.dtype)
        return nn.relu(x - tau)

    def jacobian(x: Any, temperature: float) -> Any:
        rows = x.reshape(-1, x.shape[-1])
        found = jax.vmap(jax.jacrev(lambda row: nn.softmax(row / temperature)))(rows)
        return found.reshape(*x.shape, x.shape[-1])

    for axis in (0, 1, -1):
        x, noise = r.normal(2, 3, 4), r.rng.gumbel(size=(2, 3, 4)).round(3)
        for hard in (False, True):
            options = {"tau": 0.7, "hard": hard, "axis": axis}
            r.both("gumbel_softmax", gumbel, {"x": x}, options, fixed={"noise": noise})
        for scale in (0.3, 1.0, 5.0):  # 支撑集由大到小
            r.both("sparsemax", sparsemax, {"x": r.normal(3, 4, 5) * scale}, {"axis": axis})
    r.both("sparsemax", sparsemax, {"x": r.normal(1)}, {"axis": 0})
    for shape, temperature in (((1,), 1.0), ((5,), 0.4), ((2, 3, 4), 2.0)):
        fixed = {"x": r.normal(*shape)}
        r.both("softmax_jacobian", jacobian, {}, {"temperature": temperature}, fixed=fixed)


def cells(r: Record) -> None:
    def gates(count: int, x: Any, weight: Any, bias: Any) -> list[Any]:
        """各个门各乘各的矩阵。"""
        blocks = jnp.split(weight, count)
        shifts = [0.0] * count if bias is None else jnp.split(bias, count)
        return [jnp.einsum("hd,nd->nh", w, x) + b for w, b in zip(blocks, shifts, strict=True)]

    def rnn(x: Any, h: Any, wi: Any, wh: Any, bi: Any, bh: Any, nonlinearity: str) -> Any:
        (a,), (b,) = gates(1, x, wi, bi), gates(1, h, wh, bh)
        return {"tanh": jnp.tanh, "relu": nn.relu}[nonlinearity](a + b)

    def lstm(x: Any, h: Any, c: Any, wi: Any, wh: Any, bi: Any, bh: Any, peephole: Any) -> Any:
        pi, pf, po = (0.0,) * 3 if peephole is None else peephole
        i, f, g, o = (a + b for a, b in zip(gates(4, x, wi, bi), gates(4, h, wh, bh), strict=True))
        new = nn.sigmoid(f + pf * c) * c + nn.sigmoid(i + pi * c) * jnp.tanh(g)
        return {"h": nn.sigmoid(o + po * new) * jnp.tanh(new), "c": new}

    def gru(x: Any, h: Any, wi: Any, wh: Any, bi: Any, bh: Any, reset_after: bool) -> Any:
        (xr, xz, xn), (hr, hz, hn) = gates(3, x, wi, bi), gates(3, h, wh, bh)
        reset, keep = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
        hn = reset * hn if reset_after else gates(3, reset * h, wh, bh)[2]
        return h + (1 - keep) * (jnp.tanh(xn + hn) - h)

    for n, d, size in ((1, 1, 1), (3, 2, 4)):
        for given in ((), ("bias_ih",), ("bias_hh",), ("bias_ih", "bias_hh")):
            for op, count, run, options in (
                ("rnn_cell", 1, rnn, {"nonlinearity": "tanh"}),
                ("rnn_cell", 1, rnn, {"nonlinearity": "relu"}),
                ("gru_cell", 3, gru, {"reset_after": True}),
                ("gru_cell", 3, gru, {"reset_after": False}),
                ("lstm_cell", 4, lstm, {}),
                ("lstm_cell", 4, lstm, {"peephole": True}),
            ):
                arrays = {"x": r.normal(n, d), "h": r.normal(n, size)}
                if op == "lstm_cell":
                    arrays["c"] = r.normal(n, size)
                arrays["weight_ih"] = r.normal(count * size, d)
                arrays["weight_hh"] = r.normal(count * size, size)
                for bias in ("bias_ih", "bias_hh"):
                    arrays[bias] = r.normal(count * size) if bias in given else None
                if op == "lstm_cell":
                    arrays["peephole"] = r.normal(3, size) if options.pop("peephole", False) else None
                r.both(op, run, arrays, options)


def separable(r: Record) -> None:
    def depthwise(
        x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1
    ) -> Any:
        pair = lambda size: (size, size) if isinstance(size, int) else size  # noqa: E731
        around = padding.upper() if isinstance(padding, str) else [(p, p) for p in pair(padding)]
        y = lax.conv_general_dilated(
            x, weight, pair(stride), around, rhs_dilation=pair(dilation), feature_group_count=x.shape[1]
        )
        return y if bias is None else y + bias[None, :, None, None]

    def both_steps(x: Any, first: Any, second: Any, bias: Any, **options: Any) -> Any:
        y = jnp.einsum("fq,nqij->nfij", second[:, :, 0, 0], depthwise(x, first, **options))
        return y if bias is None else y + bias[None, :, None, None]

    for channels, times, kernel, biased, options in (
        (1, 1, (1, 1), True, {}),
        (3, 1, (3, 3), False, {"padding": 1, "stride": 2}),
        (2, 3, (2, 3), True, {"stride": (1, 2), "padding": (0, 2)}),
        (3, 2, (3, 2), True, {"dilation": (2, 1), "padding": "same"}),
        (2, 2, (2, 2), True, {"dilation": (1, 3), "padding": "valid"}),
    ):
        x, weight = r.normal(2, channels, 6, 7), r.normal(channels * times, 1, *kernel)
        bias = r.normal(channels * times) if biased else None
        r.both("depthwise_conv2d", depthwise, {"x": x, "weight": weight, "bias": bias}, options)
        arrays = {"x": x, "depthwise": weight, "pointwise": r.normal(4, channels * times, 1, 1)}
        r.both("separable_conv2d", both_steps, arrays | {"bias": r.normal(4) if biased else None}, options)


if __name__ == "__main__":
    record = Record("jax", f"jax {jax.__version__}", differentiate, digits=3)
    for part in (elementwise, dropout, choices, cells, separable):
        part(record)
    record.write()
