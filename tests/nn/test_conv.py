"""卷积、转置卷积、展开与折叠：与 torch 的记录、SciPy、逐点循环比，再查伴随与等变。"""

from itertools import count
from typing import Any

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from dlnotes.arch import AvgPool2d, Conv2d, ConvTranspose2d, Flatten, MaxPool2d, sequential
from dlnotes.nn import avg_pooling, conv, conv_loops, conv_transpose, max_pooling, separable, unfold
from dlnotes.nn.gradient import check_gradient
from tests.nn.evidence import compare
from tests.nn.recorded import Recorded, check, recorded

MODULES = {"conv": conv, "conv_transpose": conv_transpose, "fold": unfold}


@pytest.mark.parametrize("case", recorded("conv"), ids=str)
def test_as_torch(case: Recorded) -> None:
    check(MODULES[case.op.rstrip("12d") if "conv" in case.op else "fold"], case)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any, dict[str, Any]]:
    """随机的小卷积：两个方向的选项各取各的。"""
    pairs = {
        name: (draw(st.integers(low, 3)), draw(st.integers(low, 3)))
        for name, low in (("stride", 1), ("padding", 0), ("dilation", 1))
    }
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    channels, filters = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    sizes = [
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 8))
        for k, p, d in zip(kernel, pairs["padding"], pairs["dilation"], strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((draw(st.integers(0, 2)), channels, *sizes))
    weight = rng.standard_normal((filters, channels // groups, *kernel))
    return x, weight, rng.standard_normal(filters), {**pairs, "groups": groups}


@settings(max_examples=60, deadline=None)
@given(problems())
def test_conv2d_is_its_loop_and_has_the_shape_of_arch(problem: tuple[Any, Any, Any, dict[str, Any]]) -> None:
    x, weight, bias, options = problem
    y = conv.conv2d(x, weight, bias, **options)
    compare(conv.conv2d, y, conv_loops.conv2d_loop(x, weight, bias, **options), source="定义（逐个循环）")
    assert y.shape[1:] == Conv2d(len(weight), weight.shape[2:], **options).output(x.shape[1:])


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2), st.integers(0, 2))
def test_conv_transpose2d_is_its_loop_and_the_adjoint(
    problem: tuple[Any, Any, Any, dict[str, Any]], down: int, right: int
) -> None:
    x, weight, _, options = problem
    extra = tuple(
        min(more, max(s, d) - 1)
        for more, s, d in zip((down, right), options["stride"], options["dilation"], strict=True)
    )
    # 同一个核：卷积的输入通道，是转置卷积的输出通道
    small = np.random.default_rng(0).standard_normal((len(x), len(weight), 4, 5))
    layer = ConvTranspose2d(x.shape[1], weight.shape[2:], output_padding=extra, **options)
    try:
        shape = layer.output(small.shape[1:])
    except ValueError:
        return
    y = conv_transpose.conv_transpose2d(small, weight, output_padding=extra, **options)
    expected = conv_loops.conv_transpose2d_loop(small, weight, output_padding=extra, **options)
    compare(conv_transpose.conv_transpose2d, y, expected, source="定义（逐个循环）")
    assert y.shape[1:] == shape
    big = np.random.default_rng(1).standard_normal(y.shape)
    forward = conv.conv2d(big, weight, **options)[:, :, :4, :5]
    assert np.isclose((forward * small).sum(), (big * y).sum(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_conv2d_is_scipy(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((9, 8)).astype(dtype), rng.standard_normal((4, 3)).astype(dtype)
    y = conv.conv2d(x[np.newaxis, np.newaxis], w[np.newaxis, np.newaxis])
    expected = correlate2d(x.astype(float), w.astype(float), mode="valid")
    compare(conv.conv2d, y[0, 0], expected, source=f"SciPy {scipy.__version__}")
    full = conv_transpose.conv_transpose2d(x[np.newaxis, np.newaxis], w[np.newaxis, np.newaxis])
    expected = scipy.signal.convolve2d(x.astype(float), w.astype(float), mode="full")
    compare(conv_transpose.conv_transpose2d, full[0, 0], expected, source=f"SciPy {scipy.__version__}")


def test_blocks_of_rows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """一块一行、一块全部，结果、梯度都相同。"""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 4, 9, 8)), rng.standard_normal((6, 2, 3, 2))
    options: dict[str, Any] = {"stride": (2, 1), "padding": (2, 1), "groups": 2}
    y = conv.conv2d(x, w, **options)
    gradients = conv.conv2d_backward(y, x, w, **options)
    for block in (1, 130, 200):
        monkeypatch.setattr("dlnotes.nn._im2col._BLOCK", block)
        compare(conv.conv2d, conv.conv2d(x, w, **options), y, source="不分块")
        compare(conv.conv2d_backward, conv.conv2d_backward(y, x, w, **options), gradients, source="不分块")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": (2, 1), "padding": ((1, 2), (0, 1))},
        {"stride": 2, "padding": "same"},
        {"dilation": 2, "padding": 2, "groups": 2},
    ],
)
def test_gradients(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal((2, 4, 6, 7)), rng.standard_normal(4)
    w = rng.standard_normal((4, 4 // options.get("groups", 1), 3, 2))
    check_gradient(
        lambda *a: conv.conv2d(*a, **options), lambda dy, *a: conv.conv2d_backward(dy, *a, **options), x, w, b
    )
    check_gradient(
        lambda *a: conv.conv2d(*a, **options),
        lambda dy, *a: conv.conv2d_backward(dy, *a, **options),
        x,
        w,
        None,
    )
    with pytest.raises(AssertionError, match="第 1 个参数的梯度不对"):
        check_gradient(
            lambda x, w: conv.conv2d(x, w, **options),
            lambda dy, x, w: (
                (g := conv.conv2d_backward(dy, x, w, **options))[0],
                g[1][..., ::-1, :],  # 翻转核是最常见的错
            ),
            x,
            w,
        )


def test_gradients_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal((2, 4, 5, 4)), rng.standard_normal(6)
    up: dict[str, Any] = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
    check_gradient(
        lambda *a: conv_transpose.conv_transpose2d(*a, **up),
        lambda dy, *a: conv_transpose.conv_transpose2d_backward(dy, *a, **up),
        x,
        rng.standard_normal((4, 3, 3, 2)),
        b,
    )
    one = rng.standard_normal((2, 4, 6)), rng.standard_normal((4, 2, 3)), rng.standard_normal(4)
    check_gradient(
        lambda *a: conv.conv1d(*a, groups=2, padding=1),
        lambda dy, *a: conv.conv1d_backward(dy, *a, groups=2, padding=1),
        *one,
    )
    check_gradient(
        lambda *a: conv_transpose.conv_transpose1d(*a, groups=2, stride=2),
        lambda dy, *a: conv_transpose.conv_transpose1d_backward(dy, *a, groups=2, stride=2),
        *one,
    )
    depthwise = rng.standard_normal((8, 1, 3, 2)), rng.standard_normal(8)
    check_gradient(separable.depthwise_conv2d, separable.depthwise_conv2d_backward, x, *depthwise)
    pointwise = rng.standard_normal((6, 8, 1, 1))
    check_gradient(
        separable.separable_conv2d, separable.separable_conv2d_backward, x, depthwise[0], pointwise, b
    )


def test_unfold_and_fold_are_adjoint_and_unfold_is_im2col() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 7, 8)), rng.standard_normal((4, 3, 2, 3))
    options: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1)}
    columns = unfold.unfold(x, (2, 3), **options)
    y = rng.standard_normal(columns.shape)
    back = unfold.fold(y, (7, 8), (2, 3), **options)
    assert np.isclose((columns * y).sum(), (x * back).sum(), rtol=1e-12)
    product = (w.reshape(4, -1) @ columns).reshape(conv.conv2d(x, w, **options).shape)
    compare(conv.conv2d, conv.conv2d(x, w, **options), product, source="展开后的矩阵乘法")


