"""逐层的统计量：与理论（方差逐层的倍数）、逐个数出的死单元、有限差分比。"""

import numpy as np
import pytest

from dlnotes.models.chain import backward, forward, initialize
from dlnotes.models.cnn import cnn
from dlnotes.models.mlp import mlp
from dlnotes.models.statistics import layer_statistics
from dlnotes.nn.losses import cross_entropy, cross_entropy_backward

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((64, 200)), RNG.integers(0, 10, 64)


z, weights = np.polynomial.hermite_e.hermegauss(60)
TANH_SQUARED = np.tanh(z) ** 2 @ weights / weights.sum()  # E tanh²(z)，z ~ N(0, 1)


def deep(activation, init, depth=30, width=200, **options):
    net = mlp((200, *[width] * depth, 10), activation=activation, init=init, **options)
    return layer_statistics(net, initialize(net, 0), X, Y)


def test_from_the_definitions():
    net = mlp((200, 30, 20, 10), activation="relu")
    p = initialize(net, 1)
    found = layer_statistics(net, p, X, Y)
    first = np.maximum(X @ p[0]["weight"].T, 0)
    second = np.maximum(first @ p[2]["weight"].T, 0)
    logits = second @ p[4]["weight"].T
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    d_logits = (probability - np.eye(10)[Y]) / len(X)
    d_second = d_logits @ p[4]["weight"]
    d_first = (d_second * (second > 0)) @ p[2]["weight"]
    assert found.names == ("relu", "relu")
    for index, (a, d) in enumerate([(first, d_first), (second, d_second)]):
        assert found.mean[index] == pytest.approx(a.sum() / a.size)
        assert found.std[index] == pytest.approx(((a - a.mean()) ** 2).mean() ** 0.5)
        assert found.norm[index] == pytest.approx((a**2).sum() ** 0.5)
        assert found.dead[index] == (a == 0).all(0).mean()
        assert found.gradient_mean[index] == pytest.approx(d.mean())
        assert found.gradient_std[index] == pytest.approx(d.std())
        assert found.gradient_norm[index] == pytest.approx((d**2).sum() ** 0.5)
    weight = (d_first * (first > 0)).T @ X
    assert found.weight_gradient_norm[0] == pytest.approx(np.linalg.norm(weight))
    weight = (d_second * (second > 0)).T @ first
    assert found.weight_gradient_norm[1] == pytest.approx(np.linalg.norm(weight))


def test_he_keeps_relu_alive_and_xavier_halves_it():
    """He：每层的均方不变；Xavier（等宽）：每层减半（He et al. 2015，式 (10)）。"""
    he, xavier = deep("relu", "kaiming_normal"), deep("relu", "xavier_normal")
    assert 0.2 < he.norm[-1] / he.norm[0] < 5
    assert xavier.norm[-1] / xavier.norm[0] == pytest.approx(2 ** (-29 / 2), rel=1.5)
    assert he.gradient_norm[0] / he.gradient_norm[-1] > 0.1
    # 梯度的均方每层也减半，合起来 29 层
    assert xavier.gradient_norm[0] / xavier.gradient_norm[-1] == pytest.approx(2 ** (-29 / 2), rel=1.5)


def test_small_and_large_weights():
    """线性区里 tanh(a) ≈ a：N(0, 0.01²) 每层缩到 0.01·√200 ≈ 0.14 倍；N(0, 1) 饱和。"""
    small = deep("tanh", lambda shape, rng: rng.normal(0, 0.01, shape))
    assert np.allclose(small.std[1:] / small.std[:-1], 0.01 * 200**0.5, rtol=0.15)
    large = deep("tanh", lambda shape, rng: rng.standard_normal(shape))
    assert (large.std > 0.9).all()
    assert large.std.max() <= 1


def test_selu_and_batch_norm_keep_unit_variance():
    selu = deep("selu", "lecun_normal")
    assert np.allclose(selu.std[5:], 1, atol=0.25)
    assert np.allclose(selu.mean[5:], 0, atol=0.2)
    normalized = deep("tanh", lambda shape, rng: rng.normal(0, 0.01, shape), norm="batch")
    assert np.allclose(normalized.std[1:], np.sqrt(TANH_SQUARED), rtol=0.02)  # 输入近似 N(0, 1)


