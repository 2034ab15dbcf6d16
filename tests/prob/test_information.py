"""`dlnotes.prob.information`：与 SciPy、精确的值、信息论的恒等式比较。"""

from math import log

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlnotes.prob.information import cross_entropy, entropy, js_divergence, kl_divergence

PAIRWISE = [cross_entropy, kl_divergence, js_divergence]


def normalized(weights):
    return weights / weights.sum()


WEIGHTS = st.one_of(st.just(0.0), st.floats(1e-6, 1))
DISTRIBUTIONS = st.integers(1, 8).flatmap(
    lambda n: st.tuples(
        *[
            arrays(np.float64, n, elements=WEIGHTS).filter(lambda w: w.sum() > 0).map(normalized)
            for _ in range(2)
        ]
    )
)


@pytest.mark.parametrize("base", [np.e, 2.0, 10.0, 1.5])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_equal_to_scipy(base, axis) -> None:
    rng = np.random.default_rng(1)
    p, q = (weights / weights.sum(axis=axis, keepdims=True) for weights in rng.exponential(size=(2, 4, 5)))
    np.testing.assert_allclose(entropy(p, axis=axis, base=base), scipy.stats.entropy(p, base=base, axis=axis))
    expected = scipy.stats.entropy(p, q, base=base, axis=axis)
    np.testing.assert_allclose(kl_divergence(p, q, axis=axis, base=base), expected, rtol=1e-12)
    nats = scipy.special.rel_entr(p, q).sum(axis=axis)
    np.testing.assert_allclose(kl_divergence(p, q, axis=axis), nats, rtol=1e-12)
    both = scipy.special.entr(p).sum(axis=axis) + nats
    np.testing.assert_allclose(cross_entropy(p, q, axis=axis, base=base), both / log(base), rtol=1e-12)
    js = scipy.spatial.distance.jensenshannon(p, q, base=base, axis=axis) ** 2
    np.testing.assert_allclose(js_divergence(p, q, axis=axis, base=base), js, rtol=1e-12)


@given(DISTRIBUTIONS)
def test_zeros_as_scipy_has_them(pair) -> None:
    p, q = pair
    np.testing.assert_allclose(entropy(p), scipy.special.entr(p).sum(), atol=1e-13)
    np.testing.assert_allclose(
        kl_divergence(p, q), scipy.special.rel_entr(p, q).sum(), rtol=1e-10, atol=1e-13
    )
    expected = sum(-a * log(b) if b else np.inf for a, b in zip(p, q, strict=True) if a)
    np.testing.assert_allclose(cross_entropy(p, q), expected, rtol=1e-12, atol=1e-13)


@given(DISTRIBUTIONS)
def test_inequalities(pair) -> None:
    p, q = pair
    assert -1e-15 <= entropy(p) <= log(len(p)) + 1e-12
    assert kl_divergence(p, q) >= 0
    assert kl_divergence(p, p) == 0
    assert cross_entropy(p, q) >= entropy(p) - 1e-12
    assert 0 <= js_divergence(p, q) <= log(2)
    assert js_divergence(p, p) == 0
    assert float(js_divergence(p, q)) == pytest.approx(float(js_divergence(q, p)), abs=1e-15)
    # Pinsker：KL 不小于总变差的平方的两倍；JS 不大于总变差乘 log 2（Lin 1991）
    variation = np.abs(p - q).sum() / 2
    assert kl_divergence(p, q) >= 2 * variation**2 - 1e-12
    assert js_divergence(p, q) <= log(2) * variation + 1e-12


@given(DISTRIBUTIONS, DISTRIBUTIONS)
def test_independent_parts_add(first, second) -> None:
    (p, q), (r, s) = first, second
    joint, other = np.outer(p, r).ravel(), np.outer(q, s).ravel()
    assert float(entropy(joint)) == pytest.approx(float(entropy(p) + entropy(r)), abs=1e-12)
    total = kl_divergence(p, q) + kl_divergence(r, s)
    np.testing.assert_allclose(kl_divergence(joint, other), total, rtol=1e-9, atol=1e-12)


@given(DISTRIBUTIONS)
def test_merging_two_outcomes_loses_information(pair) -> None:
    p, q = (np.concatenate([weights, [0.0]]) for weights in pair)
    merged = [np.append(weights[2:], weights[:2].sum()) for weights in (p, q)]
    assert entropy(merged[0]) <= entropy(p) + 1e-12
    assert kl_divergence(*merged) <= kl_divergence(p, q) + 1e-12
    assert js_divergence(*merged) <= js_divergence(p, q) + 1e-12


def test_exact_values() -> None:
    assert float(entropy([0.5, 0.25, 0.125, 0.125], base=2)) == 1.75
    assert float(entropy(np.full(8, 1 / 8), base=2)) == 3.0
    assert float(entropy([1.0, 0.0])) == 0.0
    assert float(cross_entropy([0.5, 0.5], [0.25, 0.75], base=2)) == pytest.approx((2 + log(4 / 3, 2)) / 2)
    assert float(kl_divergence([0.75, 0.25], [0.5, 0.5], base=2)) == pytest.approx(0.75 * log(3, 2) - 1)
    assert float(kl_divergence([1, 0], [0.25, 0.75], base=2)) == 2.0
    assert kl_divergence([0.25, 0.75], [1, 0]) == np.inf
    assert cross_entropy([0.25, 0.75], [1, 0]) == np.inf
    assert float(cross_entropy([1, 0], [1, 0])) == 0.0
    assert float(js_divergence([1, 0], [0, 1])) == log(2)
    # m = (3/4, 1/4)：½·log(4/3) + ½·(½·log(2/3) + ½·log 2)
    expected = (log(4 / 3) + (log(2 / 3) + log(2)) / 2) / 2
    assert float(js_divergence([1, 0], [0.5, 0.5])) == pytest.approx(expected, rel=1e-14)


