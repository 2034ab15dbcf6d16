r"""查表：词嵌入，和与它等价的独热编码。"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import integer, problem, shown
from dlnotes.nn._arrays import Array, as_floats, has_shape, integers, quiet, result

__all__ = ["embedding", "embedding_backward", "one_hot"]


def embedding(x: ArrayLike, weight: ArrayLike, *, padding_idx: int | None = None) -> Array:
    r"""词嵌入：按下标取出表里的行。

    $$Y_{\dots}=W_{x_{\dots}}$$

    与 `one_hot(x) @ weight` 相同，但不必真的乘。`padding_idx` 不改变前向，那一行照样取出；
    它只使那一行没有梯度。

    Args:
        x: 整数的下标，任意形状 `(...)`，0 到 `K - 1`；负数不从末尾数起。
        weight: 表，形状 `(K, D)`。
        padding_idx: 填充用的下标；负数从末尾数起，同 PyTorch。

    Returns:
        形状 `(..., D)`。

    Raises:
        TypeError: 下标不是整数，表不是实数。
        ValueError: 下标或 `padding_idx` 越界，表不是二维。

    References:
        Bengio et al. (2003), JMLR 3, §2：表 $C$ 的第 $i$ 行是词 $i$ 的特征向量。

    Examples:
        >>> embedding([2, 0], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        array([[5., 6.],
               [1., 2.]])
    """
    (table,), dtype = as_floats(weight=weight)
    index, _ = _indices(x, table, padding_idx)
    return result(table[index], dtype)


@quiet
def embedding_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weight: ArrayLike,
    *,
    padding_idx: int | None = None,
) -> Array:
    r"""`embedding` 的反向：把梯度加回取出它的那一行。

    取行是线性的，$Y=PW$，$P$ 是独热的矩阵；伴随是 $\bar W=P^\top\bar Y$，
    即 $\bar W_k=\sum_{x=k}\bar Y$。同一行取了几次就加几次，所以用 `np.add.at`；
    `dw[x] += dy` 只加最后一次。

    Args:
        dy: 损失对输出的梯度，形状 `(..., D)`。
        x: 同前向；是整数，没有梯度。
        weight: 同前向；梯度与它的值无关，只用它的形状。
        padding_idx: 同前向；这一行的梯度是 0。

    Returns:
        `weight` 的梯度，形状 `(K, D)`；没有取到的行是 0。

    Raises:
        TypeError: 同前向。
        ValueError: 同前向，或 `dy` 的形状与输出不同。

    References:
        同前向。

    Examples:
        >>> import numpy as np
        >>> embedding_backward(np.ones((3, 1)), [2, 0, 2], np.zeros((3, 1)))
        array([[1.],
               [0.],
               [2.]])
    """
    (g, table), dtype = as_floats(dy=dy, weight=weight)
    index, padding = _indices(x, table, padding_idx)
    has_shape("dy", g, (*index.shape, table.shape[1]), like="输出")
    dweight = np.zeros_like(table)
    np.add.at(dweight, index, g)
    if padding is not None:
        dweight[padding] = 0
    return result(dweight, dtype)


def one_hot(x: ArrayLike, num_classes: int = -1) -> NDArray[np.int64]:
    r"""独热编码：第 $k$ 类变成第 $k$ 个分量是 1、其余是 0 的向量。整数没有梯度，所以没有反向。

    Args:
        x: 整数的类别，任意形状 `(...)`，不小于 0。
        num_classes: 类别数 `K`；-1 表示最大的类别加 1。

    Returns:
        形状 `(..., K)`，int64。

    Raises:
        TypeError: 类别不是整数。
        ValueError: 类别越界，`num_classes` 不是 -1 或正数，或没有元素而要推断类别数。

    References:
        Bishop (2006), *Pattern Recognition and Machine Learning*, 第 4 章开头，1-of-K 编码。

    Examples:
        >>> one_hot([2, 0])
        array([[0, 0, 1],
               [1, 0, 0]])
    """
    index = integers("x", x)
    classes = integer("num_classes", num_classes, minimum=-1)
    if classes == 0 or (classes == -1 and index.size == 0):
        expected = "-1 或正数" if classes == 0 else "正数（没有元素，推断不出类别数）"
        raise ValueError(problem("num_classes", expected, shown(num_classes), "请写明有几类"))
    count = max(int(index.max()) + 1, 1) if classes == -1 else classes
    _in_range(index, count)
    hot: NDArray[np.bool_] = index[..., None] == np.arange(count)
    return hot.astype(np.int64)


def _indices(index: ArrayLike, table: Array, padding_idx: int | None) -> tuple[NDArray[np.int64], int | None]:
    if table.ndim != 2:
        raise ValueError(problem("weight", "形状 (K, D) 的表", f"形状 {table.shape}", "请改成二维"))
    rows = table.shape[0]
    checked = integers("x", index)
    _in_range(checked, rows)
    if padding_idx is None:
        return checked, None
    padding = integer("padding_idx", padding_idx, minimum=None)
    if not -rows <= padding < rows:
        expected = f"{-rows} 到 {rows - 1} 的整数" if rows else "None（表里没有行）"
        raise ValueError(problem("padding_idx", expected, shown(padding_idx), "请改成表里有的行，或 None"))
    return checked, padding


def _in_range(index: NDArray[np.int64], count: int) -> None:
    """负的下标 numpy 会悄悄地从末尾数起，所以自己查。"""
    wrong = (index < 0) | (index >= count)
    if wrong.any():
        got = f"其中有 {index[wrong].flat[0]}"
        expected = f"0 到 {count - 1} 的整数" if count else "空的数组（表里没有行）"
        raise ValueError(problem("x", expected, got, "请检查下标与行数（类别数）"))
