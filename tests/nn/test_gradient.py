"""梯度检查本身：对的放过，错的、缺的、形状不对的都抓得住。"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn.gradient import check_gradient

X = np.array([[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]])
W = np.array([[1.0, 0.5], [-0.3, 2.0], [0.2, 0.1]])
B = np.array([0.1, -0.2])


def linear(x: Any, w: Any, b: Any = None) -> Any:
    return x @ w if b is None else x @ w + b


def linear_backward(dy: Any, x: Any, w: Any, b: Any = None) -> Any:
    return dy @ w.T, x.T @ dy, None if b is None else dy.sum(axis=0)


def test_right_gradients_pass() -> None:
    check_gradient(linear, linear_backward, X, W, B)
    check_gradient(linear, linear_backward, X, W, None)
    check_gradient(np.exp, lambda dy, x: dy * np.exp(x), X)
    check_gradient(np.sum, lambda dy, x: np.full_like(x, dy), X)  # 输出是一个数


@pytest.mark.parametrize("wrong", range(3))
def test_the_message_names_the_wrong_argument(wrong: int) -> None:
    def backward(dy: Any, *args: Any) -> Any:
        gradients = list(linear_backward(dy, *args))
        gradients[wrong] = gradients[wrong] * 1.001
        return tuple(gradients)

    with pytest.raises(AssertionError, match=f"^第 {wrong} 个参数的梯度不对：.*允许 1e-06"):
        check_gradient(linear, backward, X, W, B)


@given(st.integers(0, 5))
def test_one_wrong_element_is_noticed(place: int) -> None:
    def backward(dy: Any, x: Any) -> Any:
        gradient = dy * np.cos(x)
        gradient.flat[place] += 1e-4
        return gradient

    with pytest.raises(AssertionError):
        check_gradient(np.sin, backward, X)


def test_shapes_counts_and_none() -> None:
    with pytest.raises(AssertionError, match=r"形状是 \(2, 3\)，梯度的却是 \(3,\)"):
        check_gradient(np.sin, lambda dy, x: (dy * np.cos(x)).sum(axis=0), X)
    with pytest.raises(AssertionError, match="应有 2 个梯度，得到 1 个"):
        check_gradient(linear, lambda dy, x, w: dy @ w.T, X, W)
    with pytest.raises(AssertionError, match="第 2 个参数与它的梯度只有一个是 None"):
        check_gradient(
            linear, lambda dy, x, w, b: (*linear_backward(dy, x, w)[:2], dy.sum(axis=0)), X, W, None
        )

    with pytest.raises(AssertionError, match="第 1 个参数与它的梯度只有一个是 None"):
        check_gradient(linear, lambda dy, x, w: (dy @ w.T, None), X, W)


def test_the_step_grows_with_the_argument() -> None:
    """步长随最大的绝对值变，否则 x² 在 -10⁹ 处的差分全是舍入。"""
    check_gradient(np.square, lambda dy, x: 2 * x * dy, np.array([-1e9, 2.0]))


def test_many_elements_do_not_hide_a_relative_error() -> None:
    """一万个元素，⟨x̄, v⟩ 只有 ‖x̄‖‖v‖ 的百分之一；十万分之一的误差仍要看见。"""
    x = np.zeros(10_000)
    check_gradient(lambda x: 3 * x, lambda dy, x: 3 * dy, x)
    with pytest.raises(AssertionError, match="第 0 个参数的梯度不对"):
        check_gradient(lambda x: 3 * x, lambda dy, x: 3 * (1 + 1e-5) * dy, x)


def test_bad_points_and_arguments() -> None:
    with pytest.raises(ValueError, match=r"^`args\[0\]` 应为有限的数"):
        check_gradient(np.sin, lambda dy, x: dy, np.array([np.nan]))
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=r"^`f\(\*args\)` 应为有限的数"):
        check_gradient(np.log, lambda dy, x: dy / x, np.array([0.0]))
    with pytest.raises(TypeError, match=r"^`args\[0\]` 应为浮点数组，得到 int64 的数组"):
        check_gradient(np.sin, lambda dy, x: dy, np.array([1]))
    with pytest.raises(ValueError, match="directions"):
        check_gradient(np.sin, lambda dy, x: dy, X, directions=0)


def test_arguments_are_left_alone_and_the_seed_decides() -> None:
    before = X.copy()
    seen: list[Any] = []

    def backward(dy: Any, x: Any) -> Any:
        seen.append(dy)
        return dy * np.cos(x)

    for seed in (0, 0, 1):
        check_gradient(np.sin, backward, X, seed=seed)
    assert np.array_equal(X, before)
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


def test_an_array_without_elements() -> None:
    check_gradient(np.sin, lambda dy, x: dy * np.cos(x), np.zeros((0, 3)))


def test_options() -> None:
    def vjp(dy: Any, x: Any) -> Any:
        return dy / np.cosh(x) ** 2

    for options, message in (
        ({"f": None}, "^`f` 应为函数，得到 None；"),
        ({"vjp": 1.5}, "^`vjp` 应为函数，得到 1.5；"),
        ({"rtol": np.nan}, "^`rtol` 应为不小于 0 的实数，得到 nan；"),
        ({"seed": -1}, "^`seed` 应为不小于 0 的整数，得到 -1；"),
        ({"directions": 1.5}, "^`directions` 应为不小于 1 的整数，得到 1.5；"),
    ):
        given = {"f": np.tanh, "vjp": vjp} | options
        f, backward = given.pop("f"), given.pop("vjp")
        with pytest.raises((TypeError, ValueError), match=message):
            check_gradient(f, backward, [0.5], **given)
    with pytest.raises(TypeError, match=r"^`args\[0\]` 应为浮点数组，得到 object 的数组"):
        check_gradient(np.tanh, vjp, [[1.0], [1.0, 2.0]])
