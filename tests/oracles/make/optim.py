"""记下 torch.optim 每个优化器走 20 步的路，供 `tests/optim/test_first_order.py` 读。

梯度是事先抽好的（第 t 步的梯度与参数无关），所以比的只是更新规则；float64 与 float32 各记一遍。
`optim.json` 里：`gradients` 与 `start` 是输入，`cases` 的每一条是优化器的名字、选项、类型与 20 步的参数。
另有两次裁剪：`clip_grad_norm_` 与 `clip_grad_value_`。
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

TARGET = Path(__file__).parents[1] / "optim.json"
STEPS = 20
CASES = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "weight_decay": 0.05}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "dampening": 0.5, "weight_decay": 0.1}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.2, "eps": 0.01, "weight_decay": 0.1}),
    ("rmsprop", {}),
    ("rmsprop", {"lr": 0.05, "alpha": 0.9, "eps": 0.01, "weight_decay": 0.1}),
    ("adam", {}),
    ("adam", {"lr": 0.1}),
    ("adam", {"lr": 0.1, "betas": [0.8, 0.95], "eps": 0.01}),
    ("adam", {"lr": 0.1, "weight_decay": 0.2}),
    ("adam", {"lr": 0.1, "betas": [0.9, 0.5], "amsgrad": True}),
    ("adamw", {}),
    ("adamw", {"lr": 0.1, "weight_decay": 0.2}),
    ("adamw", {"lr": 0.1, "betas": [0.7, 0.6], "eps": 0.001, "weight_decay": 0.2, "amsgrad": True}),
]
CLASSES = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def walk(name: str, options: dict, dtype: torch.dtype, start: np.ndarray, gradients: np.ndarray) -> list:
    """20 步之后的各点；先是起点。"""
    w = torch.tensor(start, dtype=dtype, requires_grad=True)
    optimizer = CLASSES[name]([w], **options)
    path = [w.detach().tolist()]
    for gradient in gradients:
        w.grad = torch.tensor(gradient, dtype=dtype)
        optimizer.step()
        path.append(w.detach().tolist())
    return path


def clipped(kind: str, bound: float, arrays: list[np.ndarray]) -> dict:
    """两个参数一起裁剪。"""
    parameters = [torch.zeros(array.shape, dtype=torch.float64, requires_grad=True) for array in arrays]
    for parameter, array in zip(parameters, arrays, strict=True):
        parameter.grad = torch.tensor(array)
    clip = torch.nn.utils.clip_grad_norm_ if kind == "norm" else torch.nn.utils.clip_grad_value_
    total = clip(parameters, bound)
    return {
        "kind": kind,
        "bound": bound,
        "arrays": [array.tolist() for array in arrays],
        "clipped": [parameter.grad.tolist() for parameter in parameters],
        "norm": None if total is None else total.item(),
    }


def main() -> None:
    """写文件。"""
    torch.set_num_threads(1)
    rng = np.random.default_rng(20261123)
    start = rng.standard_normal((2, 3)).round(3)
    # 各坐标的尺度差一百倍，否则自适应的方法看不出特别
    gradients = (rng.standard_normal((STEPS, 2, 3)) * [0.1, 1, 10] + [0.05, 0, 3]).round(4)
    cases = [
        {
            "name": name,
            "options": options,
            "dtype": str(dtype)[6:],
            "path": walk(name, options, dtype, start, gradients),
        }
        for name, options in CASES
        for dtype in (torch.float64, torch.float32)
    ]
    arrays = [gradients[0], gradients[1, 0]]
    clips = [clipped(kind, bound, arrays) for kind in ("norm", "value") for bound in (0.0, 0.5, 2.0, 1000.0)]
    stored = {
        "source": f"torch {torch.__version__.split('+')[0]}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "start": start.tolist(),
        "gradients": gradients.tolist(),
        "cases": cases,
        "clips": clips,
    }
    TARGET.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{TARGET}：{len(cases)} 条路，{TARGET.stat().st_size} 字节")


if __name__ == "__main__":
    main()
