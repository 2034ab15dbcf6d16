r"""随机失活：训练时随机去掉一部分，测试时都留下。

`p` 一律是**去掉**的概率，与 PyTorch 相同。论文与 cs231n 的 `p` 是留下的概率，照抄公式时最容易弄反。

随机只在 `dropout_mask` 里：它给出「留下哪些」，前向与反向传同一份，所以两边都是确定的函数，可以检查梯度。
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import boolean, choice, problem, real
from dlnotes.nn._arrays import Array, as_floats, booleans, generator, has_shape, quiet, result, sizes
from dlnotes.nn.activations.rectifiers import SELU_ALPHA, SELU_SCALE

Mask = NDArray[np.bool_]
_REMEDY = "请用 dropout_mask，或写明 mask != 0"


def dropout_mask(shape: int | tuple[int, ...], rng: Generator, *, p: float = 0.5) -> Mask:
    r"""随机的掩码：`True` 是留下，各元素独立，概率 $1-p$。

    Args:
        shape: 掩码的形状；`drop_path` 用 `N`，整通道去掉（Dropout2d）用 `(N, C, 1, 1)` 再广播。
        rng: 随机数生成器。
        p: 去掉的概率，在 0 与 1 之间；0 全留，1 全去。

    References:
        Srivastava et al. (2014), Dropout, JMLR 15，§4（那里的 $p$ 是留下的概率）。

    Examples:
        >>> dropout_mask(4, np.random.default_rng(0), p=0.0)
        array([ True,  True,  True,  True])
    """
    _probability(p)
    generator("rng", rng)
    return np.asarray(rng.random(sizes("shape", shape)) >= p)  # random() 在 [0, 1)：p = 1 时没有一个不小于它


@quiet
def dropout(
    x: ArrayLike, mask: ArrayLike, *, p: float = 0.5, training: bool = True, scale_at: str = "training"
) -> Array:
    r"""随机失活。

    $$y=\frac{m\odot x}{1-p}$$

    除以 $1-p$ 使 $\mathbb E[y]=x$，测试时就什么也不必做（反向失活，默认）。`scale_at="test"` 是论文原来的
    做法：训练时不除，测试时乘以留下的概率 $1-p$（不是乘以 $p$）。两种做法的输出只差一个常数倍。

    Args:
        x: 任意形状。
        mask: 布尔，`True` 是留下，来自 `dropout_mask`；能广播成 `x` 的形状。测试时不看它。
        p: 去掉的概率；`p=1` 时输出全 0。
        training: 训练还是测试。
        scale_at: 什么时候缩放，`"training"` 或 `"test"`。

    References:
        Srivastava et al. (2014), Dropout, JMLR 15，§4 与 §10（两种缩放）。

    Examples:
        >>> dropout([1.0, 2.0, 3.0], [True, False, True], p=0.5)
        array([2., 0., 6.])
        >>> dropout([1.0, 2.0, 3.0], [True, False, True], p=0.2, training=False, scale_at="test")
        array([0.8, 1.6, 2.4])
    """
    (values,), dtype = as_floats(x=x)
    scale = _scale(values, mask, p, training, scale_at)
    return result(np.where(scale == 0, 0, values) * scale, dtype)


@quiet
def dropout_backward(
    dy: ArrayLike,
    x: ArrayLike,
    mask: ArrayLike,
    *,
    p: float = 0.5,
    training: bool = True,
    scale_at: str = "training",
) -> Array:
    r"""`dropout` 的反向：同一份掩码，同一个系数，因为它是对角的线性映射，伴随就是自己。

    Examples:
        >>> dropout_backward([1.0, 1.0], [5.0, 6.0], [True, False], p=0.5)
        array([2., 0.])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    scale = _scale(values, mask, p, training, scale_at)
    return result(np.where(scale == 0, 0, upstream) * scale, dtype)


def drop_path(x: ArrayLike, mask: ArrayLike, *, p: float = 0.5, training: bool = True) -> Array:
    r"""随机深度：整个样本的这条分支或留下、或去掉。

    $y_n=m_n\,x_n/(1-p)$；接在残差的分支上，去掉就只剩跳连。测试时原样返回。

    Args:
        x: 形状 `(N, ...)`。
        mask: 布尔，形状 `(N,)`，`True` 是留下。
        p: 去掉的概率。
        training: 训练还是测试。

    References:
        Huang et al. (2016), Deep networks with stochastic depth, ECCV, arXiv:1603.09382，§3（那里的
        $p_\ell$ 是留下的概率，并在测试时缩放）。

    Examples:
        >>> drop_path([[1.0, 2.0], [3.0, 4.0]], [False, True], p=0.5)
        array([[0., 0.],
               [6., 8.]])
    """
    (values,), _ = as_floats(x=x)
    return dropout(x, _per_sample(values, mask), p=p, training=training)


