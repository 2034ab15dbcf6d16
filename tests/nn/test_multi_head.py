"""多头注意力：与 torch 的记录、一个头一个头地算、有限差分比。"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import multi_head
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.multi_head import multi_head_attention, multi_head_attention_backward
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

SHAPES = [(2, 3, 5), (2, 4, 3), (2, 4, 2), (4, 5), (4, 3), (6, 2), (7, 6), (4,), (4,), (6,), (7,)]


def arrays(seed: int = 3, bias: bool = True) -> list[Any]:
    rng = np.random.default_rng(seed)
    found: list[Any] = [rng.standard_normal(shape) for shape in SHAPES]
    return found if bias else [*found[:7], None, None, None, None]


def one_by_one(args: list[Any], mask: Any, heads: int) -> tuple[Any, Any]:
    """每个样本、每个头、每个查询各算各的，用不着分头的变形。"""
    q, k, v, wq, wk, wv, wo, *biases = args
    bq, bk, bv, bo = (np.zeros(1) if b is None else b for b in biases)
    y, weights = np.zeros((*q.shape[:2], len(wo))), np.zeros((len(q), heads, q.shape[1], k.shape[1]))
    a, m = len(wq) // heads, len(wv) // heads
    for n, i in np.ndindex(*q.shape[:2]):
        pieces = []
        for h in range(heads):
            query = (wq @ q[n, i] + bq)[h * a : (h + 1) * a]
            keep = [j for j in range(k.shape[1]) if mask[n, h, i, j]]
            powers = [np.exp(query @ (wk @ k[n, j] + bk)[h * a : (h + 1) * a] / a**0.5) for j in keep]
            weights[n, h, i, keep] = np.array(powers) / sum(powers)
            values = np.array([(wv @ v[n, j] + bv)[h * m : (h + 1) * m] for j in range(k.shape[1])])
            pieces.append(weights[n, h, i] @ values)
        y[n, i] = wo @ np.concatenate(pieces) + bo
    return y, weights


@pytest.mark.parametrize("case", recorded("multi_head"), ids=str)
def test_as_torch(case: Recorded) -> None:
    # float32 的四次投影、一次 softmax 的舍入累积；k_proj_bias 的梯度恒为 0，只剩舍入
    loose = {"rtol": 2e-5, "atol": 2e-5} if case.dy.dtype == np.float32 else {"atol": 1e-13}
    check(multi_head, case, **loose)


@pytest.mark.parametrize("bias", [False, True])
def test_definition_and_weights(bias: bool) -> None:
    args = arrays(bias=bias)
    rng = np.random.default_rng(8)
    mask, padding = rng.random((2, 2, 3, 4)) < 0.7, np.array([[False, False, True, True], [False] * 4])
    both = mask & ~padding[:, None, None]
    causal = both & np.tri(3, 4, dtype=bool)
    source = "定义（一个头一个头）"
    for is_causal, allowed in ((False, both), (True, causal)):
        y, weights = one_by_one(args, allowed, 2)
        options: Any = {"num_heads": 2, "key_padding_mask": padding, "is_causal": is_causal}
        got = multi_head_attention(*args, mask, **options, need_weights=True, average_attn_weights=False)
        compare(multi_head_attention, got, (y, weights), source=source)
        got = multi_head_attention(*args, mask, **options, need_weights=True)
        compare(multi_head_attention, got, (y, weights.mean(axis=1)), source=source)
        compare(multi_head_attention, multi_head_attention(*args, mask, **options), y, source=source)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("kind", ["没有", "布尔", "相加"])
def test_gradients(heads: int, kind: str) -> None:
    rng = np.random.default_rng(9)
    masks = {"没有": None, "布尔": rng.random((2, 1, 3, 4)) < 0.7, "相加": rng.standard_normal((heads, 3, 4))}
    options: Any = {
        "num_heads": heads,
        "key_padding_mask": np.array([[False, False, False, True], [False] * 4]),
        "dropout_mask": (rng.random((2, heads, 3, 4)) < 0.8) / 0.8,
        "is_causal": heads == 2,
    }
    mask = masks[kind]
    args, rest = (arrays(), (mask,)) if kind != "相加" else ([*arrays(), mask], ())

    # k_proj_bias 的梯度恒为 0，差分只剩舍入：单独查
    def forward(*a: Any) -> Any:
        return multi_head_attention(*a[:8], args[8], *a[8:], *rest, **options)

    def backward(dy: Any, *a: Any) -> Any:
        g = multi_head_attention_backward(dy, *a[:8], args[8], *a[8:], *rest, **options)
        assert np.abs(g[8]).max() < 1e-12
        g = g[:8] + g[9:]
        return g if kind == "相加" else g[:-1]

    check_gradient(forward, backward, *args[:8], *args[9:])

    def wrong(dy: Any, *a: Any) -> Any:
        g = list(backward(dy, *a))
        g[3] = g[3] * 1.001
        return tuple(g)

    with pytest.raises(AssertionError, match="第 3 个参数"):
        check_gradient(forward, wrong, *args[:8], *args[9:])


def test_gradients_of_what_is_not_given_are_none() -> None:
    args = arrays(bias=False)
    gradients = multi_head_attention_backward(np.ones((2, 3, 7)), *args, num_heads=2)
    assert [g is None for g in gradients] == [False] * 7 + [True] * 5


@given(st.integers(0, 2**32 - 1))
def test_permuting_the_sequence_permutes_self_attention(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, weights = rng.standard_normal((2, 5, 4)), [rng.standard_normal((4, 4)) for _ in range(4)]
    order = rng.permutation(5)
    y = multi_head_attention(x, x, x, *weights, num_heads=2)
    moved = x[:, order]
    got = multi_head_attention(moved, moved, moved, *weights, num_heads=2)
    compare(multi_head_attention, got, y[:, order], source="置换序列", rtol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_padding_is_filtering(seed: int, keep: int) -> None:
    args = arrays(seed)
    padding = np.arange(4) >= keep
    short = [args[0], args[1][:, :keep], args[2][:, :keep], *args[3:]]
    both = np.broadcast_to(padding, (2, 4))
    got = multi_head_attention(*args, num_heads=2, key_padding_mask=both)
    expected = multi_head_attention(*short, num_heads=2)
    compare(multi_head_attention, got, expected, source="先去掉填充", rtol=1e-12)
    if keep == 0:
        assert np.array_equal(got, np.broadcast_to(args[10], got.shape))  # 只剩输出的偏置


def test_dropout_scales_the_returned_weights() -> None:
    args = arrays()
    plain = multi_head_attention(*args, num_heads=2, need_weights=True, average_attn_weights=False)[1]
    drop = (np.arange(4) % 2) * 2.0
    used = multi_head_attention(
        *args, num_heads=2, dropout_mask=drop, need_weights=True, average_attn_weights=False
    )[1]
    assert np.array_equal(used, plain * drop)
    mean = multi_head_attention(*args, num_heads=2, dropout_mask=drop, need_weights=True)[1]
    assert np.array_equal(mean, used.mean(axis=1))


def test_types_and_inputs() -> None:
    for dtype, rtol in ((np.float16, 5e-3), (np.float32, 1e-5)):
        args = [a.astype(dtype) for a in arrays()]
        args[0] = np.asfortranarray(args[0])
        for a in args:
            a.flags.writeable = False
        before = [a.copy() for a in args]
        got = multi_head_attention(*args, num_heads=2)
        assert got.dtype == dtype
        precise = multi_head_attention(*[a.astype(float) for a in args], num_heads=2)
        compare(multi_head_attention, got, precise, source="float64", rtol=rtol)
        gradients = multi_head_attention_backward(got, *args, num_heads=2)
        assert {g.dtype for g in gradients if g is not None} == {np.dtype(dtype)}
        assert all(np.array_equal(a, b) for a, b in zip(args, before, strict=True))
    empty = [a[:0] if i < 3 else a for i, a in enumerate(arrays())]
    assert multi_head_attention(*empty, num_heads=2).shape == (0, 3, 7)
    assert not multi_head_attention_backward(np.zeros((0, 3, 7)), *empty, num_heads=2)[3].any()
    one = [[1]], [[1]], [[2]], [[1]], [[1]], [[3]], [[4]]
    assert np.array_equal(multi_head_attention(*one, num_heads=1), [[24.0]])  # 没有批量轴也行


def test_without_a_batch_axis() -> None:
    """一个样本，不带批量轴：与批量是 1 的相同；三个头，每个头四个特征，两个数不能混。"""
    rng = np.random.default_rng(7)
    x, (wq, wk, wv), wo = rng.standard_normal((2, 5)), rng.standard_normal((3, 12, 5)), np.eye(12)
    y = multi_head_attention(x, x, x, wq, wk, wv, wo, num_heads=3)
    batched = multi_head_attention(x[None], x[None], x[None], wq, wk, wv, wo, num_heads=3)[0]
    np.testing.assert_allclose(y, batched, rtol=1e-13)
    got = multi_head_attention_backward(y, x, x, x, wq, wk, wv, wo, num_heads=3)
    one = [each[None] for each in (y, x, x, x)]
    expected = multi_head_attention_backward(*one, wq, wk, wv, wo, num_heads=3)
    for k, (ours, theirs) in enumerate(zip(got[:7], expected[:7], strict=True)):
        np.testing.assert_allclose(ours, theirs[0] if k < 3 else theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("place", "value", "options", "error", "message"),
    [
        (0, np.zeros(5), {}, ValueError, r"`query` 应为至少二维、批量轴相同的数组，得到 形状 \(5,\)"),
        (1, np.zeros((1, 4, 3)), {}, ValueError, "`key` 应为至少二维、批量轴相同"),
        (2, np.zeros((2, 5, 2)), {}, ValueError, "`value` 应为 4 个值，得到 5 个"),
        (3, np.zeros((3, 5)), {}, ValueError, "`q_proj_weight` 应为二维、行数是 2 的倍数"),
        (3, np.zeros((0, 5)), {}, ValueError, "`q_proj_weight` 应为二维、行数是 2 的倍数"),
        (4, np.zeros((2, 3)), {}, ValueError, r"`k_proj_weight` 应为形状 \(4, 3\)"),
        (5, np.zeros((6, 3)), {}, ValueError, r"`v_proj_weight` 应为形状 \(6, 2\)"),
        (6, np.zeros((7, 4)), {}, ValueError, r"`out_proj_weight` 应为形状 \(7, 6\)"),
        (6, np.zeros(7), {}, ValueError, "`out_proj_weight` 应为二维的数组"),
        (9, np.zeros(4), {}, ValueError, r"`v_proj_bias` 应为形状 \(6,\)"),
        (11, np.ones((2, 3, 5)), {}, ValueError, "`attn_mask` 应为能广播"),
        (11, np.ones((3, 4), int), {}, TypeError, "`attn_mask` 应为布尔或浮点数组"),
        (0, None, {"key_padding_mask": np.zeros((2, 4))}, TypeError, "`key_padding_mask` 应为布尔数组"),
        (
            0,
            None,
            {"key_padding_mask": np.zeros(4, bool)},
            ValueError,
            r"`key_padding_mask` 应为形状 \(2, 4\)",
        ),
        (0, None, {"dropout_mask": np.zeros(3)}, ValueError, "`dropout_mask` 应为能广播"),
        (0, None, {"num_heads": 0}, ValueError, "`num_heads` 应为不小于 1 的整数"),
        (0, None, {"is_causal": 1}, TypeError, "`is_causal`"),
    ],
)
def test_bad_arguments(place: int, value: Any, options: Any, error: type[Exception], message: str) -> None:
    args = [*arrays(), None]
    args[place] = args[place] if value is None else value
    for call in (
        multi_head_attention,
        lambda *a, **o: multi_head_attention_backward(np.zeros((2, 3, 7)), *a, **o),
    ):
        with pytest.raises(error, match=f"^{message}"):
            call(*args, **{"num_heads": 2} | options)


def test_more_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 3, 7\)"):
        multi_head_attention_backward(np.zeros((2, 3, 6)), *arrays(), num_heads=2)
    for name in ("need_weights", "average_attn_weights"):
        with pytest.raises(TypeError, match=f"^`{name}`"):
            multi_head_attention(*arrays(), num_heads=2, **{name: 1})  # type: ignore[arg-type]
