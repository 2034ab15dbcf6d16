"""挪动元素的层：形状与 numpy 真的挪动之后比；挪到哪里也比。"""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import ChannelShuffle, Field, Flatten, Pad, Split, Tokens, Unaligned, Upsample, Window
from dlnotes.arch.fields import through
from dlnotes.arch.layers import Layer, Shape

IMAGES = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6))


def numbered(shape: Shape) -> np.ndarray:
    return np.arange(prod(shape)).reshape(tuple(shape))


def check_free(layer: Layer, shape: Shape) -> None:
    assert layer.parameters(shape) == layer.operations(shape) == {}
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple))
@settings(max_examples=50, deadline=None)
def test_flatten_reshapes_like_numpy(shape: Shape) -> None:
    assert Flatten().output(shape) == numbered(shape).reshape(-1).shape
    assert Flatten().output(Tokens(shape)) == numbered(shape).reshape(-1).shape
    assert type(Flatten().output(Tokens(shape))) is tuple
    assert Flatten().reach(shape) == "all"
    check_free(Flatten(), shape)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_channel_shuffle_keeps_shape_and_position(groups: int) -> None:
    """转置再展平只换通道的次序（Zhang et al. 2017, Figure 1）。"""
    for shape in ((6, 4, 5), (6, 7)):
        channels = np.arange(6)
        assert sorted(channels.reshape(groups, -1).T.ravel()) == list(channels)
        shuffled = np.moveaxis(numbered(shape).reshape(groups, 6 // groups, *shape[1:]), 0, 1).reshape(shape)
        assert ChannelShuffle(groups).output(shape) == shuffled.shape
        assert ChannelShuffle(groups).reach(shape) == "point"
        check_free(ChannelShuffle(groups), shape)
    tokens = Tokens((7, 6))
    assert ChannelShuffle(groups).output(tokens) == tokens
    assert isinstance(ChannelShuffle(groups).output(tokens), Tokens)


@pytest.mark.parametrize("shape", [(6, 4, 4), Tokens((4, 6))], ids=repr)
def test_channel_shuffle_wants_groups_that_divide(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`groups` 应为通道数 6 的约数，得到 4；.*。$"):
        ChannelShuffle(4).output(shape)


@pytest.mark.parametrize("shape", [(6, 4, 5), (6, 7), (6,), Tokens((7, 6)), Tokens((2, 3, 6))], ids=repr)
@pytest.mark.parametrize("chunks", [1, 2, 3, 6])
def test_split_takes_one_of_the_equal_parts(chunks: int, shape: Shape) -> None:
    axis = -1 if isinstance(shape, Tokens) else 0
    parts = np.split(numbered(shape), chunks, axis=axis)
    for index, part in enumerate(parts):
        layer = Split(chunks, index=index)
        assert layer.output(shape) == part.shape
        assert type(layer.output(shape)) is type(shape)
        # 向量的每个元素是一个位置，取一份就挪了位置
        assert layer.reach(shape) == ("all" if len(shape) == 1 else "point")
        check_free(layer, shape)


def test_split_wants_parts_that_divide() -> None:
    for shape in ((6, 4, 4), (6,), Tokens((4, 6))):
        with pytest.raises(ValueError, match=r"^`chunks` 应为通道数 6 的约数，得到 4；.*。$"):
            Split(4, index=0).output(shape)
    for chunks, index in ((2, 2), (1, 1), (3, 7)):
        message = rf"^`index` 应为 0 到 {chunks - 1} 的整数，得到 {index}；.*。$"
        with pytest.raises(ValueError, match=message):
            Split(chunks, index=index)


def padded(array: np.ndarray, sides: list[tuple[int, int]]) -> np.ndarray:
    """np.pad 只会补，裁用切片。补的是 -1。"""
    out = np.pad(array, [(0, 0), *((max(a, 0), max(b, 0)) for a, b in sides)], constant_values=-1)
    cut = [slice(max(-a, 0), size - max(-b, 0)) for (a, b), size in zip(sides, out.shape[1:], strict=True)]
    return out[:, cut[0], cut[1]]


END = st.integers(-3, 3)


@settings(max_examples=120, deadline=None)
@given(
    shape=IMAGES,
    padding=END | st.tuples(END, END) | st.tuples(st.tuples(END, END), st.tuples(END, END)),
)
def test_pad_adds_or_crops_like_numpy(shape: Shape, padding: object) -> None:
    each = padding if isinstance(padding, tuple) else (padding, padding)
    sides = [pair if isinstance(pair, tuple) else (pair, pair) for pair in each]
    layer = Pad(padding)  # type: ignore[arg-type]
    if any(size + sum(pair) < 1 for size, pair in zip(shape[1:], sides, strict=True)):
        message = rf"^从 {shape[1]}×{shape[2]} 裁去之后一个像素也不剩；请加大输入或少裁一些。$"
        with pytest.raises(ValueError, match=message):
            layer.output(shape)
        return
    moved = padded(numbered(shape), sides)
    assert layer.output(shape) == moved.shape
    check_free(layer, shape)
    fields = through((Field(), Field()), layer.reach(shape))
    assert isinstance(fields, tuple)
    for axis, field in enumerate(fields, start=1):
        assert (field.rf, field.jump) == (1, 1)
        # 第 t 行（列）就是原来的第 t + start 行（列），图外的是补的
        lines = np.moveaxis(moved, axis, 0)
        source = np.moveaxis(numbered(shape), axis, 0)
        for unit, line in enumerate(lines):
            pixel = unit + field.start
            if 0 <= pixel < shape[axis]:
                assert set(line.ravel()) <= set(source[pixel].ravel()) | {-1}
            else:
                assert set(line.ravel()) == {-1}


@given(
    shape=IMAGES,
    factors=st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4)),
    mode=st.sampled_from(["nearest", "bilinear"]),
)
@settings(max_examples=100, deadline=None)
def test_upsample_repeats_like_numpy(shape: Shape, factors: object, mode: str) -> None:
    rows, columns = factors if isinstance(factors, tuple) else (factors, factors)
    repeated = np.repeat(np.repeat(numbered(shape), rows, axis=1), columns, axis=2)
    layer = Upsample(factors, mode=mode)  # type: ignore[arg-type]
    assert layer.output(shape) == repeated.shape
    assert layer.parameters(shape) == {}
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)
    # 复制不算运算；插值算不成乘加，另记
    assert layer.operations(shape) == ({"other": repeated.size} if mode == "bilinear" else {})
    reach = layer.reach(shape)
    if (rows, columns) == (1, 1):
        assert reach == "point"
    else:
        assert isinstance(reach, Unaligned)
        assert reach.reason == f"按 {rows}×{columns} 放大，相邻单元看到的位置不等距"


