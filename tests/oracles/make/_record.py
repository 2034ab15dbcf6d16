"""写 `tests/oracles/nn/<名字>.npz`：别人算的前向与梯度；由 `tests/nn/recorded.py` 读。

一个文件三项：`source` 是来源，连同版本与日期；`data` 是全部数组首尾相接的字节；`cases` 是 JSON 的清单，一例
一项：算子、选项，以及 `arrays`，它把数组的名字对到类型与形状，次序就是在 `data` 里的次序，`null` 是没有。
名字的第一段说它是什么：`in` 参数，`out` 输出，`d` 输出的梯度，`grad` 参数的梯度；名字都照我们的算子。
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

TARGET = Path(__file__).parents[1] / "nn"
DTYPES = ("float64", "float32")
Arrays = dict[str, Any]
Differentiate = Callable[
    [Callable[..., Any], Arrays, Arrays, Callable[..., Any]], tuple[Arrays, Arrays, Arrays]
]


class Record:
    """收集例子，最后写成一个文件。

    `differentiate(run, arrays, fixed, draw)` 算出前向，用 `draw(形状, 类型)` 抽输出的梯度，求 `arrays` 的
    梯度；返回输出、输出的梯度、参数的梯度三个字典。`digits` 是抽的数保留几位小数：少几位，文件就小。
    """

    def __init__(
        self,
        name: str,
        source: str,
        differentiate: Differentiate,
        *,
        seed: int = 20261123,
        digits: int | None = None,
    ) -> None:
        self.path = TARGET / f"{name}.npz"
        self.source = f"{source}（CPU，单线程），numpy {np.__version__}，{datetime.now(UTC):%Y-%m-%d}"
        self.differentiate, self.digits = differentiate, digits
        self.cases: list[dict[str, Any]] = []
        self.data: list[bytes] = []
        self.seed(seed)

    def seed(self, number: int) -> None:
        """从此的随机数由这个种子定。"""
        self.rng = np.random.default_rng(number)

    def normal(self, *shape: int) -> Any:
        """正态随机数。"""
        drawn = self.rng.standard_normal(shape)
        return drawn if self.digits is None else drawn.round(self.digits)

    def add(
        self,
        op: str,
        run: Callable[..., Any],
        arrays: Arrays,
        options: dict[str, Any] | None = None,
        *,
        fixed: Arrays | None = None,
    ) -> None:
        """记下一例。

        `run(*arrays, *fixed, **options)` 是别人的写法，返回一个数组（叫 `y`）或一个字典；我们的是
        `op(**arrays, **fixed, **options)`。`arrays` 求梯度（没有给的、布尔的，梯度是 `None`），`fixed` 不求。
        """
        options, fixed = options or {}, fixed or {}
        outputs, upstream, gradients = self.differentiate(
            lambda *given: run(*given, **options), arrays, fixed, lambda s, t: np.asarray(self.normal(*s), t)
        )
        groups = {"in": arrays | fixed, "out": outputs, "d": upstream, "grad": gradients}
        found = {
            f"{kind}.{name}": None if array is None else np.asarray(array)
            for kind, group in groups.items()
            for name, array in group.items()
        }
        listed = {key: None if a is None else [str(a.dtype), a.shape] for key, a in found.items()}
        self.cases.append({"op": op, "options": options, "arrays": listed})
        self.data += [array.tobytes() for array in found.values() if array is not None]

    def both(self, op: str, run: Callable[..., Any], arrays: Arrays, *rest: Any, **more: Any) -> None:
        """同样的数，float64 与 float32 各记一例。"""
        fixed = more.pop("fixed", {})
        for dtype in DTYPES:
            cast = [{name: _cast(array, dtype) for name, array in each.items()} for each in (arrays, fixed)]
            self.add(op, run, cast[0], *rest, fixed=cast[1], **more)

    def write(self) -> None:
        """写文件，打印大小；同样的例子写出同样的字节。"""
        cases = json.dumps(self.cases, ensure_ascii=False, separators=(",", ":"))
        data = np.frombuffer(b"".join(self.data), np.uint8)
        np.savez_compressed(self.path, source=np.array(self.source), cases=np.array(cases), data=data)
        print(f"{self.path.name}：{len(self.cases)} 例，{self.path.stat().st_size} 字节")


def _cast(array: Any, dtype: str) -> Any:
    return array.astype(dtype) if array is not None and array.dtype.kind == "f" else array
