"""层的坏输入：卷积、池化、归一化、循环网络、注意力的每个公开函数，逐个换掉参数。

表里各取一次小而正确的调用，见 `tests/nn/bad_input.py`。
"""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dlnotes.nn.adaptive_pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    adaptive_max_pool2d_backward,
    global_avg_pool,
)
from dlnotes.nn.attend import attend
from dlnotes.nn.attention import scaled_dot_product_attention
from dlnotes.nn.attention_scores import additive_scores, dot_scores, general_scores
from dlnotes.nn.avg_pooling import avg_pool1d, avg_pool2d
from dlnotes.nn.batch_normalization import batch_norm, batch_norm_backward
from dlnotes.nn.conv import conv1d, conv2d
from dlnotes.nn.conv_loops import conv2d_loop, conv_transpose2d_loop
from dlnotes.nn.conv_transpose import (
    conv_transpose1d,
    conv_transpose2d,
)
from dlnotes.nn.gated_recurrent import gru, gru_backward
from dlnotes.nn.gated_recurrent_cell import gru_cell
from dlnotes.nn.group_normalization import group_norm, instance_norm
from dlnotes.nn.layer_normalization import layer_norm
from dlnotes.nn.linear_attention import linear_attention
from dlnotes.nn.lp_pooling import lp_pool2d
from dlnotes.nn.max_pooling import max_pool1d, max_pool1d_backward, max_pool2d, max_pool2d_backward
from dlnotes.nn.multi_head import multi_head_attention, multi_head_attention_backward
from dlnotes.nn.recurrent import lstm, lstm_backward, rnn, rnn_backward
from dlnotes.nn.recurrent_cells import Weights, lstm_cell, lstm_cell_backward, rnn_cell
from dlnotes.nn.response_normalization import local_response_norm, rms_norm
from dlnotes.nn.separable import depthwise_conv2d, separable_conv2d
from dlnotes.nn.spectral_normalization import spectral_norm, spectral_norm_backward
from dlnotes.nn.unfold import fold, unfold
from dlnotes.nn.weight_normalization import cosine_linear, weight_norm
from tests.nn.bad_input import Call, call, complaints, ids, missing, more_lenient, pair, pairs

NAMES = """
adaptive_pooling attend attention attention_scores avg_pooling batch_normalization conv conv_loops
conv_transpose gated_recurrent gated_recurrent_cell group_normalization layer_normalization linear_attention
lp_pooling max_pooling multi_head recurrent recurrent_cells response_normalization separable
spectral_normalization unfold weight_normalization
"""
MODULES = [f"dlnotes.nn.{name}" for name in NAMES.split()]


def a(*shape: int) -> Any:
    return np.linspace(-1.0, 1.0, math.prod(shape)).reshape(shape)


