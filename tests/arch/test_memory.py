"""激活内存：训练时留着的与 PyTorch 实测的比；推理的峰值与另写的枚举比。"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.arch import (
    ELU,
    GELU,
    RBF,
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    ChannelShuffle,
    ClassToken,
    Concat,
    Conv1d,
    Conv2d,
    ConvMap2d,
    ConvTranspose2d,
    Crop,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    Hardsigmoid,
    Hardswish,
    Identity,
    LayerNorm,
    LeakyReLU,
    Ledger,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Mish,
    Mul,
    MultiheadAttention,
    Network,
    Node,
    Pad,
    PatchMerging,
    PositionEmbedding,
    PReLU,
    ReLU,
    ReLU6,
    Scale,
    SelectToken,
    Sigmoid,
    SiLU,
    Softmax,
    Split,
    StochasticDepth,
    Tanh,
    ToImage,
    Tokens,
    ToTokens,
    Upsample,
    WindowAttention,
    layers,
    ledger,
    residual,
    sequential,
    zoo,
)
from dlnotes.arch.layers import Layer, Merge
from dlnotes.arch.memory import peak_bytes, saved_bytes
from dlnotes.arch.onnx import layers as graph

ORACLES = Path(__file__).parents[1] / "oracles"
ORACLE: Any = json.loads((ORACLES / "saved.json").read_text(encoding="utf-8"))
BATCH = 2  # 实测时的批量

MEASURED: dict[str, tuple[Layer | Merge, int]] = {
    "ReLU": (ReLU(), 1),
    "ReLU6": (ReLU6(), 1),
    "LeakyReLU": (LeakyReLU(), 1),
    "ELU": (ELU(), 1),
    "Sigmoid": (Sigmoid(), 1),
    "Tanh": (Tanh(), 1),
    "Hardsigmoid": (Hardsigmoid(), 1),
    "Hardswish": (Hardswish(), 1),
    "SiLU": (SiLU(), 1),
    "Mish": (Mish(), 1),
    "GELU": (GELU(), 1),
    "PReLU": (PReLU(), 1),
    "Identity": (Identity(), 1),
    "Dropout": (Dropout(), 1),
    "Flatten": (Flatten(), 1),
    "Dropout(0)": (Dropout(0), 1),
    "StochasticDepth": (StochasticDepth(0.5), 1),
    "StochasticDepth(0)": (StochasticDepth(0), 1),
    "Softmax": (Softmax(), 1),
    "Conv2d": (Conv2d(4, 3), 1),
    "Conv2d same, even kernel": (Conv2d(4, 2, padding="same"), 1),
    "Conv1d": (Conv1d(4, 3), 1),
    "one convolution per connection": (ConvMap2d(((0, 1), (1, 2, 7)), 3), 1),
    "ConvTranspose2d": (ConvTranspose2d(4, 2, stride=2), 1),
    "Linear": (Linear(4), 1),
    "Linear on tokens": (Linear(4), 1),
    "squared distances to templates": (RBF(3), 1),
    "times a parameter per channel": (Scale(), 1),
    "times and plus a parameter per channel": (Scale(bias=True), 1),
    "BatchNorm2d": (BatchNorm2d(), 1),
    "BatchNorm1d": (BatchNorm1d(), 1),
    "LayerNorm on tokens": (LayerNorm(), 1),
    "LayerNorm on channels": (LayerNorm(), 1),
    "LayerNorm over all": (LayerNorm(over="all"), 1),
    "GroupNorm": (GroupNorm(2), 1),
    "LocalResponseNorm(3)": (LocalResponseNorm(3), 1),
    "LocalResponseNorm(4)": (LocalResponseNorm(4), 1),
    "LocalResponseNorm(5)": (LocalResponseNorm(5), 1),
    "MaxPool2d": (MaxPool2d(3, stride=2, padding=1), 1),
    "AvgPool2d": (AvgPool2d(2), 1),
    "AdaptiveAvgPool2d(2)": (AdaptiveAvgPool2d(2), 1),
    "AdaptiveAvgPool2d(1)": (AdaptiveAvgPool2d(1), 1),
    "AdaptiveMaxPool2d(1)": (graph.GlobalMaxPool(), 1),
    "mean over tokens": (GlobalAvgPool(), 1),
    "ChannelShuffle": (ChannelShuffle(2), 1),
    "chunk": (Split(2, index=1), 1),
    "ZeroPad2d": (Pad(1), 1),
    "Upsample": (Upsample(2), 1),
    "Upsample bilinear": (Upsample(2, mode="bilinear"), 1),
    "flatten(2).transpose(1, 2)": (ToTokens(), 1),
    "permute(0, 2, 3, 1)": (ToTokens(grid=True), 1),
    "permute(0, 3, 1, 2)": (ToImage(), 1),
    "x[:, :, :6, :6]": (Crop(), 2),
    "x[:, 0]": (SelectToken(), 1),
    "cat with a class token": (ClassToken(), 1),
    "plus a position embedding": (PositionEmbedding(), 1),
    "x + x": (Add(), 2),
    "x * x": (Mul(), 2),
    "cat([x, x])": (Concat(), 2),
    "x * x * x * x": (Mul(), 4),
    "MultiheadAttention, need_weights=False": (MultiheadAttention(2), 1),
    "PatchMerging": (PatchMerging(), 1),
    "PatchMerging, odd": (PatchMerging(), 1),
    "ShiftedWindowAttention": (WindowAttention(2, 3), 1),
    "ShiftedWindowAttention, shifted": (WindowAttention(2, 3, shift_size=1), 1),
    "ShiftedWindowAttention, padded": (WindowAttention(2, 3), 1),
    "ShiftedWindowAttention, one window": (WindowAttention(2, 6, shift_size=3), 1),
    "ShiftedWindowAttention, one head": (WindowAttention(1, 3), 1),
    "Embedding": (Embedding(10, 4), 1),
    "reshape": (graph.Reshape((2, 4, 36)), 1),
    "transpose(2, 3)": (graph.Transpose((0, 2, 1)), 1),
    "x[:, :, 1:5:2]": (graph.Slice(1, 1, 5, 2), 1),
    "x[:, :, 0]": (graph.Select(1, 0), 1),
    "cat([x, x]) along tokens": (graph.Join(0), 2),
    "x[:, :, index]": (graph.Take(1, (3,)), 1),
    "expand": (graph.Expand((8, 4, 4)), 1),
    "pad every axis": (graph.PadAxes(((1, 0), (-1, 2), (0, 1))), 1),
    "einsum": (graph.Einsum("chw,cwk->chk"), 2),
    "pixel_shuffle": (graph.DepthToSpace(2), 1),
    "pixel_unshuffle": (graph.SpaceToDepth(2), 1),
    "interpolate to (4, 7)": (graph.Resize((4, 7)), 1),
    "interpolate to (4, 7), bilinear": (graph.Resize((4, 7), mode="linear"), 1),
    **{
        kind.lower(): (graph.Pointwise(kind), 1)
        for kind in ("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Log", "Neg", "Reciprocal", "Round")
    },
    **{
        kind.lower(): (graph.Pointwise(kind), 1)
        for kind in ("Sign", "Sin", "Sqrt", "Tan", "Celu", "Selu", "Softplus", "Softsign")
    },
    "clamp": (graph.Pointwise("Clip"), 1),
    "hardshrink": (graph.Pointwise("Shrink"), 1),
    "threshold": (graph.Pointwise("ThresholdedRelu"), 1),
    "x + parameter": (graph.WithConstant("Add", (8, 1, 1), size=8), 1),
    "x - parameter": (graph.WithConstant("Sub", (8, 1, 1), size=8), 1),
    "x * parameter": (graph.WithConstant("Mul", (8, 1, 1), size=8), 1),
    "x / parameter": (graph.WithConstant("Div", (8, 1, 1), size=8), 1),
    "x + constant": (graph.WithConstant("Add", (8, 1, 1)), 1),
    "x - constant": (graph.WithConstant("Sub", (8, 1, 1)), 1),
    "x * constant": (graph.WithConstant("Mul", (8, 1, 1)), 1),
    "x / constant": (graph.WithConstant("Div", (8, 1, 1)), 1),
    "maximum(x, constant)": (graph.WithConstant("Max", (8, 1, 1)), 1),
    "x * 2": (graph.WithConstant("Mul", ()), 1),
    "x ** 2": (graph.WithConstant("Pow", ()), 1),
    "x - x": (graph.Elementwise("Sub"), 2),
    "x / x": (graph.Elementwise("Div"), 2),
    "maximum(x, x)": (graph.Elementwise("Max"), 2),
    "pow(x, x)": (graph.Elementwise("Pow"), 2),
    "matmul": (graph.MatMul(), 2),
    "sum": (graph.Reduce("ReduceSum", (1, 2), keepdims=False), 1),
    "mean": (graph.Reduce("ReduceMean", (1, 2), keepdims=False), 1),
    "amax": (graph.Reduce("ReduceMax", (1, 2), keepdims=False), 1),
    "amin": (graph.Reduce("ReduceMin", (1, 2), keepdims=False), 1),
    "abs, sum": (graph.Reduce("ReduceL1", (1, 2), keepdims=False), 1),
    "square, sum": (graph.Reduce("ReduceSumSquare", (1, 2), keepdims=False), 1),
    "sum, log": (graph.Reduce("ReduceLogSum", (1, 2), keepdims=False), 1),
    "logsumexp": (graph.Reduce("ReduceLogSumExp", (1, 2), keepdims=False), 1),
    "norm": (graph.Reduce("ReduceL2", (1, 2), keepdims=False), 1),
    "prod": (graph.Reduce("ReduceProd", (1,), keepdims=False), 1),
}
ON_TOKENS = {(5, 8), (6, 6), (6, 6, 8), (5, 5, 8)}  # 参照里这几种形状是词元


@pytest.mark.parametrize("case", MEASURED)
def test_every_layer_keeps_what_autograd_was_seen_to_keep(case: str) -> None:
    layer, inputs = MEASURED[case]
    shape, *measured = ORACLE["layers"][case]
    given = Tokens(shape) if tuple(shape) in ON_TOKENS else tuple(shape)
    rules: Any = layer
    saved = rules.saved([given] * inputs if isinstance(layer, Merge) else given)
    numbers = 4 * (BATCH * saved.numbers + saved.shared)
    found = [saved.inputs, saved.output, saved.view, numbers, 8 * BATCH * saved.indices]
    if case.startswith("MultiheadAttention"):  # PyTorch 先把输入转置成新的一张，再留它，大小相同
        assert measured[:3] == [False, False, False]
        found = [False, False, False, numbers + 4 * BATCH * 5 * 8, 0]
    assert found == measured


WRAPPED = {"Shared", "Unknown"}
"""`Shared` 照它包着的层；不认识的算子当作要留输入。"""


def test_every_measured_case_is_compared_and_every_kind_of_layer_is_measured() -> None:
    """新添一种层而没有写明反向要什么，这里就会报出它的名字。"""
    assert set(MEASURED) == set(ORACLE["layers"])
    kinds = {kind for module in (layers, graph) for kind in vars(module).values() if isinstance(kind, type)}
    concrete = {kind for kind in kinds if issubclass(kind, Layer | Merge)} - {Layer, Merge, layers.Sliding}
    measured = {type(layer).__name__ for layer, _ in MEASURED.values()}
    assert measured | WRAPPED == {kind.__name__ for kind in concrete}
    assert not measured & WRAPPED


def test_a_repeated_layer_keeps_what_the_layer_keeps() -> None:
    shared = graph.Shared(BatchNorm2d(), (("norm", 16),))
    assert shared.saved((8, 6, 6)) == BatchNorm2d().saved((8, 6, 6))
    unknown: Any = graph.Unknown("Det", (1,))
    assert unknown.saved([(3, 3)]).inputs


NETWORKS = (
    *("alexnet", "convnext_tiny", "densenet121", "densenet161", "densenet169", "densenet201"),
    *("efficientnet_b0", "fcn_resnet50", "googlenet", "googlenet_aux", "inception_v3", "inception_v3_aux"),
    *("mnasnet1_0", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_y_400mf"),
    *("resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"),
    *("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "squeezenet1_0", "squeezenet1_1", "swin_t", "vit_b_16"),
    *("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"),
)


def test_every_network_of_torchvision_is_measured_and_compared() -> None:
    assert sorted(NETWORKS) == sorted(ORACLE["networks"])
    torchvision = {path.stem for path in (ORACLES / "torchvision").glob("*.json")}
    assert set(NETWORKS) == torchvision & set(zoo.names()) == torchvision


@pytest.mark.parametrize("name", NETWORKS)
def test_totals_equal_those_of_torchvision(name: str) -> None:
    assert ledger(zoo.load(name), batch=BATCH).saved_bytes == ORACLE["networks"][name]


def rows(path: Any, shape: Any = (3, 8, 8), **options: Any) -> tuple[int, dict[str, int]]:
    book = ledger(sequential("net", shape, path), **options)
    assert book.saved_bytes == book.saved_input_bytes + sum(row.saved_bytes for row in book.rows)
    return book.saved_input_bytes, {row.name: row.saved_bytes for row in book.rows}


def test_a_tensor_kept_by_two_layers_counts_once() -> None:
    """卷积接 ReLU 留一张，再接 BN 留两张；一张是 4·6·6·4=576 字节。"""
    start, end = ("conv", Conv2d(4, 3)), ("last", Conv2d(1, 1))
    assert rows([start, ("relu", ReLU()), end]) == (768, {"conv": 0, "relu": 576, "last": 0})
    middle = [("bn", BatchNorm2d()), ("relu", ReLU())]
    assert rows([start, *middle, end]) == (768, {"conv": 576, "bn": 2 * 4 * 4, "relu": 576, "last": 0})


def test_what_a_layer_keeps_in_a_view_is_kept_by_its_source() -> None:
    path = [("conv", Conv2d(4, 3)), ("half", Split(2, index=0)), ("flat", Flatten()), ("fc", Linear(3))]
    assert rows(path) == (768, {"conv": 576, "half": 0, "flat": 0, "fc": 0})
    assert rows([("flat", Flatten()), ("fc", Linear(3))])[0] == 768  # 输入的视图就是输入


def test_layers_before_the_first_parameter_keep_nothing() -> None:
    path: Any = [("relu", ReLU()), ("pool", MaxPool2d(2)), ("conv", Conv2d(4, 3)), ("tanh", Tanh())]
    assert rows(path) == (0, {"relu": 0, "pool": 3 * 16 * 4, "conv": 0, "tanh": 4 * 4 * 4})
    assert rows([("relu", ReLU()), ("pool", AvgPool2d(2))]) == (0, {"relu": 0, "pool": 0})


def test_the_batch_multiplies_tensors_but_not_the_statistics_of_the_batch() -> None:
    path: Any = [("conv", Conv2d(4, 3)), ("bn", BatchNorm2d()), ("pool", MaxPool2d(2))]
    assert rows(path, batch=5) == (5 * 768, {"conv": 5 * 576, "bn": 5 * 576 + 32, "pool": 5 * 4 * 9 * 8})
    half = rows(path, batch=5, dtype="float16")[1]  # 序号总是 8 个字节
    assert half == {"conv": 5 * 288, "bn": 5 * 288 + 16, "pool": 5 * 4 * 9 * 8}


def test_the_words_of_an_embedding_are_integers() -> None:
    assert rows([("word", Embedding(10, 4)), ("fc", Linear(3))], (7,)) == (
        0,
        {"word": 7 * 8 + 7 * 4 * 4, "fc": 0},
    )


def test_layers_of_ones_own_keep_their_inputs() -> None:
    class Own(Layer):
        """自己写的层，没有写明反向要什么。"""

    class Join(Merge):
        def output(self, shapes: Any, /) -> Any:
            return shapes[0]

    nodes = (
        Node("a", Conv2d(3, 1), ("input",)),
        Node("own", Own(), ("a",)),
        Node("join", Join(), ("own", "input")),
    )
    network = Network("net", (3, 4, 4), nodes)
    assert saved_bytes(nodes, network.shapes(), 4) == {"input": 192, "a": 192, "own": 192}


# 推理的峰值


def chain(*path: tuple[str, Layer], shape: Any = (4, 8, 8), **options: Any) -> Ledger:
    return ledger(sequential("net", shape, path), **options)


def test_in_a_chain_two_tensors_are_alive() -> None:
    """输入 1024 字节，卷积 1152，池化 288；峰值在卷积：输入加输出。"""
    book = chain(("conv", Conv2d(8, 3)), ("relu", ReLU()), ("pool", MaxPool2d(2)))
    assert [row.activation_bytes for row in book.rows] == [1152, 1152, 288]
    assert (book.peak_bytes, book.peak_node) == (1152 + 1152, "relu")
    book = chain(("conv", Conv2d(8, 3)), ("relu", ReLU()), ("pool", MaxPool2d(2)), inplace=True, batch=3)
    assert (book.peak_bytes, book.peak_node) == (3 * (1024 + 1152), "conv")


def test_a_shortcut_keeps_its_tensor_alive() -> None:
    """直连的那张 1024 字节等到相加；相加时两个输入都在，另加输出。就地时写进主路的那张。"""
    body: Any = [("a", Conv2d(4, 3, padding=1)), ("b", Conv2d(4, 3, padding=1))]
    path: Any = [("stem", Conv2d(4, 1)), ("block", residual(body))]
    book = ledger(sequential("net", (1, 8, 8), path))
    assert (book.peak_bytes, book.peak_node) == (3 * 1024, "block.b")
    book = ledger(sequential("net", (1, 8, 8), [*path, ("again", residual([]))]))
    assert (book.peak_bytes, book.peak_node) == (3 * 1024, "block.b")
    small: Any = [("stem", Conv2d(4, 1)), ("block", residual([("up", Conv2d(4, 1))]))]
    books = [ledger(sequential("net", (1, 8, 8), small), inplace=inplace) for inplace in (False, True)]
    assert [(book.peak_bytes, book.peak_node) for book in books] == [
        (3 * 1024, "block.add"),
        (2 * 1024, "block.up"),
    ]


def test_views_take_no_memory() -> None:
    views = [("flat", Flatten()), ("drop", Dropout()), ("same", Identity())]
    book = chain(("conv", Conv2d(8, 3)), *views, ("fc", Linear(2)))
    assert (book.peak_bytes, book.peak_node) == (1024 + 1152, "conv")
    nodes = (
        Node("low", Split(2, index=0), ("input",)),
        Node("high", Split(2, index=1), ("input",)),
        Node("join", Concat(), ("low", "high")),
    )
    book = ledger(Network("net", (4, 8, 8), nodes))
    assert (book.peak_bytes, book.peak_node) == (2048, "join")


def test_nothing_is_written_into_what_is_still_needed_nor_into_the_input() -> None:
    book = chain(("relu", ReLU()), inplace=True)  # 输入是别人的
    assert (book.peak_bytes, book.peak_node) == (2048, "relu")
    nodes = (
        Node("conv", Conv2d(4, 1), ("input",)),
        Node("relu", ReLU(), ("conv",)),
        Node("low", Split(2, index=0), ("conv",)),
        Node("both", Mul(), ("low", "low")),
        Node("end", Concat(), ("both", "relu")),
    )
    book = ledger(Network("net", (1, 8, 8), nodes), inplace=True)
    # relu 时 conv 还要用；both 写进 conv 的那块（low 是它的视图），end 另要 6 个通道
    assert (book.peak_bytes, book.peak_node) == ((4 + 4 + 6) * 256, "end")


def test_two_inputs_in_one_block_are_not_overwritten() -> None:
    """两半是同一块的视图：写进一半，另一半还没有读完。"""
    nodes = (
        Node("conv", Conv2d(4, 1), ("input",)),
        Node("low", Split(2, index=0), ("conv",)),
        Node("high", Split(2, index=1), ("conv",)),
        Node("sum", Add(), ("low", "high")),
    )
    book = ledger(Network("net", (1, 8, 8), nodes), inplace=True)
    assert (book.peak_bytes, book.peak_node) == ((4 + 2) * 256, "sum")


def test_an_empty_network_holds_its_input() -> None:
    book = chain()
    assert (book.peak_bytes, book.peak_node, book.saved_bytes) == (1024, "input", 0)


@st.composite
def graphs(draw: st.DrawFn) -> Network:
    """随机的图：形状全是 (4, 2, 2)，视图、就地、另占内存的层都有，也有没人用的节点。"""
    names, nodes = ["input"], []
    for index in range(draw(st.integers(1, 9))):
        inputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        kinds: list[Layer | Merge] = [Add(), Mul()]
        kinds += [ReLU(), Identity(), Dropout(), Softmax(), ChannelShuffle(2)] if len(inputs) == 1 else []
        nodes.append(Node(f"n{index}", draw(st.sampled_from(kinds)), tuple(inputs)))
        names.append(f"n{index}")
    return Network("random", (4, 2, 2), tuple(nodes))


def simulated(network: Network, sizes: dict[str, int], inplace: bool) -> tuple[int, str]:
    """逐个节点地分配和释放；每一步都从头看后面还有谁要用哪个张量。"""
    place = {"input": 0}  # 张量在第几块
    size = [sizes["input"]]
    worst = (size[0], "input")
    for now, node in enumerate(network.nodes):
        later = {source for after in network.nodes[now + 1 :] for source in after.inputs}
        busy = {place[name] for name in later if name in place}
        target = None
        if isinstance(node.layer, Identity | Dropout):
            target = place[node.inputs[0]]
        elif inplace and isinstance(node.layer, ReLU | Add | Mul):
            for source in node.inputs:
                shared = [other for other in node.inputs if other != source and place[other] == place[source]]
                if place[source] not in busy | {0} and not shared:
                    target = place[source]
                    break
        if target is None:
            target = len(size)
            size.append(sizes[node.name])
        needed = {place[name] for name in node.inputs} | busy | {target}
        total = sum(size[block] for block in needed)
        if total > worst[0]:
            worst = total, node.name
        place[node.name] = target
    return worst


@given(graphs(), st.booleans(), st.data())
def test_the_peak_equals_a_step_by_step_simulation(
    network: Network, inplace: bool, data: st.DataObject
) -> None:
    """大小也随机：就地只看大小相同与否，所以各给 1 到 3 字节。"""
    same = data.draw(st.booleans())
    names = ["input", *(node.name for node in network.nodes)]
    sizes = {name: 1 if same or inplace else data.draw(st.integers(1, 3)) for name in names}
    assert peak_bytes(network.nodes, sizes, inplace=inplace) == simulated(network, sizes, inplace)


@pytest.mark.parametrize("inplace", [1, None, "yes"], ids=repr)
def test_inplace_is_a_switch(inplace: Any) -> None:
    with pytest.raises(TypeError, match=rf"^`inplace` 应为 True 或 False，得到 {inplace!r}；"):
        chain(inplace=inplace)
