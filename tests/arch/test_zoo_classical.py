"""VGG、GoogLeNet、Inception v3、DenseNet、SqueezeNet：逐层与 torchvision、Caffe、TF-Slim、论文的表比。"""

import json
import re
from functools import cache
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import Ledger, ReLU6, Row, ledger, sequential, zoo
from dlnotes.arch.zoo._blocks import classifier, conv_bn

ORACLES = Path(__file__).parents[1] / "oracles"
AUXILIARY = ("googlenet_aux", "inception_v3_aux")
NAMES = [
    *("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    *("googlenet", "inception_v3", *AUXILIARY),
    *("densenet121", "densenet161", "densenet169", "densenet201"),
    *("squeezenet1_0", "squeezenet1_1"),
]
NAMED_ALIKE = [name for name in NAMES if name.startswith(("googlenet", "inception", "densenet"))]

# torchvision 用函数而不是模块算的节点，前向钩子看不到；它们没有参数，不做乘加
FUNCTIONS = {
    "googlenet": r"relu$|aux\d\.pool$",
    "inception": r"relu$|\.pool$|AuxLogits\.avgpool$",
    "densenet": r"^relu5$|^avgpool$",
}


@cache
def oracle(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))


@cache
def book(name: str) -> Ledger:
    return ledger(zoo.load(name))


def modules(rows: tuple[Row, ...], name: str) -> list[Row]:
    """torchvision 里是模块的那些节点。"""
    family = next((family for family in FUNCTIONS if name.startswith(family)), None)
    pattern = FUNCTIONS[family] if family else "(?!)"
    return [row for row in rows if row.op not in ("Flatten", "Concat") and not re.search(pattern, row.name)]


def layers(name: str) -> list[Row]:
    """其中参照里记了的：激活与随机失活不记。"""
    return [row for row in modules(book(name).rows, name) if row.op not in ("ReLU", "Dropout")]


def elements(rows: list[Row]) -> int:
    return sum(prod(row.output) for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_equals_torchvision(name: str) -> None:
    found = [[row.op, list(row.output), row.params, row.macs] for row in layers(name)]
    assert found == [layer[1:] for layer in oracle(f"torchvision/{name}")["layers"]]


@pytest.mark.parametrize("name", NAMED_ALIKE)
def test_names_equal_those_of_torchvision(name: str) -> None:
    """点不计：torchvision 的 `branch3x3_2a` 在这里是 `branch3x3_2.a`。"""
    expected = [layer[0].removeprefix("features.") for layer in oracle(f"torchvision/{name}")["layers"]]
    assert [row.name.replace(".", "") for row in layers(name)] == [each.replace(".", "") for each in expected]


@pytest.mark.parametrize("name", NAMES)
def test_totals_equal_torchvision(name: str) -> None:
    expected, mine = oracle(f"torchvision/{name}"), book(name)
    assert list(mine.input) == expected["input"]
    assert (mine.params, mine.buffers, mine.macs) == tuple(
        expected[key] for key in ("params", "buffers", "macs")
    )
    assert elements(modules(mine.rows, name)) == expected["leaf_output_elements"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "inception_v3_aux"])
def test_totals_at_another_size_equal_torchvision(name: str) -> None:
    """256×320，不是方的；GoogLeNet 与 SqueezeNet 向上取整的池化在这里除得尽与否都与 224 不同。"""
    expected = oracle(f"torchvision/{name}")["not_square"]
    mine = ledger(zoo.load(name), tuple(expected["input"]))
    assert mine.macs == expected["macs"]
    assert elements(modules(mine.rows, name)) == expected["leaf_output_elements"]
    assert mine.params == book(name).params


def test_the_auxiliary_head_of_inception_needs_a_larger_input() -> None:
    """256 高的图到旁支里只剩 4，放不下 5×5 的核；torchvision 也报错，所以参照里没有这一项。"""
    assert "not_square" not in oracle("torchvision/inception_v3_aux")
    with pytest.raises(ValueError, match=r"^inception_v3_aux 的 AuxLogits\.conv1\.conv（Conv2d）：窗口 5×5 "):
        ledger(zoo.load("inception_v3_aux"), (3, 256, 320))


@pytest.mark.parametrize("name", AUXILIARY)
def test_auxiliary_heads_are_all_that_is_added(name: str) -> None:
    plain = book(name.removesuffix("_aux")).rows
    assert [row for row in book(name).rows if not row.name.lower().startswith("aux")] == list(plain)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(("_bn", "_aux"))])
