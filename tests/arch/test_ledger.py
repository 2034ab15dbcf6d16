"""账本：别的输入大小、数据类型、取列、报错。"""

import json
from collections.abc import Iterator
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    Conv2d,
    Flatten,
    Ledger,
    Linear,
    MaxPool2d,
    Network,
    Row,
    ledger,
    sequential,
    zoo,
)
from dlnotes.arch.layers import Layer

ORACLES = Path(__file__).parents[1] / "oracles"


def slim_alexnet() -> Network:
    """TF-Slim 的 alexnet_v2（`slim/nets/alexnet.py`）：第一层和池化不补零（VALID），其余补到大小不变。"""
    pool = MaxPool2d(3, stride=2)
    return sequential(
        "alexnet_v2",
        (3, 224, 224),
        [
            ("conv1", Conv2d(64, 11, stride=4)),
            ("pool1", pool),
            ("conv2", Conv2d(192, 5, padding=2)),
            ("pool2", pool),
            ("conv3", Conv2d(384, 3, padding=1)),
            ("conv4", Conv2d(384, 3, padding=1)),
            ("conv5", Conv2d(256, 3, padding=1)),
            ("pool5", pool),
        ],
    )


def flops(book: Ledger, pooling_window: int) -> Iterator[int]:
    """TensorFlow 的 profiler 的算法：乘加算 2，偏置每个输出加 1 次，最大池化每个输出比较 k×k 次。"""
    for row in book.rows:
        extra = {"Conv2d": 1, "MaxPool2d": pooling_window**2}.get(row.op, 0)
        yield 2 * row.macs + extra * prod(row.output)


@pytest.mark.parametrize("size", [224, 321])
@pytest.mark.parametrize("table", ["alexnet_v2", "vgg_16"])
def test_flops_equal_the_table_of_distill(table: str, size: int) -> None:
    """表里给到 0.001 GFLOPs；321 除不尽，每层都要取整，取错一处总数就不对。"""
    network, pooling_window = (slim_alexnet(), 3) if table == "alexnet_v2" else (zoo.load("vgg16"), 2)
    endpoints = json.loads((ORACLES / "receptive_slim.json").read_text(encoding="utf-8"))[table]["endpoints"]
    book = ledger(network, (3, size, size))
    names = [row.name for row in book.rows]
    total = dict(zip(names, accumulate(flops(book, pooling_window)), strict=True))
    assert len(endpoints) >= 7
    for name, *_, at_224, at_321 in endpoints:
        expected = {224: at_224, 321: at_321}[size]
        assert total[name] / 1e9 == pytest.approx(expected, abs=0.00051, rel=0), name


def features(name: str) -> list[str]:
    return [row.name for row in ledger(zoo.load(name)).rows if row.op in ("Conv2d", "MaxPool2d")]


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "zf5"])
def test_the_two_axes_do_not_mix(name: str) -> None:
    """非方的输入：高这一轴与边长为高的方图相同，宽这一轴与边长为宽的方图相同。"""
    network = zoo.load(name)
    wide, tall = ledger(network, (3, 224, 288)), ledger(network, (3, 288, 224))
    small, large = ledger(network, (3, 224, 224)), ledger(network, (3, 288, 288))
    for layer in features(name):
        channels, height, width = wide[layer].output
        assert height == small[layer].output[1]
        assert width == large[layer].output[2]
        assert tall[layer].output == (channels, width, height)
        assert wide[layer].rf == tall[layer].rf == small[layer].rf
        assert wide[layer].start == tall[layer].start
        assert wide[layer].macs * height == small[layer].macs * width
        assert wide[layer].params == small[layer].params


def test_asymmetric_kernels_keep_height_first() -> None:
    layers: list[tuple[str, Layer]] = [
        ("conv", Conv2d(2, (3, 5), stride=(2, 1), padding=(0, 2))),
        ("pool", MaxPool2d((1, 2))),
    ]
    book = ledger(sequential("net", (1, 7, 10), layers))
    conv, pool = book.rows
    assert (conv.output, conv.rf, conv.jump, conv.start) == ((2, 3, 10), (3, 5), (2, 1), (0, -2))
    assert (pool.output, pool.rf, pool.jump, pool.start) == ((2, 3, 5), (3, 6), (2, 2), (0, -2))


def test_larger_inputs() -> None:
    """边长翻倍：五次减半都除得尽，卷积的乘加恰好 4 倍；自适应池化之后的全连接不变。"""
    network = zoo.load("vgg16")
    small, large = ledger(network), ledger(network, (3, 448, 448))
    assert large.params == small.params
    for before, after in zip(small.rows, large.rows, strict=True):
        factor = 4 if before.op == "Conv2d" else 1
        assert after.macs == factor * before.macs, after.name
    assert large["pool5"].output == (512, 14, 14)
    assert large["avgpool"].rf == (212 + 32, 212 + 32)  # 每个输出平均 2×2 个 pool5
    assert large["avgpool"].jump == (64, 64)
    assert large["avgpool"].start == (-90, -90)