def drop_path_backward(
    dy: ArrayLike, x: ArrayLike, mask: ArrayLike, *, p: float = 0.5, training: bool = True
) -> Array:
    r"""`drop_path` 的反向：同一份掩码，同一个系数。

    Examples:
        >>> drop_path_backward([[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [3.0, 4.0]], [False, True], p=0.5)
        array([[0., 0.],
               [2., 2.]])
    """
    (values,), _ = as_floats(x=x)
    return dropout_backward(dy, x, _per_sample(values, mask), p=p, training=training)


@quiet
def alpha_dropout(x: ArrayLike, mask: ArrayLike, *, p: float = 0.5, training: bool = True) -> Array:
    r"""给 SELU 用的随机失活：去掉的换成 SELU 的下界，再线性变换，使均值 0、方差 1 不变。

    $$y=a\,(m\odot x+(1-m)\,\alpha')+b,\qquad \alpha'=-\lambda\alpha$$

    $$a=\bigl((1-p)(1+p\,\alpha'^2)\bigr)^{-1/2},\qquad b=-a\,p\,\alpha'$$

    Args:
        x: 任意形状。
        mask: 布尔，`True` 是留下；能广播成 `x` 的形状。
        p: 去掉的概率；`p=1` 时输出全 0，与 PyTorch 相同。
        training: 训练还是测试；测试时原样返回。

    References:
        Klambauer et al. (2017), Self-normalizing neural networks, NeurIPS, arXiv:1706.02515，
        §2「New dropout technique」（那里的 $q$ 是留下的概率）。

    Examples:
        >>> alpha_dropout([1.0, 1.0], [True, False], p=0.5).round(4)
        array([ 1.6656, -0.7792])
    """
    (values,), dtype = as_floats(x=x)
    keep = _mask(values, mask, p, training)
    if not training:
        return result(values, dtype)
    if p == 1:
        return result(np.zeros_like(values), dtype)
    floor, a = -SELU_SCALE * SELU_ALPHA, _alpha_scale(p)
    return result(a * np.where(keep, values, floor) - a * p * floor, dtype)


@quiet
def alpha_dropout_backward(
    dy: ArrayLike, x: ArrayLike, mask: ArrayLike, *, p: float = 0.5, training: bool = True
) -> Array:
    r"""`alpha_dropout` 的反向：留下的是 $a\,\bar y$，去掉的是 0；常数项没有梯度。

    Examples:
        >>> alpha_dropout_backward([1.0, 1.0], [1.0, 1.0], [True, False], p=0.5).round(4)
        array([0.8864, 0.    ])
    """
    (upstream, values), dtype = as_floats(dy=dy, x=x)
    has_shape("dy", upstream, values.shape, like="输出")
    keep = _mask(values, mask, p, training)
    if not training:
        return result(upstream, dtype)
    return result(np.where(keep, upstream, 0) * (0 if p == 1 else _alpha_scale(p)), dtype)


def _alpha_scale(p: float) -> float:
    return float(((1 - p) * (1 + p * (SELU_SCALE * SELU_ALPHA) ** 2)) ** -0.5)


def _scale(x: Array, mask: ArrayLike, p: float, training: bool, scale_at: str) -> Array:
    """各元素乘以几。去掉的恰是 0，用它屏蔽，免得 0 乘 ∞。"""
    choice("scale_at", scale_at, ("training", "test"))
    keep = _mask(x, mask, p, training)
    if not training:
        return np.full(x.shape, 1 - p if scale_at == "test" else 1, x.dtype)
    factor = 1.0 if scale_at == "test" or p == 1 else 1 / (1 - p)
    return np.where(keep, factor, 0).astype(x.dtype) * (p < 1)


def _mask(x: Array, mask: ArrayLike, p: float, training: bool) -> Mask:
    _probability(p)
    boolean("training", training)
    keep = booleans("mask", mask, _REMEDY)
    try:
        return np.broadcast_to(keep, x.shape)
    except ValueError:
        expected = f"能广播成 {x.shape} 的形状"
        raise ValueError(problem("mask", expected, str(keep.shape), "请检查形状")) from None


def _per_sample(x: Array, mask: ArrayLike) -> Mask:
    keep = booleans("mask", mask, _REMEDY)
    has_shape("mask", keep, x.shape[:1], like="批量")
    return keep.reshape(-1, *(1,) * (x.ndim - 1)) if x.ndim else keep


def _probability(p: float) -> None:
    real("p", p, minimum=0, maximum=1)
