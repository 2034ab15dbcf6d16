"""各层的形状、参数量、乘加数：与逐条列出的连接比；报错：一句中文，点出参数的名字。"""

from fractions import Fraction
from itertools import pairwise, product
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Window,
)
from dlnotes.arch.layers import Layer

Pair = tuple[int, int]
Connection = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def both(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)


def starts(size: int, kernel: int, stride: int, padding: int, dilation: int) -> list[int]:
    """数出来的窗口起点：整个窗口都在补零后的输入里。"""
    span = (kernel - 1) * dilation
    return [s for s in range(-padding, size + padding, stride) if s + span <= size + padding - 1]


def connections(layer: Conv2d, shape: tuple[int, int, int]) -> list[Connection]:
    """按定义列出卷积的每一条连接：(输出的元素, 用到的权重, 输入的元素)；补零的位置照列，这是通行的算法。"""
    channels, *sizes = shape
    kernels, strides = both(layer.kernel_size), both(layer.stride)
    paddings, dilations = both(layer.padding), both(layer.dilation)
    rows, columns = (starts(*axis) for axis in zip(sizes, kernels, strides, paddings, dilations, strict=True))
    inputs, outputs = channels // layer.groups, layer.out_channels // layer.groups
    listed: list[Connection] = []
    for (y, top), (x, left) in product(enumerate(rows), enumerate(columns)):
        for group, o, c in product(range(layer.groups), range(outputs), range(inputs)):
            filter_ = group * outputs + o
            for i, j in product(range(kernels[0]), range(kernels[1])):
                source = (group * inputs + c, top + i * dilations[0], left + j * dilations[1])
                listed.append(((filter_, y, x), (filter_, c, i, j), source))
    return listed


def check_conv(layer: Conv2d, shape: tuple[int, int, int]) -> None:
    listed = connections(layer, shape)
    elements = {output for output, _, _ in listed}
    assert layer.output(shape) == tuple(max(axis) + 1 for axis in zip(*elements, strict=True))
    assert layer.macs(shape) == len(listed)
    biases = {output[0] for output in elements} if layer.bias else set()
    assert layer.params(shape) == len({weight for _, weight, _ in listed}) + len(biases)
    # 窗口说的就是第 0 个通道、第 0 个输出连到的行与列
    corner = [source for output, _, source in listed if output == (0, 0, 0)]
    for axis, window in zip((1, 2), layer.reach(shape), strict=True):
        taps = sorted({source[axis] for source in corner})
        expected = [tap * window.dilation - window.padding for tap in range(window.kernel_size)]
        assert taps == expected


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2d(4, 3), (2, 6, 7)),
        (Conv2d(4, 3, stride=2, padding=1), (3, 7, 8)),
        (Conv2d(5, 3, padding=2, dilation=2, bias=False), (2, 7, 6)),
        (Conv2d(6, 3, groups=3, padding=1), (6, 5, 5)),
        (Conv2d(8, 3, groups=4), (4, 5, 6)),
        (Conv2d(4, (1, 5), padding=(0, 2)), (3, 4, 6)),
        (Conv2d(4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 3)), (2, 9, 8)),
        (Conv2d(3, 1, stride=3), (5, 7, 6)),
        (Conv2d(2, (4, 6)), (3, 4, 6)),
        (Conv2d(1, 2, bias=False), (1, 2, 2)),
    ],
    ids=str,
)
def test_conv_equals_its_list_of_connections(layer: Conv2d, shape: tuple[int, int, int]) -> None:
    check_conv(layer, shape)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv2d, tuple[int, int, int]]:
    def axes(low: int, high: int) -> Pair:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    groups = draw(st.integers(1, 3))
    kernel, stride, padding, dilation = axes(1, 3), axes(1, 3), axes(0, 2), axes(1, 2)
    room = axes(0, 3)
    sizes = [
        max(1, (k - 1) * d + 1 - 2 * p + extra)
        for k, d, p, extra in zip(kernel, dilation, padding, room, strict=True)
    ]
    outputs, inputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    layer = Conv2d(outputs, kernel, stride, padding, dilation, groups, draw(st.booleans()))
    return layer, (inputs, sizes[0], sizes[1])


@settings(max_examples=150, deadline=None)
@given(case=convolutions())
def test_random_convolutions(case: tuple[Conv2d, tuple[int, int, int]]) -> None:
    check_conv(*case)


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize(
    ("arguments", "per_axis"),
    [
        ({"kernel_size": 2}, [(2, 2, 0, 1), (2, 2, 0, 1)]),
        ({"kernel_size": (3, 2)}, [(3, 3, 0, 1), (2, 2, 0, 1)]),
        ({"kernel_size": 3, "stride": 1}, [(3, 1, 0, 1), (3, 1, 0, 1)]),
        ({"kernel_size": 3, "stride": (2, 1), "padding": (1, 0)}, [(3, 2, 1, 1), (3, 1, 0, 1)]),
        ({"kernel_size": 2, "stride": 1, "dilation": (3, 1)}, [(2, 1, 0, 3), (2, 1, 0, 1)]),
    ],
    ids=str,
)
def test_pooling(
    pool: type[MaxPool2d], arguments: dict[str, Pair], per_axis: list[tuple[int, int, int, int]]
) -> None:
    """不写步长就等于窗口（PyTorch）；池化没有参数、不改变通道数。"""
    layer, shape = pool(**arguments), (7, 9, 10)  # type: ignore[arg-type]
    rows, columns = (starts(size, *axis) for size, axis in zip(shape[1:], per_axis, strict=True))
    assert layer.output(shape) == (7, len(rows), len(columns))
    assert (layer.params(shape), layer.macs(shape)) == (0, 0)
    assert layer.reach(shape) == tuple(Window(*axis) for axis in per_axis)


