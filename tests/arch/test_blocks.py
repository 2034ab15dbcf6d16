"""用块拼成的网络：节点的名字与连接，以及公认的总数。"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dlnotes.arch import (
    GELU,
    Add,
    BatchNorm2d,
    ClassToken,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    LayerNorm,
    Ledger,
    Linear,
    MaxPool2d,
    Mul,
    MultiheadAttention,
    Network,
    Node,
    PositionEmbedding,
    ReLU,
    SelectToken,
    Sigmoid,
    ToTokens,
    ledger,
    parallel,
    residual,
    sequential,
    side,
)
from dlnotes.arch.blocks import Block, Path

IMAGE = (3, 224, 224)


def edges(path: Path, image: tuple[int, ...] = (4, 8, 8)) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in sequential("net", image, path).nodes}


def test_residual_adds_the_body_and_the_input() -> None:
    assert edges(
        [("stem", ReLU()), ("block", residual([("a", ReLU()), ("b", ReLU())])), ("tail", ReLU())]
    ) == {
        "stem": ("input",),
        "block.a": ("stem",),
        "block.b": ("block.a",),
        "block.add": ("block.b", "stem"),
        "tail": ("block.add",),
    }


def test_the_shortcut_has_its_own_path() -> None:
    body, shortcut = [("a", Conv2d(8, 1))], [("down", Conv2d(8, 1))]
    assert edges([("block", residual(body, shortcut))]) == {
        "block.a": ("input",),
        "block.down": ("input",),
        "block.add": ("block.a", "block.down"),
    }
    assert edges([("block", residual([], shortcut))])["block.add"] == ("input", "block.down")
    assert edges([("block", residual([]))]) == {"block.add": ("input", "input")}


@pytest.mark.parametrize(("join", "name"), [(Concat(), "concat"), (Add(), "add"), (Mul(), "mul")], ids=repr)
def test_parallel_keeps_the_order_of_the_paths_and_names_the_join_after_its_kind(
    join: Any, name: str
) -> None:
    paths = [[("one", ReLU())], [], [("two", ReLU()), ("three", ReLU())]]
    network = sequential("net", (4, 8, 8), [("stem", ReLU()), ("mixed", parallel(*paths, join=join))])
    assert [node.name for node in network.nodes] == [
        "stem",
        *(f"mixed.{each}" for each in ("one", "two", "three", name)),
    ]
    assert network.nodes[-1] == Node(f"mixed.{name}", join, ("mixed.one", "stem", "mixed.three"))


def test_side_leaves_the_main_path_alone() -> None:
    """旁支的节点在账上，主路读的还是旁支之前的节点；旁支不改变主路的感受野。"""
    aux = side([("pool", GlobalAvgPool()), ("conv", Conv2d(2, 1))])
    path = [("a", Conv2d(4, 3)), ("aux", aux), ("b", Conv2d(4, 3))]
    assert edges(path) == {"a": ("input",), "aux.pool": ("a",), "aux.conv": ("aux.pool",), "b": ("a",)}
    book = ledger(sequential("net", (4, 8, 8), path))
    assert (book["aux.conv"].rf, book["b"].rf) == ("all", (5, 5))
    assert book.params == 2 * (4 * 4 * 9 + 4) + (4 * 2 + 2)
    assert edges([("end", residual([("aux", side([("x", ReLU())]))]))]) == {
        "end.aux.x": ("input",),
        "end.add": ("input", "input"),
    }


def test_paths_and_blocks_nest_and_the_names_are_joined_by_dots() -> None:
    inner = residual([("conv", ReLU())])
    path: Path = [("layer1", [("0", inner), ("1", parallel([("deep", inner)], [], join=Concat()))])]
    assert edges(path) == {
        "layer1.0.conv": ("input",),
        "layer1.0.add": ("layer1.0.conv", "input"),
        "layer1.1.deep.conv": ("layer1.0.add",),
        "layer1.1.deep.add": ("layer1.1.deep.conv", "layer1.0.add"),
        "layer1.1.concat": ("layer1.1.deep.add", "layer1.0.add"),
    }


def test_a_nested_path_may_be_a_tuple_and_an_empty_path_is_a_direct_link() -> None:
    assert edges([("a", (("x", ReLU()), ("y", ReLU()))), ("none", []), ("b", ReLU())]) == {
        "a.x": ("input",),
        "a.y": ("a.x",),
        "b": ("a.y",),
    }
    assert edges([]) == {}


def test_blocks_made_from_generators_can_be_used_twice() -> None:
    """块在造好时就把路收成列表；生成器只能走一次，第二次不能变成空的。"""

    def layers(*names: str) -> Iterator[tuple[str, ReLU]]:
        return ((name, ReLU()) for name in names)

    double = residual(layers("a", "b"), layers("c"))
    assert edges((name, double) for name in ("one", "two")) == {
        "one.a": ("input",),
        "one.b": ("one.a",),
        "one.c": ("input",),
        "one.add": ("one.b", "one.c"),
        "two.a": ("one.add",),
        "two.b": ("two.a",),
        "two.c": ("one.add",),
        "two.add": ("two.b", "two.c"),
    }
    aside = side(layers("x"))
    assert edges([("one", aside), ("two", aside)]) == {"one.x": ("input",), "two.x": ("input",)}


def test_a_merge_can_be_a_step_with_one_input() -> None:
    path: Path = [("tokens", ToTokens()), ("mha", MultiheadAttention(2))]
    assert edges(path) == {"tokens": ("input",), "mha": ("tokens",)}
    assert ledger(sequential("net", (4, 8, 8), path))["mha"].output == (64, 4)


def test_any_function_of_name_and_source_is_a_block() -> None:
    def twice(name: str, source: str) -> tuple[list[Node], str]:
        return [Node(f"{name}.twice", Add(), (source, source))], f"{name}.twice"

    assert edges([("a", twice), ("b", ReLU())]) == {"a.twice": ("input", "input"), "b": ("a.twice",)}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ([("mixed", parallel([("a", ReLU())], [("a", ReLU())], join=Add()))], "mixed.a"),
        ([("block", residual([("add", ReLU())]))], "block.add"),
        ([("a", ReLU()), ("a", ReLU())], "a"),
        ([("a.b", ReLU()), ("a", [("b", ReLU())])], "a.b"),
        ([("input", ReLU())], "input"),
    ],
    ids=["two-paths", "the-join", "chain", "dots", "input"],
)
def test_colliding_names_are_reported_in_full(path: Path, name: str) -> None:
    message = rf"^`name` 应为不重复的名字，得到 {re.escape(name)}；请给这个节点另起名字。$"
    with pytest.raises(ValueError, match=message):
        sequential("net", (4, 8, 8), path)


@pytest.mark.parametrize(
    "item",
    [
        Conv2d(8, 3),
        ("conv", Conv2d),
        "conv",
        ("conv", "Conv2d"),
        ("conv", None),
        (3, ReLU()),
        ("a", ReLU(), "b"),
        ["a", ReLU()],
        ("a", 5),
    ],
    ids=repr,
)
def test_a_step_is_a_name_and_a_layer_wherever_it_stands(item: Any) -> None:
    got = re.escape(repr(item))
    message = rf'^`layers` 应为 \(名字, 层\) 的序列，得到 {got}；请写成 \("conv1", Conv2d\(64, 3\)\) 这样。$'
    for path in ([item], [("ok", ReLU()), item], [("nested", [item])]):
        with pytest.raises(TypeError, match=message):
            sequential("net", (4, 8, 8), path)
        for block in (residual, lambda path: parallel([], path, join=Add()), side):
            with pytest.raises(TypeError, match=message):  # 写下块的地方就报错
                block(path)
    with pytest.raises(TypeError, match=r"得到 'a'；"):  # 少写了一层括号
        sequential("net", (4, 8, 8), [("nested", ("a", ReLU()))])  # type: ignore[list-item]


def test_a_join_must_be_an_instance() -> None:
    with pytest.raises(TypeError, match=r"^`layer` 应为层，得到 "):
        sequential("net", (4, 8, 8), [("m", parallel([], join=Add))])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^net 的 m\.add（Add）：`inputs` 应为至少一个输入"):
        sequential("net", (4, 8, 8), [("m", parallel(join=Add()))]).shapes()


def conv(channels: int, kernel: int, stride: int = 1) -> Path:
    layer = Conv2d(channels, kernel, stride=stride, padding=kernel // 2, bias=False)
    return [("conv", layer), ("bn", BatchNorm2d())]


def triple(book: Ledger, name: str) -> tuple[Any, Any, Any]:
    row = book[name]
    return row.rf, row.jump, row.start


def both(rf: int, jump: int, start: int) -> tuple[Any, Any, Any]:
    return (rf, rf), (jump, jump), (start, start)


def test_a_small_residual_network_by_hand() -> None:
    """7/2：7；3/2：7+2×2=11，步距 4；3/1 两次：19、27；3/2：35，步距 8；3/1：35+2×8=51。

    起点每层减去补的 1（首层 3）个像素乘进入时的步距；旁路的 1×1/2 看到的仍是 27，被 51 盖住。
    """
    path: Path = [
        ("stem", Conv2d(8, 7, stride=2, padding=3)),
        ("pool", MaxPool2d(3, stride=2, padding=1)),
        ("one", residual([("a", Conv2d(8, 3, padding=1)), ("b", Conv2d(8, 3, padding=1))])),
        (
            "two",
            residual(
                [("a", Conv2d(16, 3, stride=2, padding=1)), ("b", Conv2d(16, 3, padding=1))],
                [("down", Conv2d(16, 1, stride=2))],
            ),
        ),
    ]
    book = ledger(sequential("net", (3, 64, 64), path))
    assert {row.name: triple(book, row.name) for row in book.rows} == {
        "stem": both(7, 2, -3),
        "pool": both(11, 4, -5),
        "one.a": both(19, 4, -9),
        "one.b": both(27, 4, -13),
        "one.add": both(27, 4, -13),
        "two.a": both(35, 8, -17),
        "two.b": both(51, 8, -25),
        "two.down": both(27, 8, -13),
        "two.add": both(51, 8, -25),
    }
    assert book["two.add"].output == (16, 8, 8)
    assert [row.inputs for row in book.rows][-1] == ("two.b", "two.down")
    assert book.params == sum(
        [8 * (3 * 49 + 1), 2 * 8 * (8 * 9 + 1), 16 * (8 * 9 + 1), 16 * (16 * 9 + 1), 16 * (8 + 1)]
    )
    assert book.operations["elementwise"] == 8 * 16 * 16 + 16 * 8 * 8


def test_an_inception_block_by_hand() -> None:
    """拼接的通道数相加，感受野取最大的；池化那一路是 3，5×5 那一路是 5。"""
    mixed = parallel(
        [("1x1", Conv2d(64, 1))],
        [("3x3_reduce", Conv2d(96, 1)), ("3x3", Conv2d(128, 3, padding=1))],
        [("5x5_reduce", Conv2d(16, 1)), ("5x5", Conv2d(32, 5, padding=2))],
        [("pool", MaxPool2d(3, stride=1, padding=1)), ("pool_proj", Conv2d(32, 1))],
        join=Concat(),
    )
    book = ledger(sequential("net", (192, 28, 28), [("3a", mixed)]))
    row = book["3a.concat"]
    assert row.output == (256, 28, 28)
    assert triple(book, "3a.concat") == both(5, 1, -2)
    assert triple(book, "3a.pool_proj") == both(3, 1, -1)
    assert (row.params, row.macs, dict(row.operations)) == (0, 0, {})
    weights = 192 * (64 + 96 + 16 + 32) + 96 * 128 * 9 + 16 * 32 * 25  # GoogLeNet 的 3a，论文 Table 1
    assert book.parameters == {"weight": weights, "bias": 64 + 96 + 128 + 16 + 32 + 32}
    assert book.macs == weights * 28 * 28


def excite(channels: int) -> Block:
    """SE：压成一个数、两层 1×1、乘回去。"""
    squeeze: Path = [
        ("pool", GlobalAvgPool()),
        ("fc1", Conv2d(channels // 4, 1)),
        ("relu", ReLU()),
        ("fc2", Conv2d(channels, 1)),
        ("sigmoid", Sigmoid()),
    ]
    return parallel([], squeeze, join=Mul())


def test_a_gate_sees_everything_unless_it_counts_as_a_constant() -> None:
    """门本身总是看到整个输入；乘上去以后，`gates=False` 只算主路。"""
    body: Path = [("conv", Conv2d(8, 3, padding=1)), ("se", excite(8)), ("last", Conv2d(8, 3, padding=1))]
    network = sequential("net", (8, 16, 16), [("block", residual(body))])
    strict, loose = ledger(network), ledger(network, gates=False)
    inside = [f"block.se.{name}" for name in ("pool", "fc1", "relu", "fc2", "sigmoid")]
    for book in (strict, loose):
        assert {triple(book, name) for name in inside} == {("all", None, None)}
        assert triple(book, "block.conv") == both(3, 1, -1)
        assert book["block.se.mul"].output == (8, 16, 16)
        assert book["block.se.mul"].inputs == ("block.conv", "block.se.sigmoid")
    after = ("block.se.mul", "block.last", "block.add")
    assert [triple(strict, name) for name in after] == [("all", None, None)] * 3
    assert [triple(loose, name) for name in after] == [both(3, 1, -1), both(5, 1, -2), both(5, 1, -2)]
    assert strict.params == loose.params
    assert ledger(network) == ledger(network, gates=True) != loose


def test_only_multiplication_makes_a_gate() -> None:
    """整个输入的信息是加上、拼上的，就不是系数；两个因子都看到整个输入，也没有主路可留。"""
    for join in (Add(), Concat()):
        squeeze: Path = [("pool", GlobalAvgPool()), ("same", residual([]))]
        network = sequential("net", (8, 1, 1), [("m", parallel([], squeeze, join=join))])
        assert ledger(network, gates=False).rows[-1].rf == "all"
    squares = sequential("net", (8, 9, 9), [("pool", GlobalAvgPool()), ("m", parallel([], [], join=Mul()))])
    assert ledger(squares, gates=False)["m.mul"].rf == "all"
    plain = sequential("net", (8, 9, 9), [("m", parallel([("c", Conv2d(8, 3, padding=1))], [], join=Mul()))])
    assert ledger(plain, gates=False)["m.mul"].rf == ledger(plain)["m.mul"].rf == (3, 3)


def test_statistics_over_all_positions_are_a_gate() -> None:
    """GroupNorm、对全部元素的 LayerNorm：均值与方差由整个输入算出。BatchNorm 与逐位置的 LayerNorm 不是。"""
    for norm, is_gate in [
        (GroupNorm(4), True),
        (LayerNorm(over="all"), True),
        (LayerNorm(), False),
        (BatchNorm2d(), False),
    ]:
        path: Path = [("a", Conv2d(8, 3)), ("norm", norm), ("b", Conv2d(8, 3, stride=2))]
        network = sequential("net", (3, 17, 17), path)
        strict, loose = ledger(network), ledger(network, gates=False)
        assert [strict[name].rf for name in ("a", "norm", "b")] == (
            [(3, 3), "all", "all"] if is_gate else [(3, 3), (3, 3), (5, 5)]
        )
        assert [triple(loose, name) for name in ("norm", "b")] == [both(3, 1, 0), both(5, 2, 0)]


def basic(channels: int, stride: int) -> Block:
    body: Path = [("1", conv(channels, 3, stride)), ("relu", ReLU()), ("2", conv(channels, 3))]
    return residual(body, conv(channels, 1, stride) if stride > 1 else ())


def bottleneck(first: int, second: int) -> Any:
    """步长放在第一个 1×1（2015 年的论文）或 3×3 上（torchvision）。"""

    def block(channels: int, stride: int, shortcut: bool) -> Block:
        at = (stride if first else 1, stride if second else 1)
        body: Path = [
            ("1", conv(channels, 1, at[0])),
            ("relu1", ReLU()),
            ("2", conv(channels, 3, at[1])),
            ("relu2", ReLU()),
            ("3", conv(4 * channels, 1)),
        ]
        return residual(body, conv(4 * channels, 1, stride) if shortcut else ())

    return block


def resnet(depths: tuple[int, ...], block: Any, deep: bool) -> Network:
    stages: list[tuple[str, Any]] = []
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride = 2 if stage and not index else 1
            made = block(64 << stage, stride, index == 0) if deep else block(64 << stage, stride)
            stages += [(f"layer{stage + 1}.{index}", [("body", made), ("relu", ReLU())])]
    path: Path = [
        ("stem", [*conv(64, 7, 2), ("relu", ReLU()), ("pool", MaxPool2d(3, stride=2, padding=1))]),
        *stages,
        ("avgpool", GlobalAvgPool()),
        ("flatten", Flatten()),
        ("fc", Linear(1000)),
    ]
    return sequential("resnet", IMAGE, path)


@pytest.mark.parametrize(
    ("depths", "params", "macs", "rf"),
    [((2, 2, 2, 2), 11_689_512, 1_814_073_344, 435), ((3, 4, 6, 3), 21_797_672, 3_663_761_408, 899)],
    ids=["resnet18", "resnet34"],
)
def test_resnets_of_basic_blocks(depths: tuple[int, ...], params: int, macs: int, rf: int) -> None:
    """总数与 torchvision 的相同；最后一块看到的范围以第 0 个像素为中心。"""
    book = ledger(resnet(depths, basic, deep=False))
    assert (book.params, book.macs) == (params, macs)
    last = f"layer4.{depths[-1] - 1}"
    assert book[f"{last}.relu"].output == (512, 7, 7)
    for name in (f"{last}.body.2.conv", f"{last}.body.add", f"{last}.relu"):
        assert triple(book, name) == both(rf, 32, -(rf // 2))
    assert book["avgpool"].rf == book["fc"].rf == "all"


@pytest.mark.parametrize(
    ("block", "macs", "rf"),
    [(bottleneck(0, 1), 4_089_184_256, 427), (bottleneck(1, 0), 3_857_973_248, 483)],
    ids=["stride-on-3x3", "stride-on-1x1"],
)
def test_resnet50_with_the_stride_in_either_place(block: Any, macs: int, rf: int) -> None:
    """步长放在哪里，参数一样，乘加数和感受野不一样。"""
    book = ledger(resnet((3, 4, 6, 3), block, deep=True))
    assert (book.params, book.buffers, book.macs) == (25_557_032, 53_120, macs)
    assert book.parameters == {
        "weight": 25_557_032 - 53_120 - 1000,
        "norm": 53_120,  # γ、β 与滑动平均恰好一样多
        "bias": 1000,
    }
    assert sum(book.parameters.values()) == book.params
    assert triple(book, "layer4.2.body.add") == both(rf, 32, -(rf // 2))
    assert book["layer4.2.body.add"].output == (2048, 7, 7)


def test_vit_base() -> None:
    """ViT-B/16，224×224：参数与 torchvision 的 vit_b_16 相同，乘加 17.564 G（含注意力的两个矩阵积）。"""
    encoder: Path = [
        ("attention", residual([("ln", LayerNorm()), ("mha", MultiheadAttention(12))])),
        (
            "mlp",
            residual([("ln", LayerNorm()), ("up", Linear(3072)), ("gelu", GELU()), ("down", Linear(768))]),
        ),
    ]
    path: Path = [
        ("patch", Conv2d(768, 16, stride=16)),
        ("tokens", ToTokens()),
        ("class", ClassToken()),
        ("position", PositionEmbedding()),
        *((f"encoder{layer}", encoder) for layer in range(12)),
        ("ln", LayerNorm()),
        ("select", SelectToken(0)),
        ("head", Linear(1000)),
    ]
    book = ledger(sequential("vit_b_16", IMAGE, path))
    assert book.params == 86_567_656
    assert round(book.macs / 1e9, 3) == 17.564
    assert book.operations["attention"] == 12 * 2 * 197 * 197 * 768
    assert book.parameters["embedding"] == 768 + 197 * 768
    assert triple(book, "tokens") == both(16, 16, 0)
    assert book["position"].rf is None
    assert book["position"].reason == "class：类别标记什么也不看，与别的词元不一样"
    assert book["encoder0.attention.ln"].reason == book["position"].reason
    assert book["encoder0.attention.mha"].rf == book["encoder0.attention.add"].rf == "all"
    assert (book["head"].output, book["head"].reason) == ((1000,), None)
    sizes = [
        ledger(sequential("vit", IMAGE, path), dtype=dtype).activation_bytes for dtype in ("int8", "float16")
    ]
    assert sizes[1] == 2 * sizes[0] == book.activation_bytes // 2


def test_a_path_inside_a_path_may_be_a_generator() -> None:
    path = [("stage", (step for step in [("a", ReLU()), ("b", ReLU())]))]
    assert [node.name for node in sequential("net", (3, 8, 8), path).nodes] == ["stage.a", "stage.b"]


def test_a_step_needs_a_name() -> None:
    with pytest.raises(TypeError, match=r"^`layers` 应为 \(名字, 层\) 的序列，得到 \('', "):
        sequential("net", (3, 8, 8), [("", ReLU())])


def test_a_block_used_twice_is_whole_both_times() -> None:
    """生成器只能走一次，藏在里面的也要先存下来。"""
    inner = residual([("body", (step for step in [("conv", Conv2d(3, 3, padding=1))]))])
    names = [node.name for node in sequential("net", (3, 8, 8), [("a", inner), ("b", inner)]).nodes]
    assert names == ["a.body.conv", "a.add", "b.body.conv", "b.add"]


@pytest.mark.parametrize("path", [Conv2d(3, 3), None, 5, "conv"], ids=str)
def test_a_path_is_a_sequence_of_steps(path: Any) -> None:
    for block in (residual, side, lambda path: sequential("net", (3, 8, 8), path)):
        with pytest.raises(TypeError, match=r"^`layers` 应为 \(名字, 层\) 的序列，得到 "):
            block(path)
