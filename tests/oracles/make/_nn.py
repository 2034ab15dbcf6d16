"""记下 torch 的前向与自动微分，供 `tests/nn/recorded.py` 读；各个 `nn_*.py` 用它。"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).parents[1] / "nn"


class Recorder:
    """一个文件的各个例子；随机数的种子固定，float64 与 float32 各记一遍。"""

    def __init__(self, name: str) -> None:
        torch.set_num_threads(1)
        self.path = FOLDER / f"{name}.npz"
        self.rng = np.random.default_rng(20261123)
        self.arrays: dict[str, Any] = {
            "source": f"torch {torch.__version__.split('+')[0]}",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
        }
        self.count = 0

    def normal(self, *shape: int) -> Any:
        """保留三位小数的正态随机数：float32 与 float64 的输入几乎相同，文件也小。"""
        return self.rng.standard_normal(shape).round(3)

    def add(
        self,
        function: str,
        run: Callable[..., Any],
        arrays: dict[str, Any],
        options: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """`run(**arrays, **options, **extra)` 是 torch 写的同一个函数；浮点的 `arrays` 都求梯度。"""
        for dtype in (torch.float64, torch.float32):
            tensors = {
                name: None if value is None else torch.from_numpy(np.array(value, order="C"))
                for name, value in (arrays | (extra or {})).items()
            }
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_floating_point():
                    tensors[name] = tensor.to(dtype).requires_grad_(name in arrays)
            y, *others = out if isinstance(out := run(**tensors, **(options or {})), tuple) else (out,)
            key = f"{self.count:03d}"
            self.count += 1
            meta = {"function": function, "options": options or {}, "arrays": list(arrays)}
            meta["extra"] = list(extra or {})
            self.arrays[f"{key}.meta"] = json.dumps(meta)
            for name, tensor in tensors.items():
                if tensor is not None:
                    self.arrays[f"{key}.in.{name}"] = tensor.detach().numpy()
            for index, out in enumerate((y, *others)):
                self.arrays[f"{key}.out.{index}"] = out.detach().numpy()
            if y.requires_grad:
                dy = torch.from_numpy(np.array(self.normal(*y.shape))).to(dtype)
                y.backward(dy)
                self.arrays[f"{key}.dy"] = dy.numpy()
                for name in arrays:
                    if tensors[name] is not None and tensors[name].grad is not None:
                        self.arrays[f"{key}.grad.{name}"] = tensors[name].grad.numpy()

    def save(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        np.savez_compressed(self.path, **self.arrays)
        print(f"{self.path.name}：{self.count} 例，{self.path.stat().st_size} 字节")
