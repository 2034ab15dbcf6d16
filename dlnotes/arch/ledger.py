"""账本：把网络从头走一遍，每个节点记一行。

命令行、网页上的表、测试读的都是这些行，所以同一个数只在这里算一次。
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import prod
from operator import attrgetter
from typing import Any, Literal

from dlnotes._check import boolean, choice, integer, problem
from dlnotes.arch import layers
from dlnotes.arch.fields import Fields, Unaligned, through, union
from dlnotes.arch.grouping import Group, group, totals
from dlnotes.arch.layers import Layer, Merge, Mul, Operation, Parameter, Shape, macs
from dlnotes.arch.memory import Memory
from dlnotes.arch.network import INPUT, Network, Node
from dlnotes.arch.receptive import Field

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""各数据类型一个元素占的字节数。"""

COLUMNS = ("name", "op", "output", "params", "macs", "activation_bytes", "rf", "jump", "start")
"""命令行的默认各列。"""

KEYS = (*COLUMNS[:6], "saved_bytes", *COLUMNS[6:])
"""JSON 的一行。"""

ATTRIBUTES = (*KEYS, "reason", "inputs", "parameters", "buffers", "operations")
"""一行里可以取作一列的数。"""

Size = tuple[int, ...]
_FEW = 12


@dataclass(frozen=True, slots=True)
class Row:
    """账本的一行：一个节点的形状、开销和感受野。

    Attributes:
        name: 节点的名字。
        op: 层的种类，如 `"Conv2d"`。
        output: 输出形状，不含批量。
        params: 参数个数。
        macs: 一批样本前向一次的乘加数；FLOPs 是它的两倍。
        activation_bytes: 一批样本的输出占的字节数；输入图不计，就地计算的层照样计。
        rf: 感受野，`(高, 宽)`，信号与词元是一个数，单位是像素；`"all"` 是整个输入（看到前一层的所有单元，
            前面裁去、跳过、没有取的位置除外）；`None` 是说不清，各单元的大小或步距不一等。
        jump: 步距，相邻单元相距的像素数，`(高, 宽)`；`rf` 不是数时为 `None`。
        start: 起点，第 0 个单元看到的第一个像素，`(行, 列)`，补零使它为负；`rf` 不是数时为 `None`。
        reason: `rf` 为 `None` 的原因，以最先说不清的节点开头；否则为 `None`。
        inputs: 它的输入是哪些节点。
        parameters: 参数按种类，见 [`Parameter`][dlnotes.arch.layers.Parameter]；总和是 `params`。
        buffers: 不参与学习、却随模型保存的数。
        operations: 一批样本的运算按种类，见 [`Operation`][dlnotes.arch.layers.Operation]；
            卷积、线性、注意力之和是 `macs`。
        memory: 整个网络的激活内存，各行共用一份。

    Examples:
        >>> from dlnotes.arch import zoo
        >>> row = ledger(zoo.load("vgg16"))["conv1_2"]
        >>> row.output, row.rf, row.inputs, row.operations["bias"]
        ((64, 224, 224), (5, 5), ('relu1_1',), 3211264)
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
    reason: str | None
    inputs: tuple[str, ...]
    parameters: Mapping[Parameter, int] = field(hash=False)
    buffers: int
    operations: Mapping[Operation, int] = field(hash=False)
    memory: Memory = field(compare=False, repr=False)

    @property
    def saved_bytes(self) -> int:
        """训练时，这一行产生的、反向传播之前要留着的字节数；几层都要的张量只记在产生它的一行。"""
        return self.memory.saved.get(self.name, 0)

    @property
    def centre(self) -> tuple[float, ...] | None:
        """第 0 个单元的感受野的中心，以像素的序号计；`rf` 不是数时为 `None`。"""
        if self.start is None or not isinstance(self.rf, tuple):
            return None
        return tuple(start + (rf - 1) / 2 for start, rf in zip(self.start, self.rf, strict=True))


@dataclass(frozen=True)
class Ledger:
    """一个网络在一种输入大小下的账。

    Attributes:
        network: 网络的名字。
        input: 输入形状，不含批量，如 `(C, H, W)`。
        rows: 每个节点一行，按计算的次序。
        batch: 一批的样本数 $N$；乘加、运算、激活的字节数都是 $N$ 个样本的，参数与缓冲不随它变。
        memory: 激活内存，第一次问到时才算。

    Raises:
        ValueError: 用 `book[名字]` 取行而没有这个节点。

    Examples:
        >>> from dlnotes.arch import zoo
        >>> book = ledger(zoo.load("vgg16"))
        >>> book.params, book["fc6"].params, book.operations["bias"]
        (138357544, 102764544, 13556712)
    """

    network: str
    input: Shape
    rows: tuple[Row, ...]
    batch: int
    memory: Memory = field(hash=False, repr=False)

    @property
    def params(self) -> int:
        """参数总数。"""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """一批样本前向一次的乘加总数。"""
        return sum(row.macs for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """各行输出的字节数之和（一批样本，不含输入）。"""
        return sum(row.activation_bytes for row in self.rows)

    @property
    def saved_bytes(self) -> int:
        """训练时为反向传播留着的字节数：各行之和，加上输入。"""
        return sum(self.memory.saved.values())

    @property
    def saved_input_bytes(self) -> int:
        """训练时，输入为反向传播要留着的字节数：第一个有参数的层是卷积时，就是整个输入。"""
        return self.memory.saved.get(INPUT, 0)

    @property
    def peak_bytes(self) -> int:
        """推理时同时放着的张量最多占的字节数，含输入，见 [`peak_bytes`][dlnotes.arch.memory.peak_bytes]。"""
        return self.memory.peak[0]

    @property
    def peak_node(self) -> str:
        """推理时最先达到 `peak_bytes` 的节点。"""
        return self.memory.peak[1]

    @property
    def buffers(self) -> int:
        """不参与学习、却随模型保存的数，如 BN 的滑动平均；不含 PyTorch 的批次计数器。"""
        return sum(row.buffers for row in self.rows)

    @property
    def parameters(self) -> dict[Parameter, int]:
        """参数按种类，各行之和；没有的种类不列。"""
        return totals(row.parameters for row in self.rows)

    @property
    def operations(self) -> dict[Operation, int]:
        """运算按种类，各行之和；没有的种类不列。

        各家工具的“总数”大多能由这几项与 `parameters` 组合出来：如 torchinfo 的是 `macs` 加 `"bias"`，
        有归一化时再加它的**参数**个数（不是元素个数）。
        """
        return totals(row.operations for row in self.rows)

    @property
    def uncounted(self) -> tuple[str, ...]:
        """有运算、却算不成乘加、激活等任何一种的节点，如双线性插值；它们不在 `macs` 里。"""
        return tuple(row.name for row in self.rows if "other" in row.operations)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        names = [row.name for row in self.rows]
        close = get_close_matches(str(name), names, n=3) or names
        listed = "、".join(close if len(close) <= _FEW else [*close[:_FEW], "……"])
        raise ValueError(problem("name", f"{self.network} 的节点名", repr(name), f"可用的有 {listed}"))

    def grouped(self, depth: int = 1) -> tuple[Group, ...]:
        """按名字的前 `depth` 级把相邻的行并成段，如 `layer1.0.conv1` 并入 `layer1`。

        只并相邻的：同一个前缀隔着别的节点再出现，就是另一段。各段的开销之和就是总数；感受野是段里最后一行的。

        Args:
            depth: 取名字的前几级；名字没有那么多级的自成一段。

        Returns:
            各段，按计算的次序。

        Raises:
            TypeError: `depth` 不是整数。
            ValueError: `depth` 小于 1。

        Examples:
            >>> from dlnotes.arch import Conv2d, ReLU, residual, sequential
            >>> block = [("conv", Conv2d(3, 3, padding=1)), ("relu", ReLU())]
            >>> net = sequential("net", (3, 8, 8), [("a", residual(block)), ("b", residual(block))])
            >>> [(each.name, each.layers, each.params, each.rf) for each in ledger(net).grouped()]
            [('a', 3, 84, (3, 3)), ('b', 3, 84, (5, 5))]
        """
        return group(self.rows, integer("depth", depth, minimum=1))

    def as_dict(self) -> dict[str, object]:
        """可以写成 JSON 的字典，键与形状由 `dlnotes/arch/ledger.schema.json` 规定。

        Examples:
            >>> from dlnotes.arch import zoo
            >>> total = ledger(zoo.load("vgg16")).as_dict()["total"]
            >>> total["params"], total["macs"], total["saved_bytes"], total["peak_node"]
            (138357544, 15470264320, 73355264, 'relu1_1')
        """
        totals = ("params", "macs", "activation_bytes", "saved_bytes", "peak_bytes", "peak_node")
        rows = [{key: getattr(row, key) for key in KEYS} for row in self.rows]
        return {
            "network": self.network,
            "input": list(self.input),
            "batch": self.batch,
            "total": {name: getattr(self, name) for name in totals},
            "layers": [{key: _plain(value) for key, value in row.items()} for row in rows],
        }

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
        if not isinstance(columns, Mapping):
            remedy = '请写成 {"层": "name"} 这样'
            raise TypeError(problem("columns", "表头到属性名的字典", repr(columns), remedy))
        unknown = set(columns.values()) - set(ATTRIBUTES)
        if unknown:
            available = "、".join(ATTRIBUTES)
            raise ValueError(problem("columns", f"以下之一：{available}", sorted(unknown), "请检查列名"))
        if axis is not None and (type(axis) is not int or axis not in (0, 1)):
            raise ValueError(problem("axis", "0（高）、1（宽）或 None", repr(axis), "请从中选一个"))
        known = {row.op for row in self.rows} | _known_ops()
        if not isinstance(ops, tuple | list) or not set(ops) <= known:
            expected = f"元组，元素取自 {'、'.join(dict.fromkeys(row.op for row in self.rows))}"
            raise ValueError(problem("ops", expected, repr(ops), "请检查层的种类，大小写也要对"))
        rows = [row for row in self.rows if not ops or row.op in ops]
        return {header: [_cell(row, key, axis) for row in rows] for header, key in columns.items()}


def ledger(
    network: Network,
    input: Shape | None = None,  # noqa: A002
    dtype: str = "float32",
    *,
    batch: int = 1,
    gates: bool = True,
    inplace: bool = False,
) -> Ledger:
    r"""把网络走一遍，得到每个节点的形状、参数量、乘加数、激活内存和感受野。

    感受野经过一层怎样变、分支汇合怎样并，见 [`through`][dlnotes.arch.fields.through] 与
    [`union`][dlnotes.arch.fields.union]；全局池化、展平、全连接、注意力之后是 `"all"`。

    Args:
        network: 网络的描述。
        input: 输入形状，不含批量，如 `(C, H, W)`；不写则用网络默认的。
        dtype: 激活的数据类型，决定 `activation_bytes`。
        batch: 一批的样本数；形状、感受野、参数与它无关，乘加、运算、激活的字节数与它成正比。
        gates: 由整个输入算出的系数（SE 的门、GroupNorm 的均值与方差）是否算进感受野。按定义应当算，于是其后
            都是 `"all"`；False 把系数当作常数，得到通常所说的大小。相乘时，只要有一个因子不是 `"all"`，
            是 `"all"` 的因子就都当作系数。
        inplace: 算 `peak_bytes` 时，激活、相加、相乘是否写进以后没有人用的输入；别的数都与它无关。

    Returns:
        每个节点一行的账本。

    Raises:
        TypeError: `network` 不是 `Network`，`batch` 不是整数，或 `gates`、`inplace` 不是布尔值。
        ValueError: 某一层接不上到达它的形状（报出节点、窗口和形状），不认识 `dtype`，或 `batch` 小于 1。

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
    choice("dtype", dtype, list(BYTES))
    batch = integer("batch", batch, minimum=1)
    boolean("gates", gates)
    boolean("inplace", inplace)
    shapes = network.shapes(input)
    memory = Memory(network.nodes, shapes, BYTES[dtype], batch, inplace)
    seen: dict[str, Fields] = {INPUT: _pixels(shapes[INPUT])}
    rows = []
    for node in network.nodes:
        name, sources = node.name, [shapes[source] for source in node.inputs]
        seen[name] = _seen(node, sources, [seen[source] for source in node.inputs], gates)
        rows.append(_row(node, sources, seen[name], memory))
    return Ledger(network.name, shapes[INPUT], tuple(rows), batch, memory)


