"""线性注意力：与 torch 的记录、显式的求和、有限差分比；前缀和跨块也对。"""

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import linear_attention as module
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.linear_attention import linear_attention, linear_attention_backward
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded, rounding

EXPLICIT = "定义（逐个循环）"


def phi(x: Any) -> Any:
    return np.array([v + 1 if v > 0 else math.exp(v) for v in x])


def explicit(q: Any, k: Any, v: Any, is_causal: bool) -> Any:
    out = []
    for i, query in enumerate(q):
        keys = range(i + 1) if is_causal else range(len(k))
        weights = [math.fsum(phi(query) * phi(k[j])) for j in keys]
        out.append(sum(w * v[j] for w, j in zip(weights, keys, strict=True)) / math.fsum(weights))
    return np.array(out)


@pytest.mark.parametrize("case", recorded("linear_attention"), ids=str)
def test_as_torch(case: Recorded) -> None:
    # 130 项的前缀和，float32 的舍入随长度长
    loose = {"rtol": 2e-5} if case.dy.dtype == np.float32 else {}
    check(module, case, atol=rounding(case), **loose)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.booleans())
def test_explicit_sums(seed: int, length: int, is_causal: bool) -> None:
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((length, n)) * 2 for n in (3, 3, 2))
    got = linear_attention(q, k, v, is_causal=is_causal)
    compare(linear_attention, got, explicit(q, k, v, is_causal), source=EXPLICIT, rtol=1e-12)


@pytest.mark.parametrize("length", [63, 64, 65, 128, 129])
def test_prefix_sums_across_chunks(length: int) -> None:
    rng = np.random.default_rng(length)
    q, k, v = (rng.standard_normal((2, length, n)) for n in (3, 3, 2))
    got = linear_attention(q, k, v, is_causal=True)
    expected = np.stack([explicit(*one, True) for one in zip(q, k, v, strict=True)])
    compare(linear_attention, got, expected, source=EXPLICIT)
    dy = rng.standard_normal((2, length, 2))
    # 前缀各自非因果地算，梯度相加
    total = [np.zeros_like(x) for x in (q, k, v)]
    for i in range(length):
        parts = linear_attention_backward(dy[:, i : i + 1], q[:, i : i + 1], k[:, : i + 1], v[:, : i + 1])
        total[0][:, i : i + 1] += parts[0]
        total[1][:, : i + 1] += parts[1]
        total[2][:, : i + 1] += parts[2]
    got = linear_attention_backward(dy, q, k, v, is_causal=True)
    compare(linear_attention_backward, got, tuple(total), source="每个前缀单独算")


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("length", [2, 5, 70])
def test_gradients(length: int, is_causal: bool) -> None:
    rng = np.random.default_rng(length)
    q, k, v = (rng.standard_normal((2, length, n)) for n in (3, 3, 2))
    q, k = (np.where(np.abs(x) < 0.01, 0.1, x) for x in (q, k))  # 0 处二阶导数跳变，差分不准
    options = {"is_causal": is_causal}
    check_gradient(
        lambda *a: linear_attention(*a, **options),
        lambda dy, *a: linear_attention_backward(dy, *a, **options),
        q,
        k,
        v,
    )
    if length > 2:
        with pytest.raises(AssertionError, match="第 0 个参数"):
            check_gradient(
                lambda *a: linear_attention(*a, **options),
                lambda dy, *a: linear_attention_backward(dy, *a, is_causal=not is_causal),
                q,
                k,
                v,
            )


