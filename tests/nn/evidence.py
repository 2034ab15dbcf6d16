"""参考算子的证据：每次比较都记下比的是哪个函数、与谁比、差多少。

`compare` 既断言，也记账；`check_gradient` 通过时，`credit_gradient_checks` 记下被查的反向。
`make evidence` 把整次测试的账写成 `docs/evidence.json`，网页「可信度」由它印出；
`make test` 核对这份文件与这一次的账相符。
"""

import json
import math
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from types import FrameType
from typing import Any

import hypothesis
import numpy as np

from dlnotes.nn import gradient
from sitekit.paths import DOCS

TARGET = DOCS / "evidence.json"
GRADIENT = "有限差分"


@dataclass(frozen=True)
class Case:
    """一次比较。

    Attributes:
        function: 函数的全名，如 `"dlnotes.nn.activations.relu"`。
        source: 与谁比，带版本，如 `"torch 2.13"`、`"SciPy"`、`"有限差分"`、`"定义（逐个循环）"`。
        dtype: 结果的类型，如 `"float64"`。
        error: 最大的相对误差；有限差分的是它允许的误差。
        random: 输入是不是 hypothesis 抽的：每次运行的个数与误差都不同。
        test: 在哪个测试里。
    """

    function: str
    source: str
    dtype: str
    error: float
    random: bool = False
    test: str = ""


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
        _note(name, source, str(got.dtype), 0.0)
        return
    expected = expected.astype(np.float64)
    finite = np.isfinite(expected)
    assert np.array_equal(np.isnan(got), np.isnan(expected)), f"{name}：NaN 的位置不同"
    assert np.array_equal(got[~finite & ~np.isnan(expected)], expected[~finite & ~np.isnan(expected)]), name
    difference = np.abs(got[finite].astype(np.float64) - expected[finite])
    scale = float(np.abs(expected[finite]).max(initial=0.0))
    largest = float(difference.max(initial=0.0))
    error = largest / (scale or 1.0)
    allowed = TOLERANCE[str(got.dtype)] if rtol is None else rtol
    assert error <= allowed + atol / (scale or 1.0), (
        f"{name} 与 {source} 差 {error:.3g}，允许 {allowed:.3g}（{got.dtype}）"
    )
    # 在 atol 之内的是该为 0 的数剩下的舍入，除以它没有意义：记绝对的差。
    _note(name, source, str(got.dtype), error if error <= allowed else largest)


def _note(function: str, source: str, dtype: str, error: float) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]
    CASES.append(Case(function, source, dtype, error, hypothesis.currently_in_test_context(), test))


def credit_gradient_checks() -> None:
    """从此 `check_gradient` 每通过一次，就给它直接调用的反向记一笔；要在测试导入它之前调用。

    传给它的多半是 lambda，看不出是哪个函数；所以在它运行时看它调用了 `dlnotes.nn` 里的哪个 `_backward`，
    只算最外层的。
    """
    check = gradient.check_gradient
    if hasattr(check, "__wrapped__"):
        return

    @wraps(check)
    def credited(*args: Any, **options: Any) -> None:
        found: set[str] = set()

        def watch(frame: FrameType, event: str, _: Any) -> None:
            name, module = frame.f_code.co_qualname, str(frame.f_globals.get("__name__"))
            if event == "call" and name.endswith("_backward") and name[0] != "_" and _inside(module):
                caller = frame.f_back
                while caller is not None and caller.f_code is not check.__code__:
                    if _inside(str(caller.f_globals.get("__name__"))):
                        return
                    caller = caller.f_back
                found.add(f"{module}.{name}")

        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            check(*args, **options)
        finally:
            sys.setprofile(before)
        for function in sorted(found):
            _note(function, GRADIENT, "float64", options.get("rtol", 1e-6))

    gradient.check_gradient = credited


def _inside(module: str) -> bool:
    return module.startswith("dlnotes.nn.") and module != gradient.__name__


def ceiling(error: float, dtype: str) -> float:
    """往上取到十的幂；先乘 4，且不小于四个 ε：换一台机器，舍入的次序不同，差一两倍不算变坏。"""
    if np.dtype(dtype).kind != "f":
        return 0.0
    least = float(np.finfo(dtype).eps)
    return float(f"1e{math.ceil(math.log10(4 * max(error, least)) - 1e-9)}")


def summary(cases: Iterable[Case]) -> dict[str, Any]:
    """按函数、来源汇总：比了几次，每种类型的最大误差。hypothesis 抽的输入，一个测试算一次。"""
    functions: dict[str, Any] = {}
    seen = set()
    for case in cases:
        entry = functions.setdefault(case.function, {}).setdefault(case.source, {"cases": 0, "errors": {}})
        key = (case.function, case.source, case.test)
        entry["cases"] += not case.random or key not in seen
        if case.random:
            seen.add(key)
        # 有限差分记的是容差，照写
        largest = case.error if case.source == GRADIENT else ceiling(case.error, case.dtype)
        entry["errors"][case.dtype] = max(entry["errors"].get(case.dtype, 0.0), largest)
    return {name: dict(sorted(sources.items())) for name, sources in sorted(functions.items())}


def environment() -> dict[str, str]:
    """记录是在哪里得到的；误差只在同样的地方比。"""
    packages = {name: version(name) for name in ("numpy", "scipy", "onnx")}
    return {"platform": f"{platform.system()} {platform.machine()}", **packages}


def write(cases: Iterable[Case]) -> None:
    """写成 `docs/evidence.json`。"""
    stored = {"environment": environment(), "functions": summary(cases)}
    TARGET.write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def differences(stored: dict[str, Any], cases: list[Case], here: dict[str, str]) -> list[str]:
    """记录与这一次不符的地方；来源的版本不比，误差只在同样的平台与版本上比。"""
    old, new = (
        {
            (name, re.sub(r" v?\d[\w.]*", "", source)): entry
            for name, sources in functions.items()
            for source, entry in sources.items()
        }
        for functions in (stored["functions"], summary(cases))
    )
    found = [f"{name}：记录里没有与「{source}」的比较" for name, source in sorted(new.keys() - old.keys())]
    found += [f"{name}：不再与「{source}」比较" for name, source in sorted(old.keys() - new.keys())]
    for key in sorted(old.keys() & new.keys()):
        name, source = key
        if old[key]["cases"] != new[key]["cases"]:
            counts = f"{old[key]['cases']} 次，这次 {new[key]['cases']} 次"
            found.append(f"{name} 与「{source}」：记录 {counts}")
        if old[key]["errors"].keys() != new[key]["errors"].keys():
            found.append(f"{name} 与「{source}」：比较的类型变了")
    if stored["environment"] == here:
        fixed = summary(case for case in cases if not case.random)
        for name, sources in fixed.items():
            for source, entry in sources.items():
                recorded = old.get((name, re.sub(r" v?\d[\w.]*", "", source)), {"errors": {}})["errors"]
                found += [
                    f"{name} 与「{source}」：{dtype} 的误差到了 {error:g}，记录是 {recorded[dtype]:g}"
                    for dtype, error in entry["errors"].items()
                    if error > recorded.get(dtype, math.inf)
                ]
    return found
