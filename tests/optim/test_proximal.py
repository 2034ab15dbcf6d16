"""`dlnotes.optim.proximal`：与逐点求极小、闭式解、最优性条件、坐标下降、SciPy 的二次规划比较。"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize as scipy_minimize
from scipy.optimize import minimize_scalar

from dlnotes.optim.proximal import fista, ista, shrink, soft_threshold

SOLVERS = [ista, fista]
NUMBERS = st.floats(-50, 50)


def problem(seed, rows=12, columns=8):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((rows, columns))
    return a, a @ (rng.standard_normal(columns) * (rng.random(columns) < 0.4)) + 0.1 * rng.standard_normal(
        rows
    )


def objective(a, b, penalty, x):
    return ((a @ x - b) ** 2).sum() / 2 + penalty * np.abs(x).sum()


def coordinate_descent(a, b, penalty, sweeps=5000):
    """一次只动一个坐标，各自有闭式解；不用梯度步，也不用软阈值的式子。"""
    x = np.zeros(a.shape[1])
    for _ in range(sweeps):
        before = x.copy()
        for j in range(len(x)):
            rest = a[:, j] @ (b - a @ x + a[:, j] * x[j])
            square = a[:, j] @ a[:, j]
            if rest > penalty:
                x[j] = (rest - penalty) / square
            elif rest < -penalty:
                x[j] = (rest + penalty) / square
            else:
                x[j] = 0.0
        if np.abs(x - before).max() < 1e-14:
            break
    return x


def violation(a, b, penalty, x):
    """次梯度条件：x≠0 处 Aᵀ(Ax−b) = −λ·sign x，x=0 处绝对值不超过 λ。"""
    slope = a.T @ (a @ x - b)
    return np.abs(
        np.where(x != 0, slope + penalty * np.sign(x), np.maximum(np.abs(slope) - penalty, 0))
    ).max()


@given(NUMBERS, st.floats(0, 20))
def test_prox_minimizes(x, weight) -> None:
    soft = float(soft_threshold(x, weight))
    found = minimize_scalar(lambda z: weight * abs(z) + (z - x) ** 2 / 2, bounds=(-60, 60), method="bounded")
    assert weight * abs(soft) + (soft - x) ** 2 / 2 <= found.fun + 1e-12
    near = float(shrink(x, weight))
    found = minimize_scalar(
        lambda z: weight * z * z / 2 + (z - x) ** 2 / 2, bounds=(-60, 60), method="bounded"
    )
    assert weight * near**2 / 2 + (near - x) ** 2 / 2 <= found.fun + 1e-12


@given(arrays(np.float64, 5, elements=NUMBERS), arrays(np.float64, 5, elements=NUMBERS), st.floats(0, 20))
def test_prox_never_spreads(x, y, weight) -> None:
    for prox in (soft_threshold, shrink):
        apart = np.linalg.norm(prox(x, weight) - prox(y, weight))
        assert apart <= np.linalg.norm(x - y) * (1 + 1e-12)
    np.testing.assert_array_equal(soft_threshold(-x, weight), -soft_threshold(x, weight))


def test_prox_by_hand() -> None:
    found = soft_threshold([-3.0, -1.0, 0.5, 1.0, 4.0, np.nan, np.inf, -np.inf], 1.0)
    np.testing.assert_array_equal(found, [-2, 0, 0, 0, 3, np.nan, np.inf, -np.inf])
    assert not np.signbit(found[1:4]).any()
    np.testing.assert_array_equal(soft_threshold([1.5, -2.0], 0.0), [1.5, -2.0])
    np.testing.assert_array_equal(shrink([3.0, -0.3], 2.0), [1.0, -0.3 / 3])
    for prox in (soft_threshold, shrink):
        assert prox(np.float32([1, 2]), 0.5).dtype == np.float32
        assert prox(2.0, 0.5).shape == ()
        with pytest.raises(ValueError, match="应为不小于 0"):
            prox([1.0], -1)
        with pytest.raises(TypeError, match="`x`"):
            prox([1j], 1)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(4))
def test_orthogonal_columns_have_a_closed_form(solver, seed) -> None:
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((7, 4)))[0]
    sizes, b, penalty = np.array([1.0, 2.0, 0.5, 3.0]), rng.standard_normal(7) * 3, 0.7
    a = q * sizes
    inner = a.T @ b
    expected = np.sign(inner) * np.clip(np.abs(inner) - penalty, 0, None) / sizes**2
    found = solver(a, b, penalty, tolerance=1e-12)
    assert found.converged
    np.testing.assert_allclose(found.x, expected, atol=1e-9)
    np.testing.assert_array_equal(found.x == 0, expected == 0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("seed", "shape"), [(0, (12, 8)), (1, (12, 8)), (2, (8, 12)), (3, (5, 1))])
@pytest.mark.parametrize("penalty", [0.3, 2.0])
def test_equal_to_coordinate_descent(solver, seed, shape, penalty) -> None:
    a, b = problem(seed, *shape)
    found = solver(a, b, penalty, steps=200_000, tolerance=1e-11)
    assert found.converged
    expected = coordinate_descent(a, b, penalty)
    assert violation(a, b, penalty, expected) < 1e-9
    np.testing.assert_allclose(found.x, expected, atol=1e-6)
    assert violation(a, b, penalty, found.x) <= 1e-9 * np.abs(a.T @ b).max()
    assert float(found.objectives[-1]) == pytest.approx(objective(a, b, penalty, expected), rel=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_equal_to_scipys_quadratic_programme(solver) -> None:
    """x = u − v，u、v ≥ 0：L1 成了线性项，L-BFGS-B 解带界的光滑问题。"""
    a, b = problem(5)
    penalty = 0.8

    def split(z):
        residual = a @ (z[:8] - z[8:]) - b
        slope = a.T @ residual
        value = residual @ residual / 2 + penalty * z.sum()
        return value, np.concatenate([slope, -slope]) + penalty

    options = {"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-12}
    best = scipy_minimize(split, np.ones(16), jac=True, bounds=[(0, None)] * 16, options=options)
    found = solver(a, b, penalty)
    assert float(found.objectives[-1]) == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(found.x, best.x[:8] - best.x[8:], atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_least_squares_without_a_penalty(solver) -> None:
    a, b = problem(6)
    found = solver(a, b, 0.0, steps=100_000, tolerance=1e-12)
    np.testing.assert_allclose(found.x, np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-8)


def bounds_hold(a, b, penalty, x0, steps):
    best = coordinate_descent(a, b, penalty)
    optimum, distance = objective(a, b, penalty, best), ((x0 - best) ** 2).sum()
    lipschitz = np.linalg.eigvalsh(a.T @ a).max()
    k = np.arange(1, steps + 1)
    slow = ista(a, b, penalty, x0=x0, steps=steps, tolerance=0).objectives
    fast = fista(a, b, penalty, x0=x0, steps=steps, tolerance=0).objectives
    room = 1e-9 * abs(optimum)
    assert (slow[1:] - optimum <= lipschitz * distance / (2 * k) + room).all()
    assert (fast[1:] - optimum <= 2 * lipschitz * distance / (k + 1) ** 2 + room).all()
    assert (np.diff(slow) <= 1e-12 * slow[0]).all()
    return slow - optimum, fast - optimum


def test_the_rates_of_the_paper() -> None:
    """Beck & Teboulle (2009)，定理 3.1 与 4.4；病态的 A 上 FISTA 快得多，而且不单调。"""
    rng = np.random.default_rng(7)
    a = rng.standard_normal((30, 20)) @ np.diag(np.logspace(0, -2, 20))
    b = a @ rng.standard_normal(20)
    slow, fast = bounds_hold(a, b, 1e-4, np.zeros(20), 300)
    assert fast[300] < slow[300] / 5
    assert (np.diff(fast) > 0).any()
    bounds_hold(*problem(8), 0.5, np.full(8, 3.0), 100)


def test_fistas_first_steps_by_hand() -> None:
    """t = 1, (1+√5)/2, …：前两步与 ISTA 相同，第三步才外推。"""
    a, b = problem(9)
    slow, fast = (solver(a, b, 0.3, steps=3, tolerance=0).objectives for solver in SOLVERS)
    np.testing.assert_allclose(fast[:3], slow[:3], rtol=1e-14)
    assert fast[3] != slow[3]
    lipschitz = np.linalg.norm(a, 2) ** 2

    def step(y):
        v = y - a.T @ (a @ y - b) / lipschitz
        return np.sign(v) * np.maximum(np.abs(v) - 0.3 / lipschitz, 0)

    first = step(np.zeros(8))
    second = step(first)
    t2 = (1 + 5**0.5) / 2
    t3 = (1 + (1 + 4 * t2**2) ** 0.5) / 2
    third = step(second + (t2 - 1) / t3 * (second - first))
    np.testing.assert_allclose(fista(a, b, 0.3, steps=3, tolerance=0).x, third, rtol=1e-12)
    assert float(fast[3]) == pytest.approx(objective(a, b, 0.3, third), rel=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_largest_useful_penalty(solver) -> None:
    a, b = problem(10)
    largest = np.abs(a.T @ b).max()
    assert not solver(a, b, largest * 1.0001).x.any()
    assert np.count_nonzero(solver(a, b, largest * 0.99).x) == 1
    assert len(solver(a, b, largest * 1.0001).objectives) == 2


@pytest.mark.parametrize("solver", SOLVERS)
@given(scale=st.floats(1e-3, 1e3))
def test_scaling_the_data_scales_the_solution(solver, scale) -> None:
    a, b = problem(11)
    plain, scaled = solver(a, b, 0.5), solver(a, b * scale, 0.5 * scale)
    np.testing.assert_allclose(scaled.x, plain.x * scale, rtol=1e-5, atol=1e-7 * scale)
    wide = solver(a * scale, b, 0.5 * scale)
    np.testing.assert_allclose(wide.x, plain.x / scale, rtol=1e-5, atol=1e-7 / scale)


@pytest.mark.parametrize("solver", SOLVERS)
def test_corners(solver) -> None:
    a, b = problem(12)
    start = solver(a, b, 0.5, steps=0)
    assert not start.x.any()
    assert start.objectives.tolist() == [pytest.approx((b**2).sum() / 2)]
    assert start.converged is False
    short = solver(a, b, 0.5, steps=3)
    assert len(short.objectives) == 4
    assert short.converged is False
    full = solver(a, b, 0.5, steps=4000, tolerance=0)
    assert len(full.objectives) == 4001
    assert solver(a, b, 0.5).converged is True
    again = solver(a, b, 0.5, x0=full.x)
    assert len(again.objectives) == 2
    zero = solver(np.zeros((2, 3)), [1.0, 2.0], 0.5, x0=[1.0, -1.0, 5.0])
    assert not zero.x.any()
    assert float(zero.objectives[-1]) == 2.5
    assert solver(np.zeros((2, 0)), [1.0, 2.0], 0.5).x.shape == (0,)
    x0 = np.ones(8)
    a.flags.writeable = b.flags.writeable = x0.flags.writeable = False
    assert not np.shares_memory(solver(a, b, 0.5, x0=x0, steps=0).x, x0)
    single = solver(a.astype(np.float32), b.astype(np.float32), 0.5, x0=x0.astype(np.float32), tolerance=1e-5)
    assert single.x.dtype == single.objectives.dtype == np.float32
    np.testing.assert_allclose(single.x, full.x, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_bad_arguments(solver) -> None:
    a, b = np.eye(2), [1.0, 2.0]
    for call, message in [
        (lambda: solver([1.0], [1.0], 1), "`a` 应为两维"),
        (lambda: solver(a, [1.0], 1), "`b` 应为形状"),
        (lambda: solver(a, b, 1, x0=[1.0]), "`x0` 应为形状"),
        (lambda: solver(a, b, -1), "`penalty`"),
        (lambda: solver(a, b, 1, steps=-1), "`steps`"),
        (lambda: solver(a, b, 1, tolerance=-1), "`tolerance`"),
        (lambda: solver([[np.nan]], [1.0], 1), "`a` 应为有限"),
        (lambda: solver(a, [np.inf, 1.0], 1), "`b` 应为有限"),
        (lambda: solver(a, b, 1, x0=[np.nan, 0]), "`x0` 应为有限"),
        (lambda: solver(a * 1e200, b, 1), "平方不超出 float64"),
        (lambda: solver(a, [1e200, 1.0], 1), "平方不超出 float64"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="`b`"):
        solver(a, None, 1)
