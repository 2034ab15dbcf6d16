"""计算图里的一般层：形状与 numpy 的同一运算比，感受野逐个追踪元素的来处。"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlnotes.arch import Conv2d, Field, Tokens, Unaligned, ledger, sequential
from dlnotes.arch.fields import through
from dlnotes.arch.layers import Layer, Merge, Shape
from dlnotes.arch.onnx import layers
from dlnotes.arch.onnx.layers import (
    DepthToSpace,
    Einsum,
    Elementwise,
    Expand,
    Join,
    MatMul,
    PadAxes,
    Pointwise,
    Reduce,
    Reshape,
    Resize,
    Select,
    Shared,
    Slice,
    SpaceToDepth,
    Take,
    Transpose,
    Unknown,
    WithConstant,
)

IMAGE, GRID, WORDS = (8, 6, 4), Tokens((6, 4, 8)), Tokens((24, 8))
Numpy = Callable[[Any], Any]


def space_to_depth(array: Any) -> Any:
    channels, height, width = array.shape
    blocks = array.reshape(channels, height // 2, 2, width // 2, 2)
    return blocks.transpose(2, 4, 0, 1, 3).reshape(-1, height // 2, width // 2)


def depth_to_space(array: Any) -> Any:
    channels, height, width = array.shape
    blocks = array.reshape(2, 2, channels // 4, height, width)
    return blocks.transpose(2, 3, 0, 4, 1).reshape(channels // 4, height * 2, width * 2)


def extended(array: Any, ends: Any) -> Any:
    return np.pad(array, ends, mode="reflect", reflect_type="odd")


MOVES: list[tuple[Layer, Shape, Numpy]] = [
    (Reshape((8, 24)), IMAGE, lambda a: a.reshape(8, 24)),
    (Reshape((2, 4, 24)), IMAGE, lambda a: a.reshape(2, 4, 24)),
    (Reshape((8, 4, 6)), IMAGE, lambda a: a.reshape(8, 4, 6)),
    (Reshape(Tokens((24, 8))), GRID, lambda a: a.reshape(24, 8)),
    (Reshape(Tokens((24, 2, 4))), GRID, lambda a: a.reshape(24, 2, 4)),
    (Transpose((1, 2, 0), tokens=True), IMAGE, lambda a: a.transpose(1, 2, 0)),
    (Transpose((2, 1, 0), tokens=True), IMAGE, lambda a: a.transpose(2, 1, 0)),
    (Transpose((2, 0, 1)), GRID, lambda a: a.transpose(2, 0, 1)),
    (Transpose((0, 2, 1)), IMAGE, lambda a: a.transpose(0, 2, 1)),
    (Slice(0, 2, 7, 2), IMAGE, lambda a: a[2:7:2]),
    (Slice(1, 1, 6, 2), IMAGE, lambda a: a[:, 1:6:2]),
    (Slice(2, 1, 3), IMAGE, lambda a: a[:, :, 1:3]),
    (Slice(1, 1, 4), GRID, lambda a: a[:, 1:4]),
    (Slice(2, 1, 4), GRID, lambda a: a[:, :, 1:4]),
    (Select(1, 3), IMAGE, lambda a: a[:, 3]),
    (Select(0, 3), WORDS, lambda a: a[3]),
    (Take(0, (4,)), IMAGE, lambda a: a[[7, 0, 3, 3]]),
    (Take(0, (2, 2)), IMAGE, lambda a: a[[[0, 5], [3, 3]]]),
    (Take(1, (3,)), IMAGE, lambda a: a[:, [5, 0, 5]]),
    (Take(2, (3,)), GRID, lambda a: a[:, :, [5, 0, 5]]),
    (Take(1, (2, 2)), IMAGE, lambda a: a[:, [[0, 5], [3, 3]]]),
    (Take(0, (2, 2)), WORDS, lambda a: a[[[0, 5], [3, 3]]]),
    # 接着原来的次序补：坐标照旧一个一个数下去
    (PadAxes(((0, 2), (3, 0), (0, 0))), GRID, lambda a: extended(a, ((0, 2), (3, 0), (0, 0)))),
    (
        PadAxes(((1, 0), (2, 0), (0, 3))),
        IMAGE,
        lambda a: extended(a, ((0, 0), (2, 0), (0, 3)))[[0, *range(8)]],
    ),
    (PadAxes(((0, 0), (-1, -2), (0, 0))), IMAGE, lambda a: a[:, 1:-2]),
    (SpaceToDepth(2), IMAGE, space_to_depth),
    (DepthToSpace(2), IMAGE, depth_to_space),
]


@pytest.mark.parametrize(
    ("layer", "shape", "move"), MOVES, ids=lambda value: "numpy" if callable(value) else repr(value)
)
def test_each_element_comes_from_where_the_layer_says(layer: Layer, shape: Shape, move: Numpy) -> None:
    """给每个元素写上它的位置，用 numpy 挪动，再看每个输出位置的元素来自哪里。"""
    tokens = isinstance(shape, Tokens)
    sizes = shape[:-1] if tokens else shape[1:]
    places = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"))
    spread = places[..., None] if tokens else places[:, None]
    moved = [move(np.broadcast_to(each, tuple(shape))) for each in spread]
    output = layer.output(shape)
    assert moved[0].shape == tuple(output)
    seen = through((Field(),) * len(sizes), layer.reach(shape))
    if isinstance(seen, Unaligned) or seen == "all":
        return
    after = output[:-1] if isinstance(output, Tokens) else output[1:]
    for unit in np.ndindex(*after):
        cell = (*unit, slice(None)) if isinstance(output, Tokens) else (slice(None), *unit)
        # 几个位置轴合成了一个的，按行数回原来的各轴
        where = unit if len(after) == len(sizes) else np.unravel_index(unit[0], sizes)
        for field, at, found in zip(seen, where, moved, strict=True):
            first = field.start + int(at) * field.jump
            assert (found[cell].min(), found[cell].max()) == (first, first + field.rf - 1)


def test_what_has_no_fixed_field_says_so() -> None:
    """上一个测试略过的，恰好是这些。"""
    silent = [layer for layer, shape, _ in MOVES if isinstance(layer.reach(shape), Unaligned)]
    assert silent == [
        Reshape((2, 4, 24)),
        Reshape((8, 4, 6)),
        Reshape(Tokens((24, 2, 4))),
        Transpose((2, 1, 0), tokens=True),
        Transpose((0, 2, 1)),
        Select(1, 3),
        Select(0, 3),
        Take(0, (2, 2)),
        Take(1, (3,)),
        Take(1, (2, 2)),
        Take(0, (2, 2)),
        DepthToSpace(2),
    ]


@pytest.mark.parametrize("operand", [(), (8, 1, 1), (4,), (8, 6, 4), (1, 6, 1)])
def test_broadcasting_equals_numpy(operand: Shape) -> None:
    array = np.zeros(IMAGE) + np.zeros(operand)
    assert WithConstant("Mul", operand).output(IMAGE) == array.shape
    assert WithConstant("Mul", operand).operations(IMAGE) == {"elementwise": array.size}
    if len(operand) == 3:
        assert Elementwise("Sub").output([IMAGE, operand]) == array.shape


def test_the_product_of_two_matrices_is_counted_by_hand() -> None:
    left, right = Tokens((3, 5, 7)), Tokens((3, 7, 2))
    product = np.zeros(left) @ np.zeros(right)
    assert MatMul().output([left, right]) == product.shape
    assert MatMul().operations([left, right]) == {"attention": product.size * 7}
    assert MatMul().reaches([left, right]) == ["point", "all"]
    assert MatMul().reaches([(3, 5, 7), right]) == ["all", "all"]


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize(
    ("axes", "reach"), [((1, 2), "all"), ((0, 1, 2), "all"), ((0,), "point"), ((1,), None)]
)
def test_reducing_equals_numpy(axes: tuple[int, ...], reach: Any, keepdims: bool) -> None:
    layer = Reduce("ReduceMax", axes, keepdims=keepdims)
    if axes == (0, 1, 2) and not keepdims:
        with pytest.raises(ValueError, match="留下至少一个轴"):
            layer.output(IMAGE)
        return
    assert layer.output(IMAGE) == np.zeros(IMAGE).max(axes, keepdims=keepdims).shape
    gone = axes == (0,) and not keepdims  # 特征轴没有了，位置轴成了特征
    assert layer.reach(IMAGE) == reach or (
        isinstance(layer.reach(IMAGE), Unaligned) and (reach is None or gone)
    )
    assert layer.operations(IMAGE) == {"pooling": 8 * 6 * 4}


def test_joining_adds_up_one_axis() -> None:
    parts = [Tokens((4, 8)), Tokens((5, 8))]
    assert Join(0).output(parts) == np.concatenate([np.zeros(each) for each in parts]).shape
    assert isinstance(Join(0).output(parts), Tokens)
    assert isinstance(Join(0).reaches(parts)[1], Unaligned)


def test_what_is_not_counted_is_named() -> None:
    path = [("up", Resize((9, 9), mode="cubic")), ("near", Resize((9, 9))), ("erf", Pointwise("Erf"))]
    book = ledger(sequential("net", IMAGE, path))
    assert book.uncounted == ("up",)
    assert book.operations == {"other": 8 * 81, "activation": 8 * 81}
    assert ledger(sequential("net", IMAGE, [("what", Unknown("Det", (3,)))])).uncounted == ("what",)


def test_shared_weights_are_taken_off() -> None:
    layer = Conv2d(8, 3)
    shared = Shared(layer, (("weight", 8 * 8 * 9),))
    assert shared.parameters(IMAGE) == {"bias": 8}
    assert (shared.output(IMAGE), shared.operations(IMAGE)) == (layer.output(IMAGE), layer.operations(IMAGE))
    assert shared.reach(IMAGE) == layer.reach(IMAGE)


WRONG: dict[str, tuple[Layer | Merge, Any]] = {
    "`shape` 应为 192 个元素的形状": (Reshape((5, 5)), IMAGE),
    "`order` 应为 3 个轴的排列": (Transpose((0, 1)), IMAGE),
    "`start, stop` 应为 0 到 8 之间的一段": (Slice(0, 3, 9), IMAGE),
    "`axis` 应为 0 到 2 的整数，得到 3": (Slice(3, 0, 1), IMAGE),
    "`index` 应为 0 到 5 的整数，得到 6": (Select(1, 6), IMAGE),
    "`shape` 应为只有第 0 轴不同的形状": (Join(0), [IMAGE, (8, 6, 5)]),
    "`block` 应为平方整除通道数 8 的整数，得到 3": (DepthToSpace(3), IMAGE),
    "`block` 应为 .* 的公约数，得到 4": (SpaceToDepth(4), IMAGE),
    "`shape` 应为相同、或有的轴为 1 的形状": (WithConstant("Add", (3,)), IMAGE),
    "`shape` 应为特征轴相同的形状": (Elementwise("Sub"), [IMAGE, Tokens(IMAGE)]),
    "`shape` 应为 .*与": (MatMul(), [WORDS, WORDS]),
    "`axis` 应为 0 到 2 的整数，得到 5": (Take(5, (2,)), IMAGE),
    "`index` 应为有轴的形状": (Take(0, ()), (8,)),
    "`ends` 应为 3 对整数": (PadAxes(((0, 1), (0, 1))), IMAGE),
    "`ends` 应为在 .* 里留得下元素的整数": (PadAxes(((0, 0), (-3, -3), (0, 0))), IMAGE),
    "`shape` 应为相同、或有的轴为 1 的形状，得到 .8, 6, 4. 与 .8, 5, 1.": (Expand((8, 5, 1)), IMAGE),
    "`shape` 应为合乎 ijk,jk->i 的形状": (Einsum("ijk,jk->i"), [IMAGE, (6, 4, 1)]),
    "`axis` 应为 0 到 2 的整数，得到 4": (Reduce("ReduceSum", (4,)), IMAGE),
}


@pytest.mark.parametrize("expected", WRONG)
def test_wrong_shapes_are_told(expected: str) -> None:
    layer, given = WRONG[expected]
    with pytest.raises(ValueError, match=expected):
        layer.output(given)


def test_every_layer_is_tested_here() -> None:
    kinds = {
        name
        for name, kind in vars(layers).items()
        if isinstance(kind, type) and kind.__module__ == layers.__name__ and not name.startswith("_")
    }
    assert kinds - {"GlobalMaxPool"} <= set(globals())
