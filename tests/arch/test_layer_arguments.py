"""各层的参数检查：类型、范围、措辞；numpy 的整数照收。"""

from collections.abc import Callable

import pytest

from dlnotes.arch import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Dropout, Linear, LocalResponseNorm, MaxPool2d
from dlnotes.arch.layers import Layer

# 参数名、把值放进这个参数的写法、最小值；`pair` 表示也可以给 (高, 宽)
INTEGERS: list[tuple[str, str, Callable[[object], object], int]] = [
    ("Conv2d", "out_channels", lambda v: Conv2d(v, 3), 1),  # type: ignore[arg-type]
    ("Conv2d", "groups", lambda v: Conv2d(8, 3, groups=v), 1),  # type: ignore[arg-type]
    ("Linear", "out_features", lambda v: Linear(v), 1),  # type: ignore[arg-type]
    ("LocalResponseNorm", "size", lambda v: LocalResponseNorm(v), 1),  # type: ignore[arg-type]
]
PAIRS: list[tuple[str, str, Callable[[object], object], int]] = [
    ("Conv2d", "kernel_size", lambda v: Conv2d(8, v), 1),  # type: ignore[arg-type]
    ("Conv2d", "stride", lambda v: Conv2d(8, 3, stride=v), 1),  # type: ignore[arg-type]
    ("Conv2d", "padding", lambda v: Conv2d(8, 3, padding=v), 0),  # type: ignore[arg-type]
    ("Conv2d", "dilation", lambda v: Conv2d(8, 3, dilation=v), 1),  # type: ignore[arg-type]
    ("MaxPool2d", "kernel_size", lambda v: MaxPool2d(v), 1),  # type: ignore[arg-type]
    ("MaxPool2d", "stride", lambda v: MaxPool2d(3, stride=v), 1),  # type: ignore[arg-type]
    ("AvgPool2d", "padding", lambda v: AvgPool2d(3, padding=v), 0),  # type: ignore[arg-type]
    ("AvgPool2d", "dilation", lambda v: AvgPool2d(3, dilation=v), 1),  # type: ignore[arg-type]
    ("AdaptiveAvgPool2d", "output_size", lambda v: AdaptiveAvgPool2d(v), 1),  # type: ignore[arg-type]
]


def names(cases: list[tuple[str, str, Callable[[object], object], int]]) -> list[str]:
    return [f"{layer}.{argument}" for layer, argument, _, _ in cases]


def one_sentence(error: BaseException) -> bool:
    """一句中文：一行，恰好以一个句号收尾。"""
    text = str(error)
    return text.endswith("。") and text.count("。") == 1 and "\n" not in text and "；" in text


@pytest.mark.parametrize("case", INTEGERS + PAIRS, ids=names(INTEGERS + PAIRS))
def test_not_an_integer(case: tuple[str, str, Callable[[object], object], int]) -> None:
    _, argument, build, minimum = case
    for value in (True, False, 2.0, 2.5, "3", 1j):
        message = rf"^`{argument}` 应为不小于 {minimum} 的整数，得到 "
        with pytest.raises(TypeError, match=message) as caught:
            build(value)
        assert repr(value) in str(caught.value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("case", INTEGERS + PAIRS, ids=names(INTEGERS + PAIRS))
def test_too_small(case: tuple[str, str, Callable[[object], object], int]) -> None:
    _, argument, build, minimum = case
    for value in (minimum - 1, -7):
        message = rf"^`{argument}` 应为不小于 {minimum} 的整数，得到 {value}；"
        with pytest.raises(ValueError, match=message) as caught:
            build(value)
        assert one_sentence(caught.value)


@pytest.mark.parametrize("case", PAIRS, ids=names(PAIRS))
def test_wrong_pairs(case: tuple[str, str, Callable[[object], object], int]) -> None:
    _, argument, build, minimum = case
    for value in ((), (2,), (1, 2, 3), [2, 2]):  # 列表会让层不可散列
        with pytest.raises(ValueError, match=rf"^`{argument}` 应为一个整数或元组 \(高, 宽\)，得到 "):
            build(value)
    for axis in (0, 1):
        numbers = [2, 2]
        numbers[axis] = minimum - 1
        with pytest.raises(ValueError, match=rf"^`{argument}\[{axis}\]` 应为不小于 {minimum} 的整数"):
            build(tuple(numbers))
        with pytest.raises(TypeError, match=rf"^`{argument}\[{axis}\]` 应为不小于 {minimum} 的整数"):
            build((*numbers[:axis], 1.5, *numbers[axis + 1 :]))


def test_groups_divide_both_channel_counts() -> None:
    with pytest.raises(ValueError, match=r"^`groups` .*out_channels=6 的约数，得到 4；.*。$"):
        Conv2d(6, 3, groups=4)
    layer = Conv2d(8, 3, groups=4)
    for method in (layer.output, layer.params, layer.macs):
        with pytest.raises(ValueError, match=r"^`groups` 应为输入通道数 6 的约数，得到 4；.*。$"):
            method((6, 9, 9))


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_a_pooling_window_is_never_all_padding(pool: type[MaxPool2d]) -> None:
    for padding in (3, (0, 3), (5, 0)):
        with pytest.raises(ValueError, match=r"^`padding` 应为小于窗口 3 的整数，得到 [35]；.*。$"):
            pool(3, padding=padding)
    assert pool(3, padding=2).output((1, 5, 5)) == (1, 3, 3)
    assert pool(2, padding=2, dilation=2).output((1, 6, 6)) == (1, 4, 4)  # 膨胀后的窗口是 3


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_unknown_rounding_is_reported_where_the_layer_is_written(pool: type[MaxPool2d]) -> None:
    with pytest.raises(
        ValueError, match=r"^`rounding` 应为 floor / ceil / ceil_caffe 之一，得到 'up'；.*。$"
    ):
        pool(3, rounding="up")  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [-0.1, 1.1, 2, float("nan"), float("inf")], ids=repr)
