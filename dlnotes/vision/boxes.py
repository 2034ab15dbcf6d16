r"""框：面积、IoU 及其推广（GIoU、DIoU、CIoU）、非极大值抑制。

一个框是最后一轴上的四个数 `(x1, y1, x2, y2)`，`x1 <= x2`、`y1 <= y2`；y 轴朝上朝下都一样。坐标有两种约定：

- 连续坐标（默认）：宽是 $x_2-x_1$。
- 像素下标（`pixels=True`）：两端的像素都算在内，宽是 $x_2-x_1+1$，PASCAL VOC 的 devkit 如此计算。它等价于
  把 $x_2$、$y_2$ 各加 1 的连续框。

中间结果一律是 float64：float32 的框返回 float32，其他实数（含整数）返回 float64。每个比值在分母为 0 时取 0，
所以面积为 0（或小到下溢）的框有确定的结果，不会出现 `nan`。坐标的绝对值不超过 1e18（float32）或
1e150（其他），面积因此不会溢出。

References:
    Everingham, Winn, The PASCAL VOC Development Kit, `VOCcode/VOCevaldet.m`（`pixels=True` 的加 1）。
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dlnotes import _check
from dlnotes.vision import _geometry
from dlnotes.vision._geometry import FloatArray, ratio, result
from dlnotes.vision._nms import NmsStep, nms, nms_steps

__all__ = ["NmsStep", "area", "ciou", "diou", "giou", "iou", "nms", "nms_steps", "pairwise"]


def area(boxes: npt.ArrayLike, *, pixels: bool = False) -> FloatArray:
    r"""框的面积。

    $$\lvert A\rvert=(x_2-x_1)(y_2-y_1)$$

    Args:
        boxes: 形状 `(..., 4)`。
        pixels: 坐标是否为含两端的像素下标；是则宽、高各加 1。

    Returns:
        形状 `(...)`，单位是坐标单位的平方（像素约定下是像素数）；零宽或零高的框为 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 4，坐标非有限或过大，或 `x2 < x1`、`y2 < y1`。

    Examples:
        >>> float(area([0, 0, 2, 3])), float(area([0, 0, 2, 3], pixels=True))
        (6.0, 12.0)
    """
    checked = _geometry.boxes("boxes", boxes)
    return result(_geometry.area(_geometry.continuous(checked, pixels)), checked.dtype)


def iou(a: npt.ArrayLike, b: npt.ArrayLike, *, pixels: bool = False) -> FloatArray:
    r"""交并比（Jaccard 系数），逐元素计算。

    $$\mathrm{IoU}=\frac{\lvert A\cap B\rvert}{\lvert A\cup B\rvert}$$

    交的宽是 $\max(0,\ \min(x_2^A,x_2^B)-\max(x_1^A,x_1^B))$，高同理：左上角取大，右下角取小。

    Args:
        a: 形状 `(..., 4)`。
        b: 形状 `(..., 4)`；前导轴与 `a` 按 numpy 规则广播。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        广播后的形状 `(...)`，无量纲，值在 $[0,1]$ 内。并集面积为 0（两个框都退化）时约定为 0，
        两框相同也如此。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 框不合法（见 `area`），或前导轴不能广播。

    References:
        Everingham et al. (2010), The PASCAL Visual Object Classes (VOC) Challenge, IJCV 88, §4.2。

    Examples:
        >>> round(float(iou([0, 0, 2, 2], [1, 1, 3, 3])), 6)  # 1/7
        0.142857
        >>> round(float(iou([0, 0, 2, 2], [1, 1, 3, 3], pixels=True)), 6)  # 4/14
        0.285714
    """
    pair = _geometry.compare(a, b, pixels)
    return result(pair.iou, pair.dtype)


def giou(a: npt.ArrayLike, b: npt.ArrayLike, *, pixels: bool = False) -> FloatArray:
    r"""广义交并比：不相交时仍能分出远近。

    $$\mathrm{GIoU}=\mathrm{IoU}-\frac{\lvert C\rvert-\lvert A\cup B\rvert}{\lvert C\rvert}$$

    $C$ 是包住 $A$、$B$ 的最小的框。论文的 $C$ 是最小凸形；对框，论文也取最小外接框。

    Args:
        a: 形状 `(..., 4)`。
        b: 形状 `(..., 4)`；前导轴与 `a` 广播。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        广播后的形状 `(...)`，值在 $(-1,1]$ 内，不大于 IoU；两框越离越远时趋于 -1（退化的框可以等于 -1）。
        $\lvert C\rvert=0$ 时惩罚项取 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 同 `iou`。

    References:
        Rezatofighi et al. (2019), CVPR, arXiv:1902.09630，§3（定义）与 §3.1（框）。

    Examples:
        >>> float(giou([0, 0, 1, 1], [3, 0, 4, 1]))  # 外接框 4，并集 2
        -0.5
    """
    pair = _geometry.compare(a, b, pixels)
    enclosing = _geometry.area(pair.enclosing)
    # 舍入误差可能让并集比外接框大一个末位，那会使 GIoU 大于 IoU。
    gap = np.maximum(enclosing - pair.union, 0)
    return result(pair.iou - ratio(gap, enclosing), pair.dtype)


def diou(a: npt.ArrayLike, b: npt.ArrayLike, *, pixels: bool = False) -> FloatArray:
    r"""距离交并比：减去中心距离的平方与外接框对角线的平方之比。

    $$\mathrm{DIoU}=\mathrm{IoU}-\frac{\rho^2}{c^2}$$

    $\rho$ 是两框中心的欧氏距离，$c$ 是最小外接框的对角线长。论文写的是损失 $1-\mathrm{DIoU}$。

    Args:
        a: 形状 `(..., 4)`。
        b: 形状 `(..., 4)`；前导轴与 `a` 广播。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        广播后的形状 `(...)`，值在 $[-1,1]$ 内，不大于 IoU。两框缩成同一点（$c=0$）时惩罚项取 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 同 `iou`。

    References:
        Zheng et al. (2020), AAAI, arXiv:1911.08287，Distance-IoU Loss 一节。

    Examples:
        >>> float(diou([0, 0, 1, 1], [3, 0, 4, 1]))  # 0 - 9/17
        -0.5294117647058824
    """
    pair = _geometry.compare(a, b, pixels)
    return result(_diou(pair), pair.dtype)


def ciou(a: npt.ArrayLike, b: npt.ArrayLike, *, pixels: bool = False) -> FloatArray:
    r"""完全交并比：DIoU 再减去宽高比的差异。

    $$\mathrm{CIoU}=\mathrm{DIoU}-\alpha v,\qquad
    v=\frac{4}{\pi^2}\left(\arctan\frac{w_A}{h_A}-\arctan\frac{w_B}{h_B}\right)^2,\qquad
    \alpha=\frac{v}{(1-\mathrm{IoU})+v}$$

    这是会议版的 $\alpha$；期刊版（arXiv:2005.03572）在 $\mathrm{IoU}<0.5$ 时令它为 0。
    训练时 $\alpha$ 不传梯度。

    Args:
        a: 形状 `(..., 4)`。
        b: 形状 `(..., 4)`；前导轴与 `a` 广播。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        广播后的形状 `(...)`，值在 $[-1.5,1]$ 内，不大于 DIoU。角度按 `arctan2(w, h)` 取：$h=0$ 是 $\pi/2$，
        $w=h=0$ 是 0。$\mathrm{IoU}=1$ 且 $v=0$ 时 $\alpha$ 取 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 同 `iou`。

    References:
        Zheng et al. (2020), AAAI, arXiv:1911.08287，Complete IoU Loss 一节。

    Examples:
        >>> round(float(ciou([0, 1, 4, 3], [1, 0, 3, 4])), 6)  # 同心，横放与竖放
        0.299582
    """
    pair = _geometry.compare(a, b, pixels)
    v = 4 / np.pi**2 * (_aspect_angle(pair.a) - _aspect_angle(pair.b)) ** 2
    alpha = ratio(v, 1 - pair.iou + v)
    return result(_diou(pair) - alpha * v, pair.dtype)


def pairwise(
    a: npt.ArrayLike, b: npt.ArrayLike, metric: Callable[..., FloatArray] = iou, *, pixels: bool = False
) -> FloatArray:
    r"""两组框两两比较的矩阵：第 `i` 行第 `j` 列是 `metric(a[i], b[j])`。

    Args:
        a: 形状 `(N, 4)`。
        b: 形状 `(M, 4)`。
        metric: `iou`、`giou`、`diou` 或 `ciou`。
        pixels: 坐标是否为含两端的像素下标。

    Returns:
        形状 `(N, M)`；`N` 或 `M` 可以是 0。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不是 `(N, 4)`、`(M, 4)`，框不合法（见 `area`），或 `metric` 不是上面四个之一。

    Examples:
        >>> pairwise([[0, 0, 2, 2], [4, 4, 5, 5]], [[0, 0, 2, 1]])
        array([[0.5],
               [0. ]])
    """
    if metric not in (iou, giou, diou, ciou):
        expected, remedy = "iou、giou、diou、ciou 之一", "请传入函数本身，不是它的名字"
        raise ValueError(_check.problem("metric", expected, repr(metric), remedy))
    rows, columns = _geometry.list_of_boxes("a", a), _geometry.list_of_boxes("b", b)
    return metric(rows[:, np.newaxis], columns[np.newaxis], pixels=pixels)


def _diou(pair: _geometry.Pair) -> FloatArray:
    corners_apart = pair.a - pair.b  # 先逐角相减：相同的框得到精确的 0
    centres_apart = (corners_apart[..., :2] + corners_apart[..., 2:]) / 2
    diagonal = _geometry.size(pair.enclosing)
    return pair.iou - ratio((centres_apart**2).sum(axis=-1), (diagonal**2).sum(axis=-1))


def _aspect_angle(corners: FloatArray) -> FloatArray:
    width_height = _geometry.size(corners)
    angle: FloatArray = np.arctan2(width_height[..., 0], width_height[..., 1])
    return angle
