"""网络的梯度：有限差分；卷积与 `conv2d` 比；各步的形状、类型、报错。"""

from itertools import count

import numpy as np
import pytest

from dlnotes.models import inserts, layers
from dlnotes.models.chain import backward, forward, initialize
from dlnotes.models.cnn import cnn
from dlnotes.models.mlp import mlp
from dlnotes.nn import gradient
from dlnotes.nn.conv import conv2d, conv2d_backward
from dlnotes.nn.losses import cross_entropy, cross_entropy_backward

# tests/nn 给它包了一层记账的，账里只该有 tests/nn 自己的
check_gradient = getattr(gradient.check_gradient, "__wrapped__", gradient.check_gradient)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((7, 5)), RNG.integers(0, 3, 7)
IMAGES = RNG.standard_normal((4, 2, 6, 5))
OPTIONS = {"leaky_relu": {"negative_slope": 0.3}, "elu": {"alpha": 1.5}, "rbf": {"gamma": 0.5}}


def check(net, x, *, training=True, seed=0):
    """对输入与每一个可学的参数，有限差分与反向相同；还要每一个参数都真的有梯度。"""
    start = initialize(net, seed)
    start = [{name: a + 0.1 * RNG.standard_normal(a.shape) for name, a in p.items()} for p in start]
    for p in start:
        if "running_var" in p:
            p["running_var"] = np.abs(p["running_var"]) + 0.5
    _, tape = forward(net, start, x, training=training, rng=9)
    logits = tape.inputs[-1]
    found = backward(net, start, tape, np.ones_like(logits)).parameters
    places = [(index, name) for index, g in enumerate(found) for name in g]
    for index in range(len(net) - 1):
        if training and net[index + 1].name == "batch_norm" and "bias" in start[index]:
            places.remove((index, "bias"))  # 批归一化减去均值：它前面的偏置没有作用，梯度正好是 0
            assert abs(found[index]["bias"]).max() < 1e-12
    trainable = [{*p} - {"running_mean", "running_var"} for p in start]
    assert [{*g} for g in found] == trainable

    def place(arrays):
        parameters = [dict(p) for p in start]
        for (index, name), array in zip(places, arrays, strict=True):
            parameters[index][name] = array
        return parameters

    def f(x, *arrays):
        return forward(net, place(arrays), x, training=training, rng=9)[0]

    def vjp(dy, x, *arrays):
        parameters = place(arrays)
        _, tape = forward(net, parameters, x, training=training, rng=9)
        gradients = backward(net, parameters, tape, dy)
        return gradients.inputs[0], *(gradients.parameters[index][name] for index, name in places)

    check_gradient(f, vjp, x, *(start[index][name] for index, name in places), rtol=2e-6)


@pytest.mark.parametrize("name", inserts.ACTIVATIONS)
def test_every_activation(name):
    net = mlp((5, 6, 4, 3), activation=name, activation_options=OPTIONS.get(name), init="xavier_normal")
    assert [step.name for step in net] == ["linear", name, "linear", name, "linear"]
    check(net, X)