def test_dropout_is_a_probability(p: float) -> None:
    with pytest.raises(
        ValueError, match=r"^`p` 应为 ?0 到 1 之间的概率，得到 .*它是丢弃的概率，不是保留的概率。$"
    ):
        Dropout(p)


@pytest.mark.parametrize("p", ["0.5", None, True, 1j], ids=repr)
def test_dropout_is_a_number(p: object) -> None:
    with pytest.raises(TypeError, match=r"^`p` 应为 ?0 到 1 之间的概率，得到 .*。$") as caught:
        Dropout(p)  # type: ignore[arg-type]
    assert repr(p) in str(caught.value)


def pairs_of_layers(integer: Callable[[int], int]) -> list[tuple[Layer, Layer]]:
    i = integer
    return [
        (Conv2d(i(8), (i(3), i(5)), i(2), i(1), i(2), i(2)), Conv2d(8, (3, 5), 2, 1, 2, 2)),
        (MaxPool2d(i(3), i(2), i(1)), MaxPool2d(3, 2, 1)),
        (AdaptiveAvgPool2d((i(2), i(3))), AdaptiveAvgPool2d((2, 3))),
    ]


@pytest.mark.parametrize("kind", ["int8", "uint16", "int32", "int64"])
def test_numpy_integers_are_accepted(kind: str) -> None:
    numpy = pytest.importorskip("numpy")
    shape = (4, 12, 18)
    for layer, plain in pairs_of_layers(getattr(numpy, kind)):
        assert layer == plain
        assert layer.output(shape) == plain.output(shape)
        assert layer.reach(shape) == plain.reach(shape)
    assert Linear(getattr(numpy, kind)(5)).output((7,)) == (5,)


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
def test_numpy_integers_do_not_overflow(kind: str) -> None:
    numpy = pytest.importorskip("numpy")
    integer = getattr(numpy, kind)
    assert Linear(integer(100)).params((40_000_000,)) == 100 * 40_000_001
    assert Conv2d(integer(64), 11).macs((3, 2_000, 2_000)) == 64 * 1_990 * 1_990 * 363


def test_numpy_integers_become_python_integers() -> None:
    numpy = pytest.importorskip("numpy")
    layer = Conv2d(numpy.int64(8), 3)
    assert {type(size) for size in layer.output((3, 9, 9))} == {int}
    assert type(layer.params((3, 9, 9))) is type(layer.macs((3, 9, 9))) is int


@pytest.mark.parametrize("bias", [5, 1, 0, None, "yes"])
def test_bias_is_a_switch(bias: object) -> None:
    """`bias=5` 若当作数，每个核就数出五个偏置。"""
    for build in (lambda: Conv2d(8, 3, bias=bias), lambda: Linear(8, bias=bias)):
        with pytest.raises(TypeError, match=r"^`bias` 应为 True 或 False，得到 ") as caught:
            build()
        assert one_sentence(caught.value)
