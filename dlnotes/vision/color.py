r"""颜色空间：RGB 与 YUV、HSV 互换，RGB 变灰度。

颜色在最后一轴：形状 `(..., 3)`。RGB 一般在 0 到 1 之间；线性的变换（YUV、灰度）不检查范围，HSV 要求在其中。
RGB 指存在文件里的（已经过伽马校正的）值，所以 Y 是 luma，不是亮度（luminance）。
"""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_floats, result

__all__ = ["RGB_TO_YUV", "hsv_to_rgb", "rgb_to_gray", "rgb_to_hsv", "rgb_to_yuv", "yuv_to_rgb"]

LUMA: Final = (0.299, 0.587, 0.114)
"""R、G、B 对 luma 的权重（BT.601），和为 1。"""

_U, _V = (209556997 / 96146491) ** 0.5 / 3, (221990474 / 288439473) ** 0.5

_Y = np.array(LUMA)

RGB_TO_YUV: Final[NDArray[np.float64]] = np.stack(
    [_Y, _U * (np.array([0, 0, 1]) - _Y), _V * (np.array([1, 0, 0]) - _Y)]
)
r"""RGB 到 YUV 的矩阵：`yuv = RGB_TO_YUV @ rgb`。"""
RGB_TO_YUV.setflags(write=False)

_YUV_TO_RGB = np.linalg.inv(RGB_TO_YUV)


def rgb_to_yuv(rgb: ArrayLike) -> Array:
    r"""RGB 变 YUV：一个亮度，两个色差。

    $$
    Y=0.299R+0.587G+0.114B,\qquad U=0.492111\,(B-Y),\qquad V=0.877283\,(R-Y)
    $$

    两个系数使模拟复合信号的峰值 $Y+\sqrt{U^2+V^2}$ 对纯黄、纯青正好是 $4/3$，由这两个方程解出：
    $0.492111=\frac13\sqrt{209556997/96146491}$，$0.877283=\sqrt{221990474/288439473}$。灰色的 $U=V=0$；
    $\lvert U\rvert\le0.436$，$\lvert V\rvert\le0.615$。JPEG、视频里的 YCbCr 用同样的 $Y$，色差却缩到 ±0.5，不
    是这里的 YUV。

    Args:
        rgb: 形状 `(..., 3)`。

    Returns:
        同形；RGB 在 0 到 1 之间时 Y 也在 0 到 1 之间。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 3。

    References:
        ITU-R BT.601-7，§2.5.1（luma 的权重）。

    Examples:
        >>> rgb_to_yuv([1.0, 0.0, 0.0]).round(3)  # 纯红
        array([ 0.299, -0.147,  0.615])
    """
    return _linear("rgb", rgb, RGB_TO_YUV)


def yuv_to_rgb(yuv: ArrayLike) -> Array:
    r"""YUV 变 RGB：`rgb_to_yuv` 的逆。

    $$R=Y+V/0.877283,\qquad B=Y+U/0.492111,\qquad G=(Y-0.299R-0.114B)/0.587$$

    不是每个 YUV 都是一种颜色：结果可以小于 0 或大于 1，这里不截断。

    Args:
        yuv: 形状 `(..., 3)`。

    Returns:
        同形。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 3。

    References:
        ITU-R BT.601-7，§2.5.1。

    Examples:
        >>> yuv_to_rgb([0.5, 0.0, 0.0]).round(6)
        array([0.5, 0.5, 0.5])
    """
    return _linear("yuv", yuv, _YUV_TO_RGB)


def rgb_to_gray(rgb: ArrayLike) -> Array:
    r"""RGB 变灰度：$0.299R+0.587G+0.114B$，即 YUV 的 Y。

    scikit-image 的 `rgb2gray` 用的是 BT.709 一类的权重（0.2125、0.7154、0.0721），结果不同。

    Args:
        rgb: 形状 `(..., 3)`。

    Returns:
        形状 `(...)`，单位与 `rgb` 相同（0 到 255 的仍是 0 到 255）。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 3。

    References:
        ITU-R BT.601-7，§2.5.1。

    Examples:
        >>> float(rgb_to_gray([0.0, 255.0, 0.0]).round(3))
        149.685
    """
    return np.asarray(_linear("rgb", rgb, RGB_TO_YUV[:1])[..., 0])


