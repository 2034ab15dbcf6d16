"""用几行字写的网络：与 Python 写的是同一个；写错的那一行报得出来。"""

import ast
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.arch import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    sequential,
    zoo,
)
from dlnotes.arch.text import LAYERS, parse, write

TEXT = """\
# 小网络
input = (3, 32, 32)

conv1 = Conv2d(16, (3, 5), padding="same", bias=False)  # 不带偏置
BatchNorm2d()
ReLU()
pool = MaxPool2d(3, stride=2, padding=((0, 1), (1, 0)), rounding="ceil")
Flatten()
fc = Linear(
    10,
)
"""


def test_the_text_is_the_network_written_in_python() -> None:
    assert parse(TEXT, "small") == sequential(
        "small",
        (3, 32, 32),
        [
            ("conv1", Conv2d(16, (3, 5), padding="same", bias=False)),
            ("batchnorm2d5", BatchNorm2d()),
            ("relu6", ReLU()),
            ("pool", MaxPool2d(3, stride=2, padding=((0, 1), (1, 0)), rounding="ceil")),
            ("flatten8", Flatten()),
            ("fc", Linear(10)),
        ],
    )


def is_a_chain(network: Network) -> bool:
    sources = ["input", *(node.name for node in network.nodes)]
    return all(node.inputs == (source,) for node, source in zip(network.nodes, sources, strict=False))


@pytest.mark.parametrize("name", [name for name in zoo.names() if is_a_chain(zoo.load(name))])
def a_chain(name: str) -> bool:
    """首尾相接，名字都写得成 Python 的标识符。"""
    nodes = zoo.load(name).nodes
    ends = ["input", *(node.name for node in nodes)]
    chained = all(node.inputs == (end,) for node, end in zip(nodes, ends, strict=False))
    return chained and all(node.name.isidentifier() for node in nodes)


@pytest.mark.parametrize("name", list(filter(a_chain, zoo.names())))
def test_a_network_survives_writing_and_reading(name: str) -> None:
    assert parse(write(zoo.load(name)), name) == zoo.load(name)


_sizes = st.integers(1, 5) | st.tuples(st.integers(1, 5), st.integers(1, 5))
_layers = st.one_of(
    st.builds(Conv2d, st.integers(1, 9), _sizes, stride=_sizes, dilation=_sizes, bias=st.booleans()),
    st.builds(ConvTranspose2d, st.integers(1, 9), _sizes, stride=_sizes),
    st.builds(AvgPool2d, _sizes, stride=st.none() | _sizes, rounding=st.sampled_from(["floor", "ceil"])),
    st.builds(MaxPool2d, _sizes, rounding=st.sampled_from(["floor", "ceil", "ceil_caffe"])),
    st.just(ReLU()),
)


@given(st.lists(_layers, max_size=6))
def test_any_chain_survives_writing_and_reading(layers: list[Conv2d]) -> None:
    net = sequential("net", (3, 64, 64), [(f"n{i}", layer) for i, layer in enumerate(layers)])
    assert parse(write(net), "net") == net


def test_what_equals_the_default_is_not_written() -> None:
    net = sequential("one", (3, 8, 8), [("c", Conv2d(8, 3, stride=1, padding=0, bias=True))])
    assert write(net) == "input = (3, 8, 8)\nc = Conv2d(8, 3)\n"


def test_a_branching_network_cannot_be_written() -> None:
    fork = Network("fork", (3, 8, 8), (Node("a", ReLU(), ("input",)), Node("b", ReLU(), ("input",))))
    with pytest.raises(ValueError, match="首尾相接的网络，得到 fork 的 b"):
        write(fork)


def test_a_nested_name_cannot_be_written() -> None:
    net = sequential("net", (3, 8, 8), [("block", [("conv", Conv2d(3, 1))])])
    with pytest.raises(ValueError, match=r"名字不带点的节点，得到 net 的 block\.conv"):
        write(net)


def test_layers_with_several_inputs_are_not_known() -> None:
    assert "Conv2d" in LAYERS
    assert Add not in LAYERS.values()
    assert not {"Layer", "Merge", "Sliding", "Tokens"} & set(LAYERS)


HEAD = "input = (3, 8, 8)\n"
WRONG = {
    "": "`text` 应为至少一行，得到 空的",
    "# 只有注释": "`text` 应为至少一行",
    "Conv2d(3, 3)": r"`第 1 行` 应为 input = \(通道, 高, 宽\)，得到 Conv2d",
    "inputs = (3, 8, 8)": "得到 inputs = …",
    "input = 3": "得到 3；输入的形状要写在最前面",
    "input = (3, 'a', 8)": "得到 'a'",
    "input = (3, 0, 8)": "不小于 1 的整数，得到 0",
    f"{HEAD}x = 3": r"`第 2 行` 应为名字 = 层\(参数\)，得到 3",
    f"{HEAD}\nConv2d(3": r"`第 3 行` 应为名字 = 层\(参数\)，得到 Conv2d\(3；",
    f"{HEAD}Conv2d（3, 3）": "请把全角的 （） 换成半角",
    f"{HEAD}import os": "得到 import os",
    f"{HEAD}a.b = ReLU()": r"得到 a\.b = ReLU\(\)",
    f"{HEAD}ReLU": "得到 ReLU；例如",
    f"{HEAD}os.system('ls')": r"得到 os\.system\('ls'\)",
    f"{HEAD}conv3(8)": "应为认得的层，得到 conv3；请改用 Conv",
    f"{HEAD}Add()": "应为认得的层，得到 Add",
    f"{HEAD}Conv2d(3)": r"应为 Conv2d\(out_channels, kernel_size, stride",
    f"{HEAD}Conv2d(3, 3, pad=1)": "得到 Conv2d.3, 3, pad=1.；请补上缺的、去掉多的",
    f"{HEAD}Conv2d(**{{'bias': 1}})": "请补上缺的、去掉多的",
    f"{HEAD}Conv2d(n, 3)": "`第 2 行的参数` 应为数、元组或引号里的字，得到 n",
    f"{HEAD}Conv2d(2 ** 9, 3)": r"得到 2 \*\* 9；请直接写出值",
    f"{HEAD}Conv2d(8, -3)": "第 2 行的 Conv2d：`kernel_size` 应为不小于 1 的整数，得到 -3",
    f"{HEAD}a = ReLU()\na = ReLU()": "不重复的名字，得到 a",
    "\0": r"得到 '\\x00'|读不懂的内容",  # 3.11.4 起才当作语法错误
    "(" * 5000: r"得到 \({60}…",
    f"{HEAD}{'-' * 100_000}1": "一行一层的文字|第 2 行",
    f"{HEAD}Conv2d({'9' * 5000}, 3)": "第 2 行",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_mistake_is_named_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG[text]) as error:
        parse(text)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@given(st.text(alphabet="input=(3,8) CovnRLU2d\n#'\"*[]{}:;.\\\0（", max_size=60))
def test_only_a_network_or_a_mistake_comes_back(text: str) -> None:
    with suppress(ValueError):
        parse(HEAD + text)


def test_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("builtins.eval", forbidden)
    monkeypatch.setattr("builtins.exec", forbidden)
    parse(TEXT)
    with pytest.raises(ValueError, match="应为认得的层"):
        parse(f"{HEAD}eval('1')")
    assert isinstance(ast.parse(TEXT), ast.Module)