def test_receptive_fields_equal_the_measured_ones(name: str) -> None:
    measured = oracle("receptive_torchvision")[name]["layers"]
    assert len(measured) >= 8
    for module, _, *expected in measured:
        row = node(name, module)
        assert (row.rf, row.jump, row.start) == tuple(map(both, expected, (1, 1, -1))), module


def node(name: str, module: str) -> Row:
    """torchvision 的一个模块在这里是哪个节点；由几层合成的模块是它的最后一个节点。"""
    paths = [path for path, *_ in oracle(f"torchvision/{name}")["layers"]]
    leaves = dict(zip(paths, layers(name), strict=True))
    if module in leaves:
        return leaves[module]
    inside = next(row for path, row in leaves.items() if path.startswith(f"{module}."))
    block = inside.name.split(".")[0]
    return [row for row in book(name).rows if row.name.startswith(f"{block}.")][-1]


def both(measured: int | list[int], sign: int) -> tuple[int, ...]:
    """高、宽量得的相同时只记了一个数；补零是起点的相反数。"""
    values = measured if isinstance(measured, list) else [measured] * 2
    return tuple(sign * value for value in values)


SLIM = {"vgg_a": "vgg11", "inception_v3": "inception_v3"}


def endpoint(table: str, name: str) -> str:
    """TF-Slim 的端点在这里是哪个节点。"""
    pools = {"MaxPool_3a_3x3": "maxpool1", "MaxPool_5a_3x3": "maxpool2"}
    if table == "vgg_a" or name in pools:
        return pools.get(name, name)
    return f"{name}.concat" if name.startswith("Mixed") else f"{name}.relu"


@pytest.mark.parametrize("table", SLIM)
def test_receptive_fields_equal_the_table_of_slim(table: str) -> None:
    endpoints = oracle("receptive_slim")[table]["endpoints"]
    assert len(endpoints) >= 13
    for name, rf, stride, padding, *_ in endpoints:
        row = book(SLIM[table])[endpoint(table, name)]
        assert (row.rf, row.jump, row.start) == ((rf, rf), (stride, stride), (-padding, -padding)), name


@pytest.mark.parametrize("size", [224, 321])
@pytest.mark.parametrize("table", SLIM)
def test_flops_equal_the_table_of_slim(table: str, size: int) -> None:
    """表里给到 0.001 GFLOPs：一次乘加计 2，卷积的每个输出加一次偏置（或平移），池化读到的每个值计 1。"""
    mine = ledger(zoo.load(SLIM[table]), (3, size, size))
    costs = [
        2 * row.macs + prod(row.output) * (row.op == "Conv2d") + row.operations.get("pooling", 0)
        for row in mine.rows
    ]
    totals = dict(zip((row.name for row in mine.rows), accumulate(costs), strict=True))
    for name, *_, at_224, at_321 in oracle("receptive_slim")[table]["endpoints"]:
        expected = {224: at_224, 321: at_321}[size]
        assert totals[endpoint(table, name)] / 1e9 == pytest.approx(expected, abs=0.00051, rel=0), name


@pytest.mark.parametrize("name", NAMES)
def test_operators_are_those_of_torchvision_in_order(name: str) -> None:
    """连同不是模块、直接调用的函数：是最大还是平均池化，激活在归一化之前还是之后。"""
    letters = {
        "Conv2d": "C",
        "BatchNorm2d": "B",
        "ReLU": "R",
        "MaxPool2d": "M",
        "AvgPool2d": "A",
        "AdaptiveAvgPool2d": "G",
        "Concat": "K",
        "Linear": "L",
        "Dropout": "",
        "Flatten": "",
    }
    found, expected = "".join(letters[row.op] for row in book(name).rows), oracle("operators")[name]
    if name.startswith("densenet"):  # torchvision 在每层之前把块里的输出重新拼一遍，这里在每层之后拼上新的
        found, expected = found.replace("K", ""), expected.replace("K", "")
    assert found == expected


def test_the_long_kernels_see_further_in_one_direction() -> None:
    """Mixed_6a 之后的步距是 16：1×7 横着多看 6×16，7×1 竖着多看 6×16。"""
    before, row, square = (book("inception_v3")[f"Mixed_6b.branch7x7_{index}.conv"] for index in (1, 2, 3))
    assert before.rf == (159, 159)
    assert row.rf == (159, 159 + 96)
    assert square.rf == (159 + 96, 159 + 96)


