"""训练：与 torch 走过的 20 步逐个权重相同；批、种子、报错。"""

import json
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from dlnotes.data import two_moons
from dlnotes.models.chain import initialize
from dlnotes.models.mlp import mlp
from dlnotes.models.training import Fit, accuracy, train
from dlnotes.nn.losses import cross_entropy
from dlnotes.optim.first_order import adam, adamw, sgd

RECORDED = json.loads((Path(__file__).parents[1] / "oracles" / "models" / "mlp.json").read_text())
MOONS = two_moons(90, 0)
NET = mlp((2, 8, 2), activation="tanh")


def stored(run, which, net):
    return [
        {
            name.split(".")[1]: np.array(value)
            for name, value in run[which].items()
            if name.startswith(f"{index}.")
        }
        for index in range(len(net))
    ]


@pytest.mark.parametrize("name", RECORDED["runs"])
def test_torch_arrives_at_the_same_weights(name):
    """同样的起点、同样的批（不打乱），20 步：权重、滑动估计、每一步的损失。"""
    run = RECORDED["runs"][name]
    options = dict(run["options"])
    net = mlp((4, 6, 5, 3), activation=options.pop("activation"), norm=options.pop("norm"))
    start = stored(run, "start", net)
    fit = train(
        net,
        RECORDED["x"],
        RECORDED["y"],
        0,
        parameters=start,
        epochs=4,
        batch_size=8,
        shuffle=False,
        optimizer={"sgd": sgd, "adam": adam, "adamw": adamw}[name.split("_")[0]],
        **options,
    )
    assert np.allclose(fit.losses, run["losses"], rtol=1e-9)
    end = stored(run, "end", net)
    for step, got, want, old in zip(net, fit.parameters, end, start, strict=True):
        assert got.keys() == want.keys()
        for key in want:
            assert np.allclose(got[key], want[key], rtol=0, atol=1e-6)
            # 批归一化前面的偏置没有作用，不会动
            unused = name == "adam_batch" and key == "bias" and step.name == "linear" and step is not net[-1]
            assert unused or not np.allclose(got[key], old[key], rtol=0, atol=1e-3)
    assert start[0]["weight"].tolist() == run["start"]["0.weight"]  # 起点没有被改动


def test_one_full_batch_is_gradient_descent():
    start = initialize(NET, 0)
    fit = train(NET, MOONS.x, MOONS.y, 0, parameters=start, epochs=1, batch_size=90, optimizer=sgd, lr=0.5)
    step = 1e-6
    for index in (0, 2):
        old, new = start[index]["weight"], fit.parameters[index]["weight"]
        moved = (old - new) / 0.5
        direction = np.random.default_rng(1).standard_normal(old.shape)
        ends = []
        for sign in (1, -1):
            near = [dict(p) for p in start]
            near[index]["weight"] = old + sign * step * direction
            fresh = train(NET, MOONS.x, MOONS.y, 0, parameters=near, epochs=1, batch_size=90, lr=0.1)
            ends.append(fresh.losses[0])
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx((moved * direction).sum(), rel=1e-6)


def test_batches_are_even_and_cover_everything():
    seen = []

    def watch(w, g, state=None):
        return w, state

    sizes = []

    def spying(x, p, run):
        sizes.append(len(x))
        seen.append(x)
        return NET[0].forward(x, p, run)

    spy = NET[0]._replace(forward=spying)
    x = np.arange(50.0)[:, np.newaxis] * [1, 0]
    train((spy, *NET[1:]), x, np.zeros(50, int), 0, epochs=2, batch_size=16, optimizer=watch)
    assert sizes == [13, 13, 12, 12] * 2 + [50]  # 最后一次是算准确率
    first, second = np.concatenate(seen[:4])[:, 0], np.concatenate(seen[4:8])[:, 0]
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(50))


