"""分支网络的感受野：经过一层怎样变，几条分支汇合怎样并。

一个节点看到的范围有三种：每个方向一个 [`Field`][dlnotes.arch.receptive.Field]；`"all"`，整个输入；或
[`Unaligned`][dlnotes.arch.fields.Unaligned]，各单元没有统一的大小和步距，只给原因，不猜数。
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dlnotes.arch.receptive import Field, Window


@dataclass(frozen=True)
class Unaligned:
    """各单元的感受野大小不一，或步距不一，没有一组 `(rf, jump, start)` 能说清。

    Attributes:
        reason: 原因，一个短语。

    Examples:
        >>> from dlnotes.arch import Upsample
        >>> Upsample(2).reach((64, 28, 28)).reason
        '按 2×2 放大，相邻单元看到的位置不等距'
    """

    reason: str


Fields = tuple[Field, ...] | Literal["all"] | Unaligned
"""一个节点的单元看到输入的哪里：各方向的感受野、整个输入，或说不清的原因。"""

Reach = tuple[Window, ...] | Literal["point", "gate", "all", "nothing"] | Unaligned
"""一层的单元看到**它的输入**的哪里。

各方向的窗口；`"point"` 是只看自己的位置；`"all"` 是所有位置；`"gate"` 是自己的位置，加上一个由所有位置算出的
系数（如 GroupNorm 的均值与方差）；`"nothing"` 是汇合时只用这个输入的形状，不用它的值；`Unaligned` 是各单元
看到的位置不规则。
"""


def through(fields: Fields, reach: Reach, *, gates: bool = True) -> Fields:
    """经过一层之后看到的范围。

    Args:
        fields: 这一层的输入看到的范围。
        reach: 这一层的单元看到它的输入的哪里。
        gates: `"gate"` 是否算看到整个输入；False 是把那个系数当作常数。

    Returns:
        这一层的单元看到的范围：一旦看到整个输入，以后一直如此。

    Examples:
        >>> through((Field(),), (Window(3, padding=1),))
        (Field(rf=3, jump=1, start=-1),)
        >>> through((Field(),), "gate"), through((Field(),), "gate", gates=False)
        ('all', (Field(rf=1, jump=1, start=0),))
    """
    if reach == "point" or fields == "all":
        return fields
    if reach == "all" or (reach == "gate" and gates):
        return "all"
    if isinstance(fields, Unaligned) or reach == "gate":
        return fields
    if isinstance(reach, Unaligned):
        return reach
    assert isinstance(reach, tuple)  # noqa: S101 其余几种都在上面返回了
    if len(fields) != len(reach):  # 图像的位置合成一排之后，又接了一维的卷积
        return Unaligned("各方向的位置合在了一起，窗口沿它滑动看到的不是一块")
    if fields[0] is fields[-1] and reach[0] is reach[-1]:
        return (fields[0].through(reach[0]),) * len(fields)  # 高、宽是同一回事
    return tuple([field.through(window) for field, window in zip(fields, reach, strict=True)])


def union(branches: Iterable[Fields]) -> Fields:
    r"""几条分支汇合（相加、拼接）之后看到的范围：各分支的区间的并。

    步距相同的分支，第 $t$ 个单元看到的区间都随 $t$ 平移同样的距离，并集也是：取最小的起点、最大的终点。
    （区间之间若有空隙，也算在内，正如膨胀卷积的空隙算在 `rf` 内。）步距不同的分支，相距随 $t$ 越来越远，
    没有统一的大小。

    Args:
        branches: 各分支看到的范围，至少一条。

    Returns:
        汇合之后看到的范围；有一条分支看到整个输入，就是整个输入。

    References:
        Araujo, Norris & Sim (2019), *Computing Receptive Fields of Convolutional Neural Networks*, Distill,
        doi:10.23915/distill.00021, "Arbitrary computation graphs"。

    Examples:
        >>> union([(Field(3, 2, -1),), (Field(7, 2, -3),)])
        (Field(rf=7, jump=2, start=-3),)
        >>> union([(Field(3, 2, -1),), (Field(3, 4, -1),)])
        Unaligned(reason='各分支的步距不同（2 与 4 像素）')
    """
    branches = list(branches)
    if "all" in branches:
        return "all"
    for fields in branches:
        if isinstance(fields, Unaligned):
            return fields
    axes = [fields for fields in branches if isinstance(fields, tuple)]
    if len({len(fields) for fields in axes}) > 1:
        return Unaligned("各分支的位置排法不同（一维与二维）")
    merged = [_hull(fields) for fields in zip(*axes, strict=True)]
    for field in merged:
        if isinstance(field, Unaligned):
            return field
    return tuple(field for field in merged if isinstance(field, Field))


def _hull(fields: tuple[Field, ...]) -> Field | Unaligned:
    jumps = {field.jump for field in fields}
    if len(jumps) > 1:
        return Unaligned(f"各分支的步距不同（{' 与 '.join(map(str, sorted(jumps)))} 像素）")
    start = min([field.start for field in fields])
    stop = max([field.start + field.rf for field in fields])
    return Field(stop - start, jumps.pop(), start)
