"""归一化与激活：参数、缓存的数、运算、看到哪里；resnet50 的参数与统计量按论文的表逐层加起来。"""

from itertools import product
from math import prod

import pytest

from dlnotes.arch import (
    ELU,
    GELU,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    GroupNorm,
    Hardsigmoid,
    Hardswish,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    StochasticDepth,
    Tanh,
    Tokens,
)
from dlnotes.arch.layers import Layer, Shape

IMAGE, SIGNAL, VECTOR = (6, 4, 5), (6, 7), (6,)
WORDS, GRID = Tokens((7, 6)), Tokens((4, 5, 6))
PLAIN = [
    layer()
    for layer in (
        ReLU,
        ReLU6,
        LeakyReLU,
        ELU,
        Sigmoid,
        Tanh,
        Hardsigmoid,
        Hardswish,
        SiLU,
        Mish,
        GELU,
    )
]


def elements(shape: Shape) -> int:
    return len(list(product(*map(range, shape))))


@pytest.mark.parametrize("shape", [IMAGE, SIGNAL, VECTOR, WORDS, GRID], ids=repr)
@pytest.mark.parametrize("layer", PLAIN, ids=str)
def test_activations_are_counted_once_per_element(layer: Layer, shape: Shape) -> None:
    assert layer.output(shape) == shape
    assert type(layer.output(shape)) is type(shape)
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
    assert layer.parameters(shape) == {}
    assert layer.operations(shape) == {"activation": elements(shape)}
    assert layer.reach(shape) == "point"


@pytest.mark.parametrize("shape", [IMAGE, SIGNAL, VECTOR, WORDS], ids=repr)
@pytest.mark.parametrize(
    "layer", [Identity(), Dropout(), Dropout(0), Dropout(1.0), StochasticDepth(0.2)], ids=str
)
def test_identity_and_dropout_do_nothing_at_inference(layer: Layer, shape: Shape) -> None:
    assert layer.output(shape) == shape
    assert type(layer.output(shape)) is type(shape)
    assert layer.parameters(shape) == layer.operations(shape) == {}
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
    assert layer.reach(shape) == "point"


def test_dropout_drops_half_unless_told() -> None:
    assert Dropout() == Dropout(0.5)


@pytest.mark.parametrize("shape", [IMAGE, SIGNAL, VECTOR, WORDS, GRID], ids=repr)
def test_prelu_learns_one_slope_or_one_per_channel(shape: Shape) -> None:
    """各种形状的特征都是 6 个。"""
    for layer, slopes in ((PReLU(), 1), (PReLU(1), 1), (PReLU(6), 6)):
        assert layer.output(shape) == shape
        assert type(layer.output(shape)) is type(shape)
        assert layer.parameters(shape) == {"activation": slopes}
        assert layer.params(shape) == slopes
        assert layer.operations(shape) == {"activation": elements(shape)}
        assert layer.reach(shape) == "point"
    for wrong in (2, 4, 5, 7):
        with pytest.raises(ValueError, match=rf"^`num_parameters` 应为 1 或通道数 6，得到 {wrong}；.*。$"):
            PReLU(wrong).output(shape)


def test_softmax_mixes_positions_only_in_a_vector() -> None:
    """向量的每个元素是一个位置，分母把它们都加起来；图像、词只在特征上归一化。"""
    layer = Softmax()
    assert layer.reach((1000,)) == "all"
    for shape in (IMAGE, SIGNAL, WORDS, GRID):
        assert layer.reach(shape) == "point"
    for shape in (IMAGE, VECTOR, WORDS):
        assert layer.output(shape) == shape
        assert layer.operations(shape) == {"activation": elements(shape)}
        assert layer.params(shape) == layer.macs(shape) == 0


@pytest.mark.parametrize(
    ("layer", "shapes"), [(BatchNorm2d, [IMAGE]), (BatchNorm1d, [SIGNAL, VECTOR])], ids=["2d", "1d"]
)
def test_batch_norm_has_four_numbers_per_channel_and_learns_two(
    layer: type[BatchNorm2d], shapes: list[Shape]
) -> None:
    for shape in shapes:
        assert layer().output(shape) == shape
        assert layer().parameters(shape) == {"norm": 12}
        assert (layer().params(shape), layer().buffers(shape), layer().macs(shape)) == (12, 12, 0)
        assert layer().operations(shape) == {"norm": elements(shape)}
        assert layer().reach(shape) == "point"  # 推理时的均值、方差是常数
        assert (layer(affine=False).parameters(shape), layer(affine=False).buffers(shape)) == ({}, 12)
        untracked = layer(track_running_stats=False)
        assert (untracked.params(shape), untracked.buffers(shape)) == (12, 0)