def rgb_to_hsv(rgb: ArrayLike) -> Array:
    r"""RGB 变 HSV：色相、饱和度、明度。

    $$V=\max,\qquad S=\frac{\max-\min}{\max},\qquad
    H=\frac16\begin{cases}(G-B)/\Delta\bmod6&\max=R\\(B-R)/\Delta+2&\max=G\\(R-G)/\Delta+4&\max=B\end{cases}$$

    $\Delta=\max-\min$。灰色的 $\Delta=0$，色相没有意义，取 0；黑色的饱和度也取 0。几个分量一样大时取 R、G、B
    里在前的，公式在那里相等。与 Python 的 `colorsys` 相同。

    Args:
        rgb: 形状 `(..., 3)`，在 0 到 1 之间。

    Returns:
        同形；`H` 在 `[0, 1)`（乘 360 是度），`S`、`V` 在 0 到 1 之间。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 3，或有值不在 0 到 1 之间。

    References:
        Smith (1978), Color gamut transform pairs, SIGGRAPH 1978, 12–19（RGB TO HSV 的算法）。

    Examples:
        >>> rgb_to_hsv([0.0, 0.5, 0.5])  # 暗青：180 度
        array([0.5, 1. , 0.5])
    """
    values, dtype = _colors("rgb", rgb)
    _unit("rgb", values)
    r, g, b = np.moveaxis(values, -1, 0)
    largest = values.max(-1)
    span = largest - values.min(-1)
    safe = np.where(span == 0, 1, span)
    sector = np.select(
        [largest == r, largest == g], [(g - b) / safe % 6, (b - r) / safe + 2], (r - g) / safe + 4
    )
    hue = sector / 6 % 1  # 极小的负数对 6 取余会舍入成 6
    saturation = span / np.where(largest == 0, 1, largest)
    return result(np.stack([hue, saturation, largest], axis=-1), dtype)


def hsv_to_rgb(hsv: ArrayLike) -> Array:
    r"""HSV 变 RGB。

    $$f(n)=V-VS\,\max\bigl(0,\ \min(k,\,4-k,\,1)\bigr),\quad k=(n+6H)\bmod6,\qquad (R,G,B)=(f(5),f(3),f(1))$$

    色相绕一圈回到原处：`H` 加减整数不变，所以不限范围。

    Args:
        hsv: 形状 `(..., 3)`；`S`、`V` 在 0 到 1 之间。

    Returns:
        同形，在 0 到 1 之间。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 最后一轴不是 3，`S`、`V` 不在 0 到 1 之间，或 `H` 不是有限的数。

    References:
        Smith (1978), Color gamut transform pairs, SIGGRAPH 1978, 12–19（HSV TO RGB 的算法，写成了一个式子）。

    Examples:
        >>> hsv_to_rgb([1 / 3, 1.0, 1.0]).round(6)  # 纯绿：120 度
        array([0., 1., 0.])
    """
    values, dtype = _colors("hsv", hsv)
    hue, saturation, value = np.moveaxis(values, -1, 0)
    _unit("hsv", np.stack([saturation, value]))
    if not np.isfinite(hue).all():
        raise ValueError(problem("hsv", "色相有限的数组", "NaN 或无穷大", "请检查第 0 个分量"))
    k = (np.array([5, 3, 1]) + 6 * (hue % 1)[..., np.newaxis]) % 6
    amount = np.clip(np.minimum(k, 4 - k), 0, 1)
    return result(value[..., np.newaxis] * (1 - saturation[..., np.newaxis] * amount), dtype)


def _linear(name: str, array: ArrayLike, matrix: Array) -> Array:
    values, dtype = _colors(name, array)
    with np.errstate(invalid="ignore", over="ignore"):
        return result(values @ matrix.T, dtype)


def _colors(name: str, array: ArrayLike) -> tuple[Array, np.dtype[Any]]:
    """中间一律用 float64。"""
    (values,), dtype = as_floats(optional={name: array})
    if not values.ndim or values.shape[-1] != 3:
        remedy = "颜色在最后一轴，(3, H, W) 的请先 np.moveaxis(image, 0, -1)"
        raise ValueError(problem(name, "形状 (…, 3) 的数组", f"形状 {values.shape}", remedy))
    return values.astype(np.float64), dtype


def _unit(name: str, values: Array) -> None:
    inside = (values >= 0) & (values <= 1)
    if not inside.all():
        worst = values[~inside].flat[0]
        raise ValueError(problem(name, "0 到 1 之间的数", repr(float(worst)), "0 到 255 的请先除以 255"))
