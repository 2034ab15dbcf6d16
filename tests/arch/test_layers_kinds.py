"""每一种层都要守的规矩。层由 `dlnotes.arch.layers` 找出来：新加的层不登记在这里的表里，测试就失败。"""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any, get_args

import numpy as np
import pytest

from dlnotes import arch
from dlnotes.arch import Tokens, Unaligned, Window, layers
from dlnotes.arch.layers import Layer, Merge, Operation, Parameter, Shape

IMAGE, SIGNAL, VECTOR, WORDS = (6, 12, 14), (6, 15), (6,), Tokens((4, 6))
GRID = Tokens((5, 7, 6))


def discovered() -> dict[str, type]:
    """全部导出的层；三个基类除外。"""
    kinds = [kind for kind in vars(layers).values() if isinstance(kind, type)]
    bases = (layers.Layer, layers.Merge, layers.Sliding)
    return {kind.__name__: kind for kind in kinds if issubclass(kind, Layer | Merge) and kind not in bases}


KINDS = discovered()
# 层的种类：每个参数都写上的一个实例（整数都不是默认值），与它收得下的一个形状（`Merge` 是几个）
SAMPLES: dict[str, tuple[dict[str, Any], Any]] = {
    "AdaptiveAvgPool2d": ({"output_size": (3, 7)}, IMAGE),
    "Add": ({}, [IMAGE, IMAGE, IMAGE]),
    "AvgPool2d": (
        {"kernel_size": (3, 4), "stride": 2, "padding": ((1, 0), (2, 1)), "rounding": "ceil"},
        IMAGE,
    ),
    "BatchNorm1d": ({"affine": True, "track_running_stats": False}, SIGNAL),
    "BatchNorm2d": ({"affine": False, "track_running_stats": True}, IMAGE),
    "ChannelShuffle": ({"groups": 3}, IMAGE),
    "ClassToken": ({}, WORDS),
    "Concat": ({}, [IMAGE, (2, 12, 14)]),
    "Conv1d": (
        {
            "out_channels": 8,
            "kernel_size": (3,),
            "stride": 2,
            "padding": ((2, 1),),
            "dilation": 2,
            "groups": 2,
            "bias": True,
        },
        SIGNAL,
    ),
    "Conv2d": (
        {
            "out_channels": 8,
            "kernel_size": (3, 5),
            "stride": (2, 1),
            "padding": ((1, 0), (2, 3)),
            "dilation": (1, 2),
            "groups": 2,
            "bias": True,
        },
        IMAGE,
    ),
    "ConvMap2d": (
        {
            "table": ((0, 5), (1, 2, 3), (4,)),
            "kernel_size": (3, 5),
            "stride": (2, 1),
            "padding": ((1, 0), (2, 3)),
            "dilation": (1, 2),
            "bias": True,
        },
        IMAGE,
    ),
    "ConvTranspose2d": (
        {
            "out_channels": 8,
            "kernel_size": (3, 5),
            "stride": (2, 3),
            "padding": (1, 2),
            "output_padding": (1, 2),
            "dilation": (1, 2),
            "groups": 2,
            "bias": True,
        },
        IMAGE,
    ),
    "Crop": ({"offset": (2, 3)}, [IMAGE, (3, 9, 8)]),
    "Dropout": ({"p": 0.2}, IMAGE),
    "ELU": ({}, IMAGE),
    "Embedding": ({"num_embeddings": 11, "embedding_dim": 4}, (5,)),
    "Flatten": ({}, IMAGE),
    "GELU": ({}, WORDS),
    "GlobalAvgPool": ({}, IMAGE),
    "GroupNorm": ({"num_groups": 3, "affine": True}, IMAGE),
    "Hardsigmoid": ({}, IMAGE),
    "Hardswish": ({}, IMAGE),
    "Identity": ({}, IMAGE),
    "LayerNorm": ({"over": "all", "elementwise_affine": True, "bias": False}, IMAGE),
    "LeakyReLU": ({}, IMAGE),
    "Linear": ({"out_features": 9, "bias": True}, WORDS),
    "LocalResponseNorm": ({"size": 3}, IMAGE),
    "MaxPool2d": (
        {"kernel_size": 3, "stride": (2, 3), "padding": (1, 2), "dilation": (1, 2), "rounding": "ceil_caffe"},
        IMAGE,
    ),
    "Mish": ({}, IMAGE),
    "Mul": ({}, [IMAGE, (6, 1, 1)]),
    "MultiheadAttention": ({"num_heads": 3, "bias": True}, [WORDS, Tokens((5, 7))]),
    "PReLU": ({"num_parameters": 6}, IMAGE),
    "Pad": ({"padding": ((1, -2), (-3, 4))}, IMAGE),
    "PatchMerging": ({}, GRID),
    "PositionEmbedding": ({}, WORDS),
    "RBF": ({"out_features": 5}, VECTOR),
    "ReLU": ({}, IMAGE),
    "ReLU6": ({}, IMAGE),
    "Scale": ({"bias": True}, IMAGE),
    "SelectToken": ({"index": 3}, WORDS),
    "SiLU": ({}, IMAGE),
    "Sigmoid": ({}, IMAGE),
    "Softmax": ({}, VECTOR),
    "Split": ({"chunks": 3, "index": 2}, IMAGE),
    "StochasticDepth": ({"p": 0.2}, IMAGE),
    "Tanh": ({}, IMAGE),
    "ToImage": ({}, GRID),
    "ToTokens": ({"grid": True}, IMAGE),
    "Upsample": ({"scale_factor": (2, 3), "mode": "bilinear"}, IMAGE),
    "WindowAttention": ({"num_heads": 3, "window_size": (3, 4), "shift_size": (1, 2), "bias": True}, GRID),
}
NAMES = sorted(KINDS)


