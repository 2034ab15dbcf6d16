"""输出大小：与逐个数窗口、PyTorch 文档的文字、Caffe 的 C++ 公式比，三者都不用 `output_size` 的公式。"""

from collections.abc import Iterator
from itertools import product
from math import ceil

import pytest

from dlnotes.arch import Window, output_size, same

# 大小、核、步长、补零、膨胀：40×4×5×4×3 = 9,600 种
GRID = [range(1, 41), range(1, 5), range(1, 6), range(4), range(1, 4)]


def points(start: int, kernel: int, dilation: int) -> list[int]:
    return [start + tap * dilation for tap in range(kernel)]


def count_floor(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """定义：窗口从补零后的最左端出发，每次移 `stride`；数一数有几个窗口的点全在补零后的输入里。"""
    padded = set(range(-padding, size + padding))
    starts = range(-padding, size + padding, stride)
    return sum(padded.issuperset(points(start, kernel, dilation)) for start in starts)


def count_ceil(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """PyTorch 文档 MaxPool2d 的 Note：“windows that would start in the right padded region are ignored”。

    窗口可以越过右端：先放窗口，直到补零后的最后一个点被盖过；再去掉起点落在右侧补零里的。
    """
    starts = [-padding]
    while points(starts[-1], kernel, dilation)[-1] < size + padding - 1:
        starts.append(starts[-1] + stride)
    return sum(start < size for start in starts)


def caffe(size: int, kernel: int, stride: int, padding: int) -> int:
    """Caffe `pooling_layer.cpp` 的写法：浮点除法、`ceil`，只在补零时去掉越过的窗口。它没有膨胀。"""
    pooled = ceil(float(size + 2 * padding - kernel) / stride) + 1
    if padding:
        if (pooled - 1) * stride >= size + padding:
            pooled -= 1
        assert (pooled - 1) * stride < size + padding  # 原文的 CHECK_LT
    return pooled


def cases() -> Iterator[tuple[int, int, int, int, int]]:
    for case in product(*GRID):
        size, kernel, stride, padding, dilation = case
        if len(range(-padding, size + padding)) >= points(0, kernel, dilation)[-1] + 1:
            yield size, kernel, stride, padding, dilation


def test_floor_counts_the_windows_that_fit() -> None:
    checked = 0
    for size, kernel, stride, padding, dilation in cases():
        window = Window(kernel, stride, padding, dilation)
        expected = count_floor(size, kernel, stride, padding, dilation)
        assert output_size(size, window) == expected, (size, window)
        assert output_size(size, window, "floor") == expected, (size, window)
        checked += 1
    assert checked >= 5_000


def pooling_cases() -> Iterator[tuple[int, int, int, int, int]]:
    """PyTorch、Caffe 都要求补零小于窗口，在这个范围内文档的文字才没有歧义。"""
    return (case for case in cases() if case[3] < points(0, case[1], case[4])[-1] + 1)


def test_ceil_follows_the_words_of_the_pytorch_documentation() -> None:
    checked = 0
    for size, kernel, stride, padding, dilation in pooling_cases():
        window = Window(kernel, stride, padding, dilation)
        expected = count_ceil(size, kernel, stride, padding, dilation)
        assert output_size(size, window, "ceil") == expected, (size, window)
        checked += 1
    assert checked >= 5_000


def test_ceil_caffe_follows_the_source_of_caffe() -> None:
    checked = 0
    for size, kernel, stride, padding, dilation in product(range(1, 49), *GRID[1:4], [1]):
        if padding < kernel <= size + 2 * padding:
            window = Window(kernel, stride, padding, dilation)
            assert output_size(size, window, "ceil_caffe") == caffe(size, kernel, stride, padding), window
            checked += 1
    assert checked >= 2_000


def test_the_two_ceil_rules_differ_only_without_padding_and_with_gaps() -> None:
    differing = {
        (size, kernel, stride, padding, dilation)
        for size, kernel, stride, padding, dilation in pooling_cases()
        if output_size(size, Window(kernel, stride, padding, dilation), "ceil")
        != output_size(size, Window(kernel, stride, padding, dilation), "ceil_caffe")
    }
    assert (3, 1, 3, 0, 1) in differing
    assert all(p == 0 and s > (k - 1) * d + 1 for _, k, s, p, d in differing)


def put(size: int, kernel: int, stride: int, ends: tuple[int, int], dilation: int, rule: str) -> int:
    """两端不同时逐个放窗口；负的补零就是先裁去。"""
    before, after = ends
    last = size + after - 1
    starts = [-before]
    while points(starts[-1], kernel, dilation)[-1] < last:
        starts.append(starts[-1] + stride)
    if rule == "floor":
        return sum(points(start, kernel, dilation)[-1] <= last for start in starts)
    return sum(start < size or (rule == "ceil_caffe" and max(ends) <= 0) for start in starts)


@pytest.mark.parametrize("rule", ["floor", "ceil", "ceil_caffe"])
def test_each_end_has_its_own_padding(rule: str) -> None:
    checked = 0
    for size, kernel, stride, before, after, dilation in product(
        range(1, 13), range(1, 4), range(1, 5), range(-2, 4), range(-2, 4), range(1, 3)
    ):
        extent = points(0, kernel, dilation)[-1] + 1
        if size + before + after < extent or (rule != "floor" and max(before, after) >= extent):
            continue
        if rule != "floor" and min(before, after) < 0:
            continue  # 只有池化向上取整，它不收负的补零
        window = Window(kernel, stride, (before, after), dilation)
        expected = put(size, kernel, stride, (before, after), dilation, rule)
        assert output_size(size, window, rule) == expected, (size, window)  # type: ignore[arg-type]
        checked += 1
    assert checked > 1_500


def test_cropping_more_than_there_is_leaves_no_window() -> None:
    assert output_size(5, Window(1, padding=-2)) == 1
    for size, ends in ((4, -2), (3, (0, -3)), (3, (-5, 0))):
        with pytest.raises(ValueError, match=r"^窗口 1 大于补零后的输入 -?[012]；.*。$"):
            output_size(size, Window(1, padding=ends))


def test_the_textbook_cases() -> None:
    """H=3、k=1、s=3：第二个窗口从像素 3 开始，输入里没有它；PyTorch 去掉，Caffe 留着。"""
    gap = Window(1, stride=3)
    assert [output_size(3, gap, rule) for rule in ("floor", "ceil", "ceil_caffe")] == [1, 1, 2]
    pool = Window(3, stride=2)
    assert [output_size(112, pool, rule) for rule in ("floor", "ceil", "ceil_caffe")] == [55, 56, 56]
    assert output_size(112, Window(3, stride=2, padding=1)) == 56
    assert [output_size(size, Window(11, stride=4)) for size in (224, 227)] == [54, 55]
    assert output_size(224, Window(11, stride=4, padding=2)) == 55


@pytest.mark.parametrize("rule", ["floor", "ceil", "ceil_caffe"])
def test_a_window_exactly_as_large_as_the_padded_input_gives_one(rule: str) -> None:
    assert output_size(5, Window(7, stride=3, padding=1), rule) == 1  # type: ignore[arg-type]


def test_a_window_larger_than_the_padded_input_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^窗口 8 大于补零后的输入 7；请加大输入或 `padding`。$"):
        output_size(5, Window(8, stride=3, padding=1))


@pytest.mark.parametrize("rule", ["ceil", "ceil_caffe"])
def test_upwards_it_may_lack_less_than_a_step(rule: str) -> None:
    """torch 2.13 的 `max_pool2d(x, 3, 2, ceil_mode=True)`：2×2 得 1×1，1×1 报错；Caffe 的公式也如此。"""
    assert output_size(2, Window(3, stride=2), rule) == 1  # type: ignore[arg-type]
    assert caffe(2, 3, 2, 0) == 1
    with pytest.raises(ValueError, match=r"^窗口 3 大于输入 1；请加大输入或 `padding`。$"):
        output_size(1, Window(3, stride=2), rule)  # type: ignore[arg-type]
    assert caffe(1, 3, 2, 0) == 0
    assert output_size(5, Window(9, stride=3, padding=1), rule) == 1  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^窗口 10 大于补零后的输入 7；"):
        output_size(5, Window(10, stride=3, padding=1), rule)  # type: ignore[arg-type]


def test_messages_name_the_dilated_window_and_the_input() -> None:
    with pytest.raises(ValueError, match=r"^窗口 3（膨胀后 9） ?大于输入 8；请加大输入或 `padding`。$"):
        output_size(8, Window(3, dilation=4))


@pytest.mark.parametrize("rule", ["ceil", "ceil_caffe"])
def test_ceil_with_padding_beyond_the_window_is_rejected(rule: str) -> None:
    """此时去掉的不止一个窗口，套公式会比向下取整还少。"""
    with pytest.raises(ValueError, match=r"^`padding` 应为小于窗口 1 的整数.*得到 3；"):
        output_size(1, Window(1, padding=3), rule)  # type: ignore[arg-type]
    assert output_size(1, Window(1, padding=3)) == count_floor(1, 1, 1, 3, 1) == 7
    for padding in (2, (2, 0), (0, 2), (0, 3)):  # 恰好等于窗口也不行，只补一端也不行
        with pytest.raises(ValueError, match=r"^`padding` 应为小于窗口 2 的整数.*得到 .*；"):
            output_size(9, Window(2, padding=padding), rule)  # type: ignore[arg-type]
    assert output_size(9, Window(2, padding=(0, 1)), rule) == 9  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["round", "Ceil", "", None])
def test_unknown_rounding(rule: str | None) -> None:
    with pytest.raises(ValueError, match=r"^`rounding` 应为 floor / ceil / ceil_caffe 之一，得到 .*。$"):
        output_size(8, Window(3), rule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "error"),
    [(0, ValueError), (-3, ValueError), (7.0, TypeError), (True, TypeError), ("7", TypeError)],
    ids=repr,
)
def test_bad_size(size: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^`size` 应为不小于 1 的整数，得到 .*。$"):
        output_size(size, Window(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("argument", ["kernel_size", "stride", "padding", "dilation"])
@pytest.mark.parametrize("value", [-1, 1.0, True, None], ids=repr)
def test_bad_window(argument: str, value: object) -> None:
    if argument == "padding" and value == -1:
        assert Window(3, padding=-1).ends == (-1, -1)  # 负的是裁去
        return
    expected = "整数" if argument == "padding" else "不小于 1 的整数"
    arguments = {"kernel_size": 3, argument: value}
    error = ValueError if value == -1 else TypeError
    with pytest.raises(error, match=rf"^`{argument}` 应为{expected}，得到 .*。$"):
        Window(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [(), (1,), (1, 2, 3)], ids=repr)
def test_a_pair_of_paddings_has_two_ends(value: object) -> None:
    with pytest.raises(ValueError, match=r"^`padding` 应为一个整数或元组 \(前, 后\)，得到 .*。$"):
        Window(3, padding=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "end"), [((1.0, 1), 0), ((1, "1"), 1), ((True, 1), 0), ((1, None), 1)], ids=repr
)
def test_both_ends_are_integers(value: object, end: int) -> None:
    with pytest.raises(TypeError, match=rf"^`padding\[{end}\]` 应为整数，得到 .*。$"):
        Window(3, padding=value)  # type: ignore[arg-type]


def test_the_two_ends_are_stored_as_one_number_when_equal() -> None:
    assert Window(3, padding=(1, 1)) == Window(3, padding=1)
    assert Window(3, padding=(1, 1)).padding == 1
    assert (Window(3, padding=2).ends, Window(3, padding=(2, 0)).ends) == ((2, 2), (2, 0))
    assert Window(3, padding=(-1, 4)).padding == (-1, 4)


def test_zero_is_only_a_padding() -> None:
    assert Window(3, padding=0).padding == 0
    for argument in ("kernel_size", "stride", "dilation"):
        with pytest.raises(ValueError, match=rf"`{argument}`"):
            Window(**{"kernel_size": 3, argument: 0})


def tensorflow(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow `tf.nn` 的 "Notes on padding"：按 i 能否被步长整除分两种情形。"""
    effective = (kernel - 1) * dilation + 1
    along = effective - stride if size % stride == 0 else effective - size % stride
    total = max(along, 0)
    return total // 2, total - total // 2


def test_same_follows_the_notes_of_tensorflow() -> None:
    for size, kernel, stride, dilation in product(range(1, 41), range(1, 8), range(1, 6), range(1, 4)):
        window = same(size, kernel, stride, dilation)
        assert (window.kernel_size, window.stride, window.dilation) == (kernel, stride, dilation)
        assert window.ends == tensorflow(size, kernel, stride, dilation)
        assert output_size(size, window) == ceil(size / stride)


@pytest.mark.parametrize(
    ("size", "window"), [(224, Window(3, 2, (0, 1))), (225, Window(3, 2, 1)), (1, Window(3, 2, 1))], ids=str
)
def test_same_by_hand(size: int, window: Window) -> None:
    assert same(size, 3, stride=2) == window


@pytest.mark.parametrize("argument", ["size", "kernel_size", "stride", "dilation"])
@pytest.mark.parametrize("value", [0, -1, 1.0, True, None], ids=repr)
def test_bad_arguments_of_same(argument: str, value: object) -> None:
    arguments = {"size": 8, "kernel_size": 3, argument: value}
    error = ValueError if value in (0, -1) and value is not False else TypeError
    with pytest.raises(error, match=rf"^`{argument}` 应为不小于 1 的整数，得到 .*。$"):
        same(**arguments)  # type: ignore[arg-type]


def test_extent_is_the_span_of_the_points() -> None:
    for kernel, dilation in product(range(1, 8), range(1, 6)):
        taps = points(0, kernel, dilation)
        assert Window(kernel, dilation=dilation).extent == taps[-1] - taps[0] + 1
