"""命令行：列出网络，打印账本，查感受野，比较几个网络。

规定：结果写到标准输出，返回 0；命令有误，标准错误上一行，返回 2；写不出去，一行，返回 1。
"""

import argparse
import errno
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, get_args

import dlnotes
from dlnotes import table
from dlnotes._check import choice, problem
from dlnotes._usage import Parser
from dlnotes.arch import Ledger, Network, Row, ledger, zoo
from dlnotes.arch.grouping import Group
from dlnotes.arch.layers import Operation, Parameter, Shape
from dlnotes.arch.ledger import BYTES, COLUMNS, KEYS
from dlnotes.comparison import HEADERS, Comparison

_HEADERS = {
    **HEADERS,
    "name": "名字",
    "op": "种类",
    "inputs": "输入节点",
    "output": "输出",
    "buffers": "缓冲",
    "centre": "中心",
    "reason": "说不清的原因",
}
_KINDS = {
    "conv": "卷积",
    "linear": "线性层",
    "attention": "注意力",
    "bias": "偏置",
    "norm": "归一化",
    "activation": "激活",
    "pooling": "池化",
    "elementwise": "逐元素",
    "other": "未归类",
    "weight": "权重",
    "embedding": "嵌入",
}
_FORMATS = ("table", "markdown", "csv", "json")
_ROW_COLUMNS = (*KEYS[:2], "inputs", *KEYS[2:], "centre", "reason", "buffers", *get_args(Operation))


def main(arguments: Sequence[str] | None = None) -> int:
    """运行一条命令，返回进程的返回值。"""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # 终端的编码写不出汉字时，写出转义，不崩溃
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:
        return _fail("标准输出已经关闭，结果无处可写；请去掉 >&- 再试。", 1)
    try:
        options = _parser().parse_args(arguments)
        print(options.run(options), end="", flush=True)
    except ValueError as error:
        return _fail(str(error), 2)
    except OSError as error:
        # 把标准输出接到空处，免得解释器退出时再报一次。
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # 下游（如 head）先走了；Windows 上是 EINVAL
            return _fail(f"写不出结果（{error.strerror}）；请检查磁盘与标准输出。", 1)
    return 0


def _fail(message: str, status: int) -> int:
    if sys.stderr is not None:  # 关掉时 print 会写到标准输出去
        with suppress(OSError):
            print(f"dlnotes：{' '.join(message.split())}", file=sys.stderr, flush=True)
    return status


def _list(options: argparse.Namespace) -> str:
    return "".join(f"{name}\n" for name in zoo.names())


def _show(options: argparse.Namespace) -> str:
    choice("--format", options.format, _FORMATS)
    default = KEYS if options.format in ("csv", "json") else COLUMNS
    book, names = _book(options.network, options), _columns(options.columns, default)
    rows = book.rows if options.depth is None else book.grouped(_positive("--depth", options.depth))
    if options.format == "json":
        layers = [{name: _cell(row, name) for name in names} for row in rows]
        return json.dumps({**book.as_dict(), "layers": layers}, ensure_ascii=False) + "\n"
    return _render(_cells(rows, names), options.format, _summary(book))


def _rf(options: argparse.Namespace) -> str:
    choice("--format", options.format, _FORMATS)
    book = _book(options.network, options)
    rows = [book[name] for name in dict.fromkeys(options.nodes)] or book.rows
    names = ["name", "op", "output", "rf", "jump", "start", "centre", "reason"]
    if options.format in ("table", "markdown"):
        names.remove("reason")  # 写成表下面的话
    return _render(_cells(rows, names), options.format, _sentences(rows if options.nodes else (), rows))


def _compare(options: argparse.Namespace) -> str:
    choice("--format", options.format, _FORMATS)
    comparison = Comparison(tuple(_book(name, options) for name in options.networks))
    note = "感受野取最后一处有确定大小的节点；乘加只计卷积、线性层与注意力的矩阵积。\n"
    return _render(comparison.columns(), options.format, note)


def _book(name: str, options: argparse.Namespace) -> Ledger:
    choice("--dtype", options.dtype, list(BYTES))
    choice("--unknown", options.unknown, ("error", "skip"))
    network, shape = _onnx(name, options) if name.lower().endswith(".onnx") else _zoo(name, options)
    batch, gates = _positive("--batch", options.batch), not options.ignore_gates
    return ledger(network, shape, options.dtype, batch=batch, gates=gates, inplace=options.inplace)


