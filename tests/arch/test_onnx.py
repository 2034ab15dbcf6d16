"""读 ONNX 文件：现成的网络写成文件再读回来，逐行相同；各算子的形状与 onnx 自己的形状推断比。"""

import re
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, shape_inference

from dlnotes.arch import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    GlobalAvgPool,
    Ledger,
    Linear,
    MaxPool2d,
    Network,
    Pad,
    ReLU,
    Row,
    Scale,
    Tokens,
    ledger,
    residual,
    sequential,
    zoo,
)
from dlnotes.arch.ledger import ATTRIBUTES
from dlnotes.arch.onnx import declared, load, parse

from .onnx_writer import UnwritableError, checked, exported, write

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
# 写不成 ONNX 的网络，与原因
UNWRITABLE = {
    "googlenet_aux": "AdaptiveAvgPool2d（不是整数倍）",  # 14 到 4：各窗口的间隔不等，不是一个池化
    "lenet5_1998": "ConvMap2d",  # 没有按连接表连接的卷积
    "swin_t": "WindowAttention",  # 注意力要写成十几个算子，不是一行
    "vit_b_16": "MultiheadAttention",
}
# ONNX 没有自适应池化，写成了普通的池化；挪动通道、逐通道的缩放、裁剪，由更一般的算子写成
SAME = {
    "AdaptiveAvgPool2d": "AvgPool2d",
    "Crop": "Slice",
    "Scale": "WithConstant",
    "ToImage": "Transpose",
    "ToTokens": "Transpose",
}


def read(model: Any, **options: Any) -> Network:
    return parse(model.SerializeToString(), "net", **options)


def comparable(row: Row) -> dict[str, Any]:
    kept = {name: getattr(row, name) for name in ATTRIBUTES if name not in ("name", "inputs")}
    whole = row.op == "AdaptiveAvgPool2d" and row.output[1:] == (1, 1)
    return kept | {"op": "GlobalAvgPool" if whole else SAME.get(row.op, row.op)}


def assert_same(found: Ledger, expected: Ledger) -> None:
    # 一个 Slice 裁几个轴，读成一行一个轴；裁完了才与 Crop 的一行比
    rows = [row for row, after in pairwise([*found.rows, None]) if row and not sliced_again(row, after)]
    assert [comparable(row) for row in rows] == [comparable(row) for row in expected.rows]
    assert [row.name for row in rows if row.op not in ("Split", "Slice")] == [
        row.name for row in expected.rows if row.op not in ("Split", "Crop")
    ]
    assert (found.saved_bytes, found.saved_input_bytes) == (expected.saved_bytes, expected.saved_input_bytes)
    # Crop 照着网络的输入裁，输入要一直放着；文件里大小写成了数，输入用过就放掉
    waiting = [row for row in expected.rows if row.op == "Crop" and row.inputs[1] == "input"]
    held = 4 * prod(expected.input) if waiting else 0
    assert found.peak_bytes == expected.peak_bytes - held


def sliced_again(row: Row, after: Row | None) -> bool:
    return row.op == "Slice" and after is not None and after.op == "Slice" and after.inputs == (row.name,)


def inferred(model: Any) -> dict[str, tuple[int, ...]]:
    """onnx 推断的各张量的形状，批量取 1。"""
    done = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return {
        value.name: tuple(dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim)
        for value in (*done.graph.value_info, *done.graph.output)
    }


