"""激活、softmax、损失、随机失活、初始化、嵌入、位置编码、检查梯度：坏输入。"""

from contextlib import suppress
from functools import wraps
from typing import Any

import numpy as np
import pytest

from dlnotes.nn import dropout as drop
from dlnotes.nn import embedding as emb
from dlnotes.nn import gradient, gumbel, init, losses, positions, softmax, sparsemax
from dlnotes.nn.activations import gates, rectifiers, sigmoids
from tests.nn.bad_input import Call, bad_wording, call, complaints, ids, missing, more_lenient, pair, pairs

MODULES = [
    "activations",
    "softmax",
    "gumbel",
    "sparsemax",
    "losses",
    "dropout",
    "init",
    "embedding",
    "positions",
    "gradient",
]
RNG = np.random.default_rng(0)
X = np.array([[-1.5, 0.5, 2.0], [0.25, -0.75, 1.0]])
P = np.array([[0.25, 0.5, 0.75], [0.1, 0.9, 0.5]])
KEEP = np.array([[True, False, True], [False, True, True]])
LABELS = np.array([2, 0])
CLASS_WEIGHT = np.array([1.0, 2.0, 0.5])
FRAMES = np.log(np.full((4, 2, 3), 1 / 3))
CTC: dict[str, Any] = {
    "log_probs": FRAMES,
    "targets": np.array([[1, 2], [2, 1]]),
    "input_lengths": np.array([4, 3]),
    "target_lengths": np.array([2, 1]),
}
KAIMING: dict[str, Any] = {"a": 0.5, "mode": "fan_in", "nonlinearity": "leaky_relu"}


def _triplet(reduction: str) -> list[Call]:
    """三元组的反向返回三个梯度，前向只有一个值。"""
    options: dict[str, Any] = {"margin": 0.5, "p": 2.5, "eps": 1e-6, "reduction": reduction}
    return pair(losses.triplet_margin_loss, anchor=X, positive=P, negative=-P, **options)


@wraps(gradient.check_gradient)
def _check_gradient(f: Any, vjp: Any, **options: Any) -> None:
    with suppress(AssertionError):  # 容差太小，梯度就「不对」：那是它的答案，不是坏输入
        gradient.check_gradient(f, vjp, X, **options)


def _tanh_backward(dy: Any, x: Any) -> Any:
    return dy / np.cosh(x) ** 2


