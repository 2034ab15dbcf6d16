"""网络的描述：名字、引用、输入的检查。"""

import re
from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    Concat,
    Conv1d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Merge,
    Mul,
    MultiheadAttention,
    Network,
    Node,
    Pad,
    ReLU,
    Tokens,
    ToTokens,
    Window,
    forward,
    ledger,
    sequential,
    zoo,
)
from dlnotes.arch.layers import Layer
from dlnotes.arch.network import INPUT


def chain(*nodes: tuple[str, tuple[str, ...]]) -> Network:
    return Network("net", (3, 8, 8), tuple(Node(name, ReLU(), inputs) for name, inputs in nodes))


def test_sequential_chains_the_layers_in_order() -> None:
    layers: list[tuple[str, Layer]] = [
        ("conv", Conv2d(4, 3)),
        ("pool", MaxPool2d(2)),
        ("flat", Flatten()),
        ("fc", Linear(2)),
    ]
    network = sequential("tiny", (3, 8, 8), iter(layers))
    assert (network.name, network.input) == ("tiny", (3, 8, 8))
    assert [(node.name, node.layer) for node in network.nodes] == layers
    assert network.nodes[0].inputs == (INPUT,) == ("input",)
    assert all(later.inputs == (earlier.name,) for earlier, later in pairwise(network.nodes))
    assert sequential("empty", (1, 1, 1), []).nodes == ()


def test_a_network_does_not_change() -> None:
    network = chain(("a", ("input",)))
    with pytest.raises(FrozenInstanceError):
        network.name = "other"  # type: ignore[misc]
    assert network == chain(("a", ("input",)))
    assert hash(network) == hash(chain(("a", ("input",))))


@pytest.mark.parametrize(
    ("nodes", "name"),
    [
        ([("a", ("input",)), ("a", ("a",))], "a"),
        ([("a", ("input",)), ("b", ("a",)), ("a", ("b",))], "a"),
        ([("input", ("input",))], "input"),
    ],
    ids=["next", "later", "input"],
)
def test_duplicate_names(nodes: list[tuple[str, tuple[str, ...]]], name: str) -> None:
    with pytest.raises(ValueError, match=rf"^`name` 应为不重复的名字，得到 {name}；请给这个节点另起名字。$"):
        chain(*nodes)


@pytest.mark.parametrize(
    ("nodes", "node", "source"),
    [
        ([("a", ("x",))], "a", "x"),
        ([("a", ("b",)), ("b", ("input",))], "a", "b"),
        ([("a", ("input",)), ("b", ("a", "c")), ("c", ("a",))], "b", "c"),
        ([("a", ("Input",))], "a", "Input"),
    ],
    ids=["unknown", "forward", "second-forward", "case"],
)
def test_references_point_back(nodes: list[tuple[str, tuple[str, ...]]], node: str, source: str) -> None:
    """没有成环，只是名字写错或次序写反：报出是哪个节点引用了谁。"""
    with pytest.raises(ValueError, match=rf"^`inputs` 应为写在 {node} 之前的节点，得到 {source}；.*。$"):
        chain(*nodes)


@pytest.mark.parametrize(
    ("nodes", "cycle"),
    [
        ([("a", ("a",))], ["a"]),
        ([("a", ("input",)), ("b", ("a", "b"))], ["b"]),
        ([("a", ("b",)), ("b", ("a",))], ["a", "b"]),
        ([("a", ("input", "c")), ("b", ("a",)), ("c", ("b",)), ("d", ("c",))], ["a", "b", "c"]),
        ([("x", ("y",)), ("y", ("input",)), ("a", ("b", "y")), ("b", ("a",))], ["a", "b"]),
    ],
    ids=["itself", "itself-second", "pair", "long", "elsewhere"],
)
def test_cycles_are_named_in_the_order_of_computation(
    nodes: list[tuple[str, tuple[str, ...]]], cycle: list[str]
) -> None:
    """`a → b → a`：b 读 a，a 又读 b；从环上的哪一个说起都行。"""
    turns = [[*cycle[turn:], *cycle[:turn]] for turn in range(len(cycle))]
    wordings = "|".join(" → ".join([*turn, turn[0]]) for turn in turns)
    with pytest.raises(
        ValueError, match=rf"^`inputs` 应为不成环的连接，得到 ({wordings})；请断开其中一处。$"
    ):
        chain(*nodes)


