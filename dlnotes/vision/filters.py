r"""固定的卷积核：Sobel、高斯、高斯的拉普拉斯、高斯之差；和把核用在图上的 `apply`。

核是普通的数组，`apply` 是互相关：核不翻转，与 `dlnotes.nn.conv` 相同。行（y）向下，列（x）向右。边界的写法照
`scipy.ndimage`。
"""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import choice, problem, real
from dlnotes.nn._arrays import Array, as_floats, result
from dlnotes.nn.conv import conv2d

__all__ = [
    "LAPLACE",
    "SOBEL_X",
    "SOBEL_Y",
    "apply",
    "difference_of_gaussians",
    "gaussian1d",
    "gaussian2d",
    "laplacian_of_gaussian",
]

Kernel = NDArray[np.float64]

SOBEL_X: Final[Kernel] = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
"""Sobel 的水平导数：一列平滑 `(1, 2, 1)` 乘一行差分 `(-1, 0, 1)`；坡度为 1 的斜面上得 8。"""

SOBEL_Y: Final[Kernel] = SOBEL_X.T.copy()
"""Sobel 的竖直导数，向下为正。"""

LAPLACE: Final[Kernel] = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
"""五点的拉普拉斯：两个方向的二阶差分之和。"""

for _kernel in (SOBEL_X, SOBEL_Y, LAPLACE):
    _kernel.setflags(write=False)

_MODES = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "constant": "constant",
}
"""`scipy.ndimage` 的边界名，与 `numpy.pad` 的。"""


def gaussian1d(sigma: float, *, truncate: float = 4.0) -> Kernel:
    r"""一维的高斯核，和为 1。

    $$g_i\propto e^{-i^2/(2\sigma^2)},\quad\lvert i\rvert\le r,\qquad
    r=\lfloor\text{truncate}\cdot\sigma+\tfrac12\rfloor$$

    在整数点上取值、截断、再归一化（与 `scipy.ndimage.gaussian_filter1d` 相同），所以方差比 $\sigma^2$ 略有出
    入。

    Args:
        sigma: 标准差 $\sigma$，单位是像素，正数。
        truncate: 在几个标准差处截断，正数。

    Returns:
        形状 `(2 * r + 1,)`，float64。

    Raises:
        TypeError: `sigma`、`truncate` 不是实数。
        ValueError: 它们不是正数，或半径大于一万像素。

    References:
        Szeliski (2022), *Computer Vision: Algorithms and Applications*, 2nd ed.，§3.2.3，式 (3.24)。

    Examples:
        >>> gaussian1d(0.5, truncate=2.0).round(4)  # 半径 1
        array([0.1065, 0.787 , 0.1065])
    """
    spread, extent = real("sigma", sigma, above=0), real("truncate", truncate, above=0)
    if not extent * spread <= 10_000:
        remedy = "请改小，或先缩小图"
        raise ValueError(problem("sigma", "使半径不超过一万像素的数", repr(sigma), remedy))
    radius = int(extent * spread + 0.5)
    z = np.arange(-radius, radius + 1) / spread
    with np.errstate(over="ignore", under="ignore"):  # sigma 极小时只剩中间一点
        weights = np.exp(-0.5 * z**2)
    return np.asarray(weights / weights.sum())


def gaussian2d(sigma: float, *, truncate: float = 4.0) -> Kernel:
    r"""二维的高斯核：两个一维的外积，和为 1。

    $$G_{ij}=g_ig_j$$

    Args:
        sigma: 同 `gaussian1d`。
        truncate: 同 `gaussian1d`。

    Returns:
        形状 `(2 * r + 1, 2 * r + 1)`。

    Raises:
        TypeError: 同 `gaussian1d`。
        ValueError: 同 `gaussian1d`，半径不超过一千像素。

    References:
        Szeliski (2022), *Computer Vision: Algorithms and Applications*, 2nd ed.，§3.2.1，式 (3.20)。

    Examples:
        >>> gaussian2d(1.0, truncate=1.0).round(4)
        array([[0.0751, 0.1238, 0.0751],
               [0.1238, 0.2042, 0.1238],
               [0.0751, 0.1238, 0.0751]])
    """
    line = _line(sigma, truncate)
    return np.outer(line, line)


def laplacian_of_gaussian(sigma: float, *, truncate: float = 4.0) -> Kernel:
    r"""高斯的拉普拉斯（LoG）：先平滑，再求二阶导数，合成一个核。

    $$\nabla^2G(x,y)=\frac{x^2+y^2-2\sigma^2}{\sigma^4}\,G(x,y)$$

    $G$ 是 `gaussian2d`。中心是负的，外圈是正的（常见的“墨西哥草帽”是它的相反数）。与
    `scipy.ndimage.gaussian_laplace` 一样不强行令和为 0：截断与取样使它略微偏离，$\sigma=1$ 时约
    $-1.4\times10^{-4}$。

    Args:
        sigma: 同 `gaussian1d`。
        truncate: 同 `gaussian1d`。

    Returns:
        形状 `(2 * r + 1, 2 * r + 1)`。

    Raises:
        TypeError: 同 `gaussian1d`。
        ValueError: 同 `gaussian2d`。

    References:
        Marr & Hildreth (1980), Theory of edge detection, Proc. R. Soc. Lond. B 207，187–217。

    Examples:
        >>> kernel = laplacian_of_gaussian(2.0)
        >>> kernel.shape, bool(kernel[8, 8] < 0)
        ((17, 17), True)
    """
    line = _line(sigma, truncate)
    radius = len(line) // 2
    square = (np.arange(-radius, radius + 1) / sigma) ** 2
    return np.asarray((square[:, np.newaxis] + square - 2) / sigma**2 * np.outer(line, line))


