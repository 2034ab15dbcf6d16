"""查漏：每个公开的算子都有反向、有两种以上的来源、有文档；`docs/evidence.json` 与这一次的账相符。"""

import inspect
import json
import os
import re
from collections.abc import Iterable
from importlib import import_module
from pkgutil import walk_packages

import numpy as np
import pytest

import dlnotes.nn
from dlnotes.nn import gradient
from sitekit.paths import DOCS
from tests.nn import evidence
from tests.nn.evidence import Case

_RANDOM = "抽随机数，不求梯度"
NO_BACKWARD = {
    "dlnotes.nn.conv_loops.conv2d_loop": "与 conv2d 相同，写成循环供人读",
    "dlnotes.nn.conv_loops.conv_transpose2d_loop": "与 conv_transpose2d 相同，写成循环供人读",
    "dlnotes.nn.dropout.dropout_mask": _RANDOM,
    "dlnotes.nn.embedding.one_hot": "整数没有梯度",
    "dlnotes.nn.gradient.check_gradient": "不是算子：它检查反向",
    "dlnotes.nn.gumbel.gumbel_noise": _RANDOM,
    "dlnotes.nn.init.calculate_gain": "只收名字，返回一个数",
    "dlnotes.nn.init.fan_in_and_fan_out": "只收形状，返回两个整数",
    "dlnotes.nn.init.kaiming_normal": _RANDOM,
    "dlnotes.nn.init.kaiming_uniform": _RANDOM,
    "dlnotes.nn.init.lecun_normal": _RANDOM,
    "dlnotes.nn.init.orthogonal": _RANDOM,
    "dlnotes.nn.init.trunc_normal": _RANDOM,
    "dlnotes.nn.init.xavier_normal": _RANDOM,
    "dlnotes.nn.init.xavier_uniform": _RANDOM,
    "dlnotes.nn.positions.sinusoidal_encoding": "位置是给定的，没有可求梯度的参数",
    "dlnotes.nn.softmax.softmax_jacobian": "它就是导数",
}
# 不到两种来源的，写明为什么、由什么担保。
FEW_SOURCES = {
    "dlnotes.nn.gradient.check_gradient": "它是别的函数的来源；test_gradient.py 查它放过对的、抓住错的",
    "dlnotes.nn.dropout.dropout_mask": "随机的；test_dropout.py 查它的分布",
    "dlnotes.nn.gumbel.gumbel_noise": "随机的；test_softmax.py 查它的分布",
    "dlnotes.nn.init.trunc_normal": "随机的；test_init.py 查它的分布",
}
ENOUGH = 2


def public_modules() -> list[str]:
    names = [module.name for module in walk_packages(dlnotes.nn.__path__, "dlnotes.nn.")]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def public_functions() -> list[str]:
    """各公开模块自己定义的、`__all__` 里的（没有它就是名字不以下划线开头的）函数；重新导出的只算一次。"""
    found = []
    for name in public_modules():
        module = import_module(name)
        for attribute in getattr(module, "__all__", vars(module)):
            value = getattr(module, attribute)
            value = inspect.unwrap(value) if callable(value) else value
            own = inspect.isfunction(value) and value.__module__ == name
            if own and not attribute.startswith("_"):
                found.append(f"{name}.{attribute}")
    return sorted(found)


def without_partner(functions: Iterable[str], reasons: dict[str, str]) -> list[str]:
    """没有反向的前向、没有前向的反向，和写了理由却有反向的。"""
    every = set(functions)
    forward = {name for name in every if not name.endswith("_backward")}
    lonely = {name for name in forward if f"{name}_backward" not in every}
    orphans = {name for name in every - forward if name.removesuffix("_backward") not in every}
    return sorted((lonely ^ set(reasons)) | orphans)


def with_few_sources(functions: Iterable[str], cases: Iterable[Case], reasons: dict[str, str]) -> list[str]:
    """与不到两种来源比过的函数；写了理由而来源已经够的也算，理由该删。"""
    sources: dict[str, set[str]] = {name: set() for name in functions}
    for case in cases:
        if case.function in sources:
            sources[case.function].add(case.source)
    return sorted({name for name, found in sources.items() if len(found) < ENOUGH} ^ set(reasons))


def undocumented(modules: Iterable[str], pages: Iterable[str]) -> list[str]:
    """自己有函数而没有一页写着 `::: 模块` 的模块。"""
    text = "\n".join(pages)
    shown = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    return sorted(set(modules) - shown)


def test_every_operator_has_its_backward() -> None:
    assert without_partner(public_functions(), NO_BACKWARD) == []


def test_every_operator_is_documented() -> None:
    modules = {name.rsplit(".", 1)[0] for name in public_functions()}
    pages = [page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("nn-*.md")]
    assert undocumented(modules, pages) == []


