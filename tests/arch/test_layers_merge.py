"""分支汇合：形状与 numpy 的广播、拼接、切片比。"""

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    Add,
    Concat,
    Conv2d,
    Crop,
    MaxPool2d,
    Mul,
    Network,
    Node,
    Tokens,
    Unaligned,
    Window,
    ledger,
)
from dlnotes.arch.layers import Merge, Shape

SIZES = st.integers(1, 4)
SHAPES = st.lists(SIZES, min_size=1, max_size=3).map(tuple)


def zeros(shape: Shape) -> np.ndarray:
    """只要形状，不占内存。"""
    return np.broadcast_to(np.zeros(()), tuple(shape))


@st.composite
def related(draw: st.DrawFn) -> list[Shape]:
    """两三个形状：同长，各轴多半相同，有时是 1，有时不同。"""
    base = draw(SHAPES)
    shapes = []
    for _ in range(draw(st.integers(1, 3))):
        axes = [draw(st.sampled_from([size, size, 1, 2])) for size in base]
        shapes.append(tuple(axes))
    return shapes


def ops(total: int) -> dict[str, int]:
    return {"elementwise": total} if total else {}


@settings(max_examples=120, deadline=None)
@given(shapes=related(), tokens=st.booleans())
def test_mul_broadcasts_like_numpy(shapes: list[Shape], tokens: bool) -> None:
    kind = Tokens if tokens else tuple
    given_ = [kind(shape) for shape in shapes]
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ValueError, match=r"^`shape` 应为全部相同、或有的轴为 1 的形状，得到 .*。$"):
            Mul().output(given_)
        return
    output = Mul().output(given_)
    assert output == expected
    assert type(output) is kind
    assert Mul().operations(given_) == ops(prod(expected) * (len(shapes) - 1))
    features = -1 if tokens else 0
    for shape, reach in zip(given_, Mul().reaches(given_), strict=True):
        axes = [axis for axis in range(len(shape)) if axis != features % len(shape)]
        # 把一个位置的值复制到各处，就不再是“各看各的位置”
        copied = any(shape[axis] != expected[axis] for axis in axes)
        assert isinstance(reach, Unaligned) if copied else reach == "point"


@settings(max_examples=120, deadline=None)
@given(shapes=related(), tokens=st.booleans())
def test_add_accepts_only_equal_shapes(shapes: list[Shape], tokens: bool) -> None:
    given_ = [(Tokens if tokens else tuple)(shape) for shape in shapes]
    if len(set(shapes)) > 1:
        with pytest.raises(ValueError, match=r"^`shape` 应为全部相同的形状，得到 .*。$"):
            Add().output(given_)
        return
    assert Add().output(given_) == sum(map(zeros, shapes), start=zeros(shapes[0])).shape
    assert type(Add().output(given_)) is type(given_[0])
    assert Add().operations(given_) == ops(prod(shapes[0]) * (len(shapes) - 1))
    assert list(Add().reaches(given_)) == ["point"] * len(shapes)


@settings(max_examples=120, deadline=None)
@given(shapes=related(), tokens=st.booleans())
def test_concat_joins_like_numpy(shapes: list[Shape], tokens: bool) -> None:
    kind = Tokens if tokens else tuple
    given_ = [kind(shape) for shape in shapes]
    try:
        expected = np.concatenate([zeros(shape) for shape in shapes], axis=-1 if tokens else 0).shape
    except ValueError:
        with pytest.raises(ValueError, match=r"^`shape` 应为除通道外全部相同的形状，得到 .*。$"):
            Concat().output(given_)
        return
    assert Concat().output(given_) == expected
    assert type(Concat().output(given_)) is kind
    assert Concat().operations(given_) == {}


@pytest.mark.parametrize("merge", [Add(), Mul(), Concat()], ids=str)
def test_merging_learns_nothing_and_multiplies_no_matrices(merge: Merge) -> None:
    shapes = [(6, 4, 5), (6, 4, 5)]
    assert merge.parameters(shapes) == {}
    assert (merge.params(shapes), merge.macs(shapes), merge.buffers(shapes)) == (0, 0, 0)
    assert list(merge.reaches(shapes)) == ["point", "point"]