def test_special_cases() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 5, 6))
    pointwise = rng.standard_normal((4, 3, 1, 1))
    matmul = np.einsum("fc,nchw->nfhw", pointwise[:, :, 0, 0], x)
    compare(conv.conv2d, conv.conv2d(x, pointwise), matmul, source="矩阵乘法（1×1 的核）")
    depthwise = rng.standard_normal((6, 1, 3, 2))
    y = separable.depthwise_conv2d(x, depthwise)
    planes = [[correlate2d(one[q // 2], depthwise[q, 0], mode="valid") for q in range(6)] for one in x]
    compare(separable.depthwise_conv2d, y, np.array(planes), source=f"SciPy {scipy.__version__}")
    mixing = rng.standard_normal((4, 6, 1, 1))
    dense = np.einsum("fcm,cmij->fcij", mixing.reshape(4, 3, 2), depthwise.reshape(3, 2, 3, 2))
    expected = conv_loops.conv2d_loop(x, dense, padding=(1, 1))
    got = separable.separable_conv2d(x, depthwise, mixing, padding=1)
    compare(separable.separable_conv2d, got, expected, source="合成一个核，逐个循环")


@given(st.integers(0, 6), st.integers(0, 6))
def test_circular_convolution_commutes_with_shifts(down: int, right: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 2, 7, 7)), rng.standard_normal((3, 2, 3, 3))

    def circular(x: Any) -> Any:
        return conv.conv2d(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap"), w)

    shift = {"shift": (down, right), "axis": (2, 3)}
    compare(conv.conv2d, circular(np.roll(x, **shift)), np.roll(circular(x), **shift), source="平移等变")


def test_a_network_has_the_shapes_of_arch() -> None:
    """LeNet 样的小网络：每一层真的算一遍，形状与 `dlnotes.arch` 说的相同。"""
    layers = [
        ("c1", Conv2d(6, 5, padding=2)),
        ("s2", MaxPool2d(3, stride=2, padding=1, rounding="ceil")),
        ("c3", Conv2d(8, 3, stride=2, padding="same", groups=2)),
        ("up", ConvTranspose2d(4, 3, stride=2, padding=1, output_padding=1)),
        ("s4", AvgPool2d(2, rounding="ceil")),
        ("flat", Flatten()),
    ]
    shapes = sequential("small", (3, 29, 26), layers).shapes()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 29, 26))
    x = conv.conv2d(x, rng.standard_normal((6, 3, 5, 5)), padding=2)
    assert x.shape[1:] == shapes["c1"]
    x = max_pooling.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)
    assert x.shape[1:] == shapes["s2"]
    x = conv.conv2d(x, rng.standard_normal((8, 3, 3, 3)), stride=2, padding="same", groups=2)
    assert x.shape[1:] == shapes["c3"]
    w = rng.standard_normal((8, 4, 3, 3))
    x = conv_transpose.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)
    assert x.shape[1:] == shapes["up"]
    x = avg_pooling.avg_pool2d(x, 2, ceil_mode=True)
    assert x.shape[1:] == shapes["s4"]
    assert x.reshape(2, -1).shape[1:] == shapes["flat"]


