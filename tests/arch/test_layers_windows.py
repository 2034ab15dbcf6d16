"""网格上的窗口：照 Swin 的做法一步步移位、切窗口、加掩码，看每个词元到底看到谁，乘加一个一个地数。"""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    Field,
    PatchMerging,
    ToImage,
    Tokens,
    ToTokens,
    Unaligned,
    WindowAttention,
    ledger,
    sequential,
)
from dlnotes.arch.fields import through
from dlnotes.arch.layers import Layer, Shape

GRID = Tokens((5, 7, 6))


def cut(height: int, width: int, window: tuple[int, int], shift: tuple[int, int]) -> list[list[list[int]]]:
    """torchvision 的做法：右下补零（记作 -1），循环移位，切窗口；移到一起的两头分成几段，互相不看。"""
    (rows, columns), (down, right) = window, shift
    padded = np.full((-(-height // rows) * rows, -(-width // columns) * columns), -1)
    padded[:height, :width] = np.arange(height * width).reshape(height, width)
    total_rows, total_columns = padded.shape
    down, right = down * (rows < total_rows), right * (columns < total_columns)
    # 移位之前，位置按“移位之后还与谁相邻”分块：绕到另一头去的行、列自成一块
    block = (np.arange(total_rows) < down)[:, None] * 2 + (np.arange(total_columns) < right)[None, :]
    moved, blocks = (np.roll(each, (-down, -right), (0, 1)) for each in (padded, block))
    windows = []
    for top, left in product(range(0, total_rows, rows), range(0, total_columns, columns)):
        inside = (slice(top, top + rows), slice(left, left + columns))
        labels = blocks[inside].ravel()
        windows.append([list(moved[inside].ravel()[labels == label]) for label in sorted(set(labels))])
    return windows


SIZES = st.integers(1, 9)
CASES = st.tuples(SIZES, SIZES, st.tuples(st.integers(1, 5), st.integers(1, 5)), st.booleans())


@settings(max_examples=200, deadline=None)
@given(case=CASES)
def test_a_token_sees_its_window(case: tuple[int, int, tuple[int, int], bool]) -> None:
    height, width, window, shifted = case
    shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
    groups = [group for segments in cut(height, width, window, shift) for group in segments]
    sees = {unit: {each for each in group if each >= 0} for group in groups for unit in group if unit >= 0}
    assert len(sees) == height * width
    reach = WindowAttention(2, window, shift_size=shift).reach(Tokens((height, width, 4)))
    if all(len(seen) == height * width for seen in sees.values()):
        assert reach == "all"
    elif all(seen == {unit} for unit, seen in sees.items()):
        assert reach == "point"
    else:
        assert isinstance(reach, Unaligned)
        # 真的没有统一的起点：两个单元看到同样的范围，或相邻的单元看到的不是平移一格
        starts = {
            (min(seen) // width - unit // width, min(seen) % width - unit % width)
            for unit, seen in sees.items()
        }
        assert len(starts) > 1


@settings(max_examples=60, deadline=None)
@given(case=CASES, heads=st.integers(1, 3), per_head=st.integers(1, 2), bias=st.booleans())
def test_window_attention_is_counted_product_by_product(
    case: tuple[int, int, tuple[int, int], bool], heads: int, per_head: int, bias: bool
) -> None:
    height, width, window, shifted = case
    shape, features = Tokens((height, width, heads * per_head)), heads * per_head
    shift = (window[0] // 2, window[1] // 2) if shifted else (0, 0)
    tokens = scores = products = 0
    for segments in cut(height, width, window, shift):
        count = sum(map(len, segments))  # 掩码只改分数，矩阵积照算整个窗口
        tokens += count
        for _head, _query, _key in product(range(heads), range(count), range(count)):
            scores += 1
            products += 2 * per_head  # 一次内积，一次加权求和
    layer = WindowAttention(heads, window, shift_size=shift, bias=bias)
    expected = {
        "linear": sum(tokens * features * columns for columns in (3 * features, features)),  # qkv 与输出
        "attention": products,
        "activation": scores,
        "elementwise": scores,
    }
    assert layer.operations(shape) == expected | ({"bias": 4 * tokens * features} if bias else {})
    assert layer.macs(shape) == expected["linear"] + products
    assert layer.output(shape) == shape
    assert isinstance(layer.output(shape), Tokens)


@pytest.mark.parametrize("window", [(1, 1), (2, 3), (7, 7)], ids=str)
def test_the_table_has_an_entry_per_relative_position(window: tuple[int, int]) -> None:
    cells = list(product(range(window[0]), range(window[1])))
    pairs = [(a - c, b - d) for (a, b), (c, d) in product(cells, cells)]
    layer, shape = WindowAttention(3, window), Tokens((8, 8, 12))
    assert layer.parameters(shape) == {
        "weight": 4 * 12 * 12,
        "bias": 4 * 12,
        "embedding": 3 * len(set(pairs)),
    }
    assert layer.buffers(shape) == len(pairs)
    assert WindowAttention(3, window, bias=False).params(shape) == 4 * 12 * 12 + 3 * len(set(pairs))


def test_the_formula_of_the_paper() -> None:
    """Liu et al. (2021)，式 2：4hwC² + 2M²hwC。"""
    assert WindowAttention(3, 7).macs(Tokens((56, 56, 96))) == 4 * 56 * 56 * 96**2 + 2 * 7**2 * 56 * 56 * 96
    assert (
        WindowAttention(3, 7, shift_size=3).macs(Tokens((56, 56, 96))) == 145_108_992
    )  # torchvision 的 swin_t


def test_window_attention_refuses() -> None:
    with pytest.raises(ValueError, match=r"^`num_heads` 应为维数 6 的约数，得到 4；.*。$"):
        WindowAttention(4, 7).output(GRID)
    for window, shift in ((7, 7), ((7, 3), (3, 3)), (1, 1)):
        with pytest.raises(ValueError, match=r"^`shift_size` 应为小于窗口 \d 的整数，得到 \d；.*。$"):
            WindowAttention(2, window, shift_size=shift)


@pytest.mark.parametrize("layer", [WindowAttention(2, 7), PatchMerging(), ToImage()], ids=str)
@pytest.mark.parametrize("shape", [(6,), (5, 7, 6), (7, 6), Tokens((7, 6))], ids=repr)
def test_layers_of_a_grid_want_a_grid(layer: Layer, shape: Shape) -> None:
    with pytest.raises(
        ValueError, match=r"^`shape` 应为网格 \(H, W, D\)，得到 .*；.*ToTokens\(grid=True\).*。$"
    ):
        layer.output(shape)


@settings(max_examples=60, deadline=None)
@given(height=SIZES, width=SIZES)
def test_patch_merging_takes_two_by_two(height: int, width: int) -> None:
    """照 torchvision 的切片：右下补到偶数，取 2×2 的四个角，在特征轴上拼。"""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    grid = np.stack([rows, columns], axis=-1)
    even = np.pad(grid, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=-1)
    corners = [even[row::2, column::2] for row, column in product((0, 1), (0, 1))]
    merged = np.concatenate(corners, axis=-1)
    layer, shape = PatchMerging(), Tokens(grid.shape)
    assert layer.output(shape) == merged.shape
    assert isinstance(layer.output(shape), Tokens)
    assert layer.parameters(shape) == layer.operations(shape) == {}
    fields = through((Field(), Field()), layer.reach(shape))
    assert isinstance(fields, tuple)
    for axis, field in enumerate(fields):
        for unit in range(merged.shape[axis]):
            lines = np.take(merged.reshape(*merged.shape[:2], 4, 2)[..., axis], unit, axis=axis)
            first = field.start + unit * field.jump
            inside = {pixel for pixel in range(first, first + field.rf) if pixel < grid.shape[axis]}
            assert set(lines.ravel()) - {-1} == inside


def test_there_and_back() -> None:
    """换成网格再换回来，形状、感受野都不变；换轴不花运算。"""
    image = (6, 5, 7)
    assert ToTokens(grid=True).output(image) == np.moveaxis(np.zeros(image), 0, -1).shape
    assert ToImage().output(ToTokens(grid=True).output(image)) == image
    assert type(ToImage().output(GRID)) is tuple
    assert ToTokens(grid=True).output((6, 9)) == Tokens((9, 6))
    book = ledger(sequential("net", image, [("there", ToTokens(grid=True)), ("back", ToImage())]))
    assert {(row.rf, row.jump, row.start) for row in book.rows} == {((1, 1), (1, 1), (0, 0))}
    assert book.params == book.macs == 0
    assert book.operations == {}
