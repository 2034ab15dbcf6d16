"""坏的 ONNX 文件：一行报错，不占多少内存，不打开别的文件。"""

import os
import re
import tracemalloc
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from dlnotes.arch import ledger, zoo
from dlnotes.arch.onnx import _wire, load, parse
from dlnotes.cli import main

from .onnx_writer import write

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def graph(nodes: list[Any], **options: Any) -> Any:
    """不检查的模型：输入 x，输出 y。"""
    inputs = options.pop(
        "inputs", [helper.make_tensor_value_info("x", FLOAT, options.pop("dims", [1, 3, 8, 8]))]
    )
    outputs = [helper.make_tensor_value_info("y", FLOAT, None)]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, **options))


def node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Any:
    return helper.make_node(kind, inputs, outputs, name=f"n_{outputs[0]}", **attributes)


def integers(name: str, values: list[int]) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def told(model: Any, **options: Any) -> str:
    """报错的全文，只有一行。"""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 各例自己查措辞
        ledger(parse(data, "net", **options))
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 2000
    return text


RELU = node("Relu", ["x"], ["y"])
WEIGHT = helper.make_tensor_value_info("w", FLOAT, [4, 3, 3, 3])
X = helper.make_tensor_value_info("x", FLOAT, [1, 3, 8, 8])
BAD: dict[str, tuple[Any, str]] = {
    "cycle": (
        graph([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])]),
        r"节点 n_a（Add）：输入 b 还没有算出来：它写在后面，或成了环",
    ),
    "missing": (graph([node("Relu", ["nowhere"], ["y"])]), "输入 nowhere 还没有算出来：没有节点写出它"),
    "twice": (graph([RELU, RELU]), "输出 y 写了两次"),
    "no output": (graph([node("Relu", ["x"], ["z"])]), "没有节点写出图的输出 y"),
    "no nodes": (graph([], inputs=[helper.make_tensor_value_info("y", FLOAT, [1, 2])]), "没有一个节点用到"),
    "no inputs": (graph([RELU], inputs=[]), "图没有输入"),
    "same inputs": (graph([RELU], inputs=[X, X]), "图的输入有重名"),
    "same weights": (graph([RELU], initializer=[integers("w", [1]), integers("w", [1])]), "权重 w 存了两次"),
    "too many axes": (graph([RELU], dims=[1, 3, 8, 8, 8]), "应有 2 到 4 轴，第一轴是批量，得到 5 轴"),
    "two inputs": (
        graph([RELU], inputs=[X, helper.make_tensor_value_info("mask", INT64, [1, 8])]),
        "还有一个输入 mask；只读有一个输入的网络",
    ),
    "zero": (graph([RELU], dims=[1, 3, 0, 8]), r"3×\?×8 没有写全"),
    "negative": (graph([RELU], dims=[1, -3, 8, 8]), r"\?×8×8 没有写全"),
    "huge": (graph([RELU], dims=[1, 3, 1 << 50, 8]), "x 的形状 .* 不合理"),
    "huge output": (
        graph(
            [node("Resize", ["x", "", "s"], ["y"])],
            initializer=[numpy_helper.from_array(np.array([1, 1, 1e6, 1e6], np.float32), "s")],
        ),
        "超过 1,099,511,627,776 个元素",
    ),
    "wrong group": (graph([node("Conv", ["x", "w"], ["y"], group=2)], inputs=[X, WEIGHT]), "`groups`"),
    "wrong weight": (
        graph(
            [node("Conv", ["x", "w"], ["y"])],
            inputs=[X, helper.make_tensor_value_info("w", FLOAT, [4, 2, 3, 3])],
        ),
        "权重的大小与用法对不上",
    ),
    "wrong kernel": (
        graph([node("Conv", ["x", "w"], ["y"], kernel_shape=[5, 5])], inputs=[X, WEIGHT]),
        r"kernel_shape 写着 \[5, 5\]",
    ),
    "wrong type": (
        graph([node("Conv", ["x", "w"], ["y"], strides="two")], inputs=[X, WEIGHT]),
        "属性 strides 的类型是 3，应为 7",
    ),
    "no weight": (graph([node("Conv", ["x"], ["y"])]), "第 2 个输入应当是存在文件里的常数"),
    "computed weight": (graph([node("Conv", ["x", "x"], ["y"])]), "第 2 个输入应当是存在文件里的常数"),
    "subgraph": (
        graph([node("If", ["x"], ["y"], then_branch=helper.make_graph([RELU], "t", [], []))]),
        "节点 n_y（If）：不认识这个算子",
    ),
    "reshape": (
        graph([node("Reshape", ["x", "s"], ["y"])], initializer=[integers("s", [1, -1, -1])]),
        "新的形状",
    ),
    "reshape by zero": (
        graph([node("Reshape", ["x", "s"], ["y"], allowzero=1)], initializer=[integers("s", [0, -1])]),
        "不能把",
    ),
    "permutation": (graph([node("Transpose", ["x"], ["y"], perm=[0, 1, 1, 2])]), "不是 4 个轴的排列"),
    "axis": (graph([node("Softmax", ["x"], ["y"], axis=9)]), "没有第 9 轴，张量只有 4 轴"),
    "batch": (graph([node("Softmax", ["x"], ["y"], axis=0)]), "作用于批量那一轴"),
    "too big a number": (
        graph(
            [node("Mul", ["c", "c"], ["d"]), node("Mul", ["d", "d"], ["e"]), RELU],
            initializer=[integers("c", [1 << 40])],
        ),
        "由常数算出的数太多或太大",
    ),
    "too many constant axes": (
        graph(
            [
                node("Gather", ["c", "i"], ["d"]),
                node("Gather", ["d", "i"], ["e"]),
                RELU,
            ],
            initializer=[integers("c", [1]), helper.make_tensor("i", INT64, [1] * 7, [0])],
        ),
        r"节点 n_e（Gather）：由常数算出的形状 \(1, .*\) 不合理",
    ),
    "too big a constant": (
        graph(
            [node("MatMul", ["c", "d"], ["e"]), RELU],
            initializer=[
                TensorProto(name="c", data_type=FLOAT, dims=[1 << 39, 2]),
                TensorProto(name="d", data_type=FLOAT, dims=[2, 1 << 39]),
            ],
        ),
        "节点 n_e（MatMul）：由常数算出的形状 .* 不合理",
    ),
    "short data": (
        graph(
            [node("Reshape", ["x", "s"], ["y"])],
            initializer=[TensorProto(name="s", data_type=INT64, dims=[4], raw_data=bytes(8))],
        ),
        "有 4 个元素，却存了 8 字节",
    ),
    "long name": (graph([node("Relu", ["x"], ["y" * 5000])]), "有一个名字长达 5,000 字节"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_graph_is_told_in_one_line(name: str) -> None:
    model, expected = BAD[name]
    assert re.search(expected, told(model)), told(model)


def test_control_characters_in_names_are_escaped() -> None:
    model = graph([node("Relu", ["x"], ["\x1b[31m\n"]), node("Relu", ["\x1b[31m\n"], ["y"])])
    names = [row.name for row in ledger(parse(model.SerializeToString())).rows]
    assert names == ["n_\\x1b[31m\\n", "n_y"]


def test_names_of_nodes_may_be_missing_repeated_or_reserved() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="input"),
        helper.make_node("Relu", ["a"], ["b"], name="same"),
        helper.make_node("Relu", ["b"], ["same"], name="same"),
        helper.make_node("Relu", ["same"], ["y"]),
    ]
    assert [node.name for node in parse(graph(nodes).SerializeToString()).nodes] == [
        "a",
        "same",
        "same#2",
        "y",
    ]


