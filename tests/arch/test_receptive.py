"""感受野：与逐个下标传播的集合比；两个递推（向上、向下）都不用集合，集合也不用递推。"""

from functools import lru_cache
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import Field, Window, backward, forward, output_size, zoo

# 原文脚本里三个网络的 [核, 步长, 补零]；经典值见 Krizhevsky 2012、Simonyan 2014、Ren 2015（Faster R-CNN）。
ALEXNET = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)]
VGG16 = [window for depth in (2, 2, 3, 3, 3) for window in [*[(3, 1, 1)] * depth, (2, 2, 0)]]
ZF = [(7, 2, 3), (3, 2, 1), (5, 2, 2), (3, 2, 1), (3, 1, 1), (3, 1, 1), (3, 1, 1)]

windows = st.builds(
    Window,
    kernel_size=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3) | st.tuples(st.integers(-2, 3), st.integers(-2, 3)),
    dilation=st.integers(1, 3),
)
stacks = st.lists(windows, max_size=4).map(tuple)


@lru_cache(maxsize=100_000)
def seen(stack: tuple[Window, ...], unit: int) -> frozenset[int]:
    """最后一层的第 `unit` 个单元看到输入的哪些下标，逐个窗口、逐个点地找。

    补零的位置照样往下找：负的下标、超出右端的下标就是补零，好像图无限大一样。
    """
    if not stack:
        return frozenset({unit})
    last = stack[-1]
    first = unit * last.stride - last.ends[0]
    taps = [first + tap * last.dilation for tap in range(last.kernel_size)]
    return frozenset().union(*(seen(stack[:-1], tap) for tap in taps))


def reach(size: int, stack: tuple[Window, ...]) -> list[frozenset[int]]:
    """真正的网络：每层只有数得出的那些单元，补零的位置什么也没看到。"""
    units = [frozenset({pixel}) for pixel in range(size)]
    for window in stack:
        before, after = window.ends
        nothing = frozenset[int]()
        kept = units[max(-before, 0) : max(len(units) - max(-after, 0), 0)]  # 负的是裁去
        padded = [*[nothing] * before, *kept, *[nothing] * after]
        taps = [tap * window.dilation for tap in range(window.kernel_size)]
        starts = range(0, len(padded) - taps[-1], window.stride)
        units = [frozenset().union(*(padded[start + tap] for tap in taps)) for start in starts]
    return units


@settings(max_examples=300, deadline=None)
@given(stack=stacks, last=st.integers(0, 6))
def test_field_equals_the_propagated_index_sets(stack: tuple[Window, ...], last: int) -> None:
    field = forward(stack)
    for unit in range(last + 1):
        indices = seen(stack, unit)
        assert min(indices) == field.start + unit * field.jump
        assert max(indices) - min(indices) + 1 == field.rf
        assert {index + field.jump for index in indices} == seen(stack, unit + 1)
    first = seen(stack, 0)
    assert field.centre == (min(first) + max(first)) / 2


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 40), stack=stacks)
def test_units_of_a_real_input_stay_inside_their_field(size: int, stack: tuple[Window, ...]) -> None:
    """真网络里看到的，正好是无限大的图里看到的、且一路没有经过补零的那些，所以不会超出感受野。"""
    field = forward(stack)
    for unit, pixels in enumerate(reach(size, stack)):
        start = field.start + unit * field.jump
        assert pixels <= seen(stack, unit)
        assert pixels <= set(range(start, start + field.rf)) & set(range(size))


@settings(max_examples=200, deadline=None)
@given(stack=stacks.map(lambda stack: tuple(Window(w.kernel_size, w.stride, 0, w.dilation) for w in stack)))
def test_without_padding_a_real_network_sees_exactly_its_field(stack: tuple[Window, ...]) -> None:
    """输入恰好等于感受野，就只有一个单元，而且它一直看到两端；少一个像素就一个单元也没有。"""
    rf = forward(stack).rf
    (only,) = reach(rf, stack)
    assert (min(only), max(only)) == (0, rf - 1)
    assert reach(rf - 1, stack) == []


@settings(max_examples=300, deadline=None)
@given(stack=st.lists(windows, max_size=12))
def test_forward_equals_backward(stack: list[Window]) -> None:
    """向上与向下是两个独立的递推；层数多时集合太大，这里只比它们。"""
    assert backward(stack) == forward(stack).rf


def fields(layers: list[tuple[int, int, int]]) -> list[Field]:
    stack = [Window(*layer) for layer in layers]
    return [forward(stack[:depth]) for depth in range(1, len(stack) + 1)]


CLASSICAL = {
    "alexnet": (ALEXNET, [11, 19, 51, 67, 99, 131, 163, 195]),
    "vgg16": (VGG16, [3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212]),
    "zf": (ZF, [7, 11, 27, 43, 75, 107, 139]),
}


@pytest.mark.parametrize("name", CLASSICAL)
def test_classical_values(name: str) -> None:
    layers, expected = CLASSICAL[name]
    assert [field.rf for field in fields(layers)] == expected
    stack = [Window(*layer) for layer in layers]
    assert [backward(stack[:depth]) for depth in range(1, len(stack) + 1)] == expected


