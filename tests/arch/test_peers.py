"""别家工具的总数：与真的运行它们抄下的数比。"""

import json
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import (
    GELU,
    BatchNorm2d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Ledger,
    Linear,
    MaxPool2d,
    ReLU,
    ledger,
    residual,
    sequential,
    zoo,
)
from dlnotes.arch.peers import KNOWN, VERSIONS, total

ORACLE: Any = json.loads((Path(__file__).parents[1] / "oracles" / "peers.json").read_text(encoding="utf-8"))
NETWORKS = ("alexnet", "vgg16", "resnet18", "resnet50")


def conv(name: str, channels: int, size: int, stride: int = 1) -> list[Any]:
    layer = Conv2d(channels, size, stride=stride, padding=size // 2, bias=False)
    return [(f"conv{name}", layer), (f"bn{name}", BatchNorm2d())]


def resnet(depths: tuple[int, ...], deep: bool) -> Ledger:
    blocks: list[Any] = []
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride, channels = (2 if stage and not index else 1), 64 << stage
            first = conv("1", channels, 1) if deep else conv("1", channels, 3, stride)
            last = [*conv("2", channels, 3, stride), ("relu2", ReLU()), *conv("3", 4 * channels, 1)]
            body = [*first, ("relu1", ReLU()), *(last if deep else conv("2", channels, 3))]
            wide = index == 0 and (deep or stage)
            shortcut = conv("0", channels * (4 if deep else 1), 1, stride) if wide else []
            blocks.append((f"{stage}.{index}", [("skip", residual(body, shortcut)), ("relu", ReLU())]))
    stem = [*conv("1", 64, 7, 2), ("relu", ReLU()), ("pool", MaxPool2d(3, stride=2, padding=1))]
    head = [("avg", GlobalAvgPool()), ("flat", Flatten()), ("fc", Linear(1000))]
    return ledger(sequential("resnet", (3, 224, 224), [*stem, *blocks, *head]))


@cache
def book(name: str) -> Ledger:
    depths = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}
    return resnet(depths[name], name == "resnet50") if name in depths else ledger(zoo.load(name))


@pytest.mark.parametrize("tool", VERSIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_totals_equal_what_the_tools_print(name: str, tool: str) -> None:
    printed, found = ORACLE[name][tool], total(book(name), tool)
    if tool == "flopth":  # 每块里的几个激活是同一个模块，只记了最后一个
        shared = [row for row in book(name).rows if row.name.endswith((".relu1", ".relu2"))]
        assert bool(shared) == name.startswith("resnet")
        found -= sum(prod(row.output) for row in shared)
    assert found == printed


def test_the_versions_are_those_that_were_run() -> None:
    assert ORACLE["versions"] == VERSIONS
    assert len({ORACLE["vgg16"][tool] for tool in VERSIONS}) == 7


def test_mistakes() -> None:
    with pytest.raises(ValueError, match=r"^`tool` 应为 torch FlopCounterMode / .* 之一，得到 'netron'；"):
        total(book("vgg16"), "netron")
    with pytest.raises(ValueError, match=r"^`book` 应为批量为 1 的账本，得到 批量 2；"):
        total(ledger(zoo.load("vgg16"), batch=2), "thop")
    other = ledger(sequential("net", (3, 8, 8), [("conv", Conv2d(4, 3)), ("gelu", GELU())]))
    message = rf"^`book` 应为只有规则核对过的层，得到 gelu（GELU）；核对过的有 {'、'.join(KNOWN)}。$"
    with pytest.raises(ValueError, match=message):
        total(other, "torchinfo")
    assert {row.op for name in NETWORKS for row in book(name).rows} == set(KNOWN)
