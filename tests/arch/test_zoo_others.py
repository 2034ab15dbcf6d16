"""LeNet-5、ConvNeXt、ViT、Swin、U-Net、FCN：与 torchvision、论文的图表、Caffe 的配置、PyTorch 程序的数比。

tests/oracles/torchvision/ 的来源见 tests/oracles/README.md；写在这里的数各注明出处。
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dlnotes.arch import Ledger, Tokens, ledger, zoo
from dlnotes.arch.zoo.lenet import TABLE_I

ORACLES = Path(__file__).parents[1] / "oracles" / "torchvision"
MODERN = ["convnext_tiny", "swin_t", "vit_b_16"]


@cache
def oracle(name: str) -> Any:
    return json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))


@cache
def book(name: str) -> Ledger:
    return ledger(zoo.load(name))


# torchvision 的种类与这里的；Permute、Flatten、AdaptiveAvgPool2d 的写法不同，没有参数与乘加
KINDS = {
    "Conv2d": "Conv2d",
    "Linear": "Linear",
    "LayerNorm": "LayerNorm",
    "LayerNorm2d": "LayerNorm",
    "MultiheadAttention": "MultiheadAttention",
    "ShiftedWindowAttention": "WindowAttention",
}


@pytest.mark.parametrize("name", MODERN)
def test_every_layer_equals_torchvision(name: str) -> None:
    """名字不同，按次序和种类对：形状、参数量、乘加数逐层相同。"""
    layers = oracle(name)["layers"]
    expected = [[KINDS[kind], *rest] for _, kind, *rest in layers if kind in KINDS]
    rows = [row for row in book(name).rows if row.op in KINDS.values()]
    assert [[row.op, list(row.output), row.params, row.macs] for row in rows] == expected
    assert all(params == macs == 0 for _, kind, _, params, macs in layers if kind not in KINDS)


@pytest.mark.parametrize("name", MODERN)
def test_loose_parameters_equal_torchvision(name: str) -> None:
    """直接挂在容器上的参数：LayerScale、类别标记、位置向量。"""
    rows = [row for row in book(name).rows if row.op not in KINDS.values()]
    assert [row.params for row in rows if row.params] == list(oracle(name)["loose_params"].values())
    assert all(row.macs == 0 for row in rows)


@pytest.mark.parametrize("name", MODERN)
def test_totals_equal_torchvision(name: str) -> None:
    expected, mine = oracle(name), book(name)
    assert list(mine.input) == expected["input"]
    assert mine.params == expected["params"]
    assert mine.macs == expected["macs"]
    assert mine.buffers == expected["buffers"] + expected["integer_buffers"]
    assert mine.uncounted == ()


@pytest.mark.parametrize(("name", "last"), [("convnext_tiny", "stage4.2.to_image"), ("swin_t", "norm")])
def test_an_image_that_is_not_square(name: str, last: str) -> None:
    """256×320：Swin 的四段网格都不是窗口的倍数，要补零。ViT 的 torchvision 版不收别的大小。"""
    expected = oracle(name)["not_square"]
    mine = ledger(zoo.load(name), tuple(expected["input"]))
    assert mine.macs == expected["macs"]
    assert mine.params == oracle(name)["params"]
    channels, height, width = expected["features"]
    grid = (height, width, channels) if isinstance(mine[last].output, Tokens) else (channels, height, width)
    assert mine[last].output == grid


def test_convnext_receptive_field() -> None:
    """末一块的一个单元，实测：权重全取正数时对输入的梯度的支撑，去掉 LayerScale 与归一化。"""
    row = book("convnext_tiny")["stage4.2.add"]
    assert (row.rf, row.jump, row.start) == ((1688, 1688), (32, 32), (-828, -828))


def test_vit_sees_everything_after_its_first_attention() -> None:
    assert book("vit_b_16")["to_tokens"].rf == (16, 16)
    assert book("vit_b_16")["class_token"].rf is None
    assert book("vit_b_16")["encoder0.attention.attention"].rf == "all"
    # Dosovitskiy et al. (2020)，Table 1：86M 参数；torchvision 的文档写 17.564 GFLOPS，数的是乘加
    assert round(book("vit_b_16").params / 1e6, 1) == 86.6
    assert round(book("vit_b_16").macs / 1e9, 3) == 17.564


def test_swin_shifts_every_other_block() -> None:
    """四段各有 2、2、6、2 块，单数的块移 3 格；末一段只有一个窗口，看到整个输入。"""
    shifts = [node.layer.shift_size for node in zoo.load("swin_t").nodes if node.op == "WindowAttention"]
    assert shifts == [0, 3] * 6
    rows = [row for row in book("swin_t").rows if row.op == "WindowAttention"]
    assert [row.rf for row in rows] == [None] * 10 + ["all"] * 2
    assert {row.reason for row in rows[:10]} == {
        "stage1.0.attention.attention：同一个 7×7 窗口里的单元看到的范围相同，没有统一的起点"
    }


@pytest.mark.parametrize(("name", "largest", "blocks"), [("convnext_tiny", 0.1, 18), ("swin_t", 0.2, 12)])
def test_stochastic_depth_grows_linearly(name: str, largest: float, blocks: int) -> None:
    """torchvision：第 i 块丢弃支路的概率是 p·i/(n-1)；Swin 的一块有两条支路。"""
    probabilities = [node.layer.p for node in zoo.load(name).nodes if node.op == "StochasticDepth"]
    assert sorted(set(probabilities)) == probabilities[:: len(probabilities) // blocks]
    assert probabilities[0] == 0
    assert probabilities[-1] == largest
    assert len(set(probabilities)) == blocks


# LeCun et al. (1998)，§II.B 逐层给出的形状、可训练参数、连接数
LENET = {
    "C1": ((6, 28, 28), 156, 122_304),
    "S2": ((6, 14, 14), 12, 5_880),
    "C3": ((16, 10, 10), 1_516, 151_600),
    "S4": ((16, 5, 5), 32, 2_000),
    "C5": ((120, 1, 1), 48_120, 48_120),
    "F6": ((84,), 10_164, 10_164),
    "output": ((10,), 0, 840),
}
CONNECTIONS = ("conv", "linear", "pooling", "bias")


def test_lenet5_1998_equals_its_paper() -> None:
    mine = book("lenet5_1998")
    connections = dict.fromkeys(LENET, 0)
    for row in mine.rows:
        name = row.name.split("_")[0]
        if name in LENET:
            connections[name] += sum(row.operations.get(kind, 0) for kind in CONNECTIONS)
    for name, (output, params, expected) in LENET.items():
        assert (mine[name].output, mine[name].params, connections[name]) == (output, params, expected), name
    assert mine.params == 60_000
    assert sum(mine.operations.get(kind, 0) for kind in CONNECTIONS) == 340_908
    assert mine.buffers == 840


def test_table_i_is_the_table_of_the_paper() -> None:
    """照论文的样子画：行是 S2 的 6 张图，列是 C3 的 16 张图（tiny-dnn 的例子里也抄着这张表）。"""
    drawn = [
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    ]
    assert tuple(zip(*drawn, strict=True)) == tuple(
        tuple("X" if row in maps else "." for row in range(6)) for maps in TABLE_I
    )


def test_lenet5_equals_the_summaries_of_others() -> None:
    """torchsummary、Keras、Paddle 的表：156、2,416、48,120、10,164、850，共 61,706；乘加由 torch 数得。"""
    params = [row.params for row in book("lenet5").rows if row.params]
    assert params == [156, 2_416, 48_120, 10_164, 850]
    assert book("lenet5").params == 61_706
    assert book("lenet5").macs == 416_520
    small = ledger(zoo.load("lenet5"), (1, 28, 28))  # 不补零：16×4×4 = 256 进第一个全连接层
    assert (small["fc3"].params, small.params) == (30_840, 44_426)


# Ronneberger et al. (2015)，Figure 1：图里每个方块的通道数与边长
UNET = [
    *((64, 570), (64, 568), (64, 284), (128, 282), (128, 280), (128, 140), (256, 138), (256, 136)),
    *((256, 68), (512, 66), (512, 64), (512, 32), (1024, 30), (1024, 28)),
    *((1024, 56), (512, 54), (512, 52), (512, 104), (256, 102), (256, 100)),
    *((256, 200), (128, 198), (128, 196), (128, 392), (64, 390), (64, 388), (2, 388)),
]


def test_unet_equals_figure_1() -> None:
    mine = book("unet")
    boxes = [row.output for row in mine.rows if row.op in ("Conv2d", "MaxPool2d", "Concat")]
    assert boxes == [(channels, side, side) for channels, side in UNET]
    crops = [row.output[1:] for row in mine.rows if row.op == "Pad"]
    assert crops == [(side, side) for side in (56, 104, 200, 392)]
    # §2：“In total the network has 23 convolutional layers.”
    assert sum(row.op in ("Conv2d", "ConvTranspose2d") for row in mine.rows) == 23


@pytest.mark.parametrize(
    ("size", "output", "macs"),
    [((572, 572), (388, 388), 150_428_424_448), ((188, 220), (4, 36), 7_603_136_768)],
)
def test_unet_equals_a_pytorch_program(size: tuple[int, int], output: tuple[int, int], macs: int) -> None:
    """照 Figure 1 另写的 PyTorch 程序：31,030,658 个参数；乘加是 FlopCounterMode 的一半。"""
    mine = ledger(zoo.load("unet"), (1, *size))
    assert mine.params == 31_030_658
    assert mine.macs == macs
    assert mine.rows[-1].output == (2, *output)


def test_unet_receptive_fields() -> None:
    """底部的一个单元，实测：140×140，步距 16，从 0 开始；放大之后说不清。"""
    row = book("unet")["bottom.relu2"]
    assert (row.rf, row.jump, row.start) == ((140, 140), (16, 16), (0, 0))
    assert book("unet").rows[-1].rf is None
    assert str(book("unet").rows[-1].reason).startswith("up4.up：转置卷积的步长是 2×2")


def test_unet_takes_only_sizes_that_pool_evenly() -> None:
    with pytest.raises(ValueError, match=r"concat"):
        ledger(zoo.load("unet"), (1, 574, 572))


# voc-fcn32s/net.py 的层，500×500 时由 PyTorch 的同样的层算得的形状
FCN = {
    "conv1_1": (64, 698, 698),
    "pool1": (64, 349, 349),
    "pool2": (128, 175, 175),
    "pool3": (256, 88, 88),
    "pool4": (512, 44, 44),
    "pool5": (512, 22, 22),
    "fc6": (4096, 16, 16),
    "fc7": (4096, 16, 16),
    "score_fr": (21, 16, 16),
    "upscore": (21, 544, 544),
    "score": (21, 500, 500),
}


def test_fcn32s_equals_its_configuration() -> None:
    mine = book("fcn32s")
    assert {name: mine[name].output for name in FCN} == FCN
    # Long et al. (2014)，Table 1 的 FCN-VGG16：16 个卷积层，134M 参数，感受野 404，步长 32（放大的核不学习）
    assert sum(row.op == "Conv2d" for row in mine.rows) == 16
    assert round((mine.params - mine["upscore"].params) / 1e6) == 134
    assert (mine["score_fr"].rf, mine["score_fr"].jump) == ((404, 404), (32, 32))
    # 实测：第 10 个单元看到像素 131 到 534
    assert mine["score_fr"].start == (131 - 10 * 32, 131 - 10 * 32)
    assert mine["score"].inputs == ("upscore", "input")
    assert str(mine["score"].reason).startswith("upscore：转置卷积的步长是 32×32")


@pytest.mark.parametrize(
    ("size", "macs"),
    [((500, 500), 181_365_854_976), ((375, 500), 146_645_576_064), ((64, 33), 19_519_449_984)],
)
def test_fcn32s_equals_a_pytorch_program(size: tuple[int, int], macs: int) -> None:
    """照 net.py 另写的 PyTorch 程序：136,152,917 个参数；输出与输入一样大。"""
    mine = ledger(zoo.load("fcn32s"), (3, *size))
    assert mine.params == 136_152_917
    assert mine.macs == macs
    assert mine.rows[-1].output == (21, *size)


def test_fcn32s_has_the_weights_of_vgg16() -> None:
    """改成卷积的全连接层参数不变，只有最后打分的一层换了。"""
    convolutions = {row.name: row.params for row in book("fcn32s").rows if row.params}
    for row in book("vgg16").rows:
        if row.params and row.name != "fc8":
            assert convolutions[row.name] == row.params, row.name
