"""读 `tests/oracles/nn/*.npz`：torch 记下的输入、输出与梯度；格式见 `tests/oracles/make/_nn_record.py`。"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.nn.evidence import compare

ORACLES = Path(__file__).parents[1] / "oracles" / "nn"


@dataclass(frozen=True)
class Recorded:
    """一例：`op(*args, **options)` 应得 `y`，`op_backward(dy, …)` 应得 `gradients`。"""

    op: str
    options: dict[str, Any]
    args: list[Any]
    y: Any
    dy: Any
    gradients: list[Any]
    source: str

    def __repr__(self) -> str:
        return f"{self.op}({self.options}，{len(self.args)} 个参数，{self.y.dtype} {self.y.shape})"


def recorded(name: str) -> list[Recorded]:
    """一个文件里的全部例子。"""
    found = np.load(ORACLES / f"{name}.npz")
    source, data = str(found["source"]), found["data"].tobytes()
    cases, offset = [], 0
    for case in json.loads(str(found["cases"])):
        arrays = {}
        for key, dtype, shape in case["arrays"]:
            count = int(np.prod(shape))
            arrays[key] = np.frombuffer(data, dtype, count, offset).reshape(shape)  # 只读的
            offset += arrays[key].nbytes
        last = max(int(key[1:]) for key in arrays if key[0] == "a")
        args = [arrays.get(f"a{index}") for index in range(last + 1)]
        gradients = [array for key, array in arrays.items() if key[0] == "g"]
        cases.append(
            Recorded(
                case["op"], case["options"], args, arrays["y"], arrays["dy"], gradients, source.split("（")[0]
            )
        )
    assert offset == len(data)
    return cases


def check(module: ModuleType, case: Recorded, **tolerance: float) -> None:
    """前向与反向都与记下的相同，类型也相同。"""
    forward, backward = getattr(module, case.op), getattr(module, f"{case.op}_backward")
    got = forward(*case.args, **case.options)
    assert got.dtype == case.y.dtype
    compare(forward, got, case.y, source=case.source, **tolerance)
    gradients = backward(case.dy, *case.args, **case.options)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for one in gradients:
        assert one.dtype == case.y.dtype
    compare(backward, gradients, case.gradients, source=case.source, **tolerance)
