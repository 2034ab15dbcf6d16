"""初始化：fan 与增益照 torch 的记录；分布用 SciPy 检验；正交性。"""

import json
from itertools import product
from math import sqrt
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
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


def test_lecun_quantiles() -> None:
    """截断的正态（有的框架如此）标准差可以一样，分位数不一样；二十万个样本，末端的误差约 0.4 %。"""
    w = init.lecun_normal((500, 400), np.random.default_rng(1))
    levels = np.array([0.005, 0.02, 0.16, 0.5, 0.84, 0.98, 0.995])
    expected = scipy.stats.norm(0, 1 / 20).ppf(levels)
    compare(init.lecun_normal, np.quantile(w, levels), expected, source="SciPy（分位数）", rtol=1.5e-2)


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3), (2, 3, 2, 4), (1, 2, 1, 2, 3)])
def test_fans_by_counting(shape: tuple[int, ...]) -> None:
    """把权重一个个接上：离边够远的一个输出接了几个输入，一个输入接了几个输出。"""
    outputs, inputs, *kernel = shape
    links = [
        ((f, *at), (c, *(a + b for a, b in zip(at, tap, strict=True))))
        for at in product(*(range(2 * size) for size in kernel))
        for f, c in product(range(outputs), range(inputs))
        for tap in product(*map(range, kernel))
    ]
    middle = tuple(size - 1 for size in kernel)
    fan_in = len({source for target, source in links if target == (0, *middle)})
    fan_out = len({target for target, source in links if source == (0, *kernel)})
    got = np.array(init.fan_in_and_fan_out(shape))
    compare(init.fan_in_and_fan_out, got, [fan_in, fan_out], source="枚举连接")


@pytest.mark.parametrize(
    ("name", "param"), [("linear", None), ("relu", None), ("leaky_relu", None), ("leaky_relu", 0.4)]
)
def test_gain_restores_the_second_moment(name: str, param: float | None) -> None:
    """增益的平方乘以 E[f(z)²] 是 1，z 是标准正态；tanh、selu、sigmoid 的是经验值，只照 torch。"""
    slope = {"linear": 1.0, "relu": 0.0}.get(name, 0.01 if param is None else param)

    def square(z: float) -> float:
        return float((z if z > 0 else slope * z) ** 2 * scipy.stats.norm.pdf(z))

    moment = sum(scipy.integrate.quad(square, *ends, epsabs=1e-14)[0] for ends in ((-40, 0), (0, 40)))
    compare(init.calculate_gain, init.calculate_gain(name, param), moment**-0.5, source="SciPy（数值积分）")


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
    values = scipy.linalg.svdvals(flat)
    compare(init.orthogonal, values, np.ones(min(flat.shape)), source="SciPy（奇异值）", rtol=1e-13)


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
        (0, 1, -1, 0.5),
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
    assert len(np.unique(w)) == len(w)  # 没有堆在界上
    expected = scipy.stats.truncnorm((a - mean) / std, (b - mean) / std, loc=mean, scale=std)
    assert scipy.stats.kstest(w, expected.cdf).pvalue > 1e-3
    np.testing.assert_allclose(w.std(), expected.std(), rtol=0.06)


class Highest(np.random.Generator):
    """均匀分布抽到上界本身：舍入的机会，等不到。"""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:  # type: ignore[override]
        return np.full(size, high)


def test_the_highest_draw() -> None:
    w = init.trunc_normal(3, Highest(np.random.PCG64(0)), a=-np.inf, b=np.inf)
    np.testing.assert_allclose(w, scipy.stats.norm.isf(2**-53), rtol=1e-12)


def test_an_infinite_scale_is_not_a_warning() -> None:
    w = init.trunc_normal((100,), np.random.default_rng(0), std=1e308, a=-np.inf, b=np.inf)
    assert np.isinf(w).any()
    rng = np.random.default_rng(0)
    assert np.isinf([init.xavier_normal((1, 1), rng, gain=1.7e308) for _ in range(30)]).any()


def test_a_fan_of_one() -> None:
    z = np.random.default_rng(0).standard_normal((5, 1))
    assert np.array_equal(init.lecun_normal((5, 1), np.random.default_rng(0)), z)
    w = init.kaiming_normal((5, 1), np.random.default_rng(0), nonlinearity="linear")
    assert np.array_equal(w, z)


def test_the_signs_of_orthogonal() -> None:
    """Q 与被分解的正态矩阵差一个对角线为正的三角矩阵（Mezzadri 2007，§5）。"""
    for shape in ((4, 4), (6, 3)):
        q = init.orthogonal(shape, np.random.default_rng(0))
        r = q.T @ np.random.default_rng(0).standard_normal(shape)
        assert (np.diagonal(r) > 0).all()
        np.testing.assert_allclose(np.tril(r, -1), 0, atol=1e-14)


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
