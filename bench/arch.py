"""账本与命令行有多快：几件事交替着量，比值都取自同一轮，再取中位数。

运行：.venv/bin/python bench/arch.py [轮数]

环境变量 DLNOTES_PEERS 写一个装了别家工具的 Python，就在每一轮里也让它们算 resnet50：torchinfo、fvcore、
ptflops、thop、calflops、torch 的 FlopCounterMode（能用 meta 设备的不真的算）；onnx.shape_inference 读
onnx 自带的 light_resnet50，只有形状。各量两次：在进程里（四次里最快的，不含导入与搭网络），和只算一次的
整个进程。
没有装好的说明原因。
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from dlnotes.arch import BatchNorm2d, Conv2d, Network, ReLU, ledger, residual, sequential, zoo

# 字节码要能写进缓存，否则每次都在量编译。
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

LARGE = ("vgg16", "resnet50")
LARGEST = LARGE[-1]
SLOWEST = 20e-3
"""现成的网络里，任何一个搭起来再算账，都不许超过这么多秒。"""

PEERS = r"""
import contextlib, io, sys, time, warnings
warnings.simplefilter("ignore")

def network(device="meta"):
    import torch, torchvision
    torch.set_num_threads(1)
    with torch.device(device):
        return torchvision.models.resnet50().eval(), torch.empty(1, 3, 224, 224)

def counter():
    from torch.utils.flop_counter import FlopCounterMode
    net, image = network()
    def count():
        with FlopCounterMode(display=False):
            net(image)
    return count

def torchinfo():
    import torchinfo
    net, image = network()
    return lambda: torchinfo.summary(net, input_data=image, verbose=0, device="meta")

def thop():
    import thop
    net, image = network()
    return lambda: thop.profile(net, (image,), verbose=False)

def fvcore():
    from fvcore.nn import FlopCountAnalysis
    net, image = network("cpu")
    return lambda: FlopCountAnalysis(net, image).unsupported_ops_warnings(False).total()

def ptflops():
    from ptflops import get_model_complexity_info
    net, _ = network("cpu")
    options = dict(as_strings=False, print_per_layer_stat=False, verbose=False)
    return lambda: get_model_complexity_info(net, (3, 224, 224), **options)

def calflops():
    from calflops import calculate_flops
    net, _ = network("cpu")
    options = dict(print_results=False, print_detailed=False, output_as_string=False)
    return lambda: calculate_flops(net, input_shape=(1, 3, 224, 224), **options)

def onnx():
    import pathlib
    import onnx
    path = pathlib.Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
    model = onnx.load(path)
    return lambda: onnx.shape_inference.infer_shapes(model)

name, turns = sys.argv[1], int(sys.argv[2])
try:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run, times = globals()[name](), []
        for _ in range(turns):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(min(times))
"""
TOOLS = {
    "counter": "torch FlopCounterMode",
    "torchinfo": "torchinfo",
    "thop": "thop",
    "fvcore": "fvcore",
    "ptflops": "ptflops",
    "calflops": "calflops",
    "onnx": "onnx.shape_inference（只有形状）",
}


def process(*arguments: str) -> float:
    """一个新进程从启动到结束的秒数。"""
    start = perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)  # noqa: S603
    return perf_counter() - start


def peer(python: str, tool: str, turns: int) -> tuple[float, float]:
    """一个工具算几次里最快的秒数，与整个进程的秒数。"""
    start = perf_counter()
    command = [python, "-c", PEERS, tool, str(turns)]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")  # noqa: S603
    return float(done.stdout), perf_counter() - start


def peers(missing: set[str]) -> dict[str, float]:
    """别家工具算一次的秒数，在进程里的与整个进程的；用不了的记进 `missing`，下一轮不再试。"""
    python, measured = os.environ.get("DLNOTES_PEERS"), dict[str, float]()
    for tool, label in TOOLS.items() if python else ():
        if tool in missing:
            continue
        try:
            inside, _ = peer(str(python), tool, 4)
            _, whole = peer(str(python), tool, 1)
        except subprocess.CalledProcessError as error:
            missing.add(tool)
            print(f"没有量 {label}：{error.stderr.strip()}")
        else:
            measured |= {f"{label}：在进程里": inside, f"{label}：整个进程": whole}
    return measured


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
    missing: set[str] = set()
    for turn in range(rounds + 1):
        zoo_times = {name: built(name) for name in zoo.names()}
        slowest = max(zoo_times, key=lambda name: zoo_times[name])
        turns = {
            "python -c 'import numpy'": process("-c", "import numpy"),
            "python -c pass": process("-c", "pass"),
            f"dlnotes show {LARGEST}": process("-m", "dlnotes", "show", LARGEST),
            "账本：200 个节点的图": seconds(large),
            **{f"账本：{name}": seconds(network) for name, network in networks.items()},
            **{f"搭起来再算：{name}": zoo_times[name] for name in LARGE},
            "搭起来再算：全部现成的网络": sum(zoo_times.values()),
            "搭起来再算：其中最慢的一个": zoo_times[slowest],
            **peers(missing),
        }
        for name, value in turns.items() if turn else ():  # 第一轮只为写好字节码、热好缓存
            measured.setdefault(name, []).append(value)
    floor, ours = measured["python -c 'import numpy'"], f"dlnotes show {LARGEST}"
    print(f"{rounds} 轮的中位数；比值相对于同一轮的 import numpy；别家的相对于同一轮的 dlnotes\n")
    for name, values in measured.items():
        base = floor
        if name.startswith(tuple(TOOLS.values())):
            base = measured[ours if name.endswith("整个进程") else f"账本：{LARGEST}"]
        ratio = median(value / one for value, one in zip(values, base, strict=True))
        print(f"{1000 * median(values):8.2f} 毫秒  {ratio:8.3f} 倍  {name}")
    if median(measured["搭起来再算：其中最慢的一个"]) > SLOWEST:
        sys.exit(f"{slowest} 超过 {1000 * SLOWEST:g} 毫秒。")


if __name__ == "__main__":
    main()
