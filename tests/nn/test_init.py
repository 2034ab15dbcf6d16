"""初始化：fan 与增益照 torch 的记录；分布用 SciPy 检验；正交性。"""

import json
from math import sqrt
from typing import Any

import numpy as np
import pytest
import scipy.stats

from dlnotes.nn import init
from dlnotes.nn.activations import relu
from tests.nn.evidence import compare
from tests.nn.recorded import ORACLES

TORCH = json.loads((ORACLES / "init.json").read_text())
SHAPE = (300, 40, 5, 5)


def test_torch() -> None:
    for shape, fans in TORCH["fans"]:
        compare(
            init.fan_in_and_fan_out,
            np.array(init.fan_in_and_fan_out(tuple(shape))),
            fans,
            source=TORCH["source"],
        )
    for name, param, gain in TORCH["gains"]:
        compare(init.calculate_gain, init.calculate_gain(name, param), gain, source=TORCH["source"])
    for call, spread in TORCH["spread"].items():
        name, options = call.split(" ", 1)
        w = getattr(init, name)(SHAPE, np.random.default_rng(0), **json.loads(options))
        # 三十万个样本：标准差的相对误差约 1/√(2n) = 0.13 %
        compare(getattr(init, name), w.std(), spread["std"], source=TORCH["source"], rtol=6e-3)
        if "uniform" in name:
            compare(getattr(init, name), np.abs(w).max(), spread["max"], source=TORCH["source"], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "std"),
    [
        ("xavier_uniform", {}, sqrt(2 / (1000 + 7500))),
        ("xavier_normal", {"gain": 3.0}, 3 * sqrt(2 / (1000 + 7500))),
        ("kaiming_uniform", {}, sqrt(2 / 1000)),
        ("kaiming_normal", {"mode": "fan_out"}, sqrt(2 / 7500)),
        ("kaiming_normal", {"nonlinearity": "tanh"}, 5 / 3 / sqrt(1000)),
        ("lecun_normal", {}, sqrt(1 / 1000)),
    ],
)
def test_distributions(name: str, options: dict[str, Any], std: float) -> None:
    w = getattr(init, name)(SHAPE, np.random.default_rng(0), **options)
    assert w.shape == SHAPE
    kind = (
        scipy.stats.uniform(-sqrt(3) * std, 2 * sqrt(3) * std)
        if "uniform" in name
        else scipy.stats.norm(0, std)
    )
    assert scipy.stats.kstest(w.ravel()[:20_000], kind.cdf).pvalue > 1e-3
    compare(getattr(init, name), w.std(), std, source="定义（大样本）", rtol=6e-3)
    again = getattr(init, name)(SHAPE, np.random.default_rng(0), **options)
    assert np.array_equal(w, again)


def test_kaiming_keeps_the_second_moment() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 512))
    for _ in range(10):
        x = relu(x) @ init.kaiming_normal((512, 512), rng).T
    assert 0.5 < (x**2).mean() < 2


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 2, 3, 3), (20, 2, 3), (1, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(shape, np.random.default_rng(0), gain=1.5)
    assert w.shape == shape
    flat = w.reshape(shape[0], -1) / 1.5
    gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    compare(init.orthogonal, gram, np.eye(len(gram)), source="定义", rtol=1e-13)


def test_orthogonal_is_uniform() -> None:
    """Haar 测度：2×2 时第一列的角均匀、行列式 ±1 各半；没有改正符号就不是。"""
    rng = np.random.default_rng(0)
    drawn = np.array([init.orthogonal((2, 2), rng) for _ in range(3000)])
    angle = np.arctan2(drawn[:, 1, 0], drawn[:, 0, 0])
    assert scipy.stats.kstest(angle, scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert abs((np.linalg.det(drawn) > 0).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0, 1, -2, 2),
        (0.5, 0.02, 0.47, 0.6),
        (0, 1, 8, 9),
        (0, 1, -37, -36),
        (0, 1, 30, np.inf),
        (1, 2, -np.inf, 0),
    ],
)
def test_trunc_normal(mean: float, std: float, a: float, b: float) -> None:
    w = init.trunc_normal((4000,), np.random.default_rng(0), mean=mean, std=std, a=a, b=b)
    assert w.min() >= a
    assert w.max() <= b
    expected = scipy.stats.truncnorm((a - mean) / std, (b - mean) / std, loc=mean, scale=std)
    assert scipy.stats.kstest(w, expected.cdf).pvalue > 1e-3
    np.testing.assert_allclose(w.std(), expected.std(), rtol=0.06)


def test_errors() -> None:
    rng = np.random.default_rng(0)
    for call, message in (
        (lambda: init.fan_in_and_fan_out((5,)), r"^`shape` 应为至少两维的形状，得到 \(5,\)；偏置没有 fan"),
        (lambda: init.orthogonal((5,), rng), "^`shape` 应为至少两维"),
        (lambda: init.fan_in_and_fan_out((5, -1)), r"^`shape\[1\]` 应为不小于 0 的整数，得到 -1"),
        (lambda: init.calculate_gain("gelu"), "^`nonlinearity` 应为 linear / conv / "),
        (lambda: init.kaiming_normal((2, 2), rng, mode="fan_avg"), "^`mode` 应为 fan_in / fan_out 之一"),
        (lambda: init.trunc_normal((2,), rng, std=0.0), "^`std` 应为大于 0 的实数，得到 0.0"),
        (
            lambda: init.trunc_normal((2,), rng, a=-40.0, b=-39.0),
            r"^`mean` 应为离 \[-40, -39\] 近的数，得到 0.0",
        ),
        (lambda: init.trunc_normal((2,), rng, a=38.0, b=np.inf), r"^`mean` 应为离 \[38, inf\] 近的数"),
        (lambda: init.xavier_normal((2, 2), rng, gain=-1.0), "^`gain` 应为不小于 0 的实数，得到 -1.0"),
        (lambda: init.trunc_normal((2,), rng, a=2.0), "^`a` 应为小于 b = 2.0 的数，得到 2.0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    for name in ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "lecun_normal"):
        assert getattr(init, name)((0, 3), rng).shape == (0, 3)