@pytest.mark.parametrize("norm_at", ["before", "after"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("training", [True, False])
def test_normalization_and_dropout(norm, norm_at, training):
    net = mlp((5, 6, 6, 3), activation="tanh", norm=norm, norm_at=norm_at, dropout=0.3)
    order = ["linear", f"{norm}_norm", "tanh", "dropout"]
    if norm_at == "after":
        order[1:3] = order[2], order[1]
    assert [step.name for step in net] == [*order, *order, "linear"]
    check(net, X, training=training)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_cnn(batch_norm):
    net = cnn((2, 6, 5), channels=(3, 4), classes=3, activation="softplus", batch_norm=batch_norm)
    part = ["conv", "batch_norm", "softplus", "max_pool"] if batch_norm else ["conv", "softplus", "max_pool"]
    assert [step.name for step in net] == [*part, *part, "flatten", "linear"]
    check(net, IMAGES)
    assert forward(net, initialize(net, 0), IMAGES)[0].shape == (4, 3)


def test_conv_is_conv2d():
    step = layers.conv(2, 3, 5)
    p = step.init(np.random.default_rng(1))
    p["bias"] = RNG.standard_normal(3)
    y, saved = step.forward(IMAGES, p, layers.Run(True, None))
    assert np.allclose(y, conv2d(IMAGES, p["weight"], p["bias"], padding=2), rtol=0, atol=1e-13)
    dy = RNG.standard_normal(y.shape)
    dx, gradients = step.backward(dy, IMAGES, p, saved)
    expected = conv2d_backward(dy, IMAGES, p["weight"], p["bias"], padding=2)
    for got, want in zip((dx, gradients["weight"], gradients["bias"]), expected, strict=True):
        assert np.allclose(got, want, rtol=0, atol=1e-12)


def test_gradients_flow_to_every_place():
    """`Gradients.inputs` 的每一项都是损失对那里的梯度：从中间切开，与后半段的反向相同。"""
    net = mlp((5, 6, 4, 3), activation="tanh")
    p = initialize(net, 0)
    logits, tape = forward(net, p, X)
    dy = cross_entropy_backward(1.0, logits, Y)
    whole = backward(net, p, tape, dy)
    assert len(whole.inputs) == len(tape.inputs) == 6
    for cut in range(5):
        _, rest = forward(net[cut:], p[cut:], tape.inputs[cut])
        part = backward(net[cut:], p[cut:], rest, dy)
        assert np.allclose(part.inputs[0], whole.inputs[cut], rtol=1e-13)
    assert whole.inputs[-1] is dy or np.array_equal(whole.inputs[-1], dy)


def test_a_small_step_down_the_gradient():
    """损失的一阶变化等于 −步长·‖g‖²。"""
    net = mlp((5, 8, 3), activation="gelu", norm="layer")
    p = initialize(net, 0)
    logits, tape = forward(net, p, X)
    g = backward(net, p, tape, cross_entropy_backward(1.0, logits, Y)).parameters
    moved = [{k: a - 1e-6 * h[k] if k in h else a for k, a in q.items()} for q, h in zip(p, g, strict=True)]
    drop = cross_entropy(logits, Y) - cross_entropy(forward(net, moved, X)[0], Y)
    assert drop == pytest.approx(1e-6 * sum((a**2).sum() for h in g for a in h.values()), rel=1e-4)


def test_inference_is_quiet():
    """推理时没有随机失活，批归一化各样本互不影响。"""
    net = mlp((5, 6, 3), norm="batch", dropout=0.5)
    p = initialize(net, 0)
    y, tape = forward(net, p, X)
    assert np.allclose(y[:2], forward(net, p, X[:2])[0], rtol=0, atol=1e-15)
    assert all(not saved for saved in tape.saved)
    train, _ = forward(net, p, X, training=True, rng=1)
    assert not np.allclose(train, y)
    assert np.array_equal(train, forward(net, p, X, training=True, rng=1)[0])
    assert not np.array_equal(train, forward(net, p, X, training=True, rng=2)[0])


def test_initial_parameters():
    net = mlp((400, 300, 10), init="kaiming_normal")
    p = initialize(net, 3)
    assert p[0]["weight"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert (p[0]["bias"] == 0).all()
    assert initialize(net, 3)[2]["weight"].tobytes() == p[2]["weight"].tobytes()
    assert initialize(net, 4)[2]["weight"].tobytes() != p[2]["weight"].tobytes()
    own = initialize(mlp((4, 2), init=lambda shape, rng: rng.normal(0, 0.01, shape)), 5)[0]["weight"]
    assert np.array_equal(own, np.random.default_rng(5).normal(0, 0.01, (2, 4)))
    for init in ("kaiming_uniform", "lecun_normal", "orthogonal", "trunc_normal", "xavier_uniform"):
        assert initialize(mlp((4, 2), init=init), 0)[0]["weight"].shape == (2, 4)
    bn = initialize(mlp((4, 3, 2), norm="batch"), 0)[1]
    assert {name: set(array.tolist()) for name, array in bn.items()} == {
        "running_mean": {0.0},
        "running_var": {1.0},
        "weight": {1.0},
        "bias": {0.0},
    }


@pytest.mark.parametrize("options", [{}, {"norm": "batch"}, {"norm": "layer"}, {"dropout": 0.5}], ids=count())
def test_float32_stays_float32(options):
    net = mlp((5, 6, 3), activation="prelu", **options)
    p = initialize(net, 0, dtype=np.float32)
    x = X.astype(np.float32)
    y, tape = forward(net, p, x, training=True, rng=0)
    g = backward(net, p, tape, y)
    kinds = {a.dtype for a in [*tape.inputs, *g.inputs, *(a for h in g.parameters for a in h.values())]}
    assert kinds == {np.dtype(np.float32)}
    net = cnn((2, 6, 5), channels=(3,), classes=3)
    p = initialize(net, 0, dtype=np.float32)
    y, tape = forward(net, p, IMAGES.astype(np.float32))
    assert {a.dtype for a in backward(net, p, tape, y).inputs} == {np.dtype(np.float32)}


def test_nothing_is_modified():
    net = mlp((5, 6, 3), norm="batch", dropout=0.2)
    p = initialize(net, 0)
    kept = [{name: array.copy() for name, array in q.items()} for q in p]
    x = X.copy()
    y, tape = forward(net, p, x, training=True, rng=0)
    dy = np.ones_like(y)
    backward(net, p, tape, dy)
    assert np.array_equal(x, X)
    assert (dy == 1).all()
    for q, old in zip(p, kept, strict=True):
        assert all(np.array_equal(q[name], old[name]) for name in old)


NET = mlp((5, 4, 3))
ERRORS = [
    (lambda: mlp((5,)), "`sizes` 应为至少两个宽度"),
    (lambda: mlp((5, 0, 3)), "不小于 1 的整数"),
    (lambda: mlp((5, 4, 3), activation="rleu"), "`activation`"),
    (lambda: mlp((5, 4, 3), activation="relu_backward"), "`activation`"),
    (lambda: mlp((5, 4, 3), activation_options={"slope": 1}), "`activation_options` 应为 relu 的选项"),
    (lambda: mlp((5, 4, 3), init="he"), "`init`"),
    (
        lambda: initialize(mlp((5, 3), init=lambda shape, rng: np.zeros(2)), 0),
        "`init` 应为返回形状 (3, 5) 的函数",
    ),
    (lambda: mlp((5, 4, 3), norm="group"), "`norm`"),
    (lambda: mlp((5, 4, 3), norm="batch", norm_at="inside"), "`norm_at`"),
    (lambda: mlp((5, 4, 3), dropout=1.5), "`dropout` 应为 0 到 1 的实数"),
    (lambda: cnn((8, 8)), "`shape` 应为元组 (C, H, W)"),
    (lambda: cnn((1, 3, 8), channels=(4, 4)), "边长至少 4 的图"),
    (lambda: cnn(kernel_size=2), "`kernel_size` 应为单数"),
    (lambda: forward(NET, initialize(NET, 0), X[:, :4]), "`x` 应为形状 (N, D)、第 1 轴为 5 的数组"),
    (lambda: forward(NET, initialize(NET, 0), X[0]), "`x`"),
    (lambda: forward(cnn(), initialize(cnn(), 0), X), "`x` 应为形状 (N, C, H, W)、第 1 轴为 1 的数组"),
    (lambda: forward(NET, initialize(NET, 0)[:2], X), "`parameters` 应为 3 个字典"),
    (
        lambda: forward(
            mlp((5, 4, 3), dropout=0.5), initialize(mlp((5, 4, 3), dropout=0.5), 0), X, training=True
        ),
        "随机失活在训练时要随机数",
    ),
    (
        lambda: backward(NET, initialize(NET, 0), forward(NET, initialize(NET, 0), X)[1], X),
        "`dy` 应为形状 (7, 3)（输出的形状）",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=count())
def test_errors(call, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 消息在下一行核对
        call()
    assert message in str(raised.value)
