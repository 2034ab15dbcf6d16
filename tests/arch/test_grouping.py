"""把行并成段：与逐行相加的数比。"""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.arch import (
    Add,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Ledger,
    Linear,
    Network,
    Node,
    ReLU,
    Upsample,
    ledger,
    residual,
    sequential,
    zoo,
)


def book() -> Ledger:
    def block(stride: int) -> Any:
        body = [("conv1", Conv2d(4, 3, stride=stride, padding=1)), ("bn1", BatchNorm2d()), ("relu1", ReLU())]
        return [("body", residual(body, [("conv", Conv2d(4, 1, stride=stride))])), ("relu", ReLU())]

    stages = [("layer1", [("0", block(1)), ("1", block(1))]), ("layer2", [("0", block(2))])]
    stem, head = ("stem", Conv2d(4, 3, padding=1)), [("flat", Flatten()), ("fc", Linear(5))]
    return ledger(sequential("net", (3, 8, 8), [stem, *stages, *head]))


def test_groups_by_hand() -> None:
    net = book()
    stem, first, second, flat, fc = net.grouped()
    assert [each.name for each in net.grouped()] == ["stem", "layer1", "layer2", "flat", "fc"]
    assert [each.layers for each in net.grouped()] == [1, 12, 6, 1, 1]
    assert [each.op for each in net.grouped()] == ["Conv2d", "Group", "Group", "Flatten", "Linear"]
    assert first.params == 2 * ((4 * 4 * 9 + 4) + 8 + (4 * 4 + 4))
    assert (first.buffers, second.buffers, stem.buffers) == (16, 8, 0)
    assert (first.output, second.output, fc.output) == ((4, 8, 8), (4, 4, 4), (5,))
    assert (first.rf, first.jump, first.start) == ((7, 7), (1, 1), (-3, -3))
    assert (second.rf, second.jump, second.start, second.centre) == ((9, 9), (2, 2), (-4, -4), (0, 0))
    assert (flat.rf, flat.centre, flat.reason) == ("all", None, None)
    assert (stem.inputs, first.inputs, second.inputs) == (("input",), ("stem",), ("layer1.1.relu",))
    assert first.parameters == {"weight": 2 * (144 + 16), "bias": 16, "norm": 16}
    assert first.operations["elementwise"] == 2 * 4 * 8 * 8
    names = ["stem", "layer1.0", "layer1.1", "layer2.0", "flat", "fc"]
    assert [each.name for each in net.grouped(2)] == names
    deep = net.grouped(9)
    assert [(each.name, each.layers, each.op) for each in deep] == [(row.name, 1, row.op) for row in net.rows]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_groups_add_up_to_the_whole(depth: int) -> None:
    for net in (book(), ledger(zoo.load("vgg16"), batch=3)):
        groups = net.grouped(depth)
        for name in ("params", "macs", "activation_bytes", "buffers"):
            assert sum(getattr(each, name) for each in groups) == getattr(net, name)
        assert sum(each.saved_bytes for each in groups) + net.saved_input_bytes == net.saved_bytes
        assert sum(each.layers for each in groups) == len(net.rows)


def test_only_neighbours_are_merged() -> None:
    nodes = [Node(name, ReLU(), ("input",)) for name in ("a.1", "a.2", "b", "a.3")]
    groups = ledger(Network("net", (1, 2, 2), (*nodes, Node("ab", Add(), ("a.3", "b"))))).grouped()
    assert [(each.name, each.layers) for each in groups] == [("a", 2), ("b", 1), ("a", 1), ("ab", 1)]
    assert groups[-1].inputs == ("a.3", "b")


def test_a_field_that_cannot_be_given_has_its_reason() -> None:
    path: Any = [("up", [("conv", Conv2d(2, 3)), ("up", Upsample(2))])]
    (only,) = ledger(sequential("net", (1, 8, 8), path)).grouped()
    assert (only.rf, only.jump, only.start, only.centre) == (None, None, None, None)
    assert only.reason is not None
    assert only.reason.startswith("up.up：")


@given(st.lists(st.text("ab.", min_size=1, max_size=5), unique=True, max_size=12), st.integers(1, 3))
def test_names_of_any_shape_are_cut_at_the_dots(names: list[str], depth: int) -> None:
    net = ledger(sequential("net", (1, 2, 2), [(name, ReLU()) for name in names]))
    expected = [key for key, _ in groupby(name.split(".")[:depth] for name in names)]
    assert [each.name.split(".") for each in net.grouped(depth)] == expected


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, None], ids=repr)
def test_depth_is_a_positive_integer(depth: Any) -> None:
    error = ValueError if type(depth) is int else TypeError
    with pytest.raises(error, match=r"^`depth` 应为不小于 1 的整数"):
        book().grouped(depth)
