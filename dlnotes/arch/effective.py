r"""有效感受野：理论感受野里，影响真正集中的那一段有多宽。

理论感受野只问一个像素**能不能**影响一个单元。影响有多大，要看各条路径：偏移为 $x$ 的像素，影响是各条路径的
权重之积的和，中间的像素路径多，边上的少。每层的 $k$ 个权重都相同（或者独立、零均值、同方差，看影响的平方的
期望）时，它的分布就是各层的均匀分布相加：一层的方差是 $\frac{k^2-1}{12}d^2j^2$，$d$ 是膨胀率，$j$ 是进入
这一层的步距；各层相加，层数多时趋于高斯。

这是训练以前、没有激活的网络；激活、训练都会改变它。最大池化当作均匀的：窗口里的每个值都一样可能是最大的。
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from numbers import Real

from dlnotes._check import problem
from dlnotes.arch.fields import Unaligned
from dlnotes.arch.layers import Merge, Shape
from dlnotes.arch.network import INPUT, Network, Node
from dlnotes.arch.receptive import Field, Window


@dataclass(frozen=True, slots=True)
class Effective:
    """一个方向上的有效感受野，单位是像素。

    Attributes:
        rf: 理论感受野。
        sigma: 影响的分布的标准差；中心就是理论感受野的中心。

    Examples:
        >>> twenty = along([Window(3)] * 20)
        >>> twenty.rf, round(twenty.sigma, 3), round(twenty.width(0.95), 1)
        (41, 3.651, 14.3)
    """

    rf: int
    sigma: float

    def width(self, share: float = 0.95) -> float:
        r"""按高斯近似，正中多宽的一段占到影响的 `share`。

        $$2\sigma\,\Phi^{-1}\Bigl(\frac{1+\text{share}}{2}\Bigr)$$

        层数少时高斯只是粗略的近似，逐像素的精确值由 [`weights`][dlnotes.arch.effective.weights] 求和。

        Args:
            share: 占多少，在 0 与 1 之间。

        Returns:
            宽度，像素，不取整，也不超过 `rf`。

        Raises:
            TypeError: `share` 不是实数。
            ValueError: `share` 不在 0 与 1 之间。
        """
        remedy = "如 0.95"
        if isinstance(share, bool) or not isinstance(share, Real):
            raise TypeError(problem("share", "0 与 1 之间的小数", repr(share), remedy))
        if not 0 < share < 1:
            raise ValueError(problem("share", "0 与 1 之间的小数", repr(share), remedy))
        from statistics import NormalDist  # 它要加载 random、decimal，只有这里用得着

        return min(2 * self.sigma * NormalDist().inv_cdf((1 + share) / 2), float(self.rf))


def along(windows: Iterable[Window]) -> Effective:
    r"""一串窗口在一个方向上的有效感受野：各层的方差相加。

    $$\sigma^2=\sum_m\frac{k_m^2-1}{12}\,d_m^2\,j_m^2,\qquad j_m=\prod_{l<m}s_l$$

    Args:
        windows: 各层在一个方向上的窗口，从靠近输入的一层起。

    Returns:
        最后一层的有效感受野。

    References:
        Luo, Li, Urtasun & Zemel (2016), *Understanding the Effective Receptive Field in Deep Convolutional
        Neural Networks*, arXiv:1701.04128，“The simplest case”与“Random weights”。

    Examples:
        >>> along([Window(3)] * 6).sigma, along([Window(2, stride=2), Window(3)]).sigma
        (2.0, 1.707825127659933)
    """
    field, twelfths = Field(), 0
    for window in windows:
        twelfths += (window.kernel_size**2 - 1) * (window.dilation * field.jump) ** 2
        field = field.through(window)
    return Effective(field.rf, sqrt(twelfths / 12))


def weights(windows: Iterable[Window]) -> list[int]:
    """从每个像素到最后一层的一个单元有几条路径：权重都相同时，影响就与它成正比。

    Args:
        windows: 各层在一个方向上的窗口，从靠近输入的一层起。

    Returns:
        感受野里的各个像素的路径数，共 `rf` 个；总和是各层窗口的点数之积。

    Examples:
        >>> weights([Window(3), Window(3)]), weights([Window(2, stride=2), Window(3)])
        ([1, 2, 3, 2, 1], [1, 1, 1, 1, 1, 1])
    """
    field, paths = Field(), [1]
    for window in windows:
        step = window.dilation * field.jump
        field = field.through(window)
        spread = [0] * field.rf
        for tap in range(window.kernel_size):
            for pixel, count in enumerate(paths, start=tap * step):
                spread[pixel] += count
        paths = spread
    return paths


def effective(network: Network, node: str, input: Shape | None = None) -> tuple[Effective, ...]:  # noqa: A002
    """一个节点的有效感受野，各方向一个。

    从输入到这个节点必须是一条路：几条分支相加时，各条占多少由权重的大小决定，网络的描述里没有，不猜。由整个输入
    算出的系数（如 GroupNorm 的均值与方差）当作常数。

    Args:
        network: 网络的描述。
        node: 节点的名字。
        input: 输入形状，不含批量；不写则用网络默认的。

    Returns:
        `(高, 宽)`，信号是一个。

    Raises:
        TypeError: `network` 不是 `Network`。
        ValueError: 没有这个节点，路上有汇合的节点、看到整个输入的节点，或没有统一大小的节点；都报出名字。

    References:
        Luo et al. (2016), arXiv:1701.04128。

    Examples:
        >>> from dlnotes.arch import zoo
        >>> height, width = effective(zoo.load("vgg16"), "pool5")
        >>> height.rf, round(height.sigma, 2), round(height.width(0.95))
        (212, 27.64, 108)
    """
    if not isinstance(network, Network):
        raise TypeError(problem("network", "Network", repr(network), "网络的名字请先用 zoo.load 换成网络"))
    shapes = network.shapes(input)
    axes: list[list[Window]] = [[] for _ in shapes[INPUT][1:] or (0,)]
    for each in _path(network, node):
        for axis, window in zip(axes, _windows(each, shapes[each.inputs[0]], len(axes)), strict=True):
            axis.append(window)
    return tuple(map(along, axes))


def _path(network: Network, name: str) -> list[Node]:
    """从输入到这个节点的一条路。"""
    nodes = {node.name: node for node in network.nodes}
    if name not in nodes:
        raise ValueError(problem("node", f"{network.name} 的节点名", repr(name), "请检查拼写"))
    path: list[Node] = []
    while name != INPUT:
        node = nodes[name]
        if len(set(node.inputs)) > 1:
            raise ValueError(f"{node.name} 汇合了 {'、'.join(node.inputs)}；只能算一条路上的有效感受野。")
        path.append(node)
        name = node.inputs[0]
    return path[::-1]


def _windows(node: Node, shape: Shape, axes: int) -> tuple[Window, ...]:
    """这个节点在各方向的窗口；逐点的层是 1 点的窗口。"""
    reach = node.layer.reaches([shape])[0] if isinstance(node.layer, Merge) else node.layer.reach(shape)
    if reach == "all":
        raise ValueError(f"{node.name} 看到整个输入；有效感受野只对一个窗口一个窗口的层有意义。")
    if isinstance(reach, Unaligned):
        raise ValueError(f"{node.name} 的感受野没有统一的大小（{reach.reason}）；请取它之前的节点。")
    if reach in ("point", "gate"):
        return (Window(1),) * axes
    assert isinstance(reach, tuple)  # noqa: S101 其余几种都在上面返回了
    return reach
