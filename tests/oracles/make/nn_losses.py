"""写出 `tests/oracles/nn/losses.npz`。

手工运行，要 torch 与 torchvision：`python tests/oracles/make/nn_losses.py`。
"""

from itertools import product

import numpy as np
import torch
from _nn_record import Recorder
from torch.nn import functional as F  # noqa: N812
from torchvision.ops import sigmoid_focal_loss

REDUCTIONS = ("none", "mean", "sum")


def classification(record: Recorder, dtype: str) -> None:
    rng = record.rng
    shapes = ((3, 4), (2, 4, 2, 1), (4,))
    for shape, reduction, weighted, smoothing in product(shapes, REDUCTIONS, (False, True), (0.0, 0.1)):
        x = rng.normal(0, 3, shape).astype(dtype)
        labels = rng.integers(0, 4, shape[:1] + shape[2:] if len(shape) > 1 else ())
        weight = rng.uniform(0.2, 2, 4).astype(dtype) if weighted else None
        q = rng.dirichlet(np.ones(4), shape[:1] + shape[2:] if len(shape) > 1 else ()).astype(dtype)
        q = np.moveaxis(q, -1, 1) if len(shape) > 1 else q
        options = {"reduction": reduction, "label_smoothing": smoothing}
        for target in (labels, q):
            record.add(
                "cross_entropy",
                lambda x, t, w, o=options: F.cross_entropy(x, t, w, **o),
                [x, target, weight],
                **options,
            )
        if len(shape) > 1:
            labels = labels.copy()
            labels.flat[::2] = 1
            record.add(
                "cross_entropy",
                lambda x, t, w, o=options: F.cross_entropy(x, t, w, ignore_index=1, **o),
                [x, labels, weight],
                ignore_index=1,
                **options,
            )
        if smoothing == 0:
            record.add(
                "nll_loss",
                lambda x, t, w, r=reduction: F.nll_loss(x, t, w, reduction=r),
                [x, labels, weight],
                reduction=reduction,
            )
    for reduction, log_target in product((*REDUCTIONS, "batchmean"), (False, True)):
        x, t = np.log(rng.dirichlet(np.ones(4), (2, 3))).astype(dtype)
        t = t if log_target else np.exp(t)
        if not log_target:
            t[0, 0] = 0
        options = {"reduction": reduction, "log_target": log_target}
        record.add("kl_div", lambda x, t, o=options: F.kl_div(x, t, **o), [x, t], **options)


def elementwise(record: Recorder, dtype: str) -> None:
    rng = record.rng
    for shape, reduction in product(((3, 2), (6,), ()), REDUCTIONS):
        x, t = (rng.normal(0, 2, shape).astype(dtype) for _ in range(2))
        if shape == (6,):
            t[:3] = x[:3] + np.array([0, 1, -1], dtype)  # 折点
        for name, options in (
            ("mse_loss", {}),
            ("l1_loss", {}),
            ("smooth_l1_loss", {}),
            ("smooth_l1_loss", {"beta": 0.4}),
            ("smooth_l1_loss", {"beta": 0.0}),
            ("huber_loss", {}),
            ("huber_loss", {"delta": 2.5}),
        ):
            options = {"reduction": reduction, **options}
            f = getattr(F, name)
            record.add(name, lambda x, t, f=f, o=options: f(x, t, **o), [x, t], **options)
        truth = rng.uniform(0, 1, shape).astype(dtype).round(1)
        weight = rng.uniform(0.5, 2, shape[-1:]).astype(dtype)
        for w in (None, weight):
            f = lambda x, t, w, r=reduction: F.binary_cross_entropy(x, t, w, reduction=r)  # noqa: E731
            record.add("binary_cross_entropy", f, [1 / (1 + np.exp(-x)), truth, w], reduction=reduction)
            f = lambda x, t, w, r=reduction: F.binary_cross_entropy_with_logits(x, t, w, reduction=r)  # noqa: E731
            record.add("binary_cross_entropy_with_logits", f, [x * 10, truth, w], reduction=reduction)
        f = lambda x, t, w, r=reduction: F.binary_cross_entropy_with_logits(  # noqa: E731
            x, t, w, reduction=r, pos_weight=torch.tensor(2.5, dtype=x.dtype)
        )
        record.add(
            "binary_cross_entropy_with_logits", f, [x, truth, weight], pos_weight=2.5, reduction=reduction
        )
        for alpha, gamma in ((0.25, 2.0), (-1.0, 0.5), (0.6, 0.0), (0.25, 3.0)):
            options = {"alpha": alpha, "gamma": gamma, "reduction": reduction}
            f = lambda x, t, o=options: sigmoid_focal_loss(x, t, **o)  # noqa: E731
            record.add("sigmoid_focal_loss", f, [x, truth.round()], **options)
            record.add("sigmoid_focal_loss", f, [x, truth], **options)
        sign = np.where(truth < 0.5, -1, 1).astype(dtype)
        for margin in (1.0, 0.3):
            f = lambda x, t, m=margin, r=reduction: _reduce((m - t * x).clamp(min=0), r)  # noqa: E731
            record.add("hinge_loss", f, [x, sign], margin=margin, reduction=reduction)
    edge = np.array([0.0, 1.0, 0.0, 1.0, 1e-30], dtype)
    record.add(
        "binary_cross_entropy",
        lambda x, t: F.binary_cross_entropy(x, t),
        [edge, np.array([0, 1, 1, 0, 1], dtype)],
    )
    edge = np.array([-1e4, 1e4, -1e4, 1e4], dtype)
    record.add(
        "binary_cross_entropy_with_logits",
        F.binary_cross_entropy_with_logits,
        [edge, np.array([0, 1, 1, 0], dtype)],
    )


