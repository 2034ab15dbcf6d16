"""多头注意力的参数：变成同一种浮点数组，检查各个形状，两种布尔的掩码合成一个。"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import boolean, integer, problem, shown
from dlnotes.nn._arrays import Array, as_array, has_shape
from dlnotes.nn._masks import Mask, causal, check_spread, prepare


def inputs(
    upstream: tuple[ArrayLike, ...],
    inputs: tuple[ArrayLike, ...],
    weights: tuple[ArrayLike, ...],
    biases: tuple[ArrayLike | None, ...],
    masks: tuple[ArrayLike | None, ...],
    num_heads: int,
    is_causal: bool,
) -> tuple[list[Array], list[Array], Mask | None, Mask, Array | None, np.dtype[np.floating]]:
    """检查；返回 `dy`（反向才有）、十一个数组、掩码、因果与填充合成的掩码、随机失活、结果的类型。"""
    boolean("is_causal", is_causal)
    heads = integer("num_heads", num_heads, minimum=1)
    names = [f"{name}_proj_{kind}" for kind in ("weight", "bias") for name in ("q", "k", "v", "out")]
    required = dict(zip(("query", "key", "value", *names[:4]), (*inputs, *weights), strict=True))
    required |= dict(zip(("dy",), upstream, strict=False))
    optional = dict(zip(names[4:], biases, strict=True))
    floats, mask, drop, dtype = prepare(masks[0], masks[2], optional, **required)
    arrays, g = floats[:7] + floats[7 + len(upstream) :], floats[7 : 7 + len(upstream)]
    q, k, v, wq, wk, wv, wo = floats[:7]
    for name, x in (("query", q), ("key", k), ("value", v)):
        if x.ndim < 2 or x.shape[:-2] != q.shape[:-2]:
            expected = "至少二维、批量轴相同的数组"
            raise ValueError(problem(name, expected, f"形状 {x.shape}", "形状应是 (..., 长度, 特征)"))
    if v.shape[-2] != k.shape[-2]:
        raise ValueError(problem("value", f"{k.shape[-2]} 个值", f"{v.shape[-2]} 个", "一个键配一个值"))
    for name, w, features in zip(names, arrays[3:7], (q, k, v, None), strict=False):
        if w.ndim != 2 or w.shape[0] == 0 or (features is not None and w.shape[0] % heads):
            expected = f"二维、行数是 {shown(heads)} 的倍数的数组" if features is not None else "二维的数组"
            raise ValueError(problem(name, expected, f"形状 {w.shape}", "行数是投影后的特征数，请检查"))
    for name, w, shape in (
        ("q_proj_weight", wq, (wq.shape[0], q.shape[-1])),
        ("k_proj_weight", wk, (wq.shape[0], k.shape[-1])),
        ("v_proj_weight", wv, (wv.shape[0], v.shape[-1])),
        ("out_proj_weight", wo, (wo.shape[0], wv.shape[0])),
    ):
        has_shape(name, w, shape, like="(输出, 输入)")
    for name, b, w in zip(names[4:], arrays[7:], arrays[3:7], strict=True):
        if b is not None:
            has_shape(name, b, w.shape[:1], like="(输出,)")
    shape = (*q.shape[:-2], heads, q.shape[-2], k.shape[-2])
    check_spread("attn_mask", mask, shape)
    check_spread("dropout_mask", drop, shape)
    keep = causal(*shape[-2:]) if is_causal else np.ones((1, 1), bool)
    if masks[1] is not None:
        keep = keep & ~_padding(masks[1], (*q.shape[:-2], k.shape[-2]))[..., None, None, :]
    return g, arrays, mask, keep, drop, dtype


def _padding(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    array = as_array(mask)
    if array.dtype != bool:
        remedy = "True 是填充；相加的掩码请用 `attn_mask`"
        raise TypeError(problem("key_padding_mask", "布尔数组", f"{array.dtype} 的数组", remedy))
    has_shape("key_padding_mask", array, shape, like="键的批量与个数")
    return array
