"""激活函数：与 torch 的记录、SciPy 与有限差分比；两端、折点、类型与报错。"""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import activations as act
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

RECORDED = recorded("activations")
ELEMENTWISE = [
    name for name in act.__all__ if not name.endswith("_backward") and name not in ("prelu", "rbf")
]
# torch 2.13 在 float64 里仍用 float32 的 1/6 与 1/α，差 3e-8；有限差分与 `test_slopes` 核对我们的
LOOSE = {"hardsigmoid": 5e-8, "celu": 5e-8}
X = np.linspace(-7.9, 8.3, 47)  # 避开折点
BIG = [-np.inf, -1e300, -1e4, -800.0, 800.0, 1e4, 1e300, np.inf]
LIMITS = {  # -∞、+∞ 处的值，-∞、+∞ 处的导数
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "softsign": (-1, 1, 0, 0),
    "hardsigmoid": (0, 1, 0, 0),
    "hardtanh": (-1, 1, 0, 0),
    "relu": (0, np.inf, 0, 1),
    "relu6": (0, 6, 0, 0),
    "leaky_relu": (-np.inf, np.inf, 0.01, 1),
    "elu": (-1, np.inf, 0, 1),
    "selu": (-1.7580993408473766, np.inf, 0, 1.0507009873554805),
    "celu": (-1, np.inf, 0, 1),
    "softplus": (0, np.inf, 0, 1),
    "gelu": (0, np.inf, 0, 1),
    "silu": (0, np.inf, 0, 1),
    "mish": (0, np.inf, 0, 1),
    "hardswish": (0, np.inf, 0, 1),
}


@pytest.mark.parametrize("op", sorted({case.op for case in RECORDED}))
def test_torch(op: str) -> None:
    for case in RECORDED:
        if case.op == op:
            check_case(case)


def check_case(case: Recorded) -> None:
    loose = case.op in LOOSE and case.y.dtype == np.float64
    check(act, case, **({"rtol": LOOSE[case.op]} if loose else {}))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradients(name: str) -> None:
    check_gradient(getattr(act, name), getattr(act, f"{name}_backward"), X)
    with pytest.raises(AssertionError, match="梯度不对"):
        check_gradient(getattr(act, name), lambda dy, x: 1.001 * getattr(act, f"{name}_backward")(dy, x), X)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("leaky_relu", {"negative_slope": -0.3}),
        ("elu", {"alpha": 0.4}),
        ("celu", {"alpha": 2.4}),
        ("softplus", {"beta": 1.7, "threshold": np.inf}),
        ("gelu", {"approximate": "tanh"}),
        ("hardtanh", {"min_val": -0.3, "max_val": 2.2}),
    ],
)
def test_gradients_with_options(name: str, options: dict[str, Any]) -> None:
    check_gradient(
        partial(getattr(act, name), **options), partial(getattr(act, f"{name}_backward"), **options), X
    )


def test_arrays_as_parameters() -> None:
    x = X[:24].reshape(2, 3, 4)
    for weight in (np.array([0.1, -0.2, 0.7]), np.array([0.3]), np.array(0.3)):
        check_gradient(act.prelu, act.prelu_backward, x, weight)
    for center in (None, np.array(0.2), np.array([0.1, 0.2, -0.3, 1.0]), np.ones((2, 1, 4)), x * 0.9):
        check_gradient(partial(act.rbf, gamma=0.05), partial(act.rbf_backward, gamma=0.05), x, center)
    expected = np.exp(-0.3 * (x - 0.5) ** 2)
    compare(act.rbf, act.rbf(x, 0.5, gamma=0.3), expected, source="定义")


def test_scipy() -> None:
    x = np.linspace(-30, 30, 601)
    compare(act.sigmoid, act.sigmoid(x), scipy.special.expit(x), source="SciPy")
    compare(act.gelu, act.gelu(x), x * scipy.special.ndtr(x), source="SciPy")
    compare(act.softplus, act.softplus(x, threshold=np.inf), -scipy.special.log_expit(-x), source="SciPy")
    compare(act.elu, act.elu(x), np.where(x > 0, x, scipy.special.expm1(x)), source="SciPy")
    compare(act.silu, act.silu(x), x * scipy.special.expit(x), source="SciPy")
    compare(act.mish, act.mish(x), x * np.tanh(-scipy.special.log_expit(-x)), source="SciPy")
    # 左尾逐个比：整个数组一个尺度的比较看不见它
    tail = np.linspace(-37, -5, 100)
    # x/√2 的舍入被指数放大 x² 倍：37²·1e-16
    np.testing.assert_allclose(act.gelu(tail), tail * scipy.special.ndtr(tail), rtol=1e-12)
    np.testing.assert_allclose(act.sigmoid(-700.0), np.exp(-700.0), rtol=1e-13)
    np.testing.assert_allclose(act.mish(-50.0), -50 * np.exp(-50.0), rtol=1e-13)
    np.testing.assert_allclose(act.tanh_backward(1.0, 30.0), 4 * np.exp(-60.0), rtol=1e-13)
    np.testing.assert_allclose(act.elu(-1e-12), -1e-12, rtol=1e-11)


