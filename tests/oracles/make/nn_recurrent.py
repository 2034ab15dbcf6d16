"""写出 `tests/oracles/nn/recurrent.npz`：`torch.nn` 的 RNN、LSTM、GRU，前向与 autograd 的梯度。

手工运行，项目自己不用它；要一个装有 torch 的环境：

    python tests/oracles/make/nn_recurrent.py

每个例子的描述是 `cases` 里的一行 JSON；数组的名字是 `序号/in/…`、`序号/out/…`、`序号/d/…`（各输出的梯度）、
`序号/grad/…`。权重按 torch 的次序，`weight/层×方向/名字`。不等长的例子经过 `pack_padded_sequence`。随机数的种
子是序号，所以重新运行得到同样的数。
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

TARGET = Path(__file__).parents[1] / "nn" / "recurrent.npz"
ARRAYS: dict[str, Any] = {}
CASES: list[str] = []
MODES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
L, N, D, H = 5, 3, 2, 3

torch.set_num_threads(1)


def record(
    mode: str,
    *,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    batch_first: bool = False,
    lengths: list[int] | None = None,
    initial: bool = True,
    dtype: str = "float64",
    **options: Any,
) -> None:
    number = len(CASES)
    rng = np.random.default_rng(number)

    def random(name: str, *shape: int) -> Any:
        ARRAYS[name] = rng.standard_normal(shape).astype(dtype)
        return torch.tensor(ARRAYS[name], requires_grad="/in/" in name)

    net = MODES[mode](
        D, H, layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional, **options
    ).to(getattr(torch, dtype))
    leaves = {}
    for k, names in enumerate(net._all_weights):
        for name in names:
            short = "_".join(name.split("_")[:2])
            leaf = random(f"{number}/in/weight/{k}/{short}", *getattr(net, name).shape)
            leaves[f"weight/{k}/{short}"] = leaf
            setattr(net, name, nn.Parameter(leaf.detach().clone()))
            leaves[f"weight/{k}/{short}"] = getattr(net, name)
    x = leaves["x"] = random(f"{number}/in/x", *((N, L, D) if batch_first else (L, N, D)))
    states = ["h", "c"] if mode == "lstm" else ["h"]
    k = layers * (2 if bidirectional else 1)
    given = (
        [leaves.setdefault(f"{s}0", random(f"{number}/in/{s}0", k, N, H)) for s in states] if initial else []
    )
    hx = None if not initial else (tuple(given) if mode == "lstm" else given[0])
    if lengths:
        packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=False)
        y, final = net(packed, hx)
        y, _ = pad_packed_sequence(y, batch_first, total_length=L)
    else:
        y, final = net(x, hx)
    finals = final if mode == "lstm" else (final,)
    outputs = {"y": y} | {f"{s}_n": f for s, f in zip(states, finals, strict=True)}
    loss = torch.zeros((), dtype=y.dtype)
    for name, out in outputs.items():
        ARRAYS[f"{number}/out/{name}"] = out.detach().numpy()
        loss = loss + (out * random(f"{number}/d/{name}", *out.shape)).sum()
    loss.backward()
    for name, leaf in leaves.items():
        ARRAYS[f"{number}/grad/{name}"] = leaf.grad.numpy()
    call = dict(options) | {"bidirectional": bidirectional, "batch_first": batch_first, "lengths": lengths}
    CASES.append(json.dumps({"op": mode, "weights": k, "options": call, "dtype": dtype}))


def main() -> None:
    for dtype in ("float64", "float32"):
        for mode in MODES:
            record(mode, dtype=dtype)
            record(mode, dtype=dtype, bias=False, initial=False, batch_first=True)
            record(mode, dtype=dtype, bidirectional=True, lengths=[3, 5, 1])
            record(mode, dtype=dtype, lengths=[5, 2, 4], batch_first=True, initial=False)
        record("rnn", dtype=dtype, nonlinearity="relu", bidirectional=True)
    for mode in MODES:
        record(mode, layers=2, bidirectional=True, lengths=[2, 5, 4], batch_first=True)
        record(mode, layers=3, initial=False)
    record("rnn", nonlinearity="relu", layers=2, lengths=[1, 5, 3])
    today = datetime.now(UTC).date()
    source = f"torch {torch.__version__}，numpy {np.__version__}，{today}"
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, allow_pickle=False, source=np.array(source), cases=np.array(CASES), **ARRAYS)
    print(len(CASES), TARGET.stat().st_size)


main()
