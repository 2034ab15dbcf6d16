"""`dlnotes.linalg.derivatives`：与手推的导数、SciPy 的解析导数与差分比较。"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime, rosen, rosen_der, rosen_hess

from dlnotes.linalg.derivatives import gradient, hessian, jacobian

POINTS = arrays(np.float64, 4, elements=st.floats(-3, 3))
METHODS = ["central", "complex"]


def rosenbrock(x):
    """与 SciPy 的 `rosen` 相同，但收复数。"""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@given(POINTS)
def test_rosenbrock(x) -> None:
    size = 1 + np.abs(rosen_der(x)).max() + rosen(x)
    assert np.abs(gradient(rosen, x) - rosen_der(x)).max() <= 1e-9 * size
    assert np.abs(gradient(rosenbrock, x, method="complex") - rosen_der(x)).max() <= 1e-14 * size
    size = 1 + np.abs(rosen_hess(x)).max() + rosen(x)
    assert np.abs(hessian(rosen, x) - rosen_hess(x)).max() <= 1e-6 * size
    assert np.abs(hessian(rosenbrock, x, method="complex") - rosen_hess(x)).max() <= 1e-8 * size
    np.testing.assert_allclose(gradient(rosen, x), approx_fprime(x, rosen), rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("x", [0.3, 2.0, 50.0, 1e6, -40.0])
def test_the_error_is_what_the_step_promises(x) -> None:
    """误差约 ε^(2/3)：比它好得多说明在作弊，坏得多说明步长不对。"""
    scale = 1 + abs(x)
    assert abs(float(gradient(np.sin, x)) - np.cos(x)) <= 30 * 2.2e-16 ** (2 / 3) * scale**2
    assert float(gradient(np.sin, x, method="complex")) == pytest.approx(np.cos(x), rel=1e-15)


def test_the_default_steps_are_near_the_best() -> None:
    """在许多点上取平均，默认步长的误差不超过最好的步长的三倍。"""
    points = np.linspace(0.1, 3, 40)

    def error(step, method="central"):
        found = [float(gradient(np.exp, x, step=step, method=method)) for x in points]
        return np.mean(np.abs(np.array(found) / np.exp(points) - 1))

    errors = {power: error(10.0**power) for power in range(-12, 0)}
    assert error(None) <= 3 * min(errors.values())
    assert errors[-12] > 1e3 * error(None)
    assert errors[-1] > 1e3 * error(None)
    assert error(1e-100, "complex") <= 1e-15 < error(1e-3, "complex")

    def second(step):
        found = [float(hessian(np.exp, x, step=step)) for x in points]
        return np.mean(np.abs(np.array(found) / np.exp(points) - 1))

    assert second(None) <= 3 * min(second(10.0**power) for power in range(-6, -1))


@pytest.mark.parametrize("method", METHODS)
def test_a_jacobian_by_hand(method) -> None:
    def polar(x):
        return np.stack([x[0] * np.cos(x[1]), x[0] * np.sin(x[1]), x[0] * x[1]])

    r, t = 2.0, 0.7
    expected = [[np.cos(t), -r * np.sin(t)], [np.sin(t), r * np.cos(t)], [t, r]]
    np.testing.assert_allclose(jacobian(polar, [r, t], method=method), expected, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_axes_of_f_come_first(method) -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) / 7
    found = jacobian(lambda x: x @ b, a, method=method)
    assert found.shape == (2, 4, 2, 3)
    np.testing.assert_allclose(found, np.einsum("ik,lj->ijkl", np.eye(2), b), atol=1e-9)
    assert jacobian(lambda x: x.sum(), a, method=method).shape == (2, 3)
    assert jacobian(np.sin, 0.0, method=method).shape == ()
    assert jacobian(lambda x: x[:0], a, method=method).shape == (0, 3, 2, 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_hessian_by_hand(method) -> None:
    a = np.array([[2.0, -1.0, 0.5], [3.0, 4.0, 0.0], [1.0, 1.0, -2.0]])
    found = hessian(lambda x: x @ a @ x, [1.0, -2.0, 300.0], method=method)
    np.testing.assert_allclose(found, a + a.T, atol=1e-3)
    np.testing.assert_array_equal(found, found.T)
    exact = [[0, 6 * 9 * 1, 0], [54, 0, 0], [0, 0, 0]]
    mixed = hessian(lambda x: 2 * x[0] * x[1] ** 3, [1.0, 3.0, 9.0], method=method)
    np.testing.assert_allclose(mixed, np.array(exact) + np.diag([0, 36, 0]), atol=2e-5)


def test_a_hessian_of_a_matrix_argument() -> None:
    x = np.arange(4.0).reshape(2, 2)
    found = hessian(lambda a: (a**3).sum(), x)
    assert found.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(found.reshape(4, 4), np.diag(6 * x.ravel()), atol=1e-5)
    assert hessian(lambda a: 0.0, np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert gradient(lambda a: 0.0, np.zeros((0, 2))).shape == (0, 2)


def test_calls_and_points() -> None:
    seen = []

    def f(x):
        seen.append(x.copy())
        return (x * x).sum()

    x = np.array([1.0, 100.0, 0.0])
    x.flags.writeable = False
    gradient(f, x)
    assert len(seen) == 6
    moved = np.abs(np.array(seen) - x).max(axis=1)
    np.testing.assert_allclose(moved, np.repeat([6.06e-6, 6.06e-4, 6.06e-6], 2), rtol=1e-3)
    seen.clear()
    gradient(f, x, step=0.5)
    np.testing.assert_allclose(np.abs(np.array(seen) - x).max(axis=1), [0.5, 0.5, 50, 50, 0.5, 0.5])
    seen.clear()
    gradient(f, x, method="complex")
    assert len(seen) == 3
    np.testing.assert_allclose(np.diag(np.imag(seen)), [1e-30, 1e-28, 1e-30])
    np.testing.assert_array_equal(np.real(seen), [x, x, x])
    seen.clear()
    hessian(f, x)
    assert len(seen) == 36
    seen.clear()
    hessian(f, x, method="complex")
    assert len(seen) == 18


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_types(dtype, method) -> None:
    x = np.array([1.0, 2.0], dtype)
    for derivative in (gradient, jacobian, hessian):
        found = derivative(lambda x: (x**3).sum(), x, method=method)
        assert found.dtype == dtype
    np.testing.assert_allclose(gradient(lambda x: (x**3).sum(), x, method=method), [3, 12], rtol=1e-6)
    assert gradient(lambda x: int(x[0] > 0), [1.0]).tolist() == [0]  # 整数的结果也行


def test_what_f_must_not_do() -> None:
    with pytest.raises(ValueError, match="`f` 应为返回一个数的函数，得到 形状"):
        gradient(lambda x: x, [1.0, 2.0])
    shapes = iter([(2,), (3,)])
    with pytest.raises(ValueError, match="`f` 应为返回形状 \\(2,\\) 的函数"):
        jacobian(lambda x: np.zeros(next(shapes)), [1.0])
    with pytest.raises(TypeError, match="`f` 应为返回实数的函数"):
        gradient(lambda x: None, [1.0])
    with pytest.raises(TypeError, match="`f` 应为返回实数的函数"):
        gradient(lambda x: x[0] * 1j, [1.0])
    with pytest.raises(TypeError, match="丢了虚部"):
        gradient(lambda x: np.abs(x).sum(), [1.0], method="complex")
    with pytest.raises(TypeError, match="丢了虚部"):
        hessian(lambda x: x.real.sum(), [1.0], method="complex")
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="nan 或 inf"):
            gradient(lambda x, bad=bad: bad, [1.0])


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`x` 应为有限"):
        gradient(np.sum, [np.nan])
    with pytest.raises(TypeError, match="`x`"):
        gradient(np.sum, [1j])
    with pytest.raises(ValueError, match="`method`"):
        gradient(np.sum, [1.0], method="forward")
    with pytest.raises(ValueError, match="`method`"):
        hessian(np.sum, [1.0], method="forward")
    for method in METHODS:
        for bad in (0, -1.0):
            with pytest.raises(ValueError, match="`step`"):
                gradient(np.sum, [1.0], step=bad, method=method)
    with pytest.raises(ValueError, match="`step` 应为大到能改变"):
        gradient(np.sum, [1.0], step=1e-17)
    with pytest.raises(ValueError, match="`x` 应为至少一个元素"):
        jacobian(np.sum, [])