@given(st.floats(-500, 500))
def test_identities(x: float) -> None:
    assert np.isclose(act.sigmoid(x) + act.sigmoid(-x), 1, rtol=1e-15)
    assert np.isclose(act.tanh(x), 2 * act.sigmoid(2 * x) - 1, rtol=1e-12, atol=1e-15)
    assert np.isclose(act.softplus(x, threshold=np.inf) - act.softplus(-x, threshold=np.inf), x, rtol=1e-14)
    assert np.isclose(act.gelu(x) - act.gelu(-x), x, rtol=1e-14, atol=1e-300)
    assert act.relu(x) - act.relu(-x) == x
    assert act.elu(x) == act.celu(x)


def test_slopes_at_the_kinks() -> None:
    one = np.ones(2)
    assert act.hardsigmoid_backward(one, [0.0, -3.0]).tolist() == [1 / 6, 0]
    assert act.relu_backward(one, [0.0, -0.0]).tolist() == [0, 0]
    assert act.relu6_backward(one, [0.0, 6.0]).tolist() == [0, 0]
    assert act.hardtanh_backward(one, [-1.0, 1.0]).tolist() == [0, 0]
    assert act.hardswish_backward(one, [-3.0, 3.0]).tolist() == [0, 1]
    assert act.celu_backward(one, [-1.0, 0.0], alpha=0.5).tolist() == [np.exp(-2), 1]
    assert act.softplus(0.0, threshold=0.0) == np.log(2)  # 超过才取 x
    assert act.softplus_backward(1.0, 0.0, threshold=0.0) == 0.5
    # SELU 的两个常数：标准正态的输入，输出的均值 0、二阶矩 1（梯形求积）
    fine = np.linspace(-12, 12, 2_000_001)
    density = np.exp(-(fine**2) / 2) / np.sqrt(2 * np.pi)
    moments = [np.trapezoid(act.selu(fine) ** k * density, fine) for k in (1, 2)]
    np.testing.assert_allclose(moments, [0, 1], atol=1e-7)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_far_ends(name: str, dtype: Any) -> None:
    with np.errstate(over="ignore"):
        x = np.array(BIG).astype(dtype)
    low, high, slope_low, slope_high = LIMITS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, dx = getattr(act, name)(x), getattr(act, f"{name}_backward")(np.ones_like(x), x)
        nan = getattr(act, name)(dtype(np.nan)), getattr(act, f"{name}_backward")(1.0, dtype(np.nan))
    np.testing.assert_allclose(y[[0, -1]], [low, high], rtol=1e-6)
    np.testing.assert_allclose(dx[[0, -1]], [slope_low, slope_high], rtol=1e-6)
    np.testing.assert_allclose(dx[[2, 5]], [slope_low, slope_high], rtol=1e-6, atol=1e-7)
    assert np.isfinite(y[2:6]).all()
    assert np.isnan(nan).all()
    if name == "gelu":
        y = act.gelu(x, approximate="tanh"), act.gelu_backward(np.ones_like(x), x, approximate="tanh")
        np.testing.assert_allclose(np.array(y)[:, [0, -1]], [[low, high], [slope_low, slope_high]])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_types_and_arrays(name: str) -> None:
    forward, backward = getattr(act, name), getattr(act, f"{name}_backward")
    for dtype in (np.float16, np.float32, np.float64):
        x = np.array([[-2.0, 0.5], [1.0, 3.5]], dtype)
        x.flags.writeable = False
        assert forward(x).dtype == backward(x, x).dtype == dtype
        np.testing.assert_array_equal(forward(x.T), forward(x).T)
        np.testing.assert_allclose(forward(x), forward(x.astype(np.float64)), rtol=2e-3)
        assert backward(x[:0], x[:0]).shape == (0, 2)
    assert forward([-1, 2]).dtype == np.float64
    assert backward(1.0, np.float32(0.5)).dtype == np.float32
    x = np.array([-2.0, 0.5])
    forward(x), backward(x, x)
    assert x.tolist() == [-2.0, 0.5]


