r"""点积注意力：按查询与键的相似，把值加权平均。

形状里的字母：`H` 头数，`L` 查询的个数，`S` 键的个数，`D` 查询与键的特征数，`M` 值的特征数；
前面的 `...` 是任意几个批量轴，各数组必须相同。掩码的约定与 `torch.nn.functional.scaled_dot_product_attention`
相同：布尔的 True 表示**可以看**，浮点的加在打分上。

**一行全被遮住**的查询没有可看的：权重全是 0，输出是 0，梯度也是 0，没有 `nan`。PyTorch 2.13 的
`scaled_dot_product_attention` 和 ONNX 的 Attention 也如此；直接写 `softmax` 会得到 `nan`。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem, real
from dlnotes.nn._arrays import Array, has_shape, result
from dlnotes.nn._masks import (
    Mask,
    causal,
    check_spread,
    dropped,
    mask_gradient,
    masked_softmax,
    prepare,
    softmax_backward,
    transposed,
)

__all__ = [
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
]

BLOCK = 128  # 一次算这么多个查询：打分不必整个放下，又够矩阵乘法用


def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    *,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    r"""缩放点积注意力。

    $$Y=\mathrm{softmax}\Bigl(\frac{QK^\top}{\sqrt D}+m\Bigr)V$$

    $q$、$k$ 的分量若独立、均值 0、方差 1，点积的方差是 $D$；除以 $\sqrt D$ 使打分的大小与 $D$ 无关，
    softmax 不至于饱和。分组查询（`enable_gqa`）的查询有 `Hq` 个头，键、值只有 `H` 个：第 $h$ 个查询头用第
    $\lfloor h\,H/H_q\rfloor$ 个键头，与把每个键头重复 `Hq / H` 次相同，但不真的复制。

    Args:
        query: 查询，形状 `(..., L, D)`；`enable_gqa` 时 `(..., Hq, L, D)`。
        key: 键，形状 `(..., S, D)`；`enable_gqa` 时 `(..., H, S, D)`，`H` 整除 `Hq`。
        value: 值，形状 `(..., S, M)`；`enable_gqa` 时 `(..., H, S, M)`。
        attn_mask: 掩码，能广播成 `(..., L, S)`（分组时 `(..., Hq, L, S)`）：布尔的，True 可以看；浮点的，
            加在缩放后的打分上。
        dropout_mask: 同 [`attend`][dlnotes.nn.attend.attend]。PyTorch 收概率 `dropout_p`，自己抽；
            这里收抽好的，反向才能用同一个。
        is_causal: 同 [`attend`][dlnotes.nn.attend.attend]。
        scale: 打分乘以它；`None` 表示 $1/\sqrt D$。
        enable_gqa: 是否分组；否则各头数必须相同。

    Returns:
        形状 `(..., L, M)`。全被遮住的行是 0。

    Raises:
        TypeError: 元素不是实数，或掩码是整数。
        ValueError: 形状不对，`D` 为 0 而没有给 `scale`，或 `scale` 不是有限的数。

    References:
        Vaswani et al. (2017), NeurIPS, arXiv:1706.03762，§3.2.1 式 (1)；分组查询：Ainslie et al. (2023),
        arXiv:2305.13245，§2.2。

    Examples:
        两个键与查询一样像，值就取平均：

        >>> scaled_dot_product_attention([[1.0, 0.0]], [[1.0, 1.0], [1.0, -1.0]], [[2.0], [4.0]])
        array([[3.]])
    """
    (q, k, v), mask, drop, dtype = prepare(attn_mask, dropout_mask, query=query, key=key, value=value)
    shape, factor = _check_sdpa(q, k, v, mask, drop, is_causal, scale, enable_gqa)
    y = np.empty((*shape[:-1], v.shape[-1]), q.dtype)
    # 对角线之上的权重是 0，值都有限时乘得 0，所以不算；无穷大乘 0 是 NaN，只好照算。
    skip = is_causal and bool(np.isfinite(v).all())
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, shape[-2], BLOCK):
            rows, keys = slice(start, start + BLOCK), slice(start + BLOCK if skip else None)
            own, seen = q[..., rows, :], k[..., keys, :]
            allowed = causal(own.shape[-2], seen.shape[-2], start) if is_causal else None
            weights = _weights(own, seen, [_part(mask, shape, rows, keys), allowed], factor)
            weights = dropped(weights, _part(drop, shape, rows, keys))
            y[..., rows, :] = (_folded(weights, k) @ v[..., keys, :]).reshape(y[..., rows, :].shape)
    return result(y, dtype)


def scaled_dot_product_attention_backward(
    dy: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    *,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Array, Array, Array, Array | None]:
    r"""`scaled_dot_product_attention` 的反向。

    打分 $s=cQK^\top$（$c$ 是 `scale`）以后与 [`attend_backward`][dlnotes.nn.attend.attend_backward] 相同，
    先得 $\bar s$；$s$ 对 $Q$、对 $K$ 都是线性的，伴随是 $\bar Q=c\,\bar sK$、$\bar K=c\,\bar s^\top Q$。
    分组时同一个键头用了几次，重复的伴随是求和：把几个查询头首尾相接成一个更长的 $Q$，这个和就在矩阵乘法里。

    Args:
        dy: 损失对输出的梯度，形状 `(..., L, M)`。
        query: 同前向。
        key: 同前向。
        value: 同前向。
        attn_mask: 同前向。
        dropout_mask: 同前向。
        is_causal: 同前向。
        scale: 同前向。
        enable_gqa: 同前向。

    Returns:
        `query`、`key`、`value`、`attn_mask` 的梯度；掩码没有给或是布尔的，则是 `None`。
        全被遮住的查询的梯度是 0。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        Dao et al. (2022), FlashAttention, arXiv:2205.14135，附录 B.2。

    Examples:
        >>> dq, dk, dv, _ = scaled_dot_product_attention_backward(
        ...     [[1.0]], [[1.0, 0.0]], [[1.0, 1.0], [1.0, -1.0]], [[2.0], [4.0]], scale=1.0
        ... )
        >>> dq, dk, dv
        (array([[ 0., -1.]]), array([[-0.5,  0. ],
               [ 0.5,  0. ]]), array([[0.5],
               [0.5]]))
    """
    (g, q, k, v), mask, drop, dtype = prepare(
        attn_mask, dropout_mask, dy=dy, query=query, key=key, value=value
    )
    shape, factor = _check_sdpa(q, k, v, mask, drop, is_causal, scale, enable_gqa)
    has_shape("dy", g, (*shape[:-1], v.shape[-1]), like="输出")
    with np.errstate(invalid="ignore", over="ignore"):
        weights = _weights(q, k, [mask, causal(*shape[-2:]) if is_causal else None], factor)
        g, queries = _folded(g, k), _folded(q, k)
        dvalue = transposed(_folded(dropped(weights, drop), k)) @ g
        dweights = dropped((g @ transposed(v)).reshape(shape), drop)
        dscores = softmax_backward(dweights, weights)
        dmask = mask_gradient(dscores, mask)
        dscores = _folded(dscores, k) * factor
        dquery, dkey = (dscores @ k).reshape(q.shape), transposed(dscores) @ queries
    dq, dk, dv = (result(gradient, dtype) for gradient in (dquery, dkey, dvalue))
    return dq, dk, dv, None if dmask is None else result(dmask, dtype)


def _weights(q: Array, k: Array, masks: list[Mask | None], scale: float) -> Array:
    scores = _folded(q * scale, k) @ transposed(k)
    return masked_softmax(scores.reshape(*q.shape[:-1], k.shape[-2]), *masks)


def _part(mask: Mask | None, shape: tuple[int, ...], rows: slice, keys: slice) -> Mask | None:
    """掩码里这几行、这几列；只是视图。"""
    return None if mask is None else np.broadcast_to(mask, shape)[..., rows, keys]


def _folded(x: Array, k: Array) -> Array:
    """把共用一个键头的几个查询头首尾相接：`(..., Hq, L, ·)` 变成 `(..., H, Hq/H·L, ·)`；不分组时不变。"""
    if x.shape[:-2] == k.shape[:-2]:
        return x
    groups = x.shape[-3] // k.shape[-3]
    return x.reshape(*k.shape[:-2], groups * x.shape[-2], x.shape[-1])


def _check_sdpa(
    q: Array,
    k: Array,
    v: Array,
    mask: Mask | None,
    drop: Array | None,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> tuple[tuple[int, ...], float]:
    """检查各参数；返回打分的形状，和打分乘的倍数。"""
    boolean("is_causal", is_causal)
    boolean("enable_gqa", enable_gqa)
    least = 3 if enable_gqa else 2
    if q.ndim < least:
        expected = f"至少 {least} 维的数组"
        raise ValueError(problem("query", expected, f"形状 {q.shape}", "请把每个查询放在最后一轴上"))
    batch, heads = (q.shape[:-3], q.shape[-3:-2]) if enable_gqa else (q.shape[:-2], ())
    if enable_gqa and k.ndim == q.ndim and k.shape[-3] and heads[0] % k.shape[-3] == 0:
        heads = k.shape[-3:-2]
    if k.ndim != q.ndim or k.shape != (*batch, *heads, k.shape[-2], q.shape[-1]):
        expected = f"形状 {(*batch, *(('H',) if enable_gqa else ()), 'S', q.shape[-1])} 的数组"
        remedy = "请检查批量轴、头数（须整除查询的头数）与特征数" if enable_gqa else "请检查批量轴与特征数"
        raise ValueError(problem("key", expected.replace("'", ""), f"形状 {k.shape}", remedy))
    if v.shape[:-1] != k.shape[:-1]:
        expected = f"形状 {(*k.shape[:-1], 'M')} 的数组".replace("'", "")
        raise ValueError(problem("value", expected, f"形状 {v.shape}", "一个键配一个值，请检查各轴"))
    shape = (*q.shape[:-1], k.shape[-2])
    check_spread("attn_mask", mask, shape)
    check_spread("dropout_mask", drop, shape)
    return shape, _scale(scale, q.shape[-1])


def _scale(scale: float | None, features: int) -> float:
    if scale is None and features == 0:
        raise ValueError(problem("query", "至少有一个特征的数组", "0 个", "请检查最后一轴，或给出 `scale`"))
    return features**-0.5 if scale is None else real("scale", scale)
