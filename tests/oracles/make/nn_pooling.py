"""写出 `tests/oracles/nn/pooling.npz`：torch 的最大、平均、幂、自适应池化，前向与自动求导的梯度。

手工运行，项目自己不用它；要一个装有 torch 的环境：

    python tests/oracles/make/nn_pooling.py

`ties` 的例子取整数，窗口里多有并列的最大值。
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from _record import DTYPES
from _torch import torch_record
from torch.nn import functional

# 函数、x 的形状、怎样取值（normal、ties、positive、zeros）、选项
CASES: list[tuple[str, tuple[int, ...], str, dict[str, Any]]] = [
    ("max_pool2d", (2, 3, 6, 8), "normal", {"kernel_size": 2}),
    ("max_pool2d", (2, 3, 7, 8), "ties", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", (2, 3, 7, 8), "ties", {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)}),
    ("max_pool2d", (2, 3, 8, 7), "ties", {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ("max_pool2d", (2, 2, 9, 10), "ties", {"kernel_size": (2, 3), "dilation": (3, 2), "stride": 2}),
    (
        "max_pool2d",
        (1, 2, 9, 10),
        "ties",
        {"kernel_size": 3, "dilation": 2, "padding": 1, "stride": 3, "ceil_mode": True},
    ),
    ("max_pool2d", (1, 2, 5, 4), "-inf", {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("max_pool2d", (1, 1, 5, 5), "zeros", {"kernel_size": 3, "stride": 1, "padding": 1}),
    ("max_pool2d", (1, 2, 5, 3), "normal", {"kernel_size": 1, "stride": 3, "ceil_mode": True}),
    ("max_pool1d", (2, 3, 9), "ties", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool1d", (2, 3, 10), "ties", {"kernel_size": 2, "dilation": 3, "ceil_mode": True, "stride": 4}),
    ("avg_pool2d", (2, 3, 6, 8), "normal", {"kernel_size": 2}),
    ("avg_pool2d", (2, 3, 7, 8), "normal", {"kernel_size": 3, "stride": 2, "padding": 1}),
    (
        "avg_pool2d",
        (2, 3, 7, 8),
        "normal",
        {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 1), "count_include_pad": False},
    ),
    (
        "avg_pool2d",
        (2, 2, 8, 7),
        "normal",
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    ),
    (
        "avg_pool2d",
        (2, 2, 8, 10),
        "normal",
        {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True, "count_include_pad": False},
    ),
    ("avg_pool2d", (2, 2, 8, 10), "normal", {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True}),
    ("avg_pool2d", (2, 2, 8, 7), "normal", {"kernel_size": 3, "ceil_mode": True, "divisor_override": 5}),
    ("avg_pool1d", (2, 3, 9), "normal", {"kernel_size": 4, "stride": 2, "padding": 2}),
    (
        "avg_pool1d",
        (2, 3, 10),
        "normal",
        {"kernel_size": 3, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    ),
    ("avg_pool1d", (2, 3, 10), "normal", {"kernel_size": 4, "stride": 3, "padding": 1, "ceil_mode": True}),
    ("lp_pool2d", (2, 3, 6, 8), "normal", {"norm_type": 2, "kernel_size": 2}),
    ("lp_pool2d", (2, 3, 7, 8), "normal", {"norm_type": 4, "kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ("lp_pool2d", (2, 3, 7, 8), "positive", {"norm_type": 3, "kernel_size": (3, 2), "stride": (1, 2)}),
    ("lp_pool2d", (2, 3, 7, 8), "positive", {"norm_type": 1.5, "kernel_size": 2, "ceil_mode": True}),
    ("lp_pool2d", (2, 3, 7, 8), "normal", {"norm_type": 1, "kernel_size": 3, "stride": 2}),
    ("lp_pool2d", (1, 1, 4, 4), "zeros", {"norm_type": 2, "kernel_size": 2}),
    ("lp_pool2d", (1, 1, 4, 4), "negative", {"norm_type": 3, "kernel_size": 2}),
    ("adaptive_avg_pool2d", (2, 3, 7, 9), "normal", {"output_size": (3, 4)}),
    ("adaptive_avg_pool2d", (2, 3, 5, 6), "normal", {"output_size": (7, None)}),
    ("adaptive_avg_pool2d", (2, 3, 5, 6), "normal", {"output_size": 1}),
    ("adaptive_max_pool2d", (2, 3, 7, 9), "ties", {"output_size": (3, 4)}),
    ("adaptive_max_pool2d", (2, 3, 5, 6), "ties", {"output_size": (None, 8)}),
]


def values(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """按名字取值。"""
    x = rng.standard_normal(shape)
    return {
        "normal": x,
        "ties": np.round(x),
        "positive": np.abs(x) + 0.1,
        "negative": -np.abs(x) - 0.1,
        "zeros": np.zeros(shape),
        "-inf": np.full(shape, -np.inf),
    }[kind]


def run(call: str) -> Callable[..., Any]:
    """最大池化连下标一起记。"""
    f = getattr(functional, call)
    if "max" not in call:
        return f
    return lambda x, **options: dict(zip(("y", "indices"), f(x, return_indices=True, **options), strict=True))


if __name__ == "__main__":
    r = torch_record("pooling")
    for number, (call, shape, kind, options) in enumerate(CASES):
        for offset, dtype in enumerate(DTYPES):
            r.seed(2 * number + offset)
            r.add(call, run(call), {"x": values(kind, shape, r.rng).astype(dtype)}, options)
    r.write()
