r"""线性注意力：用特征映射的内积代替 softmax，计算量与长度成正比。

形状里的字母：`L` 查询的个数，`S` 键的个数，`D` 查询与键的特征数，`M` 值的特征数；
前面的 `...` 是任意几个批量轴，各数组必须相同。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._masks import transposed

__all__ = ["linear_attention", "linear_attention_backward"]

_CHUNK = 64  # 块内用 64×64 的矩阵，块间传递前缀和


def linear_attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, *, is_causal: bool = False) -> Array:
    r"""线性注意力，特征映射是 $\phi(x)=\mathrm{elu}(x)+1$。

    $$y_i=\frac{\phi(q_i)^\top\sum_j\phi(k_j)v_j^\top}{\phi(q_i)^\top\sum_j\phi(k_j)}$$

    $j$ 取遍所有的键；因果时只取 $j\le i$，两个和都是前缀和。先算括号里的 $D\times M$ 矩阵，计算量是
    $O(LDM)$，不是 $O(L^2)$。$\phi>0$，所以输出仍是各个值的加权平均；但没有 softmax 的缩放与取指数，与
    [`scaled_dot_product_attention`][dlnotes.nn.attention.scaled_dot_product_attention] 的结果不同。

    Args:
        query: 查询，形状 `(..., L, D)`。
        key: 键，形状 `(..., S, D)`。
        value: 值，形状 `(..., S, M)`。
        is_causal: 第 $i$ 个查询只看第 0 到 $i$ 个键；这时 `L` 与 `S` 必须相同。

    Returns:
        形状 `(..., L, M)`。分母为 0（没有键，或 $\phi(q)$ 与 $\phi(k)$ 的乘积下溢成 0，如 float64 时 $q+k$
        小于约 -745）的行是 0，离得近时梯度也不准；原文的程序另在分母上加 $10^{-6}$，这里不加。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对。

    References:
        Katharopoulos et al. (2020), ICML, arXiv:2006.16236，§3.2；因果见 §3.3。

    Examples:
        特征都是 0 时 $\phi=1$，因果的结果就是前缀的平均：

        >>> import numpy as np
        >>> zeros = np.zeros((3, 1))
        >>> linear_attention(zeros, zeros, [[1.0], [3.0], [8.0]], is_causal=True)
        array([[1.],
               [2.],
               [4.]])
    """
    (q, k, v), dtype = as_floats(query=query, key=key, value=value)
    _check(q, k, v, is_causal)
    with np.errstate(invalid="ignore", over="ignore"):
        y, _ = _divided(_mix(_phi(q), _phi(k), _with_ones(v), is_causal))
    return result(y, dtype)


def linear_attention_backward(
    dy: ArrayLike, query: ArrayLike, key: ArrayLike, value: ArrayLike, *, is_causal: bool = False
) -> tuple[Array, Array, Array]:
    r"""`linear_attention` 的反向。

    在值后面添一列 1，分子 $n$ 与分母 $d$ 就一起是 $AV'$，$A=\phi(Q)\phi(K)^\top$（因果时取下三角）。
    商的反向是 $\bar n=\bar y/d$、$\bar d=-\langle\bar y,y\rangle/d$。$AV'$ 对三个参数各自线性，伴随是
    $\bar\phi_q=\bar A\phi_k$、$\bar\phi_k=\bar A^\top\phi_q$、$\bar V'=A^\top\bar n'$，其中
    $\bar A=\bar n'V'^\top$；每一个都与前向同形，转置的下三角是时间倒过来的下三角，所以用的是同一个前缀和。

    Args:
        dy: 损失对输出的梯度，形状 `(..., L, M)`。
        query: 同前向。
        key: 同前向。
        value: 同前向。
        is_causal: 同前向。

    Returns:
        `query`、`key`、`value` 的梯度。$x=0$ 处 $\phi$ 的左右导数都是 1。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        Katharopoulos et al. (2020), ICML, arXiv:2006.16236，§3.3.1：分子的三个梯度。

    Examples:
        >>> import numpy as np
        >>> zeros = np.zeros((2, 1))
        >>> linear_attention_backward([[0.0], [1.0]], zeros, zeros, [[1.0], [3.0]])[2]
        array([[0.5],
               [0.5]])
    """
    (g, q, k, v), dtype = as_floats(dy=dy, query=query, key=key, value=value)
    _check(q, k, v, is_causal)
    has_shape("dy", g, (*q.shape[:-1], v.shape[-1]), like="输出")
    with np.errstate(invalid="ignore", over="ignore"):
        a, b, c = _phi(q), _phi(k), _with_ones(v)
        y, total = _divided(_mix(a, b, c, is_causal))
        g = np.concatenate([g, -(g * y).sum(axis=-1, keepdims=True)], axis=-1) / total
        da = _mix(g, c, b, is_causal)
        db = _mix_transposed(c, g, a, is_causal)
        dc = _mix_transposed(b, a, g, is_causal)
        gradients = da * _slope(q), db * _slope(k), dc[..., :-1]
    dq, dk, dv = (result(gradient, dtype) for gradient in gradients)
    return dq, dk, dv


def _phi(x: Array) -> Array:
    """elu(x)+1。负的一边写 eˣ 而不是 (eˣ-1)+1：后者在 x 很负时全消掉了。"""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def _slope(x: Array) -> Array:
    slope: Array = np.exp(np.minimum(x, 0))
    return slope


def _with_ones(v: Array) -> Array:
    return np.concatenate([v, np.ones_like(v, shape=(*v.shape[:-1], 1))], axis=-1)


def _divided(mixed: Array) -> tuple[Array, Array]:
    """最后一列是分母；为 0 时换成 1，分子这时也是 0。"""
    total = np.where(mixed[..., -1:] == 0, 1, mixed[..., -1:])
    return mixed[..., :-1] / total, total


def _mix(a: Array, b: Array, c: Array, is_causal: bool) -> Array:
    """`(a @ bᵀ) @ c`，因果时 `a @ bᵀ` 只取下三角；从不写出整个 L×S 的矩阵。"""
    if not is_causal:
        product: Array = a @ (transposed(b) @ c)
        return product
    y = np.empty_like(c, shape=(*a.shape[:-1], c.shape[-1]))
    prefix = np.zeros_like(c, shape=(*a.shape[:-2], a.shape[-1], c.shape[-1]))
    for start in range(0, a.shape[-2], _CHUNK):
        part = slice(start, start + _CHUNK)
        inside, keys, values = a[..., part, :], transposed(b[..., part, :]), c[..., part, :]
        y[..., part, :] = np.tril(inside @ keys) @ values + inside @ prefix
        prefix += keys @ values
    return y


def _mix_transposed(a: Array, b: Array, c: Array, is_causal: bool) -> Array:
    """`(a @ bᵀ) @ c`，因果时取上三角：把时间倒过来，就是下三角。"""
    if not is_causal:
        return _mix(a, b, c, False)
    a, b, c = (np.flip(x, axis=-2) for x in (a, b, c))
    return np.flip(_mix(a, b, c, True), axis=-2)


def _check(q: Array, k: Array, v: Array, is_causal: bool) -> None:
    boolean("is_causal", is_causal)
    if q.ndim < 2:
        raise ValueError(problem("query", "至少二维的数组", f"形状 {q.shape}", "请把每个查询放在最后一轴上"))
    length = q.shape[-2] if is_causal else "S"
    fits = k.ndim == q.ndim and k.shape == (*q.shape[:-2], k.shape[-2], q.shape[-1])
    if not fits or (is_causal and k.shape[-2] != q.shape[-2]):
        expected = f"形状 {(*q.shape[:-2], length, q.shape[-1])} 的数组".replace("'", "")
        raise ValueError(problem("key", expected, f"形状 {k.shape}", "请检查批量轴、长度与特征数"))
    if v.ndim != k.ndim or v.shape[:-1] != k.shape[:-1]:
        expected = f"形状 {(*k.shape[:-1], 'M')} 的数组".replace("'", "")
        raise ValueError(problem("value", expected, f"形状 {v.shape}", "一个键配一个值，请检查各轴"))
