"""损失：与 torch 的记录、SciPy、定义与有限差分比；性质，两端，报错。"""

import warnings
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from dlnotes.nn import losses
from dlnotes.nn.gradient import check_gradient
from dlnotes.nn.softmax import log_softmax, log_softmax_backward, softmax
from tests.nn.evidence import compare
from tests.nn.recorded import check, recorded

RECORDED = recorded("losses")
RNG = np.random.default_rng(0)
X, T = RNG.normal(0, 2, (3, 4)), RNG.normal(0, 2, (3, 4))
Q = RNG.dirichlet(np.ones(4), 3)
LABELS = np.array([0, 3, 1])
REDUCTIONS = ("none", "mean", "sum")


@pytest.mark.parametrize("op", sorted({case.op for case in RECORDED} - {"ctc_loss"}))
def test_torch(op: str) -> None:
    for case in RECORDED:
        if case.op == op:
            # torch 把分母的下限 1e-12 存成 float32，差 4e-9；只有概率恰为 0 或 1 的那一例碰到它
            edge = op == "binary_cross_entropy" and not case.options and case.y.dtype == np.float64
            check(losses, case, **({"rtol": 1e-8} if edge else {}))


def test_torch_ctc() -> None:
    """记录里的输入是 logits：torch 的梯度要经过 log_softmax 才与真正的偏导数相同。"""
    for case in RECORDED:
        if case.op == "ctc_loss":
            x, *rest = case.inputs.values()
            y = log_softmax(x)
            got = losses.ctc_loss(y, *rest, **case.options)
            compare(losses.ctc_loss, got, case.y, source=case.source)
            dy = losses.ctc_loss_backward(case.dy, y, *rest, **case.options)
            assert got.dtype == dy.dtype == x.dtype
            got = log_softmax_backward(dy, x)
            compare(losses.ctc_loss_backward, got, case.gradients["log_probs"], source=case.source)


P = scipy.special.expit(X)
PAIRS: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
    ("mse_loss", X, (T,), {}),
    ("l1_loss", X, (T,), {}),
    ("smooth_l1_loss", X, (T,), {"beta": 0.7}),
    ("huber_loss", X, (T,), {"delta": 1.7}),
    ("cross_entropy", X, (LABELS, np.arange(1.0, 5)), {"label_smoothing": 0.2}),
    ("cross_entropy", X, (Q, np.arange(1.0, 5)), {"label_smoothing": 0.2}),
    ("cross_entropy", X, (LABELS,), {"ignore_index": 3}),
    ("nll_loss", X, (LABELS, np.arange(1.0, 5)), {}),
    ("kl_div", np.log(Q), (Q[::-1],), {}),
    ("kl_div", np.log(Q), (np.log(Q[::-1]),), {"log_target": True}),
    ("binary_cross_entropy", P, (Q, np.arange(1.0, 5)), {}),
    ("binary_cross_entropy_with_logits", X, (Q, np.arange(1.0, 5)), {"pos_weight": np.arange(2.0, 6)}),
    ("sigmoid_focal_loss", X, (Q,), {}),
    ("sigmoid_focal_loss", X, (Q.round(),), {"alpha": -1.0, "gamma": 0.5}),
    ("hinge_loss", X, (np.sign(T),), {"margin": 0.9}),
]


