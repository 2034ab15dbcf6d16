"""转置卷积：把每个输入像素散到输出上，一条一条列出来比。

定义：输入的下标 i、核的第 t 点，落在输出的 i·s - p + d·t；输出取 0 … o-1，o 见 `scattered`。
"""

from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import Conv2d, ConvTranspose2d, Field, Unaligned, Window
from dlnotes.arch.fields import through

Pair = tuple[int, int]


def both(value: object) -> Pair:
    return value if isinstance(value, tuple) else (value, value)  # type: ignore[return-value]


def scattered(layer: ConvTranspose2d, size: int, axis: int) -> tuple[list[tuple[int, int, int]], int]:
    """一个方向上的每一次散射 (输入, 核的点, 落点)，以及输出的大小。

    落点从 -p 到最后；两端各裁去 p，再在后端添 output_padding。
    """
    kernel, stride, padding, extra, dilation = (
        both(value)[axis]
        for value in (
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.output_padding,
            layer.dilation,
        )
    )
    landed = [(i, t, i * stride - padding + dilation * t) for i, t in product(range(size), range(kernel))]
    last = max(where for *_, where in landed)
    return landed, last - padding + 1 + extra


def check(layer: ConvTranspose2d, shape: tuple[int, int, int]) -> None:
    channels, *sizes = shape
    axes = [scattered(layer, size, axis) for axis, size in enumerate(sizes)]
    outputs = tuple(size for _, size in axes)
    assert layer.output(shape) == (layer.out_channels, *outputs)

    inputs, out = channels // layer.groups, layer.out_channels // layer.groups
    products, weights = 0, set()
    for (_, i, _), (_, j, _) in product(axes[0][0], axes[1][0]):
        for group, c, o in product(range(layer.groups), range(inputs), range(out)):
            products += 1  # 落在裁去的边上的也乘了
            weights.add((group, c, o, i, j))
    assert layer.macs(shape) == products
    bias = layer.out_channels * prod(outputs) if layer.bias else 0
    assert layer.operations(shape) == {"conv": products} | ({"bias": bias} if bias else {})
    assert layer.params(shape) == len(weights) + (layer.out_channels if layer.bias else 0)
    assert layer.parameters(shape).get("bias", 0) == (layer.out_channels if layer.bias else 0)
    assert layer.buffers(shape) == 0

    reach = layer.reach(shape)
    if both(layer.stride) != (1, 1):
        assert isinstance(reach, Unaligned)
        assert reach.reason.startswith(f"转置卷积的步长是 {'×'.join(map(str, both(layer.stride)))}，")
        return
    for (landed, outputs_), window, size in zip(axes, reach, sizes, strict=True):
        assert isinstance(window, Window)
        for unit in range(outputs_):
            expected = {i for i, _, where in landed if where == unit}
            first = unit * window.stride - window.ends[0]
            taps = {first + tap * window.dilation for tap in range(window.kernel_size)}
            assert expected == taps & set(range(size))  # 图外的点当作补零


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ConvTranspose2d(3, 2, stride=2), (4, 5, 6)),
        (ConvTranspose2d(3, 4, stride=2, padding=1, bias=False), (2, 5, 3)),
        (ConvTranspose2d(4, 3, stride=2, padding=1, output_padding=1, groups=2), (4, 4, 4)),
        (ConvTranspose2d(2, (3, 2), stride=(3, 1), padding=(0, 1), dilation=(2, 1)), (3, 4, 6)),
        (ConvTranspose2d(2, (2, 5), stride=(1, 2), padding=(1, 2), output_padding=(0, 1)), (2, 4, 5)),
        (ConvTranspose2d(2, 3), (2, 3, 4)),
        (ConvTranspose2d(2, 3, padding=1), (2, 3, 4)),
        (ConvTranspose2d(2, 2, padding=2), (1, 5, 6)),  # 裁得比核还宽：相当于负的补零
        (ConvTranspose2d(2, (3, 2), dilation=(2, 3), padding=(1, 2), output_padding=(1, 2)), (1, 5, 6)),
        (ConvTranspose2d(6, 1, groups=3, bias=False), (3, 2, 2)),
    ],
    ids=str,
)
def test_transposed_convolution_equals_its_list_of_products(
    layer: ConvTranspose2d, shape: tuple[int, int, int]
) -> None:
    check(layer, shape)