def test_corners() -> None:
    far = np.full((3, 1), -1e4)
    v = [[1.0], [2.0], [4.0]]
    for is_causal in (False, True):
        nothing = np.full((3, 1), -np.inf)  # φ(k) 恰好是 0：没有可看的键
        assert not linear_attention(far, nothing, v, is_causal=is_causal).any()
        for gradient in linear_attention_backward(v, far, nothing, v, is_causal=is_causal):
            assert not gradient.any()
    assert not linear_attention(np.ones((2, 1)), np.ones((0, 1)), np.ones((0, 3))).any()
    small = np.full((1, 1), -40.0)  # elu(x)+1 若写成 (eˣ-1)+1，这里就是 0
    assert linear_attention(small, small, [[7.0]]) == pytest.approx(7)
    assert linear_attention(-small * 250, small, [[7.0]]) == pytest.approx(7)
    assert np.isnan(linear_attention([[np.nan]], [[1.0]], [[1.0]])).all()
    assert np.array_equal(linear_attention_backward([[1.0]], [[0.0]], [[0.0]], [[1.0]])[2], [[1.0]])
    for dtype in (np.float16, np.float32, np.float64):
        x = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(dtype)[:, ::2, ::2]
        x.flags.writeable = False
        before = x.copy()
        assert linear_attention(x, x, x, is_causal=True).dtype == dtype
        assert {g.dtype for g in linear_attention_backward(x, x, x, x)} == {np.dtype(dtype)}
        assert np.array_equal(x, before)
    assert linear_attention([[1]], [[1]], [[1]]).dtype == np.float64
    assert linear_attention(np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), np.zeros((0, 3, 1))).shape == (0, 3, 1)


def in_decimal(q: Any, k: Any, v: Any, dy: Any, is_causal: bool) -> Any:
    """输出与三个梯度，照定义逐对求和，50 位十进制数：指数的范围大到不会下溢。"""

    def phi(x: Decimal) -> tuple[Decimal, Decimal]:
        return (x + 1, Decimal(1)) if x > 0 else (x.exp(),) * 2

    with localcontext(prec=50, Emin=-(10**9), Emax=10**9):
        pairs = [[[phi(Decimal(float(x))) for x in row] for row in side] for side in (q, k)]
        (fq, sq), (fk, sk) = ([[[x[n] for x in row] for row in side] for n in (0, 1)] for side in pairs)
        vs, gs = ([[Decimal(float(x)) for x in row] for row in side] for side in (v, dy))
        y = [[Decimal(0)] * len(vs[0]) for _ in fq]
        dq, dk, dv = ([[Decimal(0)] * len(row) for row in side] for side in (fq, fk, vs))
        for i, query in enumerate(fq):
            seen = range(i + 1 if is_causal else len(fk))
            raw = [sum(a * b for a, b in zip(query, fk[j], strict=True)) for j in seen]
            total = sum(raw)
            for j in seen:
                y[i] = [old + raw[j] / total * x for old, x in zip(y[i], vs[j], strict=True)]
            for j in seen:
                slope = sum(g * (x - o) for g, x, o in zip(gs[i], vs[j], y[i], strict=True)) / total
                dv[j] = [old + raw[j] / total * g for old, g in zip(dv[j], gs[i], strict=True)]
                for d in range(len(query)):
                    dq[i][d] += slope * fk[j][d] * sq[i][d]
                    dk[j][d] += slope * query[d] * sk[j][d]
        return tuple(np.array([[float(x) for x in row] for row in side]) for side in (y, dq, dk, dv))


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("spread", [1.0, 40.0, 400.0, 5000.0, 1e5])
def test_features_that_underflow(spread: float, length: int, is_causal: bool) -> None:
    """φ 或它们的积小于最小的浮点数时，商与梯度仍是寻常的数。"""
    rng = np.random.default_rng([length, int(spread)])
    q, k = (rng.standard_normal((length, 3)) * spread - spread for _ in range(2))
    v, dy = rng.standard_normal((2, length, 2))
    y, *gradients = in_decimal(q, k, v, dy, is_causal)
    rtol = 1e-13 * max(spread, 10)  # 指数的绝对误差是 |q + k| 的一个 ulp
    got = linear_attention(q, k, v, is_causal=is_causal)
    compare(linear_attention, got, y, source="十进制 50 位", rtol=rtol)
    got = linear_attention_backward(dy, q, k, v, is_causal=is_causal)
    compare(linear_attention_backward, got, tuple(gradients), source="十进制 50 位", rtol=rtol, atol=1e-12)


