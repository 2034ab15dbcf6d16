"""残差网络与移动端网络：逐层与 torchvision、TF-Slim 比，总数与 Keras、netscope、论文比。"""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import Conv2d, Ledger, Network, ReLU, ReLU6, Row, Split, ledger, residual, sequential, zoo
from dlnotes.arch.zoo._inverted import divisible, inverted_residual, squeeze_excitation
from dlnotes.arch.zoo._residual import basic, bottleneck
from dlnotes.arch.zoo._stages import then
from dlnotes.arch.zoo.regnet import _widths
from dlnotes.arch.zoo.shufflenet import shuffle_unit

ORACLES = Path(__file__).parents[1] / "oracles"
SQUEEZED = ("mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "regnet_y_400mf")
RESIDUAL = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("wide_resnet50_2", "resnext50_32x4d", "fcn_resnet50"),
)
MOBILE = ("mobilenet_v2", "mnasnet1_0", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0")
TORCHVISION = (*RESIDUAL, *MOBILE, *SQUEEZED)
ORIGINAL = ("resnet50_v1", "resnet101_v1", "resnet152_v1")
ALL = [*TORCHVISION, *ORIGINAL, "mobilenet_v1"]


@cache
def oracle(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))


@cache
def book(name: str, *, gates: bool = True) -> Ledger:
    return ledger(zoo.load(name), gates=gates)


def kind(row: Row) -> str:
    """torchvision 的全局平均池化是输出 1×1 的自适应池化。"""
    return "AdaptiveAvgPool2d" if row.op == "GlobalAvgPool" else row.op


def sliding(rows: tuple[Row, ...]) -> list[Row]:
    """有窗口的各行，SE 里的卷积不算：它们看到整个输入。"""
    return [row for row in rows if row.op in ("Conv2d", "MaxPool2d") and row.rf != "all"]


def last_field(name: str) -> tuple[Any, Any, Any]:
    """最后一个有大小的感受野。"""
    row = [row for row in book(name, gates=False).rows if row.rf not in ("all", None)][-1]
    return row.rf, row.jump, row.start


def both(rf: int, jump: int, padding: int) -> tuple[Any, Any, Any]:
    return (rf, rf), (jump, jump), (-padding, -padding)


@pytest.mark.parametrize("name", TORCHVISION)
def test_every_layer_equals_torchvision(name: str) -> None:
    """按执行的次序，逐层的种类、输出形状、参数、乘加；几个网络的全局池化是函数，参照里没有那一行。"""
    expected = [layer[1:] for layer in oracle(f"torchvision/{name}")["layers"]]
    kinds = {each[0] for each in expected}
    assert {"Conv2d", "BatchNorm2d"} <= kinds
    rows = [row for row in book(name).rows if kind(row) in kinds]
    assert [[kind(row), list(row.output), row.params, row.macs] for row in rows] == expected
    others = [row for row in book(name).rows if kind(row) not in kinds]
    assert all(row.params == row.macs == row.buffers == 0 for row in others)


@pytest.mark.parametrize("name", TORCHVISION)
def test_totals_equal_torchvision_also_for_an_image_that_is_not_square(name: str) -> None:
    expected, mine = oracle(f"torchvision/{name}"), book(name)
    assert (list(mine.input), mine.params, mine.buffers, mine.macs) == tuple(
        expected[key] for key in ("input", "params", "buffers", "macs")
    )
    other = expected["not_square"]
    again = ledger(zoo.load(name), tuple(other["input"]))
    assert (again.params, again.macs) == (mine.params, other["macs"])


