"""`claim` 只在真正相符时放行。"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sitekit.claims import ClaimError, PageClaims, Tolerance, matches

SOURCE = "推导：手算"


def claim(got: Any, expected: Any, **tolerance: float) -> PageClaims:
    claims = PageClaims("a/b.md")
    claims.claim("某数", got, expected, source=SOURCE, **tolerance)
    return claims


@pytest.mark.parametrize(
    ("got", "expected", "tolerance"),
    [
        (3, 3, {}),
        (np.int64(3), 3, {}),
        (np.array(3), 3, {}),
        (3.0, 3, {}),
        (0.1 + 0.2, 0.3, {"rel": 1e-12}),
        (0.1 + 0.2, 0.3, {"abs": 1e-12}),
        (102.0, 100, {"rel": 0.02, "abs": 1}),
        (100.5, 100, {"rel": 1e-9, "abs": 1}),
        (-102.0, -100, {"rel": 0.02}),
        (math.inf, math.inf, {}),
        (math.inf, math.inf, {"rel": 0.1}),
        (Fraction(1, 3), Fraction(1, 3), {}),
        ("all", "all", {}),
        (None, None, {}),
        (True, True, {}),
        (np.bool_(True), True, {}),
        ((1, 64, 112), [1, 64, 112], {}),
        (np.zeros((2, 3)).shape, (2, 3), {}),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], {}),
        (np.array([1.0, 2.0]), [1.001, 2.001], {"abs": 0.01}),
        ([np.float64(1.5), np.array([2])], (1.5, (2,)), {}),
    ],
)
def test_equal_values_pass(got: Any, expected: Any, tolerance: dict[str, float]) -> None:
    assert len(claim(got, expected, **tolerance).rows) == 1


@pytest.mark.parametrize(
    ("got", "expected", "tolerance"),
    [
        (4, 3, {}),
        (0.1 + 0.2, 0.3, {}),
        (np.float32(0.1), 0.1, {}),
        (102.1, 100, {"rel": 0.02}),
        (100, 102.04, {"rel": 0.0199}),
        (101.1, 100, {"abs": 1}),
        (1e-30, 0, {"rel": 0.5}),
        (math.nan, math.nan, {}),
        (math.nan, 1.0, {"abs": 1e9}),
        (1.0, math.nan, {"rel": 0.5}),
        (math.inf, 1.0, {"abs": 1e300}),
        (math.inf, -math.inf, {"rel": 0.5}),
        (1.0, math.inf, {}),
        (1.0, math.inf, {"rel": 0.5}),
        (1, True, {}),
        (True, 1, {}),
        (True, 1, {"abs": 1}),
        ("3", 3, {}),
        (3, "3", {}),
        (None, 0, {}),
        (0, None, {}),
        ((1, 2), (1, 2, 3), {}),
        ((1, 2, 3), (1, 2), {}),
        (np.zeros((2, 3)), np.zeros((3, 2)), {"abs": 1}),
        (np.zeros((1, 2)), [0, 0], {}),
        (np.array([5.0, 5.0]), 5.0, {}),
        (5.0, [5.0], {}),
        ((1, 2), "(1, 2)", {}),
        ([1.0, math.nan], [1.0, math.nan], {"abs": 1}),
    ],
)
def test_different_values_fail(got: Any, expected: Any, tolerance: dict[str, float]) -> None:
    with pytest.raises(ClaimError):
        claim(got, expected, **tolerance)


def test_the_error_says_everything_in_one_line() -> None:
    with pytest.raises(ClaimError) as error:
        claim(1234567, 7654321, rel=0.01)
    message = str(error.value)
    assert "\n" not in message
    for part in ("a/b.md", "某数", "7,654,321 ± 1%", "1,234,567", SOURCE):
        assert part in message


@pytest.mark.parametrize("source", ["", "推导", "推导：", "推导： ", "推导:半角冒号", "网上：某处", "手算"])
def test_a_source_without_kind_or_text_is_rejected(source: str) -> None:
    with pytest.raises(ValueError, match="source"):
        PageClaims("p.md").claim("某数", 1, 1, source=source)


@pytest.mark.parametrize("kind", ["推导", "论文", "另一实现", "枚举", "实测"])
def test_every_kind_is_accepted(kind: str) -> None:
    PageClaims("p.md").claim("某数", 1, 1, source=f"{kind}：如此")


@pytest.mark.parametrize("tolerance", [{"rel": 0}, {"rel": -1}, {"abs": math.inf}, {"abs": math.nan}])
def test_a_meaningless_tolerance_is_rejected(tolerance: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="正"):
        claim(1, 1, **tolerance)


def test_a_name_is_used_once() -> None:
    claims = claim(1, 1)
    with pytest.raises(ValueError, match="唯一"):
        claims.claim("某数", 1, 1, source=SOURCE)
    with pytest.raises(ValueError, match="唯一"):
        claims.claim(" ", 1, 1, source=SOURCE)


def test_the_footer_lists_each_claim_once() -> None:
    claims = PageClaims("p.md")
    claims.claim("参数 <量>", 138_357_544, 138_357_544, source="论文：A & B")
    claims.claim("比", 22027.46, 22028, rel=1e-3, source=SOURCE)
    claims.claim("和", 0.1 + 0.2, 0.3, rel=1e-9, source=SOURCE)
    claims.claim("形状", (1, 1000), (1, 1000), source=SOURCE)
    footer = claims.footer()
    assert 'data-claims="4"' in footer
    assert "本页 4 个数字在构建时核对" in footer
    assert footer.count('<th scope="row">') == 4
    assert footer.count('<th scope="col">') == 3
    for text in (
        "参数 &lt;量&gt;",
        "138,357,544",
        "A &amp; B",
        "22,028 ± 0.1%",
        "0.3 ± 1e-09（相对）",
        "(1, 1000)",
    ):
        assert text in footer


def test_a_failed_claim_is_not_listed() -> None:
    claims = PageClaims("p.md")
    with pytest.raises(ClaimError):
        claims.claim("错的", 1, 2, source=SOURCE)
    assert claims.footer() == ""


def test_a_long_array_is_cut() -> None:
    footer = claim(np.arange(500), list(range(500))).footer()
    assert "共 500 项" in footer
    assert len(footer) < 600


def test_tolerance_does_not_excuse_a_wrong_integer() -> None:
    assert not matches(138, 139, Tolerance(rel=0.1))
    assert not matches(Fraction(1, 3), Fraction(1, 2), Tolerance(abs=1.0))
    assert matches(138.5, 139, Tolerance(rel=0.1))


@pytest.mark.parametrize("rel", [1, 1.0, 1e9, True])
def test_a_relative_tolerance_of_everything_is_rejected(rel: float) -> None:
    with pytest.raises(ValueError, match="小于 1 的正数"):
        Tolerance(rel=rel)