def test_dead_units_are_counted_by_derivative():
    net = mlp((200, 40, 10))
    p = initialize(net, 0)
    p[0]["bias"][:7] = -1e3
    assert layer_statistics(net, p, X, Y).dead[0] == 7 / 40
    p[0]["bias"][:7] = 1e3  # 输出不为零
    assert layer_statistics(net, p, X, Y).dead[0] == 0
    net = mlp((200, 40, 10), activation="relu6")
    assert layer_statistics(net, p, X, Y).dead[0] == 7 / 40  # relu6 在 6 以上也是平的
    net = mlp((200, 40, 10), activation="leaky_relu")
    p[0]["bias"][:7] = -1e3
    assert layer_statistics(net, p, X, Y).dead[0] == 0
    net = mlp((200, 40, 10), activation="hardsigmoid")
    assert layer_statistics(net, p, X, Y).dead[0] == 7 / 40  # 输出 0 处有导数，输入 -1000 处没有
    some = X.copy()
    some[0] = 0
    p[0]["bias"][:7] = -1e3
    p[0]["weight"][:3] *= 0
    p[0]["bias"][:3] = 1.0  # 三个活过来
    net = mlp((200, 40, 10))
    assert layer_statistics(net, p, some, Y).dead[0] == 4 / 40


def test_gradient_norm_is_the_derivative_of_the_loss():
    """沿某一层输出的梯度方向动一小步，损失的变化率是梯度的范数。"""
    net = mlp((200, 30, 20, 10), activation="tanh", norm="layer", norm_at="after")
    p = initialize(net, 0)
    found = layer_statistics(net, p, X, Y)
    places = [index for index, step in enumerate(net) if step.nonlinear]
    logits, tape = forward(net, p, X, training=True)
    flow = backward(net, p, tape, cross_entropy_backward(1.0, logits, Y)).inputs
    for row, index in enumerate(places):
        direction = flow[index + 1] / np.linalg.norm(flow[index + 1])
        ends = [
            cross_entropy(
                forward(net[index + 1 :], p[index + 1 :], tape.inputs[index + 1] + h * direction)[0], Y
            )
            for h in (1e-5, -1e-5)
        ]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(found.gradient_norm[row], rel=1e-6)


def test_training_mode_and_convolutions():
    net = mlp((200, 30, 10), norm="batch", norm_at="after")
    p = initialize(net, 0)
    batch, running = (layer_statistics(net, p, X, Y, training=mode) for mode in (True, False))
    assert batch.gradient_norm[0] != running.gradient_norm[0]
    assert batch.weight_gradient_norm[0] > 0
    net = mlp((200, 30, 10), dropout=0.5)
    once, again = (layer_statistics(net, initialize(net, 0), X, Y, rng=1) for _ in range(2))
    assert once.gradient_norm == again.gradient_norm
    images = X.reshape(64, 2, 10, 10)
    net = cnn((2, 10, 10), channels=(4, 5), activation="gelu")
    found = layer_statistics(net, initialize(net, 0), images, Y)
    assert found.names == ("gelu", "gelu")
    assert all(array.shape == (2,) for array in found[1:])
    assert (found.weight_gradient_norm > 0).all()
    only = net[1:2]
    assert layer_statistics((*only, *mlp((200, 10))), [{}, *initialize(mlp((200, 10)), 0)], X, Y)[-1] == 0


def test_thirty_layers_in_float32_and_without_layers():
    net = mlp((200, 10))
    assert layer_statistics(net, initialize(net, 0), X, Y).std.shape == (0,)
    net = mlp((200, 20, 10))
    single = layer_statistics(net, initialize(net, 0, dtype=np.float32), X.astype(np.float32), Y)
    assert single.std.dtype == np.float64
    with pytest.raises(ValueError, match="target"):
        layer_statistics(net, initialize(net, 0), X, Y[1:])
