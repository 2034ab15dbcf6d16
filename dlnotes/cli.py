"""命令行：`dlnotes list` 列出网络，`dlnotes show vgg16` 打印一个网络的账本。"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from dlnotes import table
from dlnotes._check import problem
from dlnotes.arch import Ledger, ledger, zoo
from dlnotes.arch.layers import Shape

_COLUMNS = ["name", "op", "output", "params", "macs", "activation_bytes", "rf", "jump", "start"]
_FORMATS = {"markdown": table.markdown, "csv": table.csv, "json": table.json}


def main(arguments: Sequence[str] | None = None) -> int:
    """运行一条命令；参数有误时在标准错误上写一行，返回 2。"""
    try:
        options = _parser().parse_args(arguments)
        sys.stdout.write(options.run(options))
        sys.stdout.flush()
    except ValueError as error:
        sys.stderr.write(f"dlnotes：{' '.join(str(error).split())}\n")
        return 2
    except BrokenPipeError:
        # 下游（如 head）先走了；把标准输出接到空处，免得解释器退出时再报一次。
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Parser(argparse.ArgumentParser):
    """用法错误也只写一行；argparse 默认还会先打印整段用法。"""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"命令有误（{message}）；用法见 {self.prog} --help。")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dlnotes", description="纸上的网络：大小、感受野、参数量、乘加数。")
    commands = parser.add_subparsers(required=True, metavar="命令")
    commands.add_parser("list", help="列出全部网络").set_defaults(run=_list)
    show = commands.add_parser("show", help="打印一个网络的账本")
    show.add_argument("network", metavar="网络", help="名字，见 dlnotes list")
    show.add_argument("--input", metavar="大小", help="224 或 3x224x224；不写则用网络默认的")
    show.add_argument("--format", choices=list(_FORMATS), default="markdown", help="默认 markdown")
    show.set_defaults(run=_show)
    return parser


def _list(options: argparse.Namespace) -> str:
    return "".join(f"{name}\n" for name in zoo.names())


def _show(options: argparse.Namespace) -> str:
    network = zoo.load(options.network)
    book = ledger(network, _shape(options.input, network.input[0]) if options.input is not None else None)
    text = _FORMATS[options.format](book.columns({name: name for name in _COLUMNS}))
    return text + _totals(book) if options.format == "markdown" else text.rstrip("\n") + "\n"


def _totals(book: Ledger) -> str:
    size = "×".join(map(str, book.input))
    return (
        f"\n{book.network}，输入 {size}：参数 {book.params:,}，乘加 {book.macs:,}，"
        f"激活 {book.activation_bytes:,} 字节\n"
    )


def _shape(text: str, channels: int) -> Shape:
    """`224` 是边长，`3x224x224` 是通道、高、宽。"""
    parts = text.split("x")
    if len(parts) not in (1, 3) or not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise ValueError(problem("--input", "边长（224）或通道、高、宽（3x224x224）", repr(text), "请改正"))
    sizes = tuple(int(part) for part in parts)
    return sizes if len(sizes) == 3 else (channels, sizes[0], sizes[0])
