r"""多头注意力：先投影，分成几个头各做各的注意力，拼起来再投影。

形状里的字母：`L` 查询的个数，`S` 键的个数，`D`、`E`、`F` 查询、键、值的特征数，
`A` 查询与键投影后的特征数（各头合计），`B` 值投影后的，`O` 输出的特征数，`H` 头数；
前面的 `...` 是任意几个批量轴，各数组必须相同。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean
from dlnotes.nn._arrays import Array, has_shape, result
from dlnotes.nn._masks import Mask, dropped, mask_gradient, masked_softmax, softmax_backward, transposed
from dlnotes.nn._multi_head import inputs

__all__ = ["multi_head_attention", "multi_head_attention_backward"]


def multi_head_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    q_proj_weight: ArrayLike,
    k_proj_weight: ArrayLike,
    v_proj_weight: ArrayLike,
    out_proj_weight: ArrayLike,
    q_proj_bias: ArrayLike | None = None,
    k_proj_bias: ArrayLike | None = None,
    v_proj_bias: ArrayLike | None = None,
    out_proj_bias: ArrayLike | None = None,
    attn_mask: ArrayLike | None = None,
    *,
    num_heads: int,
    key_padding_mask: ArrayLike | None = None,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
    need_weights: bool = False,
    average_attn_weights: bool = True,
) -> Array | tuple[Array, Array]:
    r"""多头注意力。

    $$Y=[Z_1\ \cdots\ Z_H]W_o^\top+b_o,\qquad
    Z_h=\mathrm{softmax}\Bigl(\frac{Q_hK_h^\top}{\sqrt{A/H}}+m\Bigr)V_h$$

    $Q=XW_q^\top+b_q$，$K$、$V$ 同理；$Q_h$ 是 $Q$ 的第 $h$ 段特征。权重写成 `torch.nn.Linear` 的样子：
    输出在前。`torch.nn.MultiheadAttention` 的 `in_proj_weight` 是三个权重上下相接，用 `np.split(w, 3)` 分开。

    与 PyTorch 的模块有三点不同：批量在前（如同 `batch_first=True`）；
    布尔的 `attn_mask` 里 True 是**可以看**，与
    [`scaled_dot_product_attention`][dlnotes.nn.attention.scaled_dot_product_attention] 一致，
    而那个模块里 True 是不许看；`need_weights` 默认是否。

    Args:
        query: 形状 `(..., L, D)`；自注意力时三个传同一个数组。
        key: 形状 `(..., S, E)`。
        value: 形状 `(..., S, F)`。
        q_proj_weight: 形状 `(A, D)`，`H` 整除 `A`。
        k_proj_weight: 形状 `(A, E)`。
        v_proj_weight: 形状 `(B, F)`，`H` 整除 `B`。
        out_proj_weight: 形状 `(O, B)`。
        q_proj_bias: 形状 `(A,)`。
        k_proj_bias: 形状 `(A,)`。它给同一个查询的各个打分加上同一个数，softmax 看不出来，不影响结果。
        v_proj_bias: 形状 `(B,)`。
        out_proj_bias: 形状 `(O,)`。
        attn_mask: 能广播成 `(..., H, L, S)`：布尔的，True 可以看；浮点的，加在打分上。
        num_heads: 头数 `H`。
        key_padding_mask: 布尔的，形状 `(..., S)`：True 是填充，不看（同 PyTorch；与 `attn_mask` 相反）。
        dropout_mask: 随机失活乘在权重上的数，能广播成 `(..., H, L, S)`：留下的是 $1/(1-p)$，丢掉的是 0。
        is_causal: 第 $i$ 个查询只看第 0 到 $i$ 个键。
        need_weights: 是否一并返回注意力的权重（随机失活之后的）。
        average_attn_weights: 权重是否在头上平均。

    Returns:
        形状 `(..., L, O)`；`need_weights` 时是它与权重的元组，权重的形状是 `(..., L, S)`，不平均时
        `(..., H, L, S)`。全被遮住的查询权重是 0，输出是 `out_proj_bias`；PyTorch 的模块要权重时得 `nan`。

    Raises:
        TypeError: 元素不是实数，掩码的类型不对。
        ValueError: 形状不对，或头数不能整除。

    References:
        Vaswani et al. (2017), NeurIPS, arXiv:1706.03762，§3.2.2。

    Examples:
        一个头，投影都是恒等：

        >>> import numpy as np
        >>> eye, x = np.eye(1), [[0.0], [2.0]]
        >>> multi_head_attention(x, x, x, eye, eye, eye, eye, num_heads=1, is_causal=True).round(4)
        array([[0.   ],
               [1.964]])
    """
    boolean("need_weights", need_weights)
    boolean("average_attn_weights", average_attn_weights)
    _, arrays, mask, keep, drop, dtype = inputs(
        (),
        (query, key, value),
        (q_proj_weight, k_proj_weight, v_proj_weight, out_proj_weight),
        (q_proj_bias, k_proj_bias, v_proj_bias, out_proj_bias),
        (attn_mask, key_padding_mask, dropout_mask),
        num_heads,
        is_causal,
    )
    with np.errstate(invalid="ignore", over="ignore"):
        *_, v, weights = _heads(arrays, mask, keep, num_heads)
        used = dropped(weights, drop)
        y = result(_linear(_joined(used @ v), arrays[6], arrays[10]), dtype)
    if not need_weights:
        return y
    return y, result(used.mean(axis=-3) if average_attn_weights else used, dtype)


def multi_head_attention_backward(
    dy: ArrayLike,
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    q_proj_weight: ArrayLike,
    k_proj_weight: ArrayLike,
    v_proj_weight: ArrayLike,
    out_proj_weight: ArrayLike,
    q_proj_bias: ArrayLike | None = None,
    k_proj_bias: ArrayLike | None = None,
    v_proj_bias: ArrayLike | None = None,
    out_proj_bias: ArrayLike | None = None,
    attn_mask: ArrayLike | None = None,
    *,
    num_heads: int,
    key_padding_mask: ArrayLike | None = None,
    dropout_mask: ArrayLike | None = None,
    is_causal: bool = False,
) -> tuple[Array | None, ...]:
    r"""`multi_head_attention` 的反向；返回的权重不参与。

    由后往前：输出的线性层 $\bar Z=\bar YW_o$、$\bar W_o=\bar Y^\top Z$；分头的伴随是拼接，拼接的伴随是分头；
    每个头同 `scaled_dot_product_attention_backward`；最后是三个投影，$\bar X=\bar QW_q$、
    $\bar W_q=\bar Q^\top X$、$\bar b_q=\sum\bar Q$，权重在批量与长度上求和。

    Args:
        dy: 损失对输出的梯度，形状 `(..., L, O)`。
        query: 同前向。
        key: 同前向。
        value: 同前向。
        q_proj_weight: 同前向。
        k_proj_weight: 同前向。
        v_proj_weight: 同前向。
        out_proj_weight: 同前向。
        q_proj_bias: 同前向。
        k_proj_bias: 同前向；它的梯度恒为 0（只差舍入）。
        v_proj_bias: 同前向。
        out_proj_bias: 同前向。
        attn_mask: 同前向。
        num_heads: 同前向。
        key_padding_mask: 同前向。
        dropout_mask: 同前向。
        is_causal: 同前向。

    Returns:
        `query` 到 `attn_mask` 十二个参数的梯度，没有给的（和布尔的掩码）是 `None`。自注意力时，
        输入的梯度是前三个之和。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> import numpy as np
        >>> eye, x = np.eye(1), [[0.0], [2.0]]
        >>> dy = [[1.0], [0.0]]
        >>> gradients = multi_head_attention_backward(dy, x, x, x, eye, eye, eye, eye, num_heads=1)
        >>> gradients[2], len(gradients)
        (array([[0.5],
               [0.5]]), 12)
    """
    (g,), arrays, mask, keep, drop, dtype = inputs(
        (dy,),
        (query, key, value),
        (q_proj_weight, k_proj_weight, v_proj_weight, out_proj_weight),
        (q_proj_bias, k_proj_bias, v_proj_bias, out_proj_bias),
        (attn_mask, key_padding_mask, dropout_mask),
        num_heads,
        is_causal,
    )
    has_shape("dy", g, (*arrays[0].shape[:-1], arrays[6].shape[0]), like="输出")
    scale = (arrays[3].shape[0] // num_heads) ** -0.5
    with np.errstate(invalid="ignore", over="ignore"):
        q, k, v, weights = _heads(arrays, mask, keep, num_heads)
        used = dropped(weights, drop)
        dz, dwo, dbo = _linear_backward(g, _joined(used @ v), arrays[6])
        dz = _split(dz, num_heads)
        dscores = softmax_backward(dropped(dz @ transposed(v), drop), weights)
        projected = dscores @ k * scale, transposed(dscores) @ q * scale, transposed(used) @ dz
        dx, dw, db = zip(
            *(
                _linear_backward(_joined(d), x, w)
                for d, x, w in zip(projected, arrays[:3], arrays[3:6], strict=True)
            ),
            strict=True,
        )
        gradients = (*dx, *dw, dwo, *db, dbo, mask_gradient(dscores, mask))
    biases = (True,) * 7 + tuple(bias is not None for bias in arrays[7:]) + (True,)
    return tuple(
        result(gradient, dtype) if given and gradient is not None else None
        for given, gradient in zip(biases, gradients, strict=True)
    )


def _heads(
    arrays: list[Array], mask: Mask | None, keep: Mask, num_heads: int
) -> tuple[Array, Array, Array, Array]:
    """投影并分头的查询、键、值，和注意力的权重。"""
    q, k, v = (
        _split(_linear(x, w, b), num_heads)
        for x, w, b in zip(arrays[:3], arrays[3:6], arrays[7:10], strict=True)
    )
    return q, k, v, masked_softmax(q * q.shape[-1] ** -0.5 @ transposed(k), mask, keep)


def _linear(x: Array, w: Array, b: Array | None) -> Array:
    return x @ w.T if b is None else x @ w.T + b


def _linear_backward(g: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    rows = g.reshape(-1, w.shape[0])
    return g @ w, rows.T @ x.reshape(-1, w.shape[1]), rows.sum(axis=0)


def _split(x: Array, heads: int) -> Array:
    """`(..., L, H·A)` 变成 `(..., H, L, A)`。"""
    return np.swapaxes(x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads), -3, -2)


def _joined(x: Array) -> Array:
    """`_split` 的反面。"""
    swapped = np.swapaxes(x, -3, -2)
    return swapped.reshape(*swapped.shape[:-2], swapped.shape[-2] * swapped.shape[-1])
