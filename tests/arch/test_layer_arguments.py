"""各层的参数检查：类型、范围、措辞；numpy 的整数照收。每一种层的每一个参数都要在下面的表里。"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    Dropout,
    LayerNorm,
    Linear,
    MaxPool2d,
    Pad,
    layers,
)
from dlnotes.arch.layers import Layer, Merge

KINDS = {
    kind.__name__: kind
    for kind in vars(layers).values()
    if isinstance(kind, type)
    and issubclass(kind, Layer | Merge)
    and kind not in (layers.Layer, layers.Merge, layers.Sliding)
}
Argument = tuple[str, str]

# 必须写的参数
REQUIRED: dict[str, dict[str, Any]] = {
    "AdaptiveAvgPool2d": {"output_size": 2},
    "AvgPool2d": {"kernel_size": 8},
    "ChannelShuffle": {"groups": 2},
    "Conv1d": {"out_channels": 8, "kernel_size": 3},
    "Conv2d": {"out_channels": 8, "kernel_size": 3},
    "ConvMap2d": {"table": ((0,),), "kernel_size": 3},
    "ConvTranspose2d": {"out_channels": 8, "kernel_size": 3},
    "Embedding": {"num_embeddings": 8, "embedding_dim": 4},
    "GroupNorm": {"num_groups": 2},
    "Linear": {"out_features": 8},
    "MaxPool2d": {"kernel_size": 8},
    "MultiheadAttention": {"num_heads": 2},
    "Pad": {"padding": 1},
    "RBF": {"out_features": 8},
    "Split": {"chunks": 2, "index": 0},
    "StochasticDepth": {"p": 0.5},
    "Upsample": {"scale_factor": 2},
    "WindowAttention": {"num_heads": 2, "window_size": 8},
}
# 一个整数的参数和它的最小值
COUNTS: dict[Argument, int] = {
    ("ChannelShuffle", "groups"): 1,
    ("Conv1d", "groups"): 1,
    ("Conv1d", "out_channels"): 1,
    ("Conv2d", "groups"): 1,
    ("Conv2d", "out_channels"): 1,
    ("ConvTranspose2d", "groups"): 1,
    ("ConvTranspose2d", "out_channels"): 1,
    ("Embedding", "embedding_dim"): 1,
    ("Embedding", "num_embeddings"): 1,
    ("GroupNorm", "num_groups"): 1,
    ("Linear", "out_features"): 1,
    ("LocalResponseNorm", "size"): 1,
    ("MultiheadAttention", "num_heads"): 1,
    ("PReLU", "num_parameters"): 1,
    ("RBF", "out_features"): 1,
    ("SelectToken", "index"): 0,
    ("Split", "chunks"): 1,
    ("Split", "index"): 0,
    ("WindowAttention", "num_heads"): 1,
}
# 一个整数或 (高, 宽)：方向数和最小值
SIZES: dict[Argument, tuple[int, int | None]] = {
    ("AdaptiveAvgPool2d", "output_size"): (2, 1),
    ("AvgPool2d", "kernel_size"): (2, 1),
    ("AvgPool2d", "stride"): (2, 1),
    ("Conv1d", "dilation"): (1, 1),
    ("Conv1d", "kernel_size"): (1, 1),
    ("Conv1d", "stride"): (1, 1),
    ("Conv2d", "dilation"): (2, 1),
    ("Conv2d", "kernel_size"): (2, 1),
    ("Conv2d", "stride"): (2, 1),
    ("ConvMap2d", "dilation"): (2, 1),
    ("ConvMap2d", "kernel_size"): (2, 1),
    ("ConvMap2d", "stride"): (2, 1),
    ("ConvTranspose2d", "dilation"): (2, 1),
    ("ConvTranspose2d", "kernel_size"): (2, 1),
    ("ConvTranspose2d", "output_padding"): (2, 0),
    ("ConvTranspose2d", "padding"): (2, 0),
    ("ConvTranspose2d", "stride"): (2, 1),
    ("Crop", "offset"): (2, 0),
    ("MaxPool2d", "dilation"): (2, 1),
    ("MaxPool2d", "kernel_size"): (2, 1),
    ("MaxPool2d", "stride"): (2, 1),
    ("Upsample", "scale_factor"): (2, 1),
    ("WindowAttention", "shift_size"): (2, 0),
    ("WindowAttention", "window_size"): (2, 1),
}
# 也可以两端不同；除 `Pad` 外不能为负，也可以是 "same"
PADDINGS: dict[Argument, tuple[int, int | None]] = {
    ("AvgPool2d", "padding"): (2, 0),
    ("Conv1d", "padding"): (1, 0),
    ("Conv2d", "padding"): (2, 0),
    ("ConvMap2d", "padding"): (2, 0),
    ("MaxPool2d", "padding"): (2, 0),
    ("Pad", "padding"): (2, None),
}
SWITCHES: list[Argument] = [
    ("BatchNorm1d", "affine"),
    ("BatchNorm1d", "track_running_stats"),
    ("BatchNorm2d", "affine"),
    ("BatchNorm2d", "track_running_stats"),
    ("Conv1d", "bias"),
    ("Conv2d", "bias"),
    ("ConvMap2d", "bias"),
    ("ConvTranspose2d", "bias"),
    ("GroupNorm", "affine"),
    ("LayerNorm", "bias"),
    ("LayerNorm", "elementwise_affine"),
    ("Linear", "bias"),
    ("MultiheadAttention", "bias"),
    ("Scale", "bias"),
    ("ToTokens", "grid"),
    ("WindowAttention", "bias"),
]
CHOICES: dict[Argument, str] = {
    ("AvgPool2d", "rounding"): "floor / ceil / ceil_caffe",
    ("LayerNorm", "over"): "features / all",
    ("MaxPool2d", "rounding"): "floor / ceil / ceil_caffe",
    ("Upsample", "mode"): "nearest / bilinear",
}
OTHERS: list[Argument] = [("ConvMap2d", "table"), ("Dropout", "p"), ("StochasticDepth", "p")]
ARGUMENTS = [*COUNTS, *SIZES, *PADDINGS, *SWITCHES, *CHOICES, *OTHERS]


def build(argument: Argument, value: object) -> Any:
    kind, name = argument
    return KINDS[kind](**{**REQUIRED.get(kind, {}), name: value})


def dotted(argument: object) -> str:
    return ".".join(argument) if isinstance(argument, tuple) else str(argument)


def integers(minimum: int | None) -> str:
    return "整数" if minimum is None else f"不小于 {minimum} 的整数"


def one_sentence(error: BaseException) -> bool:
    """一句中文：一行，恰好以一个句号收尾。"""
    text = str(error)
    return text.endswith("。") and text.count("。") == 1 and "\n" not in text and "；" in text


def test_every_argument_of_every_layer_is_checked_here() -> None:
    written = {(name, field.name) for name, kind in KINDS.items() for field in fields(kind) if field.init}
    assert written == set(ARGUMENTS)
    assert len(ARGUMENTS) == len(set(ARGUMENTS))


@pytest.mark.parametrize("argument", [*COUNTS, *SIZES, *PADDINGS], ids=dotted)
def test_not_an_integer(argument: Argument) -> None:
    limits = {**{key: (1, low) for key, low in COUNTS.items()}, **SIZES, **PADDINGS}
    minimum = limits[argument][1]
    values: list[object] = [True, False, 2.0, 2.5, 1j, b"3", {2}, np.float64(2), np.zeros(2, int)]
    if argument not in PADDINGS or argument[0] == "Pad":
        values.append("3")
    if argument not in (("MaxPool2d", "stride"), ("AvgPool2d", "stride")):
        values.append(None)  # 池化不写步长就等于窗口
    for value in values:
        message = rf"^`{argument[1]}` 应为{integers(minimum)}，得到 "
        with pytest.raises(TypeError, match=message) as caught:
            build(argument, value)
        assert repr(value) in str(caught.value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("argument", COUNTS, ids=dotted)
def test_one_integer_is_not_a_tuple_or_a_list(argument: Argument) -> None:
    for value in ((2,), (2, 2), [2], []):
        with pytest.raises(TypeError, match=rf"^`{argument[1]}` 应为{integers(COUNTS[argument])}，得到 "):
            build(argument, value)


@pytest.mark.parametrize("argument", [*COUNTS, *SIZES, *PADDINGS], ids=dotted)
def test_too_small(argument: Argument) -> None:
    minimum = {**COUNTS, **{key: low for key, (_, low) in {**SIZES, **PADDINGS}.items()}}[argument]
    if minimum is None:
        assert build(argument, -7).padding == -7  # `Pad` 的负数是裁去
        return
    for value in (minimum - 1, -7, np.int8(-7)):
        message = rf"^`{argument[1]}` 应为{integers(minimum)}，得到 .*{int(value)}.*；"
        with pytest.raises(ValueError, match=message) as caught:
            build(argument, value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("argument", [*SIZES, *PADDINGS], ids=dotted)
def test_wrong_pairs(argument: Argument) -> None:
    """长度不对，或是列表：列表会让层不可散列。"""
    axes, minimum = {**SIZES, **PADDINGS}[argument]
    expected = r"一个整数或元组 \(高, 宽\)" if axes == 2 else "一个整数或 1 个整数的元组"
    for value in ((), (2,) * (axes + 1), (1,) * (axes + 2), [2] * axes, []):
        with pytest.raises(ValueError, match=rf"^`{argument[1]}` 应为{expected}，得到 ") as caught:
            build(argument, value)
        assert repr(value) in str(caught.value)
        assert one_sentence(caught.value)
    for axis in range(axes):
        for bad in (1.5, True, "3", None, [2]):
            value = tuple(bad if each == axis else 2 for each in range(axes))
            message = rf"^`{argument[1]}\[{axis}\]` 应为{integers(minimum)}，得到 "
            with pytest.raises(TypeError, match=message) as wrong:
                build(argument, value)
            assert one_sentence(wrong.value)
        if minimum is not None:
            value = tuple(minimum - 1 if each == axis else 2 for each in range(axes))
            message = rf"^`{argument[1]}\[{axis}\]` 应为{integers(minimum)}，得到 {minimum - 1}；"
            with pytest.raises(ValueError, match=message):
                build(argument, value)


@pytest.mark.parametrize("argument", PADDINGS, ids=dotted)
def test_wrong_ends(argument: Argument) -> None:
    """((上, 下), (左, 右)) 里的每一对都要恰好两个整数。"""
    axes, minimum = PADDINGS[argument]
    good = (1, 1)
    for axis in range(axes):
        for bad in ((), (1,), (1, 1, 1), (1, 1.5), (True, 1), ("1", 1)):
            value = tuple(bad if each == axis else good for each in range(axes))
            with pytest.raises((TypeError, ValueError), match=rf"^`{argument[1]}(\[\d\])*` 应为") as caught:
                build(argument, value)
            assert one_sentence(caught.value)
        if minimum is not None:
            for end, pair in enumerate([(-1, 1), (1, -1)]):
                value = tuple(pair if each == axis else good for each in range(axes))
                message = rf"^`padding\[{axis}\]\[{end}\]` 应为不小于 0 的整数，得到 -1；"
                with pytest.raises(ValueError, match=message):
                    build(argument, value)
    for value in ((good,) * (axes + 1), (good,) * (axes + 2)):
        with pytest.raises((TypeError, ValueError), match=r"^`padding(\[\d\])*` 应为") as caught:
            build(argument, value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("argument", [key for key in PADDINGS if key[0] != "Pad"], ids=dotted)
def test_the_only_word_for_padding_is_same(argument: Argument) -> None:
    assert build(argument, "same").padding == "same"
    for value in ("Same", "valid", "3", ""):
        message = rf'^`padding` 应为非负整数、各方向的元组或 "same"，得到 {value!r}；.*。$'
        with pytest.raises(ValueError, match=message) as caught:
            build(argument, value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("argument", SWITCHES, ids=dotted)
def test_switches_are_true_or_false(argument: Argument) -> None:
    """`bias=5` 若当作数，每个核就数出五个偏置。"""
    assert build(argument, True) != build(argument, False)
    for value in (5, 1, 0, None, "yes", [True], np.int64(1)):
        with pytest.raises(TypeError, match=rf"^`{argument[1]}` 应为 True 或 False，得到 ") as caught:
            build(argument, value)
        assert repr(value) in str(caught.value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("argument", CHOICES, ids=dotted)
def test_a_choice_is_one_of_a_few_words(argument: Argument) -> None:
    words = CHOICES[argument].split(" / ")
    assert len({build(argument, word) for word in words}) == len(words)
    for value in ("up", words[0].upper(), "", None, 1, True, [words[0]], (words[0],)):
        message = rf"^`{argument[1]}` 应为 {CHOICES[argument]} 之一，得到 "
        with pytest.raises(ValueError, match=message) as caught:
            build(argument, value)
        assert repr(value) in str(caught.value)
        assert one_sentence(caught.value)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 6)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["same", "ceil", "all", np.int64(3), np.float32(0.5)]),
    lambda each: st.lists(each, max_size=3) | st.lists(each, max_size=3).map(tuple),
    max_leaves=5,
)


@pytest.mark.parametrize("argument", ARGUMENTS, ids=dotted)
@settings(max_examples=15, deadline=None)
@given(value=JUNK)
def test_any_value_gives_a_hashable_layer_or_one_sentence(argument: Argument, value: object) -> None:
    """要么建成、可散列；要么一句中文，点出这个参数的名字。"""
    layer, error = attempt(argument, value)
    if error is None:
        hash(layer)
        assert layer == replace(layer)
        return
    assert one_sentence(error), str(error)
    # 份数、窗口变了，另一个参数也可能因此不合
    others = {"chunks": ["index"], "kernel_size": ["padding", "stride"]}
    names = [argument[1], *others.get(argument[1], [])]
    assert any(f"`{name}" in str(error) for name in names), str(error)


def attempt(argument: Argument, value: object) -> tuple[Any, Exception | None]:
    try:
        return build(argument, value), None
    except (TypeError, ValueError) as error:
        return None, error


def test_groups_divide_both_channel_counts() -> None:
    for kind in (Conv1d, Conv2d, layers.ConvTranspose2d):
        with pytest.raises(ValueError, match=r"^`groups` .*out_channels=6 的约数，得到 4；.*。$"):
            kind(6, 3, groups=4)
        layer = kind(8, 3, groups=4)
        shape = (6, 9) if kind is Conv1d else (6, 9, 9)
        for method in (layer.output, layer.params, layer.macs):
            with pytest.raises(ValueError, match=r"^`groups` 应为输入通道数 6 的约数，得到 4；.*。$"):
                method(shape)


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_padding_is_at_most_half_of_the_pooling_window(pool: type[MaxPool2d]) -> None:
    """PyTorch：pad should be at most half of effective kernel size。"""
    for kernel, half in ((1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (7, 3)):
        assert pool(kernel, padding=half).output((1, 9, 9))[0] == 1
        over = half + 1
        for padding in (over, (0, over), (over, 0), ((0, over), (0, 0)), ((0, 0), (over, 0))):
            message = rf"^`padding` 应为不超过窗口 {kernel} 的一半的整数，得到 {over}；.*PyTorch.*。$"
            with pytest.raises(ValueError, match=message) as caught:
                pool(kernel, padding=padding)
            assert one_sentence(caught.value)


def test_half_of_a_dilated_pooling_window() -> None:
    """膨胀之后再取一半：2 点、步距 3 跨 4 个像素，可以补 2。"""
    assert MaxPool2d(2, padding=2, stride=1, dilation=3).output((1, 6, 6)) == (1, 7, 7)
    with pytest.raises(ValueError, match=r"^`padding` 应为不超过窗口 4 的一半的整数，得到 3；.*。$"):
        MaxPool2d(2, padding=3, dilation=3)
    assert MaxPool2d(3, padding=(0, 2), dilation=(1, 2)).output((1, 6, 6)) == (1, 2, 2)
    with pytest.raises(ValueError, match=r"^`padding` 应为不超过窗口 3 的一半的整数，得到 2；.*。$"):
        MaxPool2d(3, padding=(2, 0), dilation=(1, 2))


@pytest.mark.parametrize("p", [-0.1, 1.1, 2, float("nan"), float("inf")], ids=repr)
def test_dropout_is_a_probability(p: float) -> None:
    message = r"^`p` 应为 ?0 到 1 之间的概率，得到 .*它是丢弃的概率，不是保留的概率。$"
    for kind in (Dropout, layers.StochasticDepth):
        with pytest.raises(ValueError, match=message):
            kind(p)


@pytest.mark.parametrize("p", ["0.5", None, True, 1j, [0.5]], ids=repr)
def test_dropout_is_a_number(p: object) -> None:
    for kind in (Dropout, layers.StochasticDepth):
        with pytest.raises(TypeError, match=r"^`p` 应为 ?0 到 1 之间的概率，得到 .*。$") as caught:
            kind(p)  # type: ignore[arg-type]
        assert repr(p) in str(caught.value)


def pairs_of_layers(integer: Callable[[int], int]) -> list[tuple[Layer, Layer]]:
    i = integer
    return [
        (
            Conv2d(i(8), (i(3), i(5)), stride=i(2), padding=i(1), dilation=i(2), groups=i(2)),
            Conv2d(8, (3, 5), stride=2, padding=1, dilation=2, groups=2),
        ),
        (MaxPool2d(i(3), stride=i(2), padding=i(1)), MaxPool2d(3, stride=2, padding=1)),
        (AdaptiveAvgPool2d((i(2), i(3))), AdaptiveAvgPool2d((2, 3))),
    ]


@pytest.mark.parametrize("kind", ["int8", "uint16", "int32", "int64"])
def test_numpy_integers_are_accepted(kind: str) -> None:
    shape = (4, 12, 18)
    for layer, plain in pairs_of_layers(getattr(np, kind)):
        assert layer == plain
        assert layer.output(shape) == plain.output(shape)
        assert layer.reach(shape) == plain.reach(shape)
    assert Linear(getattr(np, kind)(5)).output((7,)) == (5,)


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
def test_numpy_integers_do_not_overflow(kind: str) -> None:
    integer = getattr(np, kind)
    assert Linear(integer(100)).params((40_000_000,)) == 100 * 40_000_001
    assert Conv2d(integer(64), 11).macs((3, 2_000, 2_000)) == 64 * 1_990 * 1_990 * 363
    assert Conv2d(64, integer(100), bias=False).params((3, 200, 200)) == 64 * 3 * 10_000
    assert layers.Embedding(integer(100), integer(100)).params((8,)) == 10_000
    assert layers.ConvTranspose2d(1, integer(100), stride=integer(100)).output((1, 9, 9)) == (1, 900, 900)
    assert layers.Upsample(integer(100)).output((1, 99, 99)) == (1, 9_900, 9_900)
    assert (
        layers.MultiheadAttention(integer(1)).operations([layers.Tokens((900, 1))])["activation"] == 810_000
    )


def test_numpy_integers_become_python_integers() -> None:
    layer = Conv2d(np.int64(8), 3)
    assert {type(size) for size in layer.output((3, 9, 9))} == {int}
    assert type(layer.params((3, 9, 9))) is type(layer.macs((3, 9, 9))) is int


def test_omitted_arguments_have_the_defaults_of_pytorch() -> None:
    assert Conv2d(8, 3) == Conv2d(8, 3, stride=1, padding=0, dilation=1, groups=1, bias=True)
    assert Conv1d(8, 3) == Conv1d(8, 3, stride=1, padding=0, dilation=1, groups=1, bias=True)
    assert layers.ConvTranspose2d(8, 3) == layers.ConvTranspose2d(
        8, 3, stride=1, padding=0, output_padding=0, dilation=1, groups=1, bias=True
    )
    assert MaxPool2d(3) == MaxPool2d(3, stride=None, padding=0, dilation=1, rounding="floor")
    assert AvgPool2d(3) == AvgPool2d(3, stride=None, padding=0, rounding="floor")
    assert Linear(8) == Linear(8, bias=True)
    assert layers.BatchNorm2d() == layers.BatchNorm2d(affine=True, track_running_stats=True)
    assert LayerNorm() == LayerNorm(over="features", elementwise_affine=True, bias=True)
    assert layers.GroupNorm(2) == layers.GroupNorm(2, affine=True)
    assert layers.PReLU() == layers.PReLU(1)
    assert layers.MultiheadAttention(8) == layers.MultiheadAttention(8, bias=True)
    assert layers.Upsample(2) == layers.Upsample(2, mode="nearest")


def test_a_pair_of_pads_is_not_a_list() -> None:
    with pytest.raises(TypeError, match=r"^`padding\[0\]` 应为整数，得到 \[0, 1\]；.*。$"):
        Pad(([0, 1], [0, 1]))  # type: ignore[arg-type]
