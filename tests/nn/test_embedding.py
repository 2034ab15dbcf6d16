"""嵌入与独热：与 torch 的记录、矩阵乘法、逐个累加、有限差分比。"""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import embedding as module
from dlnotes.nn.embedding import embedding, embedding_backward, one_hot
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

W = np.random.default_rng(0).standard_normal((5, 3))


@pytest.mark.parametrize("case", recorded("embedding"), ids=str)
def test_as_torch(case: Recorded) -> None:
    check(module, case)


@given(st.lists(st.integers(0, 4), max_size=12), st.sampled_from([None, 0, 4, -2]))
def test_against_one_hot_and_exact_sums(index: list[int], padding: int | None) -> None:
    dy = np.random.default_rng(len(index)).integers(-9, 9, (len(index), 3)) / 8
    hot = np.array([[float(i == k) for k in range(5)] for i in index]).reshape(-1, 5)
    compare(embedding, embedding(index, W, padding_idx=padding), hot @ W, source="独热乘以表", rtol=1e-15)
    assert np.array_equal(one_hot(index, 5), hot)
    compare(one_hot, one_hot(index, 5), hot.astype(int), source="定义（逐个循环）")
    total = [[Fraction(0)] * 3 for _ in range(5)]
    for row, k in enumerate(index):
        if padding is None or k != padding % 5:
            total[k] = [a + Fraction(b) for a, b in zip(total[k], dy[row], strict=True)]
    got = embedding_backward(dy, index, W, padding_idx=padding)
    compare(embedding_backward, got, np.array(total, float), source="精确的有理数", rtol=1e-15)


@pytest.mark.parametrize("index", [2, [0, 2, 2, 1], [[0, 0], [4, 0]]])
def test_gradients(index: Any) -> None:
    check_gradient(lambda w: embedding(index, w), lambda dy, w: embedding_backward(dy, index, w), W)


def test_forgetting_repeated_indices_is_noticed() -> None:
    def wrong(dy: Any, w: Any) -> Any:
        gradient = np.zeros_like(w)
        gradient[[0, 2, 2]] += dy
        return gradient

    with pytest.raises(AssertionError, match="第 0 个参数"):
        check_gradient(lambda w: embedding([0, 2, 2], w), wrong, W)


def test_padding_only_stops_the_gradient() -> None:
    for padding in (1, -4):
        assert np.array_equal(embedding([1, 3], W, padding_idx=padding), W[[1, 3]])
        gradient = embedding_backward(np.ones((2, 3)), [1, 3], W, padding_idx=padding)
        assert np.array_equal(gradient.any(axis=1), [False, False, False, True, False])


def test_corners() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        table = np.arange(24, dtype=dtype).reshape(6, 4)[::2, ::-1]
        table.flags.writeable = False
        y = embedding([2, 0], table)
        assert y.dtype == dtype
        assert np.array_equal(y, table[[2, 0]])
        y[:] = 0  # 是新的数组，改它不动表
        assert table.any()
        gradient = embedding_backward(y, [2, 0], table)
        assert (gradient.dtype, gradient.shape) == (dtype, (3, 4))
    many = embedding_backward(np.full((3000, 1), 1, np.float16), [0] * 3000, np.zeros((1, 1), np.float16))
    assert many == 3000  # float16 逐个加到 2048 就不动了
    assert embedding([], W).shape == (0, 3)
    assert np.isnan(embedding([0], [[np.nan]])).all()
    assert embedding(np.uint8(1), [[1], [2]]).dtype == np.float64
    assert np.array_equal(one_hot(3), [0, 0, 0, 1])
    assert one_hot([[0], [1]]).dtype == np.int64
    assert one_hot([], 3).shape == (0, 3)
    assert one_hot([0, 0]).shape == (2, 1)


def test_bad_arguments() -> None:
    for index in ([-1], [5], [[0, 7]]):
        with pytest.raises(ValueError, match=rf"^`x` 应为 0 到 4 的整数，得到 其中有 {np.ravel(index)[-1]}"):
            embedding(index, W)
        with pytest.raises(ValueError, match=r"^`x`"):
            embedding_backward(np.zeros((1, 3)), index, W)
    with pytest.raises(TypeError, match=r"^`x` 应为整数数组，得到 float64"):
        embedding([0.0], W)
    with pytest.raises(ValueError, match=r"^`weight` 应为形状 \(K, D\) 的表，得到 形状 \(3,\)"):
        embedding([0], W[0])
    for padding in (5, -6):
        with pytest.raises(
            ValueError, match=r"^`padding_idx` 应为-5 到 4 的整数|^`padding_idx` 应为 -5 到 4 的整数"
        ):
            embedding([0], W, padding_idx=padding)
    with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 3\)"):
        embedding_backward(np.zeros((3, 3)), [0, 1], W)
    with pytest.raises(ValueError, match=r"^`num_classes` 应为 ?-1 或正数"):
        one_hot([0], 0)
    with pytest.raises(ValueError, match=r"^`num_classes` 应为不小于 -1 的整数"):
        one_hot([0], -2)
    with pytest.raises(ValueError, match=r"^`num_classes` 应为正数（没有元素"):
        one_hot([])
    with pytest.raises(ValueError, match=r"^`x` 应为 0 到 2 的整数"):
        one_hot([3], 3)
    with pytest.raises(ValueError, match=r"^`x` 应为 0 到 3 的整数，得到 其中有 -1"):
        one_hot([3, -1])


def test_an_empty_table() -> None:
    assert embedding(np.empty((2, 0), int), np.empty((0, 3))).shape == (2, 0, 3)
    with pytest.raises(ValueError, match=r"^`x` 应为空的数组（表里没有行），得到 其中有 0；"):
        embedding([0], np.empty((0, 3)))
    with pytest.raises(ValueError, match=r"^`padding_idx` 应为 None（表里没有行），得到 0；"):
        embedding([], np.empty((0, 3)), padding_idx=0)


def test_infinite_gradients_are_added() -> None:
    dy = np.array([[np.inf], [-np.inf], [np.inf]])
    got = embedding_backward(dy, [0, 0, 1], np.zeros((3, 1)))
    np.testing.assert_array_equal(got, [[np.nan], [np.inf], [0.0]])
