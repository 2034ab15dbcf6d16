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
    assert [_arrays.normal_axis(axis, 3) for axis in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    for axis in (3, -4):
        with pytest.raises(ValueError, match=f"^`axis` 应为 -3 到 2 的整数，得到 {axis}"):
            _arrays.normal_axis(axis, 3)
    with pytest.raises(ValueError, match=r"^`w` 应为形状 \(3,\)（`x` 的形状），得到 \(2,\)"):
        _arrays.has_shape("w", np.ones(2), (3,), like="`x` ")
