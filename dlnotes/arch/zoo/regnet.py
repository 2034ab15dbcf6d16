"""RegNet：不搜索单个网络，而是用几个数生成各块的宽度，再按宽度分段。"""

from collections import Counter
from functools import partial
from math import log

from dlnotes.arch.blocks import Block, Path, parallel, sequential
from dlnotes.arch.layers import Add, ReLU
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._inverted import squeeze_excitation
from dlnotes.arch.zoo._stages import head, stages, then


def regnet_y_400mf() -> Network:
    """RegNetY-400MF：16 块，每组 8 个通道，SE 中间的通道数是块的输入的四分之一。

    References:
        Radosavovic et al. (2020), *Designing Network Design Spaces*, arXiv:2003.13678；
        torchvision `models/regnet.py`。
    """
    widths = _widths(16, initial=48, slope=27.89, step=2.09)
    unit = partial(y_block, group_width=8)
    table = [(unit, width, depth, 2) for width, depth in Counter(widths).items()]  # 宽度只增不减
    return sequential(
        "regnet_y_400mf",
        (3, 224, 224),
        [("stem", conv_bn(32, 3, stride=2)), *stages(32, table, name="stage"), *head()],
    )


def y_block(inputs: int, outputs: int, stride: int, *, group_width: int) -> Block:
    """Y 块：1×1、分组的 3×3、SE、1×1，中间不变窄；形状改变时旁路用 1×1 卷积，先算旁路。

    Args:
        inputs: 输入的通道数。
        outputs: 输出的通道数。
        stride: 3×3 的步长。
        group_width: 每组的通道数。

    Returns:
        块；最后的节点名为 `relu`。

    References:
        Radosavovic et al. (2020), arXiv:2003.13678；torchvision `models/regnet.py` 的 `ResBottleneckBlock`。

    Examples:
        >>> net = sequential("net", (32, 112, 112), [("block", y_block(32, 48, 2, group_width=8))])
        >>> net.shapes()["block.relu"]
        (48, 56, 56)
    """
    same_shape = stride == 1 and inputs == outputs
    shortcut: Path = [] if same_shape else [("proj", conv_bn(outputs, 1, stride=stride, activation=None))]
    body: Path = [
        ("a", conv_bn(outputs, 1)),
        ("b", conv_bn(outputs, 3, stride=stride, groups=outputs // group_width)),
        ("se", squeeze_excitation(outputs, inputs // 4)),
        ("c", conv_bn(outputs, 1, activation=None)),
    ]
    return then(parallel(shortcut, body, join=Add()), "relu", ReLU())


def _widths(depth: int, *, initial: int, slope: float, step: float) -> list[int]:
    r"""量化的线性宽度：第 $j$ 块先取 $u_j=w_0+w_a j$，再换成 $w_0w_m^{s}$，最后取最近的 8 的倍数。

    $s$ 是 $\log_{w_m}(u_j/w_0)$ 四舍五入的整数，所以宽度只有几种，相同的连成一段。

    Args:
        depth: 块数 $d$。
        initial: 第 0 块的宽度 $w_0$。
        slope: 每块增加的宽度 $w_a$。
        step: 相邻两段的宽度之比 $w_m$。

    Returns:
        各块的宽度，只增不减。

    References:
        Radosavovic et al. (2020), arXiv:2003.13678, 式 2–4；取 8 的倍数见 torchvision `models/regnet.py`。

    Examples:
        >>> _widths(16, initial=48, slope=27.89, step=2.09)[:5]
        [48, 104, 104, 104, 208]
    """
    exponents = [round(log(1 + slope * index / initial, step)) for index in range(depth)]
    return [8 * round(initial * step**exponent / 8) for exponent in exponents]