@st.composite
def transposed(draw: st.DrawFn) -> tuple[ConvTranspose2d, tuple[int, int, int]]:
    def axes(low: int, high: int) -> Pair:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    groups = draw(st.integers(1, 2))
    stride = draw(st.sampled_from([(1, 1), axes(1, 3)]))
    dilation = axes(1, 3)
    extra = tuple(draw(st.integers(0, max(pair) - 1)) for pair in zip(stride, dilation, strict=True))
    layer = ConvTranspose2d(
        groups * draw(st.integers(1, 2)),
        axes(1, 4),
        stride=stride,
        padding=axes(0, 2),
        output_padding=extra,
        dilation=dilation,
        groups=groups,
        bias=draw(st.booleans()),
    )
    return layer, (groups * draw(st.integers(1, 2)), *axes(4, 6))


@settings(max_examples=120, deadline=None)
@given(case=transposed())
def test_random_transposed_convolutions(case: tuple[ConvTranspose2d, tuple[int, int, int]]) -> None:
    layer, shape = case
    if min(scattered(layer, size, axis)[1] for axis, size in enumerate(shape[1:])) >= 1:
        check(layer, shape)


@pytest.mark.parametrize("size", [1, 7, 14, 28])
def test_kernel_four_stride_two_padding_one_doubles_the_image(size: int) -> None:
    """DCGAN 的生成器用的就是这一种。"""
    layer = ConvTranspose2d(64, 4, stride=2, padding=1)
    assert layer.output((128, size, size)) == (64, 2 * size, 2 * size)


def test_multiplying_by_the_output_size_reports_four_times_the_work() -> None:
    """乘的是输入的大小；照卷积的办法乘输出的大小（有的工具如此），k4 s2 p1 恰好多报 4 倍。"""
    shape = (128, 28, 28)
    layer = ConvTranspose2d(64, 4, stride=2, padding=1, bias=False)
    wrong = prod(layer.output(shape)) * 128 * 16
    assert layer.macs(shape) == 128 * 28 * 28 * 64 * 16 == 102_760_448
    assert wrong == 4 * layer.macs(shape)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "padding", "dilation"), [(3, 1, 1), (4, 1, 1), (3, 2, 2), (2, 0, 3)])
def test_it_undoes_the_shape_of_the_convolution_and_costs_the_same(
    kernel: int, padding: int, dilation: int, stride: int
) -> None:
    """同样的参数：正向卷积从 n 到 m，转置从 m 回到 n，除不尽的用 output_padding 补足；连接数相同。"""
    for size in range(8, 15):
        forward = Conv2d(4, kernel, stride=stride, padding=padding, dilation=dilation, bias=False)
        there = forward.output((3, size, size))
        short = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
        back = ConvTranspose2d(
            3, kernel, stride=stride, padding=padding, dilation=dilation, output_padding=short, bias=False
        )
        assert back.output(there) == (3, size, size)
        assert back.macs(there) == forward.macs((3, size, size))
        assert back.params(there) == forward.params((3, size, size))


def test_a_stride_one_transposed_convolution_is_a_convolution() -> None:
    shape = (2, 9, 9)
    up, conv = ConvTranspose2d(4, 3, padding=1), Conv2d(4, 3, padding=1)
    assert up.reach(shape) == conv.reach(shape)
    assert up.output(shape) == conv.output(shape)
    assert through((Field(), Field()), ConvTranspose2d(4, 3).reach(shape)) == (Field(3, 1, -2),) * 2


def test_cropping_everything_is_reported() -> None:
    message = r"^从 2×5 裁去 `padding` 之后一个像素也不剩；请加大输入或减小 `padding`。$"
    layer = ConvTranspose2d(4, 2, padding=(2, 0))
    with pytest.raises(ValueError, match=message):
        layer.output((3, 2, 5))
    assert layer.output((3, 4, 5)) == (4, 1, 6)
    with pytest.raises(ValueError, match=r"^从 3×5 裁去 .*。$"):  # 恰好剩 0 行
        layer.output((3, 3, 5))
    with pytest.raises(ValueError, match=r"^从 5×3 裁去 .*。$"):
        ConvTranspose2d(4, 2, padding=(0, 2)).output((3, 5, 3))


@pytest.mark.parametrize(("stride", "dilation", "largest"), [(1, 1, 0), (2, 1, 1), (1, 3, 2), (3, 2, 2)])
def test_output_padding_is_smaller_than_the_stride_or_the_dilation(
    stride: int, dilation: int, largest: int
) -> None:
    """PyTorch：output padding must be smaller than either stride or dilation。"""
    build = lambda extra: ConvTranspose2d(  # noqa: E731
        4, 3, stride=stride, dilation=dilation, output_padding=extra
    )
    assert build(largest).output((1, 5, 5))[1] == build(0).output((1, 5, 5))[1] + largest
    for extra in (largest + 1, (0, largest + 1)):
        message = (
            rf"^`output_padding` 应为小于步长 {stride} 或膨胀率 {dilation} 的整数，"
            rf"得到 {largest + 1}；.*。$"
        )
        with pytest.raises(ValueError, match=message):
            build(extra)