def test_alexnet_at_256() -> None:
    """手算：⌊(256+4-11)/4⌋+1=63，⌊60/2⌋+1=31，15，7。"""
    book = ledger(zoo.load("alexnet"), (3, 256, 256))
    sizes = [book[name].output[1] for name in ("conv1", "pool1", "pool2", "pool5", "avgpool")]
    assert sizes == [63, 31, 15, 7, 6]
    assert book.input == (3, 256, 256)
    assert book.params == ledger(zoo.load("alexnet")).params
    # 7→6 的窗口整齐：每个输出平均相邻的 2×2 个 pool5
    assert (book["pool5"].rf, book["avgpool"].rf) == ((195, 195), (195 + 32, 195 + 32))
    assert book["avgpool"].jump == (32, 32)


def test_irregular_adaptive_pooling_has_no_field_until_everything_is_seen() -> None:
    """288 到 avgpool 是 9→7：窗口是 2、3 个相间，说不出一个感受野；展平之后看到整个输入。"""
    book = ledger(zoo.load("vgg16"), (3, 288, 288))
    assert book["pool5"].output == (512, 9, 9)
    row = book["avgpool"]
    assert (row.output, row.rf, row.jump, row.start) == ((512, 7, 7), None, None, None)
    after = book.rows[[row.name for row in book.rows].index("flatten") :]
    assert {(row.rf, row.jump, row.start) for row in after} == {("all", None, None)}
    layers: list[tuple[str, Layer]] = [("pool", AdaptiveAvgPool2d(7)), ("conv", Conv2d(2, 3))]
    conv = ledger(sequential("net", (1, 9, 9), layers))["conv"]
    assert (conv.output, conv.rf, conv.jump, conv.start) == ((2, 5, 5), None, None, None)


def test_one_irregular_axis_is_enough() -> None:
    for shape in [(1, 14, 9), (1, 9, 14)]:
        assert ledger(sequential("net", shape, [("pool", AdaptiveAvgPool2d(7))]))["pool"].rf is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8"])
def test_bytes_equal_those_of_numpy(dtype: str) -> None:
    numpy = pytest.importorskip("numpy")
    check_bytes(dtype, numpy.dtype(dtype).itemsize)


def test_bfloat16_has_sixteen_bits() -> None:
    check_bytes("bfloat16", 2)


def check_bytes(dtype: str, size: int) -> None:
    book = ledger(zoo.load("alexnet"), dtype=dtype)
    assert [row.activation_bytes for row in book.rows] == [prod(row.output) * size for row in book.rows]
    assert book.activation_bytes == size * sum(prod(row.output) for row in book.rows)
    assert book.params == ledger(zoo.load("alexnet")).params


def test_float32_is_the_default() -> None:
    network = zoo.load("alexnet")
    assert ledger(network) == ledger(network, (3, 224, 224), "float32") == ledger(network, dtype="float32")


@pytest.mark.parametrize("dtype", ["float", "Float32", "int4", ""])
def test_unknown_dtype(dtype: str) -> None:
    with pytest.raises(ValueError, match=rf"^`dtype` 应为 float64 / .*int8 之一，得到 '{dtype}'；.*。$"):
        ledger(zoo.load("zf5"), dtype=dtype)


def test_totals_are_sums_of_the_rows() -> None:
    conv, linear = Conv2d(2, 3), Linear(5)
    book = ledger(sequential("net", (1, 4, 4), [("conv", conv), ("flat", Flatten()), ("fc", linear)]))
    assert book.params == (2 * 9 + 2) + (8 * 5 + 5)
    assert book.macs == 2 * 2 * 2 * 9 + 8 * 5
    assert book.activation_bytes == 4 * (8 + 8 + 5)
    empty = ledger(sequential("empty", (1, 4, 4), []))
    assert (empty.params, empty.macs, empty.activation_bytes, empty.rows) == (0, 0, 0, ())