SLIDE: dict[str, Any] = {"stride": 1, "padding": 1, "dilation": 1}
POOL: dict[str, Any] = {"kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True}
IMAGE, SIGNAL = a(2, 2, 4, 4), a(2, 2, 4)
GROUPED = {"x": IMAGE, "weight": a(4, 1, 2, 2), "bias": a(4), **SLIDE, "groups": 2}
GROUPED1 = {"x": SIGNAL, "weight": a(4, 1, 2), "bias": a(4), **SLIDE, "groups": 2}
UP = {"x": IMAGE, "weight": a(2, 3, 3, 3), "bias": a(6), **SLIDE, "output_padding": 1, "groups": 2}
UP |= {"stride": 2}
UP1 = UP | {"x": SIGNAL, "weight": a(2, 3, 3)}
CONVOLUTIONS: list[Call] = [
    *pair(conv2d, **GROUPED),
    *pair(conv1d, **GROUPED1),
    *pair(conv_transpose2d, **UP),
    *pair(conv_transpose1d, **UP1),
    call(conv2d_loop, **GROUPED | {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1)}),
    call(
        conv_transpose2d_loop,
        **UP | {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "output_padding": (1, 1)},
    ),
    *pair(depthwise_conv2d, x=IMAGE, weight=a(4, 1, 2, 2), bias=a(4), **SLIDE),
    *pair(separable_conv2d, x=IMAGE, depthwise=a(4, 1, 2, 2), pointwise=a(3, 4, 1, 1), bias=a(3), **SLIDE),
    *pair(unfold, x=IMAGE, kernel_size=2, **SLIDE),
    *pair(fold, x=a(2, 8, 25), output_size=(4, 4), kernel_size=2, **SLIDE),
]
POOLINGS: list[Call] = [
    *pair(avg_pool2d, x=IMAGE, **POOL, count_include_pad=False),
    *pair(avg_pool2d, x=IMAGE, **POOL | {"stride": 1}, divisor_override=1),
    *pair(avg_pool1d, x=SIGNAL, **POOL, count_include_pad=False),
    call(max_pool2d, x=IMAGE, **POOL, dilation=1, return_indices=True),
    call(max_pool2d_backward, dy=a(2, 2, 5, 5), x=IMAGE, **POOL | {"stride": 1}, dilation=1),
    call(max_pool1d, x=SIGNAL, **POOL, dilation=1, return_indices=True),
    call(max_pool1d_backward, dy=a(2, 2, 3), x=SIGNAL, **POOL, dilation=1),
    *pair(lp_pool2d, x=IMAGE, norm_type=2.0, kernel_size=2, stride=2, ceil_mode=True),
    *pair(adaptive_avg_pool2d, x=IMAGE, output_size=(2, 3)),
    call(adaptive_max_pool2d, x=IMAGE, output_size=(2, 3), return_indices=True),
    call(adaptive_max_pool2d_backward, dy=a(2, 2, 2, 3), x=IMAGE, output_size=(2, 3)),
    *pair(global_avg_pool, x=IMAGE),
]
RUNNING = {"x": SIGNAL, "running_mean": a(2), "running_var": np.ones(2)}
RUNNING |= {"weight": a(2), "bias": a(2), "training": True, "momentum": 0.1, "eps": 1e-5}
POWER = {
    "weight": a(3, 4),
    "u": np.ones(3),
    "v": np.ones(4),
    "n_power_iterations": 1,
    "axis": 0,
    "eps": 1e-12,
}
NORMS: list[Call] = [
    *pair(layer_norm, x=SIGNAL, normalized_shape=(2, 4), weight=a(2, 4), bias=a(2, 4), eps=1e-5),
    *pair(group_norm, x=SIGNAL, num_groups=2, weight=a(2), bias=a(2), eps=1e-5),
    *pair(instance_norm, x=SIGNAL, weight=a(2), bias=a(2), eps=1e-5),
    call(batch_norm, **RUNNING),
    call(batch_norm, **RUNNING | {"training": False}),
    call(batch_norm_backward, dy=SIGNAL, **RUNNING),
    call(batch_norm_backward, dy=SIGNAL, **RUNNING | {"training": False}),
    *pair(rms_norm, x=SIGNAL, normalized_shape=(4,), weight=a(4), eps=1e-5),
    *pair(local_response_norm, x=SIGNAL, size=3, alpha=1e-4, beta=0.75, k=1.0, average=True),
    *pair(weight_norm, v=a(3, 4), g=a(3, 1), axis=0),
    *pair(cosine_linear, x=a(3, 4), weight=a(2, 4), eps=1e-12),
    call(spectral_norm, **POWER),
    call(spectral_norm_backward, dy=a(3, 4), **POWER),
]


def cell(gates: int) -> dict[str, Any]:
    return {
        "weight_ih": a(gates * 2, 3),
        "weight_hh": a(gates * 2, 2),
        "bias_ih": a(gates * 2),
        "bias_hh": a(gates * 2),
    }


INPUT: dict[str, Any] = {"x": a(2, 3), "h": a(2, 2)}
STATE = a(1, 2, 2)
SEQUENCE: dict[str, Any] = {"x": a(3, 2, 3), "h0": STATE, "batch_first": False, "bidirectional": False}
SEQUENCE |= {"lengths": np.array([3, 1])}
PEEPHOLE = {**cell(4), "peephole": a(3, 2)}
RNN, LSTM, GRU = ([Weights(**one)] for one in (cell(1), PEEPHOLE, cell(3)))
ENDS = {"dy": a(3, 2, 2), "dh_n": STATE}
RECURRENT: list[Call] = [
    *pair(rnn_cell, **INPUT, **cell(1), nonlinearity="relu"),
    *pair(rnn_cell, **INPUT, **cell(1), nonlinearity="tanh"),
    call(lstm_cell, **INPUT, c=a(2, 2), **PEEPHOLE),
    call(lstm_cell_backward, dh_new=a(2, 2), dc_new=a(2, 2), **INPUT, c=a(2, 2), **PEEPHOLE),
    *pair(gru_cell, **INPUT, **cell(3), reset_after=True),
    *pair(gru_cell, **INPUT, **cell(3), reset_after=False),
    call(rnn, **SEQUENCE, weights=RNN, nonlinearity="relu"),
    call(rnn_backward, **ENDS, **SEQUENCE, weights=RNN, nonlinearity="relu"),
    call(lstm, **SEQUENCE, c0=STATE, weights=LSTM),
    call(lstm_backward, **ENDS, dc_n=STATE, **SEQUENCE, c0=STATE, weights=LSTM),
    call(gru, **SEQUENCE, weights=GRU, reset_after=True),
    call(gru_backward, **ENDS, **SEQUENCE, weights=GRU, reset_after=True),
]
MASKS: dict[str, Any] = {"attn_mask": a(3, 4), "dropout_mask": np.ones((3, 4)), "is_causal": True}
VECTORS: dict[str, Any] = {"query": a(2, 3, 2), "key": a(2, 4, 2)}
HEADS: dict[str, Any] = {
    **VECTORS,
    "value": a(2, 4, 5),
    "q_proj_weight": a(4, 2),
    "k_proj_weight": a(4, 2),
    "v_proj_weight": a(6, 5),
    "out_proj_weight": a(3, 6),
    "q_proj_bias": a(4),
    "k_proj_bias": a(4),
    "v_proj_bias": a(6),
    "out_proj_bias": a(3),
    "num_heads": 2,
    **MASKS,
}
ATTENTIONS: list[Call] = [
    *pair(attend, scores=a(2, 3, 4), value=a(2, 4, 5), **MASKS),
    *pair(scaled_dot_product_attention, **VECTORS, value=a(2, 4, 5), **MASKS, scale=0.5, enable_gqa=False),
    *pair(dot_scores, **VECTORS),
    *pair(general_scores, **VECTORS, weight=a(2, 2)),
    *pair(additive_scores, **VECTORS, query_weight=a(5, 2), key_weight=a(5, 2), v=a(5)),
    *pair(linear_attention, query=a(2, 3, 2), key=a(2, 3, 2), value=a(2, 3, 4), is_causal=True),
    *pair(linear_attention, **VECTORS, value=a(2, 4, 4), is_causal=False),
    call(multi_head_attention, **HEADS, need_weights=True, average_attn_weights=False),
    call(multi_head_attention_backward, dy=a(2, 3, 3), **HEADS),
]
CALLS = [*CONVOLUTIONS, *POOLINGS, *NORMS, *RECURRENT, *ATTENTIONS]


