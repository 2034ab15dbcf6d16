r"""几个网络并排比较。"""

from collections.abc import Mapping
from dataclasses import dataclass

from dlnotes import table
from dlnotes._check import integer, problem
from dlnotes.arch import zoo
from dlnotes.arch.layers import Shape
from dlnotes.arch.ledger import Ledger, Row, ledger
from dlnotes.arch.network import Network

HEADERS = {
    "network": "网络",
    "input": "输入",
    "layers": "节点数",
    "params": "参数量",
    "macs": "乘加数",
    "activation_bytes": "激活字节",
    "saved_bytes": "反向要留的字节",
    "peak_bytes": "推理峰值字节",
    "last": "最后一处",
    "rf": "感受野",
    "jump": "步距",
    "start": "起点",
}
"""各列的键与表头。"""


@dataclass(frozen=True)
class Comparison:
    """并排的几本账；`print` 它就是一张表。

    Attributes:
        books: 各个网络的账，按写下的次序。

    Examples:
        >>> print(compare("alexnet", "vgg16").text({"network": "网络", "params": "参数量"}), end="")
        网络          参数量
        alexnet   61,100,840
        vgg16    138,357,544
    """

    books: tuple[Ledger, ...]

    def columns(self) -> dict[str, list[object]]:
        """各列：键见 [`HEADERS`][dlnotes.comparison.HEADERS]，感受野取最后一处有确定大小的节点。

        Returns:
            键到这一列的值，每个网络一个。
        """
        lasts = [_last(book) for book in self.books]
        columns: dict[str, list[object]] = {
            "network": [book.network for book in self.books],
            "input": [book.input for book in self.books],
            "layers": [len(book.rows) for book in self.books],
        }
        for name in ("params", "macs", "activation_bytes", "saved_bytes", "peak_bytes"):
            columns[name] = [getattr(book, name) for book in self.books]
        columns["last"] = [row and row.name for row in lasts]
        for name in ("rf", "jump", "start"):
            columns[name] = [row and getattr(row, name) for row in lasts]
        return columns

    def text(self, headers: Mapping[str, str] = HEADERS) -> str:
        """打印成对齐的文本，见 [`dlnotes.table.text`][dlnotes.table.text]。

        Args:
            headers: 要哪些列，键到表头。

        Returns:
            一行一个网络的文本。

        Raises:
            ValueError: 没有某一列。
        """
        columns = self.columns()
        unknown = set(headers) - set(columns)
        if unknown:
            raise ValueError(
                problem("headers", f"以下之一：{'、'.join(columns)}", sorted(unknown), "请检查列名")
            )
        return table.text({header: columns[key] for key, header in headers.items()})

    def __str__(self) -> str:
        return self.text()


def compare(
    *networks: str | Network,
    input: int | Shape | None = None,  # noqa: A002
    dtype: str = "float32",
    batch: int = 1,
    gates: bool = True,
    inplace: bool = False,
) -> Comparison:
    """几个网络并排比较。

    Args:
        networks: 各个网络，名字（见 [`zoo.names`][dlnotes.arch.zoo.names]）或描述。
        input: 输入形状，不含批量；只写一个整数就是图像的边长；不写则各用默认的。
        dtype: 激活的数据类型。
        batch: 一批的样本数。
        gates: 同 [`ledger`][dlnotes.arch.ledger.ledger]。
        inplace: 同 [`ledger`][dlnotes.arch.ledger.ledger]。

    Returns:
        并排的账，`print` 它就是一张表。

    Raises:
        TypeError: 参数的类型不对。
        ValueError: 一个网络也没有写，没有某个名字，或某个网络接不上这种输入。

    Examples:
        >>> compare("alexnet", "vgg16", input=224).columns()["macs"]
        [714188480, 15470264320]
    """
    if not networks:
        raise ValueError(problem("networks", "至少一个网络", "0 个", "请写出名字或描述"))
    books = []
    for each in networks:
        network = zoo.load(each) if isinstance(each, str) else each
        shape = input if input is None or isinstance(input, tuple) else _square(network, input)
        books.append(ledger(network, shape, dtype, batch=batch, gates=gates, inplace=inplace))
    return Comparison(tuple(books))


def _square(network: Network, side: int) -> Shape:
    """通道数不变、边长为 `side` 的图像。"""
    side = integer("input", side, minimum=1)
    if not isinstance(network, Network) or len(network.input) != 3:
        raise ValueError(problem("input", "写全的形状", side, "只有图像的网络可以只写边长"))
    return network.input[0], side, side


def _last(book: Ledger) -> Row | None:
    return next((row for row in reversed(book.rows) if isinstance(row.rf, tuple)), None)