def assert_shapes(network: Network, model: Any, least: int = 1) -> None:
    """与 onnx 的形状推断比；节点以算子为名，所以查它写出的张量。"""
    shapes, known = network.shapes(), inferred(model)
    outputs = {node.name or node.output[0]: node.output[0] for node in model.graph.node}
    pairs = {
        name: (tuple(shape), known[outputs[name]])
        for name, shape in shapes.items()
        if outputs.get(name) in known
    }
    assert len(pairs) >= least
    assert {name: found for name, (found, _) in pairs.items()} == {
        name: expected[1:] for name, (_, expected) in pairs.items()
    }


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_of_the_zoo_survives_the_file(name: str) -> None:
    network = zoo.load(name)
    if name in UNWRITABLE:
        with pytest.raises(UnwritableError, match=f"^{re.escape(UNWRITABLE[name])}$"):
            write(exported(network))
        return
    network = exported(network)
    model = write(network)
    assert_same(ledger(read(model)), ledger(network))
    assert_same(ledger(read(model), gates=False), ledger(network, gates=False))
    assert_shapes(read(model), model, len(network.nodes) // 2)


def test_a_scale_with_a_bias_is_a_product_and_a_sum() -> None:
    """一层成了两个算子：参数、运算、留下的内存，合起来不变。"""
    network = sequential("net", (3, 8, 8), [("conv", Conv2d(6, 3)), ("scale", Scale(bias=True))])
    found, expected = ledger(read(write(network))), ledger(network)
    assert [row.op for row in found.rows] == ["Conv2d", "WithConstant", "WithConstant"]
    assert found.params == expected.params == 6 * 27 + 6 + 12
    assert found.saved_bytes == expected.saved_bytes == 4 * (3 * 64 + 6 * 36)


def resnet18() -> Network:
    def conv(name: str, channels: int, size: int, stride: int = 1) -> list[tuple[str, Any]]:
        layer = Conv2d(channels, size, stride=stride, padding=size // 2, bias=False)
        return [(name, layer), (f"{name}_bn", BatchNorm2d())]

    def block(channels: int, stride: int) -> list[tuple[str, Any]]:
        body = [*conv("conv1", channels, 3, stride), ("relu1", ReLU()), *conv("conv2", channels, 3)]
        skip = residual(body, conv("down", channels, 1, stride) if stride > 1 else [])
        return [("skip", skip), ("relu", ReLU())]

    stages = [
        (f"layer{k}.{i}", block(c, s if i == 0 else 1))
        for k, (c, s) in enumerate([(64, 1), (128, 2), (256, 2), (512, 2)])
        for i in (0, 1)
    ]
    head = [*conv("conv1", 64, 7, 2), ("relu", ReLU()), ("pool", MaxPool2d(3, stride=2, padding=1))]
    tail = [("avg", GlobalAvgPool()), ("flat", Flatten()), ("fc", Linear(1000))]
    return sequential("resnet18", (3, 224, 224), [*head, *stages, *tail])


def test_resnet18_from_a_file_equals_torchvision() -> None:
    """参数、缓冲、乘加、感受野：torchvision 0.28 的 resnet18。"""
    model = write(resnet18())
    book = ledger(read(model))
    assert (book.params, book.buffers, book.macs) == (11_689_512, 9_600, 1_814_073_344)
    last = book["layer3.1.skip.conv2"]
    assert (last.rf, last.jump, last.start) == ((435, 435), (32, 32), (-217, -217))
    assert_same(book, ledger(resnet18()))
    assert_shapes(read(model), model, 60)


def one(
    nodes: list[Any],
    dims: list[Any],
    weights: dict[str, list[int]] | None = None,
    constants: dict[str, Any] | None = None,
    opset: int = 18,
    kind: int = FLOAT,
) -> Any:
    """几个算子的模型：输入叫 x，最后一个输出叫 y；`weights` 只有形状，`constants` 有数值。"""
    inputs = [helper.make_tensor_value_info("x", kind, dims)]
    inputs += [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in (weights or {}).items()]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    output = helper.make_tensor_value_info("y", FLOAT, None)
    graph = helper.make_graph(nodes, "net", inputs, [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    checked(model)
    return model


def node(kind: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(
        kind, inputs.split(" "), output.split(" "), name=output.split(" ")[0], **attributes
    )


IMAGE = ["N", 8, 15, 17]
KERNEL = {"w": [4, 8, 4, 3]}
I64 = np.int64
WINDOWS: dict[str, Any] = {
    "same_upper": one(
        [node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 3])], IMAGE, {"w": [4, 8, 4, 3]}
    ),
    "same_lower": one(
        [node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 3])], IMAGE, {"w": [4, 8, 4, 3]}
    ),
    "valid": one([node("Conv", "x w", auto_pad="VALID")], IMAGE, KERNEL),
    "pads": one([node("Conv", "x w b", pads=[0, 1, 2, 3])], IMAGE, {"w": [4, 8, 4, 3], "b": [4]}),
    "dilated": one(
        [node("Conv", "x w", dilations=[2, 3], group=4, strides=[2, 1])], IMAGE, {"w": [12, 2, 3, 3]}
    ),
    "conv1d": one(
        [node("Conv", "x w b", pads=[2, 1], strides=[2])], ["N", 6, 50], {"w": [4, 6, 5], "b": [4]}
    ),
    "transposed": one(
        [node("ConvTranspose", "x w b", strides=[2, 3], pads=[1, 0, 1, 0], output_padding=[1, 2])],
        IMAGE,
        {"w": [8, 6, 3, 4], "b": [6]},
    ),
    "transposed_uneven": one(
        [node("ConvTranspose", "x w", strides=[2, 2], pads=[0, 2, 1, 1], group=2)], IMAGE, {"w": [8, 3, 4, 4]}
    ),
    "transposed_same": one(
        [node("ConvTranspose", "x w", strides=[2, 3], auto_pad="SAME_UPPER")], IMAGE, {"w": [8, 6, 5, 4]}
    ),
    "transposed_shape": one(
        [node("ConvTranspose", "x w", strides=[2, 2], output_shape=[30, 35])], IMAGE, {"w": [8, 6, 3, 3]}
    ),
    "max": one(
        [node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], dilations=[2, 1], ceil_mode=1)], IMAGE
    ),
    "average": one(
        [
            node(
                "AveragePool",
                "x",
                kernel_shape=[3, 3],
                strides=[2, 2],
                pads=[1, 0, 1, 1],
                ceil_mode=1,
                count_include_pad=1,
            )
        ],
        IMAGE,
    ),
    "average_same": one(
        [node("AveragePool", "x", kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER")], IMAGE
    ),
    "global_max": one([node("GlobalMaxPool", "x")], IMAGE),
    "lrn": one([node("LRN", "x", size=5)], IMAGE),
    "instance": one([node("InstanceNormalization", "x s b")], IMAGE, {"s": [8], "b": [8]}),
    "group": one([node("GroupNormalization", "x s b", num_groups=2)], IMAGE, {"s": [8], "b": [8]}, opset=21),
    "layer": one([node("LayerNormalization", "x s b", axis=1)], IMAGE, {"s": [8, 15, 17], "b": [8, 15, 17]}),
    "prelu": one([node("PRelu", "x s")], IMAGE, {"s": [8, 1, 1]}),
    "pad": one(
        [node("Pad", "x p", mode="reflect")], IMAGE, constants={"p": np.array([0, 0, 1, 2, 0, 0, 3, 0], I64)}
    ),
    "resize": one(
        [node("Resize", "x  s", mode="linear")], IMAGE, constants={"s": np.array([1, 1, 2, 3], np.float32)}
    ),
    "resize_sizes": one(
        [node("Resize", "x   s", mode="cubic")], IMAGE, constants={"s": np.array([1, 8, 20, 20], I64)}
    ),
    "depth": one([node("DepthToSpace", "x", blocksize=2)], IMAGE),
    "space": one([node("SpaceToDepth", "x", blocksize=3)], ["N", 8, 15, 18]),
    "softmax": one([node("Softmax", "x", axis=1)], IMAGE),
    "reduce": one([node("ReduceMax", "x a", keepdims=0)], IMAGE, constants={"a": np.array([2], I64)}),
    "reduce_channels": one([node("ReduceMean", "x a")], IMAGE, constants={"a": np.array([1], I64)}),
    "slice": one(
        [node("Slice", "x s e a t")],
        IMAGE,
        constants={
            "s": np.array([1, -9], I64),
            "e": np.array([99, -1], I64),
            "a": np.array([2, 3], I64),
            "t": np.array([2, 1], I64),
        },
    ),
    "split": one([node("Split", "x p", "y z", axis=1)], IMAGE, constants={"p": np.array([3, 5], I64)}),
    "select": one([node("Gather", "x i", axis=2)], IMAGE, constants={"i": np.array(3, I64)}),
    "transpose": one([node("Transpose", "x", perm=[0, 2, 3, 1])], IMAGE),
    "reshape": one([node("Reshape", "x s")], IMAGE, constants={"s": np.array([0, 4, -1, 17], I64)}),
    "flatten": one([node("Flatten", "x")], IMAGE),
    "join": one([node("Relu", "x", "z"), node("Concat", "x z", axis=2)], IMAGE),
    "broadcast": one([node("GlobalAveragePool", "x", "z"), node("Sub", "x z")], IMAGE),
    "scale": one([node("Mul", "x s")], IMAGE, {"s": [8, 1, 1]}),
    "gemm": one([node("Gemm", "x w b")], ["N", 20], {"w": [20, 5], "b": [5]}),
    "matmul": one([node("MatMul", "x w")], ["N", 7, 20], {"w": [20, 5]}),
    "clip": one([node("Clip", "x l")], IMAGE, constants={"l": np.float32(0)}),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_shapes_equal_the_inference_of_onnx(name: str) -> None:
    model = WINDOWS[name]
    network = read(model)
    ledger(network)
    if name == "split":
        assert network.shapes()["y.0"] == (3, 15, 17)
        assert inferred(model)["y"][1:] == (3, 15, 17)
        assert "y.1" not in network.shapes()  # 没有用到的那一份
        return
    if name == "slice":  # 两个轴各一个节点
        assert network.shapes()["y.3"] == inferred(model)["y"][1:]
        return
    if name.startswith("transposed"):  # 一端多裁的另成一个节点
        assert [*network.shapes().values()][-1] == inferred(model)["y"][1:]
        return
    if name == "group":  # onnx 不推断它的形状
        assert network.shapes()["y"] == network.shapes()["input"]
        return
    assert_shapes(network, model)


@pytest.mark.parametrize("name", ["same_upper", "same_lower", "pads", "conv1d", "dilated"])
def test_receptive_field_of_a_convolution_from_a_file(name: str) -> None:
    """逐个探测：把输入的一个位置改掉，看第 0 个单元变不变，用 onnx 自己的参考实现计算。"""
    from onnx.reference import ReferenceEvaluator

    model = WINDOWS[name]
    network = read(model)
    shape = network.input
    session = ReferenceEvaluator(model)
    weights = {value.name: value.type.tensor_type.shape.dim for value in model.graph.input[1:]}
    feeds = {key: np.ones([dim.dim_value for dim in dims], np.float32) for key, dims in weights.items()}
    base = np.zeros((1, *shape), np.float32)
    row = ledger(network)["y"]
    assert isinstance(row.rf, tuple)
    assert row.start is not None
    for axis in range(len(shape) - 1):
        seen = []
        for at in range(shape[axis + 1]):
            poked = base.copy()
            poked[(0, slice(None), *[at if k == axis else slice(None) for k in range(len(shape) - 1)])] = 1
            first = (0, 0, *[0] * (len(shape) - 1))
            changed = session.run(None, feeds | {"x": poked})[0] - session.run(None, feeds | {"x": base})[0]
            seen += [at] if changed[first] else []
        begin, end = row.start[axis], row.start[axis] + row.rf[axis] - 1
        assert (max(begin, 0), end) == (min(seen), max(seen))


def test_the_macs_of_a_transposed_convolution_multiply_the_input() -> None:
    book = ledger(read(WINDOWS["transposed_uneven"]))
    assert book.macs == 15 * 17 * 8 * 3 * 4 * 4


@pytest.mark.parametrize(
    ("auto_pad", "crop"), [("SAME_UPPER", ((0, -1), (0, -1))), ("SAME_LOWER", ((-1, 0), (-1, 0)))]
)
def test_the_odd_pixel_of_a_transposed_convolution(auto_pad: str, crop: Any) -> None:
    """规范：33×52 裁到 30×51，`SAME_UPPER` 从前端裁 1 与 0 个、从后端裁 2 与 1 个。"""
    model = one([node("ConvTranspose", "x w", strides=[2, 3], auto_pad=auto_pad)], IMAGE, {"w": [8, 6, 5, 4]})
    convolution, last = (each.layer for each in read(model).nodes)
    assert convolution == ConvTranspose2d(
        6, (5, 4), stride=(2, 3), padding=(1, 0), output_padding=(0, 0), dilation=(1, 1), bias=False
    )
    assert last == Pad(crop)


def test_weights_may_be_constants_initializers_or_inputs() -> None:
    weight = np.zeros((4, 8, 3, 3), np.float32)
    constant = helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weight, "value"))
    ways = [
        one([node("Conv", "x w")], IMAGE, {"w": [4, 8, 3, 3]}),
        one([node("Conv", "x w")], IMAGE, constants={"w": weight}),
        one([constant, node("Conv", "x w")], IMAGE),
        one([node("Identity", "v", "w"), node("Conv", "x w")], IMAGE, constants={"v": weight}),
    ]
    assert [ledger(read(model)).params for model in ways] == [288] * 4


