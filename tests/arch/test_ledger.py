"""账本：别的输入大小、数据类型、取列、报错。"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    BatchNorm2d,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Embedding,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    Ledger,
    Linear,
    MaxPool2d,
    Merge,
    Mul,
    Network,
    Node,
    Pad,
    PReLU,
    ReLU,
    Row,
    Sigmoid,
    Tokens,
    ToTokens,
    Upsample,
    ledger,
    memory,
    residual,
    sequential,
    zoo,
)
from dlnotes.arch.fields import Reach
from dlnotes.arch.layers import Layer, Shape
from dlnotes.arch.ledger import ATTRIBUTES

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


@pytest.mark.parametrize("shape", [(), [3, 224, 224], 224, (1, 3, 224, 224)], ids=str)
def test_bad_input(shape: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"^`input` 应为 \(C, H, W\) 三个正整数，得到 {re.escape(str(shape))}；"
    ):
        ledger(zoo.load("vgg16"), shape)


@pytest.mark.parametrize("shape", [(224, 224), (150528,), Tokens((196, 768))], ids=str)
def test_the_first_layer_says_what_it_cannot_take(shape: Any) -> None:
    """信号、向量、词都是合格的输入，只是接不上图像的卷积。"""
    message = r"^vgg16 的 conv1_1（Conv2d）：`shape` 应为 \(C, H, W\)，得到 .*" + re.escape(str(shape))
    with pytest.raises(ValueError, match=message):
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
    everything = book.columns({name: name for name in ATTRIBUTES})
    assert everything == {name: [getattr(row, name) for row in book.rows] for name in ATTRIBUTES}
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
    for axis in (2, -1, True, False):
        with pytest.raises(ValueError, match=rf"^`axis` 应为 0（高）、1（宽）或 None，得到 {axis}；.*。$"):
            book.columns(names, axis=axis)


def test_memory_is_computed_when_asked_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """账本快不快，一半看它；两个账本相等与否也与问没问过无关。"""
    asked: list[str] = []

    def counted(name: str) -> None:
        rule = getattr(memory, name)
        monkeypatch.setattr(
            memory, name, lambda *given, **options: asked.append(name) or rule(*given, **options)
        )

    counted("saved_bytes")
    counted("peak_bytes")
    book, other = ledger(zoo.load("zf5")), ledger(zoo.load("zf5"))
    assert not asked
    assert book.saved_bytes == sum(row.saved_bytes for row in book.rows) + book.saved_input_bytes
    assert asked == ["saved_bytes"]
    assert (book.peak_bytes, book.peak_node) == (other.peak_bytes, other.peak_node)
    assert asked == ["saved_bytes", "peak_bytes", "peak_bytes"]
    assert book == other
    assert hash(book) == hash(other)
    assert book != ledger(zoo.load("zf5"), inplace=True)
    assert "memory" not in repr(book)


@pytest.mark.parametrize("unknown", ["size", "count", "memory", "__class__", ""])
def test_unknown_columns(unknown: str) -> None:
    """`Row` 的方法、别的属性都不算列。"""
    names = (
        "name、op、output、params、macs、activation_bytes、saved_bytes、rf、jump、start、reason、"
        "inputs、parameters、buffers、operations"
    )
    assert {*names.split("、"), "memory"} == {*Row.__annotations__, "saved_bytes"}
    with pytest.raises(ValueError, match=rf"^`columns` 应为以下之一：{names}，得到 \['{unknown}'\]；.*。$"):
        ledger(zoo.load("zf5")).columns({"层": "name", "值": unknown})


def test_dtype_must_be_a_name() -> None:
    with pytest.raises(ValueError, match=r"^`dtype` 应为 float64 / .* 之一，得到 \['float32'\]；"):
        ledger(zoo.load("zf5"), dtype=["float32"])  # type: ignore[arg-type]


def test_pooling_needs_an_image() -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 \(\)；"):
        MaxPool2d(2).output(())


def fork(*joins: Node) -> Ledger:
    """两条分支的步距是 2 和 4，大小却碰巧一样（裁成 3×3）。"""
    nodes = (
        Node("near", Conv2d(4, 1, stride=2), ("input",)),
        Node("far", Conv2d(4, 1, stride=4), ("input",)),
        Node("crop", Pad(((0, -2), (-2, 0))), ("near",)),
    )
    return ledger(Network("net", (3, 9, 9), (*nodes, *joins)))


def test_the_reason_starts_with_the_first_irregular_node_and_is_copied_downstream() -> None:
    joined = Node("join", Add(), ("far", "crop"))
    nodes = [
        joined,
        Node("relu", ReLU(), ("join",)),
        Node("conv", Conv2d(4, 3, stride=2, padding=1), ("relu",)),
        Node("up", Upsample(3), ("conv",)),  # 自己也不等距，但最先说不清的是 join
        Node("again", Concat(), ("far", "join")),
        Node("pool", GlobalAvgPool(), ("again",)),
        Node("gate", Mul(), ("far", "far")),
    ]
    book = fork(*nodes)
    reason = "join：各分支的步距不同（2 与 4 像素）"
    for name in ("join", "relu", "conv", "up", "again"):
        row = book[name]
        assert (row.rf, row.jump, row.start, row.reason) == (None, None, None, reason), name
    assert (book["pool"].rf, book["pool"].reason) == ("all", None)
    assert [book[name].reason for name in ("near", "far", "crop", "gate")] == [None] * 4
    assert book["crop"].start == (0, 4)


def test_each_irregular_node_gives_its_own_reason() -> None:
    book = fork(
        Node("up", ConvTranspose2d(4, 3, stride=(2, 1)), ("far",)),
        Node("one", Add(), ("far", "crop")),
        Node("two", Concat(), ("crop", "far")),
        Node("first", Concat(), ("two", "crop", "one")),
        Node("second", Concat(), ("one", "crop", "two")),
    )
    assert book["up"].reason == "up：转置卷积的步长是 2×1，相邻单元看到的位置不等距"
    assert book["one"].reason == "one：各分支的步距不同（2 与 4 像素）"
    assert book["two"].reason == "two：各分支的步距不同（2 与 4 像素）"
    assert (book["first"].reason, book["second"].reason) == (book["two"].reason, book["one"].reason)


def test_one_value_broadcast_to_all_positions_has_no_field() -> None:
    """1×1 的图由卷积得来，只看到一部分输入，却乘到每个位置上。"""
    layers = (
        Node("one", Conv2d(4, 9), ("input",)),
        Node("map", Conv2d(4, 1), ("input",)),
        Node("mul", Mul(), ("map", "one")),
        Node("channel", Conv2d(1, 3, padding=1), ("map",)),
        Node("mask", Mul(), ("channel", "map")),
    )
    book = ledger(Network("net", (3, 9, 9), layers))
    assert book["one"].rf == (9, 9)
    for gates in (True, False):
        row = ledger(Network("net", (3, 9, 9), layers), gates=gates)["mul"]
        assert (row.rf, row.reason) == (None, "mul：一个位置的值广播到了所有位置")
    assert (book["mask"].output, book["mask"].rf) == ((4, 9, 9), (3, 3))  # 只在通道上广播，位置不变


def test_signals_and_tokens_have_one_axis() -> None:
    signal = ledger(
        sequential("net", (4, 20), [("a", Conv1d(8, 5, stride=2)), ("t", ToTokens()), ("n", LayerNorm())])
    )
    assert [(row.output, row.rf, row.jump, row.start) for row in signal.rows] == [
        ((8, 8), (5,), (2,), (0,)),
        ((8, 8), (5,), (2,), (0,)),
        ((8, 8), (5,), (2,), (0,)),
    ]
    words = ledger(
        sequential("net", (7,), [("word", Embedding(10, 4)), ("cls", ClassToken()), ("n", LayerNorm())])
    )
    assert [(row.output, row.rf) for row in words.rows] == [((7, 4), (1,)), ((8, 4), None), ((8, 4), None)]


def everything() -> Network:
    """四种 `rf` 都有：数、`"all"`、`None`、门之后。"""
    layers: Any = [
        ("conv", Conv2d(4, 3, stride=2, padding=1, bias=False)),
        ("bn", BatchNorm2d()),
        ("prelu", PReLU(4)),
        ("block", residual([("conv", Conv2d(4, 3, padding=1)), ("pool", AvgPool2d(3, stride=1, padding=1))])),
        ("up", Upsample(2, mode="bilinear")),
        ("near", Upsample(2)),
        ("pool", GlobalAvgPool()),
        ("sigmoid", Sigmoid()),
        ("flat", Flatten()),
        ("fc", Linear(5)),
    ]
    return sequential("everything", (3, 8, 8), layers)


def test_totals_by_kind_are_sums_of_the_rows_by_hand() -> None:
    book = ledger(everything())
    assert book.parameters == {
        "weight": 4 * 3 * 9 + 4 * 4 * 9 + 4 * 5,
        "norm": 2 * 4,
        "activation": 4,
        "bias": 4 + 5,
    }
    assert book.buffers == 2 * 4
    assert book.operations == {
        "conv": 16 * (4 * 27 + 4 * 36),
        "norm": 64,
        "activation": 64 + 4,
        "bias": 64 + 5,
        "pooling": 64 * 9 + 4 * 16 * 16,
        "elementwise": 64,
        "other": 4 * 8 * 8,
        "linear": 4 * 5,
    }
    assert book.params == sum(book.parameters.values()) == sum(row.params for row in book.rows)
    assert book.macs == book.operations["conv"] + book.operations["linear"]
    assert [row.buffers for row in book.rows if row.buffers] == [8]
    assert (book["bn"].params, book["bn"].buffers, book["bn"].parameters) == (8, 8, {"norm": 8})
    for row in book.rows:
        assert row.params == sum(row.parameters.values())
        assert row.macs == sum(row.operations.get(kind, 0) for kind in ("conv", "linear", "attention"))


def test_empty_networks_have_empty_totals() -> None:
    book = ledger(sequential("empty", (1, 4, 4), []))
    assert (book.parameters, book.operations, book.buffers, book.uncounted) == ({}, {}, 0, ())
    assert ledger(zoo.load("zf5")).buffers == 0


def test_uncounted_names_only_what_could_not_be_counted() -> None:
    """双线性插值有运算，不算乘加；最近邻只是复制。"""
    book = ledger(everything())
    assert book.uncounted == ("up",)
    assert book["up"].macs == book["near"].macs == 0
    assert dict(book["near"].operations) == {}
    assert ledger(zoo.load("vgg16")).uncounted == ()


def test_rows_say_where_their_input_comes_from() -> None:
    book = ledger(everything())
    assert book["conv"].inputs == ("input",)
    assert book["block.add"].inputs == ("block.pool", "prelu")
    assert {row.name: row.inputs for row in book.rows} == {
        node.name: node.inputs for node in everything().nodes
    }


@pytest.mark.parametrize("gates", [True, False])
def test_the_dictionary_is_json_with_exactly_these_keys(gates: bool) -> None:
    book = ledger(everything(), (3, 10, 8), gates=gates)
    plain = book.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain) == ["network", "input", "batch", "total", "layers"]
    assert (plain["network"], plain["input"]) == ("everything", [3, 10, 8])
    names = ["params", "macs", "activation_bytes", "saved_bytes", "peak_bytes", "peak_node"]
    totals = {name: getattr(book, name) for name in names}
    assert plain["total"] == totals
    assert list(plain["total"]) == list(totals)  # type: ignore[call-overload]
    keys = [
        "name",
        "op",
        "output",
        "params",
        "macs",
        "activation_bytes",
        "saved_bytes",
        "rf",
        "jump",
        "start",
    ]
    layers: Any = plain["layers"]
    assert [list(layer) for layer in layers] == [keys] * len(book.rows)
    for layer, row in zip(layers, book.rows, strict=True):
        assert {key: tuple(value) if isinstance(value, list) else value for key, value in layer.items()} == {
            key: getattr(row, key) for key in keys
        }
    by_name = {layer["name"]: [layer["rf"], layer["jump"], layer["start"]] for layer in layers}
    assert by_name["conv"] == [[3, 3], [2, 2], [-1, -1]]
    assert by_name["block.add"] == [[11, 11], [2, 2], [-5, -5]]
    assert by_name["up"] == [None, None, None]
    assert by_name["fc"] == ["all", None, None]


@pytest.mark.parametrize("batch", [2, 7])
def test_a_batch_multiplies_what_scales_with_samples_and_nothing_else(batch: int) -> None:
    """逐样本的和：N 个样本就是 N 本账相加；参数、缓冲、形状、感受野只有一份。"""
    network = everything()
    one, many = ledger(network), ledger(network, batch=batch)
    assert (one.batch, many.batch, many.as_dict()["batch"]) == (1, batch, batch)
    assert (many.params, many.buffers, many.parameters) == (one.params, one.buffers, one.parameters)
    assert many.operations == {kind: sum([count] * batch) for kind, count in one.operations.items()}
    for before, after in zip(one.rows, many.rows, strict=True):
        for name in ("name", "op", "output", "params", "rf", "jump", "start", "parameters", "buffers"):
            assert getattr(after, name) == getattr(before, name)
        for name in ("macs", "activation_bytes"):
            assert getattr(after, name) == sum([getattr(before, name)] * batch)
    assert many.macs == sum(row.macs for row in many.rows) > 0
    assert many.activation_bytes == sum(row.activation_bytes for row in many.rows) > 0


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "2", None], ids=repr)
def test_a_batch_is_a_positive_integer(batch: Any) -> None:
    error = ValueError if batch in (0, -1) and batch is not True else TypeError
    with pytest.raises(error, match=rf"^`batch` 应为不小于 1 的整数，得到 {re.escape(repr(batch))}；"):
        ledger(zoo.load("zf5"), batch=batch)


@pytest.mark.parametrize("gates", [1, 0, None, "no"], ids=repr)
def test_gates_is_a_switch(gates: Any) -> None:
    with pytest.raises(TypeError, match=rf"^`gates` 应为 True 或 False，得到 {gates!r}；"):
        ledger(zoo.load("zf5"), gates=gates)


def test_a_long_list_of_nodes_is_cut() -> None:
    """没有相近的名字时，最多列 12 个。"""
    book = ledger(zoo.load("vgg16"))
    first = "、".join(row.name for row in book.rows[:12])
    with pytest.raises(
        ValueError, match=rf"^`name` 应为 vgg16 的节点名，得到 'xyz'；可用的有 {first}、……。$"
    ):
        book["xyz"]
    with pytest.raises(ValueError, match=r"得到 'conv5_4'；可用的有 conv5_\d、conv5_\d、conv\d_\d。$"):
        book["conv5_4"]
    twelve = ledger(sequential("net", (1, 1, 1), [(f"n{i:02}", ReLU()) for i in range(12)]))
    with pytest.raises(ValueError, match=r"可用的有 n00、.*、n11。$"):
        twelve["xyz"]


def test_columns_of_some_kinds() -> None:
    """层的种类可以是没有用到的，也可以是自己写的；写错了就报错。"""

    class Own(Layer):
        """自己写的层。"""

    layers: Any = [("a", ReLU()), ("b", Own()), ("c", Sigmoid())]
    book = ledger(sequential("net", (1, 4, 4), layers))
    assert book.columns({"层": "name"}, ops=("Own", "ReLU", "MultiheadAttention", "Add")) == {
        "层": ["a", "b"]
    }
    for ops in (("relu",), "ReLU", ("ReLU", "Layers"), ("Nothing",)):
        got = re.escape(repr(ops))
        with pytest.raises(
            ValueError, match=rf"^`ops` 应为元组，元素取自 ReLU、Own、Sigmoid，得到 {got}；.*。$"
        ):
            book.columns({"层": "name"}, ops=ops)  # type: ignore[arg-type]


def test_own_layers_and_merges_need_only_what_differs() -> None:
    class Largest(Merge):
        """逐元素取最大：只写形状。"""

        def output(self, shapes: Any, /) -> Any:
            return shapes[0]

    nodes = (
        Node("conv", Conv2d(3, 3, padding=1), ("input",)),
        Node("max", Largest(), ("input", "conv")),
        Node("base", Layer(), ("max",)),
    )
    book = ledger(Network("net", (3, 8, 8), nodes))
    for name in ("max", "base"):
        row = book[name]
        assert (row.output, row.rf, row.jump, row.start) == ((3, 8, 8), (3, 3), (1, 1), (-1, -1))
        assert (row.params, row.macs, row.buffers, row.parameters, row.operations) == (0, 0, 0, {}, {})
    with pytest.raises(NotImplementedError):
        Network("net", (3, 8, 8), (Node("merge", Merge(), ("input",)),)).shapes()


def test_a_ledger_can_be_a_key() -> None:
    assert len({ledger(zoo.load("zf5")), ledger(zoo.load("zf5")), ledger(zoo.load("vgg16"))}) == 2


def test_gates_apply_to_every_kind_of_merge() -> None:
    """自己写的汇合层也可以是门。"""

    class Gated(Merge):
        def output(self, shapes: Sequence[Shape], /) -> Shape:
            return shapes[0]

        def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
            return ["gate"] * len(shapes)

    network = Network("net", (3, 8, 8), (Node("gated", Gated(), ("input", "input")),))
    assert ledger(network)["gated"].rf == "all"
    assert ledger(network, gates=False)["gated"].rf == (1, 1)


def test_one_input_needs_no_addition() -> None:
    network = Network("net", (3, 8, 8), (Node("add", Add(), ("input",)), Node("mul", Mul(), ("add",))))
    assert ledger(network).operations == {}
