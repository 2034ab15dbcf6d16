"""softmax 回归：与 scikit-learn 的逻辑回归、最优性条件、两类的闭式解比。"""

import warnings
from itertools import count

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from dlnotes.data import digits, iris, standardize, two_moons, wine
from dlnotes.models.softmax_regression import softmax_regression
from dlnotes.nn.softmax import softmax

MOONS = two_moons(200, 0, noise=0.4)
RNG = np.random.default_rng(0)
BLOBS = RNG.standard_normal((300, 3)), RNG.integers(0, 4, 300)


def reference(x, y, l2):
    """scikit-learn 的 `C` 是 1/(N·l2)；两类时它只有一行，是两行之差。"""
    penalty = np.inf if l2 == 0 else 1 / (len(x) * l2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = LogisticRegression(C=penalty, solver="newton-cg", tol=1e-12, max_iter=10_000).fit(x, y)
    return model.coef_, model.intercept_


@pytest.mark.parametrize("l2", [0.0, 0.003, 1.0])
def test_four_classes_against_scikit_learn(l2):
    x, y = BLOBS
    w, b = reference(x, y, l2)
    fit = softmax_regression(x, y, l2=l2)
    assert np.allclose(fit.weight, w - w.mean(0), rtol=0, atol=1e-6)
    assert np.allclose(fit.bias, b - b.mean(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("l2", [0.001, 0.1])
@pytest.mark.parametrize("load", [iris, wine])
def test_real_data_against_scikit_learn(load, l2):
    x, y, _ = load()
    x = standardize(x)
    w, b = reference(x, y, l2)
    fit = softmax_regression(x, y, l2=l2)
    assert np.allclose(fit.weight, w, rtol=0, atol=1e-6)
    assert np.allclose(fit.bias, b - b.mean(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_two_classes_against_scikit_learn(l2):
    """两行的惩罚是一行的一半：$\\lVert w/2\\rVert^2+\\lVert-w/2\\rVert^2=\\lVert w\\rVert^2/2$。"""
    w, b = reference(MOONS.x, MOONS.y, l2 / 2)
    fit = softmax_regression(MOONS.x, MOONS.y, l2=l2)
    assert np.allclose(fit.weight[1] - fit.weight[0], w[0], rtol=0, atol=1e-6)
    assert fit.bias[1] - fit.bias[0] == pytest.approx(b[0], abs=1e-6)
    right = (fit.weight[1] - fit.weight[0]) @ MOONS.x.T + fit.bias[1] - fit.bias[0] > 0
    assert fit.accuracy == (right == MOONS.y).mean()


def test_the_gradient_vanishes():
    """不用库里的损失：在解处 $(p-t)^\\top x/N+\\lambda W=0$，偏置的是 $\\sum(p-t)=0$。"""
    x, y = BLOBS
    fit = softmax_regression(x, y, l2=0.05)
    logits = x @ fit.weight.T + fit.bias
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gap = p - np.eye(4)[y]
    assert abs(gap.T @ x / len(x) + 0.05 * fit.weight).max() < 1e-12
    assert abs(gap.sum(0)).max() < 1e-10
    value = -np.log(p[np.arange(300), y]).mean() + 0.025 * (fit.weight**2).sum()
    assert fit.losses[-1] == pytest.approx(value, rel=1e-12)
    assert fit.losses[0] == pytest.approx(np.log(4))
    assert (np.diff(fit.losses) <= 1e-15).all()
    assert np.allclose([fit.weight.sum(0).max(), fit.bias.sum()], 0, atol=1e-12)
    assert fit.accuracy == (p.argmax(1) == y).mean()


def test_closed_form_for_one_binary_feature():
    """每个取值各自的对数几率：log(3/1) 与 log(1/4)。"""
    x = np.array([[0]] * 4 + [[1]] * 5)
    y = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0])
    fit = softmax_regression(x, y)
    assert fit.bias[1] - fit.bias[0] == pytest.approx(np.log(3), rel=1e-12)
    assert (fit.weight[1] - fit.weight[0]).item() == pytest.approx(np.log(1 / 4) - np.log(3), rel=1e-12)


def test_digits_in_good_time():
    x, y, _ = digits()
    fit = softmax_regression(x / 16, y, l2=1e-3, tol=1e-6)
    assert fit.accuracy > 0.95
    assert len(fit.losses) < 12  # 二次收敛
    assert np.allclose(softmax(x / 16 @ fit.weight.T + fit.bias).mean(0), np.bincount(y) / len(y), atol=1e-9)


def test_full_steps_would_overshoot():
    """整步的牛顿法在这里不收敛；折半之后每一步都下降，到了梯度为零的地方。"""
    x = np.array([[0.1, 0.3], [1.2, 1], [5.5, 2.3], [11.5, 12.3], [42.5, 0.5], [2, 3], [2.1, 0.7]])
    y = np.array([1, 1, 0, 2, 0, 1, 0])
    fit = softmax_regression(x, y, l2=1e-4)
    assert (np.diff(fit.losses) <= 1e-15).all()
    gap = softmax(x @ fit.weight.T + fit.bias) - np.eye(3)[y]
    assert abs(gap.T @ x / len(x) + 1e-4 * fit.weight).max() < 1e-10


def test_types_and_inputs():
    x, y = MOONS.x.astype(np.float32), MOONS.y
    kept = x.copy()
    fit = softmax_regression(x, y, l2=0.1)
    assert {fit.weight.dtype, fit.bias.dtype, fit.losses.dtype} == {np.dtype(np.float32)}
    assert np.array_equal(x, kept)
    assert fit.weight.tobytes() == softmax_regression(x, y, l2=0.1).weight.tobytes()


ERRORS = [
    (
        lambda: softmax_regression([[0.0], [1.0]], [0, 1]),
        "`l2` 应为使牛顿法收敛的值，得到 0.0，",
    ),
    (lambda: softmax_regression(iris().x, iris().y), "请给正的 l2"),  # 三类里只有一类分得开
    (lambda: softmax_regression(digits().x[:400], digits().y[:400]), "请给正的 l2"),  # 全零的列
    (lambda: softmax_regression(*BLOBS, max_iter=1), "1 步之后没有收敛"),
    (lambda: softmax_regression([[-1.0], [1.0], [2.0]], [0, 1, 1], max_iter=99), "请给正的 l2"),
    (lambda: softmax_regression(np.repeat(BLOBS[0], 2, axis=1), BLOBS[1]), "请给正的 l2"),  # 重复的列
    (lambda: softmax_regression(*BLOBS, l2=-1), "`l2` 应为不小于 0 的实数"),
    (lambda: softmax_regression(*BLOBS, tol=0), "`tol`"),
    (lambda: softmax_regression(BLOBS[0], BLOBS[1] + 1), "`y` 应为 0 … K-1 每一类都有"),
    (lambda: softmax_regression(BLOBS[0], BLOBS[1] * 0), "`y` 应为 0 … K-1 每一类都有"),
    (lambda: softmax_regression(BLOBS[0], BLOBS[1][1:]), "`y` 应为形状 (300,) 的类别"),
    (lambda: softmax_regression(BLOBS[0][0], BLOBS[1]), "`x` 应为形状 (N, D)"),
    (lambda: softmax_regression([[np.nan], [0.0]], [0, 1]), "`x` 应为形状 (N, D) 的非空数组，元素有限"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=count())
def test_errors(call, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 消息在下一行核对
        call()
    assert message in str(raised.value)
