"""导出的图里的一般张量运算：爱因斯坦求和、按下标取、广播、补边，和只算一次的小网络。

形状与 numpy、onnx 的参考实现比；乘加数是全一的数组相乘之和，每个乘积恰好贡献一。
"""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from dlnotes.arch import Tokens, ledger
from dlnotes.arch.onnx.layers import Einsum

from .test_onnx import IMAGE, assert_shapes, inferred, node, one, read

I64 = np.int64


def computed(model: Any) -> tuple[int, ...]:
    """onnx 的参考实现真的算一遍，输出的形状；权重全是一。"""
    feeds = {
        value.name: np.ones([dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim], np.float32)
        for value in model.graph.input
    }
    return tuple(ReferenceEvaluator(model).run(None, feeds)[0].shape)


PRODUCTS = [
    ("hid,hjd->hij", [(2, 5, 7), (2, 4, 7)], ["point", "all"]),
    ("hij,hjd->hid", [(2, 5, 4), (2, 4, 7)], ["point", "all"]),
    ("ghid,ghjd->ghij", [(3, 2, 5, 7), (3, 2, 4, 7)], ["point", "all"]),
    ("hnd,hne->hde", [(2, 5, 7), (2, 5, 3)], ["all", "all"]),
    ("ijd,ijd->ijd", [(3, 5, 7), (3, 5, 7)], ["point", "point"]),
    ("ijd,jid->ijd", [(3, 5, 7), (5, 3, 7)], ["point", None]),
]


@pytest.mark.parametrize(("equation", "dims", "reaches"), PRODUCTS)
def test_an_einsum_equals_numpy(equation: str, dims: list[tuple[int, ...]], reaches: list[Any]) -> None:
    layer, shapes = Einsum(equation), [Tokens(each) for each in dims]
    product = np.einsum(equation, *map(np.ones, dims))
    assert layer.output(shapes) == product.shape
    assert isinstance(layer.output(shapes), Tokens)
    kind = "elementwise" if product.max() == 1 else "attention"
    assert layer.operations(shapes) == {kind: product.sum()}
    found = [each if isinstance(each, str) else None for each in layer.reaches(shapes)]
    assert found == reaches


def test_an_einsum_of_images_keeps_channels_first() -> None:
    images = [(8, 6, 4), (8, 6, 4)]
    assert Einsum("chw,chw->chw").reaches(images) == ["point", "point"]
    assert not isinstance(Einsum("chw,chw->chw").output(images), Tokens)
    assert Einsum("cp,cp->p").output([(8, 6), (8, 6)]) == (6,)


@pytest.mark.parametrize("equation", ["b h i d, b h j d -> b h i j", "...id,...jd->...ij", "bhid,bhjd"])
def test_scores_from_a_file(equation: str) -> None:
    """空格、省略号、不写输出（按字母的次序，只出现一次的），都照 ONNX 的规矩。"""
    nodes = [
        node("Reshape", "x s", "a"),
        node("Transpose", "a", "q", perm=[0, 2, 1, 3]),
        node("Exp", "q", "k"),
        node("Einsum", "q k", equation=equation),
    ]
    model = one(nodes, [1, 5, 8], constants={"s": np.array([1, 5, 2, 4], I64)})
    if equation == "bhid,bhjd":  # b、h、d 都出现两次，全加起来了，连批量也是
        with pytest.raises(
            ValueError, match="节点 y（Einsum）：两个输入的批量不是同一个字母，或批量被加了起来"
        ):
            read(model)
        return
    book = ledger(read(model))
    assert (1, *book["y"].output) == computed(model) == (1, 2, 5, 5)
    assert book.macs == book.operations["attention"] == 2 * 5 * 5 * 4


def test_an_einsum_without_an_output_sorts_its_letters() -> None:
    """`zbi,iz` 里只出现一次的是 b。"""
    model = one([node("Einsum", "x w", equation="bti,ia")], ["N", 5, 7], {"w": [7, 3]})
    with pytest.raises(ValueError, match=r"只读与权重作线性变换的 Einsum，得到 bti,ia->abt"):
        read(model)
    model = one([node("Einsum", "x w", equation="bti,iz")], ["N", 5, 7], {"w": [7, 3]})
    assert ledger(read(model))["y"].output == (5, 3)


