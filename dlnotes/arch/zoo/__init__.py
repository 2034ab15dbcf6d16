"""现成的网络。名字与 torchvision 一致（它有的话）；每个模块的写法就像论文里的表。"""

from difflib import get_close_matches
from importlib import import_module

from dlnotes._check import problem
from dlnotes.arch.network import Network

_MODULES = {
    "alexnet": "alexnet",
    "alexnet_caffe": "alexnet",
    "alexnet_seed": "alexnet",
    "convnext_tiny": "convnext",
    "fcn32s": "fcn",
    "lenet5": "lenet",
    "lenet5_1998": "lenet",
    "swin_t": "swin",
    "unet": "unet",
    "vgg16": "vgg",
    "vit_b_16": "vit",
    "densenet121": "densenet",
    "densenet161": "densenet",
    "densenet169": "densenet",
    "densenet201": "densenet",
    "googlenet": "googlenet",
    "googlenet_aux": "googlenet",
    "googlenet_caffe": "googlenet",
    "inception_v3": "inception",
    "inception_v3_aux": "inception",
    "squeezenet1_0": "squeezenet",
    "squeezenet1_1": "squeezenet",
    "vgg11": "vgg",
    "vgg11_bn": "vgg",
    "vgg13": "vgg",
    "vgg13_bn": "vgg",
    "vgg16_bn": "vgg",
    "vgg19": "vgg",
    "vgg19_bn": "vgg",
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
    network = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)()
    assert isinstance(network, Network)  # noqa: S101 本包自己的约定，不是对输入的检查
    return network