def test_a_shared_weight_is_counted_once() -> None:
    nodes = [node("Conv", "x w b", "z"), node("Conv", "z w c")]
    book = ledger(read(one(nodes, IMAGE, {"w": [8, 8, 3, 3], "b": [8], "c": [8]})))
    assert [row.params for row in book.rows] == [8 * 8 * 9 + 8, 8]
    assert [row.op for row in book.rows] == ["Conv2d", "Shared"]
    assert book.rows[1].macs == 11 * 13 * 8 * 8 * 9
    assert book.rows[1].rf == (5, 5)


def test_a_tied_embedding_is_counted_once() -> None:
    """输出层用词向量的转置：一共只有一张表。"""
    nodes = [node("Gather", "t x", "e"), node("Transpose", "t", "u"), node("MatMul", "e u")]
    book = ledger(read(one(nodes, ["N", 5], {"t": [100, 16]}, kind=INT64)))
    assert book.params == 1600
    assert book.macs == 5 * 16 * 100
    assert book["y"].output == Tokens((5, 100))


def test_a_shared_bias_is_counted_once() -> None:
    nodes = [
        node("MatMul", "x w", "z"),
        node("Add", "z b", "u"),
        node("MatMul", "u v", "t"),
        node("Add", "t b"),
    ]
    book = ledger(read(one(nodes, ["N", 4, 8], {"w": [8, 8], "v": [8, 8], "b": [8]})))
    assert book.params == 64 + 64 + 8


