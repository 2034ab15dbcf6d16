"""把一步走成一条轨迹。"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import integer, problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, result


class Trajectory(NamedTuple):
    """走过的路；三个数组的第一轴都是第几个点，第 0 个是起点。

    Attributes:
        points: 形状 `(步数 + 1, *w.shape)`。
        values: 各点的函数值，形状 `(步数 + 1,)`。
        gradients: 各点的梯度，与 `points` 同形。
    """

    points: Array
    values: Array
    gradients: Array


def minimize(
    f: Callable[[Array], tuple[Any, Any]],
    w0: ArrayLike,
    step: Callable[..., tuple[Array, Any]],
    *,
    steps: int,
    tolerance: float | None = None,
) -> Trajectory:
    r"""从 `w0` 出发走 `steps` 步，记下每个点。

    Args:
        f: `f(w)` 返回函数值与梯度（与 `w` 同形）。
        w0: 起点，形状任意。
        step: 一步的函数，选项先绑好，如 `partial(adam, lr=0.1)`。
        steps: 走几步，不小于 0；`f` 算 `steps + 1` 次。
        tolerance: 梯度各分量的绝对值都不超过它就提前停；默认不提前停。

    Returns:
        轨迹；提前停时比 `steps + 1` 短。

    Raises:
        TypeError: `f` 不返回两个数，或元素不是实数。
        ValueError: 函数值不是一个数、梯度的形状不对，或它们不是有限的（多半是学习率太大）。

    Examples:
        >>> from functools import partial
        >>> from dlnotes.optim.first_order import sgd
        >>> path = minimize(lambda w: (w @ w, 2 * w), [1.0, -2.0], partial(sgd, lr=0.25), steps=3)
        >>> path.values
        array([5.      , 1.25    , 0.3125  , 0.078125])
    """
    integer("steps", steps, minimum=0)
    if tolerance is not None:
        real("tolerance", tolerance, minimum=0)
    (start,), dtype = as_floats(w0=w0)
    w, state = result(start, dtype).copy(), None
    points: list[Array] = []
    values: list[Array] = []
    gradients: list[Array] = []
    while True:
        pair = f(w.copy())  # 给出去的是副本：f 就地改它，也改不了记下的点
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(problem("f", "返回 (函数值, 梯度) 的函数", repr(pair), "请让它返回两个数的元组"))
        (value, gradient), _ = as_floats(**{"f(w)[0]": pair[0], "f(w)[1]": pair[1]})
        has_shape("f(w)[0]", value, (), like="一个数")
        has_shape("f(w)[1]", gradient, w.shape, like=" `w` ")
        for what in (value, gradient):
            if not np.isfinite(what).all():
                raise ValueError(
                    problem(
                        "f", "处处有限的函数", f"第 {len(points)} 步的 nan 或 inf", "请减小学习率或换起点"
                    )
                )
        points.append(w)
        values.append(value)
        gradients.append(gradient.astype(dtype))
        if len(values) > steps or (tolerance is not None and np.abs(gradient).max(initial=0) <= tolerance):
            break
        w, state = step(w, gradients[-1], state)
    return Trajectory(np.stack(points), np.stack(values).astype(dtype), np.stack(gradients))