def test_errors() -> None:
    for call, message in (
        (lambda: act.relu_backward([1.0], [1.0, 2.0]), r"^`dy` 应为形状 \(2,\)（输出的形状），得到 \(1,\)"),
        (lambda: act.gelu(1.0, approximate="erf"), "^`approximate` 应为 none / tanh 之一"),
        (lambda: act.softplus(1.0, beta=0), "^`beta` 应为大于 0 的实数，得到 0"),
        (lambda: act.celu(1.0, alpha=-1.0), "^`alpha` 应为大于 0 的实数，得到 -1.0"),
        (lambda: act.celu_backward(1.0, 1.0, alpha=0.0), "^`alpha` 应为"),
        (lambda: act.rbf(1.0, gamma=np.nan), "^`gamma` 应为大于 0 的实数，得到 nan"),
        (lambda: act.rbf([1.0], [[1.0], [2.0]]), r"^`center` 应为能广播成 \(1,\) 的形状，得到 \(2, 1\)"),
        (lambda: act.rbf([1.0, 2.0], [1.0, 2.0, 3.0]), "^`center` 应为能广播成"),
        (lambda: act.hardtanh(1.0, min_val=1.0), "^`min_val` 应为小于 max_val = 1.0 的数，得到 1.0"),
        (
            lambda: act.prelu([[1.0, 2.0]], [1.0, 2.0, 3.0]),
            r"^`weight` 应为一个数，或形状 \(1,\)、\(2,\) 的数组",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"^`x` 应为实数的数组，得到 complex128 的数组"):
        act.relu([1j])
    assert np.isnan(act.prelu_backward(1.0, np.nan, 0.5)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert act.rbf([-np.inf, 1e300, np.inf], 0.0).tolist() == [0, 0, 0]
        assert (act.rbf_backward(np.ones(3), [-np.inf, 1e300, np.inf])[0] == 0).all()


def test_a_slope_of_zero_is_relu() -> None:
    x = np.array([[-np.inf, -1.0], [2.0, np.inf]])
    for dtype in (np.float32, np.float64):
        given = x.astype(dtype)
        np.testing.assert_array_equal(act.leaky_relu(given, negative_slope=0.0), act.relu(given))
        np.testing.assert_array_equal(act.prelu(given, np.zeros(2, dtype)), act.relu(given))
        assert act.leaky_relu(given, negative_slope=0).dtype == dtype
    np.testing.assert_array_equal(act.leaky_relu([np.nan, -np.inf], negative_slope=0.0), [np.nan, 0])
    np.testing.assert_array_equal(act.leaky_relu([-np.inf], negative_slope=-0.5), [np.inf])


def test_prelu_channels() -> None:
    assert act.prelu(np.empty((2, 0)), np.empty(0)).shape == (2, 0)
    dx, dw = act.prelu_backward(np.empty((2, 0)), np.empty((2, 0)), np.empty(0))
    assert (dx.shape, dw.shape) == ((2, 0), (0,))
    assert act.prelu(np.empty((2, 0, 3)), [0.5]).shape == (2, 0, 3)  # 共用的
    dx, dw = act.prelu_backward(np.empty((2, 0, 3)), np.empty((2, 0, 3)), [0.5])
    assert (dx.shape, dw.tolist()) == ((2, 0, 3), [0.0])
    with pytest.raises(
        ValueError, match=r"^`weight` 应为一个数，或形状 \(1,\)、\(1,\) 的数组，得到 形状 \(2,\)"
    ):
        act.prelu([-2.0, -3.0], [0.1, 0.2])  # 少于两维，只有一个通道
    for x in (-2.0, [-2.0], [[-2.0]], [[[-2.0]]]):
        assert act.prelu(x, [0.5]).ravel() == act.prelu(x, 0.5).ravel() == -1
    with pytest.raises(
        ValueError, match=r"^`weight` 应为一个数，或形状 \(1,\)、\(2,\) 的数组，得到 形状 \(0"
    ):
        act.prelu(np.ones((1, 2)), np.empty(0))
    # 正的一侧与斜率无关：dy 是无穷大也不碍事
    dw = act.prelu_backward([[np.inf, 1.0]], [[3.0, -2.0]], [0.5])[1]
    np.testing.assert_array_equal(dw, [-2.0])
    assert act.prelu_backward([[np.inf]], [[-2.0]], [0.0])[0] == 0
    # 恰在 0 处取负的一侧；斜率乘的是 0，它的梯度是 0
    assert [each.tolist() for each in act.prelu_backward([[8.0]], [[0.0]], [0.5])] == [[[4.0]], [0.0]]
    assert act.prelu_backward([[np.inf]], [[0.0]], [0.5])[1] == 0


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "hardsigmoid", "hardswish"])
def test_nothing_passes_where_the_slope_is_zero(name: str) -> None:
    backward = getattr(act, f"{name}_backward")
    np.testing.assert_array_equal(backward([np.inf, -np.inf, np.nan], [-9.0] * 3), [0, 0, np.nan])
    assert backward([np.inf], [0.5]) == np.inf


def test_huge_numbers() -> None:
    assert act.tanh_backward([1e308], [0.0]) == 1e308
    assert act.tanh_backward([1e308], [1e308]) == 0
    assert act.softplus(1e308, beta=2.0, threshold=np.inf) == 1e308  # βx 溢出，答案不溢出
    assert act.softplus(-1e308, beta=2.0) == 0
    assert act.celu(-1e308, alpha=0.5) == -0.5
    np.testing.assert_array_equal(act.hardtanh([-1e9, 7.0], min_val=-np.inf, max_val=3.0), [-1e9, 3.0])
    np.testing.assert_array_equal(act.hardtanh([-7.0, 1e9], min_val=-3.0, max_val=np.inf), [-3.0, 1e9])
    assert act.rbf_backward([np.inf], [1.0], 1.0)[0] == 0  # 峰顶的导数是 0
