"""`dlnotes.linalg.norms`：与 NumPy、SciPy、精确分数、暴力求最大值比较。"""

from fractions import Fraction
from itertools import product
from math import inf, nan

import numpy as np
import pytest
import scipy.linalg
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlnotes.linalg.norms import (
    dual_exponent,
    dual_norm,
    dual_point,
    frobenius,
    induced,
    l0,
    l1,
    l2,
    linf,
    lp,
    nuclear,
    spectral,
    unit_ball,
)

RNG = np.random.default_rng(20261123)
VECTORS = arrays(np.float64, st.integers(1, 6), elements=st.floats(-100, 100))
PAIRS = st.integers(1, 6).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.floats(-100, 100)) for _ in range(2)])
)
POWERS = st.one_of(st.just(1.0), st.just(inf), st.floats(1, 200))
MATRIX_NORMS = [frobenius, spectral, nuclear, lambda a: induced(a, 1), lambda a: induced(a, inf)]
MATRIX_NAMES = ["frobenius", "spectral", "nuclear", "induced 1", "induced inf"]


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_vectors_equal_numpy_and_scipy(axis) -> None:
    x = RNG.standard_normal((4, 5))
    flat = x.ravel() if axis is None else x
    where = 0 if axis is None else axis
    for p in (1, 2, 3, 0.5, 1.5, 7.25, 100, inf):
        expected = np.linalg.norm(flat, p, axis=where)
        np.testing.assert_allclose(lp(x, p, axis=axis), expected, rtol=1e-13)
        np.testing.assert_allclose(scipy.linalg.norm(flat, p, axis=where), expected, rtol=1e-13)
    np.testing.assert_allclose(l1(x, axis=axis), np.linalg.norm(flat, 1, axis=where), rtol=1e-14)
    np.testing.assert_allclose(l2(x, axis=axis), np.linalg.norm(flat, 2, axis=where), rtol=1e-14)
    np.testing.assert_array_equal(linf(x, axis=axis), np.linalg.norm(flat, inf, axis=where))


def test_counting_equals_numpy() -> None:
    x = RNG.integers(-1, 2, (4, 5)).astype(float)
    for axis in (None, 0, 1):
        np.testing.assert_array_equal(l0(x, axis=axis), np.count_nonzero(x, axis=axis))
    assert l0(x).dtype == np.int64
    assert l0([0.1, -0.1, 0.2, nan], tolerance=0.1) == 2
    assert l0([]) == 0


def test_the_power_not_the_norm_tends_to_the_count() -> None:
    x = [0.0, 3.0, -4.0, 0.5]
    assert float(lp(x, 0.01)) ** 0.01 == pytest.approx(3, rel=1e-2)
    assert float(lp(x, 0.01)) > 3.0**100
    assert lp(x, 0.001) == inf


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=8))
def test_small_integers_are_exact(x) -> None:
    assert float(l1(x)) == sum(map(abs, x))
    assert float(linf(x)) == max(map(abs, x))
    assert float(l2(x)) == float(np.sqrt(sum(value * value for value in x)))
    cubes = Fraction(sum(abs(value) ** 3 for value in x))
    assert Fraction(float(lp(x, 3))) ** 3 == pytest.approx(cubes, rel=1e-14)


@given(PAIRS, POWERS)
def test_norm_axioms(pair, p) -> None:
    x, y = pair
    assert lp(x + y, p) <= (lp(x, p) + lp(y, p)) * (1 + 1e-12)
    assert float(lp(-3 * x, p)) == pytest.approx(3 * float(lp(x, p)), rel=1e-12)
    assert (lp(x, p) == 0) == (not x.any())
    assert linf(x) <= lp(x, p) * (1 + 1e-12)
    assert lp(x, p) <= l1(x) * (1 + 1e-12)


@given(PAIRS, st.floats(0.2, 0.99))
def test_quasi_norms_need_the_constant(pair, p) -> None:
    x, y = pair
    assert lp(x + y, p) <= 2 ** (1 / p - 1) * (lp(x, p) + lp(y, p)) * (1 + 1e-12)


