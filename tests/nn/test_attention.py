"""点积注意力与 `attend`：与 torch 的记录、ONNX 的参考实现、逐个循环和有限差分比；掩码、分组与因果的性质。"""

import math
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from dlnotes.nn import attend as attend_module
from dlnotes.nn import attention as attention_module
from dlnotes.nn.attend import attend, attend_backward
from dlnotes.nn.attention import scaled_dot_product_attention as sdpa
from dlnotes.nn.attention import scaled_dot_product_attention_backward as sdpa_backward
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded, rounding

LOOP = "定义（逐个循环）"
ONNX = f"ONNX {onnx.__version__} 的参考实现"


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def loop(scores: Any, value: Any, mask: Any = None, drop: Any = None) -> Any:
    """一行一行、一个键一个键地算；全被遮住的行是 0。"""
    out = np.zeros((*scores.shape[:-1], value.shape[-1]))
    for row in np.ndindex(*scores.shape[:-1]):
        terms = [float(s) for s in scores[row]]
        if mask is not None:
            own = np.broadcast_to(mask, scores.shape)[row]
            terms = [
                s if m is np.True_ else -math.inf if m is np.False_ else s + m
                for s, m in zip(terms, own, strict=True)
            ]
        shift = max(terms)
        if shift == -math.inf:
            continue
        powers = [math.exp(s - shift) for s in terms]
        for j, power in enumerate(powers):
            factor = 1.0 if drop is None else np.broadcast_to(drop, scores.shape)[row][j]
            out[row] += power / math.fsum(powers) * factor * value[row[:-1]][j]
    return out


@pytest.mark.parametrize("case", recorded("attention"), ids=str)
def test_attention_as_torch(case: Recorded) -> None:
    check(attention_module, case)


