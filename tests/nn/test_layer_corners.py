"""层的边角：没有通道，大得离谱的选项，写坏的权重与长度，`nan` 与 float16。"""

import math
import re
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dlnotes.nn.adaptive_pooling import (
    adaptive_avg_pool2d,
)
from dlnotes.nn.avg_pooling import avg_pool2d
from dlnotes.nn.batch_normalization import batch_norm, batch_norm_backward
from dlnotes.nn.conv import conv1d, conv1d_backward, conv2d, conv2d_backward
from dlnotes.nn.conv_loops import conv2d_loop, conv_transpose2d_loop
from dlnotes.nn.conv_transpose import (
    conv_transpose1d,
    conv_transpose1d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
)
from dlnotes.nn.layer_normalization import layer_norm, layer_norm_backward
from dlnotes.nn.lp_pooling import lp_pool2d
from dlnotes.nn.max_pooling import max_pool2d
from dlnotes.nn.multi_head import multi_head_attention, multi_head_attention_backward
from dlnotes.nn.recurrent import rnn, rnn_backward
from dlnotes.nn.recurrent_cells import Weights, rnn_cell_backward
from dlnotes.nn.response_normalization import local_response_norm, local_response_norm_backward, rms_norm
from dlnotes.nn.separable import depthwise_conv2d, separable_conv2d, separable_conv2d_backward
from dlnotes.nn.spectral_normalization import spectral_norm
from dlnotes.nn.unfold import fold, unfold
from dlnotes.nn.weight_normalization import weight_norm, weight_norm_backward
from tests.nn.bad_input import bad_wording


def a(*shape: int) -> Any:
    return np.linspace(-1.0, 1.0, math.prod(shape)).reshape(shape)


IMAGE = a(2, 2, 4, 4)


def one(shape: tuple[int, ...]) -> Any:
    return np.ones(shape)


CHANNELS: list[tuple[Any, str]] = [
    (lambda: conv2d(one((1, 0, 3, 3)), one((2, 0, 1, 1))), "`x` 应为至少有一个通道、一个位置的数组"),
    (lambda: conv2d(one((1, 2, 3, 3)), one((0, 2, 1, 1))), "`weight` 应为各轴都不为 0 的数组"),
    (lambda: conv2d(one((1, 2, 3, 3)), one((2, 2, 0, 1))), "`weight` 应为各轴都不为 0 的数组"),
    (lambda: conv1d(one((1, 0, 3)), one((2, 0, 1))), "`x` 应为至少有一个通道"),
    (lambda: conv1d_backward(one((1, 2, 3)), one((1, 0, 3)), one((2, 0, 1))), "`x` 应为至少有一个通道"),
    (lambda: conv2d_backward(one((1, 0, 3, 3)), one((1, 2, 3, 3)), one((0, 2, 1, 1))), "`weight` 应为各轴"),
    (lambda: conv_transpose2d(one((1, 0, 3, 3)), one((0, 2, 1, 1))), "`x` 应为至少有一个通道"),
    (lambda: conv_transpose2d(one((1, 2, 0, 3)), one((2, 2, 3, 3))), "`x` 应为至少有一个通道、一个位置"),
    (lambda: conv_transpose1d(one((1, 2, 3)), one((2, 0, 1))), "`weight` 应为各轴都不为 0"),
    (
        lambda: conv_transpose1d(one((1, 3, 3)), one((3, 1, 1)), groups=2),
        "`groups` 应为通道数 3 的约数",
    ),
    (
        lambda: conv_transpose1d_backward(one((1, 2, 3)), one((1, 2, 3)), one((2, 0, 1))),
        "`weight` 应为各轴都不为 0",
    ),
    (
        lambda: conv_transpose2d_backward(one((1, 1, 3, 3)), one((1, 0, 3, 3)), one((0, 1, 1, 1))),
        "`x` 应为至少有一个通道",
    ),
    (lambda: conv2d_loop(one((1, 0, 3, 3)), one((2, 0, 1, 1))), "`x` 应为至少有一个通道"),
    (lambda: conv_transpose2d_loop(one((1, 2, 3, 3)), one((2, 0, 1, 1))), "`weight` 应为各轴都不为 0"),
    (lambda: depthwise_conv2d(one((1, 0, 3, 3)), one((2, 1, 1, 1))), "`x` 应为至少有一个通道"),
    (
        lambda: depthwise_conv2d(one((1, 2, 3, 3)), one((0, 1, 1, 1))),
        "`weight` 应为形状 (C*M, 1, kh, kw)",
    ),
    (
        lambda: depthwise_conv2d(one((1, 2, 3, 3)), one((3, 1, 1, 1))),
        "`weight` 应为形状 (C*M, 1, kh, kw)",
    ),
    (
        lambda: depthwise_conv2d(one((1, 2, 3, 3)), one((2, 2, 1, 1))),
        "`weight` 应为形状 (C*M, 1, kh, kw)",
    ),
    (
        lambda: separable_conv2d(one((1, 2, 3, 3)), one((3, 1, 1, 1)), one((1, 3, 1, 1))),
        "`depthwise` 应为形状 (C*M, 1, kh, kw) 的数组",
    ),
    (
        lambda: separable_conv2d_backward(IMAGE, IMAGE, one((2, 1, 1, 1)), one((0, 2, 1, 1))),
        "`pointwise` 应为形状 (F, 2, 1, 1) 的数组",
    ),
]