def difference_of_gaussians(sigma1: float, sigma2: float, *, truncate: float = 4.0) -> Kernel:
    r"""高斯之差（DoG）：窄的减宽的，和为 0。

    $$D=G_{\sigma_1}-G_{\sigma_2},\qquad\sigma_1<\sigma_2$$

    由 $\partial G/\partial\sigma=\sigma\nabla^2G$，$\sigma_2=k\sigma_1$ 而 $k\to1$ 时
    $D\approx-(k-1)\sigma_1^2\nabla^2G$：形状像 LoG 的相反数。

    Args:
        sigma1: 窄的标准差。
        sigma2: 宽的标准差，大于 `sigma1`。
        truncate: 两个高斯各自在几个标准差处截断；窄的补零到一样大。

    Returns:
        形状由 `sigma2` 定。

    Raises:
        TypeError: 同 `gaussian1d`。
        ValueError: 同 `gaussian2d`，或 `sigma1` 不小于 `sigma2`。

    References:
        Lowe (2004), Distinctive image features from scale-invariant keypoints, IJCV 60，§3（那里是宽的减
        窄的）。

    Examples:
        >>> kernel = difference_of_gaussians(1.0, 1.6)
        >>> kernel.shape, bool(kernel[6, 6] > 0)
        ((13, 13), True)
    """
    if not real("sigma1", sigma1, above=0) < real("sigma2", sigma2, above=0):
        raise ValueError(problem("sigma1", f"小于 sigma2 = {sigma2!r} 的数", repr(sigma1), "请对调两者"))
    narrow, wide = gaussian2d(sigma1, truncate=truncate), gaussian2d(sigma2, truncate=truncate)
    return np.pad(narrow, (len(wide) - len(narrow)) // 2) - wide


def apply(image: ArrayLike, kernel: ArrayLike, *, mode: str = "reflect") -> Array:
    r"""核在图上的互相关，大小不变。

    $$y_{hw}=\sum_{i,j}K_{ij}\,x_{h+i-r_h,\;w+j-r_w}$$

    图外的像素由 `mode` 定，以一行 `abcd` 为例：

    | `mode` | 左边补的 |
    | --- | --- |
    | `"reflect"` | `dcba`，边上的像素重复一次 |
    | `"mirror"` | `dcb`，以边上的像素为轴 |
    | `"nearest"` | `aaaa` |
    | `"wrap"` | `abcd`，首尾相接 |
    | `"constant"` | `0000`，即深度学习里的补零 |

    Args:
        image: 形状 `(..., H, W)`；前面的轴各张图分别做。
        kernel: 形状 `(kh, kw)`，都是单数；一维的核用 `kernel[np.newaxis]`（沿行）或 `kernel[:, np.newaxis]`
            （沿列）。
        mode: 边界。

    Returns:
        与 `image` 同形，类型由两者定。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对，图是空的，边界不认识。

    References:
        SciPy `scipy.ndimage.correlate`（同样的定义与边界）。

    Examples:
        >>> apply([[0.0, 1, 2], [0, 1, 2], [0, 1, 2]], SOBEL_X)  # 边上重复，坡度减半
        array([[4., 8., 4.],
               [4., 8., 4.],
               [4., 8., 4.]])
    """
    (values, weights), dtype = as_floats(image=image, kernel=kernel)
    choice("mode", mode, tuple(_MODES))
    if values.ndim < 2 or not values.size:
        raise ValueError(problem("image", "形状 (…, H, W) 的非空数组", f"形状 {values.shape}", "请检查形状"))
    if weights.ndim != 2 or not all(size % 2 for size in weights.shape):
        expected = "形状 (kh, kw)、两边都是单数的数组"
        raise ValueError(
            problem("kernel", expected, f"形状 {weights.shape}", "双数的核没有中心，请补一行或一列零")
        )
    height, width = values.shape[-2:]
    planes = values.reshape(-1, height, width)
    (top, left), kind = (size // 2 for size in weights.shape), _MODES[mode]
    margins: Any = ((0, 0), (top, top), (left, left))
    whole = np.pad(planes, margins, mode=kind)  # type: ignore[call-overload]  # 边界的名字是变量
    y = conv2d(whole[:, np.newaxis], weights[np.newaxis, np.newaxis])
    return result(y.reshape(values.shape), dtype)


def _line(sigma: float, truncate: float) -> Kernel:
    """二维核的一条边；半径不超过一千像素，免得一下子要几个 GB。"""
    line = gaussian1d(sigma, truncate=truncate)
    if len(line) > 2001:
        remedy = "请改小，或先后用两次一维的核"
        raise ValueError(problem("sigma", "使半径不超过一千像素的数", repr(sigma), remedy))
    return line
