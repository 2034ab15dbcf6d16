"""别家工具的“总数”：同一个网络，各家把哪几项加进去，写成代码。

同是 VGG-16，这里的九种算法给出七个总数；差别全在偏置、归一化、激活、池化算不算、算几次。这里由账本的分项算出
它们各自会打印的数，批量都是 1。规则由各家的源码与实测得来，版本写在
[`VERSIONS`][dlnotes.arch.peers.VERSIONS]；只核对过 [`KNOWN`][dlnotes.arch.peers.KNOWN] 里的几种层，有别的层就
报出来，不猜。
"""

from collections.abc import Callable, Iterable
from math import isqrt, prod

from dlnotes._check import choice, problem
from dlnotes.arch.ledger import Ledger, Row
from dlnotes.arch.network import INPUT

VERSIONS = {
    "torch FlopCounterMode": "2.13.0",
    "fvcore": "0.1.5.post20221221",
    "torchinfo": "1.8.0",
    "thop": "0.1.1.post2209072238",
    "torchprofile": "0.1.0",
    "torchscan": "0.2.0",
    "ptflops aten": "0.7.5",
    "ptflops pytorch": "0.7.5",
    "flopth": "0.1.6",
}
"""工具，与核对时的版本。"""

KNOWN = (
    "Conv2d",
    "Linear",
    "BatchNorm2d",
    "ReLU",
    "MaxPool2d",
    "AdaptiveAvgPool2d",
    "GlobalAvgPool",
    "Dropout",
    "Flatten",
    "Add",
)
"""规则核对过的层。"""

_MEAN = ("AdaptiveAvgPool2d", "GlobalAvgPool")
_POOL = ("MaxPool2d", *_MEAN)


def total(book: Ledger, tool: str) -> int:
    """某个工具对这个网络会打印的乘加总数。

    torch 的 FlopCounterMode 打印的是 FLOPs，这里是它的一半。

    Args:
        book: 账本，批量为 1。
        tool: 工具的名字，见 [`VERSIONS`][dlnotes.arch.peers.VERSIONS]。

    Returns:
        总数。flopth 只记每个模块最后一次调用，所以同一个模块用了几次的网络（torchvision 的 ResNet
        每块的几个激活是同一个模块），它打印的比这里少。

    Raises:
        ValueError: 不认识 `tool`，批量不是 1，或有规则没有核对过的层。

    References:
        各工具在上述版本的源码。

    Examples:
        >>> from dlnotes.arch import ledger, zoo
        >>> book = ledger(zoo.load("vgg16"))
        >>> [total(book, tool) - book.macs for tool in ("torch FlopCounterMode", "torchinfo", "thop")]
        [0, 13556712, 50176]
    """
    choice("tool", tool, list(VERSIONS))
    if book.batch != 1:
        raise ValueError(problem("book", "批量为 1 的账本", f"批量 {book.batch}", "各家对批量的算法不一"))
    unknown = [f"{row.name}（{row.op}）" for row in book.rows if row.op not in KNOWN]
    if unknown:
        remedy = f"核对过的有 {'、'.join(KNOWN)}"
        raise ValueError(problem("book", "只有规则核对过的层", "、".join(unknown[:3]), remedy))
    return book.macs + _RULES[tool](book)


def _exact(book: Ledger) -> int:
    """只有卷积与线性层；calflops 与 DeepSpeed 的 MACs 也是这样。"""
    return 0


def _fvcore(book: Ledger) -> int:
    """推理时的 BN 每个元素 2 次，平均池化数输入的元素。"""
    return 2 * _norm(book) + _inputs(book, _MEAN)


def _torchinfo(book: Ledger) -> int:
    """参数个数乘输出的位置数：偏置每个位置加一次；BN 却只加它的参数个数，与位置数无关。"""
    return _bias(book) + book.parameters.get("norm", 0)


def _thop(book: Ledger) -> int:
    """BN 每个元素 4 次，平均池化每读一个值加一次，每个输出再除一次。"""
    return 4 * _norm(book) + _reads(book, _MEAN) + _outputs(book, _MEAN)


def _torchprofile(book: Ledger) -> int:
    """BN 每个元素 1 次，平均池化数输出的元素。"""
    return _norm(book) + _outputs(book, _MEAN)


def _torchscan(book: Ledger) -> int:
    """BN 每个元素 2 次，平均池化同 thop；k×k 的最大池化每个输出 k-1 次（核写成一个整数时没有平方）。"""
    pools = _sized(book, ("MaxPool2d",))
    maximum = sum((isqrt(row.operations["pooling"] // size) - 1) * size for row, size in pools)
    return 2 * _norm(book) + _reads(book, _MEAN) + _outputs(book, _MEAN) + maximum


def _ptflops_aten(book: Ledger) -> int:
    """每个输出加一次偏置。"""
    return _bias(book)


def _ptflops_pytorch(book: Ledger) -> int:
    """偏置；BN 每个元素 2 次；激活的元素与池化的输入各算了两遍：模块的钩子一遍，它里面的函数又一遍。"""
    return _bias(book) + 2 * _norm(book) + 2 * (_activation(book) + _inputs(book, _POOL))


def _flopth(book: Ledger) -> int:
    """卷积的偏置（线性层的不算）；BN 每个元素 2 次；激活的元素、池化的输入各一次。"""
    bias = sum(row.operations.get("bias", 0) for row in book.rows if row.op == "Conv2d")
    return bias + 2 * _norm(book) + _activation(book) + _inputs(book, _POOL)


_RULES: dict[str, Callable[[Ledger], int]] = {
    "torch FlopCounterMode": _exact,
    "fvcore": _fvcore,
    "torchinfo": _torchinfo,
    "thop": _thop,
    "torchprofile": _torchprofile,
    "torchscan": _torchscan,
    "ptflops aten": _ptflops_aten,
    "ptflops pytorch": _ptflops_pytorch,
    "flopth": _flopth,
}


def _bias(book: Ledger) -> int:
    return book.operations.get("bias", 0)


def _norm(book: Ledger) -> int:
    return book.operations.get("norm", 0)


def _activation(book: Ledger) -> int:
    return book.operations.get("activation", 0)


def _sized(book: Ledger, ops: Iterable[str]) -> list[tuple[Row, int]]:
    """这几种层，和它们输出的元素个数。"""
    return [(row, prod(row.output)) for row in book.rows if row.op in ops]


def _outputs(book: Ledger, ops: Iterable[str]) -> int:
    return sum(size for _, size in _sized(book, ops))


def _inputs(book: Ledger, ops: Iterable[str]) -> int:
    shapes = {INPUT: book.input, **{row.name: row.output for row in book.rows}}
    return sum(prod(shapes[row.inputs[0]]) for row, _ in _sized(book, ops))


def _reads(book: Ledger, ops: Iterable[str]) -> int:
    """窗口读到的值的个数。"""
    return sum(row.operations["pooling"] for row, _ in _sized(book, ops))
