"""账本与命令行有多快：几件事交替着量，比值都取自同一轮，再取中位数。

运行：.venv/bin/python bench/arch.py [轮数]
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from dlnotes.arch import BatchNorm2d, Conv2d, Network, ReLU, ledger, residual, sequential, zoo

# 字节码要能写进缓存，否则每次都在量编译。
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def process(*arguments: str) -> float:
    """一个新进程从启动到结束的秒数。"""
    start = perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)  # noqa: S603
    return perf_counter() - start


def graph(blocks: int) -> Network:
    """残差网络，每块 6 个节点：两个卷积、两个归一化、一个激活、一个相加。"""

    def conv() -> Conv2d:
        return Conv2d(64, 3, padding=1, bias=False)

    body = [("a", conv()), ("an", BatchNorm2d()), ("r", ReLU()), ("b", conv()), ("bn", BatchNorm2d())]
    stem = [("stem", conv()), ("stem_bn", BatchNorm2d())]
    return sequential("graph", (3, 64, 64), [*stem, *((f"{i}", residual(body)) for i in range(blocks))])


def seconds(network: Network) -> float:
    """在进程里算一次账本的秒数，取三次里最快的。"""
    times = []
    for _ in range(3):
        start = perf_counter()
        ledger(network)
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    large, vgg = graph(33), zoo.load("vgg16")
    assert len(large.nodes) == 200  # noqa: S101
    measured: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        turns = {
            "python -c 'import numpy'": process("-c", "import numpy"),
            "python -c pass": process("-c", "pass"),
            "dlnotes show vgg16": process("-m", "dlnotes", "show", "vgg16"),
            "账本：200 个节点的图": seconds(large),
            "账本：vgg16": seconds(vgg),
        }
        for name, value in turns.items() if turn else ():  # 第一轮只为写好字节码、热好缓存
            measured.setdefault(name, []).append(value)
    floor = measured["python -c 'import numpy'"]
    print(f"{rounds} 轮的中位数；比值相对于同一轮的 import numpy\n")
    for name, values in measured.items():
        ratio = median(value / base for value, base in zip(values, floor, strict=True))
        print(f"{1000 * median(values):8.2f} 毫秒  {ratio:6.3f} 倍  {name}")


if __name__ == "__main__":
    main()