def test_quasi_norms_break_the_triangle_inequality() -> None:
    assert float(lp([1, 1], 0.5)) == 4.0 > 2.0


@given(VECTORS, st.floats(1, 20), st.floats(1, 20))
def test_norms_decrease_in_the_exponent(x, p, q) -> None:
    low, high = sorted((p, q))
    assert lp(x, high) <= lp(x, low) * (1 + 1e-12)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 64, 65, 1000, 1e6, inf])
@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-1060, 2.0**1000])
def test_no_overflow_and_no_underflow(p, scale) -> None:
    x = np.array([3.0, -4.0, 0.0, 1.5])
    expected = 4.0 if p >= 1000 else float(np.linalg.norm(x, p))  # (3/4)¹⁰⁰⁰ 早已是 0
    assert float(lp(x, p)) == pytest.approx(expected, rel=1e-12)
    assert float(lp(x * scale, p)) / scale == pytest.approx(
        expected, rel=1e-4 if scale < 2.0**-1022 else 1e-12
    )


def test_huge_and_tiny_decimals() -> None:
    assert float(l2([3e200, 4e200])) == pytest.approx(5e200, rel=1e-15)
    assert float(l2([3e-200, 4e-200])) == pytest.approx(5e-200, rel=1e-15)
    for norm in MATRIX_NORMS:
        base = np.array([[1.0, 2.0], [3.0, -4.0]])
        assert float(norm(base * 1e200)) == pytest.approx(1e200 * float(norm(base)), rel=1e-13)
        assert float(norm(base * 1e-200)) == pytest.approx(1e-200 * float(norm(base)), rel=1e-13)
    assert float(l2(np.float32([3e30, 4e30]))) == pytest.approx(5e30, rel=1e-6)
    assert float(l2([5e-324])) == 5e-324
    assert float(l2([1.7e308])) == 1.7e308
    assert l1([1.7e308, 1.7e308]) == inf


def test_corners() -> None:
    assert float(l2([])) == 0.0
    assert l2(np.zeros((0, 3)), axis=0).tolist() == [0, 0, 0]
    assert float(l2([0.0, 0.0])) == 0.0
    for p in (0.5, 1, 2, 100, inf):
        assert lp([inf, -1.0], p) == inf
        assert lp([-inf, 1e300], p) == inf
        assert np.isnan(lp([nan, 1.0], p))
    np.testing.assert_array_equal(l2([[inf, 1.0], [3.0, 4.0]], axis=1), [inf, 5.0])
    np.testing.assert_array_equal(l2([[0.0, 0.0], [3.0, 4.0]], axis=1), [0.0, 5.0])
    assert float(l1(-2.0)) == 2.0
    assert float(lp([1e-3, 1.9], 1000)) == pytest.approx(1.9, rel=1e-12)
    assert float(lp([1e-3, 1.9], 1e5)) == pytest.approx(1.9, rel=1e-12)  # 1.9 的十万次方溢出
    assert float(lp([0.0, 0.0], 100)) == 0.0


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (4, 3, 2)])
def test_matrices_equal_numpy(shape) -> None:
    a = RNG.standard_normal(shape)
    kinds = ["fro", 2, "nuc", 1, inf]
    for norm, kind in zip(MATRIX_NORMS, kinds, strict=True):
        np.testing.assert_allclose(norm(a), np.linalg.norm(a, kind, axis=(-2, -1)), rtol=1e-13)
    np.testing.assert_array_equal(induced(a, 2), spectral(a))


def test_induced_norms_by_definition() -> None:
    """单位球的顶点上取到最大：L1 是坐标轴，L∞ 是符号。"""
    a = RNG.standard_normal((3, 4))
    corners = [np.abs(a @ signs).max() for signs in product([-1, 1], repeat=4)]
    assert float(induced(a, inf)) == pytest.approx(max(corners), rel=1e-14)
    assert float(induced(a, 1)) == pytest.approx(max(np.abs(a @ axis).sum() for axis in np.eye(4)), rel=1e-14)
    x = RNG.standard_normal((4, 200_000))
    stretch = (np.linalg.norm(a @ x, axis=0) / np.linalg.norm(x, axis=0)).max()
    assert 0.999 * spectral(a) <= stretch <= spectral(a)


