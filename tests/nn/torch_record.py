"""读 `tests/oracles/make/_nn.py` 记下的 torch 的前向与梯度。"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.nn.evidence import compare

FOLDER = Path(__file__).parents[1] / "oracles" / "nn"


@dataclass(frozen=True)
class Record:
    """一例：`function(*arrays, **options)` 应得 `outputs`，反向应得 `gradients`（没有记的是 `None`）。"""

    name: str
    function: str
    arrays: list[Any]
    options: dict[str, Any]
    outputs: list[Any]
    dy: Any
    gradients: dict[str, Any]
    source: str

    def __str__(self) -> str:
        return self.name


def records(name: str) -> list[Record]:
    """一个文件里的全部例子。"""
    with np.load(FOLDER / f"{name}.npz") as stored:
        data = {key: stored[key] for key in stored.files}
    found = []
    for key in sorted({key.split(".")[0] for key in data if key.endswith(".meta")}):
        meta = json.loads(str(data[f"{key}.meta"]))
        given = {arg: data.get(f"{key}.in.{arg}") for arg in meta["arrays"]}
        extra = {arg: data[f"{key}.in.{arg}"] for arg in meta["extra"]}
        outputs = [data[f"{key}.out.{index}"] for index in range(2) if f"{key}.out.{index}" in data]
        gradients = {arg: data.get(f"{key}.grad.{arg}") for arg in meta["arrays"]}
        case = f"{key}-{meta['function']}-{outputs[0].dtype}"
        found.append(
            Record(
                name=case,
                function=meta["function"],
                arrays=[*given.values()],
                options=meta["options"] | extra,
                outputs=outputs,
                dy=data.get(f"{key}.dy"),
                gradients=gradients,
                source=str(data["source"]),
            )
        )
    return found


def check(module: ModuleType, record: Record, **tolerance: float) -> None:
    """前向与反向都与 torch 的相同，类型也相同。"""
    # 有的梯度恰好是 0（如给一行加同一个数），两边只剩不同的舍入，没有相对误差可言
    if record.dy is not None:
        tolerance = {"atol": 16 * float(np.finfo(record.dy.dtype).eps)} | tolerance
    forward = getattr(module, record.function)
    got = forward(*record.arrays, **record.options)
    outputs = got if isinstance(got, tuple) else (got,)
    assert [out.dtype for out in outputs] == [out.dtype for out in record.outputs]
    compare(forward, outputs, record.outputs, source=record.source, **tolerance)
    if record.dy is None:
        return
    backward = getattr(module, f"{record.function}_backward")
    options = {k: v for k, v in record.options.items() if k not in ("need_weights", "average_attn_weights")}
    got = backward(record.dy, *record.arrays, **options)
    gradients = got if isinstance(got, tuple) else (got,)
    expected = list(record.gradients.values())
    if len(gradients) < len(expected):  # 整数的参数没有梯度，不在其中
        expected = [one for one in expected if one is not None]
    assert {one.dtype for one in gradients if one is not None} == {record.dy.dtype}
    compare(backward, gradients, expected, source=record.source, **tolerance)