PROJECTIONS: dict[str, tuple[str, list[int], tuple[int, ...]]] = {
    "x w": ("btd,dk->btk", [8, 3], (5, 3)),
    "w x": ("kd,...d->...k", [3, 8], (5, 3)),
    "heads": ("btd,dhk->bthk", [8, 2, 3], (5, 2, 3)),
    "transposed": ("btd,hkd->bthk", [2, 3, 8], (5, 2, 3)),
}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_is_a_linear_layer(name: str) -> None:
    equation, dims, output = PROJECTIONS[name]
    given = "w x" if name == "w x" else "x w"
    model = one([node("Einsum", given, equation=equation)], [1, 5, 8], {"w": dims})
    book = ledger(read(model))
    row = book["y"] if len(output) == 2 else book.rows[-1]
    assert (1, *row.output) == computed(model) == (1, *output)
    arrays = {"x": np.ones((1, 5, 8)), "w": np.ones(dims)}
    total = np.einsum(equation, *(arrays[each] for each in given.split())).sum()
    assert (book.params, book.operations) == (np.prod(dims), {"linear": total})


def test_the_batch_is_followed_through_an_einsum() -> None:
    """批量在中间：先转置，相乘之后又换了位置，末了换回第 0 轴，才看得出跟没跟对。"""
    scores = [
        node("Reshape", "x s", "a"),
        node("Exp", "a", "e"),
        node("Einsum", "a e", "z", equation="bthk,bshk->htbs"),
        node("Transpose", "z", perm=[2, 0, 1, 3]),
    ]
    shape = {"s": np.array([1, 5, 2, 4], I64)}
    model = one(scores, [1, 5, 8], constants=shape)
    assert (1, *ledger(read(model)).rows[-1].output) == computed(model) == (1, 2, 5, 5)
    heads = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        node("Einsum", "t w", "z", equation="tbd,dhk->tbhk"),
        node("Transpose", "z", perm=[1, 2, 0, 3]),
    ]
    model = one(heads, [1, 5, 8], {"w": [8, 2, 3]})
    assert (1, *ledger(read(model))["y"].output) == computed(model) == (1, 2, 5, 3)


def test_an_ellipsis_may_stand_in_an_output_that_is_not_written() -> None:
    model = one([node("Einsum", "x w", equation="...td,dz")], [1, 5, 8], {"w": [8, 3]})
    book = ledger(read(model))
    assert ((1, *book["y"].output), book["y"].op) == (computed(model), "Linear")


@pytest.mark.parametrize("equation", ["bhtd,ctd->bchtd", "...td,...td->...td", "bhtd,htd->bhtd"])
def test_two_signals_must_share_the_letter_of_the_batch(equation: str) -> None:
    """x 只有三轴：省略号从最后一轴对齐，它的批量对上的是四轴里的第二轴。"""
    nodes = [node("Reshape", "x s", "a"), node("Mul", "a x")]
    model = one(nodes, [1, 5, 8], constants={"s": np.array([1, 1, 5, 8], I64)})
    model.graph.node[1].CopyFrom(node("Einsum", "a x", equation=equation))
    with pytest.raises(ValueError, match="两个输入的批量不是同一个字母，或批量被加了起来"):
        read(model)


def test_heads_are_merged_by_a_projection() -> None:
    """多头注意力末了的一步：头与头里的维数一起加起来。"""
    nodes = [node("Reshape", "x s", "a"), node("Einsum", "a w", equation="bthk,hkd->btd")]
    model = one(nodes, [1, 5, 8], {"w": [2, 4, 3]}, {"s": np.array([1, 5, 2, 4], I64)})
    book = ledger(read(model))
    assert (1, *book["y"].output) == computed(model)
    assert (book.params, book.macs) == (24, 5 * 24)
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 2, 3]))
    with pytest.raises(ValueError, match="只读与权重作线性变换的 Einsum"):  # 元素一样多，两轴却对不上
        read(model)


