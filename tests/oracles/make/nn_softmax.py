"""写出 `tests/oracles/nn/softmax.npz`；手工运行，要 torch：`python tests/oracles/make/nn_softmax.py`。"""

from collections.abc import Callable

import numpy as np
import torch
from _torch import torch_record


def by_axis(name: str) -> Callable[..., torch.Tensor]:
    return lambda x, axis, temperature=1.0: getattr(torch, name)(x / temperature, axis)


def logsumexp(x: torch.Tensor, axis: int, keepdims: bool) -> torch.Tensor:
    return torch.logsumexp(x, axis, keepdim=keepdims)


if __name__ == "__main__":
    record = torch_record("softmax", seed=2)
    for dtype in ("float64", "float32"):
        for shape in ((5,), (3, 4), (2, 3, 4), (0, 3), (4, 1)):
            for axis in range(-1, len(shape)):
                for scale in (1.0, 1e3):
                    x = record.rng.normal(0, scale, shape).astype(dtype)
                    for name in ("softmax", "log_softmax"):
                        record.add(name, by_axis(name), {"x": x}, {"axis": axis})
                    record.add("softmax", by_axis("softmax"), {"x": x}, {"axis": axis, "temperature": 0.7})
                    for keep in (False, True) if x.size else ():
                        record.add("logsumexp", logsumexp, {"x": x}, {"axis": axis, "keepdims": keep})
        x = np.array([[0.0, -np.inf, 2.0], [1e4, 1e4, -1e4]], dtype)
        record.add("softmax", lambda x: torch.softmax(x, -1), {"x": x})
    record.write()
