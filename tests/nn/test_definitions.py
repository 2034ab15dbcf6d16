"""只与 torch 比过的简单算子，再照定义用 Python 的数算一遍：两种来源才算数。"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.signal

from dlnotes.nn import activations, adaptive_pooling, conv, conv_loops, conv_transpose, losses, unfold
from tests.nn.evidence import compare

LOOP = "定义（逐个循环）"
SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)
X = [-1e4, -30.5, -3.0, -2.2, -1.0, -0.3, 0.0, 0.4, 1.0, 2.5, 3.0, 6.0, 7.5, 1e4]
ACTIVATIONS: dict[str, tuple[dict[str, float], Callable[[float], float]]] = {
    "hardswish": ({}, lambda x: x * min(max(x + 3, 0), 6) / 6),
    "celu": ({"alpha": 0.7}, lambda x: x if x > 0 else 0.7 * math.expm1(x / 0.7)),
    "leaky_relu": ({"negative_slope": 0.2}, lambda x: x if x > 0 else 0.2 * x),
    "relu": ({}, lambda x: max(x, 0.0)),
    "relu6": ({}, lambda x: min(max(x, 0.0), 6.0)),
    "selu": ({}, lambda x: SELU[1] * (x if x > 0 else SELU[0] * math.expm1(x))),
    "hardsigmoid": ({}, lambda x: min(max(x / 6 + 0.5, 0), 1)),
    "hardtanh": ({"min_val": -0.5, "max_val": 2.0}, lambda x: min(max(x, -0.5), 2.0)),
    "softsign": ({}, lambda x: x / (1 + abs(x))),
    "tanh": ({}, math.tanh),
}
D = [(0.3, 1.0), (-2.0, 1.5), (4.0, -1.0), (0.9, 0.9), (-0.1, 0.2)]
LOSSES: dict[str, tuple[dict[str, float], Callable[[float, float], float]]] = {
    "mse_loss": ({}, lambda x, t: (x - t) ** 2),
    "l1_loss": ({}, lambda x, t: abs(x - t)),
    "smooth_l1_loss": (
        {"beta": 0.7},
        lambda x, t: (x - t) ** 2 / 1.4 if abs(x - t) < 0.7 else abs(x - t) - 0.35,
    ),
    "hinge_loss": ({"margin": 0.8}, lambda x, t: max(0.0, 0.8 - math.copysign(1, t) * x)),
}


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    options, value = ACTIVATIONS[name]
    for x in X:  # 一个一个比：放在一起，1e4 会盖过别的
        compare(
            getattr(activations, name), getattr(activations, name)([x], **options), [value(x)], source=LOOP
        )


def test_prelu() -> None:
    x, slope = normal(1, 2, 3, 4), [0.1, -0.5, 2.0]
    expected = np.zeros_like(x)
    for n, c, i in np.ndindex(x.shape):
        expected[n, c, i] = x[n, c, i] if x[n, c, i] > 0 else slope[c] * x[n, c, i]
    compare(activations.prelu, activations.prelu(x, slope), expected, source=LOOP)


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    options, value = LOSSES[name]
    loss = getattr(losses, name)
    x = [a for a, _ in D]
    target = [math.copysign(1, b) if name == "hinge_loss" else b for _, b in D]
    each = [value(a, b) for a, b in zip(x, target, strict=True)]
    for reduction, expected in (
        ("none", each),
        ("sum", math.fsum(each)),
        ("mean", math.fsum(each) / len(each)),
    ):
        compare(loss, loss(x, target, reduction=reduction, **options), expected, source=LOOP)


def test_nll_loss() -> None:
    x, target, weight = normal(2, 4, 3), [2, 0, -100, 1], [0.5, 1.0, 2.0]
    each = [0.0 if t == -100 else -weight[t] * row[t] for row, t in zip(x, target, strict=True)]
    mean = math.fsum(each) / (2.0 + 0.5 + 1.0)
    for reduction, expected in (("none", each), ("sum", math.fsum(each)), ("mean", mean)):
        compare(
            losses.nll_loss, losses.nll_loss(x, target, weight, reduction=reduction), expected, source=LOOP
        )


def test_convolutions_in_one_dimension() -> None:
    """互相关是核倒过来的卷积；转置卷积就是卷积。"""
    x, w = normal(3, 2, 1, 9), normal(4, 1, 1, 3)
    expected = [[np.convolve(row[0], w[0, 0, ::-1], mode="valid")] for row in x]
    compare(conv.conv1d, conv.conv1d(x, w), expected, source="numpy.convolve")
    expected = [[np.convolve(row[0], w[0, 0])] for row in x]
    compare(
        conv_transpose.conv_transpose1d,
        conv_transpose.conv_transpose1d(x, w),
        expected,
        source="numpy.convolve",
    )


def test_loops() -> None:
    x, w = normal(5, 1, 1, 6, 7), normal(6, 1, 1, 3, 2)
    expected = scipy.signal.correlate2d(x[0, 0], w[0, 0], mode="valid")[None, None]
    compare(conv_loops.conv2d_loop, conv_loops.conv2d_loop(x, w), expected, source="SciPy")
    expected = scipy.signal.convolve2d(x[0, 0], w[0, 0])[None, None]
    compare(
        conv_loops.conv_transpose2d_loop, conv_loops.conv_transpose2d_loop(x, w), expected, source="SciPy"
    )
    shifted = conv_loops.conv_transpose2d_loop(x, w, [0.5])
    compare(conv_loops.conv_transpose2d_loop, shifted, expected + 0.5, source="SciPy")
    # 第二种：照展开的定义，窗口与核的内积；折叠是它的伴随
    windows = np.lib.stride_tricks.sliding_window_view(x[0, 0], (3, 2))
    expected = np.einsum("hwij,ij->hw", windows, w[0, 0])[None, None]
    compare(conv_loops.conv2d_loop, conv_loops.conv2d_loop(x, w), expected, source="滑动窗口")
    spread = np.zeros((8, 8))
    for i, j in np.ndindex(6, 7):
        spread[i : i + 3, j : j + 2] += x[0, 0, i, j] * w[0, 0]
    compare(
        conv_loops.conv_transpose2d_loop,
        conv_loops.conv_transpose2d_loop(x, w),
        spread[None, None],
        source=LOOP,
    )


def test_unfold_and_fold() -> None:
    x = normal(7, 2, 3, 5, 6)
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(2, 3))
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(2, 18, 16)
    compare(unfold.unfold, unfold.unfold(x, (2, 3)), columns, source="滑动窗口")
    summed = np.zeros_like(x)
    for n, c, i, j, h, w in np.ndindex(2, 3, 2, 3, 4, 4):
        summed[n, c, h + i, w + j] += columns[n, (c * 2 + i) * 3 + j, h * 4 + w]
    compare(unfold.fold, unfold.fold(columns, (5, 6), (2, 3)), summed, source=LOOP)
    # 互为伴随，所以互为反向
    compare(unfold.unfold_backward, unfold.unfold_backward(columns, x, (2, 3)), summed, source=LOOP)
    back = unfold.fold_backward(x, columns, (5, 6), (2, 3))
    compare(unfold.fold_backward, back, columns, source="滑动窗口")


def test_global_avg_pool() -> None:
    x = normal(8, 2, 3, 4, 5)
    expected = [[[[math.fsum(c.ravel()) / 20]] for c in n] for n in x]
    compare(adaptive_pooling.global_avg_pool, adaptive_pooling.global_avg_pool(x), expected, source=LOOP)