BAD_EQUATIONS = {
    "bij,bjk,k->bik": "应有 2 项",
    "bii,bij->bij": "对不上，或不合规矩",
    "bi,bij->bij": "对不上，或不合规矩",
    "bij,bij->bq": "的输出里有输入没有的字母",
    "bij,bij->": "对不上，或不合规矩",
    "b-j,b-j->b-j": "对不上，或不合规矩",
    "": "应有 2 项",
    "......,bij->bij": "对不上，或不合规矩",
}


@pytest.mark.parametrize("equation", BAD_EQUATIONS)
def test_a_bad_equation_is_told(equation: str) -> None:
    model = one([node("Relu", "x", "z"), node("Mul", "x z")], ["N", 5, 5])
    model.graph.node[1].CopyFrom(node("Einsum", "x z", equation=equation))
    with pytest.raises(ValueError, match=f"^net：节点 y（Einsum）：.*{BAD_EQUATIONS[equation]}.*$"):
        read(model)


@pytest.mark.parametrize(
    "equation",
    [
        "btd,btk->dk",
        "btd,tk->btdk",
        "btd,td->btd",
        "btd,k->btdk",
        "btd,btdk->k",
        "btd,kd->bkt",
        "btd,btk->btk",
    ],
)
def test_other_einsums_with_a_weight_are_told(equation: str) -> None:
    """把批量加起来的、外积、逐元素的、换了次序的，都不是线性层。"""
    letters = {"b": 1, "t": 5, "d": 8, "k": 3}
    dims = [letters[each] for each in equation.partition(",")[2].partition("->")[0]]
    model = one([node("Einsum", "x w", equation=equation)], [1, 5, 8], {"w": dims})
    with pytest.raises(ValueError, match=r"^net：节点 y（Einsum）：只读与权重作线性变换的 Einsum"):
        read(model)


def test_sizes_of_a_letter_must_agree() -> None:
    model = one([node("Relu", "x", "z"), node("Mul", "x z")], ["N", 4, 5])
    model.graph.node[1].CopyFrom(node("Einsum", "x z", equation="bij,bjk->bik"))
    with pytest.raises(ValueError, match=r"`shape` 应为合乎 ij,jk->ik 的形状，.*j 有两种大小"):
        read(model)


