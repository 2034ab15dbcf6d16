"""`dlnotes.optim.first_order`：与 torch.optim 记下的路、论文的写法、闭式解、SciPy 的极小点比较。"""

import json
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize
from scipy.optimize import rosen, rosen_der

from dlnotes.optim import first_order
from dlnotes.optim.first_order import (
    AdamState,
    SgdState,
    adagrad,
    adam,
    adamw,
    clip_by_norm,
    clip_by_value,
    minimize,
    rmsprop,
    sgd,
)

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "optim.json").read_text(encoding="utf-8"))
STEPS = [partial(sgd, lr=0.1, momentum=0.9), adagrad, rmsprop, adam, adamw]
NAMES = ["sgd", "adagrad", "rmsprop", "adam", "adamw"]


@pytest.mark.parametrize(
    "case",
    ORACLE["cases"],
    ids=lambda case: "-".join([case["name"], case["dtype"], *map(str, case["options"].values())]),
)
def test_twenty_steps_equal_torch(case) -> None:
    dtype = np.dtype(case["dtype"])
    step = partial(getattr(first_order, case["name"]), **case["options"])
    w, state = np.array(ORACLE["start"], dtype), None
    assert len(ORACLE["gradients"]) == 20
    for gradient, expected in zip(ORACLE["gradients"], case["path"][1:], strict=True):
        w, state = step(w, np.array(gradient, dtype), state)
        assert w.dtype == dtype
        # float32：20 步里每步几个 ulp 的舍入
        rtol, atol = (1e-13, 1e-15) if dtype == np.float64 else (2e-6, 3e-7)
        np.testing.assert_allclose(w, expected, rtol=rtol, atol=atol)
        assert all(part.dtype == dtype for part in state if isinstance(part, np.ndarray))


def test_the_recording_covers_every_option() -> None:
    seen = {(case["name"], option) for case in ORACLE["cases"] for option in case["options"]}
    assert {case["name"] for case in ORACLE["cases"]} == set(NAMES)
    assert {("sgd", "dampening"), ("sgd", "nesterov"), ("adam", "amsgrad"), ("adamw", "weight_decay")} <= seen


@given(st.floats(0.01, 0.5), st.floats(0.1, 0.95), st.integers(1, 12))
def test_torch_momentum_is_polyaks_when_the_rate_is_constant(lr, mu, count) -> None:
    curvature = np.array([1.0, 0.3])
    w, state = np.array([1.0, -2.0]), None
    theta, v = w.copy(), np.zeros(2)
    for _ in range(count):
        w, state = sgd(w, curvature * w, state, lr=lr, momentum=mu)
        v = mu * v - lr * curvature * theta  # Sutskever et al. (2013)，式 (1)、(2)
        theta = theta + v
    np.testing.assert_allclose(w, theta, rtol=1e-9, atol=1e-12)


@given(st.floats(0.01, 0.5), st.floats(0.1, 0.95), st.integers(1, 12))
def test_torch_nesterov_is_sutskevers_lookahead(lr, mu, count) -> None:
    curvature = np.array([1.0, 0.3])
    w, state = np.array([1.0, -2.0]), None
    theta, v = w.copy(), np.zeros(2)
    for _ in range(count):
        w, state = sgd(w, curvature * w, state, lr=lr, momentum=mu, nesterov=True)
        v = mu * v - lr * curvature * (theta + mu * v)  # 式 (3)、(4)
        theta = theta + v
    np.testing.assert_allclose(w, theta + mu * v, rtol=1e-9, atol=1e-12)


def test_a_changed_rate_separates_torch_from_the_paper() -> None:
    w, state = sgd([0.0], [1.0], lr=1.0, momentum=0.5)
    w, state = sgd(w, [0.0], state, lr=0.1, momentum=0.5)
    assert float(w[0]) == pytest.approx(-1.05)  # 论文：-1 - 0.5 = -1.5
    np.testing.assert_array_equal(state.velocity, [0.5])


def test_gradient_descent_on_a_parabola_is_geometric() -> None:
    path = minimize(lambda w: (w @ w, 2 * w), [8.0, -4.0], partial(sgd, lr=0.25), steps=5)
    np.testing.assert_array_equal(path.points[:, 0], [8.0 / 2**k for k in range(6)])
    np.testing.assert_array_equal(path.values, [80.0 / 4**k for k in range(6)])
    np.testing.assert_array_equal(path.gradients, 2 * path.points)


