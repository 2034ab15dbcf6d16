"""`dlnotes.linalg.floating`：与逐位枚举、精确算术、机器的 `exp`、SciPy 比较。"""

from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.linalg.floating import Forms, limits, logsumexp, softmax, softplus, variance

KINDS = [np.float16, np.float32, np.float64]


def test_every_half_precision_number() -> None:
    """把 65536 个位型都列出来。"""
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    positive = np.sort(numbers[np.isfinite(numbers) & (numbers > 0)]).astype(np.float64)
    gaps = np.diff(positive)
    found = limits(np.float16)
    assert found.max == positive[-1] == 65504
    assert found.smallest_subnormal == positive[0]
    assert found.eps == gaps[positive[:-1] == 1][0]
    # 正规数从间距第一次翻倍之前的那个二的幂开始
    assert found.smallest_normal == positive[1:][np.diff(gaps, append=gaps[-1]) > 0][0] / 2
    signed = np.concatenate([-positive, positive])
    signed = signed[np.abs(signed) < 100]  # 再大的在 float64 里也会溢出
    exact = [Fraction(float(value)) for value in np.exp(signed)]
    limit = Fraction(65504) + Fraction(16)  # 最大数与 65536 的中点
    assert found.exp_max == max(x for x, value in zip(signed, exact, strict=True) if value < limit)
    assert found.exp_min == min(
        x for x, value in zip(signed, exact, strict=True) if value > Fraction(1, 2**25)
    )


@pytest.mark.parametrize(
    ("kind", "digits", "top", "bottom"),
    [(np.float16, 10, 15, -14), (np.float32, 23, 127, -126), (np.float64, 52, 1023, -1022)],
)
def test_the_ieee_formats(kind, digits, top, bottom) -> None:
    """IEEE 754-2019，表 3.5：尾数的位数与指数的范围。"""
    found = limits(kind)
    assert Fraction(found.eps) == Fraction(1, 2**digits)
    assert Fraction(found.max) == (2 - Fraction(1, 2**digits)) * 2**top
    assert Fraction(found.smallest_normal) == Fraction(1, 2**-bottom)
    assert Fraction(found.smallest_subnormal) == Fraction(1, 2 ** (digits - bottom))
    assert found.bits == np.dtype(kind).itemsize * 8
    assert found.dtype == kind.__name__
    assert limits(kind.__name__) == limits(np.dtype(kind)) == found


@pytest.mark.parametrize("kind", KINDS)
def test_where_exp_overflows_and_vanishes(kind) -> None:
    found = limits(kind)
    assert kind(found.exp_max) == found.exp_max
    assert kind(found.exp_min) == found.exp_min
    beyond, below = (
        np.nextafter(kind(found.exp_max), kind(np.inf)),
        np.nextafter(kind(found.exp_min), kind(-np.inf)),
    )
    wide, digits = Context(prec=60), {16: 10, 32: 23, 64: 52}[found.bits]
    ceiling = Decimal(found.max) * (1 + Decimal(2) ** -(digits + 2))  # 略小于中点
    assert wide.exp(Decimal(found.exp_max)) <= ceiling
    assert wide.exp(Decimal(float(beyond))) > ceiling
    assert wide.exp(Decimal(found.exp_min)) > wide.divide(Decimal(found.smallest_subnormal), 2)
    assert wide.exp(Decimal(float(below))) < wide.divide(Decimal(found.smallest_subnormal), 2)
    with np.errstate(over="ignore", under="ignore"):
        assert np.isfinite(np.exp(kind(found.exp_max)))
        assert np.isinf(np.exp(beyond))


def test_known_thresholds() -> None:
    """exp 的溢出点，C 语言的手册里常见的数。"""
    assert limits(np.float64).exp_max == 709.782712893384
    assert limits(np.float64).exp_min == pytest.approx(-745.1332191019411, abs=2e-13)
    assert limits(np.float32).exp_max == pytest.approx(88.72283, abs=1e-5)
    assert limits(np.float32).exp_min == pytest.approx(-103.97208, abs=1e-5)


def test_what_is_not_a_type() -> None:
    assert limits(float) == limits("float64")
    for bad in (np.int32, np.complex128, "bfloat16", None, 3.0, int, object):
        with pytest.raises(TypeError, match="`dtype` 应为 float16、float32 或 float64"):
            limits(bad)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_nothing_overflows_the_forms_agree(axis, dtype) -> None:
    x = np.random.default_rng(1).standard_normal((3, 4)).astype(dtype)
    rtol = 1e-14 if dtype == np.float64 else 1e-6
    for forms, expected in [
        (softmax(x, axis=axis), scipy.special.softmax(x.astype(float), axis=axis)),
        (logsumexp(x, axis=axis), scipy.special.logsumexp(x.astype(float), axis=axis)),
        (softplus(x), np.logaddexp(0, x.astype(float))),
    ]:
        assert isinstance(forms, Forms)
        for found in forms:
            assert found.dtype == dtype
            np.testing.assert_allclose(found, expected, rtol=20 * rtol)