def test_dtypes_layouts_and_purity() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 3))
    expected = conv.conv2d(x, w, padding=1)
    readonly = np.asfortranarray(x)
    readonly.setflags(write=False)
    wide = np.repeat(w, 2, axis=3)[..., ::2]
    before = w.copy()
    compare(conv.conv2d, conv.conv2d(readonly, wide, padding=1), expected, source="连续的数组")
    gradients = conv.conv2d_backward(expected, readonly, wide, padding=1)
    compare(
        conv.conv2d_backward, gradients, conv.conv2d_backward(expected, x, w, padding=1), source="连续的数组"
    )
    assert np.array_equal(w, before)
    half = conv.conv2d(x.astype(np.float16), w.astype(np.float16), padding=1)
    assert half.dtype == np.float16
    compare(conv.conv2d, half, expected, source="float64", rtol=2e-3)
    one = np.ones((3, 1, 1, 1), np.float16), np.ones((2, 3, 1, 1), np.float16)
    assert separable.separable_conv2d(x.astype(np.float16), *one).dtype == np.float16
    halves = separable.separable_conv2d_backward(
        half[:, :3].astype(np.float16),
        x.astype(np.float16),
        np.ones((3, 1, 3, 3), np.float16),
        np.ones((3, 3, 1, 1), np.float16),
        padding=1,
    )
    assert [None if each is None else each.dtype for each in halves] == [np.float16] * 3 + [None]
    assert conv.conv2d(np.ones((1, 1, 2, 2), int), np.ones((1, 1, 1, 1), int)).dtype == np.float64
    assert conv.conv2d(np.ones((0, 3, 6, 5)), w).shape == (0, 4, 4, 3)


