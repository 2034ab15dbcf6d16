"""三种打分：与 torch 的记录、逐个循环、有限差分比。"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import attention_scores
from dlnotes.nn.attention_scores import (
    additive_scores,
    additive_scores_backward,
    dot_scores,
    dot_scores_backward,
    general_scores,
    general_scores_backward,
)
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

LOOP = "定义（逐个循环）"
SIZES = [((), 1, 1, 1, 1, 1), ((2,), 3, 4, 2, 5, 3), ((2, 2), 2, 3, 4, 2, 6)]


def arrays(batch: tuple[int, ...], length: int, keys: int, d: int, e: int, a: int) -> list[Any]:
    shapes = ((*batch, length, d), (*batch, keys, e), (*batch, keys, d), (d, e), (a, d), (a, e), (a,))
    return [np.random.default_rng(5).standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("case", recorded("attention_scores"), ids=str)
def test_as_torch(case: Recorded) -> None:
    check(attention_scores, case)


@pytest.mark.parametrize("sizes", SIZES)
def test_definition(sizes: Any) -> None:
    q, k, same, w, wq, wk, v = arrays(*sizes)
    dot, general, additive = (np.zeros((*q.shape[:-1], k.shape[-2])) for _ in range(3))
    for *b, i, j in np.ndindex(*dot.shape):
        x, y, z = q[(*b, i)], k[(*b, j)], same[(*b, j)]
        dot[(*b, i, j)] = math.fsum(x * z)
        general[(*b, i, j)] = math.fsum(x[m] * w[m, n] * y[n] for m, n in np.ndindex(*w.shape))
        hidden = [math.tanh(math.fsum(wq[r] * x) + math.fsum(wk[r] * y)) for r in range(len(v))]
        additive[(*b, i, j)] = math.fsum(np.array(hidden) * v)
    compare(dot_scores, dot_scores(q, same), dot, source=LOOP)
    compare(general_scores, general_scores(q, k, w), general, source=LOOP)
    compare(additive_scores, additive_scores(q, k, wq, wk, v), additive, source=LOOP)


@pytest.mark.parametrize("sizes", SIZES)
def test_gradients(sizes: Any) -> None:
    q, k, same, w, wq, wk, v = arrays(*sizes)
    check_gradient(dot_scores, dot_scores_backward, q, same)
    check_gradient(general_scores, general_scores_backward, q, k, w)
    check_gradient(additive_scores, additive_scores_backward, q, k, wq, wk, v)


def test_a_wrong_backward_is_noticed() -> None:
    q, k, *_, wq, wk, v = arrays(*SIZES[1])
    for index in range(5):

        def wrong(dy: Any, *args: Any, index: int = index) -> Any:
            gradients = list(additive_scores_backward(dy, *args))
            gradients[index] = gradients[index] * 1.001
            return tuple(gradients)

        with pytest.raises(AssertionError, match=f"第 {index} 个参数"):
            check_gradient(additive_scores, wrong, q, k, wq, wk, v)


@given(st.integers(0, 2**32 - 1))
def test_dot_is_general_with_the_identity(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, dy = rng.standard_normal((3, 4)), rng.standard_normal((5, 4)), rng.standard_normal((3, 5))
    compare(dot_scores, dot_scores(q, k), general_scores(q, k, np.eye(4)), source="W 取恒等")
    got = general_scores_backward(dy, q, k, np.eye(4))[:2]
    compare(dot_scores_backward, dot_scores_backward(dy, q, k), got, source="W 取恒等")


@given(st.integers(0, 2**32 - 1))
def test_additive_is_concat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, w, v = (rng.standard_normal(shape) for shape in ((3, 2), (5, 4), (6, 6), (6,)))
    expected = [[np.tanh(w @ np.concatenate([x, y])) @ v for y in k] for x in q]
    got = additive_scores(q, k, w[:, :2], w[:, 2:], v)
    compare(additive_scores, got, expected, source="Luong 的 concat")
    assert (np.abs(got) <= np.abs(v).sum()).all()


def test_corners() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        x = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(dtype)[:, ::2, ::2]
        x.flags.writeable = False
        before, w = x.copy(), np.eye(3, dtype=dtype)
        for out in (dot_scores(x, x), general_scores(x, x, w), additive_scores(x, x, w, w, w[0])):
            assert (out.dtype, out.shape) == (dtype, (2, 2, 2))
        dy = np.ones((2, 2, 2), dtype)
        for out in (
            *dot_scores_backward(dy, x, x),
            *general_scores_backward(dy, x, x, w),
            *additive_scores_backward(dy, x, x, w, w, w[0]),
        ):
            assert out.dtype == dtype
        assert np.array_equal(x, before)
    assert additive_scores([[1e4]], [[1e4]], [[1.0]], [[1.0]], [3.0]) == 3
    assert additive_scores([[np.inf]], [[1.0]], [[1.0]], [[1.0]], [3.0]) == 3
    assert np.isnan(dot_scores([[np.inf, np.nan]], [[1.0, 0.0]])).all()
    empty = np.zeros((0, 3, 2))
    assert dot_scores(empty, empty).shape == (0, 3, 3)
    dw = general_scores_backward(np.zeros((0, 3, 3)), empty, empty, np.eye(2))[2]
    assert np.array_equal(dw, np.zeros((2, 2)))
    assert dot_scores([[1, 2]], [[3, 4]]).dtype == np.float64


def test_bad_arguments() -> None:
    q, k = np.zeros((2, 3, 4)), np.zeros((2, 5, 4))
    with pytest.raises(ValueError, match=r"^`query` 应为至少二维的数组，得到 形状 \(4,\)"):
        dot_scores(q[0, 0], k[0, 0])
    with pytest.raises(ValueError, match=r"^`key` 应为形状 \(2, S, 4\) 的数组，得到 形状 \(2, 5, 3\)"):
        dot_scores(q, k[..., :3])
    with pytest.raises(ValueError, match=r"^`key` 应为形状 \(2, S, E\) 的数组，得到 形状 \(1, 5, 4\)"):
        general_scores(q, k[:1], np.eye(4))
    with pytest.raises(ValueError, match=r"^`weight` 应为形状 \(4, 4\)"):
        general_scores(q, k, np.eye(3))
    with pytest.raises(ValueError, match=r"^`v` 应为一维数组，得到 形状 \(1, 2\)"):
        additive_scores(q, k, np.ones((2, 4)), np.ones((2, 4)), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"^`query_weight` 应为形状 \(2, 4\)"):
        additive_scores(q, k, np.ones((3, 4)), np.ones((2, 4)), np.ones(2))
    with pytest.raises(ValueError, match=r"^`key_weight` 应为形状 \(2, 4\)"):
        additive_scores(q, k, np.ones((2, 4)), np.ones((4, 2)), np.ones(2))
    wrong = np.zeros((2, 3, 4))
    for call in (
        lambda: dot_scores_backward(wrong, q, k),
        lambda: general_scores_backward(wrong, q, k, np.eye(4)),
        lambda: additive_scores_backward(wrong, q, k, np.ones((2, 4)), np.ones((2, 4)), np.ones(2)),
    ):
        with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 3, 5\)"):
            call()