def test_attention_is_counted_as_two_products() -> None:
    """一个头的自注意力，缩放、softmax 都写开；乘加 4·T·D² + 2·T²·D。"""
    width, length = 16, 9
    nodes = [
        node("MatMul", "x a", "q"),
        node("MatMul", "x b", "k"),
        node("MatMul", "x c", "v"),
        node("Transpose", "k", "t", perm=[0, 2, 1]),
        node("MatMul", "q t", "s"),
        node("Div", "s root", "n"),
        node("Softmax", "n", "p", axis=-1),
        node("MatMul", "p v", "o"),
        node("MatMul", "o d"),
    ]
    weights = {name: [width, width] for name in "abcd"}
    model = one(nodes, ["N", length, width], weights, {"root": np.float32(4)})
    book = ledger(read(model))
    assert book.macs == 4 * length * width**2 + 2 * length**2 * width
    assert book.operations["attention"] == 2 * length**2 * width
    assert (book.params, book["y"].rf, book["q"].rf) == (4 * width**2, "all", (1,))
    assert_shapes(read(model), model, 6)


def test_operators_that_belong_together_become_one_layer() -> None:
    def ops(nodes: list[Any], dims: list[Any], **options: Any) -> list[str]:
        return [row.op for row in ledger(read(one(nodes, dims, **options))).rows]

    silu = [node("Sigmoid", "x", "s"), node("Mul", "s x")]
    assert ops(silu, IMAGE) == ["SiLU"]
    assert ops([*silu[:1], node("Mul", "s x", "z"), node("Add", "z s")], IMAGE) == ["Sigmoid", "Mul", "Add"]
    gate = [node("Relu", "x", "r"), node("Sigmoid", "r", "s"), node("Mul", "s x")]
    assert ops(gate, IMAGE) == ["ReLU", "Sigmoid", "Mul"]
    mish = [node("Softplus", "x", "s"), node("Tanh", "s", "t"), node("Mul", "x t")]
    assert ops(mish, IMAGE) == ["Mish"]
    linear = [node("MatMul", "x w", "z"), node("Add", "b z")]
    assert ops(linear, ["N", 4, 8], weights={"w": [8, 8], "b": [8]}) == ["Linear"]
    apart = {"w": [8, 8], "b": [4, 8]}
    assert ops(linear, ["N", 4, 8], weights=apart) == ["Linear", "PositionEmbedding"]


