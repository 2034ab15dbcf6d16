"""参考算子的证据：每次比较都记下比的是哪个函数、与谁比、差多少。

`compare` 既断言，也记账；`make evidence` 把整次测试的账写成 `docs/evidence.json`，网页「可信度」由它印出。
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """一次比较。

    Attributes:
        function: 函数的全名，如 `"dlnotes.nn.activations.relu"`。
        source: 与谁比，带版本，如 `"torch 2.13"`、`"SciPy"`、`"有限差分"`、`"定义（逐个循环）"`。
        dtype: 结果的类型，如 `"float64"`。
        error: 最大的相对误差。
    """

    function: str
    source: str
    dtype: str
    error: float


CASES: list[Case] = []

# 各类型的默认容差：float64 按 1e-10；float32 是几个 ulp 乘以规模，由调用者放宽时写明为什么。
TOLERANCE = {"float64": 1e-10, "float32": 3e-6, "float16": 5e-3}


def compare(
    function: Callable[..., Any],
    got: Any,
    expected: Any,
    *,
    source: str,
    rtol: float | None = None,
    atol: float = 0.0,
) -> None:
    """断言 `got` 与 `expected` 在容差之内相等，并记一笔。

    相对误差以 `expected` 里绝对值最大的数为分母（整个数组一个尺度：有的元素恰好相消成零，逐个相除没有意义）；
    形状、类型的种类、NaN 与无穷大的位置必须完全相同。`got` 可以是元组，各个数组都比，`None` 对 `None`。
    """
    if isinstance(got, tuple | list):
        assert len(got) == len(expected), f"应有 {len(expected)} 个结果，得到 {len(got)} 个"
        for one, other in zip(got, expected, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                compare(function, one, other, source=source, rtol=rtol, atol=atol)
        return
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"形状 {got.shape}，应为 {expected.shape}"
    name = f"{function.__module__}.{function.__qualname__}"
    if got.dtype.kind in "iub":
        assert np.array_equal(got, expected), name
        CASES.append(Case(name, source, str(got.dtype), 0.0))
        return
    expected = expected.astype(np.float64)
    finite = np.isfinite(expected)
    assert np.array_equal(np.isnan(got), np.isnan(expected)), f"{name}：NaN 的位置不同"
    assert np.array_equal(got[~finite & ~np.isnan(expected)], expected[~finite & ~np.isnan(expected)]), name
    difference = np.abs(got[finite].astype(np.float64) - expected[finite])
    scale = float(np.abs(expected[finite]).max(initial=0.0))
    error = float(difference.max(initial=0.0)) / (scale or 1.0)
    allowed = TOLERANCE[str(got.dtype)] if rtol is None else rtol
    assert error <= allowed + atol / (scale or 1.0), (
        f"{name} 与 {source} 差 {error:.3g}，允许 {allowed:.3g}（{got.dtype}）"
    )
    CASES.append(Case(name, source, str(got.dtype), error))
