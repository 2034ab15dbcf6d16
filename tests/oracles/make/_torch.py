"""用 torch 算前向与自动微分，供各个 `nn_*.py` 记下。"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _record import Arrays, Record


def torch_record(name: str, **options: Any) -> Record:
    """来源是 torch 的记录。"""
    torch.set_num_threads(1)
    return Record(name, f"torch {torch.__version__.split('+')[0]}", differentiate, **options)


def differentiate(
    run: Callable[..., Any], arrays: Arrays, fixed: Arrays, draw: Callable[..., Any]
) -> tuple[Arrays, Arrays, Arrays]:
    """见 `Record`；不可求导的输出（下标、`detach` 的）没有梯度。"""
    given = {name: None if a is None else torch.tensor(a) for name, a in (arrays | fixed).items()}
    leaves = {}
    for name in arrays:
        if given[name] is not None and given[name].is_floating_point():
            leaves[name] = given[name].requires_grad_()
    found = run(*given.values())
    outputs = found if isinstance(found, dict) else {"y": found}
    smooth = {name: y for name, y in outputs.items() if y is not None and y.requires_grad}
    upstream = {name: draw(tuple(y.shape), str(y.dtype)[6:]) for name, y in smooth.items()}
    gradients = dict.fromkeys(arrays if smooth else ())
    if smooth:
        dys = [torch.tensor(dy) for dy in upstream.values()]
        found = torch.autograd.grad([*smooth.values()], [*leaves.values()], dys)
        gradients |= {name: array(gradient) for name, gradient in zip(leaves, found, strict=True)}
    return {name: array(y) for name, y in outputs.items()}, upstream, gradients


def array(tensor: torch.Tensor | None) -> np.ndarray | None:
    return None if tensor is None else tensor.detach().numpy()