def _positive(option: str, text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise ValueError(problem(option, "正整数", repr(text), f"请写成 {option} 2 这样"))
    return int(text)


def _zoo(name: str, options: argparse.Namespace) -> tuple[Network, Shape | None]:
    known = name in zoo.names()
    if not known and (set(name) & set("./\\") or not get_close_matches(name.lower(), zoo.names())):
        remedy = "名字见 dlnotes list，别的格式的模型请先导出成 ONNX"
        raise ValueError(problem("网络", "现成网络的名字，或 .onnx 文件", repr(name), remedy))
    network = zoo.load(name)
    return network, None if options.input is None else _shape(options.input, network.input)


def _onnx(path: str, options: argparse.Namespace) -> tuple[Network, Shape | None]:
    """文件里的形状有的随输入而变，所以读的时候就要知道输入的大小。"""
    from dlnotes.arch import onnx  # 用到才加载

    shape = None if options.input is None else _shape(options.input, onnx.declared(path))
    return onnx.load(path, input=shape, unknown=options.unknown), None


def _shape(text: str, default: tuple[int | None, ...]) -> Shape:
    """`3x224x224` 写全各轴，`×` 也行；图像可以只写边长 `224`。"""
    parts = re.split("[xX×]", text)
    square = len(parts) == 1 and len(default) == 3 and default[0] is not None
    if not (square or len(parts) == len(default)) or not all(
        re.fullmatch("0*[1-9][0-9]{0,8}", part) for part in parts
    ):
        expected = "边长（224）或通道、高、宽（3x224x224）"
        raise ValueError(problem("--input", expected, repr(text), "请用 x 隔开几个正整数"))
    sizes = tuple(map(int, parts))
    return (default[0] or 0, sizes[0], sizes[0]) if square else sizes


def _columns(text: str | None, default: Sequence[str]) -> list[str]:
    names = list(default) if text is None else text.split(",")
    for name in names:
        if name not in _ROW_COLUMNS:
            close = get_close_matches(name, _ROW_COLUMNS, n=3) or _ROW_COLUMNS
            expected = "逗号隔开的列名"
            raise ValueError(problem("--columns", expected, repr(name), f"可用的有 {'、'.join(close)}"))
    return names


def _cells(rows: Sequence[Row | Group], names: Sequence[str]) -> dict[str, list[object]]:
    return {name: [_cell(row, name) for row in rows] for name in names}


def _cell(row: Row | Group, name: str) -> object:
    if name in get_args(Operation):
        return row.operations.get(name, 0)  # type: ignore[call-overload]
    return getattr(row, name)


def _render(columns: dict[str, list[object]], form: str, note: str) -> str:
    """给人看的两种格式用汉语的表头，表后另有说明；给程序的两种用英语的键，没有说明。"""
    if form in ("csv", "json"):
        return {"csv": table.csv, "json": table.json}[form](columns).rstrip("\n") + "\n"
    titled = {_HEADERS.get(name) or _KINDS.get(name, name): values for name, values in columns.items()}
    if form == "markdown":
        return table.markdown(titled) + (note and f"\n{note}")
    return _bold_header(table.text(titled)) + (note and f"\n{note}")


def _bold_header(text: str) -> str:
    """只有终端才加粗表头；管道、文件里没有控制符。"""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain:
        return text
    header, _, rest = text.partition("\n")
    return f"\x1b[1m{header}\x1b[0m\n{rest}"


def _summary(book: Ledger) -> str:
    lines = [
        f"{book.network}，输入 {'×'.join(map(str, book.input))}"
        + (f"，一批 {book.batch:,} 个样本" if book.batch > 1 else ""),
        f"参数 {book.params:,}{_split(book.parameters, get_args(Parameter))}"
        + (f"；另有缓冲 {book.buffers:,}" if book.buffers else ""),
        f"乘加 {book.macs:,}{_split(book.operations, ('conv', 'linear', 'attention'))}",
    ]
    others = _split(book.operations, ("bias", "norm", "activation", "pooling", "elementwise"))
    lines += [f"不算乘加的运算{others}"] if others else []
    lines += [
        f"激活 {book.activation_bytes:,} 字节（各行输出之和）",
        f"训练时为反向传播留 {book.saved_bytes:,} 字节（同一个张量只算一次，含输入）",
        f"推理时最多同时放着 {book.peak_bytes:,} 字节（在 {book.peak_node}，含输入）",
    ]
    lines += [f"有运算没有计入的节点：{'、'.join(book.uncounted)}"] if book.uncounted else []
    return "".join(f"{line}\n" for line in lines) + _reasons(book.rows)


def _split(counts: Mapping[Any, int], kinds: Sequence[str]) -> str:
    parts = [f"{_KINDS[kind]} {counts[kind]:,}" for kind in kinds if kind in counts]
    return f"（{'，'.join(parts)}）" if parts else ""


def _sentences(asked: Sequence[Row], rows: Sequence[Row]) -> str:
    """问到的节点各用一句话说出它的单元看到哪里。"""
    return "".join(f"{_sentence(row)}\n" for row in asked if row.reason is None) + _reasons(rows)


def _sentence(row: Row) -> str:
    if not isinstance(row.rf, tuple):
        return f"{row.name} 的单元看到整个输入。"
    letters, axes = ("ij", "行列") if len(row.rf) == 2 else ("i", "个")
    unit = "".join(f"第 {letter} {axis}" for letter, axis in zip(letters, axes, strict=True))
    fields = zip(row.rf, row.jump or (), row.start or (), letters, axes, strict=True)
    spans = [
        f"第 {_position(jump, letter, start)} 到 {_position(jump, letter, start + rf - 1)} {axis}"
        for rf, jump, start, letter, axis in fields
    ]
    return f"{row.name} 的{unit}的单元看到输入的{'、'.join(spans)}（都从 0 数起，落在图外的是补零）。"


def _position(jump: int, letter: str, offset: int) -> str:
    """`32i-90`；步距为 1 时写 `i-1`，没有偏移时写 `32i`。"""
    return (f"{jump}{letter}" if jump > 1 else letter) + (f"{offset:+d}" if offset else "")


def _reasons(rows: Sequence[Row]) -> str:
    reasons = dict.fromkeys(row.reason for row in rows if row.reason)
    return "".join(f"感受野没有统一的大小：{reason}\n" for reason in reasons)


def _parser() -> Parser:
    parser = Parser(prog="dlnotes", description="纸上的网络：大小、感受野、参数量、乘加数。")
    parser.add_argument(
        "--version", action="version", version=f"dlnotes {dlnotes.__version__}", help="版本号"
    )
    commands = parser.add_subparsers(required=True, metavar="命令", title="命令", prog="dlnotes")
    _command(commands, "list", "列出全部网络", _list)
    show = _command(commands, "show", "打印一个网络的账本", _show)
    show.add_argument("network", metavar="网络", help="名字，见 dlnotes list；或 ONNX 文件")
    show.add_argument("--columns", metavar="列", help=f"逗号隔开，取自 {' '.join(_ROW_COLUMNS)}")
    show.add_argument(
        "--depth", metavar="级", help="按名字的前几级并成段，如 1 把 layer1.0.conv1 并入 layer1"
    )
    rf = _command(commands, "rf", "查节点的感受野", _rf)
    rf.add_argument("network", metavar="网络", help="名字，见 dlnotes list；或 ONNX 文件")
    rf.add_argument("nodes", metavar="节点", nargs="*", help="节点的名字，如 pool5；不写则列出全部")
    compare = _command(commands, "compare", "比较几个网络", _compare)
    compare.add_argument("networks", metavar="网络", nargs="+", help="名字或 ONNX 文件，可以写几个")
    for command in (show, rf, compare):
        command.add_argument("--input", metavar="大小", help="224 或 3x224x224；不写则用网络默认的")
        command.add_argument("--batch", metavar="个数", default="1", help="一批的样本数，乘加与字节数随它变")
        command.add_argument("--format", metavar="格式", default="table", help=" / ".join(_FORMATS))
        command.add_argument("--dtype", metavar="类型", default="float32", help=" / ".join(BYTES))
        command.add_argument("--inplace", action="store_true", help="推理的峰值按激活、相加就地写来算")
        command.add_argument(
            "--unknown", metavar="办法", default="error", help="ONNX 里不认识的算子：error / skip（不计入）"
        )
        command.add_argument(
            "--ignore-gates", action="store_true", help="感受野不经过 SE 的门和跨位置的均值、方差"
        )
    return parser


def _command(
    commands: "argparse._SubParsersAction[Parser]",
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], str],
) -> Parser:
    command = commands.add_parser(name, help=summary, description=f"{summary}。")
    command.set_defaults(run=run)
    return command