def test_batch_written_as_a_number_is_dropped() -> None:
    shape = {"s": np.array([32, -1], I64)}
    book = ledger(read(one([node("Reshape", "x s")], [32, 8, 4, 4], constants=shape)))
    assert [(row.op, row.output) for row in book.rows] == [("Flatten", (128,))]
    with pytest.raises(ValueError, match=r"节点 y（Reshape）：批量与别的轴合在了一起；请导出批量为 1 的模型"):
        read(one([node("Reshape", "x s")], [32, 8, 4, 4], constants={"s": np.array([-1], I64)}))


def test_batch_is_followed_through_the_axes() -> None:
    """批量 8、通道 8：对换、合并位置、再对换回来。"""
    nodes = [
        node("Transpose", "x", "a", perm=[1, 0, 2, 3]),
        node("Reshape", "a s", "b"),
        node("Transpose", "b", "c", perm=[1, 0, 2]),
        node("Conv", "c w"),
    ]
    shape = {"s": np.array([8, 8, 16], I64)}
    book = ledger(read(one(nodes, [8, 8, 4, 4], {"w": [5, 8, 3]}, shape)))
    assert [(row.op, row.output) for row in book.rows] == [("Reshape", (8, 16)), ("Conv1d", (5, 14))]


def test_padding_as_pytorch_writes_it() -> None:
    """`F.pad(x, (1, 2, 3, 4))`：左、右、上、下的次序，在图里倒过来、转置、展平成 ONNX 的次序。"""
    nodes = [
        node("Reshape", "p two", "a"),
        node("Slice", "a last first zero back", "b"),
        node("Transpose", "b", "c", perm=[1, 0]),
        node("Reshape", "c all", "d"),
        node("Pad", "x d"),
    ]
    constants = {
        "p": np.array([1, 2, 3, 4, 0, 0, 0, 0], I64),
        "two": np.array([-1, 2], I64),
        "last": np.array([-1], I64),
        "first": np.array([-(2**63 - 1)], I64),
        "zero": np.array([0], I64),
        "back": np.array([-1], I64),
        "all": np.array([-1], I64),
    }
    (found,) = read(one(nodes, IMAGE, constants=constants)).nodes
    assert found.layer == Pad(((3, 4), (1, 2)))


