"""各种归一化：与 PyTorch 记下的结果、逐个循环的定义、闭式、numpy.linalg 比，反向与差分比。"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import layer_normalization
from dlnotes.nn.batch_normalization import batch_norm, batch_norm_backward
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.group_normalization import (
    group_norm,
    group_norm_backward,
    instance_norm,
    instance_norm_backward,
)
from dlnotes.nn.layer_normalization import layer_norm, layer_norm_backward
from dlnotes.nn.response_normalization import (
    local_response_norm,
    local_response_norm_backward,
    rms_norm,
    rms_norm_backward,
)
from dlnotes.nn.spectral_normalization import spectral_norm, spectral_norm_backward
from dlnotes.nn.weight_normalization import (
    cosine_linear,
    cosine_linear_backward,
    weight_norm,
    weight_norm_backward,
)
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, recorded, rounding

RECORDED = recorded("normalization")
DEFINITION = "定义（逐个循环）"

OPERATORS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "batch_norm": (batch_norm, batch_norm_backward),
    "layer_norm": (layer_norm, layer_norm_backward),
    "group_norm": (group_norm, group_norm_backward),
    "instance_norm": (instance_norm, instance_norm_backward),
    "rms_norm": (rms_norm, rms_norm_backward),
    "local_response_norm": (local_response_norm, local_response_norm_backward),
    "weight_norm": (weight_norm, weight_norm_backward),
    "spectral_norm": (spectral_norm, spectral_norm_backward),
    "cosine_linear": (cosine_linear, cosine_linear_backward),
}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4, 2, 2)) + 0.5
W, B = RNG.standard_normal((2, 4))


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_torch(case: Recorded) -> None:
    inputs, outputs, dy, expected = case.inputs, [*case.outputs.values()], case.dy, [*case.gradients.values()]
    op = case.op
    if op == "parametrized_spectral_norm":  # 它先更新 u：把权重转置、u 与 v 对调就相同
        op, (y, u, v) = "spectral_norm", outputs
        inputs = {"weight": inputs["weight"].T, "u": inputs["v"], "v": inputs["u"]}
        outputs, dy, expected = [y.T, v, u], dy.T, [expected[0].T]
    forward, backward = OPERATORS[op]
    got = forward(**inputs, **case.options)
    got = got if isinstance(got, tuple) else (got,)
    compare(forward, got, outputs, source=case.source)
    assert got[0].dtype == dy.dtype
    gradients = backward(dy, **inputs, **case.options)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    # 一组只有一个数时梯度是 0 或几乎是 0，两边都是相消剩下的：PyTorch 的 float32
    # 剩约 ε/√eps，所以比绝对误差。
    small, noise = (1e-5, 1e-12) if dy.dtype == np.float64 else (2e-2, 1e-4)
    for gradient, other in zip(gradients, expected, strict=True):
        if other is not None and np.abs(other).max() < small:
            assert np.abs(gradient - other).max() < noise
        else:
            compare(backward, (gradient,), (other,), source=case.source)
    assert all(g is None or g.dtype == dy.dtype for g in gradients)


@pytest.mark.parametrize("block", [1, 9])
def test_blocks_of_rows(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """记下的例子比一块还短：改成一行、两三行一块，结果相同。"""
    monkeypatch.setattr(layer_normalization, "BLOCK", block)
    for case in RECORDED:
        if case.op == "layer_norm":
            got = layer_norm(**case.inputs, **case.options)
            np.testing.assert_allclose(got, case.y, rtol=0, atol=rounding(case))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_last_block_of_rows_is_shorter(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = (RNG.standard_normal(shape).astype(dtype) for shape in ((5, 4), 4, 4))
    whole = layer_norm(x, 4, weight, bias)
    monkeypatch.setattr(layer_normalization, "BLOCK", 8)  # 两行一块，末了剩一行
    np.testing.assert_array_equal(layer_norm(x, 4, weight, bias), whole)


def test_pieces_of_a_sum() -> None:
    """不长的一次加完；长的分成等长的段，64 个到 256 个一段；分不成的用 float64。"""
    sizes = {3: 3, 512: 512, 513: 0, 544: 0, 576: 64, 640: 128, 768: 256, 1 << 20: 256}
    assert {size: layer_normalization._piece(size) for size in sizes} == sizes


def test_float32_overflows_to_infinity_without_a_warning() -> None:
    x = np.array([[0, 0, 0, 1]], np.float32)
    assert layer_norm(x, 4, np.full(4, 3e38, np.float32)).tolist()[0][3] == np.inf


def test_every_operator_is_recorded() -> None:
    assert {case.op for case in RECORDED} == {*OPERATORS, "parametrized_spectral_norm"}
    assert RECORDED[0].source.startswith("torch 2.")


# 定义：逐个循环，只用 Python 的数。


def loop_norm(groups: list[list[tuple[int, ...]]], x: Any, eps: float, *, centre: bool = True) -> Any:
    y = np.empty_like(x)
    for group in groups:
        values = [float(x[place]) for place in group]
        mean = sum(values) / len(values) if centre else 0.0
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        for place, v in zip(group, values, strict=True):
            y[place] = (v - mean) / (variance + eps) ** 0.5
    return y


def grouped(shape: tuple[int, ...], key: Callable[..., Any]) -> list[list[tuple[int, ...]]]:
    groups: dict[Any, list[tuple[int, ...]]] = {}
    for place in np.ndindex(shape):
        groups.setdefault(key(*place), []).append(place)
    return list(groups.values())


def test_definitions() -> None:
    eps, w, b = 0.01, W[:, None, None], B[:, None, None]
    hat = loop_norm(grouped(X.shape, lambda n, c, h, k: c), X, eps)
    compare(batch_norm, batch_norm(X, training=True, eps=eps).y, hat, source=DEFINITION)
    got = batch_norm(X, None, None, W, B, training=True, eps=eps).y
    compare(batch_norm, got, hat * w + b, source=DEFINITION)
    hat = loop_norm(grouped(X.shape, lambda n, c, h, k: (n, c // 2)), X, eps)
    compare(group_norm, group_norm(X, 2, W, B, eps=eps), hat * w + b, source=DEFINITION)
    hat = loop_norm(grouped(X.shape, lambda n, c, h, k: (n, c)), X, eps)
    compare(instance_norm, instance_norm(X, W, B, eps=eps), hat * w + b, source=DEFINITION)
    hat = loop_norm(grouped(X.shape, lambda n, c, h, k: (n, c)), X, eps)
    compare(layer_norm, layer_norm(X, (2, 2), eps=eps), hat, source=DEFINITION)
    hat = loop_norm(grouped(X.shape, lambda n, c, h, k: (n, c, h)), X, eps, centre=False)
    compare(rms_norm, rms_norm(X, 2, eps=eps), hat, source=DEFINITION)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("average", [True, False])
def test_local_response_by_definition(size: int, average: bool) -> None:
    expected = np.empty_like(X)
    for n, c, h, w in np.ndindex(X.shape):
        window = range(max(0, c - size // 2), min(X.shape[1], c + (size - 1) // 2 + 1))
        a = 0.3 / size if average else 0.3
        expected[n, c, h, w] = X[n, c, h, w] / (2 + a * sum(X[n, j, h, w] ** 2 for j in window)) ** 0.8
    options = {"alpha": 0.3, "beta": 0.8, "k": 2.0, "average": average}
    compare(local_response_norm, local_response_norm(X, size, **options), expected, source=DEFINITION)
    check_gradient(
        lambda x: local_response_norm(x, size, **options),
        lambda dy, x: local_response_norm_backward(dy, x, size, **options),
        X,
    )


def test_running_statistics_are_unbiased() -> None:
    x = np.array([[1.0], [2.0], [6.0]])
    y, mean, var = batch_norm(x, [10.0], [4.0], training=True, momentum=0.25, eps=1e-12)
    compare(batch_norm, y, (x - 3) / (14 / 3) ** 0.5, source="闭式", rtol=1e-12)
    compare(batch_norm, mean, [0.75 * 10 + 0.25 * 3], source="闭式")
    compare(batch_norm, var, [0.75 * 4 + 0.25 * 7], source="闭式")  # 14/2，不是 14/3
    assert batch_norm(x, [10.0], [4.0], training=True, momentum=0).running_mean == 10
    assert batch_norm(x, [10.0], [4.0], training=True, momentum=1).running_var == 7
    y, mean, var = batch_norm(x, [10.0], [4.0], eps=1e-12)
    compare(batch_norm, y, (x - 10) / 2, source="闭式")
    assert (mean, var) == (10, 4)


# 反向：与差分比；故意写错的反向要被抓住。

Y = RNG.standard_normal((4, 4, 3, 3)) + 0.5
GRADIENTS: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[Any]]] = {
    "batch_norm": (
        lambda x, w, b: batch_norm(x, None, None, w, b, training=True).y,
        lambda dy, x, w, b: batch_norm_backward(dy, x, None, None, w, b, training=True),
        [Y, W, B],
    ),
    "batch_norm_inference": (
        lambda x, w, b: batch_norm(x, W, W**2, w, b).y,
        lambda dy, x, w, b: batch_norm_backward(dy, x, W, W**2, w, b),
        [Y, W, B],
    ),
    "layer_norm": (
        lambda x, w, b: layer_norm(x, (3, 3), w, b),
        lambda dy, x, w, b: layer_norm_backward(dy, x, (3, 3), w, b),
        [Y, Y[0, 0], Y[0, 1]],
    ),
    "group_norm": (
        lambda x, w, b: group_norm(x, 2, w, b),
        lambda dy, x, w, b: group_norm_backward(dy, x, 2, w, b),
        [Y, W, B],
    ),
    "instance_norm": (instance_norm, instance_norm_backward, [Y, W, B]),
    "rms_norm": (
        lambda x, w: rms_norm(x, (3, 3), w),
        lambda dy, x, w: rms_norm_backward(dy, x, (3, 3), w),
        [Y, Y[0, 0]],
    ),
    "local_response_norm": (
        lambda x: local_response_norm(x, 2, alpha=1),
        lambda dy, x: local_response_norm_backward(dy, x, 2, alpha=1),
        [Y],
    ),
    "weight_norm": (weight_norm, weight_norm_backward, [Y, W.reshape(4, 1, 1, 1)]),
    "weight_norm_whole": (
        lambda v, g: weight_norm(v, g, axis=None),
        lambda dy, v, g: weight_norm_backward(dy, v, g, axis=None),
        [Y, np.array(2.5)],
    ),
    "spectral_norm": (  # 收敛之后 u、v 对权重的依赖没有一阶的影响，所以反向精确
        lambda w: spectral_norm(w, np.ones(4), np.ones(36), n_power_iterations=2000, axis=1).weight,
        lambda dy, w: spectral_norm_backward(dy, w, np.ones(4), np.ones(36), n_power_iterations=2000, axis=1),
        [Y],
    ),
    "spectral_norm_fixed": (
        lambda w: spectral_norm(w, W, np.arange(36.0), n_power_iterations=0, axis=1).weight,
        lambda dy, w: spectral_norm_backward(dy, w, W, np.arange(36.0), n_power_iterations=0, axis=1),
        [Y],
    ),
    "cosine_linear": (cosine_linear, cosine_linear_backward, [Y[..., 0], Y[0, :, 0, :]]),
    "cosine_linear_eps": (  # 两边各有长于、短于 eps 的
        lambda x, w: cosine_linear(x, w, eps=1.5),
        lambda dy, x, w: cosine_linear_backward(dy, x, w, eps=1.5),
        [Y[..., 0], Y[0, :, 0, :]],
    ),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str) -> None:
    forward, backward, arrays = GRADIENTS[name]
    # 除法与平方根使三阶导数大，中心差分自己有约 1e-6 的误差。
    check_gradient(forward, backward, *arrays, rtol=1e-5)

    def wrong(dy: Any, *args: Any) -> Any:
        gradients = backward(dy, *args)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return (gradients[0] * 1.001, *gradients[1:])

    with pytest.raises(AssertionError, match=r"^第 0 个参数的梯度不对"):
        check_gradient(forward, wrong, *arrays, rtol=1e-5)


def test_dropping_a_path_is_noticed() -> None:
    """网上常见的错：忘了均值那一路，或忘了方差那一路。"""
    x = X[:, 0, 0]
    forward = GRADIENTS["batch_norm"][0]

    def partial(*, mean: bool) -> Callable[..., Any]:
        def backward(dy: Any, x: Any, w: Any, b: Any) -> Any:
            s = 1 / np.sqrt(x.var(0) + 1e-5)
            hat, d = (x - x.mean(0)) * s, dy * w
            missing = d.mean(0) if mean else hat * (d * hat).mean(0)
            return s * (d - missing), (dy * hat).sum(0), dy.sum(0)

        return backward

    for mean in (True, False):
        with pytest.raises(AssertionError):
            check_gradient(forward, partial(mean=mean), x, W[:2], B[:2])


def test_spectral_gradient_is_partial_before_convergence() -> None:
    """没有收敛时反向略去 u、v 对权重的依赖，差分看得出来：文档就是这样说的。"""
    u, v = np.ones(4), np.ones(12)
    with pytest.raises(AssertionError):
        check_gradient(
            lambda w: spectral_norm(w, u, v, axis=1).weight,
            lambda dy, w: spectral_norm_backward(dy, w, u, v, axis=1),
            X,
        )


# 性质


@given(st.floats(0.1, 10), st.floats(-10, 10), st.integers(0, 100))
def test_scale_and_shift_do_not_matter(scale: float, shift: float, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((4, 4, 3))
    moved = scale * x + shift
    eps = 1e-30
    for name, y, z in (
        ("batch", *(batch_norm(a, training=True, eps=eps).y for a in (x, moved))),
        ("layer", *(layer_norm(a, (4, 3), eps=eps) for a in (x, moved))),
        ("group", *(group_norm(a, 2, eps=eps) for a in (x, moved))),
        ("instance", *(instance_norm(a, eps=eps) for a in (x, moved))),
        ("rms", *(rms_norm(a, (4, 3), eps=eps) for a in (x, scale * x))),
        ("cosine", *(cosine_linear(a, x[:, 0]) for a in (x, scale * x))),
        ("weight", *(weight_norm(a, np.ones((4, 1, 1))) for a in (x, scale * x))),
    ):
        assert np.abs(y - z).max() < 1e-10, name
    assert not np.allclose(rms_norm(x, 3), rms_norm(x + 1, 3))
    dy = np.random.default_rng(seed + 1).standard_normal(x.shape)
    dx, _, _ = batch_norm_backward(dy, x, training=True, eps=eps)
    assert np.abs(dx.sum((0, 2))).max() < 1e-12  # 与平移正交
    assert np.abs((dx * x).sum((0, 2))).max() < 1e-11  # 与缩放正交
    smaller, _, _ = batch_norm_backward(dy, moved, training=True, eps=eps)
    assert np.allclose(smaller * scale, dx, rtol=1e-9, atol=1e-10)  # 梯度缩成 1/scale


def test_group_norm_meets_its_neighbours() -> None:
    one = group_norm(X, 1)
    compare(group_norm, one, layer_norm(X, (4, 2, 2)), source="layer_norm")
    compare(group_norm, group_norm(X, 4, W, B), instance_norm(X, W, B), source="instance_norm")
    # 仿射不同：逐通道与逐元素，常数在各位置相同时才相等。
    wide = np.broadcast_to(W[:, None, None], (4, 2, 2))
    compare(group_norm, group_norm(X, 1, W), layer_norm(X, (4, 2, 2), wide), source="layer_norm")
    # 一个样本的 batch_norm 就是 instance_norm。
    got = batch_norm(X[:1], None, None, W, B, training=True).y
    compare(batch_norm, got, instance_norm(X[:1], W, B), source="instance_norm")
    centred = X - X.mean((1, 2, 3), keepdims=True)
    compare(rms_norm, rms_norm(centred, (4, 2, 2), eps=1e-5), one, source="layer_norm")


def test_undoing_batch_norm() -> None:
    gamma, beta = np.sqrt(X.var((0, 2, 3)) + 1e-5), X.mean((0, 2, 3))
    compare(batch_norm, batch_norm(X, None, None, gamma, beta, training=True).y, X, source="闭式")


def test_outputs_are_bounded() -> None:
    """一批 m 个数里一个离群的到不了 √(m−1) 以上。"""
    x = np.zeros((256, 1))
    x[0] = 1e4
    y = batch_norm(x, training=True).y
    assert 15.96 < y.max() <= np.sqrt(255)


@given(st.integers(0, 50), st.integers(2, 5), st.integers(2, 5))
def test_singular_values(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    # 给定差距足够的奇异值，免得要等很久才收敛
    q, _ = np.linalg.qr(rng.standard_normal((rows, rows)))
    r, _ = np.linalg.qr(rng.standard_normal((columns, columns)))
    values = 3 * 0.5 ** np.arange(min(rows, columns))
    w = q[:, : len(values)] * values @ r[:, : len(values)].T
    got = spectral_norm(w, rng.standard_normal(rows), np.zeros(columns), n_power_iterations=60)
    u, s, vt = np.linalg.svd(w)
    compare(spectral_norm, got.weight, w / s[0], source="numpy.linalg.svd")
    sign = np.sign(got.u @ u[:, 0])
    compare(spectral_norm, (got.u, got.v), (sign * u[:, 0], sign * vt[0]), source="numpy.linalg.svd")
    assert abs(np.linalg.norm(got.weight, 2) - 1) < 1e-10


def test_weight_norm_sets_the_length() -> None:
    g = W.reshape(1, 4, 1, 1)
    w = weight_norm(X, g, axis=1)
    compare(weight_norm, np.sqrt((w**2).sum((0, 2, 3))), np.abs(W), source="numpy.linalg")
    dv, _ = weight_norm_backward(X**2, X, g, axis=1)
    assert np.abs((dv * X).sum((0, 2, 3))).max() < 1e-12
    compare(weight_norm, weight_norm(X, g, axis=-3), w, source="负数的轴")
    compare(
        weight_norm, weight_norm(X, 2.0, axis=None), 2 * X / np.linalg.norm(X.ravel()), source="numpy.linalg"
    )


def test_cosine_is_a_cosine() -> None:
    angles = np.array([0.0, 0.3, 1.0, 2.5])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1) * [[1], [2], [300], [1e-9]]
    compare(cosine_linear, cosine_linear(x, [[5.0, 0]]), np.cos(angles)[:, None], source="闭式")


# 边角

ONE_ARGUMENT: dict[str, Callable[..., Any]] = {
    "batch_norm": lambda x: batch_norm(x, training=True).y,
    "inference": lambda x: batch_norm(x, np.zeros(4, np.float16), np.ones(4, np.float16)).y,
    "layer_norm": lambda x: layer_norm(x, 2),
    "group_norm": lambda x: group_norm(x, 2),
    "instance_norm": instance_norm,
    "rms_norm": lambda x: rms_norm(x, 2, eps=1e-6),
    "local_response_norm": lambda x: local_response_norm(x, 3),
    "cosine_linear": lambda x: cosine_linear(x, x.reshape(-1, 2)),
    "weight_norm": lambda x: weight_norm(x, np.ones((len(x), 1, 1, 1), x.dtype)),
}


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_types_and_layouts(name: str) -> None:
    op = ONE_ARGUMENT[name]
    reference = op(X)
    for dtype, tolerance in ((np.float32, 1e-5), (np.float16, 1e-2)):
        got = op(X.astype(dtype))
        assert got.dtype == dtype
        assert np.abs(got - reference).max() < tolerance * np.abs(reference).max()
    whole = np.round(X * 10).astype(int)
    assert op(whole).dtype == np.float64
    assert np.array_equal(op(whole), op(whole.astype(float)))
    kept = X.copy()
    kept.flags.writeable = False
    assert np.array_equal(op(kept), reference)
    assert np.array_equal(kept, X)
    strided = np.asfortranarray(X)
    assert np.abs(op(strided) - reference).max() < 1e-14


@pytest.mark.parametrize("name", sorted(set(ONE_ARGUMENT) - {"batch_norm", "cosine_linear", "weight_norm"}))
def test_empty_batch(name: str) -> None:
    assert ONE_ARGUMENT[name](X[:0]).shape == (0, 4, 2, 2)


def test_empty_batch_backward() -> None:
    empty = X[:0]
    for dx, dw, db in (
        batch_norm_backward(empty, empty, W, W**2, W, B),
        group_norm_backward(empty, empty, 2, W, B),
        layer_norm_backward(empty, empty, (4, 2, 2), X[0], X[0]),
    ):
        assert dx.shape == empty.shape
        assert not dw.any()
        assert not db.any()
    assert cosine_linear(np.zeros((0, 3)), np.zeros((2, 3))).shape == (0, 2)
    dx, dw = cosine_linear_backward(np.zeros((0, 2)), np.zeros((0, 3)), np.ones((2, 3)))
    assert (dx.shape, dw.tolist()) == ((0, 3), [[0] * 3] * 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4, -1e4, 12345.678])
def test_all_equal_is_zero(value: float, dtype: Any) -> None:
    """float32 的均值若不用 float64 累加，1e4 附近的舍入误差会被放大。"""
    x = np.full((7, 4, 3, 3), value, dtype)
    for y in (
        batch_norm(x, training=True).y,
        layer_norm(x, (4, 3, 3)),
        group_norm(x, 2),
        instance_norm(x),
    ):
        assert np.abs(y).max() < 1e-8
        assert np.isfinite(y).all()
    assert not rms_norm(np.zeros((2, 3), dtype), 3).any()


def test_offsets_do_not_cancel() -> None:
    x = np.arange(8.0).reshape(2, 4) * 1e-3
    expected = layer_norm(x, 4)
    got = layer_norm((x + 4096).astype(np.float64), 4)
    compare(layer_norm, got, expected, source="平移不变", rtol=1e-8)  # 输入本身只有 1e-12 的绝对精度
    large = np.array([[1e25, -1e25, 0, 0]], np.float32)  # 平方超出 float32
    compare(
        layer_norm, layer_norm(large, 4), np.array([[2, -2, 0, 0]], np.float32) / np.sqrt(2), source="闭式"
    )

    large = np.array([[3e25, 4e25]], np.float32)
    got = local_response_norm(large, 3, alpha=1, beta=0.5, average=False)
    compare(local_response_norm, got, np.array([[0.6, 0.8]], np.float32), source="闭式")
    compare(rms_norm, rms_norm(large, 2), np.array([[0.6, 0.8]]) * 2**0.5, source="闭式")


def test_long_sums_keep_their_digits() -> None:
    """十万个 float32 逐个相加会丢掉四五位。"""
    dy = np.full((100_000, 1), 0.1, np.float32)
    _, _, db = batch_norm_backward(
        dy, dy + np.arange(100_000)[:, None] % 7, None, None, None, [0.0], training=True
    )
    assert abs(float(db[0]) / (100_000 * float(np.float32(0.1))) - 1) < 1e-12
    dx, _, db = batch_norm_backward(dy, dy, None, None, None, np.zeros(1, np.float32), training=True)
    assert db.dtype == np.float32
    assert abs(float(db[0]) / 10_000 - 1) < 1e-6
    assert np.abs(dx).max() < 1e-8


# `layer_norm` 的 float32：先用 float32 算，信不过的行用 float64 重算。


def exactly(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any]:
    """最后一轴上的定义，float64；连同允许的误差：文档里写的，加上下溢。"""
    x, weight, bias = (np.asarray(a, np.float64) for a in (x, weight, bias))
    centred = x - x.mean(-1, keepdims=True)
    hat = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    allowed = 5 * 2.0**-23 * (np.abs(weight) * (1 + np.abs(hat)) + np.abs(bias)) + 1e-44
    return hat * weight + bias, allowed


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 3, 5, 16, 257, 768, 4096, 5000]),
    st.sampled_from([1e-5, 1e-12, 1e-60, 1e20]),
    st.sampled_from([0, 1, 10, 1e3, 1e6]),
)
def test_float32_is_as_good_as_float64(seed: int, size: int, eps: float, offset: float) -> None:
    """各行的大小从 1e-30 到 1e30，均值到标准差的 1e6 倍，混在一块里。"""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-30, 30, (40, 1))
    x = scale * (rng.standard_normal((40, size)) + offset * rng.uniform(-1, 1, (40, 1)))
    x = x.astype(np.float32)
    weight, bias = rng.standard_normal((2, size)).astype(np.float32)
    expected, allowed = exactly(x, weight, bias, eps)
    got = layer_norm(x, size, weight, bias, eps=eps)
    assert got.dtype == np.float32
    assert (np.abs(got - expected) <= allowed).all()
    compare(layer_norm, got, expected, source="定义（float64）", rtol=2e-6)


@pytest.mark.parametrize("size", [4, 768, 4096, 100_000])
def test_float32_sums_stay_accurate(size: int) -> None:
    """±c 的平方全相同，舍入总往一边偏：十万个加起来已经差几十个 ulp。"""
    for c in (0.1, 0.7, 1.3, 1.9):
        for x in (np.tile([c, -c], size // 2), np.repeat([c, -c], size // 2)):
            expected, allowed = exactly(x.astype(np.float32), 1, 0, 1e-5)
            assert (np.abs(layer_norm(x.astype(np.float32), size) - expected) <= allowed).all()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from([1, 2, 3, 7, 768, 4097]))
def test_equal_numbers_give_the_bias_exactly(value: float, size: int) -> None:
    bias = np.linspace(-1, 1, size, dtype=np.float32)
    for eps in (1e-5, 1e-30):
        y = layer_norm(np.full((2, size), value, np.float32), size, bias + 2, bias, eps=eps)
        assert np.array_equal(y, [bias, bias])


def test_float32_rows_do_not_touch_each_other() -> None:
    """一块里有的行要重算：结果与它单独一行时相同，别的行不受影响。"""
    x = RNG.standard_normal((9, 64)).astype(np.float32)
    plain = layer_norm(x, 64)
    for row, bad in enumerate([np.nan, np.inf, -np.inf, 1e25, 3e38]):
        x[row, row] = bad
    x[5] *= np.float32(1e-30)
    x[6] += 1000
    y = layer_norm(x, 64)
    assert np.isnan(y[:3]).all()
    for row in range(3, 9):
        assert np.abs(y[row] - layer_norm(x[row], 64)).max() < 1e-6
    assert np.abs(y[7:] - plain[7:]).max() < 1e-6
    assert np.isnan(layer_norm(x, 64, np.full(64, np.nan, np.float32))).all()


def test_only_the_unsure_rows_are_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """否则就慢了好几倍。"""
    again: list[int] = []

    def counted(x: Any, *rest: Any) -> Any:
        again.append(len(x))
        return standardize(x, *rest)

    standardize = layer_normalization.standardize
    monkeypatch.setattr(layer_normalization, "standardize", counted)
    x = RNG.standard_normal((300, 768)).astype(np.float32)
    layer_norm(x, 768)
    layer_norm(np.zeros((3, 768), np.float32), 768)
    assert again == []
    x[7] += 100
    layer_norm(x, 768)
    assert again == [1]
    layer_norm(x.astype(np.float64), 768)
    assert sum(again) == 301


def test_other_types_of_layer_norm_are_done_in_float64() -> None:
    x = (RNG.standard_normal((50, 300)) * 3 + 1).astype(np.float16)
    weight, bias = RNG.standard_normal((2, 300)).astype(np.float16)
    expected, _ = exactly(x, weight, bias, 1e-5)
    assert np.array_equal(layer_norm(x, 300, weight, bias), expected.astype(np.float32).astype(np.float16))
    wide = (x.astype(np.float64), 300, weight.astype(np.float64), bias.astype(np.float64))
    assert np.abs(layer_norm(*wide) - expected).max() < 1e-13


def test_non_finite_values_stay_in_their_group() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        x = X.copy()
        x[0, 0, 0, 0] = bad
        y = group_norm(x, 2)
        assert np.isnan(y[0, :2]).all()
        assert np.isfinite(y[0, 2:]).all()
        assert np.isfinite(y[1:]).all()
        y = batch_norm(x, training=True).y
        assert np.isnan(y[:, 0]).all()
        assert np.isfinite(y[:, 1:]).all()
        assert np.isnan(layer_norm_backward(X, x, (4, 2, 2))[0][0]).all()
        assert np.isnan(rms_norm(x, (2, 2))[0, 0, 0, 0])
        assert np.isnan(local_response_norm(x, 3)[0, 0, 0, 0])
    x = np.array([[np.inf, 1.0]])
    assert rms_norm(x, 2)[0, 1] == 0
    assert local_response_norm(x, 3)[0, 1] == 0


def test_single_elements_and_zeros() -> None:
    assert layer_norm([[5.0]], 1, bias=[2.0]).tolist() == [[2.0]]
    assert group_norm([[5.0, 7.0]], 2).tolist() == [[0.0, 0.0]]
    assert instance_norm([[[5.0]]]).tolist() == [[[0.0]]]
    assert layer_norm(np.zeros((2, 0)), 0).shape == (2, 0)
    assert instance_norm_backward(np.zeros((2, 3, 0)), np.zeros((2, 3, 0)))[0].shape == (2, 3, 0)
    assert np.isnan(weight_norm([[0.0, 0.0]], [[1.0]])).all()
    assert np.isnan(spectral_norm(np.zeros((2, 2)), [1.0, 0], [1.0, 0]).weight).all()
    assert weight_norm([[3e200, 4e200]], [[1.0]]).round(12).tolist() == [[0.6, 0.8]]  # 平方会上溢
    assert weight_norm([[3e-200, 4e-200]], [[1.0]]).round(12).tolist() == [[0.6, 0.8]]  # 平方会下溢
    assert np.isfinite(batch_norm(X * 1e4, training=True).y).all()


def test_results_do_not_alias_their_inputs() -> None:
    mean, var = np.zeros(4), np.ones(4)
    got = batch_norm(X, mean, var)
    assert not np.shares_memory(got.running_mean, mean)
    batch_norm(X, mean, var, training=True)
    assert (mean.tolist(), var.tolist()) == ([0] * 4, [1] * 4)
    u, v = np.ones(3), np.ones(prod(X.shape[1:]))
    spectral_norm(X, u, v)
    assert u.tolist() == [1] * 3


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: batch_norm(X, W, None), "`running_var` 应为形状 (C,) 的数组，得到 None"),
    (lambda: batch_norm(X, training=False), "`running_mean` 应为形状 (C,) 的数组，得到 None"),
    (lambda: batch_norm(X, None, W, training=True), "`running_mean` 应为形状 (C,) 的数组，得到 None"),
    (lambda: batch_norm(X, W[:2], W**2), "`running_mean` 应为形状 (4,)"),
    (lambda: batch_norm(X[:1, :, :1, :1], training=True), "`x` 应为每个通道至少两个数"),
    (lambda: batch_norm(X[:0], training=True), "`x` 应为每个通道至少两个数"),
    (lambda: batch_norm(X[0, 0, 0], training=True), "`x` 应为形状 (N, C, …)，得到 (2,)"),
    (lambda: batch_norm(X, W, W**2, training=1), "`training` 应为 True 或 False"),
    (lambda: batch_norm(X, W, W**2, training=True, momentum=1.5), "`momentum` 应为 0 到 1 的实数"),
    (lambda: batch_norm(X, W, W**2, training=True, eps=0), "`eps` 应为大于 0 的实数，得到 0"),
    (lambda: batch_norm(X, W, W**2, eps="1e-5"), "`eps` 应为大于 0 的实数，得到 '1e-5'"),
    (lambda: batch_norm(X, W, W**2, W[:1]), "`weight` 应为形状 (4,)"),
    (lambda: batch_norm(X, W, -(W**2)), "`running_var` 应为不小于 0 的方差，得到 -"),
    (lambda: batch_norm_backward(X[:1], X, W, W**2), "`dy` 应为形状 (3, 4, 2, 2)"),
    (lambda: layer_norm(X, 3), "`normalized_shape` 应为 `x` 的形状 (3, 4, 2, 2) 的末尾，得到 3"),
    (lambda: layer_norm(X, ()), "`normalized_shape` 应为"),
    (lambda: layer_norm(X, (9, 3, 4, 2, 2)), "`normalized_shape` 应为"),
    (lambda: layer_norm(X, 2, W), "`weight` 应为形状 (2,)"),
    (lambda: layer_norm(X, 2, None, W), "`bias` 应为形状 (2,)"),
    (lambda: layer_norm(X, 2, eps=-1), "`eps` 应为大于 0 的实数"),
    (lambda: layer_norm_backward(X[:1], X, 2), "`dy` 应为形状"),
    (lambda: group_norm(X, 3), "`num_groups` 应为 4 的因数（通道数），得到 3"),
    (lambda: group_norm(X, 0), "`num_groups` 应为不小于 1 的整数"),
    (lambda: group_norm(X, 2, eps=np.inf), "`eps` 应为大于 0 的实数"),
    (lambda: group_norm(X, 2, W[:2]), "`weight` 应为形状 (4,)"),
    (lambda: group_norm_backward(X[:1], X, 2), "`dy` 应为形状"),
    (lambda: instance_norm(X[:, :, 0, 0]), "`x` 应为形状 (N, C, L, …)"),
    (lambda: instance_norm(["a"]), "`x` 应为实数的数组"),
    (lambda: rms_norm(X, 2, W), "`weight` 应为形状 (2,)"),
    (lambda: rms_norm(X, 2, eps=0.0), "`eps` 应为大于 0 的实数"),
    (lambda: rms_norm_backward(X[:1], X, 2), "`dy` 应为形状"),
    (lambda: local_response_norm(X, 0), "`size` 应为不小于 1 的整数"),
    (lambda: local_response_norm(X, 3, k=0), "`k` 应为大于 0 的实数"),
    (lambda: local_response_norm(X, 3, average=None), "`average` 应为 True 或 False"),
    (lambda: local_response_norm(W, 3), "`x` 应为形状 (N, C, …)"),
    (lambda: local_response_norm_backward(X[:1], X, 3), "`dy` 应为形状"),
    (lambda: weight_norm(X, W), "`g` 应为形状 (3, 1, 1, 1)"),
    (lambda: weight_norm(X, [1.0], axis=None), "`g` 应为形状 ()"),
    (lambda: weight_norm(X, W, axis=4), "`axis` 应为"),
    (lambda: weight_norm_backward(X[:1], X, W[:3].reshape(3, 1, 1, 1)), "`dy` 应为形状"),
    (lambda: spectral_norm(W, W, W), "`weight` 应为至少二维的数组"),
    (lambda: spectral_norm(X, W, np.ones(16)), "`u` 应为形状 (3,)"),
    (lambda: spectral_norm(X, W[:3], W), "`v` 应为形状 (16,)"),
    (lambda: spectral_norm(X, W[:3], np.ones(16), n_power_iterations=-1), "`n_power_iterations` 应为"),
    (lambda: spectral_norm(X, W[:3], np.ones(16), eps=0), "`eps` 应为大于 0 的实数"),
    (lambda: spectral_norm_backward(X[:1], X, W[:3], np.ones(16)), "`dy` 应为形状"),
    (lambda: cosine_linear(X, W), "`weight` 应为形状 (K, D)"),
    (lambda: cosine_linear(X, X[0, :, 0, :1]), "`x` 应为形状 (…, 1)"),
    (lambda: cosine_linear(X, X[0, 0], eps=0), "`eps` 应为大于 0 的实数"),
    (lambda: cosine_linear_backward(X, X, X[0, :, 0]), "`dy` 应为形状 (3, 4, 2, 4)"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_arguments(number: int) -> None:
    call, message = BAD[number]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value).startswith(message)