def test_each_prefix_has_its_own_scale() -> None:
    """先来的键极小、后来的极大：前缀只看得到小的，不能用后来的倍数去除它们。"""
    k = np.array([[-3000.0, -9000.0], [-2000.0, -9000.0], [0.0, -500.0], [9.0, 9.0]])
    q = np.array([[-1.0, 0.0], [0.0, -4000.0], [-7000.0, 2.0], [1.0, -1e4]])
    v, dy = np.arange(8.0).reshape(2, 4, 1)
    y, *gradients = in_decimal(q, k, v, dy, True)
    compare(linear_attention, linear_attention(q, k, v, is_causal=True), y, source="十进制 50 位", rtol=1e-12)
    got = linear_attention_backward(dy, q, k, v, is_causal=True)
    compare(linear_attention_backward, got, tuple(gradients), source="十进制 50 位", rtol=1e-12, atol=1e-12)
    single = [np.asarray(x, np.float32) for x in (q, k, v)]
    assert np.allclose(linear_attention(*single, is_causal=True), y, rtol=1e-3)


@pytest.mark.parametrize("is_causal", [False, True])
def test_any_memory_order(is_causal: bool) -> None:
    """按列存的、倒着的、转置的数组，就地累加也要加到原处。"""
    arrays = np.random.default_rng(0).standard_normal((4, 2, 8, 3))
    expected = linear_attention_backward(*arrays, is_causal=is_causal)
    forward = linear_attention(*arrays[1:], is_causal=is_causal)
    for order in (np.asfortranarray, lambda x: x[::-1, ::-1].copy()[::-1, ::-1], lambda x: x.T.copy().T):
        others = [order(x) for x in arrays]
        assert np.allclose(linear_attention(*others[1:], is_causal=is_causal), forward, rtol=1e-13)
        for got, one in zip(linear_attention_backward(*others, is_causal=is_causal), expected, strict=True):
            assert np.allclose(got, one, rtol=1e-12, atol=1e-14)


def test_slope_at_zero() -> None:
    """φ 在 0 处左右的导数都是 1。"""
    q, k, v, h = [[0.0]], [[0.5], [-0.5]], [[1.0], [3.0]], 1e-6
    numeric = [
        (linear_attention(q, np.add(k, [[h], [0]]), v) - linear_attention(q, np.add(k, [[-h], [0]]), v))[0, 0]
        / (2 * h)
    ]
    assert linear_attention_backward([[1.0]], q, k, v)[1][0, 0] == pytest.approx(numeric[0], rel=1e-6)
    weight = math.exp(-0.5) + 1.5
    slope = (1 * 1.5 + 3 * math.exp(-0.5)) / weight - (1 * 1.5 + 3 * math.exp(-0.5)) / weight
    assert linear_attention_backward([[1.0]], q, k, v)[0][0, 0] == pytest.approx(
        slope, abs=1e-15
    )  # D=1：q 约掉


def test_no_features() -> None:
    """没有特征，分母是空的和，与没有键时一样得 0。"""
    q, k, v = np.empty((2, 0)), np.empty((2, 0)), np.ones((2, 3))
    for is_causal in (False, True):
        assert (linear_attention(q, k, v, is_causal=is_causal) == 0).all()
        dq, dk, dv = linear_attention_backward(v, q, k, v, is_causal=is_causal)
        assert (dq.shape, dk.shape) == (q.shape, k.shape)
        assert (dv == 0).all()


def test_bad_arguments() -> None:
    q, k, v = np.zeros((2, 3, 4)), np.zeros((2, 5, 4)), np.zeros((2, 5, 1))
    with pytest.raises(ValueError, match=r"^`query` 应为至少二维"):
        linear_attention(q[0, 0], k, v)
    with pytest.raises(ValueError, match=r"^`key` 应为形状 \(2, S, 4\) 的数组"):
        linear_attention(q, k[..., 1:], v)
    with pytest.raises(ValueError, match=r"^`key` 应为形状 \(2, 3, 4\) 的数组"):
        linear_attention(q, k, v, is_causal=True)
    with pytest.raises(ValueError, match=r"^`value` 应为形状 \(2, 5, M\) 的数组"):
        linear_attention(q, k, v[:, 1:])
    for wrong in (v[0], 1.0):
        with pytest.raises(ValueError, match=r"^`value` 应为形状 \(2, 5, M\) 的数组"):
            linear_attention(q, k, wrong)
    with pytest.raises(TypeError, match=r"^`is_causal`"):
        linear_attention(q, k, v, is_causal=1)
    with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 3, 1\)"):
        linear_attention_backward(q, q, k, v)
