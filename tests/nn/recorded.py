"""读 `tests/oracles/nn/*.npz`：别人算的输出与梯度；格式见 `tests/oracles/make/_record.py`。"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.nn.evidence import compare

ORACLES = Path(__file__).parents[1] / "oracles" / "nn"
ONLY_FORWARD = {"need_weights", "average_attn_weights"}  # 只影响返回什么，反向没有


@dataclass(frozen=True)
class Recorded:
    """一例：`op(**inputs, **options)` 应得 `outputs`，反向应得 `gradients`。

    数组都是只读的；没有给的参数、没有的结果和布尔参数的梯度是 `None`。`upstream` 是各输出的梯度；输出都不可
    求导时，它与 `gradients` 是空的。
    """

    number: int
    op: str
    options: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    upstream: dict[str, Any]
    gradients: dict[str, Any]
    source: str

    @property
    def y(self) -> Any:
        """第一个输出。"""
        return next(iter(self.outputs.values()))

    @property
    def dy(self) -> Any:
        """第一个输出的梯度。"""
        return next(iter(self.upstream.values()))

    def __str__(self) -> str:
        options = json.dumps(self.options, ensure_ascii=False)
        return f"{self.number}-{self.op}-{self.y.dtype}{self.y.shape}-{options}"


def recorded(name: str) -> list[Recorded]:
    """一个文件里的全部例子；选项里的列表换成元组，因为 JSON 没有元组。"""
    with np.load(ORACLES / f"{name}.npz") as found:
        source, data = str(found["source"]).split("（")[0], found["data"].tobytes()
        listed = json.loads(str(found["cases"]))
    cases, offset = [], 0
    for number, case in enumerate(listed):
        groups: dict[str, dict[str, Any]] = {kind: {} for kind in ("in", "out", "d", "grad")}
        for key, entry in case["arrays"].items():
            kind, array_name = key.split(".", 1)
            groups[kind][array_name] = array = None if entry is None else _read(data, offset, *entry)
            offset += 0 if array is None else array.nbytes
        options = {key: tuple(v) if isinstance(v, list) else v for key, v in case["options"].items()}
        cases.append(Recorded(number, case["op"], options, *groups.values(), source))
    assert offset == len(data)
    return cases


def check(module: ModuleType, case: Recorded, **tolerance: float) -> None:
    """前向与反向都与记下的相同，类型也相同。"""
    forward, backward = getattr(module, case.op), getattr(module, f"{case.op}_backward", None)
    got = _several(forward(**case.inputs, **case.options))
    assert [one.dtype for one in got] == [one.dtype for one in case.outputs.values()]
    compare(forward, got, [*case.outputs.values()], source=case.source, **tolerance)
    if case.upstream:
        assert backward is not None
        options = {key: value for key, value in case.options.items() if key not in ONLY_FORWARD}
        got = _several(backward(*case.upstream.values(), **case.inputs, **options))
        assert {one.dtype for one in got if one is not None} == {case.dy.dtype}
        compare(backward, got, [*case.gradients.values()], source=case.source, **tolerance)


def rounding(case: Recorded) -> float:
    """恰好是 0 的梯度（如给一行加同一个数）两边各剩的舍入，没有相对误差可言；作 `check` 的 `atol`。"""
    return 16 * float(np.finfo(case.dy.dtype).eps)


def _read(data: bytes, offset: int, dtype: str, shape: list[int]) -> Any:
    return np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)


def _several(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)