ACTIVATIONS: dict[str, dict[str, tuple[int, int]]] = {
    "resnet18": {"ReLU": (17, 2_308_096)},
    "resnet34": {"ReLU": (33, 3_562_496)},
    "resnet50": {"ReLU": (49, 9_608_704)},
    "resnet101": {"ReLU": (100, 14_726_656)},
    "resnet152": {"ReLU": (151, 21_048_832)},
    "wide_resnet50_2": {"ReLU": (49, 12_895_232)},
    "resnext50_32x4d": {"ReLU": (49, 12_895_232)},
    "fcn_resnet50": {"ReLU": (50, 21_977_088)},
    "mobilenet_v2": {"ReLU6": (35, 6_105_792)},
    "mnasnet1_0": {"ReLU": (35, 4_798_080)},
    "shufflenet_v2_x0_5": {"ReLU": (37, 821_632)},
    "shufflenet_v2_x1_0": {"ReLU": (37, 1_488_032)},
    "mobilenet_v3_small": {"Hardswish": (19, 799_136), "ReLU": (14, 470_992), "Hardsigmoid": (9, 2296)},
    "mobilenet_v3_large": {"Hardswish": (21, 1_511_264), "ReLU": (19, 2_315_392), "Hardsigmoid": (8, 4056)},
    "efficientnet_b0": {"SiLU": (49, 6_157_916), "Sigmoid": (16, 8960)},
    "regnet_y_400mf": {"ReLU": (65, 3_592_856), "Sigmoid": (16, 4248)},
}
"""torchvision 0.28 各种激活模块的次数与输出的元素个数：meta 设备上的前向钩子，输入 224。"""


@pytest.mark.parametrize("name", TORCHVISION)
def test_activations_equal_torchvision(name: str) -> None:
    rows = [row for row in book(name).rows if "activation" in row.operations]
    found = {
        op: (
            sum(row.op == op for row in rows),
            sum(row.operations["activation"] for row in rows if row.op == op),
        )
        for op in {row.op for row in rows}
    }
    assert found == ACTIVATIONS[name]


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_features_have_the_size_of_torchvision(name: str) -> None:
    """展平之前（分割网络是放大之前）的特征图。"""
    expected = oracle(f"torchvision/{name}")
    for image, features in (
        (expected["input"], expected["features"]),
        (expected["not_square"]["input"], expected["not_square"]["features"]),
    ):
        rows = ledger(zoo.load(name), tuple(image)).rows
        maps = [row for row in rows if len(row.output) == 3 and row.op not in ("GlobalAvgPool", "Upsample")]
        assert list(maps[-1].output) == features


@pytest.mark.parametrize("name", TORCHVISION)
def test_receptive_fields_equal_the_measured_ones(name: str) -> None:
    """逐层；量的时候把 SE 换成了恒等，这里对应 `gates=False`；分割网络只量了主干。"""
    measured = oracle("receptive_torchvision")[name]["layers"]
    expected = [layer[1:] for layer in measured if layer[1] in ("Conv2d", "MaxPool2d")]
    mine = sliding(book(name, gates=False).rows)
    if name == "fcn_resnet50":
        mine = [row for row in mine if row.name not in ("head.conv", "classifier")]
    assert [[row.op, row.rf, row.jump, row.start] for row in mine] == [
        [op, *both(rf, stride, padding)] for op, rf, stride, padding in expected
    ]


@pytest.mark.parametrize("name", RESIDUAL)
def test_receptive_fields_of_whole_blocks_equal_the_measured_ones(name: str) -> None:
    """块的输出是主路与旁路的并；块的名字与 torchvision 的相同。"""
    measured = oracle("receptive_torchvision")[name]["layers"]
    blocks = [layer for layer in measured if layer[1] in ("BasicBlock", "Bottleneck")]
    assert len(blocks) == sum(row.op == "Add" for row in book(name).rows)
    for block, _, rf, stride, padding in blocks:
        row = book(name)[f"{block}.relu"]
        assert (row.rf, row.jump, row.start) == both(rf, stride, padding), block


@pytest.mark.parametrize(
    ("name", "rf", "padding"),
    [
        ("resnet18", 435, 217),
        ("resnet34", 899, 449),
        ("resnet50", 427, 213),
        ("resnet101", 971, 485),
        ("resnet152", 1451, 725),
        ("resnext50_32x4d", 427, 213),
        ("mobilenet_v2", 491, 245),
        ("mobilenet_v3_small", 639, 319),
        ("mobilenet_v3_large", 595, 297),
        ("mnasnet1_0", 843, 421),
        ("shufflenet_v2_x1_0", 527, 263),
        ("regnet_y_400mf", 575, 287),
        ("efficientnet_b0", 851, 425),
    ],
)
def test_the_last_receptive_field_equals_the_measured_one(name: str, rf: int, padding: int) -> None:
    """实测：torchvision 0.28，权重全取正数、SE 换成恒等，一个单元对输入的梯度的支撑。"""
    assert last_field(name) == both(rf, 32, padding)


