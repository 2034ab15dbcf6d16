"""梯度裁剪。"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.linalg.norms import l2
from dlnotes.nn._arrays import Array, as_floats, result
from dlnotes.optim._step import finite


def clip_by_value(g: ArrayLike, *, limit: float) -> Array:
    r"""逐元素截到 $[-c,c]$；`torch.nn.utils.clip_grad_value_` 的算法。

    各分量截得不一样多，所以梯度的方向会变。

    Args:
        g: 梯度，任意形状。
        limit: 界 $c$，不小于 0。

    Returns:
        与 `g` 同形。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `limit` 是负数，或 `g` 有 `nan` 或 `inf`。

    Examples:
        >>> clip_by_value([3.0, -0.5], limit=1.0)
        array([ 1. , -0.5])
    """
    bound = real("limit", limit, minimum=0)
    (values,), dtype = as_floats(g=g)
    finite("g", values)
    return result(np.clip(values, -bound, bound), dtype)


def clip_by_norm(*gradients: ArrayLike, max_norm: float) -> tuple[list[Array], float]:
    r"""把几个梯度当成一个长向量，2-范数超过 `max_norm` 就一起缩小；`torch.nn.utils.clip_grad_norm_` 的算法。

    $$g_i\leftarrow g_i\cdot\min\!\left(1,\ \frac{c}{\lVert g\rVert+10^{-6}}\right),\qquad
    \lVert g\rVert^2=\sum_i\lVert g_i\rVert_2^2$$

    同一个系数乘所有的梯度，所以方向不变。$10^{-6}$ 是 torch 加的：裁剪后的范数比 $c$ 略小。

    Args:
        *gradients: 各个参数的梯度，形状各异。
        max_norm: 界 $c$，不小于 0。

    Returns:
        裁剪后的梯度的列表，和裁剪**之前**的总范数。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 一个梯度也没有，`max_norm` 是负数，或梯度有 `nan` 或 `inf`。

    References:
        Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks,
        arXiv:1211.5063，Algorithm 1。

    Examples:
        >>> clipped, norm = clip_by_norm([3.0], [[4.0]], max_norm=1.0)
        >>> norm, [array.round(4).tolist() for array in clipped]
        (5.0, [[0.6], [[0.8]]])
    """
    bound = real("max_norm", max_norm, minimum=0)
    if not gradients:
        raise ValueError(problem("gradients", "至少一个梯度", "0 个", "请传入梯度，列表前加 *"))
    named: list[dict[str, Any]] = [{f"gradients[{index}]": one} for index, one in enumerate(gradients)]
    arrays = [as_floats(**one) for one in named]
    for index, ((array,), _) in enumerate(arrays):
        finite(f"gradients[{index}]", array)
    norm = float(l2([float(l2(array.astype(np.float64))) for (array,), _ in arrays]))  # `l2` 不怕溢出
    factor = min(1.0, bound / (norm + 1e-6))
    return [result(array * factor, dtype) for (array,), dtype in arrays], norm
