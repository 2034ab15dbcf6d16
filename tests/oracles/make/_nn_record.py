"""记下 torch 的输出与梯度，供 `nn_*.py` 各脚本共用。

一个 npz 里：`source` 是来源，`data` 是全部数组首尾相接的字节，`cases` 是 JSON 的清单：算子、选项，以及各数组
的名字、类型与形状，次序就是在 `data` 里的次序。`a0`、`a1`……是参数（没有给的不在其中），`y` 是输出，`dy` 是
上游的梯度，`g0`……是各个浮点参数的梯度。
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

TARGET = Path(__file__).parents[1] / "nn"


class Recorder:
    """收集例子，最后写成 `tests/oracles/nn/<名字>.npz`。"""

    def __init__(self, name: str, seed: int) -> None:
        torch.set_num_threads(1)
        self.path = TARGET / f"{name}.npz"
        self.rng = np.random.default_rng(seed)
        self.cases: list[dict[str, Any]] = []
        self.data: list[bytes] = []

    def add(
        self,
        op: str,
        function: Callable[..., torch.Tensor],
        args: Sequence[np.ndarray | None],
        *,
        wrt: Sequence[int] = (0,),
        **options: Any,
    ) -> None:
        """`function(*张量)` 是 torch 的写法，`op(*args, **options)` 是我们的；`wrt` 是要梯度的参数。"""
        tensors = [None if arg is None else torch.tensor(arg) for arg in args]
        for index in wrt:
            tensors[index].requires_grad_()
        y = function(*tensors)
        dy = self.rng.standard_normal(tuple(y.shape)).astype(str(y.dtype)[6:])
        gradients = torch.autograd.grad(y, [tensors[index] for index in wrt], torch.tensor(dy))
        named = [(f"a{i}", arg) for i, arg in enumerate(args) if arg is not None]
        named += [("y", y.detach().numpy()), ("dy", dy)]
        named += [(f"g{i}", gradient.numpy()) for i, gradient in enumerate(gradients)]
        arrays = [[key, str(np.asarray(array).dtype), np.shape(array)] for key, array in named]
        self.cases.append({"op": op, "options": options, "arrays": arrays})
        self.data += [np.asarray(array).tobytes() for _, array in named]

    def write(self) -> None:
        """写文件，打印大小。"""
        source = (
            f"torch {torch.__version__}（CPU，单线程），numpy {np.__version__}，{datetime.now(UTC):%Y-%m-%d}"
        )
        self.path.parent.mkdir(exist_ok=True)
        cases = json.dumps(self.cases, ensure_ascii=False)
        data = np.frombuffer(b"".join(self.data), np.uint8)
        np.savez_compressed(self.path, source=np.array(source), cases=np.array(cases), data=data)
        print(self.path.name, len(self.cases), "例，", self.path.stat().st_size, "字节")
