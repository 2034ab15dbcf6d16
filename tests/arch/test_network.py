"""网络的描述：名字、引用、输入的检查。"""

from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest

from dlnotes.arch import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Network,
    Node,
    ReLU,
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
        ([("a", ("a",))], "a", "a"),
        ([("a", ("input",)), ("b", ("a", "c")), ("c", ("a",))], "b", "c"),
        ([("a", ("Input",))], "a", "Input"),
    ],
    ids=["unknown", "forward", "itself", "second-forward", "case"],
)
def test_references_point_back(nodes: list[tuple[str, tuple[str, ...]]], node: str, source: str) -> None:
    """只能引用写在前面的节点，所以网络无环。"""
    with pytest.raises(ValueError, match=rf"^`inputs` 应为写在 {node} 之前的节点，得到 {source}；.*。$"):
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


@pytest.mark.parametrize("inputs", [(), ("input", "input")], ids=["none", "two"])
def test_the_number_of_inputs_is_reported_with_the_node(inputs: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^net 的 relu（ReLU）：`inputs` 应为恰好一个输入，得到 .*。$"):
        ledger(Network("net", (3, 8, 8), (Node("relu", ReLU(), inputs),)))


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


@pytest.mark.parametrize("shape", [(), (3,), (8, 8), (1, 3, 8, 8), [3, 8, 8], "3x8x8", None, 224], ids=repr)
def test_the_input_has_three_numbers(shape: object) -> None:
    message = r"^`input` 应为 \(C, H, W\) 三个正整数，得到 .*；请写全通道数、高、宽。$"
    with pytest.raises(ValueError, match=message):
        Network("net", shape, ())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        sequential("net", shape, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (8.0, TypeError), (True, TypeError)], ids=str
)
def test_every_size_of_the_input_is_a_positive_integer(
    axis: int, value: object, error: type[Exception]
) -> None:
    shape: list[object] = [3, 8, 8]
    shape[axis] = value
    with pytest.raises(error, match=rf"^`input 的 {'CHW'[axis]}` 应为不小于 1 的整数，得到 {value}；.*。$"):
        Network("net", tuple(shape), ())  # type: ignore[arg-type]


def test_numpy_sizes_become_python_integers() -> None:
    """numpy 的整数位数有限，留在形状里会在相乘时溢出。"""
    numpy = pytest.importorskip("numpy")
    network = Network("net", (numpy.int8(3), numpy.int16(300), numpy.uint8(200)), ())
    assert network.input == (3, 300, 200)
    assert {type(size) for size in network.input} == {int}


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
    with pytest.raises(ValueError, match=r"相近的有 vgg16。$"):
        zoo.load("VGG16")