CALLS: list[Call] = [
    *(row for name in ("silu", "mish", "hardswish") for row in pair(getattr(gates, name), x=X)),
    *pair(gates.gelu, x=X, approximate="none"),
    *pair(gates.gelu, x=X, approximate="tanh"),
    *(row for name in ("relu", "relu6", "selu") for row in pair(getattr(rectifiers, name), x=X)),
    *pair(rectifiers.leaky_relu, x=X, negative_slope=0.1),
    *pair(rectifiers.prelu, x=X, weight=CLASS_WEIGHT),
    *pair(rectifiers.elu, x=X, alpha=0.5),
    *pair(rectifiers.celu, x=X, alpha=0.5),
    *pair(rectifiers.softplus, x=X, beta=2.0, threshold=20.0),
    *(
        row
        for name in ("sigmoid", "tanh", "softsign", "hardsigmoid")
        for row in pair(getattr(sigmoids, name), x=X)
    ),
    *pair(sigmoids.hardtanh, x=X, min_val=-1.0, max_val=1.0),
    *pair(sigmoids.rbf, x=X, center=CLASS_WEIGHT, gamma=0.5),
    *pair(softmax.softmax, x=X, axis=1, temperature=0.5),
    call(softmax.softmax_jacobian, x=X, temperature=0.5),
    *pair(softmax.log_softmax, x=X, axis=1),
    *pair(softmax.logsumexp, x=X, axis=1, keepdims=True),
    call(gumbel.gumbel_noise, shape=(2, 3), rng=RNG),
    *pair(gumbel.gumbel_softmax, x=X, noise=P, tau=0.5, hard=False, axis=1),
    *pair(gumbel.gumbel_softmax, x=X, noise=P, tau=0.5, hard=True, axis=1),
    *pair(sparsemax.sparsemax, x=X, axis=1),
    *(
        row
        for name in ("mse_loss", "l1_loss")
        for reduction in ("mean", "none")
        for row in pair(getattr(losses, name), x=X, target=P, reduction=reduction)
    ),
    *pair(losses.smooth_l1_loss, x=X, target=P, beta=0.5, reduction="sum"),
    *pair(losses.huber_loss, x=X, target=P, delta=0.5, reduction="none"),
    *pair(losses.binary_cross_entropy, x=P, target=P, weight=X**2, reduction="mean"),
    *pair(losses.binary_cross_entropy_with_logits, x=X, target=P, reduction="none"),
    *pair(
        losses.binary_cross_entropy_with_logits, x=X, target=P, weight=X**2, pos_weight=P, reduction="mean"
    ),
    *pair(losses.sigmoid_focal_loss, x=X, target=P, alpha=0.25, gamma=2.0, reduction="none"),
    *pair(losses.sigmoid_focal_loss, x=X, target=P, alpha=0.25, gamma=0.5, reduction="mean"),
    *pair(losses.hinge_loss, x=X, target=np.sign(X), margin=1.0, reduction="none"),
    *pair(
        losses.cross_entropy,
        x=X,
        target=LABELS,
        weight=CLASS_WEIGHT,
        ignore_index=0,
        label_smoothing=0.1,
        reduction="mean",
    ),
    *pair(losses.cross_entropy, x=X, target=P, weight=CLASS_WEIGHT, label_smoothing=0.1, reduction="none"),
    *pair(losses.nll_loss, x=X, target=LABELS, weight=CLASS_WEIGHT, ignore_index=0, reduction="none"),
    *pair(losses.nll_loss, x=X, target=LABELS, weight=CLASS_WEIGHT, ignore_index=-100, reduction="mean"),
    *pair(losses.kl_div, x=X, target=P, reduction="batchmean", log_target=False),
    *pair(losses.kl_div, x=X, target=np.log(P), reduction="none", log_target=True),
    *pair(losses.ctc_loss, **CTC, blank=0, reduction="mean", zero_infinity=False),
    *pair(losses.ctc_loss, **CTC, blank=0, reduction="none", zero_infinity=True),
    *pair(losses.contrastive_info_nce, x=X, y=P, temperature=0.5, reduction="none"),
    *_triplet("none"),
    *_triplet("mean"),
    call(drop.dropout_mask, shape=(2, 3), rng=RNG, p=0.5),
    *pair(drop.dropout, x=X, mask=KEEP, p=0.5, training=True, scale_at="training"),
    *pair(drop.dropout, x=X, mask=KEEP, p=0.5, training=False, scale_at="test"),
    *pair(drop.drop_path, x=X, mask=KEEP[0, :2], p=0.5, training=True),
    *pair(drop.alpha_dropout, x=X, mask=KEEP, p=0.5, training=True),
    call(init.fan_in_and_fan_out, shape=(2, 3)),
    call(init.calculate_gain, nonlinearity="leaky_relu", param=0.5),
    call(init.xavier_uniform, shape=(2, 3), rng=RNG, gain=0.5),
    call(init.xavier_normal, shape=(2, 3), rng=RNG, gain=0.5),
    call(init.kaiming_uniform, shape=(2, 3), rng=RNG, **KAIMING),
    call(init.kaiming_normal, shape=(2, 3), rng=RNG, **KAIMING),
    call(init.lecun_normal, shape=(2, 3), rng=RNG),
    call(init.orthogonal, shape=(2, 3), rng=RNG, gain=0.5),
    call(init.trunc_normal, shape=(2, 3), rng=RNG, mean=0.5, std=0.5, a=-1.0, b=1.0),
    *pair(emb.embedding, x=LABELS, weight=X.T, padding_idx=1),
    call(emb.one_hot, x=LABELS, num_classes=3),
    call(positions.sinusoidal_encoding, positions=np.array([0.0, 1.0]), dim=4, base=100.0),
    *pair(positions.rotary_embedding, x=X.T, positions=CLASS_WEIGHT, base=100.0, interleaved=True),
    *pair(positions.rotary_embedding, x=X.T, positions=CLASS_WEIGHT, base=100.0, interleaved=False),
    call(_check_gradient, f=np.tanh, vjp=_tanh_backward, rtol=1e-6, seed=0),
]


def test_every_function_is_here() -> None:
    assert missing([f"dlnotes.nn.{name}" for name in MODULES], CALLS) == []


@pytest.mark.parametrize("row", CALLS, ids=ids(CALLS))
def test_bad_input(row: Call) -> None:
    found = complaints(*row)
    assert not found, "\n".join(found)


PAIRS = pairs(CALLS)


@pytest.mark.parametrize(("forward", "backward"), PAIRS, ids=ids(f for f, _ in PAIRS))
def test_the_backward_refuses_what_the_forward_refuses(forward: Call, backward: Call) -> None:
    assert more_lenient(forward, backward) == []


def test_the_fuzzer_can_fail() -> None:
    def careless(x: Any, *, alpha: float = 1.0) -> Any:
        x = np.asarray(x, np.float64)
        x *= alpha
        return x

    found = "\n".join(complaints(careless, {"x": X.copy(), "alpha": 2.0}))
    for symptom in ("没有拒绝", "改动了 x", "没有中文", "RuntimeWarning"):
        assert symptom in found, symptom

    def lax(x: Any, *, alpha: float = 1.0) -> Any:  # 不看 alpha
        return rectifiers.relu(x)

    missed = more_lenient(call(rectifiers.celu, x=X, alpha=0.5), call(lax, x=X, alpha=0.5))
    assert "alpha=-1" in missed
    assert all(label.startswith("alpha=") for label in missed)
    good = "`x` 应为形状 (2,)（输出的形状），得到 (3,)；请检查形状。"
    assert bad_wording(good, ["x"]) == []
    for wrong in (
        good.replace("`x`", "x"),
        good.replace("`x`", "`y`"),
        good + "多一句。",
        good.replace("输出", "`y`"),
        good.replace("(2,)", "0 到 -1"),
        good.replace("，", "，\n"),
        "`x` must be a number",
    ):
        assert bad_wording(wrong, ["x"]), wrong
