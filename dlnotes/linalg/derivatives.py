r"""数值导数：梯度、雅可比、海森，中心差分与复数步。

一律用 float64 计算，结果的类型与 `x` 相同。第 $i$ 个坐标的步长是 $h_i=s\max(1,\lvert x_i\rvert)$，$s$ 可以用
`step` 改，默认让截断误差与舍入误差一样大：

- **中心差分** `method="central"`：截断误差 $O(h^2)$，舍入误差 $O(\varepsilon/h)$，所以
  $s=\varepsilon^{1/3}\approx 6\times10^{-6}$，误差约 $\varepsilon^{2/3}\approx4\times10^{-11}$。二阶导数的舍
  入误差是 $O(\varepsilon/h^2)$，所以海森取 $s=\varepsilon^{1/4}\approx1.2\times10^{-4}$，误差约
  $\varepsilon^{1/2}\approx1.5\times10^{-8}$。
- **复数步** `method="complex"`：$f'(x)\approx\operatorname{Im}f(x+ih)/h$。没有相减，也就没有相消，所以 $h$ 可
  以小到 $10^{-30}$，误差只剩 `f` 自己的舍入。要求 `f` 收复数，而且是解析的：`abs`、`max`、转置共轭、比较大小
  都不行。

参数 `f` 收一个与 `x` 同形的 float64（或 complex128）数组，不应改动它。

References:
    Nocedal & Wright (2006), *Numerical Optimization*, §8.1；Squire & Trapp (1998), Using Complex Variables to
    Estimate Derivatives of Real Functions, SIAM Review 40(1)；Goodfellow et al. (2016), *Deep Learning*,
    §11.5。
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import choice, problem, real
from dlnotes.nn._arrays import Array, as_floats, result

__all__ = ["gradient", "hessian", "jacobian"]

METHODS = ("central", "complex")
EPS = float(np.finfo(np.float64).eps)
TINY = 1e-30  # 复数步：平方低于舍入，而自己离下溢还远


def gradient(
    f: Callable[[Array], Any], x: ArrayLike, *, method: str = "central", step: float | None = None
) -> Array:
    r"""标量函数的梯度。

    $$\frac{\partial f}{\partial x_i}\approx\frac{f(x+h_ie_i)-f(x-h_ie_i)}{2h_i}\qquad\text{或}\qquad
    \frac{\operatorname{Im}f(x+\mathrm i\,h_ie_i)}{h_i}$$

    Args:
        f: 返回一个数的函数；中心差分调用 $2N$ 次，复数步 $N$ 次，$N$ 是 `x` 的元素个数。
        x: 任意形状，有限。
        method: `"central"` 或 `"complex"`。
        step: 相对步长 $s$，正数；默认见模块的说明。

    Returns:
        与 `x` 同形。

    Raises:
        TypeError: `x` 的元素不是实数，`f` 返回的不是实数（复数步：不是复数）。
        ValueError: `f` 返回的不是一个数、有 `nan` 或 `inf`，或选项不对。

    Examples:
        >>> gradient(lambda x: x[0] ** 2 * x[1], [3.0, 2.0]).round(8)
        array([12.,  9.])
        >>> gradient(lambda x: np.exp(x).sum(), [0.0, 1.0], method="complex") == np.exp([0.0, 1.0])
        array([ True,  True])
    """
    point, dtype = _point(x)
    steps = _steps(point, method, step, order=3)
    return result(_derivative(f, point, steps, method, shape=()), dtype)


def jacobian(
    f: Callable[[Array], Any], x: ArrayLike, *, method: str = "central", step: float | None = None
) -> Array:
    r"""数组到数组的函数的雅可比矩阵 $J_{ki}=\partial f_k/\partial x_i$。

    Args:
        f: 返回一个数组的函数，形状每次相同。
        x: 任意形状，有限。
        method: `"central"` 或 `"complex"`。
        step: 相对步长 $s$，正数；默认见模块的说明。

    Returns:
        形状 `(*f(x).shape, *x.shape)`：`f` 的轴在前，`x` 的轴在后。

    Raises:
        TypeError: 同 `gradient`。
        ValueError: `f` 返回的形状前后不一、有 `nan` 或 `inf`，`x` 没有元素，或选项不对。

    Examples:
        >>> jacobian(lambda x: np.array([x[0] * x[1], x[0]]), [2.0, 5.0]).round(8)
        array([[5., 2.],
               [1., 0.]])
    """
    point, dtype = _point(x)
    if not point.size:
        raise ValueError(problem("x", "至少一个元素的数组", f"形状 {point.shape}", "请传入要求导的变量"))
    steps = _steps(point, method, step, order=3)
    return result(_derivative(f, point, steps, method), dtype)


def hessian(
    f: Callable[[Array], Any], x: ArrayLike, *, method: str = "central", step: float | None = None
) -> Array:
    r"""标量函数的海森矩阵 $H_{ij}=\partial^2f/\partial x_i\partial x_j$，对称化过。

    $$H_{ij}\approx\frac{f(x+h_ie_i+h_je_j)-f(x+h_ie_i-h_je_j)-f(x-h_ie_i+h_je_j)+f(x-h_ie_i-h_je_j)}{4h_ih_j}$$

    复数步只换掉里面的一层：先由复数步得梯度，再对它作中心差分，误差约 $\varepsilon^{2/3}$。

    Args:
        f: 返回一个数的函数；中心差分调用 $4N^2$ 次，复数步 $2N^2$ 次。
        x: 任意形状，有限。
        method: `"central"` 或 `"complex"`。
        step: 差分的相对步长 $s$，正数；默认中心差分 $\varepsilon^{1/4}$，复数步（外层）$\varepsilon^{1/3}$。

    Returns:
        形状 `(*x.shape, *x.shape)`。

    Raises:
        TypeError: 同 `gradient`。
        ValueError: 同 `gradient`。

    Examples:
        >>> hessian(lambda x: x[0] ** 2 * x[1], [3.0, 2.0]).round(5)
        array([[4., 6.],
               [6., 0.]])
    """
    choice("method", method, METHODS)
    point, dtype = _point(x)
    outer = _steps(point, "central", step, order=4 if method == "central" else 3)
    inner = _steps(point, method, None, order=3) if method == "complex" else outer

    def slope(at: Array) -> Array:
        return _derivative(f, at, inner, method, shape=())

    if not point.size:
        return result(np.zeros(point.shape * 2), dtype)
    square = _derivative(slope, point, outer, "central").reshape(point.size, point.size)
    return result(((square + square.T) / 2).reshape(point.shape * 2), dtype)


def _point(x: ArrayLike) -> tuple[Array, np.dtype[Any]]:
    (values,), dtype = as_floats(x=x)
    if not np.isfinite(values).all():
        raise ValueError(problem("x", "有限的数", "nan 或 inf", "请换一个求导的点"))
    return values.astype(np.float64), dtype


def _steps(x: Array, method: str, step: float | None, *, order: int) -> Array:
    """各坐标的步长；差分的步长凑到 x + h 恰好能表示，免得真走的一步与除的不同。"""
    choice("method", method, METHODS)
    if method == "complex":
        return np.full(x.shape, TINY if step is None else real("step", step, above=0)) * np.maximum(
            1, np.abs(x)
        )
    relative = EPS ** (1 / order) if step is None else real("step", step, above=0)
    h = relative * np.maximum(1, np.abs(x))
    exact = np.asarray((x + h) - x)
    if not (exact > 0).all():
        raise ValueError(problem("step", "大到能改变 x 的步长", repr(step), f"请改为 {EPS:.1e} 的几倍以上"))
    return exact


def _derivative(
    f: Callable[[Array], Any], x: Array, h: Array, method: str, *, shape: tuple[int, ...] | None = None
) -> Array:
    """逐个坐标求导；`shape` 是 `f` 应当返回的形状，`None` 时由第一次调用定。"""
    columns = []
    for index in np.ndindex(x.shape):
        if method == "complex":
            moved = x.astype(np.complex128)
            moved[index] += 1j * h[index]
            value = _value(f, moved, shape)
            column = value.imag / h[index]
        else:
            ahead, behind = x.copy(), x.copy()
            ahead[index] += h[index]
            behind[index] -= h[index]
            value = _value(f, ahead, shape)
            column = (value - _value(f, behind, value.shape)) / (ahead[index] - behind[index])
        shape = value.shape
        columns.append(column)
    stacked = np.stack(columns, axis=-1) if columns else np.zeros(0)
    return stacked.reshape((shape or ()) + x.shape)


def _value(f: Callable[[Array], Any], x: Array, shape: tuple[int, ...] | None) -> Array:
    value = np.asarray(f(x))
    kinds, expected = ("c", "返回复数的函数") if x.dtype.kind == "c" else ("iuf", "返回实数的函数")
    if value.dtype.kind not in kinds:
        remedy = "复数步要 f 解析，请查它在哪里丢了虚部" if kinds == "c" else "请让它返回数或数组"
        raise TypeError(problem("f", expected, f"{value.dtype} 的结果", remedy))
    if shape is not None and value.shape != shape:
        what = "一个数" if shape == () else f"形状 {shape} "
        raise ValueError(problem("f", f"返回{what}的函数", f"形状 {value.shape}", "请查 f，或改用 jacobian"))
    if not np.isfinite(value).all():
        raise ValueError(problem("f", "在 x 附近有限的函数", "nan 或 inf", "请换一个点，或减小 step"))
    return value