def test_where_they_part() -> None:
    big = softmax([1000.0, 999.0])
    assert np.isnan(big.naive).all()
    np.testing.assert_allclose(big.stable, scipy.special.softmax([1000.0, 999.0]), rtol=1e-14)
    small = softmax([-1000.0, -1001.0])
    assert np.isnan(small.naive).all()
    np.testing.assert_allclose(small.stable, scipy.special.softmax([1.0, 0.0]), rtol=1e-14)
    assert logsumexp([1000.0, 0.0]).naive == np.inf
    assert float(logsumexp([1000.0, 0.0]).stable) == 1000.0
    assert logsumexp([-1000.0]).naive == -np.inf
    assert float(logsumexp([-1000.0]).stable) == -1000.0
    plus = softplus([800.0, -800.0, -40.0, -30.0])
    np.testing.assert_array_equal(plus.naive[:3], [np.inf, 0, 0])
    np.testing.assert_allclose(plus.stable, np.logaddexp(0, [800.0, -800.0, -40.0, -30.0]), rtol=1e-15)
    assert abs(plus.naive[3] / plus.stable[3] - 1) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_naive_form_breaks_exactly_at_the_limit(kind) -> None:
    """float16 在 12 就溢出：没有悄悄换成 float32 来算。"""
    edge = limits(kind).exp_max
    inside, outside = kind(edge), np.nextafter(kind(edge), kind(np.inf))
    assert np.isfinite(softmax(np.array([inside])).naive).all()
    assert np.isnan(softmax(np.array([outside])).naive).all()
    assert np.isfinite(logsumexp(np.array([inside])).naive)
    assert np.isinf(logsumexp(np.array([outside])).naive)
    assert np.isinf(softplus(np.array([outside])).naive).all()
    for forms in (softmax(np.array([outside])), softplus(outside), logsumexp(np.array([outside]))):
        assert np.isfinite(forms.stable).all()
        assert forms.naive.dtype == forms.stable.dtype == kind


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=12), st.integers(0, 1))
def test_variance_of_small_integers(x, ddof) -> None:
    mean = Fraction(sum(x), len(x))
    exact = float(sum((value - mean) ** 2 for value in x) / (len(x) - ddof))
    for found in variance(x, ddof=ddof):
        assert float(found) == pytest.approx(exact, rel=1e-9, abs=1e-9)
    assert np.var(x, ddof=ddof) == pytest.approx(exact, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_variance_along_an_axis(axis) -> None:
    x = np.random.default_rng(2).standard_normal((5, 6, 4))
    for found in variance(x, axis=axis, ddof=1):
        np.testing.assert_allclose(found, np.var(x, axis=axis, ddof=1), rtol=1e-13)
        np.testing.assert_allclose(found, scipy.stats.tvar(x, axis=axis), rtol=1e-13)


def test_one_pass_loses_twice_the_digits() -> None:
    x = np.array([4.0, 7.0, 13.0, 16.0])
    for power in (3, 5, 7):
        found = variance(x + 10.0**power, ddof=1)
        assert float(found.two_pass) == pytest.approx(30, rel=1e-9)
        assert float(found.welford) == pytest.approx(30, rel=1e-9)
    lost = [abs(float(variance(x + 10.0**power, ddof=1).one_pass) - 30) for power in (2, 5, 9)]
    assert all(low <= high for low, high in pairwise(lost))
    assert lost[2] > 10
    single = (x + 1e4).astype(np.float32)
    assert float(variance(single, ddof=1).two_pass) == 30
    assert float(variance(single, ddof=1).welford) == pytest.approx(30, rel=1e-3)
    assert abs(float(variance(single, ddof=1).one_pass) - 30) > 1
    negative = [float(variance(1e8 + np.array([k, 0.0, 0.1])).one_pass) for k in np.linspace(0, 0.3, 20)]
    assert min(negative) < 0  # 方差成了负数


@pytest.mark.parametrize("kind", KINDS)
def test_variance_types(kind) -> None:
    x = np.array([[1, 2, 6]], kind)
    x.flags.writeable = False
    for found in variance(x):
        assert found.dtype == kind
        assert found.shape == (1,)
        assert float(found[0]) == pytest.approx(14 / 3, rel=4e-3 if kind == np.float16 else 1e-6)
    assert variance([5.0]).welford == 0
    assert variance(np.float16([300, -300])).one_pass == np.inf  # 90000 装不进 float16


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="`x` 应为沿 axis 多于 1 个的数，得到 1 个"):
        variance([1.0], ddof=1)
    with pytest.raises(ValueError, match="多于 0 个"):
        variance([])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="`x` 应为有限的数"):
            variance([1.0, bad])
    with pytest.raises(ValueError, match="`ddof`"):
        variance([1.0], ddof=-1)
    for function in (softmax, logsumexp, variance):
        with pytest.raises(ValueError, match="`axis`"):
            function([1.0], axis=1)
        with pytest.raises(ValueError, match="`axis`"):
            function(1.0)
    for function in (softmax, logsumexp, variance, softplus):
        with pytest.raises(TypeError, match="`x`"):
            function([1j])
