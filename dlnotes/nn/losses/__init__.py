r"""损失函数，连同对输入的梯度。

共同的约定：

- `reduction` 是 `"none"`（不归约）、`"mean"`（默认）或 `"sum"`；归约之后的输出是一个数，`dy` 也是。`mean`
  除以什么各自写明；除数是 0（空的批量、全部忽略）时得 `nan`，与 PyTorch 相同。
- `target`、`weight`、`pos_weight` 是数据，不求梯度：反向只返回对网络输出的梯度。成对地比较几个网络输出的
  （`triplet_margin_loss`、`contrastive_info_nce`）返回各自的梯度。
- 形状不合、选项或目标越界抛 `ValueError`；元素不是实数、选项不是一个数（数组也不行）抛 `TypeError`。
- `nan` 传到输出，溢出得 ∞，都不警告。权重或导数是 0 的地方，乘上无穷大也得 0。
"""

from dlnotes.nn.losses.binary import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_backward,
    hinge_loss,
    hinge_loss_backward,
    sigmoid_focal_loss,
    sigmoid_focal_loss_backward,
)
from dlnotes.nn.losses.classification import (
    cross_entropy,
    cross_entropy_backward,
    kl_div,
    kl_div_backward,
    nll_loss,
    nll_loss_backward,
)
from dlnotes.nn.losses.ctc import ctc_loss, ctc_loss_backward
from dlnotes.nn.losses.metric import (
    contrastive_info_nce,
    contrastive_info_nce_backward,
    triplet_margin_loss,
    triplet_margin_loss_backward,
)
from dlnotes.nn.losses.regression import (
    huber_loss,
    huber_loss_backward,
    l1_loss,
    l1_loss_backward,
    mse_loss,
    mse_loss_backward,
    smooth_l1_loss,
    smooth_l1_loss_backward,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_backward",
    "contrastive_info_nce",
    "contrastive_info_nce_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "ctc_loss",
    "ctc_loss_backward",
    "hinge_loss",
    "hinge_loss_backward",
    "huber_loss",
    "huber_loss_backward",
    "kl_div",
    "kl_div_backward",
    "l1_loss",
    "l1_loss_backward",
    "mse_loss",
    "mse_loss_backward",
    "nll_loss",
    "nll_loss_backward",
    "sigmoid_focal_loss",
    "sigmoid_focal_loss_backward",
    "smooth_l1_loss",
    "smooth_l1_loss_backward",
    "triplet_margin_loss",
    "triplet_margin_loss_backward",
]
