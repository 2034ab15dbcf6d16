"""几个网络并排：每一列与各自的账本、与 torchvision 的总数比。"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dlnotes
from dlnotes.arch import Conv1d, Flatten, GlobalAvgPool, Linear, ledger, sequential, zoo
from dlnotes.comparison import HEADERS, Comparison, compare

ORACLES = Path(__file__).parent / "oracles" / "torchvision"
TORCHVISION = {
    name: json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8")) for name in ("alexnet", "vgg16")
}


def test_names_and_networks_side_by_side() -> None:
    both = compare("alexnet", zoo.load("vgg16"))
    columns = both.columns()
    assert list(columns) == list(HEADERS)
    assert columns["network"] == ["alexnet", "vgg16"]
    for name in ("params", "macs"):
        assert columns[name] == [TORCHVISION[network][name] for network in ("alexnet", "vgg16")]
    assert columns["layers"] == [22, 40]
    assert columns["last"] == ["avgpool", "avgpool"]
    assert (columns["rf"], columns["jump"]) == ([(195, 195), (212, 212)], [(32, 32)] * 2)
    assert dlnotes.compare is compare


def test_the_options_are_those_of_the_ledger() -> None:
    options: Any = {"dtype": "float16", "batch": 4, "gates": False, "inplace": True}
    both = compare("alexnet", "vgg16", input=256, **options)
    assert both.books == tuple(
        ledger(zoo.load(name), (3, 256, 256), **options) for name in ("alexnet", "vgg16")
    )
    assert compare("zf5", input=(3, 200, 300)).books[0].input == (3, 200, 300)
    assert both == Comparison(both.books)


def test_it_prints_as_a_table() -> None:
    lines = str(compare("alexnet", "vgg16")).splitlines()
    assert re.split(" {2,}", lines[0]) == list(HEADERS.values())
    assert [line.split()[0] for line in lines[1:]] == ["alexnet", "vgg16"]
    assert "138,357,544" in lines[2]
    assert compare("zf5").text({"params": "个数", "network": "谁"}).splitlines()[0].split() == ["个数", "谁"]


def test_a_network_that_sees_everything_has_no_last_field() -> None:
    net = sequential("net", (4, 6), [("pool", GlobalAvgPool()), ("flat", Flatten()), ("fc", Linear(2))])
    columns = compare(net).columns()
    assert [columns[name] for name in ("last", "rf", "jump", "start")] == [[None]] * 4


def test_mistakes() -> None:
    signal = sequential("net", (4, 6), [("conv", Conv1d(2, 3))])
    with pytest.raises(ValueError, match=r"^`networks` 应为至少一个网络，得到 0 个；"):
        compare()
    with pytest.raises(ValueError, match=r"^`input` 应为写全的形状，得到 8；"):
        compare(signal, input=8)
    with pytest.raises(ValueError, match=r"得到 'vgg'；"):
        compare("vgg")
    with pytest.raises(TypeError, match=r"^`network` 应为 Network，得到 3；"):
        compare(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`input` 应为不小于 1 的整数，得到 1.5；"):
        compare("zf5", input=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^`headers` 应为以下之一：network、.*，得到 \['size'\]；"):
        compare("zf5").text({"size": "大小"})
