"""读 ONNX 文件：任何框架导出的网络，都能像现成的网络一样算账。

只用标准库，自己拆文件：权重跳过不读，所以文件多大都只用很少的内存（拆出的字段至多一百万个，坏文件也至多占
约 200 MB）；别的文件从不打开，文件里的东西从不运行。
参数量取自权重的形状，不看数值。
"""

from mmap import ACCESS_READ, mmap
from os import PathLike, fspath
from pathlib import Path
from stat import S_ISREG
from typing import Literal

from dlnotes._check import choice, problem
from dlnotes.arch.layers import Shape
from dlnotes.arch.network import Network
from dlnotes.arch.onnx import _proto, _read
from dlnotes.arch.onnx._wire import DamagedError, Data


def load(
    path: str | PathLike[str],
    *,
    input: Shape | None = None,  # noqa: A002
    unknown: Literal["error", "skip"] = "error",
) -> Network:
    """读一个 ONNX 文件。

    批量略去不计，只算一个样本。节点沿用文件里的名字。导出时拆成几个算子的层合回一层：通道重排、SiLU、Mish、
    GELU、带偏置的线性层；形状、下标这些由常数算出的量不成为节点。

    参数是权重表里的张量、写成图的输入而没有存值的张量（图的第一个输入除外），和写成 `Constant` 的权重；
    逐元素运算里的单个数与整数不算。几个节点共用的张量只计一次，记在最先用到它的节点上，后面的节点是
    [`Shared`][dlnotes.arch.onnx.layers.Shared]。导出时若把 BN 并进了卷积，文件里就没有它的参数；若把只用
    常数的一步算完了（如 Swin 由表查出的位置偏置），文件里存的是算完的数，参数也照它数。

    Args:
        path: 文件的路径。
        input: 输入形状，不含批量；不写则用文件里写的。
        unknown: 遇到不认识的算子：`"error"` 是报错；`"skip"` 是留作一个没有计入的节点，账本会点名，
            它的输出形状取自文件里写明的。

    Returns:
        网络的描述；算它的账用 [`ledger`][dlnotes.arch.ledger.ledger]。

    Raises:
        TypeError: `path` 不是路径，或 `input` 不是元组。
        ValueError: 读不了这个文件、它不是 ONNX 文件、它是坏的，或有不认识的算子；报出节点、算子和怎么办。

    References:
        ONNX, *Open Neural Network Exchange Intermediate Representation Specification*（`docs/IR.md`）与
        *Operator Schemas*（`docs/Operators.md`）。

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> relu = "3a300a0c0a0178120179220452656c755a1b0a017812160a14080112100a0208010a0208030a0208"
        >>> relu += "080a02080862030a01794202101c"
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "relu.onnx"
        ...     _ = path.write_bytes(bytes.fromhex(relu))
        ...     load(path).shapes(), declared(path)
        ({'input': (3, 8, 8), 'y': (3, 8, 8)}, (3, 8, 8))
    """
    file = _file(path)
    with _Mapped(file) as data:
        return _network(data, _shown(file), file.stem, input, unknown)


def parse(
    data: bytes,
    name: str = "network",
    *,
    input: Shape | None = None,  # noqa: A002
    unknown: Literal["error", "skip"] = "error",
) -> Network:
    """读已经在内存里的 ONNX 文件，如浏览器里选中的文件；规矩与 [`load`][dlnotes.arch.onnx.load] 相同。

    Args:
        data: 文件的全部字节。
        name: 网络的名字。
        input: 输入形状，不含批量；不写则用文件里写的。
        unknown: 遇到不认识的算子，是报错还是留作没有计入的节点。

    Returns:
        网络的描述。

    Raises:
        TypeError: `data` 不是字节串，或 `input` 不是元组。
        ValueError: 与 `load` 相同。

    Examples:
        >>> relu = "3a300a0c0a0178120179220452656c755a1b0a017812160a14080112100a0208010a0208030a0208"
        >>> relu += "080a02080862030a01794202101c"
        >>> parse(bytes.fromhex(relu)).nodes
        (Node(name='y', layer=ReLU(), inputs=('input',)),)
    """
    if not isinstance(data, bytes):
        raise TypeError(problem("data", "字节串", repr(type(data)), "路径请用 load"))
    return _network(data, name, name, input, unknown)


def declared(path: str | PathLike[str]) -> tuple[int | None, ...]:
    """文件里写的输入形状，不含批量；没有写明的轴是 `None`。

    Args:
        path: 文件的路径。

    Returns:
        各轴的大小。

    Raises:
        ValueError: 与 `load` 相同。
    """
    file = _file(path)
    with _Mapped(file) as data:
        try:
            found = _read.inputs(_proto.graph(data))
        except ValueError as error:
            raise ValueError(_told(_shown(file), error)) from None
    return ((found[0].dims if found else None) or ())[1:]


def _network(data: Data, label: str, name: str, shape: Shape | None, unknown: str) -> Network:
    choice("unknown", unknown, ("error", "skip"))
    if shape is not None and not isinstance(shape, tuple):
        raise TypeError(problem("input", "元组", repr(shape), "请写成 (3, 224, 224) 这样"))
    try:
        return _read.network(_proto.graph(data), name, shape, skip=unknown == "skip")
    except ValueError as error:
        raise ValueError(_told(label, error)) from None


def _file(path: object) -> Path:
    if not isinstance(path, str | PathLike):
        raise TypeError(problem("path", "文件的路径", repr(path), "请写成字符串或 Path"))
    return Path(fspath(path))


class _Mapped:
    """只读地映射一个普通文件；打不开时说明原因。"""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> mmap | bytes:
        try:
            self._data: mmap | None = None
            if not S_ISREG(self._file.stat().st_mode):  # 管道、设备会让打开一直等着
                raise ValueError("它不是普通的文件")
            with self._file.open("rb") as opened:
                if self._file.stat().st_size:
                    self._data = mmap(opened.fileno(), 0, access=ACCESS_READ)
        except (OSError, ValueError) as error:
            why = "没有这个文件" if isinstance(error, FileNotFoundError) else f"打不开它（{error}）"
            raise ValueError(problem("path", "读得了的 ONNX 文件", _shown(self._file), why)) from None
        return self._data if self._data is not None else b""

    def __exit__(self, *_: object) -> None:
        if self._data is not None:
            self._data.close()


def _told(label: str, error: ValueError) -> str:
    if isinstance(error, DamagedError):
        return problem("path", "完好的 ONNX 文件", f"{label}（{error}）", "请重新导出或下载")
    return f"{label}：{error}"


def _shown(file: Path) -> str:
    """报错里的文件名：看不见的字符写成转义。"""
    name = str(file)
    return name if name.isprintable() else name.encode("unicode_escape", "surrogateescape").decode()
