"""现成的网络：逐层与 torchvision、Caffe、TF-Slim、论文的数比；来源见 tests/oracles/README.md。"""

import json
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import AvgPool2d, Ledger, MaxPool2d, Row, Window, ledger, zoo
from dlnotes.arch.receptive import Field

ORACLES = Path(__file__).parents[1] / "oracles"
TORCHVISION_OPS = ("Conv2d", "MaxPool2d", "AdaptiveAvgPool2d", "Linear")


@cache
def oracle(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))


@cache
def book(name: str) -> Ledger:
    return ledger(zoo.load(name))


def side(row: Row) -> int:
    """方的特征图的边长。"""
    _, height, width = row.output
    assert height == width
    return height


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_every_layer_equals_torchvision(name: str) -> None:
    """名字不同，按次序和种类对；torchvision 的 Flatten 是函数，没有这一行。"""
    rows = [row for row in book(name).rows if row.op in TORCHVISION_OPS]
    found = [[row.op, list(row.output), row.params, row.macs] for row in rows]
    assert found == [layer[1:] for layer in oracle(f"torchvision/{name}")["layers"]]
    others = {row.op for row in book(name).rows} - set(TORCHVISION_OPS)
    assert others == {"ReLU", "Dropout", "Flatten"}
    assert all(row.params == row.macs == 0 for row in book(name).rows if row.op in others)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_totals_equal_torchvision(name: str) -> None:
    expected = oracle(f"torchvision/{name}")
    assert book(name).params == expected["params"]
    assert book(name).macs == expected["macs"]
    flattened = sum(row.activation_bytes for row in book(name).rows if row.op == "Flatten")
    assert (book(name).activation_bytes - flattened) / 4 == expected["leaf_output_elements"]


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_receptive_fields_equal_the_measured_ones(name: str) -> None:
    rows = [row for row in book(name).rows if row.op in ("Conv2d", "MaxPool2d")]
    measured = oracle("receptive_torchvision")[name]["layers"]
    assert [row.op for row in rows] == [op for _, op, *_ in measured]
    for row, (_, _, rf, stride, padding) in zip(rows, measured, strict=True):
        assert (row.rf, row.jump, row.start) == ((rf, rf), (stride, stride), (-padding, -padding)), row.name


@pytest.mark.parametrize(
    ("name", "table", "shift"),
    [
        ("vgg16", "vgg_16", 0),
        ("alexnet_caffe", "alexnet_v2", 0),
        ("alexnet_seed", "alexnet_v2", 0),
        ("alexnet", "alexnet_v2", -2),
    ],
)
def test_receptive_fields_equal_the_table_of_distill(name: str, table: str, shift: int) -> None:
    """TF-Slim 的 alexnet_v2 第一层不补零，与 Caffe 的、原文的相同；torchvision 的补 2，位置全左移 2。"""
    for endpoint, rf, stride, padding, *_ in oracle("receptive_slim")[table]["endpoints"]:
        row = book(name)[endpoint]
        assert row.rf == (rf, rf), endpoint
        assert row.jump == (stride, stride), endpoint
        assert row.start == (shift - padding, shift - padding), endpoint


def test_vgg16_by_the_literature() -> None:
    """Simonyan & Zisserman (2014)：138M 参数；总数与 torchvision 的计数相同。"""
    assert (book("vgg16").params, book("vgg16").macs) == (138_357_544, 15_470_264_320)
    row = book("vgg16")["pool5"]
    assert (row.rf, row.jump, row.start) == ((212, 212), (32, 32), (-90, -90))
    assert Field(rf=212, jump=32, start=-90).centre == 15.5
    assert book("vgg16")["fc8"].output == (1000,)


def test_alexnet_caffe_equals_what_caffe_prints() -> None:
    published, mine = oracle("published")["alexnet_caffe"], book("alexnet_caffe")
    assert list(mine.input) == published["blobs"]["data"]
    for name, shape in published["blobs"].items():
        if name != "data":
            assert list(mine[name].output) == shape, name
    for name, shape in published["weights"].items():
        assert mine[name].params == published["params"][name] == prod(shape) + shape[0], name
        assert mine[name].macs == published["macs"][name], name
    convolutions = [row.macs for row in mine.rows if row.op == "Conv2d"]
    assert sum(convolutions) == published["macs"]["conv_total"]
    assert mine.params == published["params"]["total"] == 60_965_224
    assert mine.macs == published["macs"]["total"] == 724_406_816


def test_the_three_alexnets_differ_where_they_should() -> None:
    """补零不同，位置就不同；感受野的大小、步长三者相同。"""
    shared = [row.name for row in book("alexnet_seed").rows]
    for name in shared:
        rows = [book(network)[name] for network in ("alexnet", "alexnet_caffe", "alexnet_seed")]
        assert len({(row.rf, row.jump) for row in rows}) == 1, name
        starts = [row.start for row in rows]
        assert starts[1] == starts[2] != starts[0], name
    assert {book(network)["conv1"].params for network in ("alexnet", "alexnet_caffe")} == {23_296, 34_944}


