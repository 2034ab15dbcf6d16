"""CONTRIBUTING.md 里加一个网络的例子：照着做真的能用，大小与论文说的一样。"""

import re
from pathlib import Path
from typing import Any

from dlnotes.arch import ledger

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def test_the_example_of_a_network_is_the_one_of_the_paper() -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(example, str(GUIDE), "exec"), names)  # noqa: S102 自己写的例子
    book = ledger(names["resnet20_cifar"]())
    learned = [row for row in book.rows if row.op in ("Conv2d", "Linear") and "downsample" not in row.name]
    assert len(learned) == 20
    # 论文的 Table 6：0.27M；那里的旁路补零，不用 1×1 卷积，少两个 1×1 与它们的 BN。
    extra = sum(row.params for row in book.rows if "downsample" in row.name)
    assert extra == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert round((book.params - extra) / 1e6, 2) == 0.27
    # 逐项手算：开头、各段的 3×3、各个 BN、全连接。
    convs = 3 * 9 * 16 + 6 * 9 * 16**2 + 9 * 16 * 32 + 5 * 9 * 32**2 + 9 * 32 * 64 + 5 * 9 * 64**2
    norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert book.params - extra == convs + norms + 64 * 10 + 10