def test_infinities_and_nan_stay_in_their_windows() -> None:
    x = np.zeros((1, 1, 1, 6))
    x[..., 0], x[..., 5] = np.inf, np.nan
    y = conv.conv2d(x, np.ones((1, 1, 1, 2)))
    assert np.array_equal(y.ravel(), [np.inf, 0, 0, 0, np.nan], equal_nan=True)
    edge = conv.conv2d(np.ones((1, 1, 1, 2)), np.full((1, 1, 1, 3), np.inf), padding=(0, 1))
    assert np.isnan(edge).all()  # 0·∞：补的零也相乘


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: conv.conv2d(np.ones((3, 4, 4)), np.ones((1, 3, 1, 1))), ValueError, "`x` 应为形状"),
        (lambda: conv.conv2d(np.ones((1, 3, 4, 4)), np.ones((1, 3, 1))), ValueError, "`weight` 应为形状"),
        (lambda: conv.conv2d(np.ones((1, 3, 4, 4)), np.ones((1, 2, 1, 1))), ValueError, "`weight` 应为第 1"),
        (
            lambda: conv.conv2d(np.ones((1, 3, 4, 4)), np.ones((2, 3, 1, 1)), groups=2),
            ValueError,
            "`groups` 应为通道数 3 与核数 2 的公约数，得到 2",
        ),
        (
            lambda: conv.conv2d(np.ones((1, 1, 4, 4)), np.ones((2, 1, 1, 1)), [1.0]),
            ValueError,
            "`bias` 应为形状",
        ),
        (
            lambda: conv.conv2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3))),
            ValueError,
            "`x` 应为更大的图，得到 2×2；窗口 3×3 大于",
        ),
        (
            lambda: conv.conv2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1)), padding="full"),
            ValueError,
            "`padding` 应为",
        ),
        (
            lambda: conv.conv2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1)), stride=0),
            ValueError,
            "`stride` 应为",
        ),
        (lambda: conv.conv2d(np.ones((1, 1, 2, 2), bool), np.ones((1, 1, 1, 1))), TypeError, "`x` 应为实数"),
        (
            lambda: conv.conv2d_backward(np.ones((1, 1, 1, 2)), np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1))),
            ValueError,
            "`dy` 应为形状",
        ),
        (
            lambda: conv_transpose.conv_transpose2d(np.ones((1, 3, 2, 2)), np.ones((2, 3, 1, 1))),
            ValueError,
            "`weight` 应为第 0",
        ),
        (
            lambda: conv_transpose.conv_transpose2d(
                np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1)), output_padding=1
            ),
            ValueError,
            "`output_padding` 应为",
        ),
        (
            lambda: conv_transpose.conv_transpose1d_backward(
                np.ones((1, 1, 3)), np.ones((1, 1, 2)), np.ones((1, 1, 1))
            ),
            ValueError,
            "`dy` 应为形状",
        ),
        (
            lambda: conv.conv2d(np.ones((1, 4, 3, 3)), np.ones((3, 2, 1, 1)), groups=2),
            ValueError,
            "`groups` 应为通道数 4 与核数 3 的公约数，得到 2；",
        ),
        (
            lambda: conv_transpose.conv_transpose2d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1)), padding=1),
            ValueError,
            "`x` 应为更大的图，得到 1×2；",
        ),
        (lambda: unfold.fold(np.ones((1, 4, 3)), (2, 3), 2), ValueError, "`x` 应为形状"),
        (
            lambda: separable.separable_conv2d(
                np.ones((1, 1, 3, 3)), np.ones((1, 1, 1, 1)), np.ones((1, 1, 2, 2))
            ),
            ValueError,
            "`pointwise` 应为",
        ),
    ],
    ids=map(str, count()),
)
def test_bad_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()
