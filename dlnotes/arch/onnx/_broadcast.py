"""广播：从最后一轴对齐，大小为 1 的轴随另一边。

References:
    ONNX, "Broadcasting in ONNX"（`docs/Broadcasting.md`）。
"""

from collections.abc import Sequence

from dlnotes._check import problem


def broadcast(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """从最后一轴对齐，大小为 1 的轴随另一边；对不上时抛出 `ValueError`。"""
    rank = max(len(left), len(right))
    padded = [(1,) * (rank - len(each)) + tuple(each) for each in (left, right)]
    sizes = []
    for one, other in zip(*padded, strict=True):
        if 1 not in (one, other) and one != other:
            got = f"{tuple(left)} 与 {tuple(right)}"
            raise ValueError(problem("shape", "相同、或有的轴为 1 的形状", got, "请检查两个输入"))
        sizes.append(max(one, other))
    return tuple(sizes)