@pytest.mark.parametrize("which", range(len(PAIRS)))
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradients(which: int, reduction: str) -> None:
    name, x, rest, options = PAIRS[which]
    f, g = getattr(losses, name), getattr(losses, f"{name}_backward")
    options = {**options, "reduction": reduction}
    check_gradient(lambda x: f(x, *rest, **options), lambda dy, x: g(dy, x, *rest, **options), x)
    with pytest.raises(AssertionError, match="梯度不对"):
        check_gradient(lambda x: f(x, *rest, **options), lambda dy, x: 1.001 * g(dy, x, *rest, **options), x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradients_of_pairs(reduction: str) -> None:
    a, b, c = X, T, np.roll(X, 1, 0)
    for p, margin in product((1.3, 2.0, 3.3), (0.5, 5.0)):
        options: dict[str, Any] = {"p": p, "margin": margin, "reduction": reduction}
        f, g = losses.triplet_margin_loss, losses.triplet_margin_loss_backward
        check_gradient(partial(f, **options), partial(g, **options), a, b, c)
        assert np.abs(sum(g(np.ones(3) if reduction == "none" else 1.0, a, b, c, **options))).max() < 1e-15
    options = {"temperature": 0.8, "reduction": reduction}
    check_gradient(
        partial(losses.contrastive_info_nce, **options),
        partial(losses.contrastive_info_nce_backward, **options),
        a,
        b,
    )


def test_by_the_definitions() -> None:
    """逐个循环与 SciPy。"""
    d = X - T
    compare(
        losses.huber_loss,
        losses.huber_loss(X, T, delta=1.3, reduction="none"),
        scipy.special.huber(1.3, d),
        source="SciPy",
    )
    terms = scipy.special.rel_entr(Q, Q[::-1])
    got = losses.kl_div(np.log(Q[::-1]), Q, reduction="none")
    expected = Q * np.log(Q / Q[::-1])
    compare(losses.kl_div, got, expected, source="定义")
    compare(
        losses.kl_div,
        losses.kl_div(np.log(Q[::-1]), Q, reduction="batchmean"),
        terms.sum() / 3,
        source="SciPy",
    )
    w = np.array([1.0, 2.0, 0.5, 3.0])
    total = bottom = 0.0
    for row, label in zip(X, LABELS, strict=True):
        total -= w[label] * (row[label] - np.log(np.exp(row).sum()))
        bottom += w[label]
    compare(
        losses.cross_entropy, losses.cross_entropy(X, LABELS, w), total / bottom, source="定义（逐个循环）"
    )
    expected = -(Q * np.log(P) + (1 - Q) * np.log(1 - P)).mean()
    for name, x in (("binary_cross_entropy", P), ("binary_cross_entropy_with_logits", X)):
        compare(getattr(losses, name), getattr(losses, name)(x, Q), expected, source="定义")
    similarity = scipy.special.log_softmax(X @ T.T / 0.5, axis=1)
    got = losses.contrastive_info_nce(X, T, temperature=0.5, reduction="none")
    compare(losses.contrastive_info_nce, got, -np.diag(similarity), source="SciPy")
    t = Q.round()
    p = np.where(t == 1, P, 1 - P)
    expected = -np.where(t == 1, 0.3, 0.7) * (1 - p) ** 1.5 * np.log(p)
    got = losses.sigmoid_focal_loss(X, t, alpha=0.3, gamma=1.5)
    compare(losses.sigmoid_focal_loss, got, expected, source="定义")
    far, near = (np.linalg.norm(X - other, ord=3, axis=1) for other in (T, Q))
    got = losses.triplet_margin_loss(X, Q, T, p=3, eps=0, margin=2, reduction="none")
    compare(losses.triplet_margin_loss, got, np.maximum(near - far + 2, 0), source="numpy.linalg.norm")


def test_the_kinks() -> None:
    """恰在折点：合页取 0；三元组取不截的一侧（torch 2.13 在这一点给出同样的梯度）。"""
    assert losses.hinge_loss_backward(1.0, [1.0, -1.0], [1, -1]).tolist() == [0, 0]
    a, b, c = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]]])
    gradients = losses.triplet_margin_loss_backward(1.0, a, b, c, margin=1.0, eps=0.0)
    assert np.concatenate(gradients).tolist() == [[-1, 1], [1, 0], [0, -1]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_cross_entropy_is_divergence_plus_entropy(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    x, q = rng.normal(0, 5, (3, classes)), rng.dirichlet(np.ones(classes), 3)
    divergence = losses.kl_div(log_softmax(x), q, reduction="batchmean")
    entropy = scipy.stats.entropy(q, axis=1).mean()
    np.testing.assert_allclose(losses.cross_entropy(x, q), divergence + entropy, rtol=1e-12, atol=1e-14)
    assert divergence >= -1e-12
    np.testing.assert_allclose(losses.cross_entropy(x + 7, q), losses.cross_entropy(x, q), rtol=1e-12)
    np.testing.assert_allclose(losses.cross_entropy_backward(3.0, x, q), (softmax(x) - q), atol=1e-14)
    labels = rng.integers(0, classes, 3)
    np.testing.assert_array_equal(
        losses.cross_entropy(x, labels), losses.cross_entropy(x, np.eye(classes)[labels])
    )
    np.testing.assert_array_equal(losses.cross_entropy(x, labels), losses.nll_loss(log_softmax(x), labels))


@given(st.floats(-20, 20), st.floats(0.1, 5))
def test_relations(d: float, beta: float) -> None:
    huber = losses.huber_loss(d, 0.0, delta=beta)
    np.testing.assert_allclose(
        losses.smooth_l1_loss(d, 0.0, beta=beta) * beta, huber, rtol=1e-13, atol=1e-300
    )
    assert huber <= losses.mse_loss(d, 0.0) / 2 * (1 + 1e-12)
    plain = losses.binary_cross_entropy_with_logits(d, 1.0)
    np.testing.assert_allclose(losses.sigmoid_focal_loss(d, 1.0, gamma=0, alpha=-1), plain, rtol=1e-14)
    np.testing.assert_allclose(losses.cross_entropy([d, 0.0], 0), plain, rtol=1e-12, atol=1e-15)
    assert losses.sigmoid_focal_loss(d, 1.0, alpha=-1, gamma=beta) <= plain


def test_far_ends() -> None:
    inf, nan = np.inf, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert losses.cross_entropy([[1e4, -1e4]], [1]) == 2e4
        assert losses.cross_entropy([[0.0, -inf]], [0]) == 0
        assert losses.cross_entropy([[0.0, -inf]], [1]) == inf
        logits = losses.binary_cross_entropy_with_logits
        assert logits([-inf, inf, -1e4, 1e4], [0, 1, 1, 0], reduction="none").tolist() == [0, 0, 1e4, 1e4]
        backward = losses.binary_cross_entropy_with_logits_backward
        assert backward(np.ones(4), [-inf, inf, -1e4, 1e4], [0, 1, 1, 0], reduction="none").tolist() == [
            0,
            0,
            -1,
            1,
        ]
        assert losses.binary_cross_entropy([0.0, 1.0], [1, 0], reduction="none").tolist() == [100, 100]
        assert np.isfinite(losses.binary_cross_entropy_backward(1.0, [0.0, 1.0], [1, 0])).all()
        for gamma in (0.0, 0.5, 2.0):
            for target in (0.0, 1.0):
                x = np.array([-1e4, -800, 800, 1e4])
                t = np.full(4, target)
                assert np.isfinite(losses.sigmoid_focal_loss(x, t, gamma=gamma)).all()
                assert np.isfinite(losses.sigmoid_focal_loss_backward(np.ones(4), x, t, gamma=gamma)).all()
        assert losses.kl_div([-inf, 0.0], [0.0, 1.0], reduction="sum") == 0
        assert losses.kl_div([-inf, 0.0], [-inf, 0.0], reduction="sum", log_target=True) == 0
        assert losses.huber_loss([1e300, -inf], [0.0, 0.0], reduction="none").tolist() == [1e300, inf]
        assert losses.mse_loss(np.float32(1e30), np.float32(0)) == inf
        assert losses.smooth_l1_loss_backward(1.0, [inf], [0.0]).tolist() == [1]
        same = [[1.0, 2.0]]
        assert all(
            np.isfinite(g).all() for g in losses.triplet_margin_loss_backward(1.0, same, same, same, eps=0)
        )
        # 平方会溢出的距离
        np.testing.assert_allclose(losses.triplet_margin_loss([[1e200]], [[0.0]], [[1e200]]), 1e200)
        for name, x, rest, options in PAIRS:
            f, g = getattr(losses, name), getattr(losses, f"{name}_backward")
            if rest[0].ndim == 2:
                empty = f(x[:0], rest[0][:0], *rest[1:], **{"reduction": "mean", **options})
                assert np.isnan(empty), name
                assert f(x[:0], rest[0][:0], *rest[1:], **{**options, "reduction": "sum"}) == 0
                assert g(1.0, x[:0], rest[0][:0], *rest[1:], **{**options, "reduction": "mean"}).shape == (
                    0,
                    4,
                )
            if name != "binary_cross_entropy":
                bad = x.copy()
                bad[0, 0] = nan
                if name != "nll_loss":
                    bad[0] = nan
                assert np.isnan(f(bad, *rest, **{**options, "reduction": "sum"})), name
        # 全部忽略：损失是 NaN，梯度是 0
        assert np.isnan(losses.cross_entropy(X, [1, 1, 1], ignore_index=1))
        assert (losses.cross_entropy_backward(1.0, X, [1, 1, 1], ignore_index=1) == 0).all()
        assert (losses.nll_loss_backward(1.0, X, [-100] * 3) == 0).all()


@pytest.mark.parametrize("which", range(len(PAIRS)))
def test_types_and_arrays(which: int) -> None:
    name, x, rest, options = PAIRS[which]
    f, g = getattr(losses, name), getattr(losses, f"{name}_backward")
    for dtype in (np.float16, np.float32):
        args = [a.astype(dtype) if a.dtype.kind == "f" else a for a in (x, *rest)]
        if "pos_weight" in options:
            options = {**options, "pos_weight": options["pos_weight"].astype(dtype)}
        for a in args:
            a.flags.writeable = False
        dy = np.asarray(1, dtype)
        options = {"reduction": "mean", **options}
        assert (
            f(*args, **options).dtype
            == g(dy, *args, **options).dtype
            == g(1.0, *args, **options).dtype
            == dtype
        )
        np.testing.assert_allclose(f(*args, **options), f(x, *rest, **options), rtol=4e-3)
    before = x.copy()
    g(1.0, x, *rest, **options)
    assert np.array_equal(x, before)
    flipped = np.asfortranarray(x)
    assert f(flipped, *rest, **options) == f(x, *rest, **options)


def test_errors() -> None:
    wide = np.zeros((2, 5))
    for call, message in (
        (lambda: losses.mse_loss(X, T[0]), r"^`target` 应为形状 \(3, 4\)（`x` 的形状），得到 \(4,\)"),
        (lambda: losses.mse_loss(X, T, reduction="avg"), "^`reduction` 应为 none / mean / sum"),
        (lambda: losses.mse_loss_backward([1.0], X, T), r"^`dy` 应为形状 \(\)（输出的形状），得到 \(1,\)"),
        (
            lambda: losses.cross_entropy(X, LABELS, reduction="batchmean"),
            "^`reduction` 应为 none / mean / sum 之一",
        ),
        (
            lambda: losses.cross_entropy(X, [0, 1, 4]),
            "^`target` 应为 0 到 3 的类别，得到 界外的类别；不计的样本请用 ignore_index = -100",
        ),
        (lambda: losses.cross_entropy(X, [0, 1, -1]), "^`target` 应为 0 到 3 的类别"),
        (
            lambda: losses.cross_entropy(X, [0, 1]),
            r"^`target` 应为形状 \(3,\)（`x` 去掉类别轴的形状），得到 \(2,\)",
        ),
        (lambda: losses.cross_entropy(X, Q[:2]), r"^`target` 应为形状 \(3, 4\)"),
        (
            lambda: losses.cross_entropy(X, LABELS, [1.0]),
            r"^`weight` 应为形状 \(4,\)（类别数的形状），得到 \(1,\)",
        ),
        (
            lambda: losses.cross_entropy(X, LABELS, label_smoothing=1.5),
            "^`label_smoothing` 应为 0 到 1 的实数，得到 1.5",
        ),
        (lambda: losses.cross_entropy(1.0, 0), "^`x` 应为至少一维的数组，得到 一个数；"),
        (lambda: losses.kl_div(X, -Q), "^`target` 应为不小于 0 的数，得到 界外的数"),
        (
            lambda: losses.kl_div(1.0, 1.0, reduction="batchmean"),
            "^`x` 应为至少一维的数组，得到 一个数；batch",
        ),
        (lambda: losses.binary_cross_entropy(X, Q), "^`x` 应为 0 到 1 的数，得到 界外的数"),
        (lambda: losses.binary_cross_entropy(Q, X), "^`target` 应为 0 到 1 的数"),
        (
            lambda: losses.binary_cross_entropy(Q, Q, [1.0, 2.0]),
            r"^`weight` 应为能广播成 \(3, 4\) 的形状，得到 \(2,\)",
        ),
        (lambda: losses.binary_cross_entropy(Q[0], Q[0], np.ones((3, 4))), "^`weight` 应为能广播成"),
        (
            lambda: losses.binary_cross_entropy_with_logits(X, Q, pos_weight=[1.0, 2.0]),
            "^`pos_weight` 应为能广播成",
        ),
        (lambda: losses.sigmoid_focal_loss(X, Q, gamma=-1.0), "^`gamma` 应为不小于 0 的实数，得到 -1.0"),
        (lambda: losses.sigmoid_focal_loss(X, Q, alpha=2.0), "^`alpha` 应为不大于 1 的实数，得到 2.0"),
        (lambda: losses.hinge_loss([0.5], [0]), "^`target` 应为只含 1 与 -1 的数组"),
        (lambda: losses.hinge_loss([0.5], [1], margin=-1.0), "^`margin` 应为不小于 0 的实数"),
        (lambda: losses.smooth_l1_loss(X, T, beta=-1.0), "^`beta` 应为不小于 0 的实数，得到 -1.0"),
        (lambda: losses.huber_loss(X, T, delta=0.0), "^`delta` 应为大于 0 的实数，得到 0.0"),
        (lambda: losses.triplet_margin_loss(X, T, T, p=0.5), "^`p` 应为不小于 1 的实数"),
        (lambda: losses.triplet_margin_loss(X, T, T[:1]), "^`negative` 应为形状"),
        (lambda: losses.triplet_margin_loss(1.0, 1.0, 1.0), r"^`anchor` 应为形状 \(N, D\) 或 \(D,\) 的数组"),
        (lambda: losses.contrastive_info_nce(X, wide), "^`y` 应为形状"),
        (lambda: losses.contrastive_info_nce(X[0], X[0]), r"^`x` 应为形状 \(N, D\) 的数组"),
        (lambda: losses.contrastive_info_nce(X, T, temperature=0.0), "^`temperature` 应为大于 0 的实数"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match=r"^`target` 应为整数数组"):
        losses.nll_loss(X, [0.0, 1.0, 2.0])
    with pytest.raises(TypeError, match=r"^`log_target` 应为 True 或 False"):
        losses.kl_div(X, Q, log_target=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_batchmean_belongs_to_kl_div_alone(loss: str) -> None:
    with pytest.raises(ValueError, match=r"^`reduction` 应为 none / mean / sum 之一，得到 'batchmean'；"):
        getattr(losses, loss)([[1.0, 2.0]], [[0.0, 0.0]], reduction="batchmean")


def test_the_focal_gradient_has_its_limit_at_infinity() -> None:
    """x → -∞、t = 1：m → 1，梯度 → -α；x → +∞、t = 0 得 1-α。"""
    low = losses.sigmoid_focal_loss_backward([1.0], [-np.inf], [1.0], reduction="none")
    high = losses.sigmoid_focal_loss_backward([1.0], [np.inf], [0.0], reduction="none")
    assert (low.tolist(), high.tolist()) == ([-0.25], [0.75])


def test_the_focal_loss_when_right_or_unweighted() -> None:
    inf = np.inf
    assert losses.sigmoid_focal_loss([inf, -inf], [1.0, 0.0]).tolist() == [0.0, 0.0]  # 全对
    # α = 0 仍是加权：正例不算，负例的权重是 1
    x, t = np.array([0.3, 0.3]), np.array([1.0, 0.0])
    got = losses.sigmoid_focal_loss(x, t, alpha=0.0, gamma=0.0)
    compare(losses.sigmoid_focal_loss, got, [0.0, np.log1p(np.exp(0.3))], source="定义")
    for wrong in (-0.5, 1.5):
        with pytest.raises(ValueError, match=r"^`target` 应为 0 到 1 的数"):
            losses.sigmoid_focal_loss([0.3], [wrong])
        with pytest.raises(ValueError, match=r"^`x` 应为 0 到 1 的数"):
            losses.binary_cross_entropy_backward(1.0, [wrong], [1.0])


def test_the_upstream_can_widen_the_gradient() -> None:
    x, target, dy = X.astype(np.float32), Q.astype(np.float32), np.ones(())
    assert losses.cross_entropy_backward(dy, x, target).dtype == np.float64
    assert losses.kl_div_backward(dy, x, target).dtype == np.float64


def test_no_samples() -> None:
    for target in ([], np.empty((0, 3))):
        assert losses.cross_entropy(np.empty((0, 3)), target, reduction="sum") == 0
    gap = losses.triplet_margin_loss(*[np.empty((2, 0))] * 3, margin=1.5, reduction="none")
    assert gap.tolist() == [1.5, 1.5]  # 零维的向量，距离是 0


def test_triplets_far_apart() -> None:
    inf, nan = np.inf, np.nan
    # 每一行各有各的尺度：平方会下溢的一行，旁边是平方会溢出的一行
    a, b = np.zeros((2, 1)), np.array([[1e-200], [1e200]])
    got = losses.triplet_margin_loss(a, b, a, margin=0.0, eps=0.0, reduction="none")
    assert got.tolist() == [1e-200, 1e200]
    backward = partial(losses.triplet_margin_loss_backward, eps=0.0, reduction="none")
    # 截成 0 的样本没有梯度，上游是无穷大、异类在无穷远也一样；距离的导数是 0 的分量也没有
    zero = [[0.0, 0.0]]
    for dy, c in ((inf, [[9.0, 0.0]]), (1.0, [[inf, 1.0]])):
        assert backward([dy], zero, [[1.0, 1.0]], c)[1].tolist() == zero
    assert backward([inf], zero, [[1.0, 0.0]], [[0.0, 1.0]])[1].tolist() == [[inf, 0.0]]
    assert np.isnan(backward([1.0], [[0.0]], [[nan]], [[1.0]])).all()


def test_nan_is_passed_on() -> None:
    nan = np.nan
    for call in (
        lambda: losses.kl_div([nan, -1.0], [0.0, 1.0], reduction="sum"),
        lambda: losses.kl_div([-1.0, -1.0], [nan, 1.0], reduction="sum"),
        lambda: losses.kl_div([-1.0], [nan], reduction="sum", log_target=True),
        lambda: losses.mse_loss([nan], [0.0]),
        lambda: losses.hinge_loss([nan], [1.0]),
        lambda: losses.hinge_loss_backward(1.0, [nan], [1.0]).sum(),
        lambda: losses.binary_cross_entropy([nan], [0.0]),
        lambda: losses.binary_cross_entropy_with_logits([nan], [1.0]),
        lambda: losses.sigmoid_focal_loss([nan], [0.0], reduction="sum"),
        lambda: losses.cross_entropy([[nan, 0.0]], [1]),
        lambda: losses.triplet_margin_loss([[nan]], [[1.0]], [[2.0]]),
        lambda: losses.contrastive_info_nce([[nan]], [[1.0]]),
        lambda: losses.ctc_loss(np.full((3, 1, 2), nan), [[1]], [3], [1]),
    ):
        assert np.isnan(call())
    # 没有取到的类别、忽略的样本是 nan 不要紧
    assert losses.nll_loss([[nan, -2.0]], [1]) == 2.0
    assert losses.cross_entropy([[nan, 0.0], [0.0, 0.0]], [-100, 1]) == np.log(2)


def test_infinities_are_not_warnings() -> None:
    inf = np.inf
    # 权重是无穷大的类别只影响它自己的样本
    x, labels = np.zeros((2, 2)), [0, 1]
    each = losses.cross_entropy(x, labels, [inf, 1.0], reduction="none")
    np.testing.assert_array_equal(each, [inf, np.log(2)])
    np.testing.assert_array_equal(losses.nll_loss(x - 1, labels, [inf, 2.0], reduction="none"), [inf, 2.0])
    # 权重是 0 的元素不算，错得再远也一样
    for weight in ([0.0, 1.0], [0.0, 3.0]):
        wrong = losses.binary_cross_entropy_with_logits([inf, 0.0], [0.0, 1.0], weight, reduction="none")
        np.testing.assert_array_equal(wrong, [0.0, weight[1] * np.log(2)])
    assert losses.sigmoid_focal_loss([inf], [0.0], alpha=1.0) == 0
    assert losses.triplet_margin_loss([[0.0, 0.0]], [[inf, 1.0]], [[1.0, 1.0]]) == inf
    assert losses.triplet_margin_loss([[0.0, 0.0]], [[1.0, 1.0]], [[inf, 1.0]]) == 0
    assert losses.mse_loss([1e200], [0.0]) == inf
    assert losses.kl_div([-1.0], [1e308], reduction="sum", log_target=True) == inf
    np.testing.assert_array_equal(
        losses.hinge_loss_backward([inf, inf], [2.0, 0.0], [1, 1], reduction="none"), [0.0, -inf]
    )
    got = losses.kl_div_backward(inf, [-1.0, -1.0], [0.0, 1.0], reduction="sum")
    np.testing.assert_array_equal(got, [0.0, -inf])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [1e-20, 1e-320])
def test_a_tiny_beta_is_the_absolute_value(beta: float, dtype: Any) -> None:
    d, zero = np.array([-3.0, -1e-3, 0.0, 0.5], dtype), np.zeros(4, dtype)
    np.testing.assert_array_equal(losses.smooth_l1_loss(d, zero, beta=beta, reduction="none"), np.abs(d))
    slope = losses.smooth_l1_loss_backward(1.0, d, zero, beta=beta, reduction="sum")
    np.testing.assert_array_equal(slope, np.sign(d))


def test_labels_that_would_wrap() -> None:
    wraps = np.array([2**64 - 1, 0], np.uint64)  # 当作 int64 就是 -1
    with pytest.raises(ValueError, match=r"^`target` 应为 int64 装得下的整数"):
        losses.cross_entropy(np.zeros((2, 3)), wraps, ignore_index=-1)
    with pytest.raises(TypeError, match=r"^`ignore_index` 应为整数，得到 1.5"):
        losses.nll_loss(np.zeros((2, 3)), [0, 1], ignore_index=1.5)
    with pytest.raises(ValueError, match=r"^`target` 应为全部忽略的类别"):
        losses.cross_entropy(np.zeros((1, 0)), [0])


def test_an_infinite_upstream_stops_at_zero_slopes() -> None:
    inf = np.inf
    for backward in (losses.mse_loss_backward, losses.l1_loss_backward, losses.huber_loss_backward):
        np.testing.assert_array_equal(backward(inf, [1.0, 2.0], [1.0, 1.0], reduction="sum"), [0.0, inf])
    assert losses.sigmoid_focal_loss_backward([inf], [1.0], [0.0], alpha=1.0) == 0
    assert losses.sigmoid_focal_loss_backward([1.0], [inf], [0.0]) == 0.75  # 全错：m = 1，斜率是 1 - α
    assert losses.binary_cross_entropy_with_logits_backward(inf, [1.0], [0.0], [0.0]) == 0
    assert losses.binary_cross_entropy_backward(inf, [0.5], [0.0], [0.0]) == 0
    np.testing.assert_array_equal(losses.nll_loss_backward(inf, [[-1.0, -3.0]], [1]), [[0.0, -inf]])
    assert losses.cross_entropy([[0.0, 0.0]], [[0.0, 1.0]], [inf, 1.0]) == np.log(2)
    y = np.log(np.full((2, 1, 3), 1 / 3))
    gradient = losses.ctc_loss_backward(inf, y, [[1]], [2], [1])
    np.testing.assert_array_equal(gradient[:, 0], [[-inf, -inf, 0.0]] * 2)
    for name, value in (("eps", -1e-6), ("margin", np.nan), ("p", inf)):
        with pytest.raises(ValueError, match=f"^`{name}` 应为不小于"):
            losses.triplet_margin_loss([[0.0]], [[1.0]], [[2.0]], **{name: value})
