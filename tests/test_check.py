"""输入错误的措辞。"""

import re
from fractions import Fraction

import numpy as np
import pytest

from dlnotes import _check


def test_real() -> None:
    for value in (2, 2.5, np.float32(2.5), np.int8(2), Fraction(1, 2)):
        got = _check.real("eps", value, above=0)
        assert type(got) is float
        assert got == value
    assert _check.real("p", 0, minimum=0, maximum=1) == 0
    assert _check.real("p", 1, minimum=0, maximum=1) == 1
    assert _check.real("alpha", -3) == -3


@pytest.mark.parametrize(
    ("value", "limits", "kind", "message"),
    [
        (0, {"above": 0}, ValueError, "`a` 应为大于 0 的实数，得到 0；请改为这个范围里的数。"),
        (-1, {"minimum": 0}, ValueError, "`a` 应为不小于 0 的实数，得到 -1；"),
        (1.5, {"minimum": 0, "maximum": 1}, ValueError, "`a` 应为 0 到 1 的实数，得到 1.5；"),
        (-0.5, {"minimum": 0, "maximum": 1}, ValueError, "`a` 应为 0 到 1 的实数，得到 -0.5；"),
        (float("nan"), {}, ValueError, "`a` 应为有限的实数，得到 nan；"),
        (float("inf"), {"above": 0}, ValueError, "`a` 应为大于 0 的实数，得到 inf；"),
        (True, {}, TypeError, "`a` 应为有限的实数，得到 True；请传入一个数。"),
        (None, {}, TypeError, "`a` 应为有限的实数，得到 None；"),
        ("1", {}, TypeError, "`a` 应为有限的实数，得到 '1'；"),
        (1j, {}, TypeError, "`a` 应为有限的实数，得到 1j；"),
        (np.ones(1), {}, TypeError, "`a` 应为有限的实数，得到 array([1.])；"),
    ],
)
def test_what_is_not_real(
    value: object, limits: dict[str, float], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"^{re.escape(message)}"):
        _check.real("a", value, **limits)


def test_real_may_be_infinite() -> None:
    inf = float("inf")
    assert _check.real("a", -inf, finite=False) == -inf
    assert _check.real("a", inf, finite=False, minimum=0) == inf
    for value in (float("nan"), 10**400):
        with pytest.raises(ValueError, match=r"^`a` 应为实数，得到"):
            _check.real("a", value, finite=False)
    with pytest.raises(ValueError, match=r"^`a` 应为有限的实数，得到 1000"):
        _check.real("a", 10**400)
    assert _check.real("a", -5, maximum=1) == -5
    with pytest.raises(ValueError, match=r"^`a` 应为不大于 1 的实数，得到 2；"):
        _check.real("a", 2, maximum=1)


def test_what_was_given_is_shown_in_one_short_line() -> None:
    assert _check.shown("a") == "'a'"
    long = _check.shown(np.ones((30, 30)))
    assert "\n" not in long
    assert "  " not in long
    assert len(long) == 61
    assert _check.shown(10**5000) == "很大的整数"
    with pytest.raises(ValueError, match=r"^`a` 应为不大于 1 的实数，得到 很大的整数；"):
        _check.real("a", 10**5000, maximum=1)