def sample(name: str) -> tuple[Any, Any]:
    arguments, given = SAMPLES[name]
    return KINDS[name](**arguments), given


def reaches(layer: Layer | Merge, given: Any) -> list[Any]:
    return list(layer.reaches(given)) if isinstance(layer, Merge) else [layer.reach(given)]


def test_every_layer_is_registered_here() -> None:
    assert sorted(SAMPLES) == NAMES
    assert sorted(name for names in ON_TOKENS.values() for name in names) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_writes_every_argument(name: str) -> None:
    assert set(SAMPLES[name][0]) == {field.name for field in fields(KINDS[name]) if field.init}


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_exported_by_dlnotes_arch(name: str) -> None:
    assert getattr(arch, name) is KINDS[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_is_an_immutable_value(name: str) -> None:
    layer, _ = sample(name)
    again, _ = sample(name)
    assert is_dataclass(layer)
    assert layer == again == replace(layer)
    assert hash(layer) == hash(again)
    assert len({layer, again}) == 1
    with pytest.raises(FrozenInstanceError):
        layer.anything = 1
    for field in fields(layer):
        with pytest.raises(FrozenInstanceError):
            setattr(layer, field.name, getattr(layer, field.name))


def test_different_kinds_are_never_equal() -> None:
    """`BatchNorm1d` 是 `BatchNorm2d` 的子类，`ReLU()` 与 `Tanh()` 都没有参数，仍然互不相等。"""
    assert len({sample(name)[0] for name in NAMES}) == len(NAMES)
    assert layers.BatchNorm1d() != layers.BatchNorm2d()
    assert layers.MaxPool2d(2) != layers.AvgPool2d(2)
    assert layers.ReLU() != layers.Tanh()


# 不必写名字的参数；其余只能按名字传，`Conv2d(8, 3, 2)` 里的 2 是步长还是补零，读者不必猜。
POSITIONAL = {
    "AdaptiveAvgPool2d": ["output_size"],
    "AvgPool2d": ["kernel_size"],
    "ChannelShuffle": ["groups"],
    "Conv1d": ["out_channels", "kernel_size"],
    "Conv2d": ["out_channels", "kernel_size"],
    "ConvMap2d": ["table", "kernel_size"],
    "ConvTranspose2d": ["out_channels", "kernel_size"],
    "Crop": ["offset"],
    "Dropout": ["p"],
    "Embedding": ["num_embeddings", "embedding_dim"],
    "GroupNorm": ["num_groups"],
    "Linear": ["out_features"],
    "LocalResponseNorm": ["size"],
    "MaxPool2d": ["kernel_size"],
    "MultiheadAttention": ["num_heads"],
    "PReLU": ["num_parameters"],
    "Pad": ["padding"],
    "RBF": ["out_features"],
    "SelectToken": ["index"],
    "Split": ["chunks"],
    "StochasticDepth": ["p"],
    "Upsample": ["scale_factor"],
    "WindowAttention": ["num_heads", "window_size"],
}


@pytest.mark.parametrize("name", NAMES)
def test_options_are_passed_by_name(name: str) -> None:
    arguments, positional = SAMPLES[name][0], POSITIONAL.get(name, [])
    values = [arguments[argument] for argument in positional]
    rest = {key: value for key, value in arguments.items() if key not in positional}
    assert KINDS[name](*values, **rest) == sample(name)[0]
    for value in rest.values():
        with pytest.raises(TypeError, match="positional argument"):
            KINDS[name](*values, value)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_layer_answers_has_the_promised_kind(name: str) -> None:
    layer, given = sample(name)
    check_answers(layer, given)


def check_answers(layer: Any, given: Any) -> None:
    output = layer.output(given)
    assert isinstance(output, tuple)
    assert all(type(size) is int and size > 0 for size in output)
    parameters, operations = layer.parameters(given), layer.operations(given)
    assert set(parameters) <= set(get_args(Parameter))
    assert set(operations) <= set(get_args(Operation))
    for count in (*parameters.values(), *operations.values()):
        assert type(count) is int
        assert count >= 0
    assert type(layer.buffers(given)) is int
    assert layer.params(given) == sum(parameters.values())
    products = [operations[kind] for kind in ("conv", "linear", "attention") if kind in operations]
    assert layer.macs(given) == sum(products)
    shapes = given if isinstance(layer, Merge) else [given]
    for reach, shape in zip(reaches(layer, given), shapes, strict=True):
        if isinstance(reach, tuple):
            assert len(reach) == len(shape) - 1
            for window in reach:
                assert isinstance(window, Window)
                numbers = (window.kernel_size, window.stride, *window.ends, window.dilation)
                assert {type(number) for number in numbers} == {int}
        elif isinstance(reach, Unaligned):
            assert reach.reason
        else:
            assert reach in ("point", "gate", "all", "nothing")


def to_numpy(value: object, integer: type) -> object:
    if isinstance(value, tuple):
        return tuple(to_numpy(item, integer) for item in value)
    return integer(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_numpy_integers_are_as_good_as_python_integers(name: str, kind: type) -> None:
    """结果全是 Python 的整数：numpy 的位数有限，乘几下就溢出。"""
    plain, given = sample(name)
    layer = KINDS[name](**{key: to_numpy(value, kind) for key, value in SAMPLES[name][0].items()})
    assert layer == plain
    assert hash(layer) == hash(plain)
    check_answers(layer, given)
    assert layer.output(given) == plain.output(given)
    assert layer.parameters(given) == plain.parameters(given)
    assert layer.operations(given) == plain.operations(given)
    assert reaches(layer, given) == reaches(plain, given)


@pytest.mark.parametrize("name", NAMES)
def test_single_integers_are_stored_as_python_integers(name: str) -> None:
    """一个整数的参数存成 Python 的；可以是 (高, 宽) 的照使用者写的样子存。"""
    layer = KINDS[name](**{key: to_numpy(value, np.int16) for key, value in SAMPLES[name][0].items()})
    pairs = (
        *("kernel_size", "stride", "padding", "output_padding", "dilation", "output_size", "scale_factor"),
        *("window_size", "shift_size", "offset"),
    )
    for field in fields(layer):
        if field.name not in pairs:
            assert not isinstance(getattr(layer, field.name), np.generic), field.name


# 词 `(4, 6)` 经过各层：形状与类型都不变；还是词，形状变了；成了向量；不收
ON_TOKENS: dict[str, list[str]] = {
    "keep": [
        *("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "Sigmoid", "Tanh", "Hardsigmoid", "Hardswish"),
        *(
            "SiLU",
            "Mish",
            "GELU",
            "Softmax",
            "Identity",
            "Dropout",
            "StochasticDepth",
            "Scale",
            "LayerNorm",
            "LocalResponseNorm",
        ),
        *("ChannelShuffle", "PositionEmbedding", "Add", "Mul", "MultiheadAttention"),
    ],
    "change": ["Linear", "Split", "ClassToken", "Concat"],
    "leave": ["Flatten", "GlobalAvgPool", "SelectToken"],
    "reject": [
        *("Conv1d", "Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"),
        *("BatchNorm1d", "BatchNorm2d", "GroupNorm", "Pad", "Upsample", "ToTokens", "Embedding"),
        *("ConvMap2d", "Crop", "RBF"),
    ],
    # 只收排成网格的词 `(H, W, D)`，见 test_layers_windows.py
    "grid": ["ToImage", "WindowAttention", "PatchMerging"],
}


def after_tokens(name: str, shape: Shape) -> Shape:
    layer, _ = sample(name)
    output: Shape = layer.output([shape, shape] if isinstance(layer, Merge) else shape)
    return output


@pytest.mark.parametrize("name", ON_TOKENS["keep"])
def test_these_layers_keep_tokens_as_they_are(name: str) -> None:
    assert after_tokens(name, WORDS) == WORDS
    assert isinstance(after_tokens(name, WORDS), Tokens)


@pytest.mark.parametrize(
    ("name", "shape"), [("Linear", (4, 9)), ("Split", (4, 2)), ("ClassToken", (5, 6)), ("Concat", (4, 12))]
)
def test_these_layers_give_other_tokens(name: str, shape: Shape) -> None:
    assert name in ON_TOKENS["change"]
    assert after_tokens(name, WORDS) == shape
    assert isinstance(after_tokens(name, WORDS), Tokens)


@pytest.mark.parametrize(
    ("name", "shape"), [("Flatten", (24,)), ("GlobalAvgPool", (6,)), ("SelectToken", (6,))]
)
def test_these_layers_turn_tokens_into_a_vector(name: str, shape: Shape) -> None:
    assert name in ON_TOKENS["leave"]
    assert after_tokens(name, WORDS) == shape
    assert not isinstance(after_tokens(name, WORDS), Tokens)


@pytest.mark.parametrize("words", [WORDS, Tokens((4, 6, 6))], ids=repr)
@pytest.mark.parametrize("name", ON_TOKENS["reject"])
def test_these_layers_reject_tokens_in_one_sentence(name: str, words: Shape) -> None:
    """词 `(64, 100, 100)` 与图像长得一样，轴的意思却不同，不能照收。"""
    with pytest.raises(ValueError, match=r"^`shape` 应为.*，得到 .*；[^。]+。$") as caught:
        after_tokens(name, words)
    assert str(tuple(words)) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_new_layer_needs_only_the_rules_that_differ() -> None:
    """默认：形状不变、只看自己的位置、没有参数、不做运算；`Merge` 必须自己说输出的形状。"""
    layer, merge = Layer(), Merge()
    for shape in (IMAGE, VECTOR, WORDS):
        assert layer.output(shape) is shape
        assert layer.reach(shape) == "point"
        assert layer.parameters(shape) == layer.operations(shape) == {}
        assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
    assert list(merge.reaches([IMAGE, IMAGE])) == ["point", "point"]
    with pytest.raises(NotImplementedError):
        merge.output([IMAGE])
    with pytest.raises(NotImplementedError):
        layers.Sliding().geometry()


def test_only_the_matrix_products_are_multiply_accumulates() -> None:
    """每种运算各一次：只有卷积、线性层、注意力的算作乘加。"""
    kinds = get_args(Operation)
    assert {kind for kind in kinds if layers.macs({kind: 7})} == {"conv", "linear", "attention"}
    assert layers.macs(dict.fromkeys(kinds, 7)) == 21
    assert layers.macs({}) == 0
