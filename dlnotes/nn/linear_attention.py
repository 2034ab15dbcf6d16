r"""线性注意力：用特征映射的内积代替 softmax，计算量与长度成正比。

形状里的字母：`L` 查询的个数，`S` 键的个数，`D` 查询与键的特征数，`M` 值的特征数；
前面的 `...` 是任意几个批量轴，各数组必须相同。
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result
from dlnotes.nn._masks import transposed

__all__ = ["linear_attention", "linear_attention_backward"]


@quiet
def linear_attention(query: ArrayLike, key: ArrayLike, value: ArrayLike, *, is_causal: bool = False) -> Array:
    r"""线性注意力，特征映射是 $\phi(x)=\mathrm{elu}(x)+1$。

    $$y_i=\frac{\phi(q_i)^\top\sum_j\phi(k_j)v_j^\top}{\phi(q_i)^\top\sum_j\phi(k_j)}$$

    $j$ 取遍所有的键；因果时只取 $j\le i$，两个和都是前缀和。先算括号里的 $D\times M$ 矩阵，计算量是
    $O(LDM)$，不是 $O(L^2)$；因果的前缀和在这里由两两相邻的块合成，多一个 $\log L$。$\phi$ 取对数，再提出各自
    最大的倍数，商不变，$\phi$ 小到下溢也不要紧。

    $\phi>0$，所以输出仍是各个值的加权平均；但没有 softmax 的缩放与取指数，与
    [`scaled_dot_product_attention`][dlnotes.nn.attention.scaled_dot_product_attention] 的结果不同。

    Args:
        query: 查询，形状 `(..., L, D)`。
        key: 键，形状 `(..., S, D)`。
        value: 值，形状 `(..., S, M)`。
        is_causal: 第 $i$ 个查询只看第 0 到 $i$ 个键；这时 `L` 与 `S` 必须相同。

    Returns:
        形状 `(..., L, M)`。没有可看的键（或看到的 $\phi(k)$ 都恰好是 0，即 $k=-\infty$）的行是 0；原文的程序
        另在分母上加 $10^{-6}$，这里不加。

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
    lq, lk, c = _even(is_causal, _log_phi(q), _log_phi(k), _with_ones(v))
    y = _forward(lq, lk, c, is_causal)[0][..., : q.shape[-2], :]
    return result(y, dtype)