def test_googlenet_of_caffe_equals_its_publication() -> None:
    """netscope 读 BVLC 的 deploy.prototxt 得到的参数量与乘加数，批量 1，输入 224。"""
    mine = book("googlenet_caffe")
    assert (mine.params, mine.macs) == (6_998_552, 1_582_671_872)
    assert mine.buffers == 0
    assert mine["maxpool2"].output == (192, 28, 28)
    assert mine["avgpool"].output == (1024, 1, 1)
    norms = {row.name: row.inputs for row in mine.rows if row.op == "LocalResponseNorm"}
    assert norms == {"norm1": ("maxpool1",), "norm2": ("conv3.relu",)}


def test_receptive_field_of_the_googlenet_of_caffe() -> None:
    """到 maxpool2 与 torchvision 的相同；此后每块由 5×5 决定，多看 4 个步距，池化都是 3、不补零。"""
    mine, theirs = book("googlenet_caffe"), book("googlenet")
    for name in ("conv1.conv", "maxpool1", "conv3.conv", "maxpool2"):
        assert (mine[name].rf, mine[name].jump, mine[name].start) == (
            theirs[name].rf,
            theirs[name].jump,
            theirs[name].start,
        )
    last = mine["inception5b.concat"]
    rf = 27 + 2 * 4 * 8 + 2 * 8 + 5 * 4 * 16 + 2 * 16 + 2 * 4 * 32
    padding = 7 + 2 * 2 * 8 + 5 * 2 * 16 + 2 * 2 * 32
    assert (last.rf, last.jump, last.start) == ((rf, rf), (32, 32), (-padding, -padding))


BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")

# Szegedy et al. (2014)，Table 1 的 output size 与 ops 列（百万）
GOOGLENET = {
    "conv1": ((64, 112, 112), 34),
    "conv3": ((192, 56, 56), 360),
    "inception3a": ((256, 28, 28), 128),
    "inception3b": ((480, 28, 28), 304),
    "inception4a": ((512, 14, 14), 73),
    "inception4b": ((512, 14, 14), 88),
    "inception4c": ((512, 14, 14), 100),
    "inception4d": ((528, 14, 14), 119),
    "inception4e": ((832, 14, 14), 170),
    "inception5a": ((832, 7, 7), 54),
    "inception5b": ((1024, 7, 7), 71),
    "fc": ((1000,), 1),
}


def test_googlenet_of_caffe_against_table_1_of_the_paper() -> None:
    """ops 列是乘加数，差不到一百万；只有 conv1 与 5a 对不上。"""
    mine = book("googlenet_caffe")
    differ = []
    for stage, (shape, published) in GOOGLENET.items():
        stages = ("conv2.", "conv3.") if stage == "conv3" else (stage,)  # 表把 1×1 的 reduce 并在这一行
        rows = [row for row in mine.rows if row.name.startswith(stages)]
        assert rows[-1].output == shape, stage
        if abs(sum(row.macs for row in rows) / 1e6 - published) >= 1:
            differ.append(stage)
    assert differ == ["conv1", "inception5a"]


def test_both_googlenets_name_their_convolutions_alike() -> None:
    ours, caffe = (
        {row.name: row for row in book(name).rows if row.op == "Conv2d"}
        for name in ("googlenet", "googlenet_caffe")
    )
    assert list(ours) == list(caffe)
    fives = [name for name in ours if ours[name].macs != caffe[name].macs]
    assert fives == [f"inception{block}.branch3.1.conv" for block in BLOCKS]
    for name in fives:
        assert caffe[name].macs * 9 == ours[name].macs * 25


def test_squeezenet_equals_table_1_of_its_paper() -> None:
    """Iandola et al. (2016)，Table 1 的 #parameter before pruning 列。"""
    published = {
        "conv1": 14_208,
        "fire2": 11_920,
        "fire3": 12_432,
        "fire4": 45_344,
        "fire5": 49_440,
        "fire6": 104_880,
        "fire7": 111_024,
        "fire8": 188_992,
        "fire9": 197_184,
        "conv10": 513_000,
    }
    mine = book("squeezenet1_0")
    found = dict.fromkeys(published, 0)
    for row in mine.rows:
        if row.params:
            found[row.name.split(".")[0]] += row.params
    assert found == published
    assert mine.params == sum(published.values()) == 1_248_424
    assert mine["conv1"].output == (96, 109, 109)
    assert ledger(zoo.load("squeezenet1_0"), (3, 227, 227))["conv1"].output == (96, 111, 111)


