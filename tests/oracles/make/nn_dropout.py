"""写出 `tests/oracles/nn/dropout.npz`；手工运行，要 torch：`python tests/oracles/make/nn_dropout.py`。

torch 自己抽掩码；从梯度里读出它（去掉的梯度是 0），记成我们的掩码。
"""

from collections.abc import Callable

import torch
from _torch import torch_record
from torch.nn import functional as F  # noqa: N812


def seeded(name: str) -> Callable[..., torch.Tensor]:
    """每次抽同一个掩码。"""

    def run(x: torch.Tensor, _mask: object, p: float, training: bool) -> torch.Tensor:
        torch.manual_seed(7)
        return getattr(F, name)(x, p, training)

    return run


if __name__ == "__main__":
    record = torch_record("dropout", seed=4)
    for dtype in ("float64", "float32"):
        for p in (0.0, 0.1, 0.5, 0.8, 1.0):
            for training in (True, False):
                for name in ("dropout", "alpha_dropout"):
                    x = record.rng.normal(0, 1, (6, 7)).astype(dtype)
                    options = {"p": p, "training": training}
                    probe = torch.tensor(x, requires_grad=True)
                    seeded(name)(probe, None, **options).sum().backward()
                    fixed = {"mask": probe.grad.numpy() != 0}
                    record.add(name, seeded(name), {"x": x}, options, fixed=fixed)
    record.write()
