r"""检查手推的反向：与数值微分比。"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import integer, problem, real, shown
from dlnotes.nn._arrays import as_array

Array = NDArray[np.float64]

_STEP = np.finfo(np.float64).eps ** (1 / 3)  # 截断误差 h² 与舍入误差 ε/h 相当的步长


def check_gradient(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: ArrayLike | None,
    rtol: float = 1e-6,
    directions: int = 3,
    seed: int = 0,
) -> None:
    r"""检查 `vjp` 是不是 `f` 的反向：沿随机方向，与中心差分比。

    反向把 $\bar y=\partial L/\partial y$ 变成 $\bar x=J^\top\bar y$。不必写出整个雅可比矩阵：随机取 $\bar y$
    与方向 $v$，两边都是一个数，

    $$
    \langle\bar y,\,Jv\rangle\approx\Bigl\langle\bar y,\,\frac{f(x+hv)-f(x-hv)}{2h}\Bigr\rangle
    \;=\;\langle J^\top\bar y,\,v\rangle .
    $$

    各参数分开检查，所以能说出错的是哪一个。$h$ 取 $\varepsilon^{1/3}\max(1,\lvert x\rvert_\infty)$，都用
    float64；在不可导的点附近（如 ReLU 的 0）差分没有意义，请避开。

    Args:
        f: 前向，`f(*args)` 返回一个数组。
        vjp: 反向，`vjp(dy, *args)` 返回各参数的梯度；只有一个参数时可以直接返回数组。
        args: 浮点数组；`None` 表示没有给，它的梯度也应当是 `None`。
        rtol: 允许的相对误差，相对于两边里大的那个，以及 $\lVert\bar x\rVert\lVert v\rVert$ 的万分之一。
        directions: 每个参数试几个方向。
        seed: 随机数的种子。

    Raises:
        AssertionError: 梯度的个数、形状或值不对；消息里有参数的序号、两边的值。
        TypeError: 参数不是浮点数组，`f`、`vjp` 不是函数。
        ValueError: 输出或参数里有 `nan`、无穷大，`directions` 小于 1，`rtol` 或 `seed` 是负数。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §11.5；Griewank & Walther (2008),
        *Evaluating Derivatives*，第 3 章（向量—雅可比积）。

    Examples:
        >>> check_gradient(np.tanh, lambda dy, x: dy / np.cosh(x) ** 2, [0.5, -1.0])
        >>> try:
        ...     check_gradient(np.tanh, lambda dy, x: dy / np.cosh(x), [0.5, -1.0])
        ... except AssertionError as error:
        ...     print(str(error)[:13])
        第 0 个参数的梯度不对：
    """
    for name, function in (("f", f), ("vjp", vjp)):
        if not callable(function):
            raise TypeError(problem(name, "函数", shown(function), "请传入函数本身，不是它的结果"))
    real("rtol", rtol, minimum=0)
    integer("directions", directions, minimum=1)
    integer("seed", seed, minimum=0)
    arrays = [None if arg is None else _float64(index, arg) for index, arg in enumerate(args)]
    rng = np.random.default_rng(seed)
    y = _finite("f(*args)", np.asarray(f(*arrays), np.float64))
    dy = rng.standard_normal(y.shape)
    gradients = _tuple(vjp(dy, *arrays))
    if len(gradients) != len(arrays):
        raise AssertionError(f"应有 {len(arrays)} 个梯度，得到 {len(gradients)} 个。")
    for index, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
        if array is None or gradient is None:
            if array is not gradient:
                raise AssertionError(f"第 {index} 个参数与它的梯度只有一个是 None。")
            continue
        analytic = np.asarray(gradient, np.float64)
        if analytic.shape != array.shape:
            raise AssertionError(f"第 {index} 个参数的形状是 {array.shape}，梯度的却是 {analytic.shape}。")
        for _ in range(directions):
            v = rng.standard_normal(array.shape)
            h = _STEP * max(1.0, float(np.abs(array).max(initial=0)))
            plus, minus = (
                np.asarray(f(*arrays[:index], array + sign * h * v, *arrays[index + 1 :]), np.float64)
                for sign in (1, -1)
            )
            numeric = float((dy * (plus - minus)).sum() / (2 * h))
            exact = float((analytic * v).sum())
            # 各项相消之后的和可以很小，相对误差就没有意义；用不相消时的大小垫底。
            scale = max(abs(numeric), abs(exact), 1e-4 * float(np.linalg.norm(analytic) * np.linalg.norm(v)))
            if not abs(numeric - exact) <= rtol * scale + 1e-12:
                raise AssertionError(
                    f"第 {index} 个参数的梯度不对：数值微分得 {numeric:.10g}，反向得 {exact:.10g}，"
                    f"相对误差 {abs(numeric - exact) / max(scale, 1e-300):.1g}，允许 {rtol:.1g}。"
                )


def _float64(index: int, arg: ArrayLike) -> Array:
    array = as_array(arg)
    if array.dtype.kind != "f":
        remedy = "整数没有梯度，请用 lambda 包进 f"
        raise TypeError(problem(f"args[{index}]", "浮点数组", f"{array.dtype} 的数组", remedy))
    return _finite(f"args[{index}]", array.astype(np.float64))


def _finite(name: str, array: Array) -> Array:
    if not np.isfinite(array).all():
        raise ValueError(problem(name, "有限的数", "NaN 或无穷大", "请换一个点检查"))
    return array


def _tuple(gradients: Any) -> tuple[Any, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)