@pytest.mark.parametrize(
    ("name", "millions"), [("vgg11", 133), ("vgg13", 133), ("vgg16", 138), ("vgg19", 144)]
)
def test_vgg_equals_table_2_of_its_paper(name: str, millions: int) -> None:
    """Simonyan & Zisserman (2014)，Table 2；网络的名字是带权重的层数。"""
    assert round(book(name).params / 1e6) == millions
    assert sum(row.op in ("Conv2d", "Linear") for row in book(name).rows) == int(name.removeprefix("vgg"))


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("densenet")])
def test_the_name_of_a_densenet_is_its_depth(name: str) -> None:
    """Huang et al. (2016)，Table 1：121 = 1 + 2×(6+12+24+16) + 3 + 1。"""
    assert sum(row.op in ("Conv2d", "Linear") for row in book(name).rows) == int(
        name.removeprefix("densenet")
    )


def test_a_dense_layer_appends_its_channels() -> None:
    """此前的在前，新添的在后，与 torchvision 的 `torch.cat(features, 1)` 相同。"""
    block = "denseblock1.denselayer2"
    assert book("densenet121")[f"{block}.concat"].inputs == (
        "denseblock1.denselayer1.concat",
        f"{block}.conv2",
    )


def test_convolution_with_normalisation_and_activation() -> None:
    path = [
        ("first", conv_bn(8, 3, stride=2)),
        ("second", conv_bn(8, (1, 7), groups=8, activation=ReLU6())),
        ("third", conv_bn(4, 3, dilation=2, activation=None)),
        ("fourth", conv_bn(4, 2, padding=0)),
    ]
    net = sequential("net", (3, 32, 48), path)
    names = [node.name for node in net.nodes if node.name.startswith(("second", "third"))]
    assert names == ["second.conv", "second.bn", "second.relu6", "third.conv", "third.bn"]
    shapes = net.shapes()
    assert [shapes[f"{name}.conv"] for name, _ in path] == [
        (8, 16, 24),
        (8, 16, 24),
        (4, 16, 24),
        (4, 15, 23),
    ]
    weights = [row.params for row in ledger(net).rows if row.op == "Conv2d"]
    assert weights == [8 * 3 * 9, 8 * 7, 4 * 8 * 9, 4 * 4 * 4]  # 没有偏置


def test_an_even_kernel_cannot_be_centred() -> None:
    message = r"^`kernel_size` 应为奇数的核（不写 `padding` 时），得到 \(3, 2\)；请写明 `padding`。$"
    with pytest.raises(ValueError, match=message):
        conv_bn(8, (3, 2))
    assert conv_bn(8, (3, 2), dilation=2)[0][1] == conv_bn(8, (3, 2), dilation=2, padding=(2, 1))[0][1]


def test_where_dropout_stands_in_the_classifier() -> None:
    before = ["flatten", "drop6", "fc6", "relu6", "drop7", "fc7", "relu7", "fc8"]
    after = ["flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert [name for name, _ in classifier(dropout="before")] == before
    assert [name for name, _ in classifier(dropout="after")] == after
    for network, expected in {
        "alexnet": before,
        "alexnet_caffe": after,
        "zfnet": after,
        "vgg16": after,
    }.items():
        assert [row.name for row in book(network).rows][-8:] == expected
    with pytest.raises(ValueError, match=r"^`dropout` 应为 before / after 之一"):
        classifier(dropout="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "smallest"), [("squeezenet1_0", 21), ("squeezenet1_1", 17)])
def test_the_smallest_input_is_the_one_torchvision_documents(name: str, smallest: int) -> None:
    """torchvision 的 `min_size`；torch 2.13 实跑也恰好在这里分界，靠的是向上取整的池化伸出图外。"""
    assert ledger(zoo.load(name), (3, smallest, smallest))["avgpool10"].output == (1000, 1, 1)
    with pytest.raises(ValueError, match="大于到达它的 1×1"):
        ledger(zoo.load(name), (3, smallest - 1, smallest - 1))
