"""有效感受野：与真的卷出来的权重、随机权重的模拟、论文的 √n 比。"""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlnotes.arch import (
    Add,
    AvgPool2d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Dropout,
    Flatten,
    GroupNorm,
    Linear,
    MaxPool2d,
    Network,
    Node,
    ReLU,
    Upsample,
    Window,
    effective,
    forward,
    residual,
    sequential,
    side,
    zoo,
)
from dlnotes.arch.effective import Effective, along, weights


def influence(windows: list[Window], kernels: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """自上而下：一个单元的影响，逐层按步长插零，再与膨胀的核卷积。"""
    signal = np.ones(1)
    for window, kernel in zip(reversed(windows), reversed(kernels), strict=True):
        apart = np.zeros((signal.size - 1) * window.stride + 1)
        apart[:: window.stride] = signal
        dilated = np.zeros((window.kernel_size - 1) * window.dilation + 1)
        dilated[:: window.dilation] = kernel
        signal = np.convolve(apart, dilated)
    return signal


def deviation(weight: NDArray[np.float64]) -> float:
    share, place = weight / weight.sum(), np.arange(weight.size)
    return float(np.sqrt((share * (place - (share * place).sum()) ** 2).sum()))


stacks = st.lists(
    st.builds(
        Window,
        kernel_size=st.integers(1, 5),
        stride=st.integers(1, 2),
        padding=st.integers(0, 2),
        dilation=st.integers(1, 3),
    ),
    max_size=6,
)


@given(stacks)
def test_equal_weights_are_the_exact_convolution(windows: list[Window]) -> None:
    exact = influence(windows, [np.ones(window.kernel_size) for window in windows])
    found = along(windows)
    assert found.rf == exact.size == forward(windows).rf
    assert found.sigma == pytest.approx(deviation(exact), rel=1e-9, abs=1e-9)
    assert weights(windows) == exact.tolist()
    centre = (np.arange(exact.size) * exact).sum() / exact.sum()
    assert centre == pytest.approx((found.rf - 1) / 2)


def test_random_weights_spread_the_same_way_in_expectation() -> None:
    """独立、零均值的权重：2 万次影响的平方的平均，标准差与均匀的相同。"""
    rng = np.random.default_rng(0)
    windows = [Window(3), Window(2, stride=2), Window(3, dilation=2), Window(3), Window(3)]
    energy = np.mean(
        [
            influence(windows, [rng.standard_normal(window.kernel_size) for window in windows]) ** 2
            for _ in range(20_000)
        ],
        axis=0,
    )
    assert deviation(energy) == pytest.approx(along(windows).sigma, rel=0.02)
    expected = np.array(weights(windows)) / sum(weights(windows))
    assert energy / energy.sum() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_the_width_grows_with_the_root_of_the_depth(kernel: int) -> None:
    """Luo 等人的 O(√n)：层数到 4 倍，宽度到 2 倍，占理论感受野的比例减半。"""
    for depth in (5, 20, 80):
        few, many = along([Window(kernel)] * depth), along([Window(kernel)] * 4 * depth)
        assert many.sigma == pytest.approx(2 * few.sigma)
        assert (many.rf - 1) == 4 * (few.rf - 1)
        assert few.sigma**2 == pytest.approx(depth * (kernel**2 - 1) / 12)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("depth", [10, 20, 80])
def test_the_gaussian_width_is_within_a_pixel_of_the_exact_one(depth: int, share: float) -> None:
    windows = [Window(3)] * depth
    paths = weights(windows)
    middle, total, half = len(paths) // 2, 3**depth, 0
    while Fraction(sum(paths[middle - half : middle + half + 1]), total) < Fraction(share):
        half += 1
    assert abs(along(windows).width(share) - 2 * half) <= 1.0
    assert sum(paths) == total


def test_vgg16_by_hand() -> None:
    """各段的步距是 1、2、4、8、16；每个 3×3 是 2/3·j²，每个 2×2 池化是 1/4·j²。"""
    variance = Fraction(0)
    for jump, depth in zip((1, 2, 4, 8, 16), (2, 2, 3, 3, 3), strict=True):
        variance += (depth * Fraction(2, 3) + Fraction(1, 4)) * jump**2
    for axis in effective(zoo.load("vgg16"), "pool5"):
        assert axis == Effective(212, pytest.approx(float(variance) ** 0.5))  # type: ignore[arg-type]
    assert float(variance) == pytest.approx(763.91667)


def test_axes_are_apart_and_pointwise_layers_add_nothing() -> None:
    path: Any = [
        ("conv", Conv2d(4, (1, 3), padding=(0, 1))),
        ("bn", BatchNorm2d()),
        ("gn", GroupNorm(2)),
        ("aux", side([("relu", ReLU())])),
        ("drop", Dropout()),
        ("pool", MaxPool2d((2, 1))),
        ("conv2", Conv2d(4, 3, padding=1)),
        ("avg", AvgPool2d(2)),
    ]
    net = sequential("net", (3, 16, 16), path)
    assert effective(net, "avg") == (
        along([Window(2, stride=2), Window(3), Window(2)]),
        along([Window(3), Window(3), Window(2)]),
    )
    assert effective(net, "drop") == (Effective(1, 0.0), Effective(3, (2 / 3) ** 0.5))
    assert effective(net, "avg", (3, 8, 40)) == effective(net, "avg")
    (signal,) = effective(sequential("s", (2, 30), [("conv", Conv1d(4, 3, dilation=4))]), "conv")
    assert signal == along([Window(3, dilation=4)])


def test_what_cannot_be_answered_is_named() -> None:
    body: Any = [("conv", Conv2d(3, 3, padding=1))]
    path: Any = [("block", residual(body)), ("up", Upsample(2)), ("flat", Flatten()), ("fc", Linear(2))]
    net = sequential("net", (3, 8, 8), path)
    assert effective(net, "block.conv")[0].rf == 3
    with pytest.raises(ValueError, match=r"^block.add 汇合了 block.conv、input；"):
        effective(net, "fc")
    with pytest.raises(ValueError, match=r"^`node` 应为 net 的节点名，得到 'conv'；"):
        effective(net, "conv")
    with pytest.raises(ValueError, match=r"^flat 看到整个输入；"):
        effective(sequential("net", (3, 8, 8), [("flat", Flatten()), ("fc", Linear(2))]), "fc")
    with pytest.raises(ValueError, match=r"^up 的感受野没有统一的大小（按 2×2 放大"):
        effective(sequential("net", (3, 8, 8), [("up", Upsample(2)), ("relu", ReLU())]), "relu")
    with pytest.raises(TypeError, match=r"^`network` 应为 Network，得到 'vgg16'；"):
        effective("vgg16", "pool5")  # type: ignore[arg-type]
    twice = Network("net", (3, 8, 8), (Node("add", Add(), ("input", "input")),))
    assert effective(twice, "add") == (Effective(1, 0.0),) * 2


@pytest.mark.parametrize(
    ("share", "error"), [(0, ValueError), (1, ValueError), ("1", TypeError), (True, TypeError)]
)
def test_shares(share: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^`share` 应为 0 与 1 之间的小数"):
        Effective(3, 1.0).width(share)
    assert Effective(3, 9.0).width(0.99) == 3
    assert Effective(100, 1.0).width(0.6826894921370859) == pytest.approx(2)
