"""写出 `tests/oracles/nn/init.json`；手工运行，要 torch：`python tests/oracles/make/nn_init.py`。

记下 torch 的 fan 与增益，以及从大样本量出的均匀分布的上界（不超过它的最大值）与标准差。
"""

import json
from pathlib import Path

import torch
from torch.nn import init

SHAPES = [(3, 5), (64, 3, 7, 7), (8, 4, 3), (6, 2, 3, 4, 5), (1, 1), (10, 1, 3, 3)]
GAINS = [(name, None) for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")]
GAINS += [("conv", None), ("leaky_relu", 0.0), ("leaky_relu", 0.2), ("leaky_relu", 1.0)]

if __name__ == "__main__":
    fans = [[list(shape), list(init._calculate_fan_in_and_fan_out(torch.empty(shape)))] for shape in SHAPES]
    gains = [
        [name, param, init.calculate_gain("conv2d" if name == "conv" else name, param)]
        for name, param in GAINS
    ]
    torch.manual_seed(0)
    spread = {}
    for name, options in (
        ("xavier_uniform", {"gain": 2.0}),
        ("xavier_normal", {}),
        ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal", {"a": 0.5}),
        ("kaiming_uniform", {"a": 5**0.5}),
    ):
        w = getattr(init, f"{name}_")(torch.empty(300, 40, 5, 5, dtype=torch.float64), **options)
        spread[f"{name} {json.dumps(options)}"] = {"std": w.std().item(), "max": w.abs().max().item()}
    data = {
        "source": f"torch {torch.__version__.split('+')[0]}",
        "fans": fans,
        "gains": gains,
        "spread": spread,
    }
    target = Path(__file__).parents[1] / "nn" / "init.json"
    target.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")