@pytest.mark.parametrize("number", range(len(CHANNELS)))
def test_channels(number: int) -> None:
    run, message = CHANNELS[number]
    with pytest.raises(ValueError, match="^" + re.escape(message)) as caught:
        run()
    assert bad_wording(str(caught.value), ["x", "weight", "groups", "depthwise", "pointwise"]) == []


def test_huge_options() -> None:
    """大得离谱的选项：不起作用的照样算，起作用的说清楚，不从 numpy 里溢出。"""
    huge, image, rng = 10**30, IMAGE, np.random.default_rng(0)
    weight, point, point_up = (rng.standard_normal((3, 2, k, k)) for k in (2, 1, 1))
    first = conv2d(image, weight)[:, :, :1, :1]
    assert np.allclose(conv2d(image, weight, stride=huge), first, rtol=1e-14)
    assert np.array_equal(conv2d(image, point, dilation=huge), conv2d(image, point))
    single = conv_transpose2d(first, point_up, stride=huge, dilation=huge)
    assert np.array_equal(single, conv_transpose2d(first, point_up))
    assert np.array_equal(max_pool2d(image, 2, stride=huge), max_pool2d(image, 2)[:, :, :1, :1])
    wide = local_response_norm(image, huge, alpha=1e30)
    assert np.allclose(wide, image / (1 + (image**2).sum(axis=1, keepdims=True)) ** 0.75, rtol=1e-14)
    for run, name in (
        (lambda: conv2d(image, weight, padding=huge), "padding"),
        (lambda: conv2d(image, weight, dilation=huge), "x"),
        (lambda: conv_transpose2d(image, weight[:2], stride=huge), "stride"),
        (lambda: conv_transpose2d(image, weight[:2], dilation=huge), "dilation"),
        (lambda: conv_transpose2d(image, weight[:2], dilation=(1, huge)), "dilation"),
        # 裁完只剩几个像素，裁之前却装不下
        (lambda: conv_transpose2d(image, weight[:2], stride=2**40, padding=3 * 2**39), "padding"),
        (lambda: max_pool2d(image, huge, ceil_mode=True), "kernel_size"),
        (lambda: fold(image[0], huge, 2), "output_size"),
        (lambda: adaptive_avg_pool2d(image, huge), "output_size"),
        (lambda: avg_pool2d(image, 2, divisor_override=10**400), "divisor_override"),
        (lambda: local_response_norm(image, 10**400), "size"),
        (lambda: unfold(image, 10**400), "x"),
        (lambda: fold(image[0], 2, 5), "output_size"),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            run()
        assert str(caught.value).startswith(f"`{name}`"), caught.value
        assert bad_wording(str(caught.value), [name]) == []


def test_power_iteration_stops_at_its_fixed_point() -> None:
    w = np.diag([3.0, 1.0, 0.5])
    u, v = np.ones(3), np.ones(3)
    enough = spectral_norm(w, u, v, n_power_iterations=2000)
    assert np.allclose(enough.weight, w / 3, rtol=1e-15)
    for other, expected in zip(spectral_norm(w, u, v, n_power_iterations=10**30), enough, strict=True):
        assert np.array_equal(other, expected)
    lost = spectral_norm(w * np.nan, u, v, n_power_iterations=10**30)  # nan 也是不动点
    assert all(np.isnan(each).all() for each in lost)
    few = [spectral_norm(w, u, v, n_power_iterations=n).u for n in range(4)]
    assert all((before != after).any() for before, after in pairwise(few))


SHORT = [(a(2, 3), a(2, 2))]
WRONG_WEIGHTS: list[tuple[Any, str]] = [
    (None, "`weights` 应为 `Weights` 的列表"),
    ("ab", "`weights` 应为 `Weights` 的列表"),
    (a(1, 2, 3), "`weights` 应为 `Weights` 的列表"),
    (iter(SHORT), "`weights` 应为 `Weights` 的列表"),
    (Weights(*SHORT[0]), "`weights[0]` 应为"),  # 忘了列表
    ([None], "`weights[0]` 应为"),
    ([()], "`weights[0]` 应为"),
    ([(a(2, 3),)], "`weights[0]` 应为"),
    ([(a(2, 3), a(2, 2), None, None, None, None)], "`weights[0]` 应为"),
    ([a(2, 3)], "`weights[0]` 应为"),
    ([], "`weights` 应为至少一层的权重"),
    ([(None, a(2, 2))], "`weights[0].weight_ih` 应为实数的数组"),
    ([(a(2, 3), None)], "`weights[0].weight_hh` 应为实数的数组"),
    ([*SHORT, (a(2, 2), "a")], "`weights[1].weight_hh` 应为实数的数组"),
    ([(a(2, 3), [[1.0], [1.0, 2.0]])], "`weights[0].weight_hh` 应为实数的数组"),
    ([(a(2, 3), 1.0)], "`weights[0].weight_hh` 应为形状 (H, H)"),
    ([(a(2, 3), a(2))], "`weights[0].weight_hh` 应为形状 (H, H)"),
    ([(1.0, a(2, 2))], "`weights[0].weight_ih` 应为形状 (2, 3)"),
    ([(a(2, 3), a(2, 2), a(3))], "`weights[0].bias_ih` 应为形状 (2,)"),
    ([(a(2, 3), a(2, 2), None, None, a(3, 2))], "`weights[0].peephole` 应为 None"),
]


@pytest.mark.parametrize("number", range(len(WRONG_WEIGHTS)))
def test_malformed_weights(number: int) -> None:
    weights, message = WRONG_WEIGHTS[number]
    for run in (lambda: rnn(a(3, 2, 3), weights), lambda: rnn_backward(a(3, 2, 2), a(3, 2, 3), weights)):
        with pytest.raises((TypeError, ValueError)) as caught:
            run()
        assert str(caught.value).startswith(message)
        assert bad_wording(str(caught.value), ["weights"]) == []


def test_malformed_lengths_and_states() -> None:
    x = a(3, 2, 3)
    for options, message in (
        ({"lengths": [1.0, 2.0]}, "`lengths` 应为整数数组"),
        ({"lengths": [True, True]}, "`lengths` 应为整数数组"),
        ({"lengths": [[1], [1, 2]]}, "`lengths` 应为整数数组"),
        ({"lengths": ["1", "2"]}, "`lengths` 应为整数数组"),
        ({"lengths": 2}, "`lengths` 应为形状 (2,)"),
        ({"lengths": [1, 2, 3]}, "`lengths` 应为形状 (2,)"),
        ({"lengths": [1, 4]}, "`lengths` 应为 0 到 3 的整数"),
        ({"lengths": [-1, 2]}, "`lengths` 应为 0 到 3 的整数"),
        ({"lengths": np.array([1, 2**64 - 1], np.uint64)}, "`lengths` 应为"),
        ({"lengths": [1, 10**30]}, "`lengths` 应为"),
        ({"h0": a(2, 2)}, "`h0` 应为形状 (1, 2, 2)"),
        ({"h0": "a"}, "`h0` 应为实数的数组"),
        ({"h0": (a(1, 2, 2), a(1, 2))}, "`h0` 应为实数的数组"),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            rnn(x, SHORT, **options)
        assert str(caught.value).startswith(message)
    with pytest.raises(TypeError, match=r"^`dy` 应为实数的数组，得到 ?None"):
        rnn_backward(None, x, SHORT)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^`dh_n` 应为形状 \(1, 2, 2\)"):
        rnn_backward(a(3, 2, 2), x, SHORT, dh_n=a(2, 2))


def test_relu_cell_keeps_nan_and_float16() -> None:
    """预激活小到 float16 装不下，导数仍是 1；是 `nan`，梯度也是。"""
    tiny = np.array([[1e-5]], np.float16)
    gradients = rnn_cell_backward([[np.float16(1)]], tiny, tiny * 0, tiny, tiny, nonlinearity="relu")
    assert tiny[0, 0] ** 2 == 0
    assert gradients[0] == tiny
    # tanh(4.5) 在 float16 里舍入成 1 - 2⁻¹²，导数只有一位有效数字
    x, w = np.array([[4.5]], np.float16), np.array([[1]], np.float16)
    exact = 1 / np.cosh(4.5) ** 2
    for rate in rnn_cell_backward(w, x, x * 0, w, w)[:2]:
        assert float(rate[0, 0]) == pytest.approx(exact, rel=2e-3)
    nan = np.array([[np.nan, 1.0]]), np.zeros((1, 1)), np.ones((1, 2)), np.ones((1, 1))
    for nonlinearity in ("relu", "tanh"):
        assert np.isnan(rnn_cell_backward([[1.0]], *nan, nonlinearity=nonlinearity)[0]).all()
    # 关着的单元没有路，上游是无穷大也得 0；恰在折点也算关着，与 `relu_backward` 相同
    for x in (-1.0, 0.0):
        closed = rnn_cell_backward([[np.inf]], [[x]], [[0.0]], [[1.0]], [[1.0]], nonlinearity="relu")
        assert [gradient.item() for gradient in closed[:4] if gradient is not None] == [0, 0, 0, 0]


def test_weight_norm_of_huge_negative_weights() -> None:
    """除以最大的绝对值，不是最大值：平方不溢出。"""
    assert np.allclose(weight_norm([[-3e200, -4e200]], [[5.0]]), [[-3.0, -4.0]], rtol=1e-15)


def test_weight_norm_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dv, dg = weight_norm_backward(np.ones((2, 2)), [[0.0, 0.0], [3.0, 4.0]], [[1.0], [1.0]])
    assert np.isnan(dv[0]).all()
    assert np.isnan(dg[0]).all()
    assert np.allclose(dv[1], (np.ones(2) - 1.4 * np.array([0.6, 0.8])) / 5)
    assert dg[1] == pytest.approx(1.4)


def test_the_upstream_and_the_masks_of_heads() -> None:
    x, eye = a(2, 3, 2), np.eye(2)
    arrays = x, x, x, eye, eye, eye, eye
    with pytest.raises(TypeError, match=r"^`dy` 应为实数的数组，得到 ?None"):
        multi_head_attention_backward(None, *arrays, num_heads=1)  # type: ignore[arg-type]
    masks: list[Any] = [[[True], [True, False]], "a", [1, 0], {}]
    for mask in masks:
        with pytest.raises(TypeError, match=r"^`attn_mask` 应为布尔或浮点数组"):
            multi_head_attention(*arrays, attn_mask=mask, num_heads=1)
        with pytest.raises(TypeError, match=r"^`key_padding_mask` 应为布尔数组"):
            multi_head_attention(*arrays, key_padding_mask=mask, num_heads=1)


def test_nothing_to_normalize() -> None:
    """没有通道、没有要归一的数：0/0 不警告，得到同样空的数组。"""
    x, y = np.empty((2, 0, 3)), np.empty((2, 0))
    for got in (local_response_norm(x, 3), local_response_norm_backward(x, x, 3)):
        assert got.shape == x.shape
    for got in (layer_norm(y, 0), layer_norm_backward(y, y, 0)[0], rms_norm(y, 0)):
        assert got.shape == y.shape


def test_limits_of_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`padding` 应为小一些的整数，得到 ?2097152"):
        conv2d(IMAGE, one((1, 2, 1, 1)), padding=2**21)  # 每边约 2²²，一张图 2⁴⁴ 个像素
    # 方差是 0 不算错：只剩 eps
    y = batch_norm([[3.0]], [1.0], [0.0], eps=0.25).y
    assert y.tolist() == [[4.0]]
    with pytest.raises(ValueError, match=r"^`running_var` 应为不小于 0 的方差，得到 -1"):
        batch_norm(np.ones((2, 2)), [0.0, 0.0], [1.0, -1.0])
    # 推理时的斜率可以溢出，不警告
    slope, _, _ = batch_norm_backward([[1e308]], [[0.0]], [0.0], [0.0], eps=1e-300)
    assert slope == np.inf
    # 一行也没有的权重，行向量仍有三个数
    assert spectral_norm(np.empty((0, 3)), np.empty(0), np.ones(3)).weight.shape == (0, 3)
    # 无穷大的窗口得无穷大，不是 ∞/∞
    assert lp_pool2d([[[[np.inf, 1.0]]]], 2, (1, 2)).item() == np.inf
