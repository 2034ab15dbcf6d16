"""池化：窗口逐个数出来比；自适应池化与它的定义比。"""

from fractions import Fraction
from itertools import pairwise, product
from math import ceil, floor, prod

import pytest

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    GlobalAvgPool,
    MaxPool2d,
    Tokens,
    Unaligned,
    Window,
)

Axis = tuple[int, int, tuple[int, int], int]
RULES = ("floor", "ceil", "ceil_caffe")


def count(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, rule: str) -> int:
    """逐个放窗口。

    `floor` 只放得下的；另两种放到补零后的最后一点被盖过为止，再去掉起点已在右侧补零里的
    （`ceil_caffe` 不补零时不去）。
    """
    before, after = padding
    starts, span = [-before], (kernel - 1) * dilation
    while starts[-1] + span < size + after - 1:
        starts.append(starts[-1] + stride)
    if rule == "floor":
        return sum(start + span <= size + after - 1 for start in starts)
    return sum(start < size or (rule == "ceil_caffe" and padding == (0, 0)) for start in starts)


CASES: list[tuple[dict[str, object], list[Axis]]] = [
    ({"kernel_size": 2}, [(2, 2, (0, 0), 1), (2, 2, (0, 0), 1)]),
    ({"kernel_size": (3, 2)}, [(3, 3, (0, 0), 1), (2, 2, (0, 0), 1)]),
    ({"kernel_size": 3, "stride": 1}, [(3, 1, (0, 0), 1), (3, 1, (0, 0), 1)]),
    ({"kernel_size": 3, "stride": (2, 1), "padding": (1, 0)}, [(3, 2, (1, 1), 1), (3, 1, (0, 0), 1)]),
    ({"kernel_size": 3, "stride": 2, "padding": ((0, 1), (1, 0))}, [(3, 2, (0, 1), 1), (3, 2, (1, 0), 1)]),
    # 9×10：⌈9/2⌉=5 要补 2，⌈10/2⌉=5 要补 1
    ({"kernel_size": 3, "stride": 2, "padding": "same"}, [(3, 2, (1, 1), 1), (3, 2, (0, 1), 1)]),
    ({"kernel_size": 3, "padding": "same", "stride": 1}, [(3, 1, (1, 1), 1), (3, 1, (1, 1), 1)]),
    ({"kernel_size": 1, "stride": 3}, [(1, 3, (0, 0), 1), (1, 3, (0, 0), 1)]),
]
DILATED: list[tuple[dict[str, object], list[Axis]]] = [
    ({"kernel_size": 2, "stride": 1, "dilation": (3, 1)}, [(2, 1, (0, 0), 3), (2, 1, (0, 0), 1)]),
    ({"kernel_size": 3, "stride": 2, "padding": 2, "dilation": 2}, [(3, 2, (2, 2), 2), (3, 2, (2, 2), 2)]),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("pool", "arguments", "per_axis"),
    [
        *((pool, *case) for pool in (MaxPool2d, AvgPool2d) for case in CASES),
        *((MaxPool2d, *case) for case in DILATED),
    ],
)
def test_pooling(
    pool: type[MaxPool2d] | type[AvgPool2d], arguments: dict[str, int], per_axis: list[Axis], rule: str
) -> None:
    """不写步长就等于窗口（PyTorch）；池化没有参数、不改变通道数；补的零也算读到的值。"""
    layer, shape = pool(**arguments, rounding=rule), (7, 9, 10)  # type: ignore[arg-type]
    sizes = [count(size, *axis, rule) for size, axis in zip(shape[1:], per_axis, strict=True)]
    assert layer.output(shape) == (7, *sizes)
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
    read = list(product(range(7), *map(range, sizes), *(range(kernel) for kernel, *_ in per_axis)))
    assert layer.operations(shape) == {"pooling": len(read)}
    assert layer.reach(shape) == tuple(Window(*axis) for axis in per_axis)


