r"""度量学习的损失：相似的靠近，不相似的分开。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, quiet, result, scaled
from dlnotes.nn.losses._reduce import reduce, spread
from dlnotes.nn.losses.classification import cross_entropy, cross_entropy_backward


@quiet
def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Array:
    r"""三元组损失：同类要比异类近至少 `margin`。

    $$\ell=\max\bigl(0,\ m+\lVert a-b+\epsilon\rVert_p-\lVert a-c+\epsilon\rVert_p\bigr)$$

    与 PyTorch 相同：$\epsilon$ 加在差的每个分量上；距离不平方（论文里是平方）。

    Args:
        anchor: 锚 $a$，形状 `(N, D)` 或 `(D,)`。
        positive: 同类 $b$，同形。
        negative: 异类 $c$，同形。
        margin: 间隔 $m$，不为负。
        p: 范数的次数，有限，不小于 1。
        eps: $\epsilon$，不为负。
        reduction: 归约；`mean` 除以样本数。

    Returns:
        一个数；`none` 时形状 `(N,)` 或 `()`。

    References:
        Schroff, Kalenichenko & Philbin (2015), FaceNet, CVPR, arXiv:1503.03832，§3.1，式 (1)–(3)；
        Balntas et al. (2016), BMVC（不平方的写法）。

    Examples:
        >>> float(triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.5]], eps=0.0))
        0.5
    """
    (a, b, c), dtype = as_floats(anchor=anchor, positive=positive, negative=negative)
    _triplet(a, b, c, margin, p, eps)
    gap = margin + _norm(a - b + eps, p) - _norm(a - c + eps, p)
    return result(reduce(np.maximum(gap, 0), reduction, gap.size), dtype)


@quiet
def triplet_margin_loss_backward(
    dy: ArrayLike,
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> tuple[Array, Array, Array]:
    r"""`triplet_margin_loss` 的反向，返回对锚、同类、异类的梯度。

    $$\nabla_u\lVert u\rVert_p=\operatorname{sign}(u)\,\bigl(\lvert u\rvert/\lVert u\rVert_p\bigr)^{p-1}$$

    记 $g_b$、$g_c$ 为它在 $a-b+\epsilon$、$a-c+\epsilon$ 处的值；没有截成 0 时梯度是 $g_b-g_c$、$-g_b$、
    $g_c$，三者之和是 0（平移不变）。$u=0$ 处取 0；恰在折点取不截的一侧，与 PyTorch 相同。

    Examples:
        >>> da, dp, dn = triplet_margin_loss_backward(1.0, [[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]], eps=0.0)
        >>> da, dp, dn
        (array([[-0.6,  0.2]]), array([[0.6, 0.8]]), array([[ 0., -1.]]))
    """
    (upstream, a, b, c), dtype = as_floats(dy=dy, anchor=anchor, positive=positive, negative=negative)
    _triplet(a, b, c, margin, p, eps)
    near, far = a - b + eps, a - c + eps
    gap = margin + _norm(near, p) - _norm(far, p)
    active = scaled(np.where(np.isnan(gap), gap, gap >= 0), spread(upstream, gap.shape, reduction, gap.size))
    pull, push = (scaled(_norm_slope(u, p), active[..., None]) for u in (near, far))
    return result(pull - push, dtype), result(-pull, dtype), result(push, dtype)


@quiet
def contrastive_info_nce(
    x: ArrayLike, y: ArrayLike, *, temperature: float = 0.07, reduction: str = "mean"
) -> Array:
    r"""InfoNCE：在一批里认出自己的那一个。

    $$\ell_i=-\log\frac{e^{x_i\cdot y_i/\tau}}{\sum_je^{x_i\cdot y_j/\tau}}$$

    即 logits 为 $XY^\top/\tau$、目标为对角线的交叉熵；负例是同一批的其他 $y_j$。相似度是内积：要余弦相似度，
    先把两边归一化。只从 $x$ 一侧算；CLIP 把两侧（交换 `x`、`y`）的平均当作损失。

    Args:
        x: 查询，形状 `(N, D)`。
        y: 键，形状 `(N, D)`；第 `i` 行与 `x` 的第 `i` 行是一对。
        temperature: 温度 $\tau$，正数。
        reduction: 归约；`mean` 除以 $N$。

    Returns:
        一个数；`none` 时形状 `(N,)`。取平均时，$\log N-\ell$ 是互信息的一个下界。

    References:
        van den Oord, Li & Vinyals (2018), arXiv:1807.03748，§2.3，式 (4)；He et al. (2020), MoCo, CVPR,
        arXiv:1911.05722，式 (1)。

    Examples:
        >>> float(contrastive_info_nce(np.eye(2), np.eye(2), temperature=1.0).round(4))  # log(1 + 1/e)
        0.3133
    """
    (values, keys), dtype = as_floats(x=x, y=y)
    logits = _similarity(values, keys, temperature)
    return result(cross_entropy(logits, np.arange(len(values)), reduction=reduction), dtype)


@quiet
def contrastive_info_nce_backward(
    dy: ArrayLike, x: ArrayLike, y: ArrayLike, *, temperature: float = 0.07, reduction: str = "mean"
) -> tuple[Array, Array]:
    r"""`contrastive_info_nce` 的反向，返回对 `x` 与 `y` 的梯度。

    设 $S=XY^\top/\tau$，交叉熵的反向给出 $\bar S$，矩阵乘法的伴随给出
    $\bar X=\bar SY/\tau$，$\bar Y=\bar S^\top X/\tau$。

    Examples:
        >>> dx, dy = contrastive_info_nce_backward(1.0, [[1.0]], [[1.0]])  # 没有负例，损失恒为 0
        >>> dx, dy
        (array([[0.]]), array([[0.]]))
    """
    (upstream, values, keys), dtype = as_floats(dy=dy, x=x, y=y)
    logits = _similarity(values, keys, temperature)
    ds = cross_entropy_backward(upstream, logits, np.arange(len(values)), reduction=reduction)
    return result(ds @ keys / temperature, dtype), result(ds.T @ values / temperature, dtype)


def _triplet(a: Array, b: Array, c: Array, margin: float, p: float, eps: float) -> None:
    if a.ndim not in (1, 2):
        raise ValueError(problem("anchor", "形状 (N, D) 或 (D,) 的数组", str(a.shape), "请先改变形状"))
    has_shape("positive", b, a.shape, like="`anchor`")
    has_shape("negative", c, a.shape, like="`anchor`")
    real("margin", margin, minimum=0)
    real("p", p, minimum=1)
    real("eps", eps, minimum=0)


def _norm(u: Array, p: float) -> Array:
    """先除以最大的分量，幂才不会溢出或下溢。"""
    size = np.abs(u)
    top = size.max(axis=-1, keepdims=True, initial=0)
    total = ((size / np.where(top == 0, 1, top)) ** p).sum(axis=-1) ** (1 / p)
    return np.where(np.isposinf(top[..., 0]), np.inf, top[..., 0] * total)


def _norm_slope(u: Array, p: float) -> Array:
    norm = _norm(u, p)[..., None]
    return np.asarray(np.sign(u) * (np.abs(u) / np.where(norm == 0, 1, norm)) ** (p - 1))


def _similarity(x: Array, y: Array, temperature: float) -> Array:
    real("temperature", temperature, above=0)
    if x.ndim != 2:
        raise ValueError(problem("x", "形状 (N, D) 的数组", str(x.shape), "请先改变形状"))
    has_shape("y", y, x.shape, like="`x`")
    return np.asarray(x @ y.T / temperature)