def test_shapes_computed_in_the_graph_follow_the_input() -> None:
    """PyTorch 导出 `x.view(x.size(0), -1)` 的写法。"""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s i", "n", axis=0),
        node("Unsqueeze", "n a", "u"),
        node("Concat", "u m", "t", axis=0),
        node("Reshape", "x t"),
    ]
    constants = {"i": np.array(0, I64), "a": np.array([0], I64), "m": np.array([-1], I64)}
    model = one(nodes, ["N", 8, "H", "W"], constants=constants)
    assert read(model, input=(8, 5, 6)).shapes()["y"] == (240,)
    with pytest.raises(
        ValueError, match=r"输入 x 的形状 8×\?×\? 没有写全；请用 input（命令行是 --input）写明"
    ):
        read(model)
    with pytest.raises(ValueError, match="除批量外有 3 轴"):
        read(model, input=(8, 5))


def test_numbers_are_read_as_onnx_reads_them(tmp_path: Path) -> None:
    """各种类型、两种存法的常数，与 onnx 读出的比。"""
    from dlnotes.arch.onnx import _proto

    kinds = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool"]
    arrays = {kind: np.array([0, 1, 5, 100], kind) for kind in kinds}
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    tensors += [
        helper.make_tensor(f"{kind}!", helper.np_dtype_to_tensor_dtype(array.dtype), [4], array.tolist())
        for kind, array in arrays.items()
        if kind != "float16"  # 它在 int32_data 里存的是位，形状用不到
    ]
    negative = helper.make_tensor("negative", INT64, [2], [-1, -(2**63)])
    model = one([node("Relu", "x")], IMAGE)
    model.graph.initializer.extend([*tensors, negative])
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    found = {tensor.name: tensor for tensor in _proto.graph(path.read_bytes()).constants}
    for tensor in onnx.load(path).graph.initializer:
        assert found[tensor.name].values == tuple(numpy_helper.to_array(tensor).tolist()), tensor.name
        assert found[tensor.name].dims == tuple(tensor.dims)