def test_the_result():
    fit = train(NET, MOONS.x, MOONS.y, 1, epochs=3, batch_size=30, measure=lambda p: p[0]["weight"][0, 0])
    assert isinstance(fit, Fit)
    assert fit.losses.shape == (9,)
    assert len(fit.measured) == 3
    assert fit.measured[-1] == fit.parameters[0]["weight"][0, 0]
    assert len(set(fit.measured)) == 3
    assert fit.accuracy == accuracy(NET, fit.parameters, MOONS.x, MOONS.y)
    start = initialize(NET, np.random.default_rng(1))
    nothing = train(NET, MOONS.x, MOONS.y, 1, epochs=0)
    assert nothing.losses.shape == (0,)
    assert np.array_equal(nothing.parameters[0]["weight"], start[0]["weight"])
    assert train(NET, MOONS.x, MOONS.y, 1).losses[0] == pytest.approx(
        cross_entropy(np.zeros((1, 2)), [0]), rel=1.0
    )


def test_a_seed_fixes_every_byte():
    net = mlp((2, 8, 2), norm="batch", dropout=0.3)
    runs = [train(net, MOONS.x, MOONS.y, seed, epochs=2) for seed in (3, np.random.default_rng(3), 4)]
    one, same, other = (run.parameters[0]["weight"].tobytes() + run.losses.tobytes() for run in runs)
    assert one == same
    assert one != other


def test_float32():
    fit = train(NET, MOONS.x.astype(np.float32), MOONS.y, 0, epochs=1)
    assert {array.dtype for p in fit.parameters for array in p.values()} == {np.dtype(np.float32)}
    assert fit.losses.dtype == np.float32


def test_accuracy_by_hand():
    net = mlp((3, 3), init=lambda shape, rng: np.eye(3))
    p = initialize(net, 0)
    assert accuracy(net, p, np.eye(3), [0, 1, 1]) == pytest.approx(2 / 3)
    assert accuracy(mlp((2, 2), norm="batch", dropout=0.9), initialize(mlp((2, 2)), 0), [[1.0, 2]], [0]) in (
        0,
        1,
    )


def test_divergence_is_reported():
    with pytest.raises(ValueError, match="`"):
        train(mlp((2, 8, 2), activation="relu"), MOONS.x * 1e3, MOONS.y, 0, epochs=50, optimizer=sgd, lr=1e6)


ERRORS = [
    (
        lambda: train(NET, MOONS.x, MOONS.y[1:], 0),
        ValueError,
        "`y` 应为形状 (N,)、与 `x` 样本数相同的非空数组",
    ),
    (lambda: train(NET, np.zeros((0, 2)), np.zeros(0, int), 0), ValueError, "`y`"),
    (lambda: train(NET, MOONS.x, MOONS.y * 1.0, 0), TypeError, "`y`"),
    (lambda: train(NET, MOONS.x, MOONS.y, None), TypeError, "`rng`"),
    (lambda: train(NET, MOONS.x, MOONS.y, 0, epochs=-1), ValueError, "`epochs`"),
    (lambda: train(NET, MOONS.x, MOONS.y, 0, batch_size=0), ValueError, "`batch_size`"),
    (lambda: train(NET, MOONS.x, MOONS.y, 0, shuffle=1), TypeError, "`shuffle`"),
    (lambda: train(NET, MOONS.x, MOONS.y + 5, 0), ValueError, "target"),
    (lambda: train(NET, MOONS.x[:, :1], MOONS.y, 0), ValueError, "`x` 应为形状 (N, D)、第 1 轴为 2"),
    (lambda: accuracy(NET, initialize(NET, 0), MOONS.x, [0]), ValueError, "`y` 应为形状 (90,) 的非空数组"),
    (lambda: accuracy(NET, initialize(NET, 0), np.zeros((0, 2)), []), ValueError, "`y`"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS, ids=count())
def test_errors(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert message in str(raised.value)


def test_any_step_function_will_do():
    calls = []

    def slow(w, g, state=None, *, rate):
        calls.append(state)
        return w - rate * g, (state or 0) + 1

    fit = train(NET, MOONS.x, MOONS.y, 0, epochs=1, batch_size=45, optimizer=partial(slow, rate=0.1))
    assert calls == [None] * 4 + [1] * 4
    assert fit.losses[1] < fit.losses[0]