def metric(record: Recorder, dtype: str) -> None:
    rng = record.rng
    for shape, reduction, (margin, p) in product(
        ((5, 3), (4,)), REDUCTIONS, ((1.0, 2.0), (0.2, 1.0), (3.0, 3.5))
    ):
        arrays = [rng.normal(0, 1, shape).astype(dtype) for _ in range(3)]
        options = {"margin": margin, "p": p, "reduction": reduction}
        f = lambda a, b, c, o=options: F.triplet_margin_loss(a, b, c, **o)  # noqa: E731
        record.add("triplet_margin_loss", f, arrays, wrt=(0, 1, 2), **options)
    for reduction, temperature in product(REDUCTIONS, (0.07, 1.0)):
        arrays = [rng.normal(0, 0.5, (5, 3)).astype(dtype) for _ in range(2)]

        def f(x: torch.Tensor, y: torch.Tensor, r: str = reduction, t: float = temperature) -> torch.Tensor:
            return F.cross_entropy(x @ y.T / t, torch.arange(5), reduction=r)

        record.add(
            "contrastive_info_nce", f, arrays, wrt=(0, 1), temperature=temperature, reduction=reduction
        )


def sequence(record: Recorder, dtype: str) -> None:
    rng = record.rng
    steps, counts = np.array([7, 5, 2, 7]), np.array([3, 1, 2, 0])
    targets = rng.integers(1, 4, (4, 3))
    targets[2] = (2, 2, 1)  # 两帧放不下两个相同的标签：没有对齐
    flat = np.concatenate([row[:count] for row, count in zip(targets, counts, strict=True)])
    for reduction, blank, labels in product(REDUCTIONS, (0, 3), (targets, flat)):
        labels = labels if blank == 0 else labels - 1
        x = rng.normal(0, 2, (7, 4, 4)).astype(dtype)
        options = {"blank": blank, "reduction": reduction, "zero_infinity": True}
        f = lambda x, t, i, n, o=options: F.ctc_loss(torch.log_softmax(x, -1), t, i, n, **o)  # noqa: E731
        record.add("ctc_loss", f, [x, labels, steps, counts], **options)


def _reduce(x: torch.Tensor, reduction: str) -> torch.Tensor:
    return x if reduction == "none" else getattr(x, reduction)()


if __name__ == "__main__":
    record = Recorder("losses", seed=3)
    for dtype in ("float64", "float32"):
        for part in (classification, elementwise, metric, sequence):
            part(record, dtype)
    record.write()
