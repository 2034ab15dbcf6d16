r"""夹在带权重的步之间的：激活、批归一化、层归一化、随机失活。"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator

from dlnotes._check import choice, problem, real
from dlnotes.models.step import Parameters, Run, Step, nothing
from dlnotes.nn import activations
from dlnotes.nn._arrays import Array
from dlnotes.nn.batch_normalization import batch_norm, batch_norm_backward
from dlnotes.nn.dropout import dropout as drop
from dlnotes.nn.dropout import dropout_backward, dropout_mask
from dlnotes.nn.layer_normalization import layer_norm, layer_norm_backward

__all__ = ["ACTIVATIONS", "activation", "batch_normalization", "dropout", "layer_normalization"]

ACTIVATIONS = tuple(name for name in activations.__all__ if not name.endswith("_backward"))


def activation(name: str, options: Mapping[str, Any] | None = None) -> Step:
    r"""`dlnotes.nn.activations` 里的一个，`options` 是它的选项。

    `prelu` 的斜率（一个，从 0.25 开始）与权重一起学。
    """
    choice("activation", name, ACTIVATIONS)
    function, back = getattr(activations, name), getattr(activations, f"{name}_backward")
    given = dict(options or {})
    try:
        function(np.zeros(1), *([0.25] if name == "prelu" else []), **given)
    except TypeError:
        remedy = f"请看 dlnotes.nn.activations.{name} 收哪些"
        raise ValueError(problem("activation_options", f"{name} 的选项", repr(given), remedy)) from None

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, None]:
        return function(x, *p.values(), **given), None

    def backward(dy: Array, x: Array, p: Parameters, saved: None) -> tuple[Array, Parameters]:
        gradients = back(dy, x, *p.values(), **given)
        dx, *rest = gradients if isinstance(gradients, tuple) else (gradients,)
        return dx, dict(zip(p, rest, strict=False))

    def start(rng: Generator) -> Parameters:
        return {"weight": np.full(1, 0.25)} if name == "prelu" else {}

    return Step(name, start, forward, backward, nonlinear=True)


def batch_normalization(size: int, *, momentum: float = 0.1, eps: float = 1e-5) -> Step:
    r"""批归一化，对通道（第 1 轴）；推理用滑动估计。"""

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, Parameters]:
        y, mean, var = batch_norm(x, **p, training=run.training, momentum=momentum, eps=eps)
        saved = {"running_mean": mean, "running_var": var} if run.training else {}
        return y, {name: array for name, array in saved.items() if array is not None}

    def backward(dy: Array, x: Array, p: Parameters, saved: Parameters) -> tuple[Array, Parameters]:
        values = (p["running_mean"], p["running_var"], p["weight"], p["bias"])
        dx, weight, bias = batch_norm_backward(dy, x, *values, training=bool(saved), eps=eps)
        return dx, {"weight": np.asarray(weight), "bias": np.asarray(bias)}

    def start(rng: Generator) -> Parameters:
        one, zero = np.ones(size), np.zeros(size)
        return {"running_mean": zero, "running_var": one, "weight": one.copy(), "bias": zero.copy()}

    return Step("batch_norm", start, forward, backward)


def layer_normalization(size: int, *, eps: float = 1e-5) -> Step:
    r"""层归一化，对最后一轴。"""

    def forward(x: Array, p: Parameters, run: Run) -> tuple[Array, None]:
        return layer_norm(x, size, **p, eps=eps), None

    def backward(dy: Array, x: Array, p: Parameters, saved: None) -> tuple[Array, Parameters]:
        dx, weight, bias = layer_norm_backward(dy, x, size, **p, eps=eps)
        return dx, {"weight": np.asarray(weight), "bias": np.asarray(bias)}

    return Step(
        "layer_norm", lambda rng: {"weight": np.ones(size), "bias": np.zeros(size)}, forward, backward
    )


def dropout(p: float) -> Step:
    r"""随机失活，`p` 是去掉的概率；推理时什么也不做。"""
    rate = real("dropout", p, minimum=0, maximum=1)

    def forward(x: Array, parameters: Parameters, run: Run) -> tuple[Array, Any]:
        if not run.training:
            return x, None
        if run.rng is None:
            raise ValueError(
                problem("rng", "整数种子或 numpy.random.Generator", "None", "随机失活在训练时要随机数")
            )
        mask = dropout_mask(x.shape, run.rng, p=rate)
        return drop(x, mask, p=rate), mask

    def backward(dy: Array, x: Array, parameters: Parameters, mask: Any) -> tuple[Array, Parameters]:
        return (dy if mask is None else dropout_backward(dy, x, mask, p=rate)), {}

    return Step("dropout", nothing, forward, backward)