def test_errors_name_network_node_op_window_and_size() -> None:
    """VGG16 减半五次：16 到 pool5 只剩 1×1。"""
    message = r"^vgg16 的 pool5（MaxPool2d）：窗口 2×2 大于到达它的 1×1（两端各补 0×0）；.*。$"
    with pytest.raises(ValueError, match=message):
        ledger(zoo.load("vgg16"), (3, 16, 16))
    with pytest.raises(
        ValueError, match=r"^alexnet 的 conv1（Conv2d）：窗口 11×11 大于到达它的 5×224（两端各补 2×2）"
    ):
        ledger(zoo.load("alexnet"), (3, 5, 224))
    conv2 = [("conv2", Conv2d(256, 5, groups=2))]
    with pytest.raises(
        ValueError, match=r"^net 的 conv2（Conv2d）：`groups` 应为输入通道数 3 的约数，得到 2；"
    ):
        ledger(sequential("net", (3, 27, 27), conv2))
    with pytest.raises(
        ValueError, match=r"^net 的 fc（Linear）：`shape` 应为 \(F,\)，得到 \(3, 4, 4\)；.*Flatten。$"
    ):
        ledger(sequential("net", (3, 4, 4), [("fc", Linear(2))]))
    with pytest.raises(ValueError, match=r"^net 的 conv（Conv2d）：`shape` 应为 \(C, H, W\)，得到 \(48,\)；"):
        ledger(sequential("net", (3, 4, 4), [("flat", Flatten()), ("conv", Conv2d(2, 1))]))


@pytest.mark.parametrize("shape", [(224, 224), [3, 224, 224], 224, (1, 3, 224, 224)], ids=str)
def test_bad_input(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"^`input` 应为 \(C, H, W\) 三个正整数，得到 "):
        ledger(zoo.load("vgg16"), shape)


def test_rows_by_name() -> None:
    book = ledger(zoo.load("zf5"))
    assert [book[row.name] for row in book.rows] == list(book.rows)
    with pytest.raises(ValueError, match=r"得到 'conv1'；"):  # 只认全名：vgg16 的是 conv1_1
        ledger(zoo.load("vgg16"))["conv1"]
    with pytest.raises(
        ValueError, match=r"^`name` 应为 zf5 的节点名，得到 'fc6'；可用的有 conv1、relu1、.*relu5。$"
    ):
        book["fc6"]


def test_columns() -> None:
    book = ledger(zoo.load("zf5"))
    everything = book.columns({name: name for name in Row.__annotations__})
    assert everything == {name: [getattr(row, name) for row in book.rows] for name in Row.__annotations__}
    some = book.columns({"感受野": "rf", "层": "name"}, ops=("MaxPool2d",))
    assert list(some) == ["感受野", "层"]
    assert some == {"感受野": [(11, 11), (43, 43)], "层": ["pool1", "pool2"]}
    assert book.columns({"层": "name"}, ops=("Linear",)) == {"层": []}
    assert book.columns({}) == {}


def test_columns_of_one_axis() -> None:
    """只有 `rf`、`jump`、`start` 分方向；形状还是整个元组，`"all"`、`None` 照旧。"""
    layers: list[tuple[str, Layer]] = [
        ("conv", Conv2d(2, (3, 5), stride=(2, 1), padding=(0, 2))),
        ("flat", Flatten()),
    ]
    book = ledger(sequential("net", (1, 7, 10), layers))
    names = {name: name for name in ("output", "rf", "jump", "start")}
    outputs = [(2, 3, 10), (60,)]
    both = {"rf": [(3, 5), "all"], "jump": [(2, 1), None], "start": [(0, -2), None]}
    assert book.columns(names) == {"output": outputs, **both}
    rows = {"rf": [3, "all"], "jump": [2, None], "start": [0, None]}
    assert book.columns(names, axis=0) == {"output": outputs, **rows}
    columns = {"rf": [5, "all"], "jump": [1, None], "start": [-2, None]}
    assert book.columns(names, axis=1) == {"output": outputs, **columns}
    for axis in (2, -1):
        with pytest.raises(ValueError, match=rf"^`axis` 应为 0（高）、1（宽）或 None，得到 {axis}；.*。$"):
            book.columns(names, axis=axis)


@pytest.mark.parametrize("unknown", ["size", "count", "__class__", ""])
def test_unknown_columns(unknown: str) -> None:
    """`Row` 的方法、别的属性都不算列。"""
    with pytest.raises(
        ValueError, match=rf"^`columns` 应为以下之一：name、op、.*start，得到 \['{unknown}'\]；.*。$"
    ):
        ledger(zoo.load("zf5")).columns({"层": "name", "值": unknown})


def test_dtype_must_be_a_name() -> None:
    with pytest.raises(ValueError, match=r"^`dtype` 应为 float64 / .* 之一，得到 \['float32'\]；"):
        ledger(zoo.load("zf5"), dtype=["float32"])  # type: ignore[arg-type]


def test_pooling_needs_an_image() -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 \(\)；"):
        MaxPool2d(2).output(())
