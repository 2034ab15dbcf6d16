"""写出 `tests/oracles/models/mlp.json`；手工运行，要 torch：`python tests/oracles/make/models.py`。

一个 4-6-5-3 的多层感知机，初始的权重与小批量都写在文件里，每一轮按原来的次序取批；记下 torch 走 20 步之后的
参数与每一步的损失，float64。
"""

import json
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

SIZES, SAMPLES, BATCH, STEPS = (4, 6, 5, 3), 40, 8, 20
RUNS = {
    "sgd": ({"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3}, nn.Tanh, None),
    "adam": ({"lr": 0.01}, nn.ReLU, None),
    "adamw": ({"lr": 0.02, "weight_decay": 0.05}, nn.GELU, "layer"),
    "adam_batch": ({"lr": 0.02}, nn.ELU, "batch"),
}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def layers(activation: type[nn.Module], norm: str | None) -> nn.Sequential:
    parts: list[nn.Module] = []
    for inputs, outputs in pairwise(SIZES[:-1]):
        parts.append(nn.Linear(inputs, outputs))
        if norm is not None:
            parts.append(nn.BatchNorm1d(outputs) if norm == "batch" else nn.LayerNorm(outputs))
        parts.append(activation())
    return nn.Sequential(*parts, nn.Linear(*SIZES[-2:]))


def record(net: nn.Module) -> dict[str, list]:
    state = net.state_dict().items()
    return {name: value.tolist() for name, value in state if value.dtype.is_floating_point}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x, y = torch.randn(SAMPLES, SIZES[0]), torch.randint(SIZES[-1], (SAMPLES,))
    runs = {}
    for name, (options, activation, norm) in RUNS.items():
        net = layers(activation, norm)
        start = record(net)
        optimizer = OPTIMIZERS[name.split("_")[0]](net.parameters(), **options)
        losses = []
        for step in range(STEPS):
            batch = slice(step * BATCH % SAMPLES, step * BATCH % SAMPLES + BATCH)
            loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        options = options | {"activation": activation.__name__.lower(), "norm": norm}
        runs[name] = {"options": options, "start": start, "end": record(net), "losses": losses}
    data = {"source": f"torch {torch.__version__}", "x": x.tolist(), "y": y.tolist(), "runs": runs}
    target = Path(__file__).parents[1] / "models" / "mlp.json"
    target.write_text(json.dumps(data) + "\n")