def adaptive(size: int, outputs: int) -> list[tuple[int, int]]:
    """定义：第 t 个输出平均 ⌊t·i/o⌋ 到 ⌈(t+1)·i/o⌉-1；用分数算，不怕舍入。"""
    step = Fraction(size, outputs)
    return [(floor(t * step), ceil((t + 1) * step) - 1) for t in range(outputs)]


def regular(spans: list[tuple[int, int]]) -> bool:
    """一样大、间隔一样且不为 0，才说得出一个滑动窗口。"""
    lengths = {last - first for first, last in spans}
    steps = {after[0] - before[0] for before, after in pairwise(spans)}
    return len(lengths) == 1 and len(steps) <= 1 and 0 not in steps


@pytest.mark.parametrize("outputs", range(1, 9))
def test_adaptive_windows(outputs: int) -> None:
    """说得出窗口，当且仅当定义的各窗口整齐；说出来的必须与定义逐个相等。"""
    irregular = 0
    for size in range(1, 33):
        spans = adaptive(size, outputs)
        layer, shape = AdaptiveAvgPool2d((outputs, 1)), (3, size, size)
        assert layer.output(shape) == (3, outputs, 1)
        assert (layer.params(shape), layer.macs(shape)) == (0, 0)
        reach = layer.reach(shape)
        if regular(spans):
            assert isinstance(reach, tuple)
            row = reach[0]
            found = [(t * row.stride, t * row.stride + row.extent - 1) for t in range(outputs)]
            assert (found, row.padding, row.dilation) == (spans, 0, 1)
            assert (reach[1].extent, reach[1].padding) == (size, 0)
        else:
            assert reach is None
            assert AdaptiveAvgPool2d((1, outputs)).reach(shape) is None
            irregular += 1
    assert irregular > 0 or outputs == 1


@pytest.mark.parametrize(
    ("size", "outputs", "window"), [(7, 6, (2, 1)), (8, 7, (2, 1)), (5, 2, (3, 2)), (6, 3, (2, 2))]
)
def test_adaptive_windows_by_hand(size: int, outputs: int, window: tuple[int, int]) -> None:
    """不整除也可能整齐：7→6 是 2 个一组、间隔 1；5→2 是 0..2 与 2..4。"""
    assert AdaptiveAvgPool2d(outputs).reach((3, size, size)) == (Window(*window), Window(*window))


@pytest.mark.parametrize(
    "layer", [ReLU(), Dropout(), Dropout(0), Dropout(1.0), LocalResponseNorm(3)], ids=str
)
@pytest.mark.parametrize("shape", [(3, 8, 9), (4096,)], ids=str)
def test_pointwise_layers_change_nothing(layer: Layer, shape: tuple[int, ...]) -> None:
    assert layer.output(shape) == shape
    assert (layer.params(shape), layer.macs(shape)) == (0, 0)
    assert layer.reach(shape) == (Window(1), Window(1))


@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_its_list_of_connections(bias: bool) -> None:
    listed = list(product(range(5), range(7)))
    layer = Linear(5, bias=bias)
    assert layer.output((7,)) == (5,)
    assert layer.macs((7,)) == len(listed)
    assert layer.params((7,)) == len(set(listed)) + (5 if bias else 0)
    assert layer.reach((7,)) == "all"


def test_flatten_keeps_every_element() -> None:
    assert Flatten().output((3, 4, 5)) == (len(list(product(range(3), range(4), range(5)))),)
    assert Flatten().params((3, 4, 5)) == Flatten().macs((3, 4, 5)) == 0
    assert Flatten().reach((3, 4, 5)) == "all"


def test_a_linear_layer_is_a_convolution_over_the_whole_image() -> None:
    shape = (6, 4, 5)
    flat = Flatten().output(shape)
    linear, conv = Linear(9), Conv2d(9, (4, 5))
    assert conv.output(shape) == (9, 1, 1)
    assert (linear.params(flat), linear.macs(flat)) == (conv.params(shape), conv.macs(shape))


@pytest.mark.parametrize("shape", [(8,), (8, 4), ()], ids=str)
@pytest.mark.parametrize("layer", [Conv2d(8, 1), AdaptiveAvgPool2d(1)], ids=str)
def test_image_layers_reject_flat_shapes(layer: Layer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 .*展平之后.*。$"):
        layer.output(shape)


def test_linear_rejects_an_image() -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(F,\)，得到 \(3, 4, 5\)；.*Flatten。$"):
        Linear(5).output((3, 4, 5))


def test_a_window_larger_than_the_image() -> None:
    for layer in (Conv2d(4, (5, 3)), MaxPool2d((5, 3)), AvgPool2d((5, 3), padding=(0, 1))):
        with pytest.raises(
            ValueError, match=r"^窗口 5×3 大于到达它的 4×9（两端各补 0×[01]）；.*`padding`。$"
        ):
            layer.output((2, 4, 9))
    with pytest.raises(ValueError, match=r"^窗口 3×3（膨胀后 9×3） ?大于到达它的 8×8"):
        Conv2d(4, 3, dilation=(4, 1)).output((2, 8, 8))