def test_adagrad_in_exact_fractions() -> None:
    """梯度 3、4、12 的平方和的根是 3、5、13。"""
    w, state = [0.0], None
    for gradient in (3.0, 4.0, 12.0):
        w, state = adagrad(w, [gradient], state, lr=1.0, eps=1e-300)
    assert float(w[0]) == pytest.approx(-float(1 + Fraction(4, 5) + Fraction(12, 13)), rel=1e-15)
    np.testing.assert_array_equal(state.total, [169.0])


def test_rmsprop_first_step() -> None:
    w, _ = rmsprop([0.0], [5.0], lr=0.01, alpha=0.75, eps=1e-300)
    assert float(w[0]) == pytest.approx(-0.02, rel=1e-15)


@given(st.floats(1e-3, 1e3), st.integers(1, 10))
def test_adam_does_not_see_the_scale_of_the_gradient(scale, count) -> None:
    gradients = np.sin(np.arange(1, 11))
    a = b = np.array([0.0])
    one = other = None
    for gradient in gradients[:count]:
        a, one = adam(a, [gradient], one, eps=1e-30)
        b, other = adam(b, [scale * gradient], other, eps=1e-30)
    np.testing.assert_allclose(a, b, rtol=1e-10)
    assert one.step == count


def test_adam_by_the_sums_of_the_paper() -> None:
    """Kingma & Ba §3：滑动平均是带权的和，权的和是 1 - βᵗ。"""
    gradients = [0.3, -0.7, 1.1, 0.2]
    w, state, expected = np.array([0.5]), None, 0.5
    for t, gradient in enumerate(gradients, start=1):
        w, state = adam(w, [gradient], state, lr=0.1, betas=(0.8, 0.9), eps=1e-3)
        m = sum(0.8 ** (t - i) * g for i, g in enumerate(gradients[:t], start=1)) / sum(
            0.8**k for k in range(t)
        )
        v = sum(0.9 ** (t - i) * g * g for i, g in enumerate(gradients[:t], start=1)) / sum(
            0.9**k for k in range(t)
        )
        expected -= 0.1 * m / (v**0.5 + 1e-3)
        assert float(w[0]) == pytest.approx(expected, rel=1e-12)
    assert isinstance(state, AdamState)
    assert state.peak is None


def test_coupled_decay_is_an_l2_penalty_and_decoupled_is_not() -> None:
    w, g, decay = np.array([2.0, -1.0]), np.array([0.5, 0.25]), 0.1
    for step in (partial(sgd, lr=0.1), adagrad, rmsprop, adam):
        with_decay, _ = step(w, g, weight_decay=decay)
        penalized, _ = step(w, g + decay * w)
        np.testing.assert_allclose(with_decay, penalized, rtol=1e-14)
    plain, _ = adam(w, g, lr=0.1)
    np.testing.assert_allclose(
        adamw(w, g, lr=0.1, weight_decay=decay)[0], plain - 0.1 * decay * w, rtol=1e-13
    )