def _pixels(shape: Shape) -> Fields:
    """输入的每个位置只看到自己；向量的每个元素、编号序列的每个词元也是一个位置。"""
    axes = len(shape) - 1 if len(shape) > 1 else 1
    return (Field(),) * axes


def _seen(node: Node, shapes: list[Shape], sources: list[Fields], gates: bool) -> Fields:
    """这个节点的单元看到输入的哪里。"""
    if isinstance(node.layer, Merge):
        reaches = node.layer.reaches(shapes)
        pairs = zip(sources, reaches, strict=True)
        branches = [through(source, reach, gates=gates) for source, reach in pairs if reach != "nothing"]
        if isinstance(node.layer, Mul) and not gates:
            branches = [fields for fields in branches if fields != "all"] or branches
        seen = union(branches)
    else:
        seen = through(sources[0], node.layer.reach(shapes[0]), gates=gates)
    if isinstance(seen, Unaligned) and seen not in sources:
        return Unaligned(f"{node.name}：{seen.reason}")  # 从这个节点起说不清，后面的节点照抄
    return seen


def _row(node: Node, shapes: list[Shape], seen: Fields, memory: Memory) -> Row:
    rules: Any = node.layer  # Layer 收一个形状，Merge 收几个
    given: Any = shapes if isinstance(rules, Merge) else shapes[0]
    parameters, operations = rules.parameters(given), rules.operations(given)
    batch, output = memory.batch, memory.shapes[node.name]
    if batch > 1:
        operations = {kind: batch * count for kind, count in operations.items()}
    return Row(
        node.name,
        node.op,
        output,
        sum(parameters.values()),
        macs(operations),
        batch * prod(output) * memory.element_bytes,
        *_triple(seen),
        seen.reason if isinstance(seen, Unaligned) else None,
        node.inputs,
        parameters,
        rules.buffers(given),
        operations,
        memory,
    )


_SPAN = attrgetter("rf", "jump", "start")


def _triple(seen: Fields) -> tuple[Size | Literal["all"] | None, Size | None, Size | None]:
    if seen == "all":
        return "all", None, None
    if isinstance(seen, Unaligned):
        return None, None, None
    rf, jump, start = zip(*map(_SPAN, seen), strict=True)
    return rf, jump, start


def _cell(row: Row, key: str, axis: int | None) -> object:
    value: object = getattr(row, key)
    if axis is None or key not in ("rf", "jump", "start") or not isinstance(value, tuple):
        return value
    if axis >= len(value):
        raise ValueError(problem("axis", "0 或 None", axis, f"{row.name} 只有一个方向"))
    return value[axis]


def _known_ops() -> set[str]:
    """全部层的种类。"""
    kinds = [kind for kind in vars(layers).values() if isinstance(kind, type)]
    return {kind.__name__ for kind in kinds if issubclass(kind, Layer | Merge)}


def _plain(value: object) -> object:
    """元组写成 JSON 的数组。"""
    return list(value) if isinstance(value, tuple) else value