def test_alexnet_seed_ends_at_five() -> None:
    """原文脚本的 [11, 4, 0] 用在 224 上：54.25 取整得 54，一路到 5；caffe 与 torchvision 的都到 6。"""
    sizes = [side(row) for row in book("alexnet_seed").rows]
    assert sizes == [54, 26, 26, 12, 12, 12, 12, 5]
    assert side(book("alexnet")["pool5"]) == side(book("alexnet_caffe")["pool5"]) == 6
    assert prod(book("alexnet_seed")["pool5"].output) == 6400
    assert book("alexnet")["flatten"].output == book("alexnet_caffe")["flatten"].output == (9216,)
    # 227 与 224 只差在大小：两个网络的各层相同，到 227 就都得 55…6
    at_227 = ledger(zoo.load("alexnet_seed"), (3, 227, 227))
    assert [side(row) for row in at_227.rows] == [55, 27, 27, 13, 13, 13, 13, 6]


def test_zf5_equals_faster_rcnn() -> None:
    published, mine = oracle("published")["zf5"], book("zf5")
    assert {row.name: row.params for row in mine.rows if row.op == "Conv2d"} == published["params"]
    for name, shape in published["shapes"].items():
        assert list(mine[name].output) == shape, name
    assert [side(mine[name]) for name in ("pool1", "conv2", "pool2")] == [57, 29, 15]
    assert mine.rows[-1].rf == (139, 139)


def test_the_windows_of_the_region_proposal_network() -> None:
    """Faster R-CNN §3.1：3×3 的窗口在 ZF 上是 171，在 VGG-16 上是 228，步长 16。"""
    expected = oracle("published")["rpn"]
    for name, last in [("zf5", "conv5"), ("vgg16", "conv5_3")]:
        row = book(name)[last]
        assert isinstance(row.rf, tuple)
        assert row.jump is not None
        window = Field(row.rf[0], row.jump[0]).through(Window(3, padding=1))
        assert window.rf == expected[name] == row.rf[0] + 2 * expected["effective_stride"]
        assert window.jump == expected["effective_stride"]


def test_zf5_is_centred_on_its_pixel() -> None:
    """每层的核是奇数 k、补 (k-1)/2，第 0 个单元就以像素 0 为中心：start = -(rf-1)/2。"""
    for row in book("zf5").rows:
        assert isinstance(row.rf, tuple)
        assert row.start == tuple(-(rf - 1) // 2 for rf in row.rf)


def test_zfnet_equals_its_paper() -> None:
    published, mine = oracle("published")["zfnet"], book("zfnet")
    assert mine.params == published["params"] == 62_357_608
    sizes = [mine.input[1], *(side(mine[name]) for name in ("conv1", "pool1", "conv2", "pool2", "pool5"))]
    assert sizes == published["sizes"] == [224, 110, 55, 26, 13, 6]
    assert mine["conv5"].rf == (139, 139)


@pytest.mark.parametrize("name", ["alexnet", "alexnet_caffe", "vgg16", "zfnet"])
def test_classifiers_see_everything(name: str) -> None:
    rows = list(book(name).rows)
    flat = next(index for index, row in enumerate(rows) if row.op == "Flatten")
    assert all(isinstance(row.rf, tuple) for row in rows[:flat])
    assert {(row.rf, row.jump, row.start) for row in rows[flat:]} == {("all", None, None)}


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_loads_under_its_own_name(name: str) -> None:
    network = zoo.load(name)
    assert network.name == name
    assert network == zoo.load(name)
    assert all(isinstance(number, int) for row in book(name).rows for number in (row.params, row.macs))


def test_names() -> None:
    required = {"alexnet", "alexnet_caffe", "alexnet_seed", "vgg16", "zf5", "zfnet"}
    assert required <= set(zoo.names())
    assert zoo.names() == sorted(set(zoo.names()))


@pytest.mark.parametrize(("name", "close"), [("vgg", "vgg16"), ("AlexNet", "alexnet"), ("zf", "zf5")])
def test_an_unknown_name_suggests_close_ones(name: str, close: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^`name` 应为已有的网络名，得到 '{name}'；相近的有 .*{close}.*。$"
    ):
        zoo.load(name)


def test_a_name_close_to_nothing_lists_all() -> None:
    with pytest.raises(ValueError, match=rf"^`name` .*得到 '？'；可用的有 {'、'.join(zoo.names())}。$"):
        zoo.load("？")


def test_average_pooling_counts_like_maximum_pooling() -> None:
    for pool in (MaxPool2d, AvgPool2d):
        assert pool(3, stride=2, padding=1).output((8, 7, 7)) == (8, 4, 4)