@pytest.mark.parametrize(
    ("merge", "shapes"),
    [
        (Add(), [(64, 56, 56), (256, 56, 56)]),
        (Add(), [(64, 56, 56), (64, 1, 1)]),  # 残差不广播：多半是步长写错了
        (Mul(), [(64, 56, 56), (64, 28, 28)]),
        (Mul(), [(64, 56, 56), (64,)]),
        (Concat(), [(64, 28, 28), (32, 14, 14)]),
        (Concat(), [(64, 28, 28), (64, 28)]),
        (Concat(), [Tokens((4, 8)), Tokens((5, 8))]),
        (Concat(), [Tokens((4, 8)), (8, 8)]),
        (Concat(), [(64, 28), Tokens((28, 64))]),
    ],
    ids=str,
)
def test_errors_name_both_shapes(merge: Merge, shapes: list[Shape]) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为.*；请检查各分支的.*。$") as caught:
        merge.output(shapes)
    for shape in shapes:
        assert str(tuple(shape)) in str(caught.value)


@pytest.mark.parametrize("merge", [Add(), Mul(), Concat()], ids=str)
def test_tokens_and_signals_of_the_same_size_do_not_merge(merge: Merge) -> None:
    """(8, 8) 的词与 (8, 8) 的信号作为元组相等，轴的意思却不同。"""
    for shapes in ([Tokens((8, 8)), (8, 8)], [(8, 8), Tokens((8, 8))]):
        with pytest.raises(ValueError, match=r"^`shape` 应为.*；.*。$"):
            merge.output(shapes)


def test_concat_adds_the_channels_of_an_inception_block() -> None:
    """GoogLeNet 3a：64 + 128 + 32 + 32 = 256（Szegedy et al. 2014, Table 1）。"""
    shapes = [(64, 28, 28), (128, 28, 28), (32, 28, 28), (32, 28, 28)]
    assert Concat().output(shapes) == (256, 28, 28)
    assert Concat().output([Tokens((49, 96)), Tokens((49, 32))]) == (49, 128)


def test_a_gate_is_broadcast_over_the_positions() -> None:
    """SE：因子 (C, 1, 1) 广播到各处，本身的位置没有意义；空间注意力 (1, H, W) 只跨通道，仍是逐点的。"""
    image = (64, 56, 56)
    whole, squeezed = Mul().reaches([image, (64, 1, 1)])
    assert whole == "point"
    assert isinstance(squeezed, Unaligned)
    assert squeezed.reason == "一个位置的值广播到了所有位置"
    assert list(Mul().reaches([image, (1, 56, 56)])) == ["point", "point"]
    assert list(Mul().reaches([Tokens((7, 6)), Tokens((7, 1))])) == ["point", "point"]
    assert isinstance(Mul().reaches([Tokens((7, 6)), Tokens((1, 6))])[1], Unaligned)
    assert Mul().operations([image, (64, 1, 1)]) == ops(64 * 56 * 56)


def test_crop_slices_like_numpy() -> None:
    """Caffe 的 Crop：从偏移处起，裁成与第二个输入一样高、一样宽。"""
    image, reference = np.zeros((21, 12, 15)), np.zeros((3, 7, 9))
    for offset, (top, left) in ((0, (0, 0)), (3, (3, 3)), ((5, 6), (5, 6))):
        cropped = image[:, top : top + reference.shape[1], left : left + reference.shape[2]]
        layer, shapes = Crop(offset), [image.shape, reference.shape]
        assert layer.output(shapes) == cropped.shape
        assert layer.parameters(shapes) == layer.operations(shapes) == {}
        assert list(layer.reaches(shapes)) == [(Window(1, 1, -top), Window(1, 1, -left)), "nothing"]
    for offset, size in ((6, 12), ((0, 7), 15)):
        with pytest.raises(
            ValueError, match=rf"^`shape` 应为 ?\d+ 个像素以上，得到 {size}；请减小 `offset`。$"
        ):
            Crop(offset).output([image.shape, reference.shape])
    for shapes in ([image.shape], [image.shape] * 3, []):
        with pytest.raises(ValueError, match=r"^`inputs` 应为两个输入，得到 \d 个；.*。$"):
            Crop().output(shapes)
    for shapes in ([(21,), (3, 7, 9)], [(21, 12, 15), Tokens((3, 7, 9))]):
        with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\)，得到 .*。$"):
            Crop().output(shapes)


def test_crop_does_not_look_at_the_second_input() -> None:
    """第二个输入只给大小：它的步距不同、看得更远，都不影响裁出来的感受野。"""
    nodes = [
        Node("conv", Conv2d(4, 3), ("input",)),
        Node("pool", MaxPool2d(2), ("conv",)),
        Node("crop", Crop((5, 2)), ("conv", "pool")),
    ]
    row = ledger(Network("net", (3, 20, 22), nodes))["crop"]
    assert row.output == (4, 9, 10)
    assert (row.rf, row.jump, row.start) == ((3, 3), (1, 1), (5, 2))