@pytest.mark.parametrize("case", recorded("attention"), ids=str)
def test_blocks_of_queries(case: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """记下的例子比一块还短：改成两个查询一块，掩码、分组、因果都要切对。"""
    monkeypatch.setattr(attention_module, "BLOCK", 2)
    got = sdpa(**case.inputs, **case.options)
    np.testing.assert_allclose(got, case.y, rtol=0, atol=rounding(case))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_blocks_keep_what_is_not_finite(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """看不到的值乘 0：有限的得 0，无穷大与 NaN 得 NaN，与一块多长无关。"""
    q, k, v = np.random.default_rng(0).standard_normal((3, 7, 2))
    v[5, 0] = bad
    whole, every = sdpa(q, k, v, is_causal=True), sdpa(q, k, np.full_like(v, bad), is_causal=True)
    monkeypatch.setattr(attention_module, "BLOCK", 2)
    np.testing.assert_allclose(sdpa(q, k, v, is_causal=True), whole, rtol=1e-13)
    np.testing.assert_array_equal(sdpa(q, k, np.full_like(v, bad), is_causal=True), every)
    assert np.isnan(whole[:5, 0]).all()
    assert np.isfinite(whole[:, 1]).all()


@pytest.mark.parametrize("case", recorded("attend"), ids=str)
def test_attend_as_torch(case: Recorded) -> None:
    check(attend_module, case, atol=rounding(case))


MASKS = {
    "没有": None,
    "布尔": normal(1, 2, 3, 4) > -0.3,
    "广播": np.array([True, False, True, True]),
    "相加": normal(2, 3, 4),
    "负无穷": np.where(normal(3, 3, 4) > 0, 0.0, -np.inf),
    "有一行全遮住": np.array([[True] * 4, [False] * 4, [True, False] * 2]),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("is_causal", [False, True])
def test_definition(mask: Any, is_causal: bool) -> None:
    q, k, v = normal(4, 2, 3, 5), normal(5, 2, 4, 5), normal(6, 2, 4, 3)
    drop = np.where(normal(7, 3, 4) > -0.5, 1.5, 0.0)
    scores = np.array(
        [[[math.fsum(a * b) / math.sqrt(5) for b in y] for a in x] for x, y in zip(q, k, strict=True)]
    )
    masked = scores.copy()
    if is_causal:
        for i, j in np.ndindex(3, 4):
            masked[:, i, j] = scores[:, i, j] if j <= i else -math.inf
    expected = loop(masked, v, mask, drop)
    compare(sdpa, sdpa(q, k, v, mask, dropout_mask=drop, is_causal=is_causal), expected, source=LOOP)
    compare(attend, attend(scores, v, mask, dropout_mask=drop, is_causal=is_causal), expected, source=LOOP)


@pytest.mark.parametrize("mask", ["没有", "布尔", "相加", "有一行全遮住"])
@pytest.mark.parametrize(("heads", "is_causal", "scale"), [(4, False, None), (2, True, 0.3), (1, False, 2.0)])
def test_as_onnx(mask: str, heads: int, is_causal: bool, scale: float | None) -> None:
    masks = {**MASKS, "布尔": normal(1, 2, 1, 3, 5) > 0, "相加": normal(2, 4, 3, 5)}
    masks["有一行全遮住"] = np.array([[True] * 5, [False] * 5, [True] * 5])
    inputs = {"Q": normal(8, 2, 4, 3, 6), "K": normal(9, 2, heads, 5, 6), "V": normal(10, 2, heads, 5, 2)}
    if masks[mask] is not None:
        inputs["M"] = masks[mask]
    options = {} if scale is None else {"scale": scale}
    types = {"b": TensorProto.BOOL, "f": TensorProto.DOUBLE}
    node = helper.make_node("Attention", list(inputs), ["Y"], is_causal=int(is_causal), **options)
    infos = [helper.make_tensor_value_info(n, types[x.dtype.kind], x.shape) for n, x in inputs.items()]
    out = helper.make_tensor_value_info("Y", TensorProto.DOUBLE, None)
    graph = helper.make_graph([node], "attention", infos, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    expected = ReferenceEvaluator(model).run(None, inputs)[0]
    got = sdpa(*inputs.values(), is_causal=is_causal, scale=scale, enable_gqa=True)
    # 参考实现把 scale 开方后存成 float32
    compare(sdpa, got, expected, source=ONNX, rtol=1e-6)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("is_causal", [False, True])
def test_gradients(mask: Any, is_causal: bool) -> None:
    q, k, v = normal(11, 2, 3, 4), normal(12, 2, 4, 4), normal(13, 2, 4, 3)
    drop = np.where(normal(14, 2, 3, 4) > -0.5, 1.5, 0.0)
    options = {"dropout_mask": drop, "is_causal": is_causal}
    learned = mask is not None and mask.dtype == float and np.isfinite(mask).all()
    arrays = (q, k, v, mask) if learned else (q, k, v)
    rest = () if learned else (mask,)
    drop_last = slice(None, None if learned else -1)
    check_gradient(
        lambda *a: sdpa(*a, *rest, **options),
        lambda dy, *a: sdpa_backward(dy, *a, *rest, **options)[drop_last],
        *arrays,
    )
    scores = (normal(15, 2, 3, 4), v, *arrays[3:])
    check_gradient(
        lambda *a: attend(*a, *rest, **options),
        lambda dy, *a: attend_backward(dy, *a, *rest, **options)[drop_last],
        *scores,
    )


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_gradients_of_groups(heads: int) -> None:
    q, k, v = normal(16, 2, 4, 3, 2), normal(17, 2, heads, 5, 2), normal(18, 2, heads, 5, 3)
    options = {"enable_gqa": True, "scale": 0.7}
    check_gradient(
        lambda *a: sdpa(*a, **options), lambda dy, *a: sdpa_backward(dy, *a, **options)[:3], q, k, v
    )


def test_a_wrong_backward_is_noticed() -> None:
    q, k, v = normal(19, 3, 2), normal(20, 4, 2), normal(21, 4, 3)
    with pytest.raises(AssertionError, match="第 1 个参数"):
        check_gradient(
            sdpa, lambda dy, *a: (lambda g: (g[0], g[1] * 1.001, g[2]))(sdpa_backward(dy, *a)), q, k, v
        )


@given(st.integers(0, 2**32 - 1))
def test_permuting_keys_changes_nothing_and_permuting_queries_permutes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, v = rng.standard_normal((3, 2)), rng.standard_normal((5, 2)), rng.standard_normal((5, 4))
    mask = rng.random((3, 5)) < 0.7
    rows, keys = rng.permutation(3), rng.permutation(5)
    expected = sdpa(q, k, v, mask)[rows]
    got = sdpa(q[rows], k[keys], v[keys], mask[rows][:, keys])
    compare(sdpa, got, expected, source="置换查询与键", rtol=1e-13, atol=1e-15)
    dy = rng.standard_normal((3, 4))
    dq, dk, dv, _ = sdpa_backward(dy, q, k, v, mask)
    permuted = sdpa_backward(dy[rows], q[rows], k[keys], v[keys], mask[rows][:, keys])[:3]
    compare(
        sdpa_backward, permuted, (dq[rows], dk[keys], dv[keys]), source="置换查询与键", rtol=1e-13, atol=1e-15
    )


@given(st.integers(0, 2**32 - 1))
def test_masking_is_filtering(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, v = rng.standard_normal((3, 2)), rng.standard_normal((6, 2)), rng.standard_normal((6, 4))
    keep = rng.random(6) < 0.5
    expected = sdpa(q, k[keep], v[keep])
    for mask in (keep, np.where(keep, 0.0, -np.inf)):
        compare(sdpa, sdpa(q, k, v, mask), expected, source="先去掉被遮住的键", rtol=1e-13)
    assert keep.any() or not expected.any()
    dy = rng.standard_normal((3, 4))
    dq, dk, dv, _ = sdpa_backward(dy, q, k, v, keep)
    alone = sdpa_backward(dy, q, k[keep], v[keep])[:3]
    compare(sdpa_backward, (dq, dk[keep], dv[keep]), alone, source="先去掉被遮住的键", rtol=1e-12, atol=1e-15)
    assert not dk[~keep].any()
    assert not dv[~keep].any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 7))
def test_causal_is_each_prefix_alone(seed: int, length: int, keys: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, v = (rng.standard_normal((n, 3)) for n in (length, keys, keys))
    rows = [sdpa(q[i : i + 1], k[: i + 1], v[: i + 1]) for i in range(length)]
    compare(sdpa, sdpa(q, k, v, is_causal=True), np.concatenate(rows), source="每个前缀单独算", rtol=1e-13)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 6]))
def test_groups_are_repeated_keys(seed: int, heads: int) -> None:
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((2, 6, 3, 4))
    k, v = rng.standard_normal((2, heads, 5, 4)), rng.standard_normal((2, heads, 5, 2))
    more = [np.repeat(x, 6 // heads, axis=1) for x in (k, v)]
    mask = rng.random((6, 3, 5)) < 0.7
    compare(sdpa, sdpa(q, k, v, mask, enable_gqa=True), sdpa(q, *more, mask), source="重复键与值", rtol=1e-13)
    dy = rng.standard_normal((2, 6, 3, 2))
    dq, dk, dv, _ = sdpa_backward(dy, q, *more, mask)
    dk, dv = (g.reshape(2, heads, 6 // heads, *g.shape[2:]).sum(axis=2) for g in (dk, dv))
    got = sdpa_backward(dy, q, k, v, mask, enable_gqa=True)[:3]
    compare(sdpa_backward, got, (dq, dk, dv), source="重复键与值", rtol=1e-12, atol=1e-15)


def test_fully_masked_rows_are_zero_in_both_directions() -> None:
    q, k, v = normal(22, 3, 2), normal(23, 4, 2), normal(24, 4, 3)
    for mask in (MASKS["有一行全遮住"], np.where(MASKS["有一行全遮住"], 0.0, -np.inf)):
        y = sdpa(q, k, v, mask)
        assert not y[1].any()
        assert y[0].all()
        dq, *_, dmask = sdpa_backward(np.ones_like(y), q, k, v, mask)
        assert not dq[1].any()
        assert dmask is None or not dmask[1].any()
    assert not sdpa(q, k[:0], v[:0]).any()
    assert sdpa_backward(np.ones((3, 3)), q, k[:0], v[:0])[1].shape == (0, 2)
    with_nan = np.array([[np.nan, 0.0], [-np.inf, -np.inf], [np.inf, 0.0], [0.0, 0.0]])
    out = attend(with_nan, [[1.0], [3.0]])[:, 0]
    assert np.array_equal(out, [np.nan, 0.0, np.nan, 2.0], equal_nan=True)


def test_extremes_types_and_inputs() -> None:
    big = np.array([[1e4, -1e4], [-1e4, 1e4]])
    assert np.array_equal(sdpa(big, big, np.eye(2)), np.eye(2))
    assert np.isnan(sdpa([[np.inf]], [[1.0]], [[1.0]])).all()
    assert np.isnan(sdpa([[1.0]], [[1.0], [2.0]], [[np.nan], [1.0]])).all()
    assert np.isnan(sdpa([[1.0]], [[1.0], [2.0]], [[np.inf], [1.0]], [False, True])).all()  # 0 乘无穷大
    for dtype in (np.float16, np.float32, np.float64):
        x = normal(25, 2, 4, 6).astype(dtype)[:, ::2, ::-1]
        x.flags.writeable = False
        before = x.copy()
        assert sdpa(x, x, x).dtype == dtype
        assert {g.dtype for g in sdpa_backward(x, x, x, x)[:3]} == {np.dtype(dtype)}
        assert attend(x[:, :, :2], x).dtype == dtype
        assert sdpa(x, x, x, dropout_mask=np.ones((2, 2))).dtype == dtype  # 失活的倍数不改变类型
        assert np.array_equal(x, before)
        precise = sdpa(*[x.astype(float)] * 3)
        compare(sdpa, sdpa(x, x, x), precise, source="float64")
    assert sdpa([[1, 2]], [[3, 4]], [[5]]).dtype == np.float64
    assert sdpa(np.zeros((0, 3, 2)), np.zeros((0, 4, 2)), np.zeros((0, 4, 1))).shape == (0, 3, 1)
    assert np.array_equal(sdpa(np.ones((1, 1)), np.ones((3, 1)), [[1.0], [2], [6]]), [[3.0]])


def test_three_axes_of_grouped_heads() -> None:
    q, k, v = normal(31, 4, 5, 3), normal(32, 2, 6, 3), normal(33, 2, 6, 1)
    y = sdpa(q[None], k[None], v[None], enable_gqa=True)[0]
    np.testing.assert_allclose(sdpa(q, k, v, enable_gqa=True), y, rtol=1e-13)
    expected = sdpa_backward(y[None], q[None], k[None], v[None], enable_gqa=True)
    got = sdpa_backward(y, q, k, v, enable_gqa=True)
    for one, batched in zip(got[:3], expected[:3], strict=True):
        np.testing.assert_allclose(one, batched[0], rtol=1e-12)


def test_no_features_and_infinite_scores() -> None:
    """没有特征时打分全是 0，权重均匀；打分溢出成 ∞ 时没有极限，得 `nan`，不警告。"""
    y = sdpa(np.empty((2, 0)), np.empty((3, 0)), [[1.0], [2.0], [6.0]], scale=1.0)
    assert y.tolist() == [[3.0], [3.0]]
    huge = [[1e200]], [[1e200], [-1e200]], [[1.0], [2.0]]
    assert np.isnan(sdpa(*huge)).all()
    assert all(np.isnan(each).all() for each in sdpa_backward([[1.0]], *huge)[:3])


Q, K, V = np.zeros((2, 4, 3)), np.zeros((2, 5, 3)), np.zeros((2, 5, 1))


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((Q[0, 0], K, V), {}, ValueError, r"`query` 应为至少 2 维的数组，得到 形状 \(3,\)"),
        ((Q, K[:1], V[:1]), {}, ValueError, r"`key` 应为形状 \(2, S, 3\) 的数组，得到 形状 \(1, 5, 3\)"),
        ((Q, K[..., :2], V), {}, ValueError, "`key` 应为形状"),
        ((Q, K, V[:, 1:]), {}, ValueError, r"`value` 应为形状 \(2, 5, M\) 的数组"),
        ((np.zeros((3, 4, 3)), K, V), {"enable_gqa": True}, ValueError, r"`key` 应为形状 \(H, S, 3\) 的数组"),
        ((Q, K, V, np.ones((3, 5), bool)), {}, ValueError, r"`attn_mask` 应为能广播成打分的形状 \(2, 4, 5\)"),
        ((Q, K, V, np.ones((1, 2, 4, 5))), {}, ValueError, "`attn_mask` 应为能广播"),
        ((Q, K, V, np.ones((4, 5), int)), {}, TypeError, "`attn_mask` 应为布尔或浮点数组，得到 int64"),
        ((Q, K, V), {"dropout_mask": np.ones(3)}, ValueError, "`dropout_mask` 应为能广播"),
        ((Q, K, V), {"dropout_mask": np.ones(5, bool)}, TypeError, "`dropout_mask` 应为实数的数组"),
        ((Q, K[0], V[0]), {"enable_gqa": True}, ValueError, r"`key` 应为形状 \(H, S, 3\) 的数组"),
        ((Q, K[:0], V[:0]), {"enable_gqa": True}, ValueError, r"`key` 应为形状 \(H, S, 3\) 的数组"),
        ((Q, K, V[0]), {}, ValueError, r"`value` 应为形状 \(2, 5, M\) 的数组"),
        ((Q, K, 1.0), {}, ValueError, r"`value` 应为形状 \(2, 5, M\) 的数组"),
        ((Q, K, V), {"is_causal": 1}, TypeError, "`is_causal` 应为 True 或 False"),
        ((Q, K, V), {"enable_gqa": None}, TypeError, "`enable_gqa` 应为 True 或 False"),
        ((Q, K, V), {"scale": np.nan}, ValueError, "`scale` 应为有限的实数，得到 nan"),
        ((Q, K, V), {"scale": "1"}, TypeError, "`scale` 应为有限的实数，得到 '1'"),
        ((Q[..., :0], K[..., :0], V), {}, ValueError, "`query` 应为至少有一个特征的数组"),
        ((Q, K, ["a"]), {}, TypeError, "`value` 应为实数的数组"),
    ],
)
def test_bad_arguments(args: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        sdpa(*args, **options)
    with pytest.raises(error, match=f"^{message}"):
        sdpa_backward(np.zeros((2, 4, 1)), *args, **options)


def test_bad_arguments_of_attend_and_gradients() -> None:
    s = np.zeros((2, 4, 5))
    for scores, wrong in ((s, V[:1]), (s, V[:, 1:]), (s, V[0]), (s[0, 0], V[0]), (0.0, 1.0)):
        with pytest.raises(ValueError, match=r"^`value` 应为形状 \(..., S, M\)"):
            attend(scores, wrong)
    with pytest.raises(TypeError, match=r"^`is_causal`"):
        attend_backward(s, s, V, is_causal=0)
    for backward, args in ((sdpa_backward, (Q, K, V)), (attend_backward, (s, V))):
        with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 4, 1\)"):
            backward(np.zeros((2, 4, 2)), *args)
    with pytest.raises(ValueError, match=r"^`attn_mask`"):
        attend(s, V, np.ones(4, bool))
    with pytest.raises(ValueError, match=r"^`dropout_mask`"):
        attend(s, V, dropout_mask=np.ones(4))
