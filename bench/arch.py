"""账本与命令行有多快：几件事交替着量，比值都取自同一轮，再取中位数。

运行：.venv/bin/python bench/arch.py [轮数]

环境变量 DLNOTES_PEERS 写一个装了别家工具的 Python，就在每一轮里也让它们算同一个网络：torchinfo 与 torch 的
FlopCounterMode 在 meta 设备上（不分配内存），onnx.shape_inference 读 onnx 自带的 light_resnet50；
没有装的不列。
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from dlnotes.arch import BatchNorm2d, Conv2d, Network, ReLU, ledger, residual, sequential, zoo

# 字节码要能写进缓存，否则每次都在量编译。
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

LARGE = [name for name in ("vgg16", "resnet50") if name in zoo.names()]
SLOWEST = 20e-3
"""现成的网络里，任何一个搭起来再算账，都不许超过这么多秒。"""

PEERS = r"""
import importlib, sys, time
def timed(label, run):
    times = []
    for _ in range(4):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    print(label, min(times), sep="\t")
def has(*names):
    return all(importlib.util.find_spec(name) for name in names)
import importlib.util
if has("torch", "torchvision"):
    import torch, torchvision
    with torch.device("meta"):
        net, image = torchvision.models.resnet50().eval(), torch.empty(1, 3, 224, 224)
    from torch.utils.flop_counter import FlopCounterMode
    def count():
        with FlopCounterMode(display=False):
            net(image)
    timed("torch FlopCounterMode：resnet50", count)
    if has("torchinfo"):
        import torchinfo
        summary = lambda: torchinfo.summary(net, input_data=image, verbose=0, device="meta")
        timed("torchinfo：resnet50", summary)
if has("onnx"):
    import onnx, pathlib
    path = pathlib.Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
    model = onnx.load(path)
    timed("onnx.shape_inference：resnet50（只有形状）", lambda: onnx.shape_inference.infer_shapes(model))
"""


def process(*arguments: str) -> float:
    """一个新进程从启动到结束的秒数。"""
    start = perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)  # noqa: S603
    return perf_counter() - start


def peers() -> dict[str, float]:
    """别家工具在自己的进程里算一次的秒数，不含导入与搭网络。"""
    python = os.environ.get("DLNOTES_PEERS")
    if not python:
        return {}
    done = subprocess.run([python, "-c", PEERS], check=True, capture_output=True, encoding="utf-8")  # noqa: S603
    return {label: float(value) for label, value in (line.split("\t") for line in done.stdout.splitlines())}


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


def built(name: str) -> float:
    """搭好一个现成的网络再算账的秒数，取三次里最快的；模块已经加载过。"""
    times = []
    for _ in range(3):
        start = perf_counter()
        ledger(zoo.load(name))
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    large, networks = graph(33), {name: zoo.load(name) for name in LARGE}
    assert len(large.nodes) == 200  # noqa: S101
    measured: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        zoo_times = {name: built(name) for name in zoo.names()}
        slowest = max(zoo_times, key=lambda name: zoo_times[name])
        turns = {
            "python -c 'import numpy'": process("-c", "import numpy"),
            "python -c pass": process("-c", "pass"),
            f"dlnotes show {LARGE[-1]}": process("-m", "dlnotes", "show", LARGE[-1]),
            "账本：200 个节点的图": seconds(large),
            **{f"账本：{name}": seconds(network) for name, network in networks.items()},
            **{f"搭起来再算：{name}": zoo_times[name] for name in LARGE},
            "搭起来再算：全部现成的网络": sum(zoo_times.values()),
            "搭起来再算：其中最慢的一个": zoo_times[slowest],
            **peers(),
        }
        for name, value in turns.items() if turn else ():  # 第一轮只为写好字节码、热好缓存
            measured.setdefault(name, []).append(value)
    floor = measured["python -c 'import numpy'"]
    print(f"{rounds} 轮的中位数；比值相对于同一轮的 import numpy\n")
    for name, values in measured.items():
        ratio = median(value / base for value, base in zip(values, floor, strict=True))
        print(f"{1000 * median(values):8.2f} 毫秒  {ratio:6.3f} 倍  {name}")
    if median(measured["搭起来再算：其中最慢的一个"]) > SLOWEST:
        sys.exit(f"{slowest} 超过 {1000 * SLOWEST:g} 毫秒。")


if __name__ == "__main__":
    main()
