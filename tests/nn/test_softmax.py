"""softmax、log-softmax、logsumexp、Gumbel-softmax、sparsemax。"""

import warnings
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlnotes.nn import gumbel, softmax, sparsemax
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

RECORDED = recorded("softmax")
RNG = np.random.default_rng(0)
X = RNG.normal(0, 2, (2, 3, 4))
FINITE = st.floats(-50, 50)
VECTORS = arrays(np.float64, st.integers(1, 5), elements=FINITE)


@pytest.mark.parametrize("op", sorted({case.op for case in RECORDED}))
def test_torch(op: str) -> None:
    for case in RECORDED:
        if case.op == op:
            check_case(case)


def check_case(case: Recorded) -> None:
    # float32、上千的 logits、温度不是 1：torch 先除以温度再减最大值，x/T 的舍入（1e3·6e-8）就是误差
    hot = case.y.dtype == np.float32 and "temperature" in case.options
    check(softmax, case, **({"rtol": 2e-4} if hot else {}))


def test_scipy() -> None:
    for x in (X, X * 1e3, X - 1e4):
        compare(softmax.softmax, softmax.softmax(x, axis=1), scipy.special.softmax(x, axis=1), source="SciPy")
        expected = scipy.special.log_softmax(x, axis=0)
        compare(softmax.log_softmax, softmax.log_softmax(x, axis=0), expected, source="SciPy")
        expected = scipy.special.logsumexp(x, axis=-1)
        compare(softmax.logsumexp, softmax.logsumexp(x), expected, source="SciPy")


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradients(axis: int) -> None:
    for name in ("softmax", "log_softmax", "logsumexp"):
        f, g = getattr(softmax, name), getattr(softmax, f"{name}_backward")
        check_gradient(partial(f, axis=axis), partial(g, axis=axis), X)
        with pytest.raises(AssertionError, match="梯度不对"):
            check_gradient(partial(f, axis=axis), lambda dy, x, g=g: g(dy, x, axis=axis) + 1e-3, X)
    check_gradient(
        partial(softmax.softmax, axis=axis, temperature=0.4),
        partial(softmax.softmax_backward, axis=axis, temperature=0.4),
        X,
    )
    check_gradient(
        partial(sparsemax.sparsemax, axis=axis), partial(sparsemax.sparsemax_backward, axis=axis), X
    )
    check_gradient(
        partial(softmax.logsumexp, axis=axis, keepdims=True),
        partial(softmax.logsumexp_backward, axis=axis, keepdims=True),
        X,
    )
    noise = gumbel.gumbel_noise(X.shape, np.random.default_rng(1))
    check_gradient(
        lambda x: gumbel.gumbel_softmax(x, noise, tau=0.7, axis=axis),
        lambda dy, x: gumbel.gumbel_softmax_backward(dy, x, noise, tau=0.7, axis=axis),
        X,
    )


def test_the_jacobian_is_the_derivative() -> None:
    dy = RNG.standard_normal(X.shape)
    jacobian = softmax.softmax_jacobian(X, temperature=0.4)
    assert jacobian.shape == (2, 3, 4, 4)
    product = np.einsum("...ij,...i->...j", jacobian, dy)
    compare(
        softmax.softmax_backward,
        softmax.softmax_backward(dy, X, temperature=0.4),
        product,
        source="雅可比矩阵",
    )
    step = 1e-6
    columns = [
        (softmax.softmax(X + step * e, temperature=0.4) - softmax.softmax(X - step * e, temperature=0.4))
        / (2 * step)
        for e in np.eye(4)
    ]
    compare(softmax.softmax_jacobian, jacobian, np.stack(columns, -1), source="中心差分", rtol=1e-8)


@given(VECTORS, FINITE)
def test_shift(x: Any, c: float) -> None:
    np.testing.assert_allclose(softmax.softmax(x + c), softmax.softmax(x), rtol=1e-12)
    np.testing.assert_allclose(softmax.logsumexp(x + c), softmax.logsumexp(x) + c, atol=1e-12)
    np.testing.assert_allclose(sparsemax.sparsemax(x + c), sparsemax.sparsemax(x), atol=1e-12)
    np.testing.assert_allclose(softmax.softmax(x).sum(), 1, rtol=1e-14)
    assert x.max() <= softmax.logsumexp(x) <= x.max() + np.log(len(x)) + 1e-12


