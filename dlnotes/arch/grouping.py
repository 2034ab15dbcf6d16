"""把账本的行按名字并成段：`layer1.0.conv1` 的前一级是 `layer1`，前两级是 `layer1.0`。"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from dlnotes.arch.layers import Operation, Parameter, Shape

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Group:
    """相邻的、名字前几级相同的若干行。

    各项开销是这些行之和；输出与感受野是最后一行的。

    Attributes:
        name: 共同的前几级。
        layers: 行数。
        op: 只有一行时是它的种类，否则是 `"Group"`。
        output: 最后一行的输出形状，不含批量。
        params: 参数个数。
        macs: 乘加数。
        activation_bytes: 各行输出占的字节数之和。
        saved_bytes: 训练时为反向传播留着的字节数。
        rf: 最后一行的感受野，意思见 [`Row`][dlnotes.arch.ledger.Row]。
        jump: 最后一行的步距。
        start: 最后一行的起点。
        reason: 最后一行的 `rf` 为 `None` 的原因。
        inputs: 这一段用到的、不在段内的节点，按先后；没有重复。
        parameters: 参数按种类。
        buffers: 不参与学习、却随模型保存的数。
        operations: 运算按种类。
    """

    name: str
    layers: int
    op: str
    output: Shape
    params: int
    macs: int
    activation_bytes: int
    saved_bytes: int
    rf: tuple[int, ...] | Literal["all"] | None
    jump: tuple[int, ...] | None
    start: tuple[int, ...] | None
    reason: str | None
    inputs: tuple[str, ...]
    parameters: Mapping[Parameter, int] = field(hash=False)
    buffers: int
    operations: Mapping[Operation, int] = field(hash=False)

    @property
    def centre(self) -> tuple[float, ...] | None:
        """最后一行的第 0 个单元的感受野的中心；`rf` 不是数时为 `None`。"""
        if self.start is None or not isinstance(self.rf, tuple):
            return None
        return tuple(start + (rf - 1) / 2 for start, rf in zip(self.start, self.rf, strict=True))


def group(rows: Iterable[Any], depth: int) -> tuple[Group, ...]:
    """按名字的前 `depth` 级把相邻的行并成段；层数不够的名字自成一段。

    只并相邻的：同一个前缀隔着别的节点再出现，就是另一段，所以各段的次序就是计算的次序，没有一行挪了位置。

    Args:
        rows: 账本的行，见 [`Row`][dlnotes.arch.ledger.Row]。
        depth: 取名字的前几级，至少为 1。

    Returns:
        各段。
    """
    runs: list[list[Any]] = []
    for row in rows:
        if runs and _prefix(runs[-1][0].name, depth) == _prefix(row.name, depth):
            runs[-1].append(row)
        else:
            runs.append([row])
    return tuple(_merged(_prefix(run[0].name, depth), run) for run in runs)


def totals(counts: Iterable[Mapping[Kind, int]]) -> dict[Kind, int]:
    """按种类的几本账相加；没有的种类不列。"""
    total: dict[Kind, int] = {}
    for each in counts:
        for kind, count in each.items():
            total[kind] = total.get(kind, 0) + count
    return total


def _prefix(name: str, depth: int) -> str:
    return ".".join(name.split(".")[:depth])


def _merged(name: str, run: Sequence[Any]) -> Group:
    inside, last = {row.name for row in run}, run[-1]
    sources = dict.fromkeys(source for row in run for source in row.inputs)
    return Group(
        name=name,
        layers=len(run),
        op=last.op if len(run) == 1 else "Group",
        output=last.output,
        params=sum(row.params for row in run),
        macs=sum(row.macs for row in run),
        activation_bytes=sum(row.activation_bytes for row in run),
        saved_bytes=sum(row.saved_bytes for row in run),
        rf=last.rf,
        jump=last.jump,
        start=last.start,
        reason=last.reason,
        inputs=tuple(source for source in sources if source not in inside),
        parameters=totals(row.parameters for row in run),
        buffers=sum(row.buffers for row in run),
        operations=totals(row.operations for row in run),
    )