def test_every_operator_has_two_sources(all_cases: list[Case]) -> None:
    assert with_few_sources(public_functions(), all_cases, FEW_SOURCES) == []


def test_the_record_is_what_was_run(all_cases: list[Case]) -> None:
    if os.environ.get("EVIDENCE") == "write":
        pytest.skip("正在重写记录")
    stored = json.loads(evidence.TARGET.read_text(encoding="utf-8"))
    found = evidence.differences(stored, all_cases, evidence.environment())
    assert not found, "\n".join([*found, "改了测试就运行 make evidence，把 docs/evidence.json 一起提交。"])


def test_what_is_missing_is_noticed() -> None:
    names = ["m.f", "m.f_backward", "m.g", "m.h_backward", "m.k"]
    assert without_partner(names, {"m.k": "理由"}) == ["m.g", "m.h_backward"]
    assert without_partner(names[:2], {"m.f": "过时的理由"}) == ["m.f"]
    cases = [Case("m.f", source, "float64", 0.0) for source in ("甲", "甲", "乙")]
    cases += [Case("m.g", "甲", "float64", 0.0)] * 3
    assert with_few_sources(["m.f", "m.g", "m.k"], cases, {"m.k": "理由"}) == ["m.g"]
    assert with_few_sources(["m.f"], cases, {"m.f": "过时的理由"}) == ["m.f"]
    assert undocumented(["dlnotes.nn.a", "dlnotes.nn.b"], ["x\n::: dlnotes.nn.a\n"]) == ["dlnotes.nn.b"]
    assert len(public_functions()) > 2 * len(NO_BACKWARD)


def test_ceilings() -> None:
    assert evidence.ceiling(0.0, "float64") == 1e-15
    assert evidence.ceiling(2e-14, "float64") == 1e-13
    assert evidence.ceiling(3e-14, "float64") == 1e-12  # 乘 4 之后往上取
    assert evidence.ceiling(1e-9, "float32") == 1e-6
    assert evidence.ceiling(0.0, "int64") == 0.0


def test_changes_are_noticed() -> None:
    plain = Case("m.f", "torch 2.13.0", "float64", 2e-14)
    drawn = [Case("m.f", "定义", "float64", error, True, "t.py::a") for error in (1e-14, 2e-10)]
    here = evidence.environment()
    stored = {"environment": here, "functions": evidence.summary([plain, *drawn])}
    assert stored["functions"]["m.f"]["定义"]["cases"] == 1
    assert evidence.differences(stored, [plain, *drawn], here) == []
    assert evidence.differences(stored, [plain, *drawn * 7], here) == []  # 抽的个数不算
    newer = Case("m.f", "torch 2.14.1", "float64", 1e-16)
    assert evidence.differences(stored, [newer, drawn[0]], here) == []
    assert evidence.differences(stored, [plain], here) == ["m.f：不再与「定义」比较"]
    found = evidence.differences(stored, [plain, plain, *drawn], here)
    assert found == ["m.f 与「torch」：记录 1 次，这次 2 次"]
    worse = Case("m.f", "torch 2.13.0", "float64", 1e-12)
    assert evidence.differences(stored, [worse, *drawn], here) == [
        "m.f 与「torch 2.13.0」：float64 的误差到了 1e-11，记录是 1e-13"
    ]
    assert evidence.differences(stored, [worse, *drawn], here | {"numpy": "0"}) == []  # 别的机器
    other = Case("m.g", "定义", "float64", 0.0)
    assert evidence.differences(stored, [plain, *drawn, other], here) == ["m.g：记录里没有与「定义」的比较"]
    single = Case("m.f", "torch 2.13.0", "float32", 0.0)
    assert evidence.differences(stored, [single, *drawn], here) == ["m.f 与「torch」：比较的类型变了"]


def test_gradient_checks_are_credited() -> None:
    from dlnotes.nn.attend import attend, attend_backward

    before = len(evidence.CASES)
    try:
        value = np.array([[1.0], [3.0]])
        gradient.check_gradient(
            lambda s: attend(s, value), lambda dy, s: attend_backward(dy, s, value)[0], [[0.1, 0.2]]
        )
        (case,) = evidence.CASES[before:]
        assert (case.function, case.source) == ("dlnotes.nn.attend.attend_backward", evidence.GRADIENT)
        assert (case.dtype, case.error) == ("float64", 1e-6)
        with pytest.raises(AssertionError):
            gradient.check_gradient(
                lambda s: attend(s, value), lambda dy, s: 2 * attend_backward(dy, s, value)[0], [[0.1, 0.2]]
            )
        assert len(evidence.CASES) == before + 1  # 没有通过的不算
    finally:
        del evidence.CASES[before:]
