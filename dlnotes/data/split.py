r"""切成训练集与测试集，按训练集标准化。"""

from math import ceil
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import problem, real
from dlnotes._random import generator
from dlnotes.nn._arrays import Array, as_floats, result

__all__ = ["standardize", "train_test_split"]


def train_test_split(
    x: ArrayLike,
    y: ArrayLike,
    rng: int | Generator,
    *,
    test_size: float = 0.25,
    stratify: ArrayLike | None = None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    r"""随机地切成训练集与测试集。

    测试集有 $m=\lceil\text{test\_size}\cdot N\rceil$ 个。分层（`stratify`）时第 $k$ 类应有 $q_k=m\,n_k/N$
    个：先取整数部分，余下的名额给小数部分最大的类（最大余额法，一样大时类别小的先得），所以与 $q_k$ 相差不到
    1。

    Args:
        x: 形状 `(N, ...)`，任意类型。
        y: 形状 `(N, ...)`，任意类型。
        rng: 种子或生成器。
        test_size: 测试集占的比例，大于 0、小于 1。
        stratify: 形状 `(N,)` 的类别，一般就是 `y`；不给就不分层。

    Returns:
        `(x_train, x_test, y_train, y_test)`，次序同 scikit-learn；都打乱过，是新的数组。

    Raises:
        TypeError: `test_size` 不是实数，或 `rng` 不是种子。
        ValueError: 样本数对不上，比例超出范围或使训练集为空，或分层时某一类不足两个。

    References:
        scikit-learn `sklearn.model_selection.train_test_split`（同样的大小与返回次序）。

    Examples:
        >>> parts = train_test_split(np.arange(8), [0, 0, 0, 0, 0, 0, 1, 1], 0, test_size=0.5)
        >>> [part.shape for part in parts]
        [(4,), (4,), (4,), (4,)]
        >>> y = np.array([0] * 6 + [1] * 2)
        >>> sorted(train_test_split(y, y, 0, test_size=0.5, stratify=y)[1].tolist())
        [0, 0, 0, 1]
    """
    features, targets = np.asarray(x), np.asarray(y)
    if not features.ndim or not targets.ndim or len(features) != len(targets):
        expected, got = f"与 `x`（形状 {features.shape}）样本数相同的数组", f"形状 {targets.shape}"
        raise ValueError(problem("y", expected, got, "第 0 轴是样本，请检查形状"))
    share = real("test_size", test_size, above=0)
    count = len(features)
    size = ceil(round(share * count, 9))  # 0.07 * 100 的舍入误差不该多出一个样本
    if not size < count:
        remedy = f"请改小：{count} 个样本，测试集会有 {size} 个，训练集是空的"
        raise ValueError(problem("test_size", "大于 0、小于 1 的比例", repr(test_size), remedy))
    order = generator(rng).permutation(count)
    if stratify is not None:
        labels = np.asarray(stratify)
        if labels.shape != (count,):
            expected = f"形状 ({count},) 的类别"
            raise ValueError(problem("stratify", expected, f"形状 {labels.shape}", "一般就是 `y`"))
        order = order[_stratified(labels[order], size)]
    test, train = order[:size], order[size:]
    return features[train], features[test], targets[train], targets[test]


def standardize(x: ArrayLike, *, reference: ArrayLike | None = None) -> Array:
    r"""减均值、除以标准差，逐列。

    $$z_{nd}=\frac{x_{nd}-\mu_d}{\sigma_d},\qquad\sigma_d^2=\frac1N\sum_n(x_{nd}-\mu_d)^2$$

    测试集要用训练集的 $\mu$、$\sigma$：`standardize(x_test, reference=x_train)`，否则测试集的信息漏进了预处
    理。没有变化的列不除（与 scikit-learn 的 `StandardScaler` 相同），在 `reference` 上得 0。

    Args:
        x: 形状 `(N, ...)`。
        reference: 形状 `(M, ...)`，均值与标准差由它算；不给就是 `x` 自己。

    Returns:
        与 `x` 同形。

    Raises:
        TypeError: 元素不是实数。
        ValueError: `reference` 是空的，含 `nan` 或无穷大，或除第 0 轴外的形状与 `x` 不同。

    References:
        Hastie, Tibshirani & Friedman (2009), *The Elements of Statistical Learning*, 2nd ed.，§11.5.3。

    Examples:
        >>> standardize([[1.0, 5.0], [3.0, 5.0]])
        array([[-1.,  0.],
               [ 1.,  0.]])
        >>> standardize([[5.0, 6.0]], reference=[[1.0, 5.0], [3.0, 5.0]])
        array([[3., 1.]])
    """
    (values, basis), dtype = as_floats(x=x, optional={"reference": reference})
    if basis is None:
        basis = values
    if not basis.ndim or not len(basis) or basis.shape[1:] != values.shape[1:] or not values.ndim:
        expected = f"形状 (M, …) 的非空数组，后面的轴与 `x`（{values.shape}）相同"
        raise ValueError(problem("reference", expected, f"形状 {basis.shape}", "请检查形状"))
    if not np.isfinite(basis).all():
        raise ValueError(problem("reference", "有限的数", "NaN 或无穷大", "请先补上或去掉缺失的值"))
    wide = basis.astype(np.float64)
    mean, spread = wide.mean(0), wide.std(0)
    same = (wide == wide[0]).all(0)  # 不看标准差是不是 0：均值的舍入会留下 1e-17
    return result((values - np.where(same, wide[0], mean)) / np.where(same, 1, spread), dtype)


def _stratified(labels: NDArray[Any], size: int) -> NDArray[np.int64]:
    """已经打乱的 `labels` 的一个次序，前 `size` 个是测试集：每类取它的前几个，两边仍是打乱的次序。"""
    _, kinds, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        remedy = "一个样本分不到两边，请合并太小的类"
        raise ValueError(problem("stratify", "每类至少两个样本", f"最少的一类 {counts.min()} 个", remedy))
    quota, rest = np.divmod(size * counts, len(labels))  # 整数：没有舍入
    ahead = np.argsort(-rest, kind="stable")[: size - quota.sum()]
    quota[ahead] += 1
    rank = np.empty(len(labels), np.int64)  # 在自己那一类里排第几
    for kind in range(len(counts)):
        inside = np.flatnonzero(kinds == kind)
        rank[inside] = np.arange(len(inside))
    return np.argsort(rank >= quota[kinds], kind="stable")
