"""写出 `tests/oracles/saved.json`：训练时，前向算完，autograd 为反向留下的张量占多少字节。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/saved.py [网络…]

真在 CPU 上算一遍前向（批量 2，float32，训练模式，没有损失函数），用 `saved_tensors_hooks` 截住每个留下的
张量。同一块存储只算一次；参数与缓冲区不算。小例子（单独一层）每次都重新量，还分清留下的是输入、输出，还是另外的。
"""

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _models import MODELS, SOURCE, default_input
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional
from torchvision.models.convnext import LayerNorm2d
from torchvision.models.swin_transformer import PatchMerging, ShiftedWindowAttention
from torchvision.ops import StochasticDepth

TARGET = Path(__file__).parents[1] / "saved.json"
BATCH = 2


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def kept(run: Callable[[], Any], own: list[Tensor]) -> tuple[Any, dict[int, Tensor]]:
    """算一遍；结果，和留下的张量：存储的地址到占着它的一个张量，`own` 里的不算。"""
    found: dict[int, Tensor] = {}
    skipped = {storage(tensor) for tensor in own}

    def pack(tensor: Tensor) -> Tensor:
        if storage(tensor) not in skipped:  # 攥着它，地址就不会被别的张量重用
            found[storage(tensor)] = tensor.detach()
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        return run(), found


def size(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes()


def network(name: str) -> int:
    """整个网络，连同输入的图。"""
    torch.manual_seed(0)
    model = MODELS[name]().train()
    image = torch.rand(BATCH, *default_input(name))
    _, found = kept(lambda: model(image), [*model.parameters(), *model.buffers()])
    return sum(map(size, found.values()))


class Weighted(nn.Module):
    """乘上可学习的数组，如 ConvNeXt 的 `layer_scale`；加、减、除也一样写。"""

    def __init__(self, operation: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x, self.weight)


class Indexed(nn.Module):
    """按一组定好的下标取第一个空间轴；下标是缓冲，不算。"""

    def __init__(self, *index: int) -> None:
        super().__init__()
        self.register_buffer("index", torch.tensor(index))

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(2, self.index)


class ConvolutionMap(nn.Module):
    """连接表的每个连接一个核：`((0, 1), (1, 2))` 是两张输出图各看两张输入图。"""

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        self.table = table
        self.kernels = nn.ParameterList(
            nn.Parameter(torch.ones(1, 1, kernel, kernel)) for each in table for _ in each
        )

    def forward(self, x: Tensor) -> Tensor:
        kernels = iter(self.kernels)
        outputs = []
        for sources in self.table:
            maps = [functional.conv2d(x[:, source : source + 1], next(kernels)) for source in sources]
            outputs.append(sum(maps[1:], maps[0]))
        return torch.cat(outputs, 1)


class Templates(nn.Module):
    """LeNet-5 的输出层：到各个模板的距离的平方；模板不学习。"""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.register_buffer("templates", torch.ones(count, width))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None] - self.templates).square().sum(-1)


class Constant(nn.Module):
    """与缓冲里的数组运算。"""

    def __init__(self, operation: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.register_buffer("constant", torch.full(shape, 0.5))
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x, self.constant)


