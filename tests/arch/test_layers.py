"""卷积、全连接、展平：形状、参数量、乘加数与逐条列出的连接比。其余各层见 `test_layers_*.py`。"""

from itertools import product
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Window,
)
from dlnotes.arch.layers import Layer, Tokens

Pair = tuple[int, int]
Conv = Conv1d | Conv2d
Connection = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def spread(value: object, axes: int) -> list[int]:
    return list(value) if isinstance(value, tuple) else [value] * axes  # type: ignore[list-item]


def tensorflow_same(size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """TensorFlow `tf.nn` 的 "Notes on padding" 的写法：按能否整除分两种情形，与库里的式子不同。"""
    effective = (kernel - 1) * dilation + 1
    rest = size % stride
    total = max(effective - stride, 0) if rest == 0 else max(effective - rest, 0)
    return total // 2, total - total // 2


def ends(layer: Conv, sizes: list[int]) -> list[Pair]:
    """各方向两端补零的个数。"""
    axes = len(sizes)
    if layer.padding == "same":
        kernels, strides, dilations = (
            spread(value, axes) for value in (layer.kernel_size, layer.stride, layer.dilation)
        )
        return [tensorflow_same(*axis) for axis in zip(sizes, kernels, strides, dilations, strict=True)]
    each = spread(layer.padding, axes)
    return [pair if isinstance(pair, tuple) else (pair, pair) for pair in each]


def starts(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> list[int]:
    """数出来的窗口起点：整个窗口都在补零后的输入里。"""
    before, after = padding
    span = (kernel - 1) * dilation
    return [s for s in range(-before, size + after, stride) if s + span <= size + after - 1]


def connections(layer: Conv, shape: tuple[int, ...]) -> list[Connection]:
    """按定义列出卷积的每一条连接：(输出的元素, 用到的权重, 输入的元素)；补零的位置照列，这是通行的算法。"""
    channels, *sizes = shape
    kernels, strides, dilations = (
        spread(value, len(sizes)) for value in (layer.kernel_size, layer.stride, layer.dilation)
    )
    units = [
        list(enumerate(starts(*axis)))
        for axis in zip(sizes, kernels, strides, ends(layer, sizes), dilations, strict=True)
    ]
    taps = [range(kernel) for kernel in kernels]
    inputs, outputs = channels // layer.groups, layer.out_channels // layer.groups
    listed: list[Connection] = []
    for where in product(*units):
        for group, o, c in product(range(layer.groups), range(outputs), range(inputs)):
            filter_ = group * outputs + o
            for tap in product(*taps):
                source = [first + t * d for (_, first), t, d in zip(where, tap, dilations, strict=True)]
                output = (filter_, *(unit for unit, _ in where))
                listed.append((output, (filter_, c, *tap), (group * inputs + c, *source)))
    return listed


def check_conv(layer: Conv, shape: tuple[int, ...]) -> None:
    listed = connections(layer, shape)
    elements = {output for output, _, _ in listed}
    output = tuple(max(axis) + 1 for axis in zip(*elements, strict=True))
    assert layer.output(shape) == output
    weights = len({weight for _, weight, _ in listed})
    biases = len({output[0] for output in elements}) if layer.bias else 0
    counts = {"weight": weights, "bias": biases}
    assert layer.parameters(shape) == {kind: count for kind, count in counts.items() if count}
    assert layer.params(shape) == weights + biases
    operations = {"conv": len(listed), "bias": len(elements) if layer.bias else 0}
    assert layer.operations(shape) == {kind: count for kind, count in operations.items() if count}
    assert layer.macs(shape) == len(listed)
    assert layer.buffers(shape) == 0
    # 窗口说的就是各单元连到的行与列
    windows = layer.reach(shape)
    assert windows == layer.windows(shape)
    for axis, window in enumerate(windows, start=1):
        assert isinstance(window, Window)
        for unit in range(output[axis]):
            found = sorted({source[axis] for to, _, source in listed if to[axis] == unit})
            first = unit * window.stride - window.ends[0]
            assert found == [first + tap * window.dilation for tap in range(window.kernel_size)]


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
        (Conv2d(2, (2, 3), padding=((0, 1), (2, 0))), (2, 5, 6)),
        (Conv2d(2, (3, 2), stride=(3, 2), padding=((2, 1), (0, 3)), groups=2), (4, 6, 7)),
        (Conv2d(2, (1, 7), padding="same"), (2, 3, 9)),
        (Conv2d(2, (4, 3), stride=(2, 3), padding="same", dilation=(1, 2)), (2, 7, 8)),
        (Conv1d(4, 3), (2, 9)),
        (Conv1d(6, 3, stride=2, padding=2, dilation=2, groups=2), (4, 11)),
        (Conv1d(4, (5,), padding=((4, 0),), bias=False), (3, 8)),  # 因果卷积：只补前端
        (Conv1d(2, 4, stride=3, padding="same"), (3, 10)),
    ],
    ids=str,
)
def test_conv_equals_its_list_of_connections(layer: Conv, shape: tuple[int, ...]) -> None:
    check_conv(layer, shape)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv, tuple[int, ...]]:
    axes = draw(st.sampled_from([1, 2]))

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    groups = draw(st.integers(1, 3))
    kernel, stride, dilation = sizes(1, 4), sizes(1, 3), sizes(1, 2)
    pairs = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(axes))
    padding = draw(st.sampled_from([pairs, tuple(before for before, _ in pairs), "same"]))
    least = [
        1 if padding == "same" else max(1, (k - 1) * d + 1 - (2 * p if isinstance(p, int) else sum(p)))
        for k, d, p in zip(kernel, dilation, padding if padding != "same" else kernel, strict=True)
    ]
    image = tuple(size + extra for size, extra in zip(least, sizes(0, 3), strict=True))
    outputs, inputs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    kind = Conv1d if axes == 1 else Conv2d
    layer = kind(
        outputs,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    return layer, (inputs, *image)


@settings(max_examples=120, deadline=None)
@given(case=convolutions())
def test_random_convolutions(case: tuple[Conv, tuple[int, ...]]) -> None:
    check_conv(*case)


SAME = list(product(range(1, 25), range(1, 6), range(1, 5), range(1, 4)))


def test_same_keeps_the_size_divided_by_the_stride_rounded_up() -> None:
    for size, kernel, stride, dilation in SAME:
        layer = Conv1d(1, kernel, stride=stride, padding="same", dilation=dilation)
        assert layer.output((1, size)) == (1, ceil(size / stride))
        (window,) = layer.windows((1, size))
        assert window.ends == tensorflow_same(size, kernel, stride, dilation)


def test_same_pads_as_little_as_possible_and_centres_the_windows() -> None:
    """不用任何公式：试到第一个够放 ⌈i/s⌉ 个窗口的补法；两端伸出的最多差一个，多的在后端。"""
    for size, kernel, stride, dilation in SAME:
        wanted = len(range(0, size, stride))
        total = next(
            total for total in range(100) if len(starts(size, kernel, stride, (0, total), dilation)) >= wanted
        )
        (window,) = Conv1d(1, kernel, stride=stride, padding="same", dilation=dilation).windows((1, size))
        before, after = window.ends
        assert before + after == total
        if total:
            last = (wanted - 1) * stride - before + (kernel - 1) * dilation
            assert last - (size - 1) == after
            assert 0 <= after - before <= 1


def test_same_at_stride_one_is_the_padding_of_pytorch() -> None:
    """PyTorch：总共 d(k-1)，左边取一半（向下取整）；偶数的核右边多一个。"""
    assert Conv2d(8, (2, 5), padding="same").windows((3, 9, 9)) == (
        Window(2, padding=(0, 1)),
        Window(5, padding=2),
    )
    (window,) = Conv1d(8, 4, padding="same", dilation=3).windows((3, 50))
    assert window == Window(4, padding=(4, 5), dilation=3)


def test_same_depends_on_the_size_only_when_strided() -> None:
    """TF-Slim 的 ResNet：3×3、步长 2，224 只补后端，225 两端各补 1，单元的位置因此差一个像素。"""
    layer = Conv2d(64, 3, stride=2, padding="same")
    assert layer.windows((3, 224, 225)) == (Window(3, 2, (0, 1)), Window(3, 2, 1))
    assert layer.output((3, 224, 225)) == (64, 112, 113)


def test_a_depthwise_separable_convolution_by_hand() -> None:
    """MobileNet 的一层：3×3 逐通道 512·9，再 1×1 卷积 512·512，都在 14×14 上。"""
    shape = (512, 14, 14)
    depthwise = Conv2d(512, 3, padding=1, groups=512, bias=False)
    pointwise = Conv2d(512, 1, bias=False)
    assert (depthwise.params(shape), depthwise.macs(shape)) == (4_608, 903_168)
    assert (pointwise.params(shape), pointwise.macs(shape)) == (262_144, 51_380_224)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_its_list_of_connections(bias: bool) -> None:
    listed = list(product(range(5), range(7)))
    layer = Linear(5, bias=bias)
    assert layer.output((7,)) == (5,)
    assert layer.operations((7,)) == {"linear": len(listed)} | ({"bias": 5} if bias else {})
    assert layer.parameters((7,)) == {"weight": len(set(listed))} | ({"bias": 5} if bias else {})
    assert layer.macs((7,)) == len(listed)
    assert layer.params((7,)) == len(set(listed)) + (5 if bias else 0)
    assert layer.reach((7,)) == "all"


@pytest.mark.parametrize("words", [(3,), (2, 4)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_linear_on_tokens_is_applied_to_every_token(words: tuple[int, ...], bias: bool) -> None:
    """作用在最后一轴：参数与词数无关，乘加、加偏置按词数翻倍；不看别的词。"""
    shape = Tokens((*words, 7))
    listed = list(product(*map(range, words), range(5), range(7)))
    layer = Linear(5, bias=bias)
    assert layer.output(shape) == Tokens((*words, 5))
    assert isinstance(layer.output(shape), Tokens)
    assert layer.macs(shape) == len(listed)
    assert layer.operations(shape).get("bias", 0) == (len({connection[:-1] for connection in listed}) * bias)
    assert layer.params(shape) == layer.params((7,))
    assert layer.reach(shape) == "point"


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


def test_a_linear_layer_on_tokens_is_a_one_by_one_convolution() -> None:
    linear, conv = Linear(9), Conv1d(9, 1)
    tokens, signal = Tokens((11, 6)), (6, 11)
    assert linear.params(tokens) == conv.params(signal)
    assert linear.macs(tokens) == conv.macs(signal)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [((8,), "展平之后"), ((), "展平之后"), ((8, 4), "前面各层"), ((1, 8, 4, 4), "前面各层")],
)
@pytest.mark.parametrize("layer", [Conv2d(8, 1), MaxPool2d(1), AdaptiveAvgPool2d(1)], ids=str)
def test_image_layers_reject_other_shapes(layer: Layer, shape: tuple[int, ...], remedy: str) -> None:
    with pytest.raises(ValueError, match=rf"^`shape` 应为 \(C, H, W\)，得到 .*{remedy}.*。$"):
        layer.output(shape)


@pytest.mark.parametrize("shape", [(8,), (8, 4, 4)], ids=str)
def test_signal_layers_reject_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, L\)，得到 .*。$"):
        Conv1d(8, 1).output(shape)


def test_linear_rejects_an_image() -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(F,\)，得到 \(3, 4, 5\)；.*Flatten。$"):
        Linear(5).output((3, 4, 5))
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(F,\)，得到 \(3, 4\)；.*Flatten。$"):
        Linear(5).params((3, 4))


def test_a_window_larger_than_the_image() -> None:
    for layer in (Conv2d(4, (5, 3)), MaxPool2d((5, 3)), AvgPool2d((5, 3), padding=(0, 1))):
        with pytest.raises(
            ValueError, match=r"^窗口 5×3 大于到达它的 4×9（两端各补 0×[01]）；.*`padding`。$"
        ):
            layer.output((2, 4, 9))
    with pytest.raises(ValueError, match=r"^窗口 3×3（膨胀后 9×3） ?大于到达它的 8×8"):
        Conv2d(4, 3, dilation=(4, 1)).output((2, 8, 8))
    with pytest.raises(ValueError, match=r"^窗口 5×5 大于到达它的 9×2（前后补 0\+0、0\+1）；.*`padding`。$"):
        Conv2d(4, 5, padding=((0, 0), (0, 1))).output((2, 9, 2))
    with pytest.raises(ValueError, match=r"^窗口 5 大于到达它的 4（两端各补 0）；.*`padding`。$"):
        Conv1d(4, 5).output((2, 4))
    assert Conv2d(4, 5, padding=((0, 1), (2, 0))).output((2, 4, 3)) == (4, 1, 1)
