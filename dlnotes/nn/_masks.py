"""各种注意力共用的：检查掩码，把打分变成权重，和它的反向。"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import problem
from dlnotes.nn._arrays import Array, as_array, as_floats

Mask = NDArray[Any]  # 布尔的，或与打分同类型的浮点数


def masked_softmax(scores: Array, *masks: Mask | None) -> Array:
    r"""最后一轴上的 softmax；布尔的 `mask` 为 False 处权重是 0，浮点的加在打分上。

    一行全被遮住时，减去最大值是 $-\infty-(-\infty)$，会得 `nan`；这样的行没有可看的，约定权重都是 0。
    就地写在 `scores` 里：打分是最大的数组，少写几遍就快得多。
    """
    for mask in masks:
        if mask is not None and mask.dtype == bool:
            np.copyto(scores, -np.inf, where=~mask)
        elif mask is not None:
            scores += mask
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    scores -= np.where(np.isneginf(top), 0, top)
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    scores /= np.where(total == 0, 1, total)
    return scores


def softmax_backward(dweights: Array, weights: Array) -> Array:
    r"""$\bar s=p\odot(\bar p-\langle\bar p,p\rangle)$；权重是 0 的地方（被遮住的）恰好得 0。"""
    product: Array = dweights * weights
    product -= weights * product.sum(axis=-1, keepdims=True)
    return product


def prepare(
    attn_mask: ArrayLike | None,
    dropout_mask: ArrayLike | None,
    optional: Mapping[str, ArrayLike | None] | None = None,
    **arrays: ArrayLike,
) -> tuple[list[Any], Mask | None, Array | None, np.dtype[Any]]:
    """各数组变成同一种浮点数，掩码分清是布尔的还是相加的；`dropout_mask` 不影响结果的类型。"""
    mask = None if attn_mask is None else as_array(attn_mask)
    if mask is not None and mask.dtype.kind not in "bf":
        remedy = "布尔的 True 表示可以看，浮点的加在打分上；请用 astype 写明是哪一种"
        raise TypeError(problem("attn_mask", "布尔或浮点数组", f"{mask.dtype} 的数组", remedy))
    allowed, added = (mask, None) if mask is None or mask.dtype == bool else (None, mask)
    (*floats, added), dtype = as_floats(**arrays, optional={**(optional or {}), "attn_mask": added})
    (drop,), _ = as_floats(optional={"dropout_mask": dropout_mask})
    if drop is not None:
        drop = drop.astype(np.float32 if dtype == np.float16 else dtype, copy=False)
    return floats, allowed if added is None else added, drop, dtype


def check_spread(name: str, array: Mask | None, shape: tuple[int, ...]) -> None:
    """检查掩码能广播成打分的形状，而不会反过来把打分撑大。"""
    if array is None:
        return
    pairs = zip(array.shape[::-1], shape[::-1], strict=False)
    if array.ndim > len(shape) or not all(own in (1, full) for own, full in pairs):
        expected = f"能广播成打分的形状 {shape} 的数组"
        raise ValueError(problem(name, expected, f"形状 {array.shape}", "请检查掩码的各轴"))


def dropped(weights: Array, dropout_mask: Array | None) -> Array:
    """乘上随机失活的倍数；没有就原样。"""
    return weights if dropout_mask is None else weights * dropout_mask


def mask_gradient(dscores: Array, mask: Mask | None) -> Array | None:
    """相加的掩码的梯度：广播的反面是在广播出来的轴上求和。布尔的掩码没有梯度。"""
    if mask is None or mask.dtype == bool:
        return None
    extra = dscores.ndim - mask.ndim
    summed = dscores.sum(axis=tuple(range(extra)))
    stretched = tuple(axis for axis in range(mask.ndim) if mask.shape[axis] == 1)
    total: Array = summed.sum(axis=stretched, keepdims=True)
    return total


def causal(length: int, keys: int, start: int = 0) -> Mask:
    """因果掩码：第 i 个查询看第 0 到 i 个键，从左上角对齐；`start` 是第一行的序号。"""
    return np.tri(length, keys, start, dtype=bool)


def transposed(x: Array) -> Array:
    """交换最后两轴。"""
    return np.swapaxes(x, -1, -2)
