"""写出 `tests/oracles/nn/softmax.npz`；手工运行，要 torch：`python tests/oracles/make/nn_softmax.py`。"""

import numpy as np
import torch
from _nn_record import Recorder

if __name__ == "__main__":
    record = Recorder("softmax", seed=2)
    for dtype in ("float64", "float32"):
        for shape in ((5,), (3, 4), (2, 3, 4), (0, 3), (4, 1)):
            for axis in range(-1, len(shape)):
                for scale in (1.0, 1e3):
                    x = record.rng.normal(0, scale, shape).astype(dtype)
                    for name in ("softmax", "log_softmax"):
                        f = getattr(torch, name)
                        record.add(name, lambda x, f=f, a=axis: f(x, a), [x], axis=axis)
                    record.add(
                        "softmax",
                        lambda x, a=axis: torch.softmax(x / 0.7, a),
                        [x],
                        axis=axis,
                        temperature=0.7,
                    )
                    if x.size:
                        for keep in (False, True):
                            record.add(
                                "logsumexp",
                                lambda x, a=axis, k=keep: torch.logsumexp(x, a, keepdim=k),
                                [x],
                                axis=axis,
                                keepdims=keep,
                            )
        x = np.array([[0.0, -np.inf, 2.0], [1e4, 1e4, -1e4]], dtype)
        record.add("softmax", lambda x: torch.softmax(x, -1), [x])
    record.write()