TAKEN: dict[str, Any] = {
    "rows": one(
        [node("Gather", "x i", axis=2)], IMAGE, constants={"i": np.array([[0, 3, -1], [2, 2, 7]], I64)}
    ),
    "channels": one([node("Gather", "x i", axis=1)], IMAGE, constants={"i": np.array([2, 1, 0], I64)}),
    "before the batch": one(
        [
            node("Transpose", "x", "t", perm=[1, 0, 2, 3]),
            node("Gather", "t i", "g", axis=0),
            node("Transpose", "g", perm=[2, 0, 1, 3, 4]),
        ],
        IMAGE,
        constants={"i": np.array([[2, 1, 0]], I64)},
    ),
    "unknown": one([node("Gather", "x i", axis=3)], IMAGE, constants={"i": np.zeros(5000, I64)}),
    "expand": one(
        [node("GlobalAveragePool", "x", "z"), node("Expand", "z s")],
        IMAGE,
        constants={"s": np.array([8, 5, 7], I64)},
    ),
    "expand axes": one([node("Expand", "x s")], ["N", 1, 7], constants={"s": np.array([3, 1, 4, 1], I64)}),
    "pad tokens": one(
        [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Pad", "t p")],
        IMAGE,
        constants={"p": np.array([0, 1, 0, 0, 0, 2, 3, 0], I64)},
    ),
    "pad the columns of tokens": one(
        [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Pad", "t p")],
        IMAGE,
        constants={"p": np.array([0, 0, 2, 0, 0, 0, 3, 0], I64)},
    ),
    "pad channels": one(
        [node("Pad", "x p")], IMAGE, constants={"p": np.array([0, 4, 0, -1, 0, 0, 1, 0], I64)}
    ),
    "pad a signal": one(
        [node("Pad", "x p")], ["N", 4, 9], constants={"p": np.array([0, 0, 2, 0, 0, 3], I64)}
    ),
}


ELSEWHERE = {"before the batch": 0, "expand axes": 1}


@pytest.mark.parametrize("name", TAKEN)
def test_shapes_equal_the_inference_of_onnx(name: str) -> None:
    model = TAKEN[name]
    network = read(model)
    ledger(network)
    last = [*network.shapes().values()][-1]
    if name in ELSEWHERE:  # 批量挪过位置
        full = inferred(model)["y"]
        assert last == full[: ELSEWHERE[name]] + full[ELSEWHERE[name] + 1 :]
        return
    assert_shapes(network, model)


def test_padding_and_expanding_cost_nothing_and_keep_their_place() -> None:
    book = ledger(read(TAKEN["pad tokens"]))
    assert (book["y"].op, book["y"].rf, book["y"].start) == ("PadAxes", (1, 1), (-1, 0))
    assert book["y"].output == (18, 20, 8)
    assert ledger(read(TAKEN["expand"]))["y"].op == "Expand"
    assert not ledger(read(TAKEN["pad channels"])).operations


@pytest.mark.parametrize("channels", [16, 5000])
def test_the_mean_as_torch_writes_it(channels: int) -> None:
    """torch 新的导出把通道在后的张量的全局平均写成：求平均、拉直、按下标 0 … C-1 取出 `(1, C, 1, 1)`。

    下标很短时看得到它们依次取遍，只是换了形状；很长（或存在别的文件里）时看不到，也推得出形状。
    """
    nodes = [
        node("ReduceMean", "x a", "m"),
        node("Reshape", "m flat", "f"),
        node("Gather", "f i", "g"),
        node("Transpose", "g", "t", perm=[0, 2, 3, 1]),
        node("LayerNormalization", "t scale shift", "n", axis=-1),
        node("Transpose", "n", "c", perm=[0, 3, 1, 2]),
        node("Reshape", "c s", "v"),
        node("Gemm", "v w b", transB=1),
    ]
    weights = {"scale": [channels], "shift": [channels], "w": [10, channels], "b": [10]}
    constants = {
        "a": np.array([-1, -2], I64),
        "flat": np.array([-1], I64),
        "i": np.arange(channels, dtype=I64).reshape(1, channels, 1, 1),
        "s": np.array([1, channels], I64),
    }
    model = one(nodes, [1, channels, 7, 7], weights, constants)
    network = read(model)
    book = ledger(network)
    assert book["y"].output == (10,)
    assert (book.params, book.macs) == (12 * channels + 10, 10 * channels)
    taken = [row.op for row in book.rows if row.name == "g"]
    assert taken == (["Take"] if channels == 5000 else ["Reshape"])
    assert network.shapes()["g"] == (channels, 1, 1)
    assert {row.rf for row in book.rows} == {"all"}


def test_indices_out_of_range_are_told() -> None:
    model = one([node("Relu", "x")], IMAGE, constants={"i": np.array([0, 15], I64)})
    model.graph.node[0].CopyFrom(node("Gather", "x i", axis=2))
    with pytest.raises(ValueError, match="节点 y（Gather）：没有第 15 轴"):
        read(model)


def test_a_small_network_over_constants_is_counted_but_not_run() -> None:
    """Swin v2 的位置偏置：坐标表经两层全连接、按下标取、加到注意力的分数上；它与输入无关，不算乘加。"""
    nodes = [
        node("MatMul", "table w", "a"),
        node("Add", "a b", "h"),
        node("Relu", "h", "r"),
        node("MatMul", "r v", "o"),
        node("Reshape", "o two", "f"),
        node("GatherND", "f i", "p"),
        node("Reshape", "p three", "q"),
        node("Transpose", "q", "t", perm=[2, 0, 1]),
        node("Sigmoid", "t", "g"),
        node("Mul", "g sixteen", "bias"),
        node("Add", "x bias"),
    ]
    weights = {"table": [1, 5, 5, 2], "w": [2, 32], "b": [32], "v": [32, 3]}
    constants = {
        "two": np.array([-1, 3], I64),
        "i": np.zeros((81, 1), I64),
        "three": np.array([9, 9, -1], I64),
        "sixteen": np.float32(16),
    }
    model = one(nodes, ["N", 3, 9, 9], weights, constants)
    book = ledger(read(model))
    assert (book["y"].op, book["y"].output, book.macs) == ("WithConstant", (3, 9, 9), 0)
    assert book.params == 50 + 64 + 32 + 96


def test_rows_are_taken_from_constants_by_two_indices() -> None:
    nodes = [node("GatherND", "table i", "p"), node("Add", "x p")]
    model = one(nodes, [1, 9, 3], {"table": [4, 5, 3]}, {"i": np.zeros((9, 2), I64)})
    book = ledger(read(model))
    assert ((1, *book["y"].output), book.params) == (computed(model), 60)


def test_a_scale_used_twice_is_counted_once() -> None:
    nodes = [node("Mul", "x w", "a"), node("Sub", "a w", "b"), node("Max", "b w")]
    book = ledger(read(one(nodes, ["N", 4, 8], {"w": [8]})))
    assert [row.params for row in book.rows] == [8, 0, 0]


def test_a_weight_that_meets_itself_is_counted_once() -> None:
    nodes = [node("Sigmoid", "w", "s"), node("Mul", "w s", "t"), node("Concat", "t w", "c", axis=0)]
    nodes += [node("Reshape", "c s2", "r"), node("Mul", "x r")]
    model = one(nodes, ["N", 2, 8], {"w": [8]}, {"s2": np.array([2, 8], I64)})
    assert ledger(read(model)).params == 8


@pytest.mark.parametrize(
    ("kind", "rest"),
    [("ReduceProd", (-1, 12)), ("ReduceSum", (-1, 7)), ("ReduceMax", (-1, 4)), ("ReduceMin", (-1, 3))],
)
def test_a_shape_reduced_to_a_number(kind: str, rest: tuple[int, int]) -> None:
    """别的框架展平的写法：后两轴的大小相乘，再写进新的形状。"""
    nodes = [
        node("Shape", "x", "s", start=2),
        node(kind, "s", "p", keepdims=1),
        node("Concat", "one m p", "t", axis=0),
        node("Reshape", "x t"),
    ]
    constants = {"one": np.array([1], I64), "m": np.array([-1], I64)}
    model = one(nodes, [1, 84, 3, 4], constants=constants, opset=18)
    assert read(model).shapes()["y"] == (84 * 12 // rest[1], rest[1])
    assert (1, *read(model).shapes()["y"]) == computed(model)


def test_constants_that_do_not_fit_are_told() -> None:
    def told(nodes: list[Any], constants: dict[str, Any]) -> str:
        model = one([node("Relu", "x")], IMAGE, constants=constants)
        del model.graph.node[:]
        model.graph.node.extend([*nodes, node("Add", "x k")])
        with pytest.raises(ValueError) as caught:  # noqa: PT011 各例自己查措辞
            read(model)
        return str(caught.value)

    table, narrow = np.zeros((40, 50), np.float32), np.zeros((40, 7), np.float32)
    assert "(40, 50) 与 (40, 7) 不能相乘" in told([node("MatMul", "a b", "k")], {"a": table, "b": narrow})
    index = {"a": table, "i": np.zeros((6, 3), I64)}
    assert "下标取 (40, 50)" in told([node("GatherND", "a i", "k")], index)
    index["i"] = np.zeros((40, 1), I64)
    assert "batch_dims 只读 0" in told([node("GatherND", "a i", "k", batch_dims=1)], index)
    grow = {"a": np.array([0, 8, 15, 17], I64)}
    assert "不合规矩" in told([node("Expand", "x a", "k")], grow)
    grow = {"a": np.array([3, 8, 15, 17], I64)}
    assert "不读把 (1, 8, 15, 17) 的批量展成 3 的广播" in told([node("Expand", "x a", "k")], grow)
