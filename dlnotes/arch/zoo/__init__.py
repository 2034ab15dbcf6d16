"""现成的网络。名字与 torchvision 一致（它有的话）；每个模块的写法就像论文里的表。"""

from difflib import get_close_matches
from functools import cache
from importlib import import_module

from dlnotes._check import problem
from dlnotes.arch.network import Network

_MODULES = {
    "alexnet": "alexnet",
    "alexnet_caffe": "alexnet",
    "alexnet_seed": "alexnet",
    "convnext_tiny": "convnext",
    "densenet121": "densenet",
    "densenet161": "densenet",
    "densenet169": "densenet",
    "densenet201": "densenet",
    "efficientnet_b0": "efficientnet",
    "fcn32s": "fcn",
    "fcn_resnet50": "fcn",
    "googlenet": "googlenet",
    "googlenet_aux": "googlenet",
    "googlenet_caffe": "googlenet",
    "inception_v3": "inception",
    "inception_v3_aux": "inception",
    "lenet5": "lenet",
    "lenet5_1998": "lenet",
    "mnasnet1_0": "mnasnet",
    "mobilenet_v1": "mobilenet",
    "mobilenet_v2": "mobilenet",
    "mobilenet_v3_large": "mobilenet",
    "mobilenet_v3_small": "mobilenet",
    "regnet_y_400mf": "regnet",
    "resnet101": "resnet",
    "resnet101_v1": "resnet",
    "resnet152": "resnet",
    "resnet152_v1": "resnet",
    "resnet18": "resnet",
    "resnet34": "resnet",
    "resnet50": "resnet",
    "resnet50_v1": "resnet",
    "resnext50_32x4d": "resnet",
    "shufflenet_v2_x0_5": "shufflenet",
    "shufflenet_v2_x1_0": "shufflenet",
    "squeezenet1_0": "squeezenet",
    "squeezenet1_1": "squeezenet",
    "swin_t": "swin",
    "unet": "unet",
    "vgg11": "vgg",
    "vgg11_bn": "vgg",
    "vgg13": "vgg",
    "vgg13_bn": "vgg",
    "vgg16": "vgg",
    "vgg16_bn": "vgg",
    "vgg19": "vgg",
    "vgg19_bn": "vgg",
    "vit_b_16": "vit",
    "wide_resnet50_2": "resnet",
    "zf5": "zfnet",
    "zfnet": "zfnet",
}


def names() -> list[str]:
    """全部网络的名字，按字母次序。"""
    return sorted(_MODULES)


def load(name: str) -> Network:
    """按名字取一个网络。

    Args:
        name: 网络的名字，见 [`names`][dlnotes.arch.zoo.names]。

    Returns:
        网络的描述。

    Raises:
        ValueError: 没有这个网络；消息里给出最接近的名字。

    Examples:
        >>> load("vgg16").input
        (3, 224, 224)
    """
    if not isinstance(name, str) or name not in _MODULES:
        close = get_close_matches(str(name).lower(), _MODULES, n=3, cutoff=0.6)
        remedy = f"相近的有 {'、'.join(close)}" if close else f"可用的有 {'、'.join(names())}"
        raise ValueError(problem("name", "已有的网络名", repr(name), remedy))
    return _build(name)


@cache
def _build(name: str) -> Network:
    """网络不可变，同一个名字总给同一个：层里记着算过的大小，第二次走要快些。"""
    network = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)()
    assert isinstance(network, Network)  # noqa: S101 本包自己的约定，不是对输入的检查
    return network
