"""池化：与 torch 的记录、逐窗口的定义比，再查伴随、并列、补边和 NaN。"""

from fractions import Fraction
from itertools import count, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import MaxPool2d
from dlnotes.nn import adaptive_pooling, avg_pooling, lp_pooling, max_pooling
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, recorded

MODULES = {"max": max_pooling, "avg": avg_pooling, "lp": lp_pooling, "adaptive": adaptive_pooling}


def function(name: str) -> Any:
    return getattr(MODULES[name.split("_")[0]], name)


@pytest.mark.parametrize("case", recorded("pooling"), ids=str)
def test_as_torch(case: Recorded) -> None:
    forward, backward = function(case.op), function(f"{case.op}_backward")
    x, options = case.inputs["x"], case.options
    y = forward(x, **options)
    assert y.dtype == x.dtype
    compare(forward, y, case.y, source=case.source)
    if "max" in case.op:
        _, indices = forward(x, **options, return_indices=True)
        assert indices.dtype == np.int64
        compare(forward, indices, case.outputs["indices"], source=case.source)
    if np.isnan(case.y).any():  # 负数开奇次方：前向是 NaN，梯度没有意义
        return
    compare(backward, backward(case.dy, x, **options), case.gradients["x"], source=case.source)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_windows_by_definition(data: st.DataObject) -> None:
    """每个输出逐点列出它的窗口：最大值、第一个最大值的序号、分数算的平均。"""
    k, s, d = (tuple(data.draw(st.integers(1, 3)) for _ in range(2)) for _ in range(3))
    p = tuple(data.draw(st.integers(0, (dd * (kk - 1) + 1) // 2)) for kk, dd in zip(k, d, strict=True))
    low = [max(1, dd * (kk - 1) + 1 - 2 * pp) for kk, dd, pp in zip(k, d, p, strict=True)]
    height, width = (data.draw(st.integers(each, 8)) for each in low)
    ceil = data.draw(st.booleans())
    x = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-3, 4, (1, 1, height, width))
    layer = MaxPool2d(k, stride=s, padding=p, dilation=d, rounding="ceil" if ceil else "floor")
    y, indices = max_pooling.max_pool2d(
        x, k, stride=s, padding=p, dilation=d, ceil_mode=ceil, return_indices=True
    )
    assert y.shape[1:] == layer.output((1, height, width))
    for a, b in product(*map(range, y.shape[2:])):
        points = [
            (a * s[0] - p[0] + i * d[0], b * s[1] - p[1] + j * d[1])
            for i, j in product(range(k[0]), range(k[1]))
        ]
        inside = [(r, c) for r, c in points if 0 <= r < height and 0 <= c < width]
        if not inside:
            assert (y[0, 0, a, b], indices[0, 0, a, b]) == (-np.inf, -1)
            continue
        best = max(inside, key=lambda at: x[0, 0][at])  # max 取第一个
        assert (y[0, 0, a, b], indices[0, 0, a, b]) == (x[0, 0][best], best[0] * width + best[1])
    if d != (1, 1):
        return
    for include in (True, False):
        mean = avg_pooling.avg_pool2d(x, k, stride=s, padding=p, ceil_mode=ceil, count_include_pad=include)
        for a, b in product(*map(range, mean.shape[2:])):
            tops = [a * s[0] - p[0] + i for i in range(k[0])]
            lefts = [b * s[1] - p[1] + j for j in range(k[1])]
            inside = [(r, c) for r in tops for c in lefts if 0 <= r < height and 0 <= c < width]
            counted = [(r, c) for r in tops for c in lefts if r < height + p[0] and c < width + p[1]]
            exact = Fraction(int(sum(x[0, 0][at] for at in inside)), len(counted if include else inside))
            assert np.isclose(mean[0, 0, a, b], float(exact), rtol=1e-14, atol=1e-14)


POOLS = [
    ("max_pool2d", ((2, 2, 6, 7), (3, 2)), {"stride": (1, 2), "padding": 1, "ceil_mode": True}),
    ("max_pool1d", ((2, 2, 9), 3), {"stride": 2, "dilation": 2, "padding": 2}),
    ("avg_pool2d", ((2, 2, 6, 7), (3, 2)), {"stride": 2, "padding": 1, "ceil_mode": True}),
    ("avg_pool2d", ((2, 2, 6, 7), 3), {"padding": ((1, 0), (0, 1)), "count_include_pad": False}),
    ("avg_pool1d", ((2, 2, 9), 4), {"stride": 3, "padding": 2, "ceil_mode": True}),
    ("adaptive_avg_pool2d", ((2, 2, 6, 7), (4, 3)), {}),
    ("adaptive_max_pool2d", ((2, 2, 6, 7), (4, 9)), {}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), POOLS, ids=map(str, count()))
def test_gradients(name: str, arguments: Any, options: dict[str, Any]) -> None:
    shape, size = arguments
    x = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) / 7  # 没有并列
    forward, backward = function(name), function(f"{name}_backward")
    check_gradient(lambda x: forward(x, size, **options), lambda dy, x: backward(dy, x, size, **options), x)
    with pytest.raises(AssertionError, match="第 0 个参数的梯度不对"):
        check_gradient(
            lambda x: forward(x, size, **options),
            lambda dy, x: np.roll(backward(dy, x, size, **options), 1, axis=-1),
            x,
        )
    if "avg" in name:
        y = forward(x, size, **options)
        dy = np.random.default_rng(1).standard_normal(y.shape)
        assert np.isclose((dy * y).sum(), (x * backward(dy, x, size, **options)).sum(), rtol=1e-12)


@pytest.mark.parametrize("power", [1, 2, 3, 2.5])
def test_gradient_of_lp(power: float) -> None:
    x = np.random.default_rng(0).uniform(0.5, 2, (2, 2, 5, 6))
    check_gradient(
        lambda x: lp_pooling.lp_pool2d(x, power, 3, stride=2, ceil_mode=True),
        lambda dy, x: lp_pooling.lp_pool2d_backward(dy, x, power, 3, stride=2, ceil_mode=True),
        x,
    )


def test_global_pooling() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    y = adaptive_pooling.global_avg_pool(x)
    compare(
        adaptive_pooling.global_avg_pool, y, adaptive_pooling.adaptive_avg_pool2d(x, 1), source="自适应到 1"
    )
    check_gradient(adaptive_pooling.global_avg_pool, adaptive_pooling.global_avg_pool_backward, x)
    check_gradient(adaptive_pooling.global_avg_pool, adaptive_pooling.global_avg_pool_backward, x[..., 0])
    assert adaptive_pooling.global_avg_pool(x[..., 0]).shape == (2, 3, 1)


def test_extreme_values() -> None:
    big = np.full((1, 1, 2, 2), 3e38, np.float32)
    compare(lp_pooling.lp_pool2d, lp_pooling.lp_pool2d(big / 4, 2, 2).ravel(), [1.5e38], source="手算")
    with_nan = np.array([[[[1, np.nan, 5, np.nan]]]])
    y, indices = max_pooling.max_pool2d(with_nan, (1, 4), return_indices=True)
    assert np.isnan(y).all()
    assert indices.item() == 1
    assert adaptive_pooling.adaptive_max_pool2d(with_nan, 1, return_indices=True)[1].item() == 1
    line = np.array([[[np.inf, 0, 1, 2, -np.inf, 3]]])
    assert np.array_equal(avg_pooling.avg_pool1d(line, 2).ravel(), [np.inf, 1.5, -np.inf])
    assert np.isnan(avg_pooling.avg_pool1d([[[np.inf, -np.inf]]], 2)).all()
    # 先除以最大的绝对值：平方会下溢、会溢出的，负的也一样
    tiny, large = [[[[-3e-200, 4e-200]]]], [[[[-3e200, -4e200]]]]
    compare(lp_pooling.lp_pool2d, lp_pooling.lp_pool2d(tiny, 2, (1, 2)).ravel(), [5e-200], source="手算")
    compare(lp_pooling.lp_pool2d, lp_pooling.lp_pool2d(large, 2, (1, 2)).ravel(), [5e200], source="手算")
    # 范数恰是 1 与 0：没有特别之处，0 处取 0
    slope = lp_pooling.lp_pool2d_backward([[[[1.0]]]], [[[[0.6, 0.8]]]], 2, (1, 2))
    compare(lp_pooling.lp_pool2d_backward, slope.ravel(), [0.6, 0.8], source="手算")
    for power in (0.5, 1, 2):
        slope = lp_pooling.lp_pool2d_backward([[[[1.0]]]], [[[[0.0, 0.0]]]], power, (1, 2))
        assert (slope == 0).all()
    # 四个输出都看同一个像素，梯度加起来溢出
    up = np.full((1, 1, 2, 2), 1e308)
    assert adaptive_pooling.adaptive_avg_pool2d_backward(up, [[[[0.0]]]], 2).item() == np.inf
    lost = np.full((1, 1, 1, 2), -np.inf)
    assert max_pooling.max_pool2d(lost, (1, 2), return_indices=True)[1].item() == 0


def test_uneven_padding() -> None:
    """两端补得不一样：先把图补好，再看补的算不算。"""
    x, ends = np.random.default_rng(0).standard_normal((1, 2, 5, 6)), ((1, 0), (0, 1))
    pads = [(0, 0), (0, 0), *ends]
    whole, seen = (
        avg_pooling.avg_pool2d(np.pad(x, pads), 3),
        avg_pooling.avg_pool2d(np.pad(x * 0 + 1, pads), 3),
    )
    for include, expected in ((True, whole), (False, whole / seen)):
        y = avg_pooling.avg_pool2d(x, 3, padding=ends, count_include_pad=include)
        np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_windows_of_one() -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 6))
    for pool in (max_pooling.max_pool1d, avg_pooling.avg_pool1d):
        assert np.array_equal(pool(x, 1), x)
        assert np.array_equal(pool(x, 1, stride=1), x)
    summed = avg_pooling.avg_pool2d(x[..., None], 1, divisor_override=1)
    assert np.array_equal(summed, x[..., None])


