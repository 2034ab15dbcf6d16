"""写出 `tests/oracles/nn/embedding.npz` 与 `positions.npz`。

手工运行，项目自己不用它；要一个装有 torch（CPU）与 numpy 的环境：

    python tests/oracles/make/nn_embedding.py

嵌入与独热用 torch 自己的函数；位置编码 torch 没有，旋转写成复数的乘法，正弦写成复指数的虚部与实部。
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from _torch import torch_record


def embedding() -> None:
    r = torch_record("embedding", digits=3)

    def run(weight: Any, x: Any, padding_idx: int | None) -> Any:
        return F.embedding(x, weight, padding_idx)

    def one_hot(x: Any, num_classes: int) -> Any:
        return F.one_hot(x, num_classes)

    for shape, rows, d in (((), 1, 1), ((7,), 3, 4), ((2, 3, 5), 6, 2), ((0,), 3, 2)):
        for padding in (None, 0, -1):
            index = r.rng.integers(0, rows, shape)
            arrays = {"weight": r.normal(rows, d)}
            r.both("embedding", run, arrays, {"padding_idx": padding}, fixed={"x": index})
        index = r.rng.integers(0, rows, shape)
        r.both("one_hot", one_hot, {}, {"num_classes": rows + 2}, fixed={"x": index})
    r.both("one_hot", one_hot, {}, {"num_classes": -1}, fixed={"x": np.array([[3, 0], [1, 1]])})
    r.write()


def positions() -> None:
    r = torch_record("positions", digits=3)

    def rotary(x: Any, positions: Any, base: float, interleaved: bool) -> Any:
        d = x.shape[-1]
        t = torch.arange(x.shape[-2]) if positions is None else positions
        angle = t.double()[..., None] / base ** (torch.arange(0, d, 2).double() / d)
        turn = torch.polar(torch.ones_like(angle), angle).to(torch.complex128)
        pairs = x.double().unflatten(-1, (-1, 2)) if interleaved else x.double().unflatten(-1, (2, -1)).mT
        turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn)
        return (turned if interleaved else turned.mT).flatten(-2).to(x.dtype)

    def sinusoidal(positions: Any, dim: int, base: float) -> Any:
        d = torch.arange(0, dim, 2).double() / dim
        wave = torch.exp(1j * positions.double()[..., None] / base**d)
        return torch.stack([wave.imag, wave.real], -1).flatten(-2).to(positions.dtype)

    for shape, where in (
        ((1, 2), None),
        ((2, 5, 6), None),
        ((2, 3, 4, 8), np.array([[[0, 1, 2, 3]], [[7, 100, 5000, -2]]])),
        ((3, 4), np.array([131071])),
    ):
        for base in (10000.0, 500000.0):
            for interleaved in (True, False):
                options = {"base": base, "interleaved": interleaved}
                x = {"x": r.normal(*shape)}
                r.both("rotary_embedding", rotary, x, options, fixed={"positions": where})
    for where in (np.arange(50.0), r.normal(2, 3) * 10, np.array(131071.0)):
        for dim, base in ((2, 10000.0), (16, 10000.0), (6, 20.0)):
            options = {"dim": dim, "base": base}
            r.both("sinusoidal_encoding", sinusoidal, {}, options, fixed={"positions": where})
    r.write()


if __name__ == "__main__":
    embedding()
    positions()