def test_average_pooling_has_no_dilation() -> None:
    """PyTorch 的 AvgPool2d 也没有。"""
    with pytest.raises(TypeError, match="dilation"):
        AvgPool2d(3, dilation=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_same_pooling_keeps_the_size_divided_by_the_stride(pool: type[MaxPool2d]) -> None:
    for size, kernel, stride in product(range(1, 20), range(1, 5), range(1, 4)):
        for rule in RULES:
            layer = pool(kernel, stride=stride, padding="same", rounding=rule)
            assert layer.output((2, size, size))[1:] == (ceil(size / stride),) * 2, (size, layer)


def test_the_pooling_of_resnet_and_of_googlenet() -> None:
    """ResNet：112 → 56，补 1；GoogLeNet：不补零，靠向上取整得 56。"""
    assert MaxPool2d(3, stride=2, padding=1).output((64, 112, 112)) == (64, 56, 56)
    assert MaxPool2d(3, stride=2, rounding="ceil").output((64, 112, 112)) == (64, 56, 56)
    assert MaxPool2d(3, stride=2).output((64, 112, 112)) == (64, 55, 55)


def adaptive(size: int, outputs: int) -> list[tuple[int, int]]:
    """定义：第 t 个输出平均 ⌊t·i/o⌋ 到 ⌈(t+1)·i/o⌉-1；用分数算，不怕舍入。"""
    step = Fraction(size, outputs)
    return [(floor(t * step), ceil((t + 1) * step) - 1) for t in range(outputs)]


def regular(spans: list[tuple[int, int]]) -> bool:
    """一样大、步距一样且不为 0，才说得出一个滑动窗口。"""
    lengths = {last - first for first, last in spans}
    steps = {after[0] - before[0] for before, after in pairwise(spans)}
    return len(lengths) == 1 and len(steps) <= 1 and 0 not in steps


@pytest.mark.parametrize("outputs", range(1, 9))
def test_adaptive_windows(outputs: int) -> None:
    """说得出窗口，当且仅当定义的各窗口整齐；说出来的必须与定义逐个相等。"""
    irregular = 0
    for size in range(1, 33):
        spans = adaptive(size, outputs)
        for flipped in (False, True):
            target, axis = ((2, outputs), 1) if flipped else ((outputs, 2), 0)
            layer = AdaptiveAvgPool2d(target)
            shape = (3, 6, size) if flipped else (3, size, 6)
            assert layer.output(shape) == (3, *target)
            assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
            reach = layer.reach(shape)
            if regular(spans):
                assert isinstance(reach, tuple)
                row = reach[axis]
                found = [(t * row.stride, t * row.stride + row.extent - 1) for t in range(outputs)]
                assert (found, row.padding, row.dilation) == (spans, 0, 1)
                assert reach[1 - axis] == Window(3, 3)
            else:
                before, after = ("×".join(map(str, pair)) for pair in (shape[1:], target))
                assert isinstance(reach, Unaligned)
                assert reach.reason.startswith(f"自适应池化 {before} → {after} 的")
                irregular += 1
    assert irregular > 0 or outputs == 1


@pytest.mark.parametrize(
    ("size", "outputs", "window"), [(7, 6, (2, 1)), (8, 7, (2, 1)), (5, 2, (3, 2)), (6, 3, (2, 2))]
)
def test_adaptive_windows_by_hand(size: int, outputs: int, window: tuple[int, int]) -> None:
    """不整除也可能整齐：7→6 是 2 个一组、步距 1；5→2 是 0..2 与 2..4。"""
    assert AdaptiveAvgPool2d(outputs).reach((3, size, size)) == (Window(*window), Window(*window))


def test_adaptive_pooling_reads_exactly_its_windows() -> None:
    """各窗口的点逐个数，窗口大小不一时不能用“窗口 × 输出数”。"""
    for (height, width), (rows, columns) in product([(7, 9), (5, 5), (3, 8)], [(1, 1), (2, 3), (3, 7)]):
        read = [
            (c, y, x)
            for c in range(4)
            for (top, bottom), (left, right) in product(adaptive(height, rows), adaptive(width, columns))
            for y, x in product(range(top, bottom + 1), range(left, right + 1))
        ]
        layer = AdaptiveAvgPool2d((rows, columns))
        assert layer.operations((4, height, width)) == {"pooling": len(read)}


@pytest.mark.parametrize("target", [1, (1, 1)], ids=str)
def test_adaptive_pooling_to_one_pixel_is_global(target: int) -> None:
    layer, shape = AdaptiveAvgPool2d(target), (512, 7, 9)
    assert layer.reach(shape) == GlobalAvgPool().reach(shape) == "all"
    assert layer.output(shape) == GlobalAvgPool().output(shape) == (512, 1, 1)
    assert layer.operations(shape) == GlobalAvgPool().operations(shape)


def test_one_window_along_one_axis_covers_it() -> None:
    """只有一个方向池化到 1 时，还说得出两个窗口。"""
    rows, columns = AdaptiveAvgPool2d((1, 3)).reach((2, 5, 6))  # type: ignore[misc]
    assert (rows.extent, rows.padding) == (5, 0)
    assert columns == Window(2, 2)


@pytest.mark.parametrize(
    ("shape", "output"),
    [
        ((2048, 7, 9), (2048, 1, 1)),
        ((64, 100), (64, 1)),
        (Tokens((196, 768)), (768,)),
        (Tokens((7, 8, 768)), (768,)),
    ],
    ids=repr,
)
def test_global_pooling_averages_every_position(shape: tuple[int, ...], output: tuple[int, ...]) -> None:
    """词平均成一个向量，不再是词；图像、信号还留着长为 1 的轴。"""
    layer = GlobalAvgPool()
    assert layer.output(shape) == output
    assert type(layer.output(shape)) is tuple
    assert layer.reach(shape) == "all"
    assert layer.operations(shape) == {"pooling": prod(shape)}
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)


@pytest.mark.parametrize("shape", [(768,), ()], ids=str)
def test_global_pooling_rejects_a_vector(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为图像、信号或词元，得到 .*；展平之后不能再池化。$"):
        GlobalAvgPool().output(shape)
