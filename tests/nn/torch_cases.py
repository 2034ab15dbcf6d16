"""读 torch 录下的例子：`tests/oracles/nn/<名字>.npz`，由 `tests/oracles/make/nn_<名字>.py` 写出。"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ORACLES = Path(__file__).parents[1] / "oracles" / "nn"


class Recorded(NamedTuple):
    """一个例子：函数名、选项、各数组。"""

    call: str
    options: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def __str__(self) -> str:
        return f"{self.call}-{self.arrays['x'].dtype}{self.arrays['x'].shape}-{json.dumps(self.options)}"


def load(name: str) -> tuple[str, list[Recorded]]:
    """来源和全部例子。列表换成元组：JSON 没有元组。"""
    cases: dict[int, dict[str, Any]] = {}
    with np.load(ORACLES / f"{name}.npz") as file:
        source = str(file["source"]).split("+")[0]
        for key in file.files:
            if "/" in key:
                number, field = key.split("/")
                cases.setdefault(int(number), {})[field] = file[key]
    found = []
    for arrays in cases.values():
        call, options = json.loads(str(arrays.pop("call")))
        options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
        found.append(Recorded(call, options, arrays))
    return source, found
