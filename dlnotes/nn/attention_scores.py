r"""注意力的三种打分：点积、一般、相加；交给 [`attend`][dlnotes.nn.attend.attend] 就得到加权平均。

形状里的字母：`L` 查询的个数，`S` 键的个数，`D` 查询的特征数，`E` 键的特征数，`A` 隐藏的单元数；前面的
`...` 是任意几个批量轴，各数组必须相同。Luong 一文把这三种叫作 dot、general、concat；concat 写成
$v^\top\tanh(W[q;k])$，把 $W$ 左右切成两块就是这里的相加。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, result
from dlnotes.nn._masks import transposed

__all__ = [
    "additive_scores",
    "additive_scores_backward",
    "dot_scores",
    "dot_scores_backward",
    "general_scores",
    "general_scores_backward",
]


def dot_scores(query: ArrayLike, key: ArrayLike) -> Array:
    r"""点积打分：$s_{ij}=q_i^\top k_j$，不缩放。

    Args:
        query: 形状 `(..., L, D)`。
        key: 形状 `(..., S, D)`。

    Returns:
        形状 `(..., L, S)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 批量轴或特征数不同。

    References:
        Luong, Pham & Manning (2015), EMNLP, arXiv:1508.04025，§3.1，dot。

    Examples:
        >>> dot_scores([[1.0, 2.0]], [[3.0, 4.0], [0.0, 1.0]])
        array([[11.,  2.]])
    """
    (q, k), dtype = as_floats(query=query, key=key)
    _check_pair(q, k, features=q.shape[-1:])
    with np.errstate(invalid="ignore", over="ignore"):
        return result(q @ transposed(k), dtype)


def dot_scores_backward(dy: ArrayLike, query: ArrayLike, key: ArrayLike) -> tuple[Array, Array]:
    r"""`dot_scores` 的反向：$s=QK^\top$ 对两边各自线性，伴随是 $\bar Q=\bar sK$、$\bar K=\bar s^\top Q$。

    Args:
        dy: 损失对打分的梯度，形状 `(..., L, S)`。
        query: 同前向。
        key: 同前向。

    Returns:
        `query`、`key` 的梯度。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> dot_scores_backward([[1.0]], [[1.0, 2.0]], [[3.0, 4.0]])
        (array([[3., 4.]]), array([[1., 2.]]))
    """
    (g, q, k), dtype = as_floats(dy=dy, query=query, key=key)
    _check_pair(q, k, features=q.shape[-1:])
    has_shape("dy", g, (*q.shape[:-1], k.shape[-2]), like="输出")
    with np.errstate(invalid="ignore", over="ignore"):
        return result(g @ k, dtype), result(transposed(g) @ q, dtype)


def general_scores(query: ArrayLike, key: ArrayLike, weight: ArrayLike) -> Array:
    r"""一般的（双线性）打分：$s_{ij}=q_i^\top Wk_j$；查询与键的特征数可以不同。

    Args:
        query: 形状 `(..., L, D)`。
        key: 形状 `(..., S, E)`。
        weight: $W$，形状 `(D, E)`。

    Returns:
        形状 `(..., L, S)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对。

    References:
        Luong, Pham & Manning (2015), EMNLP, arXiv:1508.04025，§3.1，general。

    Examples:
        >>> general_scores([[1.0, 2.0]], [[3.0]], [[1.0], [10.0]])
        array([[63.]])
    """
    (q, k, w), dtype = as_floats(query=query, key=key, weight=weight)
    _check_pair(q, k)
    has_shape("weight", w, (q.shape[-1], k.shape[-1]), like="(D, E)")
    with np.errstate(invalid="ignore", over="ignore"):
        return result(q @ w @ transposed(k), dtype)


def general_scores_backward(
    dy: ArrayLike, query: ArrayLike, key: ArrayLike, weight: ArrayLike
) -> tuple[Array, Array, Array]:
    r"""`general_scores` 的反向：对三个参数各自线性，伴随都是转置。

    $\bar Q=\bar sKW^\top$，$\bar K=\bar s^\top QW$，$\bar W=\sum Q^\top\bar sK$，在批量上求和，
    因为 $W$ 是共用的。

    Args:
        dy: 损失对打分的梯度，形状 `(..., L, S)`。
        query: 同前向。
        key: 同前向。
        weight: 同前向。

    Returns:
        `query`、`key`、`weight` 的梯度。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> general_scores_backward([[1.0]], [[1.0, 2.0]], [[3.0]], [[1.0], [10.0]])[2]
        array([[3.],
               [6.]])
    """
    (g, q, k, w), dtype = as_floats(dy=dy, query=query, key=key, weight=weight)
    _check_pair(q, k)
    has_shape("weight", w, (q.shape[-1], k.shape[-1]), like="(D, E)")
    has_shape("dy", g, (*q.shape[:-1], k.shape[-2]), like="输出")
    with np.errstate(invalid="ignore", over="ignore"):
        gk = g @ k
        dweight = (transposed(q) @ gk).reshape(-1, *w.shape).sum(axis=0) if w.size else np.zeros_like(w)
        return result(gk @ w.T, dtype), result(transposed(g) @ q @ w, dtype), result(dweight, dtype)


def additive_scores(
    query: ArrayLike, key: ArrayLike, query_weight: ArrayLike, key_weight: ArrayLike, v: ArrayLike
) -> Array:
    r"""相加的（Bahdanau）打分：$s_{ij}=v^\top\tanh(W_q q_i+W_k k_j)$。

    一个隐藏层的网络，两个投影各算一次，相加时两两配对。中间的数组是 `(..., L, S, A)`，比点积多一个 `A`。

    Args:
        query: 形状 `(..., L, D)`。
        key: 形状 `(..., S, E)`。
        query_weight: $W_q$（原文的 $W_a$），形状 `(A, D)`。
        key_weight: $W_k$（原文的 $U_a$），形状 `(A, E)`。
        v: 原文的 $v_a$，形状 `(A,)`。

    Returns:
        形状 `(..., L, S)`，绝对值不超过 $\lVert v\rVert_1$。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对。

    References:
        Bahdanau, Cho & Bengio (2015), ICLR, arXiv:1409.0473，附录 A.1.2。

    Examples:
        >>> additive_scores([[1.0]], [[-1.0], [99.0]], [[1.0]], [[1.0]], [2.0])
        array([[0., 2.]])
    """
    (q, k, wq, wk, u), dtype = as_floats(
        query=query, key=key, query_weight=query_weight, key_weight=key_weight, v=v
    )
    with np.errstate(invalid="ignore", over="ignore"):
        return result(_hidden(q, k, wq, wk, u) @ u, dtype)


def additive_scores_backward(
    dy: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    query_weight: ArrayLike,
    key_weight: ArrayLike,
    v: ArrayLike,
) -> tuple[Array, Array, Array, Array, Array]:
    r"""`additive_scores` 的反向。

    记 $t=\tanh(a)$，$a_{ij}=W_q q_i+W_k k_j$，则 $\bar v=\sum\bar s_{ij}t_{ij}$，
    $\bar a_{ij}=\bar s_{ij}\,v\odot(1-t_{ij}^2)$。两两配对是广播，它的伴随是求和：查询一边在 $j$ 上、
    键一边在 $i$ 上加起来，再过线性层的转置。

    Args:
        dy: 损失对打分的梯度，形状 `(..., L, S)`。
        query: 同前向。
        key: 同前向。
        query_weight: 同前向。
        key_weight: 同前向。
        v: 同前向。

    Returns:
        `query`、`key`、`query_weight`、`key_weight`、`v` 的梯度。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> additive_scores_backward([[1.0]], [[1.0]], [[-1.0]], [[1.0]], [[1.0]], [2.0])[0]
        array([[2.]])
    """
    (g, q, k, wq, wk, u), dtype = as_floats(
        dy=dy, query=query, key=key, query_weight=query_weight, key_weight=key_weight, v=v
    )
    with np.errstate(invalid="ignore", over="ignore"):
        hidden = _hidden(q, k, wq, wk, u)
        has_shape("dy", g, hidden.shape[:-1], like="输出")
        dv = (g[..., None] * hidden).sum(axis=tuple(range(g.ndim)))
        # (1-t)(1+t) 而不是 1-t²：t 近 ±1 时后者先舍入再相减。
        inner = g[..., None] * u * ((1 - hidden) * (1 + hidden))
        dq, dk = inner.sum(axis=-2), inner.sum(axis=-3)
        weights = [
            np.tensordot(side, x, axes=(list(range(x.ndim - 1)),) * 2) for side, x in ((dq, q), (dk, k))
        ]
        gradients = (dq @ wq, dk @ wk, *weights, dv)
    first, second, third, fourth, fifth = (result(gradient, dtype) for gradient in gradients)
    return first, second, third, fourth, fifth


def _hidden(q: Array, k: Array, wq: Array, wk: Array, v: Array) -> Array:
    """隐藏层的输出，形状 `(..., L, S, A)`。"""
    _check_pair(q, k)
    if v.ndim != 1:
        raise ValueError(problem("v", "一维数组", f"形状 {v.shape}", "请把它压成 (A,)"))
    has_shape("query_weight", wq, (v.size, q.shape[-1]), like="(A, D)")
    has_shape("key_weight", wk, (v.size, k.shape[-1]), like="(A, E)")
    hidden: Array = np.tanh((q @ wq.T)[..., :, None, :] + (k @ wk.T)[..., None, :, :])
    return hidden


def _check_pair(q: Array, k: Array, features: tuple[int, ...] | None = None) -> None:
    """查询与键的维数、批量轴相同；`features` 是键必须有的特征数。"""
    if q.ndim < 2:
        raise ValueError(problem("query", "至少二维的数组", f"形状 {q.shape}", "请把每个查询放在最后一轴上"))
    last = k.shape[-1:] if features is None else features
    if k.ndim != q.ndim or k.shape != (*q.shape[:-2], k.shape[-2], *last):
        expected = f"形状 {(*q.shape[:-2], 'S', *(features or 'E'))} 的数组".replace("'", "")
        raise ValueError(problem("key", expected, f"形状 {k.shape}", "请检查批量轴与特征数"))