def test_every_function_is_listed() -> None:
    assert missing(MODULES, CALLS) == []


@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=ids(CALLS))
def test_bad_input(function: Any, arguments: dict[str, Any]) -> None:
    assert complaints(function, arguments) == []


PAIRS = pairs(CALLS)


@pytest.mark.parametrize(("forward", "backward"), PAIRS, ids=ids(f for f, _ in PAIRS))
def test_the_backward_refuses_what_the_forward_refuses(forward: Call, backward: Call) -> None:
    assert more_lenient(forward, backward) == []


Change = Callable[[Any], Any]


def floats(arguments: dict[str, Any]) -> Iterator[tuple[str, Callable[[Change], dict[str, Any]]]]:
    """各浮点数组，和把它换掉的办法；`weights` 里的每个也算。"""
    for name, value in arguments.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield name, lambda change, name=name: arguments | {name: change(arguments[name])}  # type: ignore[misc]
        elif name == "weights":
            (layer,) = value
            for field, array in layer._asdict().items():
                if array is not None:

                    def within(change: Change, field: str = field, layer: Weights = layer) -> dict[str, Any]:
                        changed = {field: change(getattr(layer, field))}
                        return arguments | {"weights": [layer._replace(**changed)]}

                    yield field, within


def flat(results: Any) -> list[Any]:
    if results is None:
        return []
    if isinstance(results, tuple | list):
        return [array for one in results for array in flat(one)]
    return [results]


@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=ids(CALLS))
def test_extreme_values(function: Any, arguments: dict[str, Any]) -> None:
    """一个数组填满极端的数，或两种符号相间，不警告；类型不变。"""
    one = [(fill,) for fill in (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 0.0)]
    for name, changed in floats(arguments):
        for fills in [*one, (np.inf, -np.inf), (1e308, -1e308), (1e308, 1e308, -np.inf)]:
            if name == "running_var" and min(fills) < 0:
                continue
            for kept in (0, 2):

                def change(x: Any, fills: tuple[float, ...] = fills, kept: int = kept) -> Any:
                    filled = x.copy()
                    rest = filled.reshape(-1)[kept and x.size // kept :]
                    rest[...] = np.resize(fills, rest.shape)
                    return filled

                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    results = function(**changed(change))
                assert {x.dtype.kind for x in flat(results)} <= set("fi")


# 值不影响梯度的参数：线性的函数不看输入，最大池化只看谁最大，训练时不看滑动估计，偏置只看有没有。
UNUSED = {
    "x": """avg_pool1d avg_pool2d unfold fold adaptive_avg_pool2d global_avg_pool
        max_pool1d max_pool2d adaptive_max_pool2d""",
    "running_mean": "batch_norm",
    "running_var": "batch_norm",
    "bias": """conv1d conv2d conv_transpose1d conv_transpose2d depthwise_conv2d separable_conv2d
        layer_norm group_norm instance_norm batch_norm""",
    "out_proj_bias": "multi_head_attention",
}


def ignored(function: Any, name: str, arguments: dict[str, Any]) -> bool:
    """这个参数的值不影响结果，所以它的 `nan` 也不会出现。"""
    if name == "v" and "n_power_iterations" in arguments:
        return True  # 迭代从 u 开始，v 立刻被换掉
    if name.startswith("running") and not arguments["training"]:
        return False
    forward, is_backward, _ = function.__name__.partition("_backward")
    return bool(is_backward) and forward in UNUSED.get(name, "").split()


@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=ids(CALLS))
def test_nan_is_never_lost(function: Any, arguments: dict[str, Any]) -> None:
    for name, changed in floats(arguments):
        results = function(**changed(lambda x: np.full_like(x, np.nan)))
        lost = not any(np.isnan(x).any() for x in flat(results))
        assert lost == ignored(function, name, arguments), name