def test_matrix_norms_in_closed_form() -> None:
    """[[3, 0], [4, 5]] 的奇异值是 √45 与 √5。"""
    a = [[3, 0], [4, 5]]
    assert float(spectral(a)) == pytest.approx(45**0.5, rel=1e-15)
    assert float(nuclear(a)) == pytest.approx(45**0.5 + 5**0.5, rel=1e-15)
    assert float(frobenius(a)) == pytest.approx(50**0.5, rel=1e-15)
    assert float(induced(a, 1)) == 7
    assert float(induced(a, inf)) == 9


@given(
    arrays(np.float64, (3, 3), elements=st.floats(-10, 10)),
    arrays(np.float64, (3, 3), elements=st.floats(-10, 10)),
)
def test_matrix_norm_inequalities(a, b) -> None:
    for norm in MATRIX_NORMS:
        assert norm(a + b) <= (norm(a) + norm(b)) * (1 + 1e-12) + 1e-12
        assert norm(a @ b) <= norm(a) * norm(b) * (1 + 1e-12) + 1e-12
    assert spectral(a) <= frobenius(a) * (1 + 1e-12)
    assert frobenius(a) <= nuclear(a) * (1 + 1e-12)
    assert spectral(a) ** 2 <= induced(a, 1) * induced(a, inf) * (1 + 1e-12)
    assert abs(float((a * b).sum())) <= spectral(a) * nuclear(b) * (1 + 1e-12) + 1e-12  # 对偶


def test_empty_and_bad_matrices() -> None:
    for norm in MATRIX_NORMS:
        assert float(norm(np.zeros((0, 3)))) == 0.0
        assert norm(np.zeros((2, 3, 0))).tolist() == [0, 0]
        with pytest.raises(ValueError, match="`a` 应为至少两维"):
            norm([1.0, 2.0])
    for norm in (spectral, nuclear, lambda a: induced(a, 2)):
        for bad in (nan, inf):
            with pytest.raises(ValueError, match="`a` 应为有限的数"):
                norm([[bad, 1.0]])
    assert np.isnan(induced([[nan, 1.0]], 1))
    assert frobenius([[inf, 1.0]]) == inf
    with pytest.raises(ValueError, match="`p` 应为 1、2 或 inf"):
        induced(np.eye(2), 3)


def test_dual_exponents() -> None:
    assert (dual_exponent(1), dual_exponent(inf), dual_exponent(2)) == (inf, 1, 2)
    for p in (Fraction(5, 4), Fraction(3), Fraction(10, 3)):
        assert 1 / p + 1 / Fraction(dual_exponent(float(p))) == pytest.approx(1, rel=1e-15)
    for bad in (0.99, 0, -1):
        with pytest.raises(ValueError, match="`p` 应为不小于 1"):
            dual_exponent(bad)
        with pytest.raises(ValueError, match="`p` 应为不小于 1"):
            dual_norm([1.0], bad)