@pytest.mark.parametrize(
    ("step", "steps"),
    [
        (partial(sgd, lr=1e-3, momentum=0.9), 12_000),
        (partial(sgd, lr=1e-3, momentum=0.9, nesterov=True), 12_000),
        (partial(adam, lr=0.02), 9_000),
    ],
    ids=["momentum", "nesterov", "adam"],
)
def test_finds_the_minimum_scipy_finds(step, steps) -> None:
    path = minimize(lambda w: (rosen(w), rosen_der(w)), [-1.2, 1.0], step, steps=steps, tolerance=1e-7)
    found = scipy_minimize(rosen, [-1.2, 1.0], jac=rosen_der, method="BFGS", tol=1e-10).x
    np.testing.assert_allclose(path.points[-1], found, atol=1e-5)
    assert np.abs(path.gradients[-1]).max() <= 1e-7
    assert np.abs(path.gradients[:-1]).max(axis=1).min() > 1e-7


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_nothing_is_modified_and_the_state_is_new(step) -> None:
    w, g = np.array([1.0, 2.0]), np.array([0.5, -0.5])
    w.flags.writeable = g.flags.writeable = False
    first, state = step(w, g)
    copies = [np.copy(part) for part in state if part is not None]
    kept = first.copy()
    for part in state:
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
            assert not np.shares_memory(part, g)
    step(first, g, state)
    np.testing.assert_array_equal(first, kept)
    for part, copy in zip([part for part in state if part is not None], copies, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_types(step, dtype) -> None:
    w, state = step(np.array([[1, 2]], dtype), np.array([[1, -1]], dtype))
    w, state = step(w, np.array([[1, -1]], dtype), state)
    assert w.shape == (1, 2)
    assert w.dtype == ("float64" if dtype == "int64" else dtype)
    inner = {"float16": "float32", "int64": "float64"}.get(dtype, dtype)
    assert {part.dtype for part in state if isinstance(part, np.ndarray)} == {np.dtype(inner)}


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_wrong_arrays(step) -> None:
    with pytest.raises(ValueError, match="`g` 应为形状"):
        step([1.0, 2.0], [1.0])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="`g` 应为有限的数"):
            step([1.0], [bad])
        with pytest.raises(ValueError, match="`w` 应为有限的数"):
            step([bad], [1.0])
    with pytest.raises(TypeError, match="`state` 应为"):
        step([1.0], [1.0], (1.0,))
    _, state = step([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(ValueError, match=r"`state\."):
        step([1.0], [1.0], state)


@pytest.mark.parametrize("step", STEPS[1:], ids=NAMES[1:])
def test_an_overflowing_square_is_an_error_not_a_standstill(step) -> None:
    with pytest.raises(ValueError, match="更新不超出 float64"):
        step([1.0], [1e200])
    with pytest.raises(ValueError, match="更新不超出 float32"):
        step(np.float32([1.0]), np.float32([1e30]))


def test_an_overflowing_point_is_an_error() -> None:
    with pytest.raises(ValueError, match="更新不超出 float64"):
        sgd([1.0], [1e300], lr=1e10)


WRONG = [
    (lambda: sgd([1.0], [1.0], lr=-1.0), "`lr`"),
    (lambda: adam([1.0], [1.0], lr=-1.0), "`lr`"),
    (lambda: adagrad([1.0], [1.0], lr=-1.0), "`lr`"),
    (lambda: rmsprop([1.0], [1.0], lr=-1.0), "`lr`"),
    (lambda: sgd([1.0], [1.0], lr=0.1, weight_decay=-1.0), "`weight_decay`"),
    (lambda: sgd([1.0], [1.0], lr=0.1, momentum=-0.1), "`momentum`"),
    (lambda: sgd([1.0], [1.0], lr=0.1, nesterov=True), "`nesterov`"),
    (lambda: sgd([1.0], [1.0], lr=0.1, nesterov=True, momentum=0.9, dampening=0.1), "`nesterov`"),
    (lambda: adam([1.0], [1.0], betas=(0.9,)), "`betas`"),
    (lambda: adam([1.0], [1.0], betas=(1.0, 0.9)), r"`betas\[0\]`"),
    (lambda: adam([1.0], [1.0], betas=(0.9, 1.0)), r"`betas\[1\]`"),
    (lambda: adam([1.0], [1.0], betas=(-0.1, 0.9)), r"`betas\[0\]`"),
    (lambda: adam([1.0], [1.0], eps=0.0), "`eps`"),
    (lambda: adagrad([1.0], [1.0], eps=0.0), "`eps`"),
    (lambda: rmsprop([1.0], [1.0], eps=0.0), "`eps`"),
    (lambda: rmsprop([1.0], [1.0], alpha=1.0), "`alpha`"),
    (lambda: adam([1.0], [1.0], adam([1.0], [1.0])[1], amsgrad=True), "`state`"),
    (lambda: adam([1.0], [1.0], adam([1.0], [1.0], amsgrad=True)[1]), "`state`"),
    (lambda: clip_by_value([1.0], limit=-1.0), "`limit`"),
    (lambda: clip_by_value([np.inf], limit=1.0), "`g`"),
    (lambda: clip_by_norm([1.0], max_norm=-1.0), "`max_norm`"),
    (lambda: clip_by_norm(max_norm=1.0), "`gradients`"),
    (lambda: clip_by_norm([1.0], [np.nan], max_norm=1.0), r"`gradients\[1\]`"),
    (lambda: minimize(lambda w: (1.0, w), [1.0], adam, steps=-1), "`steps`"),
    (lambda: minimize(lambda w: (1.0, w), [1.0], adam, steps=1, tolerance=-1.0), "`tolerance`"),
    (lambda: minimize(lambda w: (w, w), [1.0], adam, steps=1), r"`f\(w\)\[0\]`"),
    (lambda: minimize(lambda w: (1.0, 1.0), [1.0], adam, steps=1), r"`f\(w\)\[1\]`"),
    (lambda: minimize(lambda w: (np.nan, w), [1.0], adam, steps=1), "第 0 步"),
    (lambda: minimize(lambda w: (1.0, w * np.inf), [1.0], adam, steps=1), "第 0 步"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[str(index) for index in range(len(WRONG))])
def test_wrong_options(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types() -> None:
    with pytest.raises(TypeError, match="`lr`"):
        sgd([1.0], [1.0], lr="0.1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`nesterov`"):
        sgd([1.0], [1.0], lr=0.1, momentum=0.9, nesterov=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`amsgrad`"):
        adam([1.0], [1.0], amsgrad=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`f`"):
        minimize(lambda w: w, [1.0], adam, steps=1)
    with pytest.raises(TypeError, match="`state` 应为 None 或 SgdState"):
        sgd([1.0], [1.0], adam([1.0], [1.0])[1], lr=0.1)  # type: ignore[arg-type]


def test_without_momentum_there_is_no_velocity() -> None:
    _, state = sgd([1.0], [1.0], lr=0.1)
    assert state == SgdState(None)
    _, state = sgd([1.0], [1.0], state, lr=0.1, momentum=0.9, dampening=0.5)
    np.testing.assert_array_equal(state.velocity, [1.0])  # 第一次有动量：不乘 1 - 阻尼


def test_minimize_counts_and_shapes() -> None:
    seen = []

    def f(w):
        seen.append(w.copy())
        w *= 2  # 就地改也改不了记下的点
        return (w**2).sum() / 4, w

    start = np.ones((2, 3), np.float32)
    path = minimize(f, start, partial(sgd, lr=0.5), steps=4)
    assert len(seen) == 5
    assert (path.points.shape, path.values.shape, path.gradients.shape) == ((5, 2, 3), (5,), (5, 2, 3))
    assert {part.dtype for part in path} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(path.points, seen)
    np.testing.assert_array_equal(path.points[0], start)
    assert minimize(f, start, adam, steps=0).points.shape == (1, 2, 3)
    assert (start == 1).all()
    still = minimize(lambda w: (0.0, 0 * w), [3.0], adamw, steps=9, tolerance=0)
    assert still.points.shape == (1, 1)
    assert minimize(lambda w: (0.0, 0 * w), [3.0], adamw, steps=9).points.shape == (10, 1)


@pytest.mark.parametrize("clip", ORACLE["clips"], ids=lambda clip: f"{clip['kind']}-{clip['bound']}")
def test_clipping_equals_torch(clip) -> None:
    arrays = [np.array(array) for array in clip["arrays"]]
    if clip["kind"] == "value":
        for array, expected in zip(arrays, clip["clipped"], strict=True):
            np.testing.assert_array_equal(clip_by_value(array, limit=clip["bound"]), expected)
        return
    clipped, norm = clip_by_norm(*arrays, max_norm=clip["bound"])
    assert norm == pytest.approx(clip["norm"], rel=1e-14)
    for got, expected in zip(clipped, clip["clipped"], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_clipping_far_from_one() -> None:
    clipped, norm = clip_by_norm(np.array([3e200, 0.0]), np.array([4e200]), max_norm=1.0)
    assert norm == pytest.approx(5e200, rel=1e-15)
    np.testing.assert_allclose(np.concatenate(clipped), [0.6, 0, 0.8], rtol=1e-14)
    _, tiny = clip_by_norm([3e-200], [4e-200], max_norm=1.0)
    assert tiny == pytest.approx(5e-200, rel=1e-15)
    assert clip_by_norm([0.0], max_norm=1.0)[1] == 0.0
    assert clip_by_norm(np.zeros(0), max_norm=1.0)[1] == 0.0


def test_clipping_keeps_types_and_inputs() -> None:
    single, double = np.float32([3.0]), np.array([4.0])
    clipped, _ = clip_by_norm(single, double, max_norm=1.0)
    assert [array.dtype for array in clipped] == [np.float32, np.float64]
    assert (single[0], double[0]) == (3.0, 4.0)
    assert clip_by_value(single, limit=1.0).dtype == np.float32