def test_a_node_may_read_any_earlier_node() -> None:
    """两个分支都从 stem 读，账本各按自己的来源算，不按书写的前一个算。"""
    network = Network(
        "fork",
        (3, 9, 9),
        (
            Node("stem", Conv2d(4, 3), ("input",)),
            Node("left", Conv2d(2, 5), ("stem",)),
            Node("right", MaxPool2d(7), ("stem",)),
            Node("again", ReLU(), ("input",)),
        ),
    )
    book = ledger(network)
    assert book["left"].output == (2, 3, 3)
    assert book["right"].output == (4, 1, 1)
    assert book["again"].output == (3, 9, 9)
    assert book["left"].rf == (7, 7)
    assert book["right"].rf == (9, 9)
    assert book["again"].rf == (1, 1)
    assert book["left"].params == 2 * (4 * 25 + 1)


@pytest.mark.parametrize(
    "layer", [ReLU(), Add(), Concat(), Mul(), MultiheadAttention(1)], ids=lambda x: type(x).__name__
)
def test_every_node_needs_an_input(layer: Layer | Merge) -> None:
    op = type(layer).__name__
    message = rf"^net 的 node（{op}）：`inputs` 应为至少一个输入，得到 \(\)；网络的输入写作 input。$"
    with pytest.raises(ValueError, match=message):
        Network("net", (3, 8, 8), (Node("node", layer, ()),)).shapes()


@pytest.mark.parametrize("inputs", [("input", "input"), ("a", "input"), ("input", "a", "a")], ids="-".join)
def test_a_layer_takes_one_input(inputs: tuple[str, ...]) -> None:
    network = Network("net", (3, 8, 8), (Node("a", ReLU(), ("input",)), Node("conv", Conv2d(2, 1), inputs)))
    listed = re.escape(
        f"net 的 conv（Conv2d，输入是 {'、'.join(inputs)}）：`inputs` 应为恰好一个输入，得到 {inputs}；"
    )
    with pytest.raises(ValueError, match=rf"^{listed}.*相加或拼接。$"):
        ledger(network)


def test_attention_takes_one_to_three_inputs() -> None:
    def attend(count: int) -> Network:
        return Network("net", Tokens((5, 8)), (Node("mha", MultiheadAttention(2), ("input",) * count),))

    for count in (1, 2, 3):
        assert attend(count).shapes()["mha"] == (5, 8)
    with pytest.raises(
        ValueError, match=r"^net 的 mha（MultiheadAttention，输入是 .*）：`inputs` 应为一到三个输入"
    ):
        attend(4).shapes()


def test_shapes_that_do_not_meet_are_reported_with_the_branches() -> None:
    """网络、节点、层的种类、各输入的名字、各自的形状，都在一句里。"""
    left, right = Node("left", Conv2d(4, 1), ("input",)), Node("right", Conv2d(5, 3, stride=2), ("input",))
    branches = "输入是 left、right"
    shapes = r"\(4, 9, 9\) 与 \(5, 4, 4\)"
    for join, expected in [
        (Add(), "全部相同的形状"),
        (Concat(), "除通道外全部相同的形状"),
        (Mul(), "全部相同、或有的轴为 1 的形状"),
    ]:
        network = Network("net", (3, 9, 9), (left, right, Node("join", join, ("left", "right"))))
        op = type(join).__name__
        message = (
            rf"^net 的 join（{op}，{branches}）：`shape` 应为{expected}，得到 {shapes}；请检查各分支的.*。$"
        )
        with pytest.raises(ValueError, match=message):
            network.shapes()


def test_the_channels_must_meet_too() -> None:
    """大小一样、只有通道数不同：相加、相乘不行，拼接可以。"""
    left, right = Node("left", Conv2d(4, 1), ("input",)), Node("right", Conv2d(5, 1), ("input",))

    def joined(join: Merge) -> Network:
        return Network("net", (3, 9, 9), (left, right, Node("join", join, ("left", "right"))))

    for join in (Add(), Mul()):
        got = r"得到 \(4, 9, 9\) 与 \(5, 9, 9\)；"
        with pytest.raises(
            ValueError, match=rf"^net 的 join（{type(join).__name__}，输入是 left、right）：.*{got}"
        ):
            joined(join).shapes()
    assert joined(Concat()).shapes()["join"] == (9, 9, 9)


