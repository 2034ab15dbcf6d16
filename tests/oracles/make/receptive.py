"""写出 `tests/oracles/receptive_torchvision.json`：实测的感受野，哪些像素的梯度不为零。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/receptive.py [网络…]

感受野只看怎样连、步长、补零，与权重的值、通道数无关。所以量之前把网络改成好量的样子：权重全取正数
（float64，不会相消，也不会下溢），通道数除以 8（ShuffleNet 1× 除以 2），归一化、激活、SE 换成恒等，最大池化
换成同样窗口的平均池化（最大池化的梯度只流向一个像素）。输入是一条长条，比感受野大；取中间相邻的三个单元，各求
一次梯度，三个起点之差就是步长。先竖着量高，再横着量宽。
"""

import json
import sys
from math import gcd
from pathlib import Path
from typing import Any

import torch
from _models import MODELS, SOURCE
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.convnext import CNBlock
from torchvision.models.densenet import _DenseLayer
from torchvision.models.googlenet import BasicConv2d as GoogLeNetConv
from torchvision.models.inception import BasicConv2d as InceptionConv
from torchvision.ops import Permute, SqueezeExcitation, StochasticDepth

TARGET = Path(__file__).parents[1] / "receptive_torchvision.json"
SHRINK = 8
SHRINKS = {"shufflenet_v2_x1_0": 2}  # 对半分出的 58 个通道除不尽 8
LENGTHS = (640, 1152, 2304, 4608, 9216)
# 长条的宽：没有补零的网络要宽一些，才走得到底
WIDTH = {"alexnet": 96, "squeezenet1_0": 96, "squeezenet1_1": 96, "inception_v3": 128}
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU, nn.Dropout, StochasticDepth)
# 线性层只在分类器里，到不了；ConvNeXt 块里的相当于 1×1 卷积
NEUTRAL = (*ACTIVATIONS, nn.BatchNorm2d, nn.LayerNorm, nn.Linear, SqueezeExcitation)
# 只包着一个卷积，或与最后一个卷积相同，不另记
PLAIN = (*NEUTRAL, nn.Sequential, nn.AdaptiveAvgPool2d, GoogLeNetConv, InceptionConv, _DenseLayer, Permute)
# ViT 与 Swin 的注意力看到整个输入或窗口
SKIPPED = ("vit_b_16", "swin_t")
NETWORKS = [name for name in MODELS if not name.endswith(("_bn", "_aux")) and name not in SKIPPED]


class TooShortError(Exception):
    """长条的两头碰到了感受野。"""


def small(channels: int, shrink: int) -> int:
    return channels // shrink if channels % shrink == 0 else channels


def neutral(module: nn.Module, shrink: int) -> nn.Module:
    """换成好量的样子；不必换的原样返回。"""
    if isinstance(module, nn.Conv2d):
        inside, outside = small(module.in_channels, shrink), small(module.out_channels, shrink)
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
    """改好的网络；要量的模块和它们原来的种类：卷积、池化，以及各种块（几条路在块的末尾汇合）。"""
    model = MODELS[name]().eval()
    model = model.backbone if name == "fcn_resnet50" else model
    wanted = {}
    for path, module in list(model.named_modules()):
        if path and not isinstance(module, PLAIN) and type(module).__name__ != "IntermediateLayerGetter":
            wanted[path] = type(module).__name__
        if isinstance(module, CNBlock):
            module.layer_scale = nn.Parameter(torch.ones(1))
        new = neutral(module, SHRINKS.get(name, SHRINK))
        if path and new is not module:
            model.set_submodule(path, new)
    return model.double(), wanted


def maps(
    model: nn.Module, wanted: dict[str, str], height: int, width: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """输入，和各个模块的输出。"""
    found: dict[str, Tensor] = {}

    def record(path: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            found[path] = output

    hooks = [
        module.register_forward_hook(lambda module, inputs, output, path=path: record(path, output))
        for path, module in model.named_modules()
        if path in wanted
    ]
    image = torch.ones(1, 3, height, width, dtype=torch.float64, requires_grad=True)
    model(image)
    for hook in hooks:
        hook.remove()
    return image, found


def extent(image: Tensor, output: Tensor, axis: int, index: int) -> tuple[int, int]:
    """第 index 个单元看到的首尾两个像素。"""
    unit = output.select(axis, index)
    gradient = torch.autograd.grad(unit[..., unit.shape[-1] // 2].sum(), image, retain_graph=True)[0]
    seen = gradient.abs().sum(dim=tuple(a for a in range(4) if a != axis)).nonzero().flatten()
    first, last = int(seen[0]), int(seen[-1])
    assert len(seen) == last - first + 1, "中间有看不到的像素"
    if first == 0 or last == image.shape[axis] - 1:
        raise TooShortError
    return first, last


def field(image: Tensor, output: Tensor, axis: int) -> list[int]:
    """感受野、有效步长、有效补零。"""
    middle = output.shape[axis] // 2
    if output.shape[axis] < 4:
        raise TooShortError
    (first, last), *others = (extent(image, output, axis, middle + offset) for offset in (-1, 0, 1))
    stride = others[0][0] - first
    assert others == [(first + n * stride, last + n * stride) for n in (1, 2)], "三个单元看到的大小或步距不一"
    return [last - first + 1, stride, (middle - 1) * stride - first]


def along(model: nn.Module, wanted: dict[str, str], axis: int, width: int) -> dict[str, list[int]]:
    """沿一个轴量；先量最后一层，长条不够就换一条长的。"""
    for length in LENGTHS:
        image, found = maps(model, wanted, *((length, width) if axis == 2 else (width, length)))
        try:
            return {path: field(image, output, axis) for path, output in reversed(found.items())}
        except TooShortError:
            continue
    raise TooShortError


def measure(name: str) -> list[list[Any]]:
    model, wanted = prepare(name)
    functional.max_pool2d, kept = average, functional.max_pool2d
    high, wide = (along(model, wanted, axis, WIDTH.get(name, 64)) for axis in (2, 3))
    functional.max_pool2d = kept
    rows = []
    for path in reversed(high):
        pair = zip(high[path], wide[path], strict=True)
        rows.append([path, wanted[path], *(a if high[path] == wide[path] else [a, b] for a, b in pair)])
    return rows


def text(records: dict[str, list[list[Any]]]) -> str:
    """一层占一行。"""
    head = {
        "source": f"{SOURCE}：权重全取正数，一个单元的梯度在哪些像素上不为零；输入大于感受野",
        "columns": ["模块名", "种类", "感受野", "有效步长", "有效补零"],
        "note": "高、宽两个方向量得的不同，才记成两个数；第 i 个单元看到 -补零 + i*步长 "
        "到 -补零 + i*步长 + 感受野 - 1；"
        "SE 换成了恒等（有它就看到整个输入）；fcn_resnet50 只量骨干",
    }
    parts = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    for name, rows in records.items():
        body = ",\n".join(f"      {json.dumps(row)}" for row in rows)
        parts.append(f'  "{name}": {{\n    "layers": [\n{body}\n    ]\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    old = json.loads(TARGET.read_text(encoding="utf-8"))
    records = {name: old[name]["layers"] for name in NETWORKS if name in old}
    for network in sys.argv[1:] or NETWORKS:
        records[network] = measure(network)
        print(network, records[network][-1], flush=True)
        TARGET.write_text(text(records), encoding="utf-8")
