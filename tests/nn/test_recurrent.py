"""循环网络：与 PyTorch 记下的结果（含 packed）、ONNX 的参考实现、闭式比，反向与差分比，性质。"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from dlnotes.nn.gated_recurrent import gru, gru_backward
from dlnotes.nn.gated_recurrent_cell import gru_cell, gru_cell_backward
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.recurrent import lstm, lstm_backward, rnn, rnn_backward
from dlnotes.nn.recurrent_cells import Weights, lstm_cell, lstm_cell_backward, rnn_cell, rnn_cell_backward
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, recorded

RECORDED = recorded("recurrent")
ONNX = "ONNX 的参考实现"
OPERATORS: dict[str, tuple[Callable[..., Any], Callable[..., Any], int]] = {
    "rnn": (rnn, rnn_backward, 1),
    "lstm": (lstm, lstm_backward, 4),
    "gru": (gru, gru_backward, 3),
}
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
D, H, N, L = 2, 3, 4, 5


def weights_of(arrays: dict[str, Any]) -> list[Weights]:
    """各层、各方向的权重。"""
    rows = sorted({int(name.split(".")[1]) for name in arrays if "." in name})
    return [Weights(*(arrays.get(f"weights.{k}.{name}") for name in NAMES)) for k in rows]


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_torch(case: Recorded) -> None:
    forward, backward, _ = OPERATORS[case.op]
    states = ["h0", "c0"] if case.op == "lstm" else ["h0"]
    x, weights, initial = (
        case.inputs["x"],
        weights_of(case.inputs),
        [case.inputs.get(name) for name in states],
    )
    got = forward(x, weights, *initial, **case.options)
    compare(forward, got, [*case.outputs.values()], source=case.source)
    assert {one.dtype for one in got} == {x.dtype}
    dy, *finals = case.upstream.values()
    ends = {f"d{name[0]}_n": final for name, final in zip(states, finals, strict=True)}
    dx, dweights, *dinitial = backward(dy, x, weights, *initial, **ends, **case.options)
    compare(backward, dx, case.gradients["x"], source=case.source)
    compare(backward, dinitial, [case.gradients.get(name) for name in states], source=case.source)
    for one, other in zip(dweights, weights_of(case.gradients), strict=True):
        compare(backward, one, other, source=case.source)
    assert dx.dtype == x.dtype


def test_everything_is_recorded() -> None:
    assert {case.op for case in RECORDED} == set(OPERATORS)
    assert {bool(case.options["lengths"]) for case in RECORDED} == {True, False}
    assert {case.options["bidirectional"] for case in RECORDED} == {True, False}
    assert max(len(weights_of(case.inputs)) for case in RECORDED) == 4


def random_weights(
    rng: np.random.Generator, gates: int, inputs: int = D, *, peephole: bool = False
) -> Weights:
    shapes = [(gates * H, inputs), (gates * H, H), (gates * H,), (gates * H,)]
    arrays = [0.7 * rng.standard_normal(shape) for shape in shapes]
    return Weights(*arrays, rng.standard_normal((3, H)) if peephole else None)


# ONNX 的参考实现：门的次序不同，有窥视孔，有重置门的两种放法。


def onnx(op: str, x: Any, weights: list[Weights], states: list[Any], **attributes: Any) -> list[Any]:
    order = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}[op]  # 它的次序里，各是我们的第几个

    def reorder(array: Any) -> Any:
        return np.concatenate([np.split(array, len(order))[gate] for gate in order])

    inputs = {
        "X": x,
        "W": np.stack([reorder(w.weight_ih) for w in weights]),
        "R": np.stack([reorder(w.weight_hh) for w in weights]),
        "B": np.stack([np.concatenate([reorder(w.bias_ih), reorder(w.bias_hh)]) for w in weights]),
    }
    inputs |= dict(zip(("H0", "C0"), states, strict=False))
    names = ["X", "W", "R", "B", "", "H0"] + (["C0", "P"] if op == "LSTM" else [])
    if op == "LSTM":  # 窥视孔的次序是 i、o、f
        inputs["P"] = np.stack([w.peephole[[0, 2, 1]].ravel() for w in weights])
    outputs = ["Y", "Y_h", "Y_c"][: 2 + (op == "LSTM")]
    direction = "bidirectional" if len(weights) == 2 else "forward"
    node = helper.make_node(op, names, outputs, hidden_size=H, direction=direction, **attributes)
    infos = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in inputs]
    results = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in outputs]
    graph = helper.make_graph([node], "one", infos, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    y, *finals = ReferenceEvaluator(model).run(None, inputs)
    return [y.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1), *finals]


@pytest.mark.parametrize("directions", [1, 2])
def test_onnx(directions: int) -> None:
    rng = np.random.default_rng(directions)
    x = rng.standard_normal((L, N, D))
    h, c = rng.standard_normal((2, directions, N, H))
    both = directions == 2
    weights = [random_weights(rng, 4, peephole=True) for _ in range(directions)]
    got = lstm(x, weights, h, c, bidirectional=both)
    compare(lstm, got, onnx("LSTM", x, weights, [h, c]), source=ONNX)
    weights = [random_weights(rng, 3) for _ in range(directions)]
    for after in (True, False):
        got = gru(x, weights, h, bidirectional=both, reset_after=after)
        compare(gru, got, onnx("GRU", x, weights, [h], linear_before_reset=int(after)), source=ONNX)
    weights = [random_weights(rng, 1) for _ in range(directions)]
    if not both:  # 它的 RNN 只会一个方向
        compare(rnn, rnn(x, weights, h), onnx("RNN", x, weights, [h]), source=ONNX)


def test_cells_are_one_step_of_onnx() -> None:
    rng = np.random.default_rng(8)
    x, h, c = rng.standard_normal((N, D)), *rng.standard_normal((2, N, H))
    w = random_weights(rng, 4, peephole=True)
    _, *finals = onnx("LSTM", x[None], [w], [h[None], c[None]])
    compare(lstm_cell, lstm_cell(x, h, c, *w), [final[0] for final in finals], source=ONNX)
    w = random_weights(rng, 3)
    for after in (True, False):
        _, final = onnx("GRU", x[None], [w], [h[None]], linear_before_reset=int(after))
        compare(gru_cell, gru_cell(x, h, *w[:4], reset_after=after), final[0], source=ONNX)
    w = random_weights(rng, 1)
    _, final = onnx("RNN", x[None], [w], [h[None]])
    compare(rnn_cell, rnn_cell(x, h, *w[:4]), final[0], source=ONNX)


# 单元：逐个循环的定义，差分。


def sigmoid(a: float) -> float:
    return 1 / (1 + np.exp(-a))


def test_cells_by_definition() -> None:
    """每个数单独算：外层对样本、单元，内层求和，不用矩阵乘。"""
    rng = np.random.default_rng(3)
    x, h, c = rng.standard_normal((N, D)), *rng.standard_normal((2, N, H))
    w = random_weights(rng, 4, peephole=True)

    def dot(row: Any, column: Any) -> float:
        return sum(float(a) * float(b) for a, b in zip(row, column, strict=True))

    def pre(w: Weights, n: int, row: int) -> tuple[float, float]:
        return dot(w.weight_ih[row], x[n]) + w.bias_ih[row], dot(w.weight_hh[row], h[n]) + w.bias_hh[row]

    h_new, c_new, gru_after, gru_before, plain = np.empty((5, N, H))
    v, u = random_weights(rng, 3), random_weights(rng, 1)
    for n in range(N):
        resets = [sigmoid(sum(pre(v, n, j))) for j in range(H)]
        for j in range(H):
            i, f, g, o = (sum(pre(w, n, gate * H + j)) for gate in range(4))
            i, f = sigmoid(i + w.peephole[0, j] * c[n, j]), sigmoid(f + w.peephole[1, j] * c[n, j])
            c_new[n, j] = f * c[n, j] + i * np.tanh(g)
            h_new[n, j] = sigmoid(o + w.peephole[2, j] * c_new[n, j]) * np.tanh(c_new[n, j])
            z, (a, b) = sigmoid(sum(pre(v, n, H + j))), pre(v, n, 2 * H + j)
            gru_after[n, j] = (1 - z) * np.tanh(a + resets[j] * b) + z * h[n, j]
            b = dot(v.weight_hh[2 * H + j], np.array(resets) * h[n]) + v.bias_hh[2 * H + j]
            gru_before[n, j] = (1 - z) * np.tanh(a + b) + z * h[n, j]
            plain[n, j] = sum(pre(u, n, j))
    source = "定义（逐个循环）"
    compare(lstm_cell, lstm_cell(x, h, c, *w), (h_new, c_new), source=source)
    compare(gru_cell, gru_cell(x, h, *v[:4]), gru_after, source=source)
    compare(gru_cell, gru_cell(x, h, *v[:4], reset_after=False), gru_before, source=source)
    compare(rnn_cell, rnn_cell(x, h, *u[:4]), np.tanh(plain), source=source)
    compare(rnn_cell, rnn_cell(x, h, *u[:4], nonlinearity="relu"), np.maximum(plain, 0), source=source)


def cell_gradients() -> dict[str, tuple[Any, Any, list[Any]]]:
    rng = np.random.default_rng(4)
    x, h, c = rng.standard_normal((N, D)), *rng.standard_normal((2, N, H))
    one, three, four = random_weights(rng, 1), random_weights(rng, 3), random_weights(rng, 4, peephole=True)
    cases: dict[str, tuple[Any, Any, list[Any]]] = {}
    for phi in ("tanh", "relu"):
        cases[phi] = (
            lambda *a, p=phi: rnn_cell(*a, nonlinearity=p),
            lambda dy, *a, p=phi: rnn_cell_backward(dy, *a, nonlinearity=p),
            [x, h, *one[:4]],
        )
    for after in (True, False):
        for count in (2, 3, 4):
            given = [*three[:count], *[None] * (4 - count)]
            cases[f"gru {after} {count}"] = (
                lambda *a, r=after: gru_cell(*a, reset_after=r),
                lambda dy, *a, r=after: gru_cell_backward(dy, *a, reset_after=r),
                [x, h, *given],
            )
    for given in ([*four], [*four[:4], None], [*four[:2], None, None, four[4]]):
        cases[f"lstm {len(cases)}"] = (
            lambda *a: np.stack(lstm_cell(*a)),
            lambda dy, *a: lstm_cell_backward(*dy, *a),
            [x, h, c, *given],
        )
    return cases


CELLS = cell_gradients()


@pytest.mark.parametrize("name", CELLS)
def test_cell_gradients(name: str) -> None:
    forward, backward, arrays = CELLS[name]
    check_gradient(forward, backward, *arrays)
    for place, array in enumerate(arrays):
        if array is None:
            continue

        def wrong(dy: Any, *args: Any, place: int = place) -> Any:
            return tuple(g * 1.001 if k == place else g for k, g in enumerate(backward(dy, *args)))

        with pytest.raises(AssertionError, match=f"^第 {place} 个参数的梯度不对"):
            check_gradient(forward, wrong, *arrays)


# 整个序列


def flat(op: str, **options: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """把序列的前向、反向写成 check_gradient 要的样子：x、h0、（c0、）各个权重，输出接成一个数组。"""
    forward, backward, _ = OPERATORS[op]
    states = 2 if op == "lstm" else 1

    def unpack(args: tuple[Any, ...]) -> tuple[Any, list[Any], list[Weights]]:
        x, rest = args[0], list(args[1 + states :])
        return x, list(args[1 : 1 + states]), [Weights(*rest[k : k + 5]) for k in range(0, len(rest), 5)]

    def f(*args: Any) -> Any:
        x, initial, weights = unpack(args)
        return np.concatenate([out.ravel() for out in forward(x, weights, *initial, **options)])

    def vjp(d: Any, *args: Any) -> Any:
        x, initial, weights = unpack(args)
        shapes = [out.shape for out in forward(x, weights, *initial, **options)]
        parts = np.split(d, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
        dy, *finals = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        ends = dict(zip(("dh_n", "dc_n"), finals, strict=False))
        dx, dweights, *dinitial = backward(dy, x, weights, *initial, **ends, **options)
        return (dx, *dinitial, *(array for w in dweights for array in w))

    return f, vjp


@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("rnn", {}),
        ("lstm", {}),
        ("gru", {}),
        ("gru", {"reset_after": False}),
        ("rnn", {"nonlinearity": "relu"}),
    ],
)
@pytest.mark.parametrize("lengths", [None, [3, 5, 0, 1]])
def test_sequence_gradients(op: str, options: dict[str, Any], lengths: Any) -> None:
    """两层、双向，LSTM 带窥视孔。"""
    rng = np.random.default_rng(5)
    gates = OPERATORS[op][2]
    weights = [random_weights(rng, gates, D if k < 2 else 2 * H, peephole=op == "lstm") for k in range(4)]
    states = rng.standard_normal((2 if op == "lstm" else 1, 4, N, H))
    x = rng.standard_normal((N, L, D))
    f, vjp = flat(op, bidirectional=True, batch_first=True, lengths=lengths, **options)
    arrays = [x, *states, *(array for w in weights for array in w)]
    check_gradient(f, vjp, *arrays, directions=1, rtol=1e-5)

    def wrong(dy: Any, *args: Any) -> Any:
        gradients = list(vjp(dy, *args))
        gradients[-4] = gradients[-4] * 1.01
        return tuple(gradients)

    with pytest.raises(AssertionError):
        check_gradient(f, wrong, *arrays, directions=1, rtol=1e-5)


@pytest.mark.parametrize("op", OPERATORS)
@settings(deadline=None)
@given(lengths=st.lists(st.integers(0, L), min_size=N, max_size=N), bidirectional=st.booleans())
def test_masking_is_running_alone(op: str, lengths: list[int], bidirectional: bool) -> None:
    rng = np.random.default_rng(6)
    forward, backward, gates = OPERATORS[op]
    directions = 2 if bidirectional else 1
    weights = [
        random_weights(rng, gates, D if k < directions else directions * H) for k in range(2 * directions)
    ]
    x = rng.standard_normal((L, N, D))
    for n, length in enumerate(lengths):
        x[length:, n] = np.nan  # 填充处有什么都不要紧
    states = list(rng.standard_normal((2 if op == "lstm" else 1, 2 * directions, N, H)))
    y, *finals = forward(x, weights, *states, bidirectional=bidirectional, lengths=lengths)
    dx, *_ = backward(np.ones_like(y), x, weights, *states, bidirectional=bidirectional, lengths=lengths)
    for n, length in enumerate(lengths):
        own = [s[:, n : n + 1] for s in states]
        alone, *ends = forward(x[:length, n : n + 1], weights, *own, bidirectional=bidirectional)
        compare(forward, y[:length, n], alone[:, 0], source="各序列单独跑", rtol=1e-12)
        assert not y[length:, n].any()
        compare(
            forward, [f[:, n] for f in finals], [e[:, 0] for e in ends], source="各序列单独跑", rtol=1e-12
        )
        one, *_ = backward(
            np.ones_like(alone), x[:length, n : n + 1], weights, *own, bidirectional=bidirectional
        )
        compare(backward, dx[:length, n], one[:, 0], source="各序列单独跑", rtol=1e-11)
        assert not dx[length:, n].any()


@pytest.mark.parametrize("op", OPERATORS)
def test_bidirectional_is_two_runs(op: str) -> None:
    rng = np.random.default_rng(7)
    forward, _, gates = OPERATORS[op]
    x = rng.standard_normal((L, N, D))
    there, back = (random_weights(rng, gates) for _ in range(2))
    y, *finals = forward(x, [there, back], bidirectional=True)
    first, *first_ends = forward(x, [there])
    second, *second_ends = forward(x[::-1], [back])
    compare(forward, y, np.concatenate([first, second[::-1]], axis=2), source="两次单向", rtol=1e-14)
    for final, a, b in zip(finals, first_ends, second_ends, strict=True):
        compare(forward, final, np.concatenate([a, b]), source="两次单向", rtol=1e-14)
    # 两层就是把一层接在一层后面；batch_first 只是换轴。
    upper = random_weights(rng, gates, H)
    stacked, *_ = forward(x, [there, upper])
    compare(forward, stacked, forward(first, [upper])[0], source="逐层跑", rtol=1e-14)
    swapped, *_ = forward(x.swapaxes(0, 1), [there, upper], batch_first=True)
    assert np.array_equal(swapped.swapaxes(0, 1), stacked)


def test_fixed_gates_reduce_the_cells() -> None:
    """门用很大的偏置钉住：LSTM 变成漏积分器或累加器，GRU 变成简单 RNN。"""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((L, N, H))
    zero, eye, big = np.zeros((H, H)), np.eye(H), np.full(H, 800.0)
    leak = 0.9
    forget = np.full(H, np.log(leak / (1 - leak)))
    w = Weights(
        np.concatenate([zero, zero, eye, zero]),
        np.zeros((4 * H, H)),
        np.concatenate([big, forget, 0 * big, big]),
    )
    y, _, c = lstm(x, [w])
    expected = sum(leak ** (L - 1 - t) * np.tanh(x[t]) for t in range(L))
    compare(lstm, c[0], expected, source="闭式")
    compare(lstm, y[-1], np.tanh(expected), source="闭式")
    # 输入门、输出门全开，遗忘门全关：h = tanh(tanh(Wx + Uh))
    plain = random_weights(rng, 1, H)
    rows = [np.concatenate([zero, zero, plain[k], zero]) for k in range(2)]
    bias = np.concatenate([big, -big, plain.bias_ih + plain.bias_hh, big])
    y, _, _ = lstm(x, [Weights(*rows, bias)])
    h = np.zeros((N, H))
    for t in range(L):
        h = np.tanh(rnn(x[t : t + 1], [plain], h[None])[0][0])
        compare(lstm, y[t], h, source="rnn")
    # 重置门全开、更新门全关：GRU 就是 tanh 的 RNN
    rows = [np.concatenate([zero, zero, plain[k]]) for k in range(2)]
    bias = np.concatenate([big, -big, plain.bias_ih + plain.bias_hh])
    for after in (True, False):
        got = gru(x, [Weights(*rows, bias)], reset_after=after)
        compare(gru, got, rnn(x, [plain]), source="rnn")
    # 更新门全开：状态原地不动
    bias = np.concatenate([big, big, 0 * big])
    h0 = rng.standard_normal((1, N, H))
    assert np.array_equal(gru(x, [Weights(*rows, bias)], h0)[1], h0)


def test_the_two_reset_gates_differ() -> None:
    rng = np.random.default_rng(9)
    w, x, h = random_weights(rng, 3), rng.standard_normal((L, N, D)), rng.standard_normal((1, N, H))
    assert np.abs(gru(x, [w], h)[0] - gru(x, [w], h, reset_after=False)[0]).max() > 0.01
    # 重置门相同的一维、没有偏置：r·(w h) = w·(r h)，两种放法相等。
    one = Weights(*rng.standard_normal((2, 3, 1)))
    x = rng.standard_normal((L, N, 1))
    compare(gru, gru(x, [one]), gru(x, [one], reset_after=False), source="一维时两种放法相等")


@pytest.mark.parametrize(("radius", "steps"), [(0.9, 50), (1.1, 50)])
def test_gradients_vanish_and_explode(radius: float, steps: int) -> None:
    """线性区里的 RNN：梯度的范数正好是谱半径的幂；LSTM 的细胞那一路是遗忘门的积。"""
    x = np.ones((steps, 1, 1))
    w = Weights([[1.0]], [[radius]])
    dy = np.zeros((steps, 1, 1))
    dy[-1] = 1
    _, _, dh0 = rnn_backward(dy, x, [w], [[[1.0]]], nonlinearity="relu")
    compare(rnn_backward, dh0, [[[radius**steps]]], source="闭式")
    gate = np.log(0.99 / 0.01)
    w = Weights(np.zeros((4, 1)), np.zeros((4, 1)), [0.0, gate, 0.0, 0.0])
    *_, dc0 = lstm_backward(0 * dy, x, [w], [[[0.0]]], [[[1.0]]], dc_n=[[[1.0]]])
    compare(lstm_backward, dc0, [[[0.99**steps]]], source="闭式")


# 边角


@pytest.mark.parametrize("op", OPERATORS)
def test_types_and_layouts(op: str) -> None:
    rng = np.random.default_rng(10)
    forward, backward, gates = OPERATORS[op]
    w, x = random_weights(rng, gates), rng.standard_normal((L, N, D))
    reference = forward(x, [w])
    for dtype, tolerance in ((np.float32, 1e-5), (np.float16, 1e-2)):
        cast = [None if a is None else a.astype(dtype) for a in w]
        got = forward(x.astype(dtype), [cast])
        assert {one.dtype for one in got} == {np.dtype(dtype)}
        assert all(np.abs(a - b).max() < tolerance for a, b in zip(got, reference, strict=True))
        dx, (dw,), *_ = backward(got[0], x.astype(dtype), [cast])
        assert {dx.dtype, dw.weight_ih.dtype, dw.bias_hh.dtype} == {np.dtype(dtype)}
    kept = x.copy()
    kept.flags.writeable = False
    frozen = [None if a is None else np.asfortranarray(a) for a in w]
    for got, expected in zip(forward(kept, [frozen]), reference, strict=True):
        assert np.abs(got - expected).max() < 1e-14
    assert np.array_equal(kept, x)
    whole = np.ones((L, N, D), int)
    assert np.array_equal(forward(whole, [w])[0], forward(whole.astype(float), [w])[0])
    assert forward(whole, [w])[0].dtype == np.float64


@pytest.mark.parametrize("op", OPERATORS)
def test_empty_and_extreme(op: str) -> None:
    rng = np.random.default_rng(11)
    forward, backward, gates = OPERATORS[op]
    w = random_weights(rng, gates)
    h = rng.standard_normal((1, N, H))
    y, h_n, *_ = forward(np.zeros((0, N, D)), [w], h)
    assert y.shape == (0, N, H)
    assert np.array_equal(h_n, h)
    y, h_n, *_ = forward(np.zeros((L, 0, D)), [w])
    assert (y.shape, h_n.shape) == ((L, 0, H), (1, 0, H))
    dx, (dw,), *_ = backward(y, np.zeros((L, 0, D)), [w])
    assert (dx.shape, dw.weight_ih.any()) == ((L, 0, D), False)
    for size in (1e4, -1e4):
        out = forward(np.full((L, N, D), size), [w])
        assert np.abs(out[0]).max() <= 1
        dx, *_ = backward(np.ones((L, N, H)), np.full((L, N, D), size), [w])
        assert np.isfinite(dx).all()
    x = rng.standard_normal((L, N, D))
    x[2, 1, 0] = np.nan
    y, *_ = forward(x, [w])
    assert np.isnan(y[2:, 1]).all()
    assert np.isfinite(np.delete(y, 1, axis=1)).all()
    assert np.isfinite(y[:2]).all()


def test_infinite_inputs_saturate() -> None:
    w = Weights([[1.0]], [[1.0]])
    assert rnn([[[np.inf]]], [w])[0].tolist() == [[[1.0]]]
    assert rnn([[[-np.inf]]], [w], nonlinearity="relu")[0].tolist() == [[[0.0]]]
    assert gru([[[np.inf]]], [Weights(np.ones((3, 1)), np.zeros((3, 1)))], [[[0.5]]])[0].tolist() == [[[0.5]]]


def test_inputs_are_not_changed() -> None:
    rng = np.random.default_rng(12)
    w, x = random_weights(rng, 4), rng.standard_normal((L, N, D))
    copies = [x.copy(), *(None if a is None else a.copy() for a in w)]
    lstm_backward(np.ones((L, N, H)), x, [w], lengths=[1, 2, 3, 4])
    for kept, array in zip(copies, [x, *w], strict=True):
        assert kept is None or np.array_equal(kept, array)


def test_ungiven_states_have_no_gradient() -> None:
    rng = np.random.default_rng(13)
    w, x = random_weights(rng, 4), rng.standard_normal((L, N, D))
    dy, zero = np.ones((L, N, H)), np.zeros((1, N, H))
    dx, _, dh0, dc0 = lstm_backward(dy, x, [w], c0=zero)
    assert dh0 is None
    assert dc0 is not None
    assert np.array_equal(dx, lstm_backward(dy, x, [w], zero, zero, dh_n=zero, dc_n=zero)[0])
    assert lstm_backward(dy, x, [w], zero)[3] is None
    assert rnn_backward(dy, x, [random_weights(rng, 1)])[2] is None
    assert gru_backward(dy, x, [random_weights(rng, 3)])[2] is None


ZERO = np.zeros((L, N, D))
GOOD = {gates: random_weights(np.random.default_rng(14), gates, peephole=gates == 4) for gates in (1, 3, 4)}
BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: rnn(ZERO[0], [GOOD[1]]), "`x` 应为形状 (L, N, D)，得到 (4, 2)"),
    (lambda: rnn(ZERO[0], [GOOD[1]], batch_first=True), "`x` 应为形状 (N, L, D)"),
    (lambda: rnn(ZERO, []), "`weights` 应为至少一层的权重，得到 0 份"),
    (lambda: rnn(ZERO, [GOOD[1]], bidirectional=True), "`weights` 应为各层正、反两份权重，得到 1 份"),
    (lambda: rnn(ZERO, [GOOD[1]], bidirectional=1), "`bidirectional` 应为 True 或 False"),
    (lambda: rnn(ZERO, [GOOD[1]], batch_first=None), "`batch_first` 应为 True 或 False"),
    (lambda: rnn(ZERO, [GOOD[1]], nonlinearity="sin"), "`nonlinearity` 应为 tanh / relu 之一"),
    (lambda: rnn(ZERO, [GOOD[4]]), "`weights[0].weight_hh` 应为形状 (H, H)，得到 (12, 3)"),
    (lambda: gru(ZERO, [GOOD[4]]), "`weights[0].weight_hh` 应为形状 (3*H, H)"),
    (lambda: gru(ZERO, [GOOD[3]], reset_after=0), "`reset_after` 应为 True 或 False"),
    (lambda: gru(ZERO[:0], [GOOD[3]], reset_after=0), "`reset_after` 应为 True 或 False"),  # 一步也不走
    (lambda: rnn(ZERO[:0], [GOOD[1]], nonlinearity="a"), "`nonlinearity` 应为"),
    (lambda: lstm(ZERO, [GOOD[4], GOOD[4]]), "`weights[1].weight_ih` 应为形状 (12, 3)"),
    (
        lambda: rnn(ZERO, [GOOD[1], Weights(np.ones((2, 3)), np.ones((2, 2)))]),
        "`weights[1].weight_hh` 应为形状 (3, 3)",
    ),
    (lambda: lstm(ZERO[..., :1], [GOOD[4]]), "`weights[0].weight_ih` 应为形状 (12, 1)"),
    (lambda: lstm(ZERO, [GOOD[4]._replace(bias_hh=[1.0])]), "`weights[0].bias_hh` 应为形状 (12,)"),
    (lambda: lstm(ZERO, [GOOD[4]._replace(peephole=[1.0])]), "`weights[0].peephole` 应为形状 (3, 3)"),
    (lambda: gru(ZERO, [GOOD[3]._replace(peephole=[1.0])]), "`weights[0].peephole` 应为 None"),
    (lambda: lstm(ZERO, [GOOD[4]], c0=np.zeros((2, N, H))), "`c0` 应为形状 (1, 4, 3)"),
    (lambda: rnn(ZERO, [GOOD[1]], [[True]]), "`h0` 应为实数的数组"),
    (lambda: rnn(ZERO, [GOOD[1]], lengths=[1, 2]), "`lengths` 应为形状 (4,)"),
    (lambda: rnn(ZERO, [GOOD[1]], lengths=[1, 2, 6, 3]), "`lengths` 应为 0 到 5 的整数，得到 [1, 2, 6, 3]"),
    (lambda: rnn(ZERO, [GOOD[1]], lengths=[1, 2, -1, 3]), "`lengths` 应为 0 到 5 的整数"),
    (lambda: rnn(ZERO, [GOOD[1]], lengths=[1.0] * 4), "`lengths` 应为整数数组"),
    (lambda: rnn_backward(ZERO, ZERO, [GOOD[1]]), "`dy` 应为形状 (5, 4, 3)"),
    (lambda: rnn_backward(ZERO[0], ZERO, [GOOD[1]], batch_first=True), "`dy` 应为形状"),
    (lambda: rnn_backward(ZERO[0, 0], ZERO, [GOOD[1]], batch_first=True), "`dy` 应为形状"),
    (lambda: lstm_backward(np.zeros((L, N, H)), ZERO, [GOOD[4]], dc_n=[1.0]), "`dc_n` 应为形状 (1, 4, 3)"),
    (lambda: lstm_backward(np.zeros((L, N, H)), ZERO, [GOOD[4]], dh_n=[1.0]), "`dh_n` 应为形状 (1, 4, 3)"),
    (lambda: rnn_cell(ZERO, ZERO[0], *GOOD[1][:4]), "`x` 应为形状 (N, D)"),
    (lambda: rnn_cell(ZERO[0], ZERO[0], *GOOD[1][:4]), "`h` 应为形状 (4, 3)"),
    (lambda: rnn_cell(ZERO[0], ZERO[0], *GOOD[1][:4], nonlinearity=None), "`nonlinearity` 应为"),
    (lambda: gru_cell(ZERO[0], ZERO[0], *GOOD[3][:4]), "`h` 应为形状 (4, 3)"),
    (lambda: lstm_cell(ZERO[0], np.zeros((N, H)), ZERO[0], *GOOD[4]), "`c` 应为形状 (4, 3)"),
    (
        lambda: lstm_cell_backward(ZERO[0], np.zeros((N, H)), ZERO[0], *np.zeros((2, N, H)), *GOOD[4]),
        "`dh_new` 应为形状 (4, 3)",
    ),
]


def test_opposite_infinities_over_time_are_not_a_warning() -> None:
    """两步的梯度是 +∞ 与 -∞，同一份权重把它们加起来：没有值，得 `nan`，不警告。"""
    x, dy = [[[1000.0]], [[-1000.0]]], np.full((2, 1, 1), 1e308)
    for backward, gates in ((lstm_backward, 4), (gru_backward, 3), (rnn_backward, 1)):
        weight = np.full((gates, 1), 1e-4)
        dweight = backward(dy, x, [(weight, weight)])[1][0].weight_ih
        assert np.isnan(dweight).any(), backward.__name__


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_arguments(number: int) -> None:
    call, message = BAD[number]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value).startswith(message)