@pytest.mark.parametrize("join", [Add(), Mul(), Concat()], ids=repr)
def test_words_and_signals_do_not_meet_even_with_equal_numbers(join: Merge) -> None:
    """8 个词、每个 8 维，与 8 个通道、长 8 的信号：数一样，轴的意思不同。"""
    nodes = (Node("words", ToTokens(), ("input",)), Node("join", join, ("words", "input")))
    with pytest.raises(ValueError, match=r"^net 的 join（.*，输入是 words、input）：`shape` 应为"):
        Network("net", (8, 8), nodes).shapes()


def test_rounding_up_does_not_add_to_the_same_size() -> None:
    for rounding in ("floor", "ceil", "ceil_caffe"):
        pool = MaxPool2d(1, stride=2, padding="same", rounding=rounding)  # type: ignore[arg-type]
        assert sequential("net", (1, 2, 5), [("pool", pool)]).shapes()["pool"] == (1, 1, 3)


def test_one_input_is_not_listed() -> None:
    network = Network("net", (3, 9, 9), (Node("conv", Conv2d(4, 3, groups=2), ("input",)),))
    with pytest.raises(ValueError, match=r"^net 的 conv（Conv2d）：`groups` 应为"):
        network.shapes()


def test_a_node_wants_a_name_a_layer_and_a_tuple() -> None:
    for name in ("", None, 3):
        with pytest.raises(TypeError, match=rf"^`name` 应为非空的字符串，得到 {name!r}；请给节点起名字。$"):
            Node(name, ReLU(), ("input",))  # type: ignore[arg-type]
    for layer in (ReLU, Add, None, "ReLU"):
        with pytest.raises(TypeError, match=rf"^`layer` 应为层，得到 a 的 {re.escape(repr(layer))}；"):
            Node("a", layer, ("input",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`inputs` 应为节点名的元组，得到 'input'；请写成 \('input',\)。$"):
        Node("a", ReLU(), "input")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`inputs` 应为节点名的元组，得到 \['input'\]；请换成元组。$"):
        Node("a", ReLU(), ["input"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`nodes` 应为 Node 的序列，得到 ReLU\(\)；"):
        Network("net", (3, 8, 8), (ReLU(),))  # type: ignore[arg-type]
    assert Node("a", Add(), ("input", "input")).op == "Add"


def test_nodes_may_come_from_a_generator() -> None:
    network = Network("net", (3, 8, 8), (Node(name, ReLU(), ("input",)) for name in "ab"))  # type: ignore[arg-type]
    assert [node.name for node in network.nodes] == ["a", "b"]
    assert list(network.shapes()) == ["input", "a", "b"]


def test_windows_take_the_size_that_reaches_each_branch() -> None:
    """`padding="same"` 的窗口随到达它的大小而变：9 与 8 补的不同。"""
    same = Conv2d(2, 3, stride=2, padding="same")
    nodes = (
        Node("odd", same, ("input",)),
        Node("crop", Pad(((0, 1), (0, 0))), ("input",)),
        Node("even", same, ("crop",)),
        Node("add", Add(), ("odd", "even")),
    )
    network = Network("net", (1, 9, 8), nodes)
    assert network.windows() == {"odd": Window(3, 2, 1), "even": Window(3, 2, (0, 1))}
    assert network.windows(1) == {"odd": Window(3, 2, (0, 1)), "even": Window(3, 2, (0, 1))}
    dilated = Conv2d(1, (3, 2), stride=2, padding="same", dilation=(3, 2))
    wide = Network("net", (1, 9, 8), (Node("conv", dilated, ("input",)),))
    assert (wide.windows()["conv"], wide.windows(1)["conv"]) == (Window(3, 2, 3, 3), Window(2, 2, (0, 1), 2))
    signal = Network("net", (4, 10), (Node("conv", Conv1d(2, 3, stride=2), ("input",)),))
    assert signal.windows() == {"conv": Window(3, 2)}


def test_uneven_padding_is_written_per_axis_and_per_end() -> None:
    uneven = Conv2d(2, 9, padding=((1, 2), (3, 3)))
    network = Network("net", (1, 6, 6), (Node("conv", uneven, ("input",)),))
    assert (network.windows()["conv"].ends, network.windows(1)["conv"].ends) == ((1, 2), (3, 3))
    assert network.shapes()["conv"] == (2, 1, 4)
    for shape, size in [((1, 5, 6), "5×6"), ((1, 6, 2), "6×2")]:
        message = rf"^net 的 conv（Conv2d）：窗口 9×9 大于到达它的 {size}（前后补 1\+2、3\+3）；.*。$"
        with pytest.raises(ValueError, match=message):
            network.shapes(shape)


@pytest.mark.parametrize(
    ("padding", "wording"),
    [
        (((1, 2),), r"`padding` 应为 2 个元组 \(前, 后\)，得到 \(\(1, 2\),\)；"),
        (
            ((1, 2), (1, 2), (0, 1)),
            r"`padding` 应为 2 个元组 \(前, 后\)，得到 \(\(1, 2\), \(1, 2\), \(0, 1\)\)；",
        ),
        (((1, 2), 1), r"`padding` 应为 2 个元组 \(前, 后\)，得到 \(\(1, 2\), 1\)；"),
        (((0, 0), (1, -1)), r"`padding\[1\]\[1\]` 应为不小于 0 的整数，得到 -1"),
        (-1, r"`padding` 应为不小于 0 的整数，得到 -1"),
        ((0, -1), r"`padding\[1\]` 应为不小于 0 的整数，得到 -1"),
        ("valid", r"`padding` 应为非负整数、各方向的元组或 \"same\"，得到 'valid'；不补零请写 0"),
    ],
    ids=["one-pair", "three-pairs", "half-pairs", "negative-end", "negative", "negative-axis", "name"],
)
def test_bad_padding_of_a_sliding_window(padding: object, wording: str) -> None:
    """卷积层不裁：负的补零只有 `Pad` 用得到。"""
    with pytest.raises(ValueError, match=f"^{wording}"):
        Conv2d(2, 3, padding=padding)  # type: ignore[arg-type]


def test_another_input_replaces_the_default() -> None:
    network = Network("net", (3, 9, 9), (Node("conv", Conv2d(4, 3), ("input",)),))
    assert network.shapes((1, 5, 6)) == {"input": (1, 5, 6), "conv": (4, 3, 4)}
    assert network.shapes() == {"input": (3, 9, 9), "conv": (4, 7, 7)}
    with pytest.raises(ValueError, match=r"^`input` 应为 \(C, H, W\) 三个正整数，得到 9；"):
        network.shapes(9)  # type: ignore[arg-type]


def test_windows_of_the_layers_that_slide() -> None:
    """按计算的次序给出每个卷积、池化的窗口；别的层不在其中。"""
    layers: list[tuple[str, Layer]] = [
        ("conv", Conv2d(4, (3, 5), stride=(2, 1), padding=(1, 0), dilation=(1, 2))),
        ("relu", ReLU()),
        ("max", MaxPool2d((2, 3))),
        ("mean", AvgPool2d(2, stride=1)),
        ("adaptive", AdaptiveAvgPool2d(1)),
        ("flat", Flatten()),
        ("fc", Linear(2)),
    ]
    network = sequential("net", (3, 32, 32), layers)
    rows = {"conv": Window(3, 2, 1, 1), "max": Window(2, 2), "mean": Window(2, 1)}
    columns = {"conv": Window(5, 1, 0, 2), "max": Window(3, 3), "mean": Window(2, 1)}
    assert list(network.windows().items()) == list(network.windows(0).items()) == list(rows.items())
    assert list(network.windows(1).items()) == list(columns.items())
    book = ledger(network)
    assert book["mean"].rf == (forward(rows.values()).rf, forward(columns.values()).rf)


@pytest.mark.parametrize(
    ("axis", "error"), [(2, ValueError), (-1, ValueError), (0.0, TypeError), (True, TypeError)], ids=repr
)
def test_there_are_two_axes(axis: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^`axis` 应为.*。$"):
        chain(("a", ("input",))).windows(axis)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(), (1, 3, 8, 8), [3, 8, 8], "3x8x8", None, 224], ids=repr)
def test_the_input_has_one_to_three_numbers(shape: object) -> None:
    got = re.escape(repr(shape))
    message = rf"^`input` 应为 \(C, H, W\) 三个正整数，得到 {got}；请写全通道数、高、宽（信号是 \(C, L\)）。$"
    with pytest.raises(ValueError, match=message):
        Network("net", shape, ())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        sequential("net", shape, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 8), (3,), Tokens((5, 8)), Tokens((2, 3, 8))], ids=str)
def test_images_signals_vectors_and_tokens_are_inputs(shape: tuple[int, ...]) -> None:
    network = Network("net", shape, (Node("relu", ReLU(), ("input",)),))
    assert network.input == shape
    assert type(network.input) is type(shape)
    assert type(network.shapes()["relu"]) is type(shape)
    assert type(Network("net", (1, 1, 1), ()).shapes(shape)["input"]) is type(shape)
    (row,) = ledger(network).rows
    axes = 2 if len(shape) == 3 else 1  # 向量的每个元素也算一个位置
    assert (row.rf, row.jump, row.start) == ((1,) * axes, (1,) * axes, (0,) * axes)


@pytest.mark.parametrize("shape", ["CHW", "CL", "F"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (8.0, TypeError), (True, TypeError)], ids=str
)
def test_every_size_of_the_input_is_a_positive_integer(
    shape: str, value: object, error: type[Exception]
) -> None:
    for axis, letter in enumerate(shape):
        sizes: list[object] = [3, 8, 8][: len(shape)]
        sizes[axis] = value
        with pytest.raises(error, match=rf"^`input 的 {letter}` 应为不小于 1 的整数，得到 {value}；.*。$"):
            Network("net", tuple(sizes), ())  # type: ignore[arg-type]
        if len(shape) == 1:
            continue  # 词至少有两轴
        with pytest.raises(error, match=rf"^`input\[{axis}\]` 应为不小于 1 的整数，得到 {value}；.*。$"):
            Network("net", Tokens(sizes), ())  # type: ignore[arg-type]


def test_numpy_sizes_become_python_integers() -> None:
    """numpy 的整数位数有限，留在形状里会在相乘时溢出。"""
    numpy = pytest.importorskip("numpy")
    network = Network("net", (numpy.int8(3), numpy.int16(300), numpy.uint8(200)), ())
    assert network.input == (3, 300, 200)
    assert {type(size) for size in network.input} == {int}
    tokens = Network("net", Tokens((numpy.int8(5), numpy.uint8(200))), ()).input
    assert tokens == (5, 200)
    assert {type(size) for size in tokens} == {int}


def test_what_a_stranger_writes_first() -> None:
    """名字当网络、裸的层、类而不是层：各报一句，说清怎么改。"""
    with pytest.raises(TypeError, match=r"^`network` 应为 Network，得到 'vgg16'；.*zoo\.load"):
        ledger("vgg16")  # type: ignore[arg-type]
    for item in (Conv2d(8, 3), ("conv", Conv2d), "conv"):
        with pytest.raises(TypeError, match=r"^`layers` 应为 \(名字, 层\) 的序列，得到 "):
            sequential("n", (3, 8, 8), [item])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"^`inputs` 应为节点名的元组，得到 'input'；"):
        Network("n", (3, 8, 8), (Node("a", Conv2d(8, 3), "input"),))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^`name` 应为已有的网络名，得到 None；"):
        zoo.load(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"相近的有 vgg16、"):
        zoo.load("VGG16")


def signal() -> Network:
    return Network("signal", (4, 16), (Node("conv", Conv1d(2, 3), ("input",)),))


def test_a_signal_has_only_one_axis() -> None:
    assert signal().windows(0) == {"conv": Window(3)}
    with pytest.raises(ValueError, match=r"^`axis` 应为 0，得到 1；这个网络里有一维的层，没有宽。$"):
        signal().windows(1)
    assert ledger(signal()).columns({"rf": "rf"}, axis=0) == {"rf": [3]}
    with pytest.raises(ValueError, match=r"^`axis` 应为 0 或 None，得到 1；conv 只有一个方向。$"):
        ledger(signal()).columns({"rf": "rf"}, axis=1)


def test_words_need_a_position_and_a_width() -> None:
    with pytest.raises(ValueError, match=r"^`input` 应为词元 \(T, D\)，得到 Tokens\(\(8,\)\)；"):
        Network("net", Tokens((8,)), ())


def test_inputs_are_names() -> None:
    for inputs in [([],), (1,), (None,)]:
        with pytest.raises(TypeError, match=r"^`inputs` 应为节点名的元组，得到 "):
            Node("relu", ReLU(), inputs)  # type: ignore[arg-type]