@pytest.mark.parametrize("name", SQUEEZED)
def test_behind_a_gate_everything_is_seen(name: str) -> None:
    rows = book(name).rows
    first = next(index for index, row in enumerate(rows) if row.name.endswith("se.pool"))
    assert all(isinstance(row.rf, tuple) for row in rows[:first])
    assert {row.rf for row in rows[first:]} == {"all"}


@pytest.mark.parametrize("name", [name for name in ALL if name not in SQUEEZED])
def test_without_gates_only_the_classifier_sees_everything(name: str) -> None:
    rows = [row for row in book(name).rows if row.rf == "all"]
    assert {row.op for row in rows} <= {"GlobalAvgPool", "Flatten", "Dropout", "Linear"}
    assert book(name) == book(name, gates=False)


@pytest.mark.parametrize(
    ("name", "macs", "billions", "rf"),
    [
        ("resnet50_v1", 3_857_973_248, 3.8, 483),
        ("resnet101_v1", None, 7.6, 1027),
        ("resnet152_v1", 11_282_415_616, 11.3, 1507),
    ],
)
def test_the_original_resnets(name: str, macs: int | None, billions: float, rf: int) -> None:
    """乘加：netscope 读论文作者的 prototxt，论文 Table 1 的一位小数；感受野的大小：TF-Slim 的表。"""
    later, mine = book(name.removesuffix("_v1")), book(name)
    assert macs in (None, mine.macs)
    assert abs(mine.macs / 1e9 - billions) < 0.1
    assert (mine.params, mine.buffers) == (later.params, later.buffers)
    assert mine.macs < later.macs
    assert last_field(name) == both(rf, 32, rf // 2)


@pytest.mark.parametrize("name", ["resnet50", "resnet50_v1"])
def test_resnet50_has_the_parameters_of_keras_less_the_biases(name: str) -> None:
    """Keras 的 ResNet50 每个卷积都有偏置：可训练的 25,583,592 个，连同滑动平均 25,636,712 个。"""
    biases = sum(row.output[0] for row in book(name).rows if row.op == "Conv2d")
    assert book(name).params + biases == 25_583_592
    assert book(name).params + biases + book(name).buffers == 25_636_712


def test_the_strides_of_the_three_resnet50s() -> None:
    """步长在 1×1 上、在 3×3 上；TF-Slim 在上一段的最后一块，所以它每段末尾的步长是这里的下一段的。"""
    sizes = {
        name: [book(name)[f"layer2.0.{layer}"].output[1] for layer in ("conv1", "conv2", "downsample.conv")]
        for name in ("resnet50", "resnet50_v1")
    }
    assert sizes == {"resnet50": [56, 28, 28], "resnet50_v1": [28, 28, 28]}
    table = oracle("slim")["resnet_v1_50"]["endpoints"]
    fields = ledger(zoo.load("resnet50_v1"), (3, 321, 321))
    ends = [fields[f"layer{stage}.{depth - 1}.relu"] for stage, depth in enumerate((3, 4, 6, 3), start=1)]
    for row, (endpoint, rf, stride, _, padding) in zip(ends, table, strict=True):
        assert (row.rf, row.start) == ((rf, rf), (-padding, -padding)), endpoint
        twice = 1 if row.name.startswith("layer4") else 2
        assert isinstance(row.jump, tuple)
        assert row.jump[0] * twice == stride


def test_a_dilated_resnet_sees_as_far_and_shrinks_less() -> None:
    """膨胀代替步长：参数、感受野、位置都与 resnet50 的相同，单元密了 4×4 倍。"""
    plain, dilated = book("resnet50")["layer4.2.relu"], book("fcn_resnet50")["layer4.2.relu"]
    assert (dilated.rf, dilated.start) == (plain.rf, plain.start) == ((427, 427), (-213, -213))
    assert (dilated.jump, plain.jump) == ((8, 8), (32, 32))
    trunk = [row.params for row in book("resnet50").rows if row.name.startswith("layer")]
    assert trunk == [row.params for row in book("fcn_resnet50").rows if row.name.startswith("layer")]
    windows = zoo.load("fcn_resnet50").windows()
    dilations = [windows[name].dilation for name in windows if name.startswith(("layer3", "layer4"))]
    assert [dilation for dilation in dilations if dilation > 1] == [2] * 5 + [2] + [4] * 2


def test_segmentation_returns_to_the_size_of_the_image() -> None:
    assert book("fcn_resnet50").rows[-1].output == (21, 224, 224)
    assert book("fcn_resnet50").uncounted == ("upsample",)
    assert ledger(zoo.load("fcn_resnet50"), (3, 256, 320)).rows[-1].output == (21, 256, 320)


def test_mobilenet_v1_equals_slim_layer_by_layer() -> None:
    """TF-Slim 文件开头的表：各卷积的参数和乘加；分类头另有 1000 类的全连接。"""
    table = oracle("slim")["mobilenet_v1"]["layers"]
    rows = [row for row in book("mobilenet_v1").rows if row.op == "Conv2d"]
    assert [[row.params, row.macs] for row in rows] == [counts for _, *counts in table]
    assert (book("mobilenet_v1").params, book("mobilenet_v1").macs) == (4_231_976, 568_740_352)
    assert book("mobilenet_v1").params + book("mobilenet_v1").buffers == 4_253_864  # Keras 的总数，含滑动平均


@pytest.mark.parametrize(("size", "column"), [(224, 3), (321, 4)])
def test_receptive_fields_of_mobilenet_v1_equal_slim(size: int, column: int) -> None:
    """`"same"` 补零随输入大小而变：大小、步距不变，起点变。"""
    fields = ledger(zoo.load("mobilenet_v1"), (3, size, size))
    for endpoint in oracle("slim")["mobilenet_v1"]["endpoints"]:
        row = fields[endpoint[0].replace("Conv2d_", "conv").replace("_pointwise", ".pointwise") + ".relu"]
        assert (row.rf, row.jump, row.start) == both(endpoint[1], endpoint[2], endpoint[column]), row.name


@pytest.mark.parametrize(
    ("depth", "initial", "slope", "step", "stages"),
    [
        (16, 48, 27.89, 2.09, {48: 1, 104: 3, 208: 6, 440: 6}),  # Y-400MF
        (14, 56, 38.84, 2.4, {56: 1, 136: 3, 320: 8, 776: 2}),
        (27, 48, 20.71, 2.65, {48: 2, 128: 6, 336: 17, 896: 2}),
        (17, 192, 76.82, 2.19, {192: 2, 424: 4, 920: 10, 2016: 1}),
        (20, 232, 115.89, 2.53, {232: 2, 584: 5, 1488: 12, 3760: 1}),
        (22, 24, 24.48, 2.54, {24: 1, 64: 2, 152: 7, 392: 12}),
        (25, 88, 26.31, 2.25, {88: 2, 200: 6, 448: 15, 1000: 2}),
        (23, 320, 69.86, 2.0, {320: 2, 640: 7, 1280: 13, 2560: 1}),
    ],
)
def test_the_widths_of_regnets(
    depth: int, initial: int, slope: float, step: float, stages: dict[int, int]
) -> None:
    """torchvision 0.28 的 `BlockParams.from_init_params`（不按分组再调整）生成的宽度与块数。"""
    widths = [width for width, count in stages.items() for _ in range(count)]
    assert _widths(depth, initial=initial, slope=slope, step=step) == widths


def test_rounding_to_a_multiple_never_loses_a_tenth() -> None:
    """定义：最近的 8 的倍数（一半时取大的）；小于原来的九成就取上面一个。"""
    for channels in range(1, 1000):
        lower = channels // 8 * 8
        nearest = lower if channels - lower < 4 else lower + 8
        expected = nearest if 10 * nearest >= 9 * channels else nearest + 8
        assert divisible(channels) == max(8, expected), channels


def edges(network: Network) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in network.nodes}


