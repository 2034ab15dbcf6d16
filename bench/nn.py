"""参考算子有多快：比值取自同一轮，再取中位数。

卷积与同样多乘加的一次矩阵乘法比，再量工作区占多少内存；注意力与层归一化与 torch 比。

运行：.venv/bin/python bench/nn.py [轮数]

环境变量 DLNOTES_PEERS 写一个装了 torch 的 Python，就让它在每一轮里也算同样的；没有就只列我们的时间。
都只用一个线程。
"""

import json
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

from dlnotes.nn import attention, conv, layer_normalization  # noqa: E402

BATCH, CHANNELS, SIZE, FILTERS, KERNEL = 8, 64, 56, 64, 3
SLOWEST = 1.6
"""`conv2d` 的时间不许超过同样多乘加的一次矩阵乘法的这么多倍。"""

HEADS = (2, 8, 512, 64)
"""注意力的查询、键、值：批量、头、长度、特征。"""
ROWS = (4096, 768)
"""层归一化的输入。"""
TIMES_TORCH = {"因果注意力": 2.0, "层归一化": 5.0}
"""不许超过 torch 的这么多倍。层归一化慢在 numpy 要把数读写好几遍，torch 只读一遍、写一遍。"""

PEER = f"""
import importlib.util, json, time
if importlib.util.find_spec("torch"):
    import torch
    from torch.nn import functional as F
    torch.set_num_threads(1)
    x = torch.randn({BATCH}, {CHANNELS}, {SIZE}, {SIZE})
    w = torch.randn({FILTERS}, {CHANNELS}, {KERNEL}, {KERNEL})
    q, k, v = torch.randn(3, *{HEADS})
    rows, (scale, shift) = torch.randn({ROWS}), torch.randn(2, {ROWS[-1]})
    runs = {{
        "conv2d": lambda: F.conv2d(x, w, padding=1),
        "因果注意力": lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        "层归一化": lambda: F.layer_norm(rows, {ROWS[-1:]}, scale, shift),
    }}
    best = {{}}
    with torch.inference_mode():
        for name, run in runs.items():
            for _ in range(4):
                start = time.perf_counter()
                run()
                best[name] = min(best.get(name, 9), time.perf_counter() - start)
    print(json.dumps(best))
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
    """torch 在自己的进程里各算一次的秒数，不含导入；没有就是空的。"""
    python = os.environ.get("DLNOTES_PEERS")
    if not python:
        return {}
    command = [python, "-c", PEER]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")  # noqa: S603
    found = json.loads(done.stdout) if done.stdout.strip() else {}
    return {f"torch {name}": value for name, value in found.items()}


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


def ratio(measured: dict[str, list[float]], name: str, other: str) -> float:
    """同一轮里两者之比的中位数。"""
    return median(a / b for a, b in zip(measured[name], measured[other], strict=True))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, CHANNELS, SIZE, SIZE), dtype=np.float32)
    w = rng.standard_normal((FILTERS, CHANNELS, KERNEL, KERNEL), dtype=np.float32)
    columns = rng.standard_normal((CHANNELS * KERNEL**2, BATCH * SIZE**2), dtype=np.float32)
    matrix, dy = w.reshape(FILTERS, -1), conv.conv2d(x, w, padding=1)
    q, k, v = rng.standard_normal((3, *HEADS), dtype=np.float32)
    rows = rng.standard_normal(ROWS, dtype=np.float32)
    scale, shift = rng.standard_normal((2, ROWS[-1]), dtype=np.float32)
    measured: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        turns = {
            "sgemm（同样多的乘加）": seconds(lambda: matrix @ columns),
            "conv2d": seconds(lambda: conv.conv2d(x, w, padding=1)),
            "conv2d_backward（乘加是两倍）": seconds(lambda: conv.conv2d_backward(dy, x, w, padding=1)),
            "因果注意力": seconds(lambda: attention.scaled_dot_product_attention(q, k, v, is_causal=True)),
            "层归一化": seconds(lambda: layer_normalization.layer_norm(rows, ROWS[-1], scale, shift)),
            **torch_seconds(),
        }
        for name, value in turns.items() if turn else ():  # 第一轮只为热身
            measured.setdefault(name, []).append(value)
    print(f"N={BATCH} C={CHANNELS} {SIZE}×{SIZE} {KERNEL}×{KERNEL} F={FILTERS} float32，一个线程")
    print(f"{rounds} 轮的中位数；比值相对于同一轮的 sgemm\n")
    floor, *_ = measured
    for name, values in measured.items():
        against = f"{ratio(measured, name, floor):6.3f} 倍" if "conv2d" in name else " " * 9
        print(f"{1000 * median(values):8.2f} 毫秒  {against}  {name}")
    print()
    slow = []
    for name, most in TIMES_TORCH.items() if "torch conv2d" in measured else ():
        times = ratio(measured, name, f"torch {name}")
        print(f"{times:8.2f} 倍    {name}，相对于同一轮的 torch，不许超过 {most:g}")
        slow += [f"{name}超过 torch 的 {most:g} 倍。"] if times > most else []
    for batch in (1, BATCH):
        print(f"{workspace(batch):8.2f} MiB    工作区，批量 {batch}")
    print(f"{columns.nbytes / 2**20:8.2f} MiB    整批一次排完的 im2col")
    if ratio(measured, "conv2d", floor) > SLOWEST:
        slow.append(f"conv2d 超过 sgemm 的 {SLOWEST:g} 倍。")
    if slow:
        sys.exit("\n".join(slow))


if __name__ == "__main__":
    main()
