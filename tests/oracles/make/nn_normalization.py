"""写出 `tests/oracles/nn/normalization.npz`：PyTorch 的各种归一化，前向与 autograd 的梯度。

手工运行，项目自己不用它；要一个装有 torch 的环境：

    python tests/oracles/make/nn_normalization.py

随机数的种子是例子的序号。
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _torch import torch_record
from torch import Tensor, nn
from torch.nn import functional

R = torch_record("normalization")


def record(
    op: str,
    torch_op: Callable[..., Any],
    shapes: dict[str, tuple[int, ...] | None],
    options: dict[str, Any],
    *,
    fixed: tuple[str, ...] = (),
    dtype: str = "float64",
    prepare: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """抽各个数组，记一例；`fixed` 的不求梯度，排在 `torch_op` 的最后。"""
    R.seed(len(R.cases))
    arrays = {
        name: None if shape is None else (R.normal(*shape) * 1.5 + 0.3).astype(dtype)
        for name, shape in shapes.items()
    }
    if prepare:
        prepare(arrays)
    R.add(op, torch_op, arrays, options, fixed={name: arrays.pop(name) for name in fixed})


def positive_variance(arrays: dict[str, Any]) -> None:
    if arrays["running_var"] is not None:
        arrays["running_var"] = np.abs(arrays["running_var"]) + np.float32(0.1)


def batch(shape: tuple[int, ...], *, affine: bool, running: bool, dtype: str, **options: Any) -> None:
    c = (shape[1],)

    def op(x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, **options: Any) -> dict[str, Any]:
        mean, var = (None if a is None else a.clone() for a in (mean, var))  # 它就地更新
        y = functional.batch_norm(x, mean, var, weight, bias, **options)
        return {"y": y, "running_mean": mean, "running_var": var}

    shapes = {
        "x": shape,
        "running_mean": c if running else None,
        "running_var": c if running else None,
        "weight": c if affine else None,
        "bias": c if affine else None,
    }
    fixed = ("running_mean", "running_var")
    record("batch_norm", op, shapes, options, fixed=fixed, dtype=dtype, prepare=positive_variance)


def spectral(shape: tuple[int, ...], dim: int, iterations: int, training: bool, dtype: str) -> None:
    """旧的 `torch.nn.utils.spectral_norm`：次序与论文相同；`eval` 时不更新。"""
    rows = shape[dim]
    columns = int(np.prod(shape)) // rows

    def unit(arrays: dict[str, Any]) -> None:
        for name in "uv":
            arrays[name] /= np.linalg.norm(arrays[name])

    def op(weight: Tensor, u: Tensor, v: Tensor, **_: Any) -> dict[str, Tensor]:
        module = nn.Module()
        module.register_parameter("weight", nn.Parameter(weight.detach().clone()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 已不推荐使用
            nn.utils.spectral_norm(module, n_power_iterations=iterations, dim=dim)
        del module._parameters["weight_orig"]
        module.weight_orig = weight  # 梯度流到这里
        module.weight_u.copy_(u)
        module.weight_v.copy_(v)
        module.train(training)
        hook = next(iter(module._forward_pre_hooks.values()))
        hook(module, None)
        return {"y": module.weight, "u": module.weight_u.clone(), "v": module.weight_v.clone()}

    options = {"n_power_iterations": iterations if training else 0, "axis": dim}
    shapes: dict[str, tuple[int, ...] | None] = {"weight": shape, "u": (rows,), "v": (columns,)}
    record("spectral_norm", op, shapes, options, fixed=("u", "v"), dtype=dtype, prepare=unit)


def parametrized(shape: tuple[int, ...], dtype: str) -> None:
    """新的 parametrizations：先更新 u，再更新 v；二维时等于把权重转置、u 与 v 对调。"""

    def unit(arrays: dict[str, Any]) -> None:
        for name in "uv":
            arrays[name] /= np.linalg.norm(arrays[name])

    def op(weight: Tensor, u: Tensor, v: Tensor) -> dict[str, Tensor]:
        module = nn.utils.parametrizations._SpectralNorm(weight.detach(), n_power_iterations=1)
        module._u, module._v = u.detach().clone(), v.detach().clone()
        module.train()
        y = module(weight)
        return {"y": y, "u": module._u.clone(), "v": module._v.clone()}

    shapes: dict[str, tuple[int, ...] | None] = {"weight": shape, "u": (shape[0],), "v": (shape[1],)}
    record("parametrized_spectral_norm", op, shapes, {}, fixed=("u", "v"), dtype=dtype, prepare=unit)


def main() -> None:
    for dtype in ("float64", "float32"):
        for shape in ((5, 3), (2, 3, 4), (2, 3, 2, 3), (2, 2, 2, 1, 3)):
            for affine in (False, True):
                batch(shape, affine=affine, running=True, dtype=dtype, training=True, momentum=0.3)
                batch(shape, affine=affine, running=True, dtype=dtype, training=False, eps=1e-3)
        batch((4, 2), affine=True, running=False, dtype=dtype, training=True, eps=0.1)
        for shape, size in (((2, 3, 4), (4,)), ((2, 3, 4), (3, 4)), ((5,), (5,)), ((2, 3, 1), (1,))):
            for affine in (False, True):
                w = size if affine else None
                record(
                    "layer_norm",
                    lambda x, a, b, normalized_shape: functional.layer_norm(x, normalized_shape, a, b),
                    {"x": shape, "weight": w, "bias": w},
                    {"normalized_shape": size},
                    dtype=dtype,
                )
                for eps in (None, 1e-2):
                    record(
                        "rms_norm",
                        lambda x, a, normalized_shape, eps: functional.rms_norm(x, normalized_shape, a, eps),
                        {"x": shape, "weight": w},
                        {"normalized_shape": size, "eps": eps},
                        dtype=dtype,
                    )
        for shape, groups in (((2, 4, 3), 2), ((2, 6, 2, 2), 3), ((3, 4), 1), ((2, 3, 2, 2), 3)):
            for affine in (False, True):
                w = (shape[1],) if affine else None
                record(
                    "group_norm",
                    lambda x, a, b, num_groups, eps: functional.group_norm(x, num_groups, a, b, eps),
                    {"x": shape, "weight": w, "bias": w},
                    {"num_groups": groups, "eps": 1e-4},
                    dtype=dtype,
                )
        for shape in ((2, 3, 4), (2, 3, 2, 2), (1, 2, 2, 2, 2)):
            for affine in (False, True):
                w = (shape[1],) if affine else None
                record(
                    "instance_norm",
                    lambda x, a, b: functional.instance_norm(x, None, None, a, b),
                    {"x": shape, "weight": w, "bias": w},
                    {},
                    dtype=dtype,
                )
        for shape, size in (
            ((2, 5, 3), 3),
            ((2, 5, 2, 2), 2),
            ((1, 4, 2), 4),
            ((2, 3, 2), 7),
            ((1, 2, 3), 1),
        ):
            for options in ({}, {"alpha": 0.7, "beta": 1.3, "k": 2.0}):
                record(
                    "local_response_norm",
                    functional.local_response_norm,
                    {"x": shape},
                    {"size": size, **options},
                    dtype=dtype,
                )
        for shape, dim in (((4, 3), 0), ((4, 3), 1), ((2, 3, 2, 2), 0), ((2, 3, 2, 2), 2), ((5,), 0)):
            g = tuple(n if place == dim else 1 for place, n in enumerate(shape))
            record(
                "weight_norm",
                lambda v, g, axis: torch._weight_norm(v, g, axis),
                {"v": shape, "g": g},
                {"axis": dim},
                dtype=dtype,
            )
        for shape, dim, iterations, training in (
            ((4, 3), 0, 1, True), ((4, 3), 1, 2, True), ((3, 2, 2, 2), 0, 1, True), ((3, 2, 2), 1, 3, True),
            ((4, 3), 0, 1, False), ((2, 3, 2), 2, 1, False),
        ):  # fmt: skip
            spectral(shape, dim, iterations, training, dtype)
        parametrized((4, 3), dtype)
        for shape in ((4, 3), (2, 2, 3), (3,)):
            record(
                "cosine_linear",
                lambda x, w: functional.linear(
                    functional.normalize(x, dim=-1), functional.normalize(w, dim=-1)
                ),
                {"x": shape, "weight": (2, 3)},
                {},
                dtype=dtype,
            )
    R.write()


main()
