"""写出 `tests/oracles/receptive_torchvision.json`：实测的感受野，哪些像素的梯度不为零。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/receptive.py [网络…]

感受野只看怎样连、步长、补零，与权重的值、通道数无关。所以量之前把网络改成好量的样子：权重全取正数
（float64，不会相消，也不会下溢），通道数除以 8，归一化、激活、SE 换成恒等，最大池化换成同样窗口的平均池化（最大池化
的梯度只流向一个像素）。输入是一条长条，比感受野大；取中间相邻的三个单元，各求一次梯度，三个起点之差就是步长。
先竖着量高，再横着量宽。
"""

import sys
from math import gcd
from pathlib import Path
from typing import Any

import torch
from _models import MODELS
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.convnext import CNBlock
from torchvision.ops import SqueezeExcitation, StochasticDepth

TARGET = Path(__file__).parents[1] / "receptive_torchvision.json"
SHRINK = 8
# 长条的宽：没有补零的网络要宽一些，才走得到底
WIDTH = {"alexnet": 96, "squeezenet1_0": 96, "squeezenet1_1": 96, "inception_v3": 128}
NEUTRAL = (nn.BatchNorm2d, nn.LayerNorm, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.Dropout)
NEUTRAL += (nn.Linear, SqueezeExcitation, StochasticDepth)  # 线性层只在最后，到不了；ConvNeXt 的等于 1×1 卷积


def small(channels: int) -> int:
    return channels // SHRINK if channels % SHRINK == 0 else channels


def neutral(module: nn.Module) -> nn.Module:
    """换成好量的样子；不必换的原样返回。"""
    if isinstance(module, nn.Conv2d):
        inside, outside = small(module.in_channels), small(module.out_channels)
        groups = gcd(module.groups, gcd(inside, outside)) if module.groups > 1 else 1
        arguments = (module.kernel_size, module.stride, module.padding, module.dilation)
        conv = nn.Conv2d(inside, outside, *arguments, groups=groups, bias=False)
        nn.init.constant_(conv.weight, 1 / conv.weight[0].numel())
        return conv
    if isinstance(module, nn.MaxPool2d):
        assert module.dilation == 1
        return nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
    return nn.Identity() if isinstance(module, NEUTRAL) else module


def average(x: Tensor, kernel_size: int, stride: int | None = None, padding: int = 0, **_: Any) -> Tensor:
    """Inception v3 里最大池化写成函数，由它代替。"""
    return functional.avg_pool2d(x, kernel_size, stride, padding)


def prepare(name: str) -> tuple[nn.Module, dict[str, str]]:
    """改好的网络，和原来各模块的种类。"""
    model = MODELS[name]().eval()
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    for path, module in list(model.named_modules()):
        if isinstance(module, CNBlock):
            module.layer_scale = nn.Parameter(torch.ones(1))
        new = neutral(module)
        if new is not module:
            model.set_submodule(path, new)
    return model.double(), kinds


def wanted(path: str, kind: str) -> bool:
    """卷积、池化，以及各种块（分支在块的末尾汇合，只有块的输出看得到）。"""
    return bool(path) and kind not in (
        "Sequential", "Conv2dNormActivation", "BasicConv2d", "AdaptiveAvgPool2d", "IntermediateLayerGetter", "Permute",
        *(neutral_kind.__name__ for neutral_kind in NEUTRAL), "Identity", "FCNHead", "InceptionAux", "Sigmoid",
    )  # fmt: skip


def maps(name: str, height: int, width: int) -> tuple[Tensor, dict[str, Tensor], dict[str, str]]:
    model, kinds = prepare(name)
    found: dict[str, Tensor] = {}

    def hook(path: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            found[path] = output

    for path, module in model.named_modules():
        if wanted(path, kinds.get(path, "")):
            module.register_forward_hook(lambda module, inputs, output, path=path: hook(path, output))
    image = torch.ones(1, 3, height, width, dtype=torch.float64, requires_grad=True)
    model = model.backbone if name == "fcn_resnet50" else model
    model(image)
    return image, found, kinds


def extent(image: Tensor, output: Tensor, axis: int, index: int) -> tuple[int, int] | None:
    """第 index 个单元看到的首尾两个像素；碰到边的不算。"""
    unit = output.select(axis, index)
    gradient = torch.autograd.grad(unit[..., unit.shape[-1] // 2].sum(), image, retain_graph=True)[0]
    seen = gradient.abs().sum(dim=tuple(a for a in range(4) if a != axis)).nonzero().flatten()
    first, last = int(seen[0]), int(seen[-1])
    assert len(seen) == last - first + 1, "中间有看不到的像素"
    return None if first == 0 or last == image.shape[axis] - 1 else (first, last)


def field(image: Tensor, output: Tensor, axis: int) -> list[int]:
    """感受野、有效步长、有效补零。"""
    middle = output.shape[axis] // 2
    extents = [extent(image, output, axis, middle + offset) for offset in (-1, 0, 1)]
    assert all(extents), "输入不够大"
    (first, last), (second, _), (third, _) = extents
    assert {b - a for a, b in extents} == {last - first}, "三个单元看到的大小不一"
    assert third - second == second - first, "步长不一"
    stride = second - first
    return [last - first + 1, stride, (middle - 1) * stride - first]


def measure(name: str, length: int) -> list[list[Any]]:
    width = WIDTH.get(name, 64)
    functional.max_pool2d, kept = average, functional.max_pool2d
    rows = []
    for axis, size in ((2, (length, width)), (3, (width, length))):
        image, found, kinds = maps(name, *size)
        rows.append([[path, kinds[path], *field(image, output, axis)] for path, output in found.items()])
    functional.max_pool2d = kept
    both = []
    for high, wide in zip(*rows, strict=True):
        same = high == wide
        both.append(high if same else [*high[:2], *map(list, zip(high[2:], wide[2:], strict=True))])
    return both


LENGTH = {
    "densenet121": 4608, "densenet169": 5632, "densenet161": 5632, "densenet201": 6656,
    "resnet34": 2048, "resnet101": 2304, "resnet152": 3328, "inception_v3": 3072, "convnext_tiny": 3840,
    "googlenet": 1536, "mobilenet_v2": 1280, "mobilenet_v3_large": 1536, "mobilenet_v3_small": 1536,
    "mnasnet1_0": 2048, "efficientnet_b0": 2048, "regnet_y_400mf": 1536, "shufflenet_v2_x0_5": 1536,
}  # fmt: skip

if __name__ == "__main__":
    torch.set_num_threads(1)
    for network in sys.argv[1:]:
        print(network)
        for row in measure(network, LENGTH.get(network, 1152)):
            print("  ", row)
