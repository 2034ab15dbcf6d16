r"""位置编码：正弦编码（加在输入上）与旋转编码（转查询与键）。

两者用同一组频率：$\omega_i=b^{-2i/D}$，$i=0,\dots,D/2-1$，$b$ 是 `base`。位置不必是整数，也不必从 0 开始。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, integer, problem, real, shown
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result

__all__ = ["rotary_embedding", "rotary_embedding_backward", "sinusoidal_encoding"]


@quiet
def sinusoidal_encoding(positions: ArrayLike, dim: int, *, base: float = 10000.0) -> Array:
    r"""正弦位置编码。

    $$\mathrm{PE}_{t,2i}=\sin(t\,\omega_i),\qquad\mathrm{PE}_{t,2i+1}=\cos(t\,\omega_i)$$

    正弦在偶数的位置，余弦在奇数的位置。平移 $s$ 是一个线性映射：每一对 $(\sin,\cos)$ 转过 $s\,\omega_i$ 角，
    与 $t$ 无关。没有可求梯度的参数，所以没有反向。

    Args:
        positions: 位置 $t$，任意形状 `(...)`，整数或实数。
        dim: 特征数 $D$，正的偶数。
        base: $b$，大于 0。

    Returns:
        形状 `(..., D)`，值在 $[-1,1]$ 内；整数的位置得 float64。角用 float64 计算：
        float32 的角在 $t=10^5$ 时已差到 0.004。无穷大的位置得 `nan`。

    Raises:
        TypeError: 位置不是实数，`dim` 不是整数。
        ValueError: `dim` 不是正的偶数，或 `base` 不大于 0。

    References:
        Vaswani et al. (2017), NeurIPS, arXiv:1706.03762，§3.5。

    Examples:
        >>> sinusoidal_encoding([0, 1], 4).round(4)
        array([[0.    , 1.    , 0.    , 1.    ],
               [0.8415, 0.5403, 0.01  , 1.    ]])
    """
    (t,), dtype = as_floats(positions=positions)
    cos, sin = _waves(t, _even("dim", dim), base)
    pairs = np.stack([sin, cos], axis=-1)
    return result(pairs.reshape(*t.shape, dim), dtype)


@quiet
def rotary_embedding(
    x: ArrayLike,
    positions: ArrayLike | None = None,
    *,
    base: float = 10000.0,
    interleaved: bool = True,
) -> Array:
    r"""旋转位置编码（RoPE）：把查询或键的特征两两配对，每一对转过 $t\,\omega_i$ 角。

    $$\begin{pmatrix}y_a\\y_b\end{pmatrix}=
    \begin{pmatrix}\cos t\omega_i&-\sin t\omega_i\\\sin t\omega_i&\cos t\omega_i\end{pmatrix}
    \begin{pmatrix}x_a\\x_b\end{pmatrix},\qquad\omega_i=b^{-2i/D}$$

    转动不改变长度；位置 $s$ 的查询与位置 $t$ 的键转过以后，内积只与 $s-t$ 有关。配对有两种，权重不能混用，
    差一个特征的排列：

    - `interleaved=True`：相邻的配对，$(a,b)=(2i,2i+1)$，原文如此；
    - `interleaved=False`：前后两半配对，$(a,b)=(i,i+D/2)$，Hugging Face 的 LLaMA 等常见的程序如此。

    Args:
        x: 形状 `(..., L, D)`，`D` 是偶数。
        positions: 位置 $t$，能广播成 `(..., L)`；`None` 表示 $0,1,\dots,L-1$。不求它的梯度。
        base: $b$，大于 0。
        interleaved: 怎样配对。

    Returns:
        形状 `(..., L, D)`。角用 float64 计算，再转成 `x` 的类型：float32 的角在 $t=10^5$ 时已差到 0.004。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `D` 不是正的偶数，位置不能广播，或 `base` 不大于 0。

    References:
        Su et al. (2021), RoFormer, arXiv:2104.09864，§3.2.2 式 (14)、(15)，§3.4.2 式 (34)。

    Examples:
        >>> import math
        >>> rotary_embedding([[1.0, 0.0]], [math.pi / 2]).round(12)
        array([[0., 1.]])
    """
    (array,), dtype = as_floats(x=x)
    cos, sin = _angles(array, positions, base, interleaved)
    return result(_rotated(array, cos, sin, interleaved), dtype)


@quiet
def rotary_embedding_backward(
    dy: ArrayLike,
    x: ArrayLike,
    positions: ArrayLike | None = None,
    *,
    base: float = 10000.0,
    interleaved: bool = True,
) -> Array:
    r"""`rotary_embedding` 的反向：转过相反的角。

    $y=Rx$ 对 $x$ 线性，伴随是 $\bar x=R^\top\bar y$；$R$ 是旋转，$R^\top=R^{-1}$，就是转 $-t\,\omega_i$ 角。

    Args:
        dy: 损失对输出的梯度，形状 `(..., L, D)`。
        x: 同前向；梯度与它的值无关，只用它的形状。
        positions: 同前向。
        base: 同前向。
        interleaved: 同前向。

    Returns:
        `x` 的梯度，形状 `(..., L, D)`。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> y = rotary_embedding([[3.0, 4.0]], [7])
        >>> rotary_embedding_backward(y, [[3.0, 4.0]], [7]).round(12)
        array([[3., 4.]])
    """
    (g, array), dtype = as_floats(dy=dy, x=x)
    cos, sin = _angles(array, positions, base, interleaved)
    has_shape("dy", g, array.shape, like="输出")
    return result(_rotated(g, cos, -sin, interleaved), dtype)


def _rotated(x: Array, cos: Array, sin: Array, interleaved: bool) -> Array:
    half = x.shape[-1] // 2
    a, b = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(half), slice(half, None))
    y = np.empty_like(x)
    y[..., a] = x[..., a] * cos - x[..., b] * sin  # 无穷大转过以后可以是 nan
    y[..., b] = x[..., a] * sin + x[..., b] * cos
    return y


def _angles(x: Array, positions: ArrayLike | None, base: float, interleaved: bool) -> tuple[Array, Array]:
    """每个位置、每一对的余弦与正弦，形状能广播成 `(..., L, D/2)`，类型与 `x` 相同。"""
    boolean("interleaved", interleaved)
    if x.ndim < 2 or x.shape[-1] == 0 or x.shape[-1] % 2:
        expected = "形状 (..., L, D)、D 为正偶数的数组"
        raise ValueError(problem("x", expected, f"形状 {x.shape}", "特征要两两配对，请检查最后一轴"))
    (t,), _ = as_floats(positions=np.arange(x.shape[-2]) if positions is None else positions)
    shape = x.shape[:-1]
    pairs = zip(t.shape[::-1], shape[::-1], strict=False)
    if t.ndim > len(shape) or not all(own in (1, full) for own, full in pairs):
        expected = f"能广播成形状 {shape} 的数组"
        raise ValueError(problem("positions", expected, f"形状 {t.shape}", "每个向量一个位置，请检查各轴"))
    cos, sin = _waves(t, x.shape[-1], base)
    return cos.astype(x.dtype, copy=False), sin.astype(x.dtype, copy=False)


def _waves(t: Array, dim: int, base: float) -> tuple[Array, Array]:
    frequencies = real("base", base, above=0) ** (-np.arange(0, dim, 2) / dim)
    angles = np.asarray(t, np.float64)[..., None] * frequencies
    return np.cos(angles), np.sin(angles)  # 无穷大的位置没有正弦，得 nan


def _even(name: str, value: int) -> int:
    number = integer(name, value, minimum=2)
    if number % 2:
        raise ValueError(problem(name, "正的偶数", shown(value), "正弦与余弦成对，请改为偶数"))
    return number
