"""账本：把网络从头走一遍，每个节点记一行。

命令行、网页上的表、测试读的都是这些行，所以同一个数只在这里算一次。
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from dlnotes._check import image_shape, problem
from dlnotes.arch import layers
from dlnotes.arch.layers import Reach, Shape
from dlnotes.arch.network import INPUT, Network, Node
from dlnotes.arch.receptive import Field

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""各数据类型一个元素占的字节数。"""

Size = tuple[int, int]
Fields = tuple[Field, Field] | Literal["all"] | None


@dataclass(frozen=True)
class Row:
    """账本的一行：一个节点的形状、开销和感受野。

    Attributes:
        name: 节点的名字。
        op: 层的种类，如 `"Conv2d"`。
        output: 输出形状，不含批量。
        params: 参数个数。
        macs: 一个样本前向一次的乘加数；FLOPs 是它的两倍。
        activation_bytes: 输出占的字节数（一个样本）；输入图不计，就地计算的层照样计。
        rf: 感受野，`(高, 宽)`，单位是像素；`"all"` 是整个输入；`None` 是各单元大小不一。
        jump: 相邻单元相距的像素数，`(高, 宽)`；`rf` 不是一对数时为 `None`。
        start: 第 0 个单元看到的第一个像素，`(行, 列)`，补零使它为负；`rf` 不是一对数时为 `None`。
    """

    name: str
    op: str
    output: Shape
    params: int
    macs: int
    activation_bytes: int
    rf: Size | Literal["all"] | None
    jump: Size | None
    start: Size | None


@dataclass(frozen=True)
class Ledger:
    """一个网络在一种输入大小下的账。

    Attributes:
        network: 网络的名字。
        input: 输入形状 `(C, H, W)`。
        rows: 每个节点一行，按计算的次序。
    """

    network: str
    input: Shape
    rows: tuple[Row, ...]

    @property
    def params(self) -> int:
        """参数总数。"""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """一个样本前向一次的乘加总数。"""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """各行输出的字节数之和（一个样本，不含输入）。"""
        return sum(row.activation_bytes for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        names = "、".join(row.name for row in self.rows)
        raise ValueError(problem("name", f"{self.network} 的节点名", repr(name), f"可用的有 {names}"))

    def columns(
        self, columns: Mapping[str, str], *, ops: tuple[str, ...] = (), axis: int | None = None
    ) -> dict[str, list[object]]:
        """取出几列，供 [`dlnotes.table`][dlnotes.table] 打印。

        Args:
            columns: 表头到 `Row` 的属性名，如 `{"层": "name", "感受野": "rf"}`。
            ops: 只要这些种类的层；空元组表示全要。
            axis: `rf`、`jump`、`start` 只取一个方向，0 是高，1 是宽；不写则两个方向都取。

        Returns:
            表头到这一列的值。

        Raises:
            ValueError: `Row` 没有某个属性，没有某种层，或 `axis` 不是 0、1。
        """
        unknown = set(columns.values()) - set(Row.__annotations__)
        if unknown:
            available = "、".join(Row.__annotations__)
            raise ValueError(problem("columns", f"以下之一：{available}", sorted(unknown), "请检查列名"))
        if isinstance(axis, bool) or axis not in (None, 0, 1):
            raise ValueError(problem("axis", "0（高）、1（宽）或 None", repr(axis), "请从中选一个"))
        known = {row.op for row in self.rows} | set(vars(layers))
        if isinstance(ops, str) or not set(ops) <= known:
            expected = f"元组，元素取自 {'、'.join(dict.fromkeys(row.op for row in self.rows))}"
            raise ValueError(problem("ops", expected, repr(ops), "请检查层的种类，大小写也要对"))
        rows = [row for row in self.rows if not ops or row.op in ops]
        return {header: [_cell(row, key, axis) for row in rows] for header, key in columns.items()}


def ledger(network: Network, input: Shape | None = None, dtype: str = "float32") -> Ledger:  # noqa: A002
    r"""把网络走一遍，得到每个节点的形状、参数量、乘加数、激活内存和感受野。

    Args:
        network: 网络的描述。
        input: 输入形状 `(C, H, W)`，不含批量；不写则用网络默认的。
        dtype: 激活的数据类型，决定 `activation_bytes`。

    Returns:
        每个节点一行的账本。

    Raises:
        TypeError: `network` 不是 `Network`。
        ValueError: 某一层接不上到达它的形状（报出节点、窗口和形状），或不认识 `dtype`。

    References:
        感受野的递推见 [`Field.through`][dlnotes.arch.receptive.Field.through]，各层的计数见
        [`dlnotes.arch.layers`][dlnotes.arch.layers]。

    Examples:
        >>> from dlnotes.arch import zoo
        >>> book = ledger(zoo.load("vgg16"))
        >>> f"{book.params:,} {book.macs:,}"
        '138,357,544 15,470,264,320'
        >>> book["pool5"].rf, book["pool5"].jump, book["pool5"].start
        ((212, 212), (32, 32), (-90, -90))
    """
    if not isinstance(network, Network):
        remedy = "网络的名字请先用 zoo.load 换成网络"
        raise TypeError(problem("network", "Network", repr(network), remedy))
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise ValueError(problem("dtype", f"{' / '.join(BYTES)} 之一", repr(dtype), "请从中选一个"))
    shape = network.input if input is None else image_shape(input)
    shapes: dict[str, Shape] = {INPUT: shape}
    fields: dict[str, Fields] = {INPUT: (Field(), Field())}
    rows = []
    for node in network.nodes:
        try:
            source = _only_input(node)
            row, fields[node.name] = _row(node, shapes[source], fields[source], BYTES[dtype])
        except ValueError as error:
            raise ValueError(
                f"{network.name} 的 {node.name}（{type(node.layer).__name__}）：{error}"
            ) from None
        shapes[node.name] = row.output
        rows.append(row)
    return Ledger(network.name, shape, tuple(rows))


def _cell(row: Row, key: str, axis: int | None) -> object:
    value: object = getattr(row, key)
    one_axis = axis is not None and key in ("rf", "jump", "start") and isinstance(value, tuple)
    return value[axis] if one_axis else value  # type: ignore[index]  # one_axis 已保证是元组


def _only_input(node: Node) -> str:
    if len(node.inputs) != 1:
        raise ValueError(problem("inputs", "恰好一个输入", node.inputs, "这一层只能接在一个节点之后"))
    return node.inputs[0]


def _row(node: Node, shape: Shape, fields: Fields, element_bytes: int) -> tuple[Row, Fields]:
    layer = node.layer
    output = layer.output(shape)
    seen = _through(fields, layer.reach(shape))
    rf, jump, start = _describe(seen)
    row = Row(
        name=node.name,
        op=type(layer).__name__,
        output=output,
        params=layer.params(shape),
        macs=layer.macs(shape),
        activation_bytes=prod(output) * element_bytes,
        rf=rf,
        jump=jump,
        start=start,
    )
    return row, seen


def _through(fields: Fields, reach: Reach) -> Fields:
    """看到整个输入之后，一直看到整个输入；否则窗口不规则之后，大小都说不清。"""
    if fields == "all" or reach == "all":
        return "all"
    if fields is None or reach is None:
        return None
    return fields[0].through(reach[0]), fields[1].through(reach[1])


def _describe(fields: Fields) -> tuple[Size | Literal["all"] | None, Size | None, Size | None]:
    if fields is None or fields == "all":
        return fields, None, None
    height, width = fields
    return (height.rf, width.rf), (height.jump, width.jump), (height.start, width.start)
