"""卷积有多快：与同样多乘加的一次矩阵乘法比，比值取自同一轮，再取中位数；再量工作区占多少内存。

运行：.venv/bin/python bench/nn.py [轮数]

环境变量 DLNOTES_PEERS 写一个装了 torch 的 Python，就让它在每一轮里也算同一个卷积；没有装的不列。
都只用一个线程。
"""

import os

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
os.environ.update(THREADS)  # BLAS 在导入 numpy 时读

import subprocess  # noqa: E402
import sys  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable  # noqa: E402
from statistics import median  # noqa: E402
from time import perf_counter  # noqa: E402

import numpy as np  # noqa: E402

from dlnotes.nn import conv  # noqa: E402

BATCH, CHANNELS, SIZE, FILTERS, KERNEL = 8, 64, 56, 64, 3
SLOWEST = 1.6
"""`conv2d` 的时间不许超过同样多乘加的一次矩阵乘法的这么多倍。"""

PEER = f"""
import importlib.util, sys, time
if importlib.util.find_spec("torch"):
    import torch
    torch.set_num_threads(1)
    x = torch.randn({BATCH}, {CHANNELS}, {SIZE}, {SIZE})
    w = torch.randn({FILTERS}, {CHANNELS}, {KERNEL}, {KERNEL})
    times = []
    with torch.inference_mode():
        for _ in range(4):
            start = time.perf_counter()
            torch.nn.functional.conv2d(x, w, padding=1)
            times.append(time.perf_counter() - start)
    print(min(times))
"""


def seconds(run: Callable[[], object]) -> float:
    """跑一次的秒数，取三次里最快的。"""
    times = []
    for _ in range(3):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


def torch_seconds() -> dict[str, float]:
    """torch 在自己的进程里算一次的秒数，不含导入；没有就是空的。"""
    python = os.environ.get("DLNOTES_PEERS")
    if not python:
        return {}
    command = [python, "-c", PEER]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")  # noqa: S603
    return {"torch conv2d": float(done.stdout)} if done.stdout.strip() else {}


def workspace(batch: int) -> float:
    """`conv2d` 除了输出之外最多占多少 MiB。"""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, CHANNELS, SIZE, SIZE), dtype=np.float32)
    w = rng.standard_normal((FILTERS, CHANNELS, KERNEL, KERNEL), dtype=np.float32)
    tracemalloc.start()
    y = conv.conv2d(x, w, padding=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - y.nbytes) / 2**20


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, CHANNELS, SIZE, SIZE), dtype=np.float32)
    w = rng.standard_normal((FILTERS, CHANNELS, KERNEL, KERNEL), dtype=np.float32)
    columns = rng.standard_normal((CHANNELS * KERNEL**2, BATCH * SIZE**2), dtype=np.float32)
    matrix, dy = w.reshape(FILTERS, -1), conv.conv2d(x, w, padding=1)
    measured: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        turns = {
            "sgemm（同样多的乘加）": seconds(lambda: matrix @ columns),
            "conv2d": seconds(lambda: conv.conv2d(x, w, padding=1)),
            "conv2d_backward（乘加是两倍）": seconds(lambda: conv.conv2d_backward(dy, x, w, padding=1)),
            **torch_seconds(),
        }
        for name, value in turns.items() if turn else ():  # 第一轮只为热身
            measured.setdefault(name, []).append(value)
    floor = next(iter(measured.values()))
    print(f"N={BATCH} C={CHANNELS} {SIZE}×{SIZE} {KERNEL}×{KERNEL} F={FILTERS} float32，一个线程")
    print(f"{rounds} 轮的中位数；比值相对于同一轮的 sgemm\n")
    ratios = {}
    for name, values in measured.items():
        ratios[name] = median(value / base for value, base in zip(values, floor, strict=True))
        print(f"{1000 * median(values):8.2f} 毫秒  {ratios[name]:6.3f} 倍  {name}")
    for batch in (1, BATCH):
        print(f"{workspace(batch):8.2f} MiB    工作区，批量 {batch}")
    print(f"{columns.nbytes / 2**20:8.2f} MiB    整批一次排完的 im2col")
    if ratios["conv2d"] > SLOWEST:
        sys.exit(f"conv2d 超过 sgemm 的 {SLOWEST:g} 倍。")


if __name__ == "__main__":
    main()