@pytest.mark.parametrize(
    ("unit", "inputs", "outputs", "stride", "projected"),
    [
        (basic, 64, 64, 1, False),
        (basic, 64, 128, 2, True),
        (bottleneck, 256, 256, 1, False),
        (bottleneck, 64, 256, 1, True),
        (bottleneck, 256, 256, 2, True),
    ],
)
def test_a_shortcut_is_a_convolution_only_where_the_shape_changes(
    unit: Any, inputs: int, outputs: int, stride: int, projected: bool
) -> None:
    network = sequential("net", (inputs, 8, 8), [("block", unit(inputs, outputs, stride))])
    links = edges(network)
    assert links["block.add"][1] == ("block.downsample.bn" if projected else "input")
    assert links["block.relu"] == ("block.add",)
    assert network.shapes()["block.relu"] == (outputs, 8 // stride, 8 // stride)


@pytest.mark.parametrize(("outputs", "stride", "joined"), [(16, 1, True), (16, 2, False), (24, 1, False)])
def test_an_inverted_residual_adds_only_where_the_shape_stays(
    outputs: int, stride: int, joined: bool
) -> None:
    block = inverted_residual(16, outputs, stride, hidden=64, activation=ReLU6())
    network = sequential("net", (16, 8, 8), [("block", block)])
    assert any(node.op == "Add" for node in network.nodes) is joined
    assert "block.project.relu6" not in edges(network)


def test_an_inverted_residual_without_expansion_has_two_convolutions() -> None:
    block = inverted_residual(16, 16, 1, hidden=16, activation=ReLU6(), gate=squeeze_excitation(16, 4))
    names = [node.name for node in sequential("net", (16, 8, 8), [("b", block)]).nodes if node.op == "Conv2d"]
    assert names == ["b.depthwise.conv", "b.se.fc1", "b.se.fc2", "b.project.conv"]


def test_stochastic_depth_stands_only_before_an_addition() -> None:
    links = edges(zoo.load("efficientnet_b0"))
    skips = {name.rpartition(".")[0] for name in links if name.endswith(".stochastic_depth")}
    assert skips == {name.rpartition(".")[0] for name in links if name.endswith(".add")}
    assert len(skips) == 1 + 1 + 2 + 2 + 3  # 各段除去第一块：2、2、3、3、4 块的段


def test_stochastic_depth_grows_with_the_block() -> None:
    """torchvision 的 `sd_prob * stage_block_id / total_stage_blocks`；各段的第一块不相加，序号照数。"""
    found = [node.layer.p for node in zoo.load("efficientnet_b0").nodes if node.op == "StochasticDepth"]
    assert found == pytest.approx([0.2 * number / 16 for number in (2, 4, 6, 7, 9, 10, 12, 13, 14)])


@pytest.mark.parametrize("stride", [1, 2])
def test_the_halves_of_a_shuffle_unit(stride: int) -> None:
    """步长 1：前一半直通，后一半卷积；步长 2：两路都读整个输入。"""
    network = sequential("net", (16, 8, 8), [("unit", shuffle_unit(16, 16 * stride, stride))])
    links = edges(network)
    assert links["unit.shuffle"] == ("unit.concat",)
    splits = [node.layer for node in network.nodes if isinstance(node.layer, Split)]
    assert splits == ([Split(2, index=0), Split(2, index=1)] if stride == 1 else [])
    left, right = links["unit.concat"]
    assert right == "unit.branch2.pointwise2.relu"
    if stride == 1:
        assert left == "unit.branch1.split"
        assert links["unit.branch2.pointwise1.conv"] == ("unit.branch2.split",)
    else:
        assert left == "unit.branch1.pointwise.relu"
        assert links["unit.branch1.depthwise.conv"] == links["unit.branch2.pointwise1.conv"] == ("input",)


def test_a_layer_after_a_block_is_its_output() -> None:
    block = then(residual([("a", Conv2d(4, 1))]), "relu", ReLU())
    links = edges(sequential("net", (4, 8, 8), [("b", block), ("c", block)]))
    assert links["b.relu"] == ("b.add",)
    assert links["c.a"] == ("b.relu",)
    assert links["c.add"] == ("c.a", "b.relu")


@pytest.mark.parametrize("name", ALL)
def test_names_group_the_rows_by_stage(name: str) -> None:
    """一段的各行连在一起，名字的第一节相同。"""
    stages = [row.name.partition(".")[0] for row in book(name).rows]
    assert len(dict.fromkeys(stages)) == 1 + sum(a != b for a, b in pairwise(stages))
