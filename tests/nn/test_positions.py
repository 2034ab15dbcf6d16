"""位置编码：与 torch 的记录、ONNX 的参考实现、复数乘法、精确的有理数比；平移与相对位置的性质。"""

import math
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from dlnotes.nn import positions as module
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.positions import rotary_embedding, rotary_embedding_backward, sinusoidal_encoding
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

ONNX = f"ONNX {onnx.__version__} 的参考实现"


@pytest.mark.parametrize("case", recorded("positions"), ids=str)
def test_as_torch(case: Recorded) -> None:
    # 13 万弧度的角在 float64 里只准到 1.5e-11，cos、sin 也就差这么多
    check(module, case, atol=1e-10 if case.y.dtype == np.float64 else 1e-6)


def test_sinusoidal_by_hand() -> None:
    got = sinusoidal_encoding(np.arange(40).reshape(2, 20), 6)
    expected = [
        [
            [(math.cos if i % 2 else math.sin)(t / 10000 ** ((i - i % 2) / 6)) for i in range(6)]
            for t in range(row * 20, row * 20 + 20)
        ]
        for row in range(2)
    ]
    compare(sinusoidal_encoding, got, expected, source="定义（逐个循环）", rtol=1e-14)


@given(st.floats(-1e3, 1e3), st.integers(1, 6), st.sampled_from([10000.0, 50.0]))
def test_a_shift_is_one_linear_map(shift: float, half: int, base: float) -> None:
    """同一个矩阵把每个位置的编码变成平移后的；矩阵由和角公式写出。"""
    t, w = np.linspace(-9, 20, 13), [base ** (-i / half) for i in range(half)]
    matrix = np.zeros((2 * half, 2 * half))
    for i, omega in enumerate(w):
        c, s = math.cos(shift * omega), math.sin(shift * omega)
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, s], [-s, c]]
    expected = sinusoidal_encoding(t, 2 * half, base=base) @ matrix.T
    got = sinusoidal_encoding(t + shift, 2 * half, base=base)
    compare(sinusoidal_encoding, got, expected, source="和角公式", rtol=1e-11)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rotary_by_complex_numbers(interleaved: bool) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 6))
    where = np.array([0.0, 1.0, 2.5, -3.0, 900.0])
    got = rotary_embedding(x, where, base=100.0, interleaved=interleaved)
    expected = np.zeros_like(x)
    for n, t, i in np.ndindex(2, 5, 3):
        a, b = (2 * i, 2 * i + 1) if interleaved else (i, i + 3)
        z = complex(x[n, t, a], x[n, t, b]) * np.exp(1j * where[t] * 100.0 ** (-2 * i / 6))
        expected[n, t, a], expected[n, t, b] = z.real, z.imag
    compare(rotary_embedding, got, expected, source="复数乘法", rtol=1e-13)
    back = rotary_embedding_backward(expected, x, where, base=100.0, interleaved=interleaved)
    compare(rotary_embedding_backward, back, x, source="转回去", rtol=1e-13)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rotary_as_onnx(interleaved: bool) -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, 5, 8))
    where = np.array([[0, 1, 2, 3, 4], [7, 3, 3, 0, 9]])
    angle = np.arange(10)[:, None] * 10000.0 ** (-np.arange(0, 8, 2) / 8)
    inputs = {"X": x, "cos": np.cos(angle), "sin": np.sin(angle), "ids": where}
    node = helper.make_node("RotaryEmbedding", list(inputs), ["Y"], interleaved=int(interleaved))
    infos = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if name == "ids" else TensorProto.DOUBLE, value.shape
        )
        for name, value in inputs.items()
    ]
    out = helper.make_tensor_value_info("Y", TensorProto.DOUBLE, None)
    graph = helper.make_graph([node], "rotary", infos, [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    expected = ReferenceEvaluator(model).run(None, inputs)[0]
    got = rotary_embedding(x, where[:, None], interleaved=interleaved)
    compare(rotary_embedding, got, expected, source=ONNX, rtol=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(-500, 500), st.booleans())
def test_inner_products_depend_on_the_difference_only(seed: int, shift: int, interleaved: bool) -> None:
    rng = np.random.default_rng(seed)
    q, k = rng.standard_normal((2, 7, 8))
    where = rng.integers(-50, 50, 7)
    pair = [rotary_embedding(x, where, interleaved=interleaved) for x in (q, k)]
    moved = [rotary_embedding(x, where + shift, interleaved=interleaved) for x in (q, k)]
    got, expected = moved[0] @ moved[1].T, pair[0] @ pair[1].T
    compare(rotary_embedding, got, expected, source="只与相对位置有关", rtol=1e-11)
    lengths = np.linalg.norm(pair[0], axis=-1)
    compare(rotary_embedding, np.linalg.norm(q, axis=-1), lengths, source="长度不变", rtol=1e-14)


@given(st.integers(0, 2**32 - 1))
def test_the_two_pairings_differ_by_a_permutation(seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((3, 6))
    order = [0, 2, 4, 1, 3, 5]  # 相邻的配对搬到前后两半
    halves = rotary_embedding(x[:, order], interleaved=False)
    compare(rotary_embedding, halves, rotary_embedding(x)[:, order], source="两种配对差一个排列", rtol=1e-15)


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("where", [None, np.array([[3.0], [-2.0]])])
def test_gradients(interleaved: bool, where: Any) -> None:
    x = np.random.default_rng(2).standard_normal((2, 4, 6))
    options: Any = {"interleaved": interleaved, "base": 30.0}
    check_gradient(
        lambda a: rotary_embedding(a, where, **options),
        lambda dy, a: rotary_embedding_backward(dy, a, where, **options),
        x,
    )
    with pytest.raises(AssertionError, match="第 0 个参数"):
        check_gradient(
            lambda a: rotary_embedding(a, where, **options),
            lambda dy, a: rotary_embedding(dy, where, **options),
            x,
        )


def test_corners() -> None:
    x = np.random.default_rng(3).standard_normal((2, 4, 6))
    assert np.array_equal(rotary_embedding(x[:, :1]), x[:, :1])  # 位置 0 不转
    assert np.array_equal(rotary_embedding(x), rotary_embedding(x, np.arange(4)))
    assert np.isnan(sinusoidal_encoding(np.inf, 2)).all()
    assert np.isnan(sinusoidal_encoding([np.nan], 4)).all()
    assert np.isnan(rotary_embedding([[1.0, 2.0]], [np.inf])).all()
    assert np.isinf(rotary_embedding([[np.inf, 2.0]], [1])).all()
    assert sinusoidal_encoding(3, 4).shape == (4,)
    assert sinusoidal_encoding(np.zeros((0, 2)), 4).shape == (0, 2, 4)
    assert sinusoidal_encoding(np.float32(3), 4).dtype == np.float32
    assert sinusoidal_encoding([3], 4).dtype == np.float64
    # 角若用 float32 算，这里差 0.004
    late = sinusoidal_encoding(np.array([99999.0], np.float32), 2)
    compare(sinusoidal_encoding, late, [[math.sin(99999), math.cos(99999)]], source="定义（逐个循环）")
    for dtype in (np.float16, np.float32, np.float64):
        y = x.astype(dtype)[:, ::2, ::-1]
        y.flags.writeable = False
        before = y.copy()
        assert rotary_embedding(y, np.array([1.0, 2.0])).dtype == dtype  # 位置不改变类型
        assert rotary_embedding_backward(y, y, [1, 2]).dtype == dtype
        assert np.array_equal(y, before)
    assert rotary_embedding([[1, 2]]).dtype == np.float64
    assert rotary_embedding(np.zeros((0, 3, 2))).shape == (0, 3, 2)


def test_a_base_below_one() -> None:
    """频率是 1 与 base 的 -1/2 次方：底小于 1 时第二对转得更快。"""
    expected = [math.sin(3), math.cos(3), math.sin(6), math.cos(6)]
    compare(sinusoidal_encoding, sinusoidal_encoding(3, 4, base=0.25), expected, source="定义（逐个循环）")


def test_bad_arguments() -> None:
    for dim, error in ((3, ValueError), (0, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match=r"^`dim` 应为"):
            sinusoidal_encoding([1], dim)
    for base, error in (
        (0, ValueError),
        (np.inf, ValueError),
        (np.nan, ValueError),
        ("e", TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match=r"^`base` 应为"):
            rotary_embedding([[1.0, 2.0]], base=base)
        with pytest.raises(error, match=r"^`base` 应为"):
            sinusoidal_encoding([1], 2, base=base)
    for x in ([1.0, 2.0], [[1.0, 2.0, 3.0]], np.zeros((2, 0)), np.zeros((2, 4, 3)), np.zeros((2, 4, 0))):
        with pytest.raises(ValueError, match=r"^`x` 应为形状 \(..., L, D\)、D 为正偶数的数组"):
            rotary_embedding(x)
    for where in ([0, 1, 2], np.zeros((1, 1, 2)), np.zeros((2, 2))):
        with pytest.raises(ValueError, match=r"^`positions` 应为能广播成形状 \(3, 2\) 的数组"):
            rotary_embedding(np.zeros((3, 2, 4)), where)
    with pytest.raises(ValueError, match=r"^`dy` 应为形状 \(2, 4\)"):
        rotary_embedding_backward(np.zeros((1, 4)), np.zeros((2, 4)))
    with pytest.raises(TypeError, match=r"^`interleaved`"):
        rotary_embedding(np.zeros((2, 4)), interleaved=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^`positions` 应为实数"):
        sinusoidal_encoding(["a"], 2)
