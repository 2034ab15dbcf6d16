"""LeNet 的几种层：逐通道的系数、按表连接的卷积、径向基函数；参数与乘加一个一个地数。"""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import RBF, Conv2d, ConvMap2d, Scale, Tokens, Window
from dlnotes.arch.layers import Shape


@pytest.mark.parametrize("shape", [(6, 4, 5), (6, 7), (6,), Tokens((7, 6)), Tokens((4, 5, 6))], ids=repr)
def test_scale_has_a_coefficient_per_channel(shape: Shape) -> None:
    elements = len(list(product(*map(range, shape))))
    for layer in (Scale(), Scale(bias=True)):
        assert layer.output(shape) == shape
        assert type(layer.output(shape)) is type(shape)
        assert layer.reach(shape) == "point"
        assert layer.macs(shape) == layer.buffers(shape) == 0
    assert Scale().parameters(shape) == {"weight": 6}
    assert Scale().operations(shape) == {"elementwise": elements}
    assert Scale(bias=True).parameters(shape) == {"weight": 6, "bias": 6}
    assert Scale(bias=True).operations(shape) == {"elementwise": elements, "bias": elements}


def test_rbf_compares_with_fixed_templates() -> None:
    """LeNet-5 的输出层：840 个连接，没有可训练的参数（LeCun et al. 1998, §II.B）。"""
    pairs = list(product(range(10), range(84)))
    layer = RBF(10)
    assert layer.output((84,)) == (10,)
    assert layer.reach((84,)) == "all"
    assert layer.parameters((84,)) == {}
    assert layer.buffers((84,)) == len(pairs) == 840
    assert layer.operations((84,)) == {"linear": len(pairs), "elementwise": len(pairs)}
    for shape in ((120, 1, 1), (6, 7), Tokens((7, 6)), Tokens((6,))):
        with pytest.raises(ValueError, match=r"^`shape` 应为 \(F,\)，得到 .*Flatten。$"):
            layer.output(shape)


TABLES = st.lists(st.sets(st.integers(0, 3), min_size=1).map(sorted).map(tuple), min_size=1, max_size=4).map(
    tuple
)


@settings(max_examples=60, deadline=None)
@given(
    table=TABLES,
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    bias=st.booleans(),
)
def test_a_table_of_connections_is_counted_tap_by_tap(
    table: tuple[tuple[int, ...], ...], kernel: tuple[int, int], stride: int, padding: int, bias: bool
) -> None:
    shape = (4, 5, 6)
    layer = ConvMap2d(table, kernel, stride=stride, padding=padding, bias=bias)
    tops, lefts = (
        range(-padding, size + padding - extent + 1, stride)
        for size, extent in zip(shape[1:], kernel, strict=True)
    )
    weights, products, additions = set(), 0, 0
    for out, maps in enumerate(table):
        for _top, _left in product(tops, lefts):
            additions += bias
            for source, row, column in product(maps, range(kernel[0]), range(kernel[1])):
                weights.add((out, source, row, column))
                products += 1
    assert layer.output(shape) == (len(table), len(tops), len(lefts))
    assert layer.parameters(shape) == {"weight": len(weights)} | ({"bias": len(table)} if bias else {})
    assert layer.operations(shape) == {"conv": products} | ({"bias": additions} if bias else {})
    assert layer.reach(shape) == tuple(Window(extent, stride, padding) for extent in kernel)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_full_and_block_tables_are_ordinary_convolutions(groups: int) -> None:
    shape, per_group = (6, 9, 8), 6 // groups
    table = tuple(
        tuple(range(group * per_group, (group + 1) * per_group)) for group in range(groups) for _ in range(2)
    )
    mapped = ConvMap2d(table, 3, stride=2, padding="same", dilation=2)
    plain = Conv2d(2 * groups, 3, stride=2, padding="same", dilation=2, groups=groups)
    assert mapped.output(shape) == plain.output(shape)
    assert mapped.reach(shape) == plain.reach(shape)
    assert mapped.parameters(shape) == plain.parameters(shape)
    assert mapped.operations(shape) == plain.operations(shape)


def test_a_table_names_maps_that_exist() -> None:
    layer = ConvMap2d(((0, 1), (3,)), 3)
    for method in (layer.output, layer.params, layer.macs):
        with pytest.raises(ValueError, match=r"^`table` 应为 ?0 到 2 的序号，得到 3；.*。$"):
            method((3, 9, 9))
    for table in ((), ((),), ((0,), ()), ((0, 0),), ((1,), (2, 1, 2))):
        with pytest.raises(ValueError, match=r"^`table` 应为.*，得到 .*；.*。$"):
            ConvMap2d(table, 3)
    with pytest.raises(ValueError, match=r"^`table` 应为不小于 0 的整数，得到 -1；.*。$"):
        ConvMap2d(((-1,),), 3)
    for wrong in (3, [(0,)], ([0],), (0, 1), None, ((True,),), ((0.5,),)):
        with pytest.raises(TypeError, match=r"^`table` 应为.*，得到 .*；.*。$"):
            ConvMap2d(wrong, 3)  # type: ignore[arg-type]
