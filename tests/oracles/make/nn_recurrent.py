"""写出 `tests/oracles/nn/recurrent.npz`：`torch.nn` 的 RNN、LSTM、GRU，前向与 autograd 的梯度。

手工运行，项目自己不用它；要一个装有 torch 的环境：

    python tests/oracles/make/nn_recurrent.py

权重按 torch 的次序，叫 `weights.层×方向.名字`。不等长的例子经过 `pack_padded_sequence`。随机数的种子是例子的
序号。
"""

from typing import Any

import torch
from _torch import torch_record
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

R = torch_record("recurrent")
MODES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
L, N, D, H = 5, 3, 2, 3


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
    R.seed(len(R.cases))
    net = MODES[mode](
        D, H, layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional, **options
    ).to(getattr(torch, dtype))
    shapes = {
        f"weights.{k}.{'_'.join(name.split('_')[:2])}": getattr(net, name).shape
        for k, names in enumerate(net._all_weights)
        for name in names
    }
    shapes["x"] = (N, L, D) if batch_first else (L, N, D)
    states = ["h", "c"] if mode == "lstm" else ["h"]
    for state in states if initial else ():
        shapes[f"{state}0"] = (layers * (2 if bidirectional else 1), N, H)
    arrays = {name: R.normal(*shape).astype(dtype) for name, shape in shapes.items()}

    def run(*tensors: torch.Tensor, **_: Any) -> dict[str, torch.Tensor]:
        given = iter(tensors)
        parameters = {name: next(given) for names in net._all_weights for name in names}
        x, *hx = given
        start = None if not hx else tuple(hx) if mode == "lstm" else hx[0]
        if lengths:
            x = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=False)
        y, final = functional_call(net, parameters, (x, start))
        if lengths:
            y, _ = pad_packed_sequence(y, batch_first, total_length=L)
        finals = final if mode == "lstm" else (final,)
        return {"y": y} | {f"{s}_n": f for s, f in zip(states, finals, strict=True)}

    call = options | {"bidirectional": bidirectional, "batch_first": batch_first, "lengths": lengths}
    R.add(mode, run, arrays, call)


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
    R.write()


main()
