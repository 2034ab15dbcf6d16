"""写出 `tests/oracles/nn/dropout.npz`；手工运行，要 torch：`python tests/oracles/make/nn_dropout.py`。

torch 自己抽掩码；从梯度里读出它（去掉的梯度是 0），记成我们的掩码。
"""

import torch
from _nn_record import Recorder
from torch.nn import functional as F  # noqa: N812

if __name__ == "__main__":
    record = Recorder("dropout", seed=4)
    for dtype in ("float64", "float32"):
        for p in (0.0, 0.1, 0.5, 0.8, 1.0):
            for training in (True, False):
                for name in ("dropout", "alpha_dropout"):
                    x = record.rng.normal(0, 1, (6, 7)).astype(dtype)

                    function = getattr(F, name)

                    def f(x, _mask, f=function, p=p, training=training):
                        torch.manual_seed(7)
                        return f(x, p, training)

                    probe = torch.tensor(x, requires_grad=True)
                    f(probe, None).sum().backward()
                    record.add(name, f, [x, probe.grad.numpy() != 0], p=p, training=training)
    record.write()