@quiet
def linear_attention_backward(
    dy: ArrayLike, query: ArrayLike, key: ArrayLike, value: ArrayLike, *, is_causal: bool = False
) -> tuple[Array, Array, Array]:
    r"""`linear_attention` 的反向。

    在值后面添一列 1，$c_j=(v_j,1)$，分子 $n$ 与分母 $d$ 就一起是 $Ac$，$A=\phi(Q)\phi(K)^\top$（因果时取下三
    角）。商的反向是 $\bar n=\bar y/d$、$\bar d=-\langle\bar y,y\rangle/d$，合为
    $\bar c_i=(\bar n_i,\bar d_i)$。对 $\log\phi$ 求导，就不必除以可能下溢的 $\phi$：

    $$
    \overline{\log\phi(q_i)}=\phi(q_i)\odot\sum_j\langle\bar c_i,c_j\rangle\,\phi(k_j),\qquad
    \overline{\log\phi(k_j)}=\phi(k_j)\odot\sum_i\langle\bar c_i,c_j\rangle\,\phi(q_i),\qquad
    \bar v_j=\sum_i\bar n_i\,\phi(q_i)^\top\phi(k_j),
    $$

    每个和都先算括号里的小矩阵，与前向同样快；再乘 $(\log\phi)'(x)=1/(1+\max(x,0))$。

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
    lq, lk, c, g = _even(is_causal, _log_phi(q), _log_phi(k), _with_ones(v), g)
    y, bottom, top = _forward(lq, lk, c, is_causal)
    g = np.concatenate([g, -(g * y).sum(axis=-1, keepdims=True)], axis=-1) / bottom
    dlq, dlk, dc = (np.zeros_like(x) for x in (lq, lk, c))
    queries, keys = [lq, top, g, dlq], [lk, c, dlk, dc]
    for (some, scale, upstream, dq), (others, values, dk, dv) in _parts(is_causal, queries, keys):
        a, b = _factors(some, others)
        a = np.exp(a - scale)
        dq += a * (upstream @ (transposed(values) @ b))
        dk += b * (values @ (transposed(upstream) @ a))
        dv += b @ (transposed(a) @ upstream)
    dlq, dlk, dc = dlq[..., : q.shape[-2], :], dlk[..., : k.shape[-2], :], dc[..., : k.shape[-2], :]
    gradients = dlq * _log_slope(q), dlk * _log_slope(k), dc[..., :-1]
    dq, dk, dv = (result(gradient, dtype) for gradient in gradients)
    return dq, dk, dv


def _log_phi(x: Array) -> Array:
    """elu(x)+1 的对数：正的是 log(1+x)，负的就是 x。"""
    return np.where(x > 0, np.log1p(x), x)


def _log_slope(x: Array) -> Array:
    slope: Array = 1 / (1 + np.maximum(x, 0))
    return slope


def _with_ones(v: Array) -> Array:
    return np.concatenate([v, np.ones_like(v, shape=(*v.shape[:-1], 1))], axis=-1)


def _parts(
    is_causal: bool, queries: list[Array], keys: list[Array]
) -> Iterator[tuple[list[Array], list[Array]]]:
    """拆成若干次「这些查询看全部这些键」，给出各数组的视图；每一对可看的恰好出现一次。

    因果时长度是 2 的幂：先各看自己，再让每两个相邻的块里后一块看前一块，块长 1、2、4……，所以是 log₂L + 1 次。
    """
    if not is_causal:
        yield queries, keys
        return
    yield [x[..., np.newaxis, :] for x in queries], [x[..., np.newaxis, :] for x in keys]
    length, size = queries[0].shape[-2], 1
    while size < length:
        before, after = (
            [_halved(x, length, size)[..., half, :, :] for x in side]
            for half, side in ((0, keys), (1, queries))
        )
        yield after, before
        size *= 2


def _halved(x: Array, length: int, size: int) -> Array:
    """长 `size` 的块两两一对；切开一个轴，得到的总是视图。"""
    return x.reshape(*x.shape[:-2], length // (2 * size), 2, size, x.shape[-1])


def _factors(lq: Array, lk: Array) -> tuple[Array, Array]:
    r"""把 $\phi(q_i)_d\phi(k_j)_d$ 写成 $e^{a_{id}}b_{jd}$，$b\le1$，而且每个 $d$ 都有一个 $j$ 使它是 1。"""
    largest = lk.max(axis=-2, keepdims=True, initial=np.finfo(lk.dtype).min)
    return lq + largest, np.exp(lk - largest)


def _forward(lq: Array, lk: Array, c: Array, is_causal: bool) -> tuple[Array, Array, Array]:
    """输出、分母，和提到外面的倍数的对数。

    各部分的倍数不同，合起来时取最大的；所以分母至少是 1，没有键时才是 0，换成 1。
    """
    least = np.finfo(c.dtype).min
    mixed = np.zeros((*lq.shape[:-1], c.shape[-1]), c.dtype)
    top = np.full((*lq.shape[:-1], 1), least, c.dtype)
    for (q, total, scale), (k, values) in _parts(is_causal, [lq, mixed, top], [lk, c]):
        a, b = _factors(q, k)
        own = a.max(axis=-1, keepdims=True, initial=least)
        new = np.maximum(scale, own)
        total *= np.exp(scale - new)
        total += np.exp(a - new) @ (transposed(b) @ values)
        scale[...] = new
    bottom = np.where(mixed[..., -1:] == 0, 1, mixed[..., -1:])
    return mixed[..., :-1] / bottom, bottom, top


def _even(is_causal: bool, *arrays: Array) -> list[Array]:
    """因果时把长度补到 2 的幂；补的在末尾，真正的查询看不到它们。"""
    if not is_causal:
        return list(arrays)
    length = arrays[0].shape[-2]
    extra = (1 << max(length - 1, 0).bit_length()) - length
    return [np.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, extra), (0, 0)]) for x in arrays]


def _check(q: Array, k: Array, v: Array, is_causal: bool) -> None:
    boolean("is_causal", is_causal)
    if q.ndim < 2:
        raise ValueError(problem("query", "至少二维的数组", f"形状 {q.shape}", "请把每个查询放在最后一轴上"))
    length = q.shape[-2] if is_causal else "S"
    fits = k.ndim == q.ndim and k.shape == (*q.shape[:-2], k.shape[-2], q.shape[-1])
    if not fits or (is_causal and k.shape[-2] != q.shape[-2]):
        expected = f"形状 {(*q.shape[:-2], length, q.shape[-1])} 的数组".replace("'", "")
        raise ValueError(problem("key", expected, f"形状 {k.shape}", "请检查批量轴、长度与特征数"))
    if v.shape[:-1] != k.shape[:-1]:
        expected = f"形状 {(*k.shape[:-1], 'M')} 的数组".replace("'", "")
        raise ValueError(problem("value", expected, f"形状 {v.shape}", "一个键配一个值，请检查各轴"))