def test_tiny_probabilities() -> None:
    tiny = 5e-324
    assert float(kl_divergence([tiny, 1.0], [1.0, tiny])) == pytest.approx(1074 * log(2), rel=1e-12)
    assert float(kl_divergence([1.0, 0.0], [1e-320, 1.0])) == pytest.approx(-np.log(1e-320), rel=1e-12)
    assert float(js_divergence([tiny, 1.0], [0.0, 1.0])) == 0.0
    assert float(js_divergence([tiny, 1.0], [1.0, 0.0])) == pytest.approx(log(2), rel=1e-15)
    assert float(entropy([tiny, 1.0])) == pytest.approx(0, abs=1e-300)


def test_nearby_distributions() -> None:
    """δ 很小时 KL ≈ ½Σδ²/p，JS 是它的四分之一。"""
    p = np.array([0.3, 0.7])
    q = p + np.array([1e-5, -1e-5])
    expected = 0.5 * 1e-10 * (1 / 0.3 + 1 / 0.7)
    assert float(kl_divergence(p, q)) == pytest.approx(expected, rel=1e-4)
    assert float(js_divergence(p, q)) == pytest.approx(expected / 4, rel=1e-4)


def test_rounding_does_not_make_it_negative() -> None:
    """真值约 1e-19；直接相加得 -6e-17。"""
    p, q = [5 / 11, 6 / 11], [0.45454545495474774, 0.5454545450452523]
    assert sum(a * (log(a) - log(b)) for a, b in zip(p, q, strict=True)) < 0
    assert float(kl_divergence(p, q)) == 0.0
    for scale in range(1, 60):
        weights = normalized(np.arange(1.0, 6.0) + scale)
        assert kl_divergence(weights, normalized(weights * (1 + 1e-9 * np.sin(np.arange(5))))) >= 0


def test_the_remaining_rounding_is_normalized_away() -> None:
    p = np.array([0.5, 0.5]) * (1 + 5e-7)
    assert float(entropy(p)) == pytest.approx(log(2), rel=1e-15)
    assert float(kl_divergence(p, [0.5, 0.5])) == 0.0
    single = np.full(1000, np.float32(1e-3))
    assert float(entropy(single)) == pytest.approx(log(1000), rel=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_types_and_inputs_are_kept(dtype) -> None:
    p, q = np.array([[1, 0], [0, 1]], dtype), np.array([[0, 1], [0, 1]], dtype)
    p.flags.writeable = q.flags.writeable = False
    kept = "float64" if dtype == "int64" else dtype
    assert entropy(p).dtype == kept
    assert entropy(p).shape == (2,)
    for function in PAIRWISE:
        assert function(p, q).dtype == kept
    np.testing.assert_array_equal(kl_divergence(p, q), [np.inf, 0])
    assert isinstance(entropy([1.0]), np.ndarray)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_how_far_a_sum_may_be_from_one(dtype) -> None:
    allowed = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-6}[dtype]
    entropy(np.array([0.5, 0.5 + 0.9 * allowed]).astype(dtype))
    with pytest.raises(ValueError, match="`p` 应为和为 1 的概率"):
        entropy(np.array([0.5, 0.5 + 1.2 * allowed]).astype(dtype))
    with pytest.raises(ValueError, match="`p` 应为和为 1 的概率"):
        entropy(np.array([0.5, 0.5 - 1.2 * allowed]).astype(dtype))


def test_bad_arguments() -> None:
    for bad, message in [
        ([1.5, -0.5], "非负的概率，得到 -0.5"),
        ([np.nan, 1.0], "非负的概率，得到 nan"),
        ([np.inf, 0.0], "和为 1"),
        ([1.0, 1.0], "和为 1 的概率，得到 和为 2；请先除以它的和"),
        ([], "和为 1"),
    ]:
        with pytest.raises(ValueError, match=f"`p` 应为{message}"):
            entropy(bad)
        for function in PAIRWISE:
            with pytest.raises(ValueError, match=f"`p` 应为{message}"):
                function(bad, bad)
    for function in PAIRWISE:
        with pytest.raises(ValueError, match="`q` 应为和为 1"):
            function([0.5, 0.5], [0.5, 0.6])
        with pytest.raises(ValueError, match="`q` 应为形状"):
            function([0.5, 0.5], [1.0])
        with pytest.raises(TypeError, match="`q`"):
            function([0.5, 0.5], None)
        with pytest.raises(ValueError, match="`base`"):
            function([1.0], [1.0], base=1)
        with pytest.raises(ValueError, match="`axis`"):
            function([1.0], [1.0], axis=1)
    for base in (1, 0.5, 0, -2):
        with pytest.raises(ValueError, match="`base`"):
            entropy([1.0], base=base)
    with pytest.raises(ValueError, match="`axis`"):
        entropy(1.0)