def test_thousands_of_nodes_need_no_recursion() -> None:
    nodes = [node("Relu", ["x" if k == 0 else f"t{k}"], [f"t{k + 1}"]) for k in range(20_000)]
    nodes.append(node("Relu", ["t20000"], ["y"]))
    assert len(ledger(parse(graph(nodes).SerializeToString())).rows) == 20_001


def test_doubling_shapes_stop() -> None:
    nodes = [node("Concat", [f"t{k}", f"t{k}"], [f"t{k + 1}"], axis=1) for k in range(60)]
    model = graph([node("Relu", ["x"], ["t0"]), *nodes, node("Relu", ["t60"], ["y"])])
    assert "个元素" in told(model)


def test_constants_cannot_be_computed_without_end() -> None:
    nodes = [node("Add", ["c" if k == 0 else f"c{k}", "c"], [f"c{k + 1}"]) for k in range(300)]
    assert "太多或太大" in told(graph([*nodes, RELU], initializer=[integers("c", [0] * 4096)]))


def test_external_data_is_never_opened(tmp_path: Path) -> None:
    """权重存在别的文件里：不打开它也读得了；要用到它的数值时报错。"""
    weight = numpy_helper.from_array(np.zeros((4, 3, 3, 3), np.float32), "w")
    shape = integers("s", [1, 4, -1])
    for tensor, place in ((weight, "/etc/passwd"), (shape, "../../secret")):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)
    path = tmp_path / "net.onnx"
    path.write_bytes(graph([node("Conv", ["x", "w"], ["y"])], initializer=[weight]).SerializeToString())
    assert ledger(load(path)).params == 108
    model = graph([node("Reshape", ["x", "s"], ["y"])], initializer=[shape])
    assert "第 2 个输入应当是读文件时就知道的一串整数" in told(model)


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def within(number: int, body: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(body)) + body


