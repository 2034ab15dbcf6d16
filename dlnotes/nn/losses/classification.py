r"""分类的损失：交叉熵、负对数似然、KL 散度。

类别轴是第 1 轴，一维的 `x` 是第 0 轴（没有批量）：`x` 的形状是 `(N, K, ...)` 或 `(K,)`。
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean, choice, integer, problem, real
from dlnotes.nn._arrays import Array, as_array, as_floats, has_shape, integers, quiet, result, scaled
from dlnotes.nn.losses._reduce import REDUCTIONS, reduce, spread, times, within
from dlnotes.nn.softmax import log_softmax, log_softmax_backward

_KL = (*REDUCTIONS, "batchmean")


@quiet
def cross_entropy(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    r"""交叉熵，从 logits 直接算。

    $$\ell=-\sum_kw_k\,q_k\log p_k,\qquad p=\operatorname{softmax}(x),\qquad
    q=(1-\varepsilon)\,t+\varepsilon/K$$

    $t$ 是目标的 one-hot，或目标本身（给概率时）；$\varepsilon$ 是 `label_smoothing`。没有权重、不平滑时，它
    等于 $\mathrm{KL}(t\|p)+H(t)$。

    `mean` 的除数（与 PyTorch 相同）：目标是类别时，除以没有忽略的样本的 $w_t$ 之和，不是样本数；目标是概率
    时，除以样本数，不论权重。

    Args:
        x: logits，形状 `(N, K, ...)` 或 `(K,)`。
        target: 类别，整数，形状 `(N, ...)` 或 `()`；或概率，浮点数，与 `x` 同形。
        weight: 各类的权重 $w$，形状 `(K,)`；不给就都是 1。
        ignore_index: 目标等于它的样本不计；只用于类别。
        label_smoothing: $\varepsilon$，在 0 与 1 之间。
        reduction: 归约。

    Returns:
        一个数；`none` 时形状 `(N, ...)`。

    Raises:
        ValueError: 形状不合，类别越界，选项不合法。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.2.2.3；标签平滑见 Szegedy et al. (2016),
        CVPR, arXiv:1512.00567，§7。

    Examples:
        >>> float(cross_entropy([[0.0, 0.0]], [1]).round(4))  # log 2
        0.6931
        >>> float(cross_entropy([[1000.0, 0.0]], [[0.5, 0.5]]))
        500.0
    """
    values, q, count, dtype = _prepare(x, target, weight, ignore_index, label_smoothing)
    axis = _axis(values)
    loss = -times(q, log_softmax(values, axis=axis)).sum(axis=axis)
    return result(reduce(loss, reduction, count), dtype)


@quiet
def cross_entropy_backward(
    dy: ArrayLike,
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    r"""`cross_entropy` 的反向，对 logits 的梯度。

    $\bar{\log p}=-\bar y\,w\odot q$，再经过 `log_softmax` 的反向：$\bar x=\bar y\,(s\,p-w\odot q)$，
    $s=\sum_kw_kq_k$。没有权重时就是 $\bar y\,(p-q)$。

    Examples:
        >>> cross_entropy_backward(1.0, [[0.0, 0.0]], [1])
        array([[ 0.5, -0.5]])
    """
    values, q, count, dtype = _prepare(x, target, weight, ignore_index, label_smoothing)
    axis = _axis(values)
    upstream = _spread(dy, values, axis, reduction, count)
    return result(log_softmax_backward(-times(q, upstream), values, axis=axis), _widest(dy, dtype))


@quiet
def nll_loss(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    r"""负对数似然：$\ell=-w_t\,x_t$，`x` 已经是对数概率。

    先取 `log_softmax` 再用它，就是 `cross_entropy`；`mean` 的除数相同，是 $w_t$ 之和。函数不检查 `x` 是不是
    对数概率。

    Args:
        x: 对数概率，形状 `(N, K, ...)` 或 `(K,)`。
        target: 类别，整数，形状 `(N, ...)` 或 `()`。
        weight: 各类的权重，形状 `(K,)`。
        ignore_index: 目标等于它的样本不计。
        reduction: 归约。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §5.5，式 (5.59)。

    Examples:
        >>> float(nll_loss([[-1.0, -3.0], [-2.0, -5.0]], [0, 1], [1.0, 3.0]))  # (1 + 15) / (1 + 3)
        4.0
    """
    values, q, count, dtype = _prepare(x, integers("target", target), weight, ignore_index, 0.0)
    return result(reduce(-times(q, values).sum(axis=_axis(values)), reduction, count), dtype)


@quiet
def nll_loss_backward(
    dy: ArrayLike,
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    r"""`nll_loss` 的反向：目标那一类是 $-w_t\,\bar y$，其余是 0（取下标的伴随是放回原处）。

    Examples:
        >>> nll_loss_backward(1.0, [[-1.0, -3.0]], [1])
        array([[-0., -1.]])
    """
    values, q, count, dtype = _prepare(x, integers("target", target), weight, ignore_index, 0.0)
    upstream = _spread(dy, values, _axis(values), reduction, count)
    return result(-times(q, upstream), _widest(dy, dtype))  # 全部忽略时 `upstream` 是 ∞，梯度仍是 0


@quiet
def kl_div(x: ArrayLike, target: ArrayLike, *, reduction: str = "mean", log_target: bool = False) -> Array:
    r"""KL 散度的各项：$\ell=t(\log t-x)$，`x` 是 $\log q$。

    次序容易弄反：它算的是 $\mathrm{KL}(t\|q)$。按定义，散度是对类别求和、对样本平均，即 `"batchmean"`；默认的
    `"mean"` 连类别也平均了，小 $K$ 倍。$t=0$ 的项是 0，即使 $x=-\infty$。

    Args:
        x: 对数概率，任意形状；`batchmean` 时第 0 轴是批量。
        target: 概率（`log_target=True` 时是对数概率），与 `x` 同形。
        reduction: `none`、`mean`、`sum`，或 `batchmean`（总和除以第 0 轴的长度）。
        log_target: `target` 是不是对数。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*, §3.13，式 (3.50)。

    Examples:
        >>> float(kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]], reduction="batchmean").round(4))  # log 2
        0.6931
    """
    values, p, log_p, dtype = _divergence(x, target, reduction, log_target)
    # 分开乘，免得 -∞ 减 -∞；t 是 0 时两项都取 0
    terms = scaled(p, log_p) - scaled(p, values)
    return result(reduce(terms, reduction, _kl_count(values, reduction), choices=_KL), dtype)


@quiet
def kl_div_backward(
    dy: ArrayLike, x: ArrayLike, target: ArrayLike, *, reduction: str = "mean", log_target: bool = False
) -> Array:
    r"""`kl_div` 的反向，对 `x` 的梯度：$-t\,\bar y$，因为 $x$ 只以 $-tx$ 出现。

    Examples:
        >>> kl_div_backward(1.0, [-1.0, -1.0], [0.25, 0.75], reduction="sum")
        array([-0.25, -0.75])
    """
    values, p, _, dtype = _divergence(x, target, reduction, log_target)
    (upstream,), _ = as_floats(dy=dy)
    spread_out = spread(upstream, values.shape, reduction, _kl_count(values, reduction), choices=_KL)
    return result(-scaled(p, spread_out), _widest(dy, dtype))


def _prepare(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None, ignore_index: int, smoothing: float
) -> tuple[Array, Array, float, np.dtype[Any]]:
    """返回 `x`、乘好权重的 `q`（与 `x` 同形）、`mean` 的除数、结果的类型。"""
    (values, weights), dtype = as_floats(x=x, optional={"weight": weight})
    axis = _axis(values)
    classes = values.shape[axis]
    real("label_smoothing", smoothing, minimum=0, maximum=1)
    ignored = integer("ignore_index", ignore_index, minimum=None)
    scale = np.ones(classes, values.dtype) if weights is None else weights
    has_shape("weight", scale, (classes,), like="类别数")
    column = scale.reshape(-1, *(1,) * (values.ndim - 1 - axis))
    labels = as_array(target)
    # 空的列表也是浮点数组，那时由形状分辨
    if labels.dtype.kind == "f" and (labels.size or labels.shape == values.shape):
        (q,), _ = as_floats(target=target)
        has_shape("target", q, values.shape, like="`x`")
        smooth = (1 - smoothing) * q.astype(values.dtype) + smoothing / max(classes, 1)
        return values, scaled(smooth, column), values.size / max(classes, 1), dtype
    labels = integers("target", target)
    has_shape("target", labels, values.shape[:axis] + values.shape[axis + 1 :], like="`x` 去掉类别轴")
    kept = labels != ignored
    if ((labels < 0) | (labels >= classes))[kept].any():
        expected = f"0 到 {classes - 1} 的类别" if classes else "全部忽略的类别（`x` 里没有类别）"
        remedy = f"不计的样本请用 ignore_index = {ignored}"
        raise ValueError(problem("target", expected, "界外的类别", remedy))
    one_hot = np.arange(classes).reshape(column.shape) == np.expand_dims(labels, axis)
    q = ((1 - smoothing) * one_hot + smoothing / max(classes, 1)) * np.expand_dims(kept, axis)
    return values, scaled(q.astype(values.dtype), column), float(scale[labels[kept]].sum()), dtype


def _axis(x: Array) -> int:
    if x.ndim == 0:
        raise ValueError(problem("x", "至少一维的数组", "一个数", "一维的是各类的得分，多维的第 1 轴是类别"))
    return min(x.ndim - 1, 1)


def _spread(dy: ArrayLike, x: Array, axis: int, reduction: str, count: float) -> Array:
    (upstream, _), _ = as_floats(dy=dy, x=x)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    return np.expand_dims(spread(upstream, shape, reduction, count), axis)


def _widest(dy: ArrayLike, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return as_floats(dy=dy, x=np.empty(0, dtype))[1]


def _divergence(
    x: ArrayLike, target: ArrayLike, reduction: str, log_target: bool
) -> tuple[Array, Array, Array, np.dtype[Any]]:
    boolean("log_target", log_target)
    choice("reduction", reduction, _KL)
    (values, truth), dtype = as_floats(x=x, target=target)
    has_shape("target", truth, values.shape, like="`x`")
    if log_target:
        return values, np.exp(truth), truth, dtype
    within("target", truth, 0, np.inf)
    return values, truth, np.log(truth), dtype  # log 0 = -∞，乘 0 的那一项取 0


def _kl_count(x: Array, reduction: str) -> float:
    if reduction != "batchmean":
        return x.size
    if x.ndim == 0:
        raise ValueError(problem("x", "至少一维的数组", "一个数", "batchmean 要除以第 0 轴的长度"))
    return len(x)
