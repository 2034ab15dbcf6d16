"""torchvision 的网络：各个脚本共用的名单和做法。

torchvision 没有编译的扩展也能用：它在导入时要给 `nms` 登记形状的规则，先把这两个名字定义出来就行；
这里的网络都不调用它们。
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

_operators = torch.library.Library("torchvision", "FRAGMENT")  # 要留着：一释放，定义就没有了
for _name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, _name):
        _operators.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchvision  # noqa: E402  （要在上面的定义之后）
from torchvision import models  # noqa: E402
from torchvision.models.swin_transformer import ShiftedWindowAttention  # noqa: E402

SOURCE = f"torch {torch.__version__}、torchvision {torchvision.__version__.split('+')[0]}"

_PLAIN = [
    "alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d",
    "densenet121", "densenet161", "densenet169", "densenet201", "squeezenet1_0", "squeezenet1_1",
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
    "mnasnet1_0", "efficientnet_b0", "regnet_y_400mf", "convnext_tiny", "vit_b_16", "swin_t",
]  # fmt: skip

MODELS: dict[str, Callable[[], nn.Module]] = {name: getattr(models, name) for name in _PLAIN} | {
    "googlenet": partial(models.googlenet, aux_logits=False, init_weights=False),
    "googlenet_aux": partial(models.googlenet, aux_logits=True, init_weights=False),
    "inception_v3": partial(models.inception_v3, aux_logits=False, init_weights=False),
    "inception_v3_aux": partial(models.inception_v3, aux_logits=True, init_weights=False),
    "fcn_resnet50": partial(models.segmentation.fcn_resnet50, weights_backbone=None, aux_loss=False),
}

# 这两种注意力调用的是函数，里面的线性层不作为模块运行，所以整个算一层。
ATTENTION = (nn.MultiheadAttention, ShiftedWindowAttention)


def default_input(name: str) -> tuple[int, int, int]:
    return (3, 299, 299) if name.startswith("inception_v3") else (3, 224, 224)


def leaves(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """不再含别的模块的模块，注意力整个算一个。"""
    whole = [name for name, module in model.named_modules() if isinstance(module, ATTENTION)]
    inside = tuple(f"{name}." for name in whole)
    return [
        (name, module)
        for name, module in model.named_modules()
        if (isinstance(module, ATTENTION) or not list(module.children())) and not name.startswith(inside)
    ]


def size(tensors: Any) -> int:
    return sum(tensor.numel() for tensor in tensors)
