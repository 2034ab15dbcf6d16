"""ResNet 与它的两个变体 ResNeXt、Wide ResNet：同一张表，换块、换块数、换宽度。

bottleneck 块缩小特征图时，步长放在哪一层有两种写法，参数一样，乘加数和感受野不一样：

- `resnet50_v1` 等：放在第一个 1×1 上。2015 年的论文（Caffe 的模型）和 Keras 的 `ResNet50` 如此。
- `resnet50` 等：放在 3×3 上，俗称 v1.5。torchvision 如此；主路不再跳过四分之三的位置，50 层的多算 6%。

TF-Slim 的 `resnet_v1_50` 是第三种：也放在 3×3 上，却在**上一段的最后一块**，所以乘加数比两者都少。它与
`resnet50_v1` 的各个 3×3 都在同样的步距上滑动，所以各段末尾的感受野一样大，最后都是 483。
"""

from collections.abc import Callable
from functools import partial

from dlnotes.arch.blocks import Block, sequential
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._residual import basic, bottleneck, stem
from dlnotes.arch.zoo._stages import head, stages

_BASIC = (64, 128, 256, 512)  # 各段的输出通道数
_BOTTLENECK = (256, 512, 1024, 2048)
_ORIGINAL = partial(bottleneck, stride_first=True)  # 步长放在第一个 1×1 上


def resnet18() -> Network:
    """ResNet-18。

    References:
        He et al. (2015), *Deep Residual Learning for Image Recognition*, arXiv:1512.03385, Table 1；
        torchvision `models/resnet.py`。
    """
    return _resnet("resnet18", basic, (2, 2, 2, 2), _BASIC)


def resnet34() -> Network:
    """ResNet-34。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1；torchvision `models/resnet.py`。
    """
    return _resnet("resnet34", basic, (3, 4, 6, 3), _BASIC)


def resnet50() -> Network:
    """ResNet-50，步长在 3×3 上（torchvision）。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1；torchvision `models/resnet.py` 的 `Bottleneck`。
    """
    return _resnet("resnet50", bottleneck, (3, 4, 6, 3), _BOTTLENECK)


def resnet101() -> Network:
    """ResNet-101，步长在 3×3 上（torchvision）。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1；torchvision `models/resnet.py` 的 `Bottleneck`。
    """
    return _resnet("resnet101", bottleneck, (3, 4, 23, 3), _BOTTLENECK)


def resnet152() -> Network:
    """ResNet-152，步长在 3×3 上（torchvision）。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1；torchvision `models/resnet.py` 的 `Bottleneck`。
    """
    return _resnet("resnet152", bottleneck, (3, 8, 36, 3), _BOTTLENECK)


def resnet50_v1() -> Network:
    """ResNet-50，步长在第一个 1×1 上（论文）：论文的 3.8×10⁹ 次乘加说的是它。

    别的都与 `resnet50` 相同。Keras 的每个卷积还有偏置，这里没有。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1。
    """
    return _resnet("resnet50_v1", _ORIGINAL, (3, 4, 6, 3), _BOTTLENECK)


def resnet101_v1() -> Network:
    """ResNet-101，步长在第一个 1×1 上（论文）：7.6×10⁹ 次乘加。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1。
    """
    return _resnet("resnet101_v1", _ORIGINAL, (3, 4, 23, 3), _BOTTLENECK)


def resnet152_v1() -> Network:
    """ResNet-152，步长在第一个 1×1 上（论文）：11.3×10⁹ 次乘加。

    References:
        He et al. (2015), arXiv:1512.03385, Table 1。
    """
    return _resnet("resnet152_v1", _ORIGINAL, (3, 8, 36, 3), _BOTTLENECK)


def wide_resnet50_2() -> Network:
    """Wide ResNet-50-2：bottleneck 中间的通道数加倍，步长在 3×3 上（torchvision）。

    References:
        Zagoruyko & Komodakis (2016), *Wide Residual Networks*, arXiv:1605.07146；
        torchvision `models/resnet.py`。
    """
    return _resnet("wide_resnet50_2", partial(bottleneck, widen=2), (3, 4, 6, 3), _BOTTLENECK)


def resnext50_32x4d() -> Network:
    """ResNeXt-50（32×4d）：中间的通道数加倍，3×3 分 32 组，第一段每组 4 个通道。

    References:
        Xie et al. (2016), *Aggregated Residual Transformations for Deep Neural Networks*, arXiv:1611.05431,
        Table 1；torchvision `models/resnet.py`。
    """
    unit = partial(bottleneck, widen=2, groups=32)
    return _resnet("resnext50_32x4d", unit, (3, 4, 6, 3), _BOTTLENECK)


def _resnet(
    name: str,
    unit: Callable[[int, int, int], Block],
    depths: tuple[int, int, int, int],
    channels: tuple[int, int, int, int],
) -> Network:
    table = [(unit, *row) for row in zip(channels, depths, (1, 2, 2, 2), strict=True)]
    return sequential(name, (3, 224, 224), [*stem(), *stages(64, table, name="layer"), *head()])
