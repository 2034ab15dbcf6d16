r"""把打分变成权重，再把值加权平均：各种注意力共同的后一半。

形状里的字母：`L` 查询的个数，`S` 键的个数，`M` 值的特征数；前面的 `...` 是任意几个批量轴，各数组必须相同。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem
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

__all__ = ["attend", "attend_backward"]


def attend(
    scores: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    *,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
) -> Array:
    r"""按给定的打分取值的加权平均：打分从哪里来都行。

    $$y_i=\sum_j p_{ij}\,v_j,\qquad p_{ij}=\frac{e^{s_{ij}+m_{ij}}}{\sum_k e^{s_{ik}+m_{ik}}}$$

    先减去每行的最大值再取指数，所以打分多大都不会溢出。

    Args:
        scores: 打分 $s$，形状 `(..., L, S)`。
        value: 值，形状 `(..., S, M)`。
        attn_mask: 掩码，能广播成 `(..., L, S)`：布尔的，True 可以看；或浮点的 $m$，加在打分上，
            可以是 $-\infty$。
        dropout_mask: 随机失活乘在权重上的数，能广播成 `(..., L, S)`：留下的是 $1/(1-p)$，丢掉的是 0。
            不求它的梯度。
        is_causal: 第 $i$ 个查询只看第 0 到 $i$ 个键（从左上角对齐，$L\ne S$ 时也是）；
            与 `attn_mask` 同时给则都要满足。

    Returns:
        形状 `(..., L, M)`。全被遮住的行（以及 `S` 为 0 时）是 0。打分里有 `nan` 或 $+\infty$，那一行是
        `nan`。被遮住的值乘以 0，不影响结果，除非它是 `nan` 或无穷大。

    Raises:
        TypeError: 元素不是实数，或掩码是整数。
        ValueError: 形状不对。

    References:
        Bahdanau, Cho & Bengio (2015), ICLR, arXiv:1409.0473，§3.1 式 (5)、(6)。

    Examples:
        >>> attend([[0.0, 0.0, 9.0]], [[2.0], [4.0], [100.0]], [[True, True, False]])
        array([[3.]])
    """
    boolean("is_causal", is_causal)
    (s, v), mask, drop, dtype = prepare(attn_mask, dropout_mask, scores=scores, value=value)
    _check_attend(s, v, mask, drop)
    with np.errstate(invalid="ignore", over="ignore"):  # 无穷大相减、乘 0 得 NaN，是说好的
        weights = masked_softmax(s.copy(), mask, causal(*s.shape[-2:]) if is_causal else None)
        return result(dropped(weights, drop) @ v, dtype)


def attend_backward(
    dy: ArrayLike,
    scores: ArrayLike,
    value: ArrayLike,
    attn_mask: ArrayLike | None = None,
    *,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
) -> tuple[Array, Array, Array | None]:
    r"""`attend` 的反向。

    $y=(p\odot r)v$ 对 $v$、对 $p\odot r$ 都是线性的，伴随是转置：$\bar v=(p\odot r)^\top\bar y$，
    $\bar p=r\odot(\bar y v^\top)$；softmax 的雅可比是 $\mathrm{diag}(p)-pp^\top$，对称，所以
    $\bar s=p\odot(\bar p-\langle p,\bar p\rangle)$，$\langle\cdot\rangle$ 在键上求和。
    相加的掩码的梯度就是 $\bar s$，在广播出来的轴上求和。

    Args:
        dy: 损失对输出的梯度，形状 `(..., L, M)`。
        scores: 同前向。
        value: 同前向。
        attn_mask: 同前向。
        dropout_mask: 同前向。
        is_causal: 同前向。

    Returns:
        `scores`、`value`、`attn_mask` 的梯度；掩码没有给或是布尔的，则是 `None`。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        Dao et al. (2022), FlashAttention, arXiv:2205.14135，附录 B.2。

    Examples:
        >>> attend_backward([[1.0]], [[0.0, 0.0]], [[2.0], [4.0]])[0]
        array([[-0.5,  0.5]])
    """
    boolean("is_causal", is_causal)
    (g, s, v), mask, drop, dtype = prepare(attn_mask, dropout_mask, dy=dy, scores=scores, value=value)
    _check_attend(s, v, mask, drop)
    has_shape("dy", g, (*s.shape[:-1], v.shape[-1]), like="输出")
    with np.errstate(invalid="ignore", over="ignore"):
        weights = masked_softmax(s.copy(), mask, causal(*s.shape[-2:]) if is_causal else None)
        dvalue = transposed(dropped(weights, drop)) @ g
        dscores = softmax_backward(dropped(g @ transposed(v), drop), weights)
        dmask = mask_gradient(dscores, mask)
    return result(dscores, dtype), result(dvalue, dtype), None if dmask is None else result(dmask, dtype)


def _check_attend(s: Array, v: Array, mask: Mask | None, drop: Array | None) -> None:
    if s.ndim < 2 or v.shape[:-1] != (*s.shape[:-2], s.shape[-1]):
        expected = "形状 (..., S, M)，与 `scores` 的 (..., L, S) 相配的数组"
        got = f"`scores` {s.shape}、`value` {v.shape}"
        raise ValueError(problem("value", expected, got, "请检查批量轴和键的个数"))
    check_spread("attn_mask", mask, s.shape)
    check_spread("dropout_mask", drop, s.shape)
