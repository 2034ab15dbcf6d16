"""各算子共用的入口。"""

import warnings

import numpy as np
import pytest

from dlnotes.nn import _arrays


def test_types() -> None:
    f = _arrays.as_floats
    half, single, double = (np.ones(2, dtype) for dtype in (np.float16, np.float32, np.float64))
    for arrays, wide, dtype in (
        ((half,), np.float32, np.float16),
        ((half, single), np.float32, np.float32),
        ((single, double), np.float64, np.float64),
        ((single, [1, 2]), np.float64, np.float64),
        ((single, 1.0), np.float32, np.float32),
        ((half, 2), np.float32, np.float16),
        ((1, 2.0), np.float64, np.float64),
        ((single.astype(">f4"),), np.float32, np.float32),
        ((np.ones(2, np.longdouble),), np.float64, np.float64),
        ((), None, np.float64),
    ):
        got, decided = f(**{f"a{index}": array for index, array in enumerate(arrays)})
        assert decided == dtype
        assert [None if a is None else a.dtype for a in got] == [None if a is None else wide for a in arrays]
    assert f(x=double)[0][0] is double  # 不必复制
    (same, nothing), dtype = f(x=single, optional={"bias": None})
    assert (same is single, nothing, dtype) == (True, None, np.float32)
    assert f(x=single, optional={"bias": double})[1] == np.float64


def test_results() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _arrays.result(1e6, np.dtype(np.float16)) == np.inf
        assert _arrays.result(np.float64(1e-300), np.dtype(np.float32)).dtype == np.float32
    assert isinstance(_arrays.result(1.0, np.dtype(np.float64)), np.ndarray)


def test_errors() -> None:
    for bad, message in (
        ([[1], [1, 2]], "^`x` 应为实数的数组，得到 长短不齐或不是数的列表"),
        ([True], "^`x` 应为实数的数组，得到 bool 的数组"),
        ("a", "^`x` 应为实数的数组"),
        ([object()], "^`x` 应为实数的数组，得到 长短不齐"),
        (None, "^`x` 应为实数的数组，得到 None；这个参数不能省略。"),
    ):
        with pytest.raises(TypeError, match=message):
            _arrays.as_floats(x=bad)
    with pytest.raises(TypeError, match=r"^`target` 应为整数数组，得到 float64 的数组"):
        _arrays.integers("target", [1.5])
    assert _arrays.integers("target", []).dtype == np.int64
    assert _arrays.integers("target", np.empty((0, 2), np.uint8)).shape == (0, 2)
    assert [_arrays.normal_axis(axis, 3) for axis in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    for axis in (3, -4):
        with pytest.raises(ValueError, match=f"^`axis` 应为 -3 到 2 的整数，得到 {axis}"):
            _arrays.normal_axis(axis, 3)
    with pytest.raises(ValueError, match=r"^`w` 应为形状 \(3,\)（`x` 的形状），得到 \(2,\)"):
        _arrays.has_shape("w", np.ones(2), (3,), like="`x` ")


def test_integers_do_not_wrap() -> None:
    assert _arrays.integers("target", np.array([2**63 - 1], np.uint64))[0] == 2**63 - 1
    with pytest.raises(ValueError, match=r"^`target` 应为 int64 装得下的整数，得到 其中有 1844"):
        _arrays.integers("target", np.array([2**64 - 1], np.uint64))
    for bad, got in ((None, "None"), ([[1], [1, 2]], "object 的数组"), ([], None), ({}, "object 的数组")):
        if got is None:
            assert _arrays.integers("target", bad).size == 0
            continue
        with pytest.raises(TypeError, match=f"^`target` 应为整数数组，得到 {got}；"):
            _arrays.integers("target", bad)


def test_masks_sizes_and_generators() -> None:
    assert _arrays.booleans("mask", [True, False], "").tolist() == [True, False]
    for bad, got in ((None, "None"), ([[True], []], "object 的数组"), ([1, 0], "int64 的数组")):
        with pytest.raises(TypeError, match=f"^`mask` 应为布尔数组，得到 {got}；请用 x。"):
            _arrays.booleans("mask", bad, "请用 x")
    assert _arrays.sizes("shape", 3) == (3,)
    assert _arrays.sizes("shape", [2, np.int64(0)]) == (2, 0)
    for bad, message in (
        (None, "^`shape` 应为不小于 0 的整数，得到 None；"),
        ((2, -1), r"^`shape\[1\]` 应为不小于 0 的整数，得到 -1；"),
        ((2, 1.5), r"^`shape\[1\]` 应为不小于 0 的整数，得到 1.5；"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            _arrays.sizes("shape", bad)
    _arrays.generator("rng", np.random.default_rng(0))
    for legacy in (None, 0, np.random, np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"^`rng` 应为 numpy 的 Generator，得到"):
            _arrays.generator("rng", legacy)


def test_quiet_arithmetic() -> None:
    @_arrays.quiet
    def inside(c: np.ndarray, x: np.ndarray) -> np.ndarray:
        return _arrays.scaled(c, x)

    bad = np.array([np.inf, -np.inf, np.nan, 1e308])
    np.testing.assert_array_equal(inside(np.zeros(4), bad), [0, 0, np.nan, 0])
    np.testing.assert_array_equal(inside(np.full(4, 2.0), bad), [np.inf, -np.inf, np.nan, np.inf])
    assert np.isnan(inside(np.array([np.nan]), np.array([0.0]))).all()
    assert inside(np.zeros(1, np.float32), np.array([np.inf], np.float32)).dtype == np.float32
    assert np.geterr()["over"] == "warn"  # 用完还原
