"""写出 `tests/oracles/nn/losses.npz`。

手工运行，要 torch 与 torchvision：`python tests/oracles/make/nn_losses.py`。
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from _record import Record
from _torch import torch_record
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torchvision.ops import sigmoid_focal_loss

REDUCTIONS = ("none", "mean", "sum")


def classification(record: Record, dtype: str) -> None:
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
            fixed = {"target": target, "weight": weight}
            record.add("cross_entropy", F.cross_entropy, {"x": x}, options, fixed=fixed)
        if len(shape) > 1:
            labels = labels.copy()
            labels.flat[::2] = 1
            fixed = {"target": labels, "weight": weight}
            record.add(
                "cross_entropy", F.cross_entropy, {"x": x}, {"ignore_index": 1, **options}, fixed=fixed
            )
        if smoothing == 0:
            fixed = {"target": labels, "weight": weight}
            record.add("nll_loss", F.nll_loss, {"x": x}, {"reduction": reduction}, fixed=fixed)
    for reduction, log_target in product((*REDUCTIONS, "batchmean"), (False, True)):
        x, t = np.log(rng.dirichlet(np.ones(4), (2, 3))).astype(dtype)
        t = t if log_target else np.exp(t)
        if not log_target:
            t[0, 0] = 0
        options = {"reduction": reduction, "log_target": log_target}
        record.add("kl_div", F.kl_div, {"x": x}, options, fixed={"target": t})


def elementwise(record: Record, dtype: str) -> None:
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
            record.add(
                name, getattr(F, name), {"x": x}, {"reduction": reduction, **options}, fixed={"target": t}
            )
        truth = rng.uniform(0, 1, shape).astype(dtype).round(1)
        weight = rng.uniform(0.5, 2, shape[-1:]).astype(dtype)
        for w in (None, weight):
            fixed, options = {"target": truth, "weight": w}, {"reduction": reduction}
            p = {"x": 1 / (1 + np.exp(-x))}
            record.add("binary_cross_entropy", F.binary_cross_entropy, p, options, fixed=fixed)
            record.add("binary_cross_entropy_with_logits", with_logits, {"x": x * 10}, options, fixed=fixed)
        options = {"pos_weight": 2.5, "reduction": reduction}
        record.add("binary_cross_entropy_with_logits", with_logits, {"x": x}, options, fixed=fixed)
        for alpha, gamma in ((0.25, 2.0), (-1.0, 0.5), (0.6, 0.0), (0.25, 3.0)):
            options = {"alpha": alpha, "gamma": gamma, "reduction": reduction}
            for target in (truth.round(), truth):
                record.add(
                    "sigmoid_focal_loss", sigmoid_focal_loss, {"x": x}, options, fixed={"target": target}
                )
        sign = np.where(truth < 0.5, -1, 1).astype(dtype)
        for margin in (1.0, 0.3):
            options = {"margin": margin, "reduction": reduction}
            record.add("hinge_loss", hinge, {"x": x}, options, fixed={"target": sign})
    edge = np.array([0.0, 1.0, 0.0, 1.0, 1e-30], dtype)
    fixed = {"target": np.array([0, 1, 1, 0, 1], dtype)}
    record.add("binary_cross_entropy", F.binary_cross_entropy, {"x": edge}, fixed=fixed)
    edge = np.array([-1e4, 1e4, -1e4, 1e4], dtype)
    fixed = {"target": np.array([0, 1, 1, 0], dtype)}
    record.add("binary_cross_entropy_with_logits", with_logits, {"x": edge}, fixed=fixed)


def metric(record: Record, dtype: str) -> None:
    rng = record.rng
    for shape, reduction, (margin, p) in product(
        ((5, 3), (4,)), REDUCTIONS, ((1.0, 2.0), (0.2, 1.0), (3.0, 3.5))
    ):
        arrays = {name: rng.normal(0, 1, shape).astype(dtype) for name in ("anchor", "positive", "negative")}
        options = {"margin": margin, "p": p, "reduction": reduction}
        record.add("triplet_margin_loss", F.triplet_margin_loss, arrays, options)
    for reduction, temperature in product(REDUCTIONS, (0.07, 1.0)):
        arrays = {name: rng.normal(0, 0.5, (5, 3)).astype(dtype) for name in "xy"}
        options = {"temperature": temperature, "reduction": reduction}
        record.add("contrastive_info_nce", info_nce, arrays, options)


def sequence(record: Record, dtype: str) -> None:
    rng = record.rng
    steps, counts = np.array([7, 5, 2, 7]), np.array([3, 1, 2, 0])
    targets = rng.integers(1, 4, (4, 3))
    targets[2] = (2, 2, 1)  # 两帧放不下两个相同的标签：没有对齐
    flat = np.concatenate([row[:count] for row, count in zip(targets, counts, strict=True)])
    for reduction, blank, labels in product(REDUCTIONS, (0, 3), (targets, flat)):
        labels = labels if blank == 0 else labels - 1
        x = rng.normal(0, 2, (7, 4, 4)).astype(dtype)
        options = {"blank": blank, "reduction": reduction, "zero_infinity": True}
        fixed = {"targets": labels, "input_lengths": steps, "target_lengths": counts}
        record.add("ctc_loss", ctc, {"log_probs": x}, options, fixed=fixed)


def with_logits(
    x: Tensor, t: Tensor, w: Any = None, pos_weight: Any = None, reduction: str = "mean"
) -> Tensor:
    more = None if pos_weight is None else torch.tensor(pos_weight, dtype=x.dtype)
    return F.binary_cross_entropy_with_logits(x, t, w, reduction=reduction, pos_weight=more)


def hinge(x: Tensor, t: Tensor, margin: float, reduction: str) -> Tensor:
    loss = (margin - t * x).clamp(min=0)
    return loss if reduction == "none" else getattr(loss, reduction)()


def info_nce(x: Tensor, y: Tensor, temperature: float, reduction: str) -> Tensor:
    return F.cross_entropy(x @ y.T / temperature, torch.arange(5), reduction=reduction)


def ctc(logits: Tensor, *rest: Tensor, **options: Any) -> Tensor:
    """`log_probs` 这一项记的是 logits：torch 的梯度要经过 log_softmax 才与真正的偏导数相同。"""
    return F.ctc_loss(torch.log_softmax(logits, -1), *rest, **options)


if __name__ == "__main__":
    record = torch_record("losses", seed=3)
    for dtype in ("float64", "float32"):
        for part in (classification, elementwise, metric, sequence):
            part(record, dtype)
    record.write()
