"""写出 `tests/oracles/nn/conv.npz`：torch 的卷积、转置卷积、展开与折叠，前向与自动求导的梯度。

手工运行，项目自己不用它；要一个装有 torch 的环境：

    python tests/oracles/make/nn_conv.py
"""

from typing import Any

from _record import DTYPES
from _torch import torch_record
from torch.nn import functional

# 函数、x 的形状、weight 的形状、有没有偏置、选项
CASES: list[tuple[str, tuple[int, ...], tuple[int, ...] | None, bool, dict[str, Any]]] = [
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 3), True, {}),
    ("conv2d", (2, 3, 7, 6), (4, 3, 3, 2), False, {"stride": 2, "padding": 1}),
    ("conv2d", (1, 4, 9, 8), (6, 2, 3, 3), True, {"stride": (2, 1), "padding": (2, 0), "groups": 2}),
    ("conv2d", (2, 2, 9, 11), (3, 2, 2, 3), True, {"dilation": (3, 2), "padding": (1, 3)}),
    ("conv2d", (2, 3, 6, 7), (3, 3, 4, 3), True, {"padding": "same"}),
    ("conv2d", (2, 3, 6, 7), (3, 3, 2, 4), True, {"padding": "same", "dilation": (2, 1)}),
    ("conv2d", (2, 3, 6, 7), (3, 3, 2, 3), False, {"padding": "valid", "stride": 2}),
    ("conv2d", (2, 3, 6, 5), (6, 1, 3, 3), True, {"groups": 3, "padding": 1}),
    ("conv2d", (3, 5, 4, 4), (2, 5, 1, 1), True, {}),
    ("conv2d", (2, 2, 5, 5), (2, 2, 1, 1), True, {"stride": 3, "padding": 1}),
    ("conv2d", (1, 2, 4, 5), (3, 2, 4, 5), True, {}),
    ("conv2d", (0, 2, 4, 5), (3, 2, 2, 2), True, {}),
    ("conv1d", (2, 3, 10), (4, 3, 3), True, {"stride": 2, "padding": 1}),
    ("conv1d", (2, 4, 11), (6, 2, 2), True, {"dilation": 3, "groups": 2}),
    ("conv1d", (2, 3, 8), (2, 3, 4), False, {"padding": "same", "dilation": 2}),
    ("conv_transpose2d", (2, 3, 4, 5), (3, 4, 3, 3), True, {}),
    (
        "conv_transpose2d",
        (2, 3, 4, 5),
        (3, 2, 3, 3),
        True,
        {"stride": 2, "padding": 1, "output_padding": 1},
    ),
    (
        "conv_transpose2d",
        (1, 4, 3, 4),
        (4, 3, 2, 3),
        True,
        {"stride": (3, 2), "padding": (0, 2), "output_padding": (2, 0), "groups": 2},
    ),
    ("conv_transpose2d", (2, 2, 4, 3), (2, 3, 3, 2), False, {"dilation": (2, 3), "padding": 1}),
    (
        "conv_transpose2d",
        (2, 2, 4, 3),
        (2, 3, 2, 2),
        False,
        {"dilation": 3, "stride": 2, "output_padding": (2, 1)},
    ),
    ("conv_transpose2d", (2, 4, 3, 3), (4, 1, 2, 2), True, {"groups": 4, "stride": 2}),
    ("conv_transpose1d", (2, 3, 6), (3, 2, 3), True, {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose1d", (2, 4, 5), (4, 2, 2), True, {"dilation": 3, "groups": 2}),
    ("unfold", (2, 3, 6, 7), None, False, {"kernel_size": (2, 3)}),
    ("unfold", (2, 2, 7, 8), None, False, {"kernel_size": 3, "stride": (2, 3), "padding": (1, 2)}),
    ("unfold", (1, 2, 8, 7), None, False, {"kernel_size": (2, 3), "dilation": (3, 2), "padding": 1}),
    ("fold", (2, 12, 20), None, False, {"output_size": (5, 6), "kernel_size": 2}),
    (
        "fold",
        (1, 18, 16),
        None,
        False,
        {"output_size": (7, 8), "kernel_size": 3, "stride": 2, "padding": (1, 1)},
    ),
    (
        "fold",
        (2, 6, 18),
        None,
        False,
        {"output_size": (8, 7), "kernel_size": (2, 3), "dilation": (2, 2), "stride": (1, 1)},
    ),
]


if __name__ == "__main__":
    r = torch_record("conv")
    for number, (call, shape, kernel, biased, options) in enumerate(CASES):
        for offset, dtype in enumerate(DTYPES[: 1 if number % 3 else 2]):  # float32 每三例取一例，文件才小
            index = 2 * number + offset
            r.seed(index)
            arrays = {"x": r.normal(*shape).astype(dtype)}
            if kernel is not None:
                arrays["weight"] = r.normal(*kernel).astype(dtype)
                filters = kernel[1] * options.get("groups", 1) if "transpose" in call else kernel[0]
                arrays["bias"] = r.normal(filters).astype(dtype) if biased else None
            r.seed(1000 + index)
            r.add(call, getattr(functional, call), arrays, options)
    r.write()
