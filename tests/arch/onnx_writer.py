"""把 dlnotes 的网络写成 ONNX 图：权重是没有数值的图的输入，所以文件很小。只给测试用。

写法直接取自 ONNX 的算子说明，不用 `dlnotes.arch.onnx` 的任何代码。
"""

from collections.abc import Callable
from typing import Any

import onnx
from onnx import TensorProto, helper, shape_inference

from dlnotes.arch import (
    Identity,
    LayerNorm,
    Network,
    Node,
    StochasticDepth,
    ToImage,
    Tokens,
    ToTokens,
    layers,
)
from dlnotes.arch.layers import Shape

FLOAT = TensorProto.FLOAT


class UnwritableError(Exception):
    """这种层没有写成 ONNX 的办法。"""


class Writer:
    def __init__(self, network: Network) -> None:
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.constants: list[Any] = []
        self.shapes = network.shapes()
        dims = ["N", *network.input]
        self.inputs.append(helper.make_tensor_value_info("input", FLOAT, dims))
        for node in network.nodes:
            write = WRITERS.get(type(node.layer).__name__)
            if write is None:
                raise UnwritableError(type(node.layer).__name__)
            shapes = [self.shapes[each] for each in node.inputs]
            write(self, node.name, list(node.inputs), node.layer, shapes)
        self.network = network

    def weight(self, name: str, dims: Any) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, FLOAT, list(dims)))
        return name

    def integers(self, name: str, values: list[int]) -> str:
        self.constants.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def model(self, opset: int = 17) -> Any:
        last = self.network.nodes[-1].name
        output = helper.make_tensor_value_info(last, FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", self.inputs, [output], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def write(network: Network) -> Any:
    """写成通过 ONNX 检查的模型。"""
    return checked(Writer(network).model())


def checked(model: Any) -> Any:
    """通过 ONNX 的检查；它要求写明输出的形状，先推断出来。"""
    done = shape_inference.infer_shapes(model)
    for output, found in zip(model.graph.output, done.graph.output, strict=True):
        output.CopyFrom(found)
        if not output.type.tensor_type.HasField("shape"):
            output.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(model)
    return model


def exported(network: Network) -> Network:
    """推理时的图：随机深度是恒等；图像上逐通道的层归一化，ONNX 里只能把通道换到最后、归一化、再换回来。"""
    nodes: list[Node] = []
    shapes = network.shapes()
    for node in network.nodes:
        if isinstance(node.layer, StochasticDepth):
            nodes.append(Node(node.name, Identity(), node.inputs))
        elif channel_norm(node.layer, shapes[node.inputs[0]]):
            last, norm = f"{node.name}.last", f"{node.name}.norm"
            nodes.append(Node(last, ToTokens(grid=True), node.inputs))
            nodes.append(Node(norm, node.layer, (last,)))
            nodes.append(Node(node.name, ToImage(), (norm,)))
        else:
            nodes.append(node)
    return Network(network.name, network.input, tuple(nodes))


def channel_norm(layer: Any, shape: Shape) -> bool:
    image = len(shape) == 3 and not isinstance(shape, Tokens)
    return isinstance(layer, LayerNorm) and layer.over == "features" and image


Write = Callable[[Writer, str, list[str], Any, list[Shape]], None]
WRITERS: dict[str, Write] = {}


def writes(*kinds: str) -> Callable[[Write], Write]:
    def register(rule: Write) -> Write:
        WRITERS.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def pair(value: Any, axes: int = 2) -> list[int]:
    return list(value) if isinstance(value, tuple) else [value] * axes


def padding(layer: Any, axes: int = 2) -> dict[str, Any]:
    if layer.padding == "same":
        return {"auto_pad": "SAME_UPPER"}
    if isinstance(layer.padding, tuple) and isinstance(layer.padding[0], tuple):
        return {"pads": [before for before, _ in layer.padding] + [after for _, after in layer.padding]}
    return {"pads": pair(layer.padding, axes) * 2}


@writes("Conv1d", "Conv2d")
def conv(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    axes = layer.axes
    kernel = pair(layer.kernel_size, axes)
    weights = [w.weight(f"{name}:w", [layer.out_channels, shapes[0][0] // layer.groups, *kernel])]
    weights += [w.weight(f"{name}:b", [layer.out_channels])] if layer.bias else []
    w.node(
        "Conv",
        inputs + weights,
        name,
        kernel_shape=kernel,
        strides=pair(layer.stride, axes),
        dilations=pair(layer.dilation, axes),
        group=layer.groups,
        **padding(layer, axes),
    )


@writes("ConvTranspose2d")
def transposed(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    kernel = pair(layer.kernel_size)
    weights = [w.weight(f"{name}:w", [shapes[0][0], layer.out_channels // layer.groups, *kernel])]
    weights += [w.weight(f"{name}:b", [layer.out_channels])] if layer.bias else []
    extra = {"output_padding": pair(layer.output_padding), "pads": pair(layer.padding) * 2}
    strides, dilations = pair(layer.stride), pair(layer.dilation)
    w.node(
        "ConvTranspose",
        inputs + weights,
        name,
        strides=strides,
        dilations=dilations,
        group=layer.groups,
        **extra,
    )


@writes("MaxPool2d", "AvgPool2d")
def pool(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    kind = "MaxPool" if isinstance(layer, layers.MaxPool2d) else "AveragePool"
    stride = layer.kernel_size if layer.stride is None else layer.stride
    extra: dict[str, Any] = {"dilations": pair(layer.dilation)} if kind == "MaxPool" else {}
    ceil = int(layer.rounding != "floor")
    kernel = pair(layer.kernel_size)
    extra |= padding(layer)
    w.node(kind, inputs, name, kernel_shape=kernel, strides=pair(stride), ceil_mode=ceil, **extra)


@writes("GlobalAvgPool")
def global_pool(w: Writer, name: str, inputs: list[str], _: Any, shapes: list[Shape]) -> None:
    if isinstance(shapes[0], Tokens):
        w.node("ReduceMean", inputs, name, axes=[1], keepdims=0)
    else:
        w.node("GlobalAveragePool", inputs, name)


@writes("AdaptiveAvgPool2d")
def adaptive(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    """ONNX 没有自适应池化；大小本来就对时它什么也不做，整数倍时是普通的池化。"""
    counts = pair(layer.output_size)
    if counts == [1, 1]:
        w.node("GlobalAveragePool", inputs, name)
        return
    if any(size % count for size, count in zip(shapes[0][1:], counts, strict=True)):
        raise UnwritableError("AdaptiveAvgPool2d（不是整数倍）")
    kernel = [size // count for size, count in zip(shapes[0][1:], counts, strict=True)]
    w.node("AveragePool", inputs, name, kernel_shape=kernel, strides=kernel)


@writes("BatchNorm1d", "BatchNorm2d")
def batch_norm(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    if not (layer.affine and layer.track_running_stats):
        raise UnwritableError("没有参数的 BN")
    weights = [w.weight(f"{name}:{each}", [shapes[0][0]]) for each in "wbmv"]
    w.node("BatchNormalization", inputs + weights, name)


@writes("LayerNorm")
def layer_norm(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    if not isinstance(shapes[0], Tokens) or not layer.elementwise_affine or layer.over != "features":
        raise UnwritableError("不在最后一轴上的 LayerNorm")
    weights = [w.weight(f"{name}:w", [shapes[0][-1]])]
    weights += [w.weight(f"{name}:b", [shapes[0][-1]])] if layer.bias else []
    w.node("LayerNormalization", inputs + weights, name, axis=-1)


@writes("LocalResponseNorm")
def lrn(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    w.node("LRN", inputs, name, size=layer.size)


@writes("Linear")
def linear(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    if isinstance(shapes[0], Tokens):
        weight = w.weight(f"{name}:w", [shapes[0][-1], layer.out_features])
        product = f"{name}:product" if layer.bias else name
        w.node("MatMul", [*inputs, weight], product)
        if layer.bias:
            w.node("Add", [w.weight(f"{name}:b", [layer.out_features]), product], name)
        return
    weights = [w.weight(f"{name}:w", [layer.out_features, shapes[0][-1]])]
    weights += [w.weight(f"{name}:b", [layer.out_features])] if layer.bias else []
    w.node("Gemm", inputs + weights, name, transB=1)


@writes("Flatten")
def flatten(w: Writer, name: str, inputs: list[str], _: Any, __: list[Shape]) -> None:
    w.node("Flatten", inputs, name)


@writes("ReLU", "Sigmoid", "Tanh", "Hardsigmoid", "Hardswish", "Identity", "ELU", "LeakyReLU")
def activation(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    kinds = {"ReLU": "Relu", "Hardsigmoid": "HardSigmoid", "Hardswish": "HardSwish", "ELU": "Elu"}
    kind = type(layer).__name__
    w.node(kinds.get(kind, kind.replace("ReLU", "Relu")), inputs, name)


@writes("ReLU6")
def relu6(w: Writer, name: str, inputs: list[str], _: Any, __: list[Shape]) -> None:
    for label, value in (("low", 0.0), ("high", 6.0)):
        w.constants.append(helper.make_tensor(f"{name}:{label}", FLOAT, [], [value]))
    w.node("Clip", [*inputs, f"{name}:low", f"{name}:high"], name)


@writes("SiLU")
def silu(w: Writer, name: str, inputs: list[str], _: Any, __: list[Shape]) -> None:
    w.node("Sigmoid", inputs, f"{name}:gate")
    w.node("Mul", [*inputs, f"{name}:gate"], name)


@writes("GELU")
def gelu(w: Writer, name: str, inputs: list[str], _: Any, __: list[Shape]) -> None:
    for label, value in (("root", 2**0.5), ("one", 1.0), ("half", 0.5)):
        w.constants.append(helper.make_tensor(f"{name}:{label}", FLOAT, [], [value]))
    w.node("Div", [*inputs, f"{name}:root"], f"{name}:1")
    w.node("Erf", [f"{name}:1"], f"{name}:2")
    w.node("Add", [f"{name}:2", f"{name}:one"], f"{name}:3")
    w.node("Mul", [*inputs, f"{name}:3"], f"{name}:4")
    w.node("Mul", [f"{name}:4", f"{name}:half"], name)


@writes("Softmax")
def softmax(w: Writer, name: str, inputs: list[str], _: Any, shapes: list[Shape]) -> None:
    w.node("Softmax", inputs, name, axis=-1 if isinstance(shapes[0], Tokens) else 1)


@writes("PReLU")
def prelu(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    dims = [layer.num_parameters] + [1] * (len(shapes[0]) - 1)
    w.node("PRelu", [*inputs, w.weight(f"{name}:w", dims)], name)


@writes("Dropout")
def dropout(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    w.constants.append(helper.make_tensor(f"{name}:p", FLOAT, [], [layer.p]))
    w.node("Dropout", [*inputs, f"{name}:p"], name)


@writes("Add", "Mul")
def merge(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    if isinstance(layer, layers.Add) and len(inputs) != 2:
        w.node("Sum", inputs, name)
    elif len(inputs) != 2:
        raise UnwritableError("几个输入的 Mul")
    else:
        w.node(type(layer).__name__, inputs, name)


@writes("Concat")
def concat(w: Writer, name: str, inputs: list[str], _: Any, shapes: list[Shape]) -> None:
    w.node("Concat", inputs, name, axis=-1 if isinstance(shapes[0], Tokens) else 1)


@writes("ChannelShuffle")
def shuffle(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    channels, *sizes = shapes[0]
    split = w.integers(f"{name}:split", [0, layer.groups, channels // layer.groups, *sizes])
    whole = w.integers(f"{name}:whole", [0, -1, *sizes])
    w.node("Reshape", [*inputs, split], f"{name}:1")
    w.node("Transpose", [f"{name}:1"], f"{name}:2", perm=[0, 2, 1, *range(3, len(sizes) + 3)])
    w.node("Reshape", [f"{name}:2", whole], name)


@writes("Split")
def split(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    """一个 Split 算子写出几份；这里只用其中一份，别的份不起名字。"""
    outputs = [name if index == layer.index else f"{name}:{index}" for index in range(layer.chunks)]
    axis = len(shapes[0]) if isinstance(shapes[0], Tokens) else 1
    w.nodes.append(helper.make_node("Split", inputs, outputs, name=f"{name}:split", axis=axis))


@writes("Pad")
def pad(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    ends = padding(layer)["pads"]
    pads = w.integers(f"{name}:pads", [0, 0, *ends[:2], 0, 0, *ends[2:]])
    w.node("Pad", [*inputs, pads], name)


@writes("Upsample")
def upsample(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    scales = [1.0, 1.0, *map(float, pair(layer.scale_factor))]
    w.constants.append(helper.make_tensor(f"{name}:scales", FLOAT, [4], scales))
    mode = "nearest" if layer.mode == "nearest" else "linear"
    w.node("Resize", [*inputs, "", f"{name}:scales"], name, mode=mode)


@writes("ToTokens")
def tokens(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    if layer.grid:
        w.node("Transpose", inputs, name, perm=[0, 2, 3, 1])
        return
    rows = w.integers(f"{name}:rows", [0, shapes[0][0], -1])
    w.node("Reshape", [*inputs, rows], f"{name}:flat")
    w.node("Transpose", [f"{name}:flat"], name, perm=[0, 2, 1])


@writes("ToImage")
def image(w: Writer, name: str, inputs: list[str], _: Any, __: list[Shape]) -> None:
    w.node("Transpose", inputs, name, perm=[0, 3, 1, 2])


@writes("Scale")
def scale(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    dims = shapes[0][-1:] if isinstance(shapes[0], Tokens) else [shapes[0][0]] + [1] * (len(shapes[0]) - 1)
    product = f"{name}:scaled" if layer.bias else name
    w.node("Mul", [*inputs, w.weight(f"{name}:w", dims)], product)
    if layer.bias:
        w.node("Add", [product, w.weight(f"{name}:b", dims)], name)


@writes("Crop")
def crop(w: Writer, name: str, inputs: list[str], layer: Any, shapes: list[Shape]) -> None:
    starts = pair(layer.offset)
    stops = [start + size for start, size in zip(starts, shapes[1][1:], strict=True)]
    ends = [w.integers(f"{name}:{label}", values) for label, values in (("from", starts), ("to", stops))]
    w.node("Slice", [inputs[0], *ends, w.integers(f"{name}:axes", [2, 3])], name)


@writes("ClassToken")
def class_token(w: Writer, name: str, inputs: list[str], _: Any, shapes: list[Shape]) -> None:
    shape = w.integers(f"{name}:shape", [1, 1, shapes[0][-1]])
    w.node("Expand", [w.weight(f"{name}:w", [1, 1, shapes[0][-1]]), shape], f"{name}:expanded")
    w.node("Concat", [f"{name}:expanded", *inputs], name, axis=1)


@writes("PositionEmbedding")
def position(w: Writer, name: str, inputs: list[str], _: Any, shapes: list[Shape]) -> None:
    w.node("Add", [*inputs, w.weight(f"{name}:w", [1, *shapes[0]])], name)


@writes("SelectToken")
def select(w: Writer, name: str, inputs: list[str], layer: Any, _: list[Shape]) -> None:
    w.constants.append(helper.make_tensor(f"{name}:index", TensorProto.INT64, [], [layer.index]))
    w.node("Gather", [*inputs, f"{name}:index"], name, axis=1)