@pytest.mark.parametrize(("name", "arguments", "options"), POOLS, ids=map(str, count()))
def test_dtypes_layouts_and_purity(name: str, arguments: Any, options: dict[str, Any]) -> None:
    shape, size = arguments
    forward, backward = function(name), function(f"{name}_backward")
    x = np.random.default_rng(0).integers(-4, 5, shape).astype(np.float64)
    y = forward(x, size, **options)
    fixed = np.asfortranarray(x)
    fixed.setflags(write=False)
    compare(forward, forward(fixed, size, **options), y, source="连续的数组")
    compare(
        backward, backward(y, fixed, size, **options), backward(y, x, size, **options), source="连续的数组"
    )
    for dtype in (np.float16, np.float32):
        assert forward(x.astype(dtype), size, **options).dtype == dtype
        gradient = backward(y.astype(dtype), x.astype(dtype), size, **options)
        assert gradient.dtype == dtype
    assert forward(x.astype(int), size, **options).dtype == np.float64
    empty = forward(x[:0], size, **options)
    assert empty.shape == (0, *y.shape[1:])
    assert backward(empty, x[:0], size, **options).shape == (0, *shape[1:])
    with pytest.raises(ValueError, match=r"^`dy` 应为形状"):
        backward(y[..., :1], x, size, **options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: max_pooling.max_pool2d(np.ones((1, 4, 4)), 2), ValueError, "`x` 应为形状"),
        (
            lambda: max_pooling.max_pool2d(np.ones((1, 1, 4, 4)), 2, padding=2),
            ValueError,
            "`padding` 应为不超过",
        ),
        (
            lambda: max_pooling.max_pool2d(np.ones((1, 1, 4, 4)), 5),
            ValueError,
            "`x` 应为更大的图，得到 4×4；窗口 5×5 大于",
        ),
        (
            lambda: max_pooling.max_pool2d(np.ones((1, 1, 4, 4)), 2, ceil_mode=1),
            TypeError,
            "`ceil_mode` 应为",
        ),
        (
            lambda: max_pooling.max_pool1d(np.ones((1, 1, 4)), 2, return_indices=1),
            TypeError,
            "`return_indices` 应为",
        ),
        (
            lambda: avg_pooling.avg_pool2d(np.ones((1, 1, 4, 4)), 2, divisor_override=0),
            ValueError,
            "`divisor_override` 应为",
        ),
        (lambda: lp_pooling.lp_pool2d(np.ones((1, 1, 4, 4)), 0, 2), ValueError, "`norm_type` 应为"),
        (lambda: lp_pooling.lp_pool2d(np.ones((1, 1, 4, 4)), "2", 2), TypeError, "`norm_type` 应为"),
        (lambda: adaptive_pooling.adaptive_avg_pool2d(np.ones((1, 1, 4, 4)), 0), ValueError, "`output_size`"),
        (lambda: adaptive_pooling.adaptive_avg_pool2d(np.ones((1, 1, 0, 4)), 1), ValueError, "`x` 应为形状"),
        (lambda: adaptive_pooling.global_avg_pool(np.ones((1, 2))), ValueError, "`x` 应为形状"),
        (
            lambda: adaptive_pooling.adaptive_avg_pool2d(np.ones((1, 2, 3)), 1),
            ValueError,
            r"`x` 应为形状 \(N, C, H, W\) 的数组，得到 形状 \(1, 2, 3\)",
        ),
    ],
    ids=map(str, count()),
)
def test_bad_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()