def test_unknown_operators_stop_or_are_kept() -> None:
    model = one([node("Hardmax", "x", "z", axis=1), node("Relu", "z")], IMAGE)
    with pytest.raises(ValueError, match='net：节点 z（Hardmax）：不认识这个算子；写上 unknown="skip"'):
        read(model)
    with pytest.raises(ValueError, match=r"没有写明它的输出 z 的形状；请先用 onnx\.shape_inference"):
        read(model, unknown="skip")
    book = ledger(read(shape_inference.infer_shapes(model), unknown="skip"))
    assert book.uncounted == ("z",)
    assert (book["z"].output, book["z"].rf, book["y"].output) == ((8, 15, 17), None, (8, 15, 17))
    assert book["y"].reason == "z：不认识算子 Hardmax"
    custom = helper.make_node("Relu", ["x"], ["y"], domain="my.own")
    mine = one([node("Relu", "x")], IMAGE)
    mine.graph.node[0].CopyFrom(custom)
    with pytest.raises(ValueError, match=r"节点 y（my\.own\.Relu）：不认识这个算子"):
        read(mine)


def test_the_declared_shape(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(one([node("Relu", "x")], ["N", 3, "H", 17]), path)
    assert declared(path) == (3, None, 17)
    assert load(path, input=(3, 9, 17)).shapes()["y"] == (3, 9, 17)
    assert load(str(path), input=(3, 9, 17)).name == "net"


def test_every_parameter_of_the_file_is_counted() -> None:
    """参数与缓冲之和就是图里各个权重的元素之和。"""
    model = write(resnet18())
    stored = sum(
        prod(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in model.graph.input[1:]
    )
    book = ledger(read(model))
    assert book.params + book.buffers == stored