HOSTILE = {
    "long names": within(7, within(1, within(1, b"abcdefgh" * 100) * 300) * 500),
    "nodes": within(7, within(1, b"") * 60_000),
    "empty messages": within(7, within(5, b"") * 1_100_000),
    "attributes": within(7, within(1, within(5, b"") * 1_100_000)),
    "packed integers": within(7, within(5, within(1, b"\1" * 1_100_000))),
    "endless varint": b"\x3a" + b"\xff" * 1000,
    "beyond the end": b"\x3a\xff\xff\xff\xff\x0f",
    "a number for a string": within(7, within(1, b"\x20\x01")),
    "group": b"\x3b\x3c",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_told_in_one_line(name: str) -> None:
    assert "net" in told(HOSTILE[name])


@pytest.mark.parametrize("name", ["attributes", "long names"])
def test_a_hostile_file_costs_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        told(HOSTILE[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * _wire.FIELDS


def test_weights_are_skipped(tmp_path: Path) -> None:
    """64 MB 的权重：读的时候只用不到 1 MB。"""
    weight = numpy_helper.from_array(np.zeros((4096, 4096), np.float32), "w")
    gemm = graph([node("Gemm", ["x", "w"], ["y"])], dims=[1, 4096], initializer=[weight])
    path = tmp_path / "large.onnx"
    path.write_bytes(gemm.SerializeToString())
    tracemalloc.start()
    try:
        network = load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ledger(network).params == 4096 * 4096
    assert peak < 1_000_000


SEEDS = [write(zoo.load(name)).SerializeToString() for name in ("alexnet_caffe", "zf5")]
SEEDS += [
    graph(
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "i"], ["n"], axis=0),
            node("Concat", ["n", "m"], ["t"], axis=0),
            node("Reshape", ["x", "t"], ["f"]),
            node("MatMul", ["f", "w"], ["g"]),
            node("Slice", ["g", "i", "m", "i"], ["h"]),
            node("Transpose", ["g"], ["k"], perm=[0, 2, 1]),
            node("MatMul", ["g", "k"], ["p"]),
            node("Softmax", ["p"], ["y"], axis=-1),
        ],
        inputs=[X, helper.make_tensor_value_info("w", FLOAT, [8, 5])],
        initializer=[integers("i", [0]), integers("m", [24, 8])],
    ).SerializeToString()
]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_told_in_one_line(data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 4))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(seed[: data.draw(st.integers(0, len(seed)))] if data.draw(st.booleans()) else seed)
    unknown = data.draw(st.sampled_from(["error", "skip"]))
    message = "读成了"
    try:
        ledger(parse(damaged, "net", unknown=unknown))
    except ValueError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_told_in_one_line(data: bytes) -> None:
    assert told(data)


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


def test_the_command_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "vgg16.onnx"
    onnx.save(write(zoo.load("vgg16")), path)
    code, out, err = run("show", str(path), "--columns", "name,output,params,macs,rf", "--format", "csv")
    assert (code, err) == (0, "")
    assert (
        out.replace("AveragePool", "")
        == run("show", "vgg16", "--columns", "name,output,params,macs,rf", "--format", "csv")[1]
    )
    assert run("rf", str(path), "pool5") == run("rf", "vgg16", "pool5")
    assert run("compare", str(path), "vgg16", "--format", "json")[1].count("15470264320") == 2


@pytest.mark.parametrize("command", ["show", "rf", "compare"])
@pytest.mark.parametrize("kind", ["missing", "folder", "text", "empty", "truncated", "pipe"])
def test_the_command_tells_a_bad_file_in_one_line(command: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    whole = write(zoo.load("zf5")).SerializeToString()
    contents = {"text": "纸上的网络".encode(), "empty": b"", "truncated": whole[: len(whole) // 2]}
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            return
        os.mkfifo(path)
    elif kind in contents:
        path.write_bytes(contents[kind])
    code, out, err = run(command, str(path))
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "ONNX 文件" in err
