"""随机失活：与 torch 的记录、有限差分比；期望，两种缩放，报错。"""

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import dropout as drop
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import check, recorded

RECORDED = recorded("dropout")
X = np.random.default_rng(0).normal(1, 1, (4, 5))
MASK = drop.dropout_mask((4, 5), np.random.default_rng(1), p=0.4)


@pytest.mark.parametrize("op", ["dropout", "alpha_dropout"])
def test_torch(op: str) -> None:
    cases = [case for case in RECORDED if case.op == op]
    assert len(cases) == 20
    for case in cases:
        check(drop, case)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_gradients(training: bool, p: float) -> None:
    options: dict[str, Any] = {"p": p, "training": training}
    for name, mask, more in (
        ("dropout", MASK, {}),
        ("dropout", MASK[:, :1], {"scale_at": "test"}),
        ("drop_path", MASK[:, 0], {}),
        ("alpha_dropout", MASK, {}),
    ):
        f = partial(getattr(drop, name), mask=mask, **options, **more)
        g = partial(getattr(drop, f"{name}_backward"), mask=mask, **options, **more)
        check_gradient(f, g, X)
        if p < 1:
            with pytest.raises(AssertionError, match="梯度不对"):
                check_gradient(f, lambda dy, x, g=g: g(dy, x) * 1.001, X)


@given(st.floats(0, 1))
def test_the_mask(p: float) -> None:
    """留下的比例是 1-p：二项分布的五个标准差。"""
    keep = drop.dropout_mask(10_000, np.random.default_rng(0), p=p)
    assert abs(keep.mean() - (1 - p)) <= 5 * (p * (1 - p) / 10_000) ** 0.5 + 1e-4
    assert drop.dropout_mask(5, np.random.default_rng(0), p=0).all()
    assert not drop.dropout_mask(5, np.random.default_rng(0), p=1).any()


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_expectations(p: float) -> None:
    """枚举 2^4 个掩码，按概率加权，恰好等于测试时的输出；`p` 弄反就不等。"""
    x = np.array([1.0, -2.0, 3.0, 0.5])
    masks = [np.array([number >> bit & 1 for bit in range(4)], bool) for number in range(16)]
    weights = [p ** (~m).sum() * (1 - p) ** m.sum() for m in masks]
    for scale_at in ("training", "test"):
        mean = sum(
            w * drop.dropout(x, m, p=p, scale_at=scale_at) for w, m in zip(weights, masks, strict=True)
        )
        tested = drop.dropout(x, masks[0], p=p, training=False, scale_at=scale_at)
        compare(drop.dropout, tested, mean, source="枚举掩码")
        compare(drop.dropout, tested, x * ((1 - p) if scale_at == "test" else 1), source="定义")
    batch = np.outer(x, [1.0, 2.0])
    mean = sum(w * drop.drop_path(batch, m, p=p) for w, m in zip(weights, masks, strict=True))
    compare(drop.drop_path, mean, batch, source="枚举掩码")


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(1_000_000)
    y = drop.alpha_dropout(x, drop.dropout_mask(x.shape, rng, p=p), p=p)
    np.testing.assert_allclose([y.mean(), y.var()], [0, 1], atol=6e-3)


def test_corners_and_types() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        x = X.astype(dtype)
        x.flags.writeable = False
        for name, mask in (("dropout", MASK), ("alpha_dropout", MASK), ("drop_path", MASK[:, 0])):
            for training in (True, False):
                f, g = getattr(drop, name), getattr(drop, f"{name}_backward")
                assert f(x, mask, training=training).dtype == g(x, x, mask, training=training).dtype == dtype
        assert np.array_equal(drop.dropout(x, MASK, training=False), x)
    assert drop.dropout([np.inf, np.nan, np.nan], [False, False, True]).tolist()[:2] == [0, 0]
    assert np.isnan(drop.dropout([np.nan], [True]))
    assert drop.dropout(np.zeros((0, 3)), np.zeros((0, 3), bool)).shape == (0, 3)
    assert drop.dropout([1, 2], [True, True]).tolist() == [2, 4]
    for scale_at in ("training", "test"):  # p = 1：一个也不留，不管掩码怎么说
        assert drop.dropout([1.0, 2.0], [True, False], p=1.0, scale_at=scale_at).tolist() == [0.0, 0.0]
    # a > 1，大的数乘出无穷大，不警告
    assert drop.alpha_dropout([1.7e308], [True], p=0.9) == np.inf
    assert drop.alpha_dropout_backward([1.7e308], [0.0], [True], p=0.9) == np.inf


class Lowest(np.random.Generator):
    """抽到的总是能抽到的最小值 0：2⁻⁵³ 的机会，等不到。"""

    def random(self, size: Any = None, *_: Any) -> Any:  # type: ignore[override]
        return np.zeros(size)


def test_the_lowest_draw() -> None:
    rng = Lowest(np.random.PCG64(0))
    assert drop.dropout_mask(3, rng, p=0).all()
    assert not drop.dropout_mask(3, rng, p=0.1).any()


def test_errors() -> None:
    for call, message in (
        (
            lambda: drop.dropout(X, MASK, p=1.5),
            "^`p` 应为 0 到 1 的实数，得到 1.5",
        ),
        (lambda: drop.dropout_mask(3, np.random.default_rng(0), p=-0.1), "^`p` 应为"),
        (lambda: drop.dropout(X, MASK, scale_at="train"), "^`scale_at` 应为 training / test 之一"),
        (lambda: drop.dropout(X, MASK[:3]), r"^`mask` 应为能广播成 \(4, 5\) 的形状，得到 \(3, 5\)"),
        (lambda: drop.drop_path(X, MASK), r"^`mask` 应为形状 \(4,\)（批量的形状）"),
        (lambda: drop.dropout_backward(X[0], X, MASK), "^`dy` 应为形状"),
        (lambda: drop.alpha_dropout_backward(X[0], X, MASK), "^`dy` 应为形状"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"^`mask` 应为布尔数组，得到 int64 的数组"):
        drop.dropout(X, MASK.astype(np.int64))
    with pytest.raises(TypeError, match=r"^`training` 应为 True 或 False"):
        drop.dropout(X, MASK, training=1)  # type: ignore[arg-type]
