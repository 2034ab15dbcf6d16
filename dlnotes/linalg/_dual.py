"""对偶范数与单位球。"""

from math import inf, pi

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem
from dlnotes.linalg._vector_norms import finite, lp, positive_power
from dlnotes.nn._arrays import Array, as_floats, result


def dual_exponent(p: float) -> float:
    r"""对偶的指数 $q$：$\frac1p+\frac1q=1$；1 与 `inf` 互为对偶，2 是自己的对偶。

    Args:
        p: 不小于 1，可以是 `inf`。

    Returns:
        $q=p/(p-1)$。

    Raises:
        TypeError: `p` 不是数。
        ValueError: `p` 小于 1。

    Examples:
        >>> dual_exponent(1), dual_exponent(4.0)
        (inf, 1.3333333333333333)
    """
    power = positive_power(p, minimum=1)
    if power == inf:
        return 1.0
    return inf if power == 1 else power / (power - 1)


def dual_norm(y: ArrayLike, p: float, *, axis: int | None = None) -> Array:
    r"""$p$-范数的对偶范数：单位球里的 $x$ 与 $y$ 的内积最大能到多少。

    $$\lVert y\rVert_{p*}=\max_{\lVert x\rVert_p\le1}\langle x,y\rangle=\lVert y\rVert_q,\qquad
    \tfrac1p+\tfrac1q=1$$

    这就是 Hölder 不等式 $\lvert\langle x,y\rangle\rvert\le\lVert x\rVert_p\lVert y\rVert_q$ 取等号；取到它的
    点见 `dual_point`。

    Args:
        y: 任意形状。
        p: 不小于 1，可以是 `inf`。
        axis: 沿哪一轴；默认整个数组。

    Returns:
        去掉那一轴的形状。

    Raises:
        TypeError: 元素不是实数，或 `p` 不是数。
        ValueError: `p` 小于 1，或轴不存在。

    References:
        Boyd & Vandenberghe (2004), *Convex Optimization*, §A.1.6。

    Examples:
        >>> float(dual_norm([3.0, -4.0], 1)), float(dual_norm([3.0, -4.0], np.inf))
        (4.0, 7.0)
    """
    return lp(y, dual_exponent(p), axis=axis)


def dual_point(y: ArrayLike, p: float) -> Array:
    r"""取到对偶范数的点：$\lVert x\rVert_p=1$，$\langle x,y\rangle=\lVert y\rVert_q$。

    $$x_i\propto\operatorname{sign}(y_i)\,\lvert y_i\rvert^{q-1}$$

    $p=1$ 时全押在绝对值最大的分量上（并列取第一个），$p=\infty$ 时是各分量的符号：沿这两个方向走，就是 L1、L∞
    意义下的最速下降。

    Args:
        y: 形状 `(N,)`，有限。
        p: 不小于 1，可以是 `inf`。

    Returns:
        形状 `(N,)`；`y` 是零向量时是零向量。

    Raises:
        TypeError: 元素不是实数，或 `p` 不是数。
        ValueError: `y` 不是一维、有 `nan` 或 `inf`，或 `p` 小于 1。

    References:
        Boyd & Vandenberghe (2004), *Convex Optimization*, §9.4（最速下降）。

    Examples:
        >>> dual_point([3.0, -4.0], 2)
        array([ 0.6, -0.8])
        >>> dual_point([3.0, -4.0], 1)
        array([ 0., -1.])
    """
    q = dual_exponent(p)
    (values,), dtype = as_floats(y=y)
    if values.ndim != 1:
        raise ValueError(problem("y", "一维的数组", f"{values.ndim} 维的", "请先用 ravel 摊平"))
    finite("y", values)
    size = np.abs(values)
    peak = size.max(initial=0)
    if peak == 0:
        return result(np.zeros_like(values), dtype)
    if q == inf:
        direction = (np.arange(values.size) == size.argmax()).astype(values.dtype)
    else:
        direction = (size / peak) ** (q - 1)
    return result(np.sign(values) * direction / lp(direction, p), dtype)


def unit_ball(p: float, points: int = 361) -> Array:
    r"""平面上 $p$-范数的单位球的边界，按角度均匀取点，画图用。

    沿角度 $\theta$ 的方向 $u=(\cos\theta,\sin\theta)$，边界上的点是 $u/\lVert u\rVert_p$。

    Args:
        p: 正数，可以是 `inf`；小于 1 时是凹的星形。
        points: 取几个点，不小于 2；首尾重合，曲线是闭的。8 的倍数加 1 时，尖角都正好取到。

    Returns:
        形状 `(points, 2)`，从 `(1, 0)` 起逆时针走一圈。

    Raises:
        TypeError: `p` 不是数，或 `points` 不是整数。
        ValueError: `p` 不是正数，或 `points` 小于 2。

    Examples:
        >>> unit_ball(1, 5)
        array([[ 1.,  0.],
               [ 0.,  1.],
               [-1.,  0.],
               [ 0., -1.],
               [ 1.,  0.]])
    """
    positive_power(p)
    integer("points", points, minimum=2)
    angles = np.linspace(0, 2 * pi, points)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    # cos(π/2) 算出来是 6e-17：p 很小时它的 p 次方不小，会把尖角磨掉；首尾也要恰好重合
    directions = np.where(np.abs(directions) < 1e-15, 0, directions)
    return np.asarray(directions / lp(directions, p, axis=-1)[:, np.newaxis])
