"""贪心非极大值抑制；公开接口在 `boxes`。"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dlnotes.vision import _geometry


class NmsStep(NamedTuple):
    """非极大值抑制的一步：留下一个框，去掉与它重叠太多的框。

    Attributes:
        kept: 留下的框的下标。
        suppressed: 这一步去掉的框的下标，按分数从高到低。
        ious: 它们与留下的框的 IoU，与 `suppressed` 一一对应。
    """

    kept: int
    suppressed: tuple[int, ...]
    ious: tuple[float, ...]


def nms_steps(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float, *, pixels: bool = False
) -> list[NmsStep]:
    r"""贪心非极大值抑制的每一步；规则与参数见 `nms`。

    Args:
        boxes: 形状 `(N, 4)`。
        scores: 形状 `(N,)`。
        iou_threshold: $[0,1]$ 内的阈值。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        每留下一个框是一步，按分数从高到低；每个下标恰好出现一次。

    Raises:
        TypeError: 同 `nms`。
        ValueError: 同 `nms`。

    Examples:
        >>> nms_steps([[0, 0, 2, 1], [5, 5, 6, 6], [0, 0, 2, 2]], [0.7, 0.9, 0.8], 0.4)
        [NmsStep(kept=1, suppressed=(), ious=()), NmsStep(kept=2, suppressed=(0,), ious=(0.5,))]
    """
    checked = _geometry.list_of_boxes("boxes", boxes)
    ranks, threshold = _geometry.scores(scores, len(checked)), _geometry.threshold(iou_threshold)
    waiting = np.argsort(-ranks, kind="stable")  # 稳定排序：同分时下标小的在前
    steps = []
    while waiting.size:
        kept, rest = waiting[0], waiting[1:]
        # 这里的 IoU 一律是 float64：float32 的舍入会让贴近阈值的框落到另一边。
        overlaps = _geometry.compare(checked[kept], checked[rest], pixels).iou
        close = overlaps > threshold
        steps.append(NmsStep(int(kept), tuple(rest[close].tolist()), tuple(overlaps[close].tolist())))
        waiting = rest[~close]
    return steps


def nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float, *, pixels: bool = False
) -> npt.NDArray[np.intp]:
    r"""贪心非极大值抑制：反复留下分数最高的框，去掉与它的 IoU 大于阈值的框。

    等于阈值的框不去掉（严格大于，与 torchvision 相同）。不分类别；多类时每类各做一次。

    Args:
        boxes: 形状 `(N, 4)`；`N` 可以是 0。
        scores: 形状 `(N,)`，有限实数，越大越先；同分时下标小的先。
        iou_threshold: $[0,1]$ 内的阈值。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        形状 `(K,)`，留下的框的下标，按分数从高到低。面积为 0 的框与任何框的 IoU 是 0，所以总会留下。

    Raises:
        TypeError: `boxes`、`scores` 的元素或 `iou_threshold` 不是实数。
        ValueError: 形状不符，框不合法（见 `area`），分数非有限，或阈值不在 $[0,1]$ 内。

    References:
        Girshick et al. (2014), CVPR, arXiv:1311.2524, §2.2；torchvision `csrc/ops/cpu/nms_kernel.cpp`。

    Examples:
        >>> nms([[0, 0, 2, 1], [5, 5, 6, 6], [0, 0, 2, 2]], [0.7, 0.9, 0.8], 0.4)
        array([1, 2])
        >>> nms([[0, 0, 2, 1], [5, 5, 6, 6], [0, 0, 2, 2]], [0.7, 0.9, 0.8], 0.5)
        array([1, 2, 0])
    """
    steps = nms_steps(boxes, scores, iou_threshold, pixels=pixels)
    return np.array([step.kept for step in steps], dtype=np.intp)