@pytest.mark.parametrize("shape", [SIGNAL, VECTOR, WORDS, GRID, (1, 6, 4, 5)], ids=repr)
def test_batch_norm_2d_wants_an_image(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 .*。$"):
        BatchNorm2d().output(shape)


@pytest.mark.parametrize("shape", [IMAGE, WORDS, GRID], ids=repr)
def test_batch_norm_1d_wants_a_signal_or_a_vector(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, L\) 或 \(F,\)，得到 .*。$"):
        BatchNorm1d().output(shape)


@pytest.mark.parametrize("shape", [IMAGE, SIGNAL, WORDS, GRID], ids=repr)
def test_layer_norm_over_the_features_stays_at_its_position(shape: Shape) -> None:
    """特征都是 6 个：图像、信号在第一轴，词在最后一轴。"""
    layer = LayerNorm()
    assert layer.output(shape) == shape
    assert type(layer.output(shape)) is type(shape)
    assert layer.parameters(shape) == {"norm": 12}
    assert LayerNorm(bias=False).parameters(shape) == {"norm": 6}
    assert LayerNorm(elementwise_affine=False).parameters(shape) == {}
    assert LayerNorm(elementwise_affine=False, bias=False).params(shape) == 0
    assert layer.operations(shape) == {"norm": elements(shape)}
    assert (layer.macs(shape), layer.buffers(shape)) == (0, 0)
    assert layer.reach(shape) == "point"


@pytest.mark.parametrize("shape", [IMAGE, SIGNAL, VECTOR, WORDS, GRID], ids=repr)
def test_layer_norm_over_all_sees_the_input_through_its_statistics(shape: Shape) -> None:
    layer = LayerNorm(over="all")
    assert layer.output(shape) == shape
    assert layer.params(shape) == 2 * elements(shape)
    assert LayerNorm(over="all", bias=False).params(shape) == elements(shape)
    assert LayerNorm(over="all", elementwise_affine=False).params(shape) == 0
    assert layer.operations(shape) == {"norm": elements(shape)}
    assert layer.reach(shape) == "gate"


def test_layer_norm_of_a_vector_is_over_all_of_it() -> None:
    assert LayerNorm().reach(VECTOR) == LayerNorm(over="all").reach(VECTOR) == "gate"
    assert LayerNorm().params(VECTOR) == LayerNorm(over="all").params(VECTOR) == 12


def test_layer_norm_of_convnext_and_vit_by_hand() -> None:
    assert LayerNorm().params((96, 56, 56)) == 192
    assert LayerNorm().params(Tokens((197, 768))) == 1_536
    assert LayerNorm(over="all").params((96, 56, 56)) == 2 * 301_056


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_learns_two_numbers_per_channel_whatever_the_groups(groups: int) -> None:
    layer = GroupNorm(groups)
    for shape in (IMAGE, SIGNAL, VECTOR):
        assert layer.output(shape) == shape
        assert layer.parameters(shape) == {"norm": 12}
        assert GroupNorm(groups, affine=False).parameters(shape) == {}
        assert layer.operations(shape) == {"norm": elements(shape)}
        assert (layer.macs(shape), layer.buffers(shape)) == (0, 0)
        assert layer.reach(shape) == "gate"


def test_group_norm_rejects_groups_that_do_not_divide_and_tokens() -> None:
    for groups in (4, 5, 12):
        with pytest.raises(ValueError, match=rf"^`num_groups` 应为通道数 6 的约数，得到 {groups}；.*。$"):
            GroupNorm(groups).output(IMAGE)
    with pytest.raises(ValueError, match=r"^`shape` 应为通道在前的形状，得到 Tokens.*LayerNorm。$"):
        GroupNorm(2).output(WORDS)


def test_local_response_norm_has_no_parameters_and_stays_at_its_position() -> None:
    for layer in (LocalResponseNorm(), LocalResponseNorm(3)):
        assert layer.output(IMAGE) == IMAGE
        assert layer.parameters(IMAGE) == {}
        assert layer.operations(IMAGE) == {"norm": elements(IMAGE)}
        assert (layer.params(IMAGE), layer.macs(IMAGE), layer.buffers(IMAGE)) == (0, 0, 0)
        assert layer.reach(IMAGE) == "point"
    assert LocalResponseNorm() == LocalResponseNorm(5)  # 论文 §3.3：n = 5


def resnet50() -> list[tuple[Layer, Shape]]:
    """He et al. (2015) Table 1 的 50-layer 一列，逐个卷积及其后的 BN；形状只用到通道数。"""
    layers: list[tuple[Layer, Shape]] = []

    def conv(channels: int, out: int, kernel: int) -> None:
        layers.append((Conv2d(out, kernel, bias=False), (channels, 7, 7)))
        layers.append((BatchNorm2d(), (out, 7, 7)))

    conv(3, 64, 7)
    channels = 64
    for width, depth in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(depth):
            conv(channels, width, 1)
            conv(width, width, 3)
            conv(width, 4 * width, 1)
            if block == 0:
                conv(channels, 4 * width, 1)
            channels = 4 * width
    layers.append((Linear(1000), (2048,)))
    return layers


def test_resnet50_has_the_parameters_and_statistics_of_torchvision() -> None:
    """torchvision 的 resnet50：25,557,032 个参数；另有滑动均值、方差 53,120 个。"""
    layers = resnet50()
    assert sum(layer.params(shape) for layer, shape in layers) == 25_557_032
    assert sum(layer.buffers(shape) for layer, shape in layers) == 53_120
    norm = sum(prod([2, shape[0]]) for layer, shape in layers if isinstance(layer, BatchNorm2d))
    assert sum(layer.parameters(shape).get("norm", 0) for layer, shape in layers) == norm == 53_120