@given(VECTORS)
def test_sparsemax_is_the_projection(x: Any) -> None:
    """枚举支撑集：每个支撑集上的最近点，合法的里面取最近的。"""
    x = np.round(x / 25, 2)
    best = None
    for size in range(1, len(x) + 1):
        for support in map(list, combinations(range(len(x)), size)):
            p = np.zeros_like(x)
            p[support] = x[support] - (x[support].sum() - 1) / size
            if (p >= 0).all() and (best is None or ((p - x) ** 2).sum() < ((best - x) ** 2).sum()):
                best = p
    got = sparsemax.sparsemax(x)
    compare(sparsemax.sparsemax, got, best, source="枚举支撑集")
    assert abs(got.sum() - 1) < 1e-12


def test_rows_without_a_choice() -> None:
    inf = np.inf
    x = np.array([[-inf, -inf], [0.0, -inf], [inf, 0.0], [np.nan, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nan = np.nan
        expected = [[0, 0], [1, 0], [nan, nan], [nan, nan]]
        np.testing.assert_array_equal(softmax.softmax(x), expected)
        np.testing.assert_array_equal(
            softmax.log_softmax(x), [[-inf, -inf], [0, -inf], [nan, nan], [nan, nan]]
        )
        np.testing.assert_array_equal(softmax.logsumexp(x), [-inf, 0, inf, nan])
        dy = np.array([[1.0, 2.0]] * 4)
        for name in ("softmax", "log_softmax"):
            assert (getattr(softmax, f"{name}_backward")(dy, x)[0] == 0).all()
        assert softmax.logsumexp_backward(np.ones(4), x)[:2].tolist() == [[0, 0], [1, 0]]
        assert softmax.softmax([0.0, -1e4], temperature=1e-300).tolist() == [1, 0]
        assert softmax.softmax([-1e4, 1e4]).tolist() == [0, 1]
        assert sparsemax.sparsemax([-inf, 0.2, 0.0]).round(12).tolist() == [0, 0.6, 0.4]
        assert sparsemax.sparsemax(np.array([1e30, 1e30], np.float32)).tolist() == [0.5, 0.5]
    assert softmax.log_softmax([0.0, -800.0])[1] == -800
    # 各组减各组的最大值
    assert sparsemax.sparsemax([[1e17, 0.0], [0.2, 0.0]]).round(12).tolist() == [[1, 0], [0.6, 0.4]]


def test_gumbel() -> None:
    """Gumbel-max：取最大的那一类的频率就是 softmax；噪声的矩；直通。"""
    rng = np.random.default_rng(0)
    x = np.array([0.3, -1.0, 1.2])
    noise = gumbel.gumbel_noise((200_000, 3), rng)
    assert abs(noise.mean() - np.euler_gamma) < 5e-3
    assert abs(noise.var() - np.pi**2 / 6) < 2e-2
    y = gumbel.gumbel_softmax(np.broadcast_to(x, noise.shape), noise, hard=True)
    assert set(np.unique(y)) == {0, 1}
    assert (y.sum(axis=1) == 1).all()
    np.testing.assert_allclose(y.mean(axis=0), softmax.softmax(x), atol=5e-3)
    soft = gumbel.gumbel_softmax(x, noise[0], tau=0.5)
    compare(gumbel.gumbel_softmax, soft, scipy.special.softmax((x + noise[0]) / 0.5), source="SciPy")
    dy = np.array([1.0, 2.0, -1.0])
    assert np.array_equal(
        gumbel.gumbel_softmax_backward(dy, x, noise[0], hard=True),
        gumbel.gumbel_softmax_backward(dy, x, noise[0]),
    )
    hard = gumbel.gumbel_softmax(X, gumbel.gumbel_noise(X.shape, rng), hard=True, axis=1)
    assert (hard.sum(axis=1) == 1).all()
    assert (
        gumbel.gumbel_softmax(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)).dtype == np.float32
    )


class Lowest(np.random.Generator):
    """抽到的总是能抽到的最小值 0：2⁻⁵³ 的机会，等不到。"""

    def standard_exponential(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(size)


def test_the_lowest_draw() -> None:
    assert np.isfinite(gumbel.gumbel_noise(3, Lowest(np.random.PCG64(0)))).all()


@pytest.mark.parametrize("f", [softmax.softmax, softmax.log_softmax, softmax.logsumexp, sparsemax.sparsemax])
def test_types_and_arrays(f: Any) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        x = np.arange(6).reshape(2, 3).astype(dtype) / 4
        x.flags.writeable = False
        assert f(x).dtype == dtype
        np.testing.assert_allclose(f(x[:, ::2]), f(x[:, ::2].copy()), rtol=0)
        np.testing.assert_allclose(f(x), f(x.astype(np.float64)), rtol=2e-3)
    assert f([1, 2]).dtype == np.float64
    assert f(np.zeros((0, 3))).shape[0] == 0
    with pytest.raises(ValueError, match=r"^`axis` 应为 -2 到 1 的整数，得到 2"):
        f([[1.0]], axis=2)
    with pytest.raises(ValueError, match=r"^`axis` 应为至少一维的数组的轴"):
        f(1.0)


def test_errors() -> None:
    for call, message in (
        (lambda: softmax.softmax([1.0], temperature=0), "^`temperature` 应为大于 0 的实数，得到 0"),
        (lambda: softmax.softmax_backward([1.0], [1.0, 2.0]), r"^`dy` 应为形状 \(2,\)（输出的形状）"),
        (lambda: softmax.log_softmax_backward([1.0], [1.0, 2.0]), "^`dy` 应为形状"),
        (
            lambda: softmax.logsumexp_backward([1.0], [1.0, 2.0]),
            r"^`dy` 应为形状 \(\)（输出的形状），得到 \(1,\)",
        ),
        (lambda: sparsemax.sparsemax_backward([1.0], [1.0, 2.0]), "^`dy` 应为形状"),
        (lambda: gumbel.gumbel_softmax([1.0], [1.0, 2.0]), r"^`noise` 应为形状 \(1,\)"),
        (lambda: gumbel.gumbel_softmax_backward([1.0], [1.0], [1.0, 2.0]), "^`noise` 应为形状"),
        *(
            (lambda bad=bad: sparsemax.sparsemax([bad, -np.inf]), "^`x` 应为每组至少一个有限的数")
            for bad in (np.nan, np.inf, -np.inf)
        ),
        *(
            (lambda bad=bad: sparsemax.sparsemax([[0.0, 1.0], [bad, -np.inf]]), "^`x` 应为每组至少")
            for bad in (np.nan, np.inf, -np.inf)
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"^`hard` 应为 True 或 False"):
        gumbel.gumbel_softmax([1.0], [1.0], hard=1)  # type: ignore[arg-type]


def test_hard_gumbel_passes_nan_on_and_invents_no_class() -> None:
    x = [[np.nan, 1.0], [0.0, -1e4], [-np.inf, -np.inf]]  # 各行互不相干
    got = gumbel.gumbel_softmax(x, np.zeros((3, 2)), hard=True)
    np.testing.assert_array_equal(got, [[np.nan, np.nan], [1.0, 0.0], [0.0, 0.0]])


def test_infinite_upstream() -> None:
    """概率是 0 的地方，上游的无穷大到不了别处；别处的无穷大得 nan 或 ∞，不警告。"""
    x = [0.0, 0.0, -np.inf]
    np.testing.assert_array_equal(softmax.softmax_backward([1.0, 0.0, np.inf], x), [0.25, -0.25, 0.0])
    np.testing.assert_array_equal(softmax.logsumexp_backward(np.inf, x), [np.inf, np.inf, 0.0])
    np.testing.assert_array_equal(softmax.log_softmax_backward([np.inf, 0.0, 0.0], x), [np.nan, -np.inf, 0.0])
    got = sparsemax.sparsemax_backward([1.0, 0.0, np.inf], [1.0, 0.8, 0.1])
    np.testing.assert_array_equal(got, [0.5, -0.5, 0.0])
    np.testing.assert_array_equal(softmax.softmax_backward([np.inf, 0.0], [0.0, 0.0]), [np.nan, -np.inf])
    assert np.isnan(sparsemax.sparsemax_backward([np.inf, 0.0], [0.0, 0.0])).any()
    np.testing.assert_array_equal(sparsemax.sparsemax([1e308, -1e308, 1e308]), [0.5, 0.0, 0.5])
    with pytest.raises(ValueError, match=r"^`x` 应为形状 \(..., K\) 的数组，得到 一个数"):
        softmax.softmax_jacobian(1.0)
