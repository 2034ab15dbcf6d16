"""CTC：与枚举全部对齐、有限差分比；torch 的记录在 `test_losses`。"""

import warnings
from itertools import groupby, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.losses import ctc_loss, ctc_loss_backward
from dlnotes.nn.softmax import log_softmax
from tests.nn.evidence import compare


def by_enumeration(y: Any, labels: list[int], blank: int) -> tuple[float, Any]:
    """走遍 K^T 条路径：先合并相邻的重复，再去掉空白；连同每一帧的后验。"""
    total, posterior = 0.0, np.zeros_like(y)
    for path in product(range(y.shape[1]), repeat=len(y)):
        if [key for key, _ in groupby(path) if key != blank] == labels:
            probability = np.exp(sum(y[t, k] for t, k in enumerate(path)))
            total += probability
            posterior[range(len(y)), list(path)] += probability
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log(total), posterior / total


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3), st.integers(0, 2))
def test_all_alignments(seed: int, steps: int, length: int, blank: int) -> None:
    rng = np.random.default_rng(seed)
    y = log_softmax(rng.normal(0, 2, (steps, 1, 3)))
    labels = [int(k) for k in rng.choice([k for k in range(3) if k != blank], length)]
    loss, posterior = by_enumeration(y[:, 0], labels, blank)
    args = (y, np.array([labels], int).reshape(1, -1), [steps], [length])
    compare(ctc_loss, ctc_loss(*args, blank=blank, reduction="sum"), loss, source="枚举对齐")
    gradient = ctc_loss_backward(1.0, *args, blank=blank, reduction="sum")
    compare(ctc_loss_backward, gradient[:, 0], -posterior, source="枚举对齐")


def test_gradients() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(0, 1, (6, 3, 4))  # 不归一的也算
    targets, steps, counts = [[1, 2, 2], [3, 1, 1], [1, 1, 1]], [6, 4, 5], [3, 2, 0]
    for reduction in ("none", "mean", "sum"):
        check_gradient(
            lambda y, r=reduction: ctc_loss(y, targets, steps, counts, reduction=r),
            lambda dy, y, r=reduction: ctc_loss_backward(dy, y, targets, steps, counts, reduction=r),
            y,
        )
    posterior = -ctc_loss_backward(np.ones(3), y, targets, steps, counts, reduction="none")
    np.testing.assert_allclose(posterior.sum(axis=2), (np.arange(6)[:, None] < steps).astype(float))
    with pytest.raises(AssertionError, match="梯度不对"):  # 没有减 softmax 的才是偏导数
        check_gradient(
            lambda y: ctc_loss(y, targets, steps, counts),
            lambda dy, y: ctc_loss_backward(dy, y, targets, steps, counts) + np.exp(y) * 1e-3,
            y,
        )


def test_corners() -> None:
    y = log_softmax(np.zeros((3, 2, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        args: Any = (y, [[1, 1], [1, 2]], [2, 2], [2, 2])  # 两帧放不下 1、空白、1
        assert ctc_loss(*args, reduction="none")[0] == np.inf
        np.testing.assert_allclose(ctc_loss(*args, reduction="none")[1], np.log(9))
        assert ctc_loss(*args, reduction="none", zero_infinity=True)[0] == 0
        gradient = ctc_loss_backward(np.ones(2), *args, reduction="none")
        assert np.isnan(gradient[:2, 0]).all()
        assert (gradient[2] == 0).all()  # 帧数以外
        gradient = ctc_loss_backward(np.ones(2), *args, reduction="none", zero_infinity=True)
        assert (gradient[:, 0] == 0).all()
        assert (gradient[2] == 0).all()
        # 没有帧：空的目标概率 1，别的没有对齐
        assert ctc_loss(y, [1], [0, 0], [0, 1], reduction="none").tolist() == [0, np.inf]
        assert np.isnan(ctc_loss(np.zeros((2, 0, 3)), np.zeros((0, 1), int), [], []))
        assert ctc_loss(np.zeros((2, 0, 3)), np.zeros((0, 1), int), [], [], reduction="sum") == 0
        # 概率为 0 的类别，上千帧也不下溢
        hard = np.full((2000, 1, 3), -np.inf)
        hard[:, :, 0], hard[:1000, :, 1] = np.log(0.25), np.log(0.75)
        loss = ctc_loss(hard, [[1]], [2000], [1], reduction="sum")
        assert 1000 < loss < 2000
        gradient = ctc_loss_backward(1.0, hard, [[1]], [2000], [1])
        assert np.isfinite(gradient).all()
        assert (gradient[np.isneginf(hard)] == 0).all()
    assert ctc_loss(y.astype(np.float32), [[1], [2]], [3, 3], [1, 1]).dtype == np.float32
    flat = ctc_loss(y, [1, 2, 1], [3, 3], [1, 2])
    assert flat == ctc_loss(y, [[1, 0], [2, 1]], [3, 3], [1, 2])  # 长度以外的标签不看


def test_errors() -> None:
    y = np.zeros((3, 2, 3))
    good: dict[str, Any] = {"targets": [[1], [2]], "input_lengths": [3, 3], "target_lengths": [1, 1]}
    for change, message in (
        ({"log_probs": y[0]}, r"^`log_probs` 应为形状 \(T, N, K\) 的数组"),
        ({"blank": 3}, "^`blank` 应为小于类别数 3 的整数，得到 3"),
        ({"blank": -1}, "^`blank` 应为不小于 0 的整数"),
        ({"blank": 2}, "^`targets` 应为 0 到 2、不是空白 2 的标签"),
        ({"targets": [[1], [3]]}, "^`targets` 应为 0 到 2、不是空白 0 的标签"),
        ({"targets": [[1], [-1]]}, "^`targets` 应为 0 到 2、"),
        ({"targets": [1, 2, 1]}, r"^`targets` 应为形状 \(2, S\)，或 target_lengths 之和那么长的一维数组"),
        ({"targets": [[1]]}, "^`targets` 应为形状"),
        ({"input_lengths": [3, 4]}, "^`input_lengths` 应为 0 到 3 的长度"),
        ({"input_lengths": [3]}, "^`input_lengths` 应为形状"),
        ({"target_lengths": [1, 2]}, "^`target_lengths` 应为 0 到 1 的长度"),
        ({"target_lengths": [1, -1]}, "^`target_lengths` 应为 0 到 1 的长度"),
        ({"reduction": "batchmean"}, "^`reduction` 应为 none / mean / sum 之一"),
    ):
        with pytest.raises(ValueError, match=message):
            ctc_loss(**{"log_probs": y, **good, **change})
    with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2,\)"):
        ctc_loss_backward(1.0, y, **good, reduction="none")
    with pytest.raises(TypeError, match=r"^`zero_infinity` 应为 True 或 False"):
        ctc_loss(y, **good, zero_infinity=1)  # type: ignore[arg-type]
