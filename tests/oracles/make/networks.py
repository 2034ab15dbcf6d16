"""写出 `tests/oracles/torchvision/<网络>.json`：torchvision 的网络逐层的形状、参数量和乘加数。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/networks.py [网络…]

在 meta 设备上走一遍，只算形状，不算数。乘加数有两份，互不共用代码，必须相等：叶子模块上的钩子按形状算的，
torch 自己的 `FlopCounterMode`（分派到的算子，FLOPs 除以 2；注意力用 math 实现，不走融合的快路）。
"""

import json
import sys
from datetime import date
from math import ceil, prod
from pathlib import Path
from typing import Any

import torch
from _models import ATTENTION, MODELS, SOURCE, default_input, leaves, size
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import StochasticDepth

TARGET = Path(__file__).parents[1] / "torchvision"
NOT_SQUARE = (3, 256, 320)
BATCH = 2  # 训练时 Inception 的旁支里有 1×1 的批归一化，批量为 1 会报错
# 不改变形状、没有参数的层，不记
SKIPPED = (
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.GELU,
    nn.Sigmoid,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Dropout,
    nn.Identity,
    StochasticDepth,
)


def windows_of(module: Any, height: int, width: int) -> int:
    """Swin 把图补到窗口的整数倍，再分窗。"""
    return ceil(height / module.window_size[0]) * ceil(width / module.window_size[1])


def macs_of(module: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> int:
    """一个样本的乘加数，由形状算；偏置、归一化、激活、池化不计。"""
    if isinstance(module, nn.Conv2d):
        return output[0].numel() * module.in_channels // module.groups * prod(module.kernel_size)
    if isinstance(module, nn.Linear):
        return output[0].numel() * module.in_features
    if isinstance(module, nn.MultiheadAttention):
        _, length, width = inputs[0].shape
        return attention_macs(length, width)
    if isinstance(module, ATTENTION):
        _, height, width, channels = inputs[0].shape
        return windows_of(module, height, width) * attention_macs(prod(module.window_size), channels)
    return 0


def attention_macs(length: int, width: int) -> int:
    """Q、K、V、输出四个投影，再加 QKᵀ 与 AV。"""
    return 4 * length * width**2 + 2 * length**2 * width


def walk(name: str, input_shape: tuple[int, int, int]) -> dict[str, Any]:
    """按运行的次序记下每个叶子模块；旁支只在训练时运行，所以 `_aux` 用训练模式。"""
    model = (
        MODELS[name]().to("meta").train(name.endswith("_aux"))
    )  # RegNet 建网时要算数，不能一开始就在 meta 上
    image = torch.empty(BATCH, *input_shape, device="meta")
    layers: list[list[Any]] = []
    maps: list[list[int]] = []
    elements = 0
    seen: set[int] = set()

    def record(path: str, module: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        nonlocal elements
        output = output[0] if isinstance(output, tuple) else output
        elements += output[0].numel()
        if not isinstance(module, SKIPPED):
            assert id(module) not in seen, f"{path} 运行了两次"
            seen.add(id(module))
            macs = macs_of(module, inputs, output)
            layers.append(
                [path, type(module).__name__, list(output.shape[1:]), size(module.parameters()), macs]
            )

    def remember(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        map_like = isinstance(output, torch.Tensor) and output.dim() == 4
        if map_like and not isinstance(module, nn.AdaptiveAvgPool2d):
            maps.append(list(output.shape[1:]))

    for path, module in leaves(model):
        module.register_forward_hook(lambda *args, path=path: record(path, *args))
    for module in model.modules():  # 连同容器：Inception 的输出是几条支路拼成的，没有叶子模块输出它
        module.register_forward_hook(remember)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(image)

    macs = sum(layer[-1] for layer in layers)
    counted = counter.get_total_flops()
    assert counted == 2 * BATCH * macs, f"{name}：FlopCounterMode 数得 {counted}，钩子数得 {macs}"
    # 直接挂在容器上的参数：类别词元、位置编码、ConvNeXt 的 layer_scale
    inside = {id(p) for _, module in leaves(model) for p in module.parameters()}
    loose = {path: p.numel() for path, p in model.named_parameters() if id(p) not in inside}
    params = size(model.parameters())
    assert params == sum(layer[3] for layer in layers) + sum(loose.values()), name
    buffers = [b for path, b in model.named_buffers() if not path.endswith("num_batches_tracked")]
    floating = [b for b in buffers if b.is_floating_point()]
    return {
        "params": params,
        "buffers": size(floating),
        "integer_buffers": size(buffers) - size(floating),
        "macs": macs,
        "leaf_output_elements": elements,
        # 最后一张特征图：不止一个位置，也不是自适应池化的输出
        "features": [shape for shape in maps if prod(shape[1:]) > 1][-1],
        "loose_params": loose,
        "layers": layers,
    }


def oracle(name: str) -> dict[str, Any]:
    input_shape = default_input(name)
    book = walk(name, input_shape)
    layers, loose = book.pop("layers"), book.pop("loose_params")
    mode = "train" if name.endswith("_aux") else "eval"
    result = {
        "source": f"{SOURCE}；meta 设备，{mode} 模式；叶子模块上的钩子，总数等于 FlopCounterMode 的一半",
        "date": date.today().isoformat(),
        "input": list(input_shape),
        **book,
    }
    # ViT 的位置编码定死了输入的大小；Inception v3 的旁支有 5×5 的核，256 高的图到那里只剩 4
    if name not in ("vit_b_16", "inception_v3_aux"):
        other = walk(name, NOT_SQUARE)
        result["not_square"] = {
            "input": list(NOT_SQUARE),
            "macs": other["macs"],
            "leaf_output_elements": other["leaf_output_elements"],
            "features": other["features"],
        }
    return result | {
        "loose_params": loose,
        "columns": ["模块名", "种类", "输出形状（不含批量）", "参数量", "乘加数（偏置、激活不计）"],
        "layers": layers,
    }


def text(record: dict[str, Any]) -> str:
    """一层占一行，改动看得清。"""
    record = dict(record)
    layers = record.pop("layers")
    head = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in record.items()]
    body = ",\n".join(f"    {json.dumps(layer, ensure_ascii=False)}" for layer in layers)
    return "\n".join(["{", *head, '  "layers": [', body, "  ]", "}", ""])


if __name__ == "__main__":
    torch.backends.mha.set_fastpath_enabled(False)
    TARGET.mkdir(exist_ok=True)
    for network in sys.argv[1:] or MODELS:
        (TARGET / f"{network}.json").write_text(text(oracle(network)), encoding="utf-8")
        print(network)