class Join(nn.Module):
    """在前面接一个可学习的词元。"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)


class Attention(nn.Module):
    """与 ViT 里的调用相同。"""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


def merge(x: Tensor) -> Tensor:
    """Swin 的合并，不含其后的归一化与线性层。"""
    layer = PatchMerging(8)
    layer.norm, layer.reduction = nn.Identity(), nn.Identity()
    return layer(x)


IMAGE, TOKENS, GRID, ODD = (8, 6, 6), (5, 8), (6, 6, 8), (5, 5, 8)

LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "ReLU": (IMAGE, nn.ReLU()),
    "ReLU6": (IMAGE, nn.ReLU6()),
    "LeakyReLU": (IMAGE, nn.LeakyReLU()),
    "ELU": (IMAGE, nn.ELU()),
    "Sigmoid": (IMAGE, nn.Sigmoid()),
    "Tanh": (IMAGE, nn.Tanh()),
    "Hardsigmoid": (IMAGE, nn.Hardsigmoid()),
    "Hardswish": (IMAGE, nn.Hardswish()),
    "SiLU": (IMAGE, nn.SiLU()),
    "Mish": (IMAGE, nn.Mish()),
    "GELU": (IMAGE, nn.GELU()),
    "PReLU": (IMAGE, nn.PReLU()),
    "Identity": (IMAGE, nn.Identity()),
    "Dropout": (IMAGE, nn.Dropout()),
    "Flatten": (IMAGE, nn.Flatten()),
    "Dropout(0)": (IMAGE, nn.Dropout(0)),
    "StochasticDepth": (IMAGE, StochasticDepth(0.5, "row")),
    "StochasticDepth(0)": (IMAGE, StochasticDepth(0.0, "row")),
    "Softmax": (IMAGE, nn.Softmax(1)),
    "Conv2d": (IMAGE, nn.Conv2d(8, 4, 3)),
    "Conv2d same, even kernel": (IMAGE, nn.Conv2d(8, 4, 2, padding="same")),
    "Conv1d": ((8, 6), nn.Conv1d(8, 4, 3)),
    "one convolution per connection": (IMAGE, ConvolutionMap(((0, 1), (1, 2, 7)), 3)),
    "ConvTranspose2d": (IMAGE, nn.ConvTranspose2d(8, 4, 2, 2)),
    "Linear": ((8,), nn.Linear(8, 4)),
    "Linear on tokens": (TOKENS, nn.Linear(8, 4)),
    "squared distances to templates": ((8,), Templates(3, 8)),
    "times a parameter per channel": (IMAGE, Weighted(torch.mul, 8, 1, 1)),
    "times and plus a parameter per channel": (IMAGE, Weighted(lambda x, w: x * w + w, 8, 1, 1)),
    "BatchNorm2d": (IMAGE, nn.BatchNorm2d(8)),
    "BatchNorm1d": ((8, 6), nn.BatchNorm1d(8)),
    "LayerNorm on tokens": (TOKENS, nn.LayerNorm(8)),
    "LayerNorm on channels": (IMAGE, LayerNorm2d(8)),
    "LayerNorm over all": (IMAGE, nn.LayerNorm(IMAGE)),
    "GroupNorm": (IMAGE, nn.GroupNorm(2, 8)),
    "LocalResponseNorm(3)": (IMAGE, nn.LocalResponseNorm(3)),
    "LocalResponseNorm(4)": (IMAGE, nn.LocalResponseNorm(4)),
    "LocalResponseNorm(5)": (IMAGE, nn.LocalResponseNorm(5)),
    "MaxPool2d": (IMAGE, nn.MaxPool2d(3, 2, 1)),
    "AvgPool2d": (IMAGE, nn.AvgPool2d(2)),
    "AdaptiveAvgPool2d(2)": (IMAGE, nn.AdaptiveAvgPool2d(2)),
    "AdaptiveAvgPool2d(1)": (IMAGE, nn.AdaptiveAvgPool2d(1)),
    "AdaptiveMaxPool2d(1)": (IMAGE, nn.AdaptiveMaxPool2d(1)),
    "mean over tokens": (TOKENS, lambda x: x.mean(1)),
    "ChannelShuffle": (IMAGE, lambda x: x.view(-1, 2, 4, 6, 6).transpose(1, 2).reshape(-1, 8, 6, 6)),
    "chunk": (IMAGE, lambda x: x.chunk(2, 1)[1]),
    "ZeroPad2d": (IMAGE, nn.ZeroPad2d(1)),
    "Upsample": (IMAGE, nn.Upsample(scale_factor=2)),
    "Upsample bilinear": (IMAGE, nn.Upsample(scale_factor=2, mode="bilinear")),
    "flatten(2).transpose(1, 2)": (IMAGE, lambda x: x.flatten(2).transpose(1, 2)),
    "permute(0, 2, 3, 1)": (IMAGE, lambda x: x.permute(0, 2, 3, 1)),
    "permute(0, 3, 1, 2)": (GRID, lambda x: x.permute(0, 3, 1, 2)),
    "x[:, :, :6, :6]": (IMAGE, lambda x: x[:, :, :6, :6]),
    "x[:, 0]": (TOKENS, lambda x: x[:, 0]),
    "cat with a class token": (TOKENS, Join(8)),
    "plus a position embedding": (TOKENS, Weighted(torch.add, 1, 5, 8)),
    "x + x": (IMAGE, lambda x: x + x),
    "x * x": (IMAGE, lambda x: x * x),
    "cat([x, x])": (IMAGE, lambda x: torch.cat([x, x], 1)),
    "x * x * x * x": (IMAGE, lambda x: x * x * x * x),
    "MultiheadAttention, need_weights=False": (TOKENS, Attention(8, 2)),
    "PatchMerging": (GRID, merge),
    "PatchMerging, odd": (ODD, merge),
    "ShiftedWindowAttention": (GRID, ShiftedWindowAttention(8, [3, 3], [0, 0], 2)),
    "ShiftedWindowAttention, shifted": (GRID, ShiftedWindowAttention(8, [3, 3], [1, 1], 2)),
    "ShiftedWindowAttention, padded": (ODD, ShiftedWindowAttention(8, [3, 3], [0, 0], 2)),
    "ShiftedWindowAttention, one window": (GRID, ShiftedWindowAttention(8, [6, 6], [3, 3], 2)),
    "ShiftedWindowAttention, one head": (GRID, ShiftedWindowAttention(8, [3, 3], [0, 0], 1)),
    "Embedding": ((5,), nn.Embedding(10, 4)),
    # 计算图里的小算子
    "reshape": (IMAGE, lambda x: x.reshape(-1, 2, 4, 36)),
    "transpose(2, 3)": (IMAGE, lambda x: x.transpose(2, 3)),
    "x[:, :, 1:5:2]": (IMAGE, lambda x: x[:, :, 1:5:2]),
    "x[:, :, 0]": (IMAGE, lambda x: x[:, :, 0]),
    "cat([x, x]) along tokens": (TOKENS, lambda x: torch.cat([x, x], 1)),
    "x[:, :, index]": (IMAGE, Indexed(0, 2, 2)),
    "expand": ((8, 1, 1), lambda x: x.expand(-1, 8, 4, 4)),
    "pad every axis": (IMAGE, lambda x: functional.pad(x, (0, 1, -1, 2, 1, 0))),
    "einsum": (IMAGE, lambda x: torch.einsum("nchw,ncwk->nchk", x, x)),
    "pixel_shuffle": (IMAGE, nn.PixelShuffle(2)),
    "pixel_unshuffle": (IMAGE, nn.PixelUnshuffle(2)),
    "interpolate to (4, 7)": (IMAGE, lambda x: functional.interpolate(x, (4, 7))),
    "interpolate to (4, 7), bilinear": (IMAGE, lambda x: functional.interpolate(x, (4, 7), mode="bilinear")),
    "abs": (IMAGE, torch.abs),
    "ceil": (IMAGE, torch.ceil),
    "cos": (IMAGE, torch.cos),
    "erf": (IMAGE, torch.erf),
    "exp": (IMAGE, torch.exp),
    "floor": (IMAGE, torch.floor),
    "log": (IMAGE, torch.log),
    "neg": (IMAGE, torch.neg),
    "reciprocal": (IMAGE, torch.reciprocal),
    "round": (IMAGE, torch.round),
    "sign": (IMAGE, torch.sign),
    "sin": (IMAGE, torch.sin),
    "sqrt": (IMAGE, torch.sqrt),
    "tan": (IMAGE, torch.tan),
    "celu": (IMAGE, functional.celu),
    "selu": (IMAGE, functional.selu),
    "clamp": (IMAGE, lambda x: x.clamp(0.2, 0.7)),
    "hardshrink": (IMAGE, functional.hardshrink),
    "threshold": (IMAGE, lambda x: functional.threshold(x, 0.5, 0)),
    "softplus": (IMAGE, functional.softplus),
    "softsign": (IMAGE, functional.softsign),
    "x + parameter": (IMAGE, Weighted(torch.add, 8, 1, 1)),
    "x - parameter": (IMAGE, Weighted(torch.sub, 8, 1, 1)),
    "x * parameter": (IMAGE, Weighted(torch.mul, 8, 1, 1)),
    "x / parameter": (IMAGE, Weighted(torch.div, 8, 1, 1)),
    "x + constant": (IMAGE, Constant(torch.add, 8, 1, 1)),
    "x - constant": (IMAGE, Constant(torch.sub, 8, 1, 1)),
    "x * constant": (IMAGE, Constant(torch.mul, 8, 1, 1)),
    "x / constant": (IMAGE, Constant(torch.div, 8, 1, 1)),
    "maximum(x, constant)": (IMAGE, Constant(torch.maximum, 8, 1, 1)),
    "x * 2": (IMAGE, lambda x: x * 2),
    "x ** 2": (IMAGE, lambda x: x**2),
    "x - x": (IMAGE, lambda x: x - x),
    "x / x": (IMAGE, lambda x: x / x),
    "maximum(x, x)": (IMAGE, lambda x: torch.maximum(x, x)),
    "pow(x, x)": (IMAGE, lambda x: torch.pow(x, x)),
    "matmul": ((6, 6), lambda x: x @ x),
    "sum": (IMAGE, lambda x: x.sum((2, 3))),
    "mean": (IMAGE, lambda x: x.mean((2, 3))),
    "amax": (IMAGE, lambda x: x.amax((2, 3))),
    "amin": (IMAGE, lambda x: x.amin((2, 3))),
    "abs, sum": (IMAGE, lambda x: x.abs().sum((2, 3))),
    "square, sum": (IMAGE, lambda x: x.square().sum((2, 3))),
    "sum, log": (IMAGE, lambda x: x.sum((2, 3)).log()),
    "logsumexp": (IMAGE, lambda x: x.logsumexp((2, 3))),
    "norm": (IMAGE, lambda x: x.norm(2, (2, 3))),
    "prod": (IMAGE, lambda x: x.prod(2)),
}


def layer(shape: tuple[int, ...], operation: Any) -> list[Any]:
    torch.manual_seed(0)
    words = isinstance(operation, nn.Embedding)
    x = torch.randint(10, (BATCH, *shape)) if words else torch.rand(BATCH, *shape).requires_grad_()
    own = []
    if isinstance(operation, nn.Module):
        own = [*operation.train().parameters(), *operation.buffers()]
    y, found = kept(lambda: operation(x), own)
    view = storage(y) == storage(x)
    others = {where: tensor for where, tensor in found.items() if words or where not in map(storage, (x, y))}
    floats = sum(size(tensor) for tensor in others.values() if tensor.is_floating_point())
    rest = [tensor for tensor in others.values() if not tensor.is_floating_point()]
    whole = sum(map(size, rest))
    inputs = storage(x) in found and not words
    return [list(shape), inputs, storage(y) in found and not view, view, floats, whole]


def text(layers: dict[str, list[Any]], networks: dict[str, int]) -> str:
    """一个例子、一个网络占一行。"""
    head = {
        "source": f"{SOURCE}：torch.autograd.graph.saved_tensors_hooks，train 模式，CPU，"
        f"批量 {BATCH}，float32；同一块内存只算一次，参数与缓冲不算",
        "columns": ["shape", "input", "output", "view", "float32 bytes", "int64 bytes"],
    }
    parts = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    for key, rows in (("layers", layers), ("networks", networks)):
        body = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
        parts.append(f'  "{key}": {{\n{body}\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    old = json.loads(TARGET.read_text(encoding="utf-8"))["networks"] if TARGET.exists() else {}
    layers = {name: layer(*case) for name, case in LAYERS.items()}
    networks = {name: old[name] for name in MODELS if name in old}
    for name in sys.argv[1:] or MODELS:
        networks[name] = network(name)
        print(name, networks[name], flush=True)
        gc.collect()
        TARGET.write_text(text(layers, dict(sorted(networks.items()))), encoding="utf-8")
