r"""循环网络的一步：简单 RNN 与 LSTM 的单元；GRU 的在 `gated_recurrent_cell`。

权重的摆法与 `torch.nn.LSTMCell` 等相同，按门叠成一个矩阵：LSTM 的次序是 i、f、g、o，GRU 是 r、z、n（Keras、
ONNX 的次序不同，搬权重时要换）。`D` 是输入的特征数，`H` 是隐状态的大小。
"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import choice
from dlnotes.nn._arrays import Array, quiet, result
from dlnotes.nn._recurrent import Weights, checked, linear, linear_backward, results
from dlnotes.nn.activations._elementwise import logistic

__all__ = [
    "Weights",
    "lstm_cell",
    "lstm_cell_backward",
    "rnn_cell",
    "rnn_cell_backward",
]


@quiet
def rnn_cell(
    x: ArrayLike,
    h: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    r"""简单循环单元（Elman 网络）的一步。

    $$h'=\phi(W_{ih}x+b_{ih}+W_{hh}h+b_{hh})$$

    Args:
        x: 输入，形状 `(N, D)`。
        h: 上一步的隐状态，形状 `(N, H)`。
        weight_ih: 形状 `(H, D)`。
        weight_hh: 形状 `(H, H)`。
        bias_ih: 形状 `(H,)`；不给就是 0。
        bias_hh: 形状 `(H,)`；不给就是 0。与 `bias_ih` 只以和出现，分成两个是为了与 PyTorch 一致。
        nonlinearity: $\phi$，`"tanh"` 或 `"relu"`。

    Returns:
        $h'$，形状 `(N, H)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对，或不认识的 `nonlinearity`。

    References:
        Elman (1990), Finding Structure in Time, Cognitive Science 14(2)；Goodfellow, Bengio & Courville
        (2016), *Deep Learning*，式 (10.8)、(10.9)。

    Examples:
        >>> rnn_cell([[1.0]], [[2.0]], [[3.0]], [[-1.0]], nonlinearity="relu").tolist()
        [[1.0]]
    """
    choice("nonlinearity", nonlinearity, ("tanh", "relu"))
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    (x_, h_), w, dtype = checked(1, weights, x=x, h=h)
    a = linear(x_, w.weight_ih, w.bias_ih) + linear(h_, w.weight_hh, w.bias_hh)
    return result(np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0), dtype)


@quiet
def rnn_cell_backward(
    dy: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Array | None, ...]:
    r"""`rnn_cell` 的反向。

    记 $a$ 是 $\phi$ 的自变量。$\bar a=\bar h'\odot\phi'(a)$，$\phi'$ 用输出就能写出：$\tanh$ 是 $1-h'^2$，
    ReLU 是 $[h'>0]$（0 处取 0）。其余是线性层的伴随，$N$ 个样本共用权重所以相加：

    $$\bar x=\bar a\,W_{ih},\quad \bar h=\bar a\,W_{hh},\quad \bar W_{ih}=\bar a^\top x,\quad
    \bar W_{hh}=\bar a^\top h,\quad \bar b_{ih}=\bar b_{hh}=\textstyle\sum_n\bar a_n .$$

    Args:
        dy: $\bar h'$，形状 `(N, H)`。
        x: 同 `rnn_cell`。
        h: 同 `rnn_cell`。
        weight_ih: 同 `rnn_cell`。
        weight_hh: 同 `rnn_cell`。
        bias_ih: 同 `rnn_cell`。
        bias_hh: 同 `rnn_cell`。
        nonlinearity: 同 `rnn_cell`。

    Returns:
        `(dx, dh, dweight_ih, dweight_hh, dbias_ih, dbias_hh)`；没有给的是 None。

    Raises:
        TypeError: 同 `rnn_cell`。
        ValueError: 同 `rnn_cell`，或 `dy` 的形状不对。

    References:
        Goodfellow, Bengio & Courville (2016), *Deep Learning*，§10.2.2。

    Examples:
        >>> options = {"nonlinearity": "relu"}
        >>> dx, dh, *_ = rnn_cell_backward([[1.0]], [[1.0]], [[2.0]], [[3.0]], [[-1.0]], **options)
        >>> dx.tolist(), dh.tolist()
        ([[3.0]], [[-1.0]])
    """
    choice("nonlinearity", nonlinearity, ("tanh", "relu"))
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    (x_, h_, dy_), w, dtype = checked(1, weights, x=x, h=h, dy=dy)
    a = linear(x_, w.weight_ih, w.bias_ih) + linear(h_, w.weight_hh, w.bias_hh)
    if nonlinearity == "tanh":
        y = np.tanh(a)
        da = dy_ * ((1 - y) * (1 + y))  # 不写 1-y²：y 近 ±1 时它先舍入再相减
    else:
        da = np.where(a > 0, dy_, np.where(np.isnan(a), a, 0))
    dx, dw_ih, db_ih = linear_backward(da, x_, w.weight_ih, w.bias_ih)
    dh, dw_hh, db_hh = linear_backward(da, h_, w.weight_hh, w.bias_hh)
    return results(dtype, dx, dh, dw_ih, dw_hh, db_ih, db_hh)


@quiet
def lstm_cell(
    x: ArrayLike,
    h: ArrayLike,
    c: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    peephole: ArrayLike | None = None,
) -> tuple[Array, Array]:
    r"""LSTM 的一步。

    $$
    \begin{aligned}
    (a_i,a_f,a_g,a_o)&=W_{ih}x+b_{ih}+W_{hh}h+b_{hh},\\
    i=\sigma(a_i+p_i\odot c),\quad f&=\sigma(a_f+p_f\odot c),\quad g=\tanh a_g,\\
    c'=f\odot c+i\odot g,\quad o&=\sigma(a_o+p_o\odot c'),\quad h'=o\odot\tanh c'.
    \end{aligned}
    $$

    $c$ 那一路只有逐元素的乘法：$f\approx1$ 时梯度几乎不衰减，这是它对付梯度消失的办法；爆炸仍要靠裁剪。
    $p$ 是窥视孔，不给就没有；$p_o$ 看的是新的 $c'$。遗忘门的偏置由调用者定：常见的做法是让
    `bias_ih` 的第二段为 1（两个偏置相加，别加两次）。

    Args:
        x: 输入，形状 `(N, D)`。
        h: 上一步的隐状态，形状 `(N, H)`。
        c: 上一步的细胞状态，形状 `(N, H)`。
        weight_ih: 形状 `(4*H, D)`，次序 i、f、g、o。
        weight_hh: 形状 `(4*H, H)`。
        bias_ih: 形状 `(4*H,)`；不给就是 0。
        bias_hh: 形状 `(4*H,)`；不给就是 0。
        peephole: $(p_i,p_f,p_o)$，形状 `(3, H)`；不给就没有窥视孔（PyTorch 没有这个选项）。

    Returns:
        `(h', c')`，形状都是 `(N, H)`。

    Raises:
        TypeError: 元素不是实数。
        ValueError: 形状不对。

    References:
        Hochreiter & Schmidhuber (1997), Neural Computation 9(8)（没有遗忘门）；Gers, Schmidhuber & Cummins
        (2000), Neural Computation 12(10)（遗忘门）；Graves (2013), arXiv:1308.0850，式 (7)–(11)（窥视孔）。

    Examples:
        门的偏置很大时全开：$c'=c+g$。

        >>> h, c = lstm_cell([[0.0]], [[0.0]], [[0.5]], [[0.0]] * 4, [[0.0]] * 4, [50.0, 50, 0.25, 50])
        >>> c.round(6).tolist()  # 0.5 + tanh 0.25
        [[0.744919]]
    """
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh, peephole)
    (x_, h_, c_), w, dtype = checked(4, weights, x=x, h=h, c=c)
    _, _, _, o, c_new = _lstm_gates(x_, h_, c_, w)
    return result(o * np.tanh(c_new), dtype), result(c_new, dtype)


@quiet
def lstm_cell_backward(
    dh_new: ArrayLike,
    dc_new: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    c: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    peephole: ArrayLike | None = None,
) -> tuple[Array | None, ...]:
    r"""`lstm_cell` 的反向。

    从后往前。$h'=o\odot\tanh c'$ 先给出 $\bar a_o=\bar h'\odot\tanh c'\odot o(1-o)$；$c'$ 除了自己的
    $\bar c'$，还经过 $h'$ 与 $p_o$ 影响损失：

    $$
    \begin{aligned}
    \tilde c&=\bar c'+\bar h'\odot o\odot(1-\tanh^2c')+p_o\odot\bar a_o,\\
    \bar a_i&=\tilde c\odot g\odot i(1-i),\quad \bar a_f=\tilde c\odot c\odot f(1-f),\quad
    \bar a_g=\tilde c\odot i\odot(1-g^2),\\
    \bar c&=\tilde c\odot f+p_i\odot\bar a_i+p_f\odot\bar a_f .
    \end{aligned}
    $$

    四个 $\bar a$ 接起来过线性层的伴随，与 `rnn_cell_backward` 相同；$\bar p_i=\sum_n\bar a_i\odot c$，
    $\bar p_f$ 同理，$\bar p_o=\sum_n\bar a_o\odot c'$。

    Args:
        dh_new: $\bar h'$，形状 `(N, H)`。
        dc_new: $\bar c'$，形状 `(N, H)`。
        x: 同 `lstm_cell`。
        h: 同 `lstm_cell`。
        c: 同 `lstm_cell`。
        weight_ih: 同 `lstm_cell`。
        weight_hh: 同 `lstm_cell`。
        bias_ih: 同 `lstm_cell`。
        bias_hh: 同 `lstm_cell`。
        peephole: 同 `lstm_cell`。

    Returns:
        `(dx, dh, dc, dweight_ih, dweight_hh, dbias_ih, dbias_hh, dpeephole)`；没有给的是 None。

    Raises:
        TypeError: 同 `lstm_cell`。
        ValueError: 同 `lstm_cell`，或 `dh_new`、`dc_new` 的形状不对。

    References:
        Graves (2013), arXiv:1308.0850，式 (7)–(11)（前向）。

    Examples:
        >>> zero = [[0.0]] * 4
        >>> gradients = lstm_cell_backward([[0.0]], [[1.0]], [[0.0]], [[0.0]], [[2.0]], zero, zero)
        >>> gradients[2].tolist()  # 遗忘门是 σ(0)
        [[0.5]]
    """
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh, peephole)
    (x_, h_, c_, dh, dc), w, dtype = checked(4, weights, x=x, h=h, c=c, dh_new=dh_new, dc_new=dc_new)
    i, f, g, o, c_new = _lstm_gates(x_, h_, c_, w)
    tanh_c = np.tanh(c_new)
    da_o = dh * tanh_c * o * (1 - o)
    total = dc + dh * o * (1 - tanh_c**2)
    if w.peephole is not None:
        total = total + w.peephole[2] * da_o
    da_i, da_f = total * g * i * (1 - i), total * c_ * f * (1 - f)
    dc_old, dpeephole = total * f, None
    if w.peephole is not None:
        dc_old = dc_old + w.peephole[0] * da_i + w.peephole[1] * da_f
        dpeephole = np.stack([(da_i * c_).sum(0), (da_f * c_).sum(0), (da_o * c_new).sum(0)])
    da = np.concatenate([da_i, da_f, total * i * (1 - g**2), da_o], axis=1)
    dx, dw_ih, db_ih = linear_backward(da, x_, w.weight_ih, w.bias_ih)
    dh_old, dw_hh, db_hh = linear_backward(da, h_, w.weight_hh, w.bias_hh)
    return results(dtype, dx, dh_old, dc_old, dw_ih, dw_hh, db_ih, db_hh, dpeephole)


def _lstm_gates(x: Array, h: Array, c: Array, w: Weights) -> tuple[Array, Array, Array, Array, Array]:
    """`i, f, g, o, c'`。"""
    a = linear(x, w.weight_ih, w.bias_ih) + linear(h, w.weight_hh, w.bias_hh)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    p_i, p_f, p_o = (0, 0, 0) if w.peephole is None else w.peephole
    i, f, g = logistic(a_i + p_i * c), logistic(a_f + p_f * c), np.tanh(a_g)
    c_new = f * c + i * g
    return i, f, g, logistic(a_o + p_o * c_new), c_new