def test_nearest_upsampling_is_indeed_not_evenly_spaced() -> None:
    """放大 2 倍：0 0 1 1 2 2，相邻的差是 0、1、0、1……，说不出一个步距。"""
    assert set(np.diff(np.repeat(np.arange(3), 2))) == {0, 1}
    assert Upsample(2) == Upsample(2, mode="nearest")


@pytest.mark.parametrize("layer", [Pad(1), Upsample(2)], ids=str)
def test_image_only_layers_reject_vectors_and_signals(layer: Layer) -> None:
    for shape in ((6,), (6, 7)):
        with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 .*。$"):
            layer.output(shape)


def test_pad_by_pairs_is_the_one_sided_padding_of_tensorflow() -> None:
    """TensorFlow 的 MobileNet：补在下、右，再做不补零的步长 2 卷积。"""
    assert Pad(((0, 1), (0, 1))).output((3, 224, 224)) == (3, 225, 225)
    assert Pad(((0, 1), (2, 0))).reach((3, 8, 8)) == (
        Window(1, padding=(0, 1)),
        Window(1, padding=(2, 0)),
    )
    assert Pad((1, 2)).output((3, 8, 8)) == (3, 10, 12)


def test_every_source_pixel_of_a_shuffle_keeps_its_place() -> None:
    """逐个位置核对：重排之后，每个位置上的数都还来自这个位置。"""
    shape = (6, 2, 3)
    shuffled = numbered(shape).reshape(3, 2, 2, 3).swapaxes(0, 1).reshape(shape)
    for y, x in product(range(2), range(3)):
        assert set(shuffled[:, y, x]) == set(numbered(shape)[:, y, x])