def with_own_stride(layers: list[tuple[int, int, int]]) -> int:
    """常见的错误：连乘时把这一层自己的步长也乘进去。"""
    strides = [stride for _, stride, _ in layers]
    return 1 + sum((kernel - 1) * prod(strides[: i + 1]) for i, (kernel, _, _) in enumerate(layers))


@pytest.mark.parametrize(
    ("name", "layers"), [("alexnet_seed", ALEXNET), ("alexnet_caffe", ALEXNET), ("vgg16", VGG16), ("zf5", ZF)]
)
def test_the_networks_have_the_windows_of_the_article(name: str, layers: list[tuple[int, int, int]]) -> None:
    for axis in (0, 1):
        assert list(zoo.load(name).windows(axis).values()) == [Window(*layer) for layer in layers]


@pytest.mark.parametrize(
    ("layers", "right", "wrong"),
    [(ALEXNET[:1], 11, 41), (ALEXNET, 195, 281), (VGG16, 212, 243), (ZF, 139, 181)],
    ids=["alexnet-conv1", "alexnet-pool5", "vgg16-pool5", "zf-conv5"],
)
def test_counting_the_own_stride_gives_other_numbers(
    layers: list[tuple[int, int, int]], right: int, wrong: int
) -> None:
    assert with_own_stride(layers) == wrong
    assert fields(layers)[-1].rf == right


def test_positions_by_hand() -> None:
    assert forward([Window(*layer) for layer in VGG16]) == Field(rf=212, jump=32, start=-90)
    assert forward([Window(*layer) for layer in VGG16]).centre == 15.5
    padded = [(11, 4, 2), *ALEXNET[1:]]
    assert forward([Window(*layer) for layer in padded]) == Field(rf=195, jump=32, start=-66)
    zf = forward([Window(*layer) for layer in ZF])
    assert (zf.rf, zf.jump, zf.start) == (139, 16, -69)


@pytest.mark.parametrize("depth", range(1, 8))
def test_growth_is_linear_without_stride_and_exponential_with(depth: int) -> None:
    """3×3 卷积叠 n 层：步长 1 时 2n+1；每层步长 2，或膨胀率逐层翻倍，都是 2^(n+1)-1。"""
    assert forward([Window(3)] * depth).rf == 2 * depth + 1
    assert forward([Window(3, stride=2)] * depth).rf == 2 ** (depth + 1) - 1
    assert forward([Window(3, dilation=2**layer) for layer in range(depth)]).rf == 2 ** (depth + 1) - 1


def test_the_image_itself() -> None:
    assert forward([]) == Field() == Field(rf=1, jump=1, start=0)
    assert Field().centre == 0
    assert backward([]) == 1
    assert forward(iter([Window(3), Window(3)])) == Field(rf=5, jump=1, start=0)


def test_a_window_is_asked_for_by_name() -> None:
    for call in (
        lambda: output_size(224, (3, 2)),  # type: ignore[arg-type]
        lambda: forward([3, 2]),  # type: ignore[list-item]
        lambda: backward([3, 2]),  # type: ignore[list-item]
    ):
        with pytest.raises(TypeError, match=r"^`window` 应为 Window，得到 .*；请写成 Window"):
            call()
    assert backward(window for window in [Window(3), Window(3)]) == 5


@pytest.mark.parametrize("after", [0, 1, 5, -1])
def test_padding_behind_moves_nothing(after: int) -> None:
    """后端补多少只影响有几个单元，不影响各单元看到哪里。"""
    field = Field(3, 2, -1)
    assert field.through(Window(3, 2, (1, after))) == Field(7, 4, -3)


def test_cropping_moves_to_the_right() -> None:
    assert Field(3, 2, -1).through(Window(1, padding=(-2, 0))) == Field(3, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"rf": 0}, ValueError, "rf"),
        ({"jump": 0}, ValueError, "jump"),
        ({"rf": 1.0}, TypeError, "rf"),
        ({"jump": True}, TypeError, "jump"),
        ({"start": 0.5}, TypeError, "start"),
        ({"start": None}, TypeError, "start"),
    ],
    ids=str,
)
def test_a_field_is_made_of_integers(arguments: dict[str, object], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=rf"^`{name}` 应为.*整数，得到 .*。$"):
        Field(**arguments)  # type: ignore[arg-type]
    assert Field(start=-7).start == -7


def test_positions_far_away_do_not_overflow() -> None:
    """numpy 的整数位数有限，几层就乘溢出；存的必须是 Python 的。"""
    numpy = pytest.importorskip("numpy")
    i = numpy.int8
    field = Field(i(3), i(100), i(-100)).through(Window(i(100), i(100), (i(100), i(0)), i(100)))
    assert field == Field(3 + 9_900 * 100, 10_000, -100 - 100 * 100)
    assert {type(number) for number in (field.rf, field.jump, field.start)} == {int}
