"""写出 `tests/oracles/nn/activations.npz`。

手工运行，要 torch：`python tests/oracles/make/nn_activations.py`。
"""

import numpy as np
from _torch import torch_record
from torch.nn import functional as F  # noqa: N812

KINKS = [-1e4, -30.0, -6.0, -3.0, -1.0, -0.0, 0.0, 1.0, 3.0, 6.0, 20.0, 30.0, 1e4]
OPTIONS = {
    "sigmoid": [{}],
    "tanh": [{}],
    "softsign": [{}],
    "hardsigmoid": [{}],
    "hardtanh": [{}, {"min_val": -0.5, "max_val": 2.0}],
    "relu": [{}],
    "relu6": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.3}],
    "elu": [{}, {"alpha": 0.7}],
    "selu": [{}],
    "celu": [{}, {"alpha": 0.7}],
    "softplus": [{}, {"beta": 2.0, "threshold": 3.0}],
    "gelu": [{}, {"approximate": "tanh"}],
    "silu": [{}],
    "mish": [{}],
    "hardswish": [{}],
}

if __name__ == "__main__":
    record = torch_record("activations", seed=1)
    for dtype in ("float64", "float32"):
        for name, choices in OPTIONS.items():
            for options in choices:
                for x in (
                    np.array(KINKS),
                    record.rng.normal(0, 3, (2, 3, 4)),
                    np.array(-0.5),
                    np.empty((0, 2)),
                ):
                    record.add(name, getattr(F, name), {"x": x.astype(dtype)}, options)
        for shape, channels in (((4, 3, 2, 2), 3), ((4, 3), 1), ((5,), 1), ((2, 3, 4), 3)):
            x, w = record.rng.normal(0, 2, shape), record.rng.normal(0, 1, channels)
            record.add("prelu", F.prelu, {"x": x.astype(dtype), "weight": w.astype(dtype)})
    record.write()