@pytest.mark.parametrize("p", [1, 1.25, 2, 3, 10, inf])
def test_dual_norm_by_brute_force(p) -> None:
    """在单位圆（由 NumPy 归一化）上逐个角度试。"""
    angles = np.linspace(0, 2 * np.pi, 80_001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    sphere = directions / np.linalg.norm(directions, p, axis=0)
    for y in ([3.0, -4.0], [0.0, 2.0], [1.0, 1.0], [-0.1, -7.0]):
        best = (np.array(y) @ sphere).max()
        assert float(dual_norm(y, p)) == pytest.approx(best, rel=1e-7)
        point = dual_point(y, p)
        assert float(np.linalg.norm(point, p)) == pytest.approx(1, rel=1e-13)
        assert float(point @ y) == pytest.approx(best, rel=1e-7)


@given(PAIRS, POWERS)
def test_hoelder(pair, p) -> None:
    x, y = pair
    assert abs(float(x @ y)) <= float(lp(x, p) * dual_norm(y, p)) * (1 + 1e-10) + 1e-12
    assume(np.abs(y).max() > 1e-100)
    point = dual_point(y, p)
    assert float(lp(point, p)) == pytest.approx(1, rel=1e-10)
    assert float(point @ y) == pytest.approx(float(dual_norm(y, p)), rel=1e-9)


def test_dual_points_at_the_corners() -> None:
    np.testing.assert_array_equal(dual_point([2.0, -5.0, 5.0], 1), [0, -1, 0])
    np.testing.assert_array_equal(dual_point([2.0, -5.0, 0.0], inf), [1, -1, 0])
    np.testing.assert_array_equal(dual_point([0.0, 0.0], 2), [0, 0])
    assert dual_point([], 2).shape == (0,)
    assert float(dual_point([3e200, 4e200], 2)[0]) == pytest.approx(0.6)
    np.testing.assert_allclose(dual_point([3e200, 4e200], 1.25), dual_point([3, 4], 1.25), rtol=1e-13)
    assert dual_point(np.float32([3, 4]), 3).dtype == np.float32
    np.testing.assert_array_equal(dual_norm([[3.0, -4.0], [1.0, 1.0]], inf, axis=1), [7, 2])
    with pytest.raises(ValueError, match="`y` 应为一维"):
        dual_point([[1.0]], 2)
    with pytest.raises(ValueError, match="`y` 应为有限"):
        dual_point([inf], 2)


@pytest.mark.parametrize("p", [0.05, 0.5, 1, 1.7, 2, 5, 100, inf])
def test_the_unit_ball(p) -> None:
    points = unit_ball(p, 73)
    assert points.shape == (73, 2)
    np.testing.assert_array_equal(points[0], points[-1])
    np.testing.assert_allclose(np.linalg.norm(points, p, axis=1), 1, rtol=1e-10)
    np.testing.assert_array_equal(points[[0, 18, 36, 54]], [[1, 0], [0, 1], [-1, 0], [0, -1]])
    angles = np.arctan2(points[:-1, 1], points[:-1, 0]) % (2 * np.pi)
    np.testing.assert_allclose(angles, 2 * np.pi * np.arange(72) / 72, atol=1e-12)


def test_the_unit_ball_is_a_circle_a_diamond_or_a_square() -> None:
    assert unit_ball(2).shape == (361, 2)
    np.testing.assert_allclose(unit_ball(2)[45], [0.5**0.5, 0.5**0.5], rtol=1e-14)
    np.testing.assert_allclose(unit_ball(1)[45], [0.5, 0.5], rtol=1e-14)
    np.testing.assert_allclose(unit_ball(inf)[45], [1, 1], rtol=1e-14)
    for p in (0, -1, nan):
        with pytest.raises(ValueError, match="`p`"):
            unit_ball(p)
    with pytest.raises(ValueError, match="`points`"):
        unit_ball(2, 1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_types_and_inputs_are_kept(dtype) -> None:
    x = np.array([[3, -4], [0, 1]], dtype)
    x.flags.writeable = False
    kept = "float64" if dtype == "int64" else dtype
    for norm in (l1, l2, linf, *MATRIX_NORMS, lambda a: lp(a, 3), lambda a: dual_norm(a, 3)):
        assert norm(x).dtype == kept
        assert isinstance(norm(x), np.ndarray)


def test_bad_arguments() -> None:
    for bad in (0, -1, nan, -inf):
        with pytest.raises(ValueError, match="`p` 应为大于 0"):
            lp([1.0], bad)
    with pytest.raises(TypeError, match="`p`"):
        lp([1.0], "2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`axis`"):
        l2([1.0], axis=1)
    with pytest.raises(TypeError, match="`x`"):
        l2([1j])
    with pytest.raises(ValueError, match="`tolerance`"):
        l0([1.0], tolerance=-1)
