r"""门控循环单元（GRU）的一步，重置门的两种放法；权重的摆法见 `recurrent_cells.Weights`。"""

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import boolean
from dlnotes.nn._arrays import Array, quiet, result
from dlnotes.nn._recurrent import Weights, checked, linear, linear_backward, results
from dlnotes.nn.activations._elementwise import logistic

__all__ = ["gru_cell", "gru_cell_backward"]


@quiet
def gru_cell(
    x: ArrayLike,
    h: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    reset_after: bool = True,
) -> Array:
    r"""GRU 的一步。

    $$
    \begin{aligned}
    r&=\sigma(W_{ir}x+b_{ir}+W_{hr}h+b_{hr}),\qquad z=\sigma(W_{iz}x+b_{iz}+W_{hz}h+b_{hz}),\\
    n&=\begin{cases}
    \tanh\bigl(W_{in}x+b_{in}+r\odot(W_{hn}h+b_{hn})\bigr)&\text{reset\_after}\\
    \tanh\bigl(W_{in}x+b_{in}+W_{hn}(r\odot h)+b_{hn}\bigr)&\text{否则}
    \end{cases}\\
    h'&=(1-z)\odot n+z\odot h .
    \end{aligned}
    $$

    重置门放在矩阵之后（PyTorch、cuDNN、Keras 的默认）可以把三个矩阵乘并成一个；2014 年的论文放在之前。两者不
    等价，权重不能互换。$z=1$ 在这里、在 Cho 等的论文里都是「全留旧的」，Chung 等（arXiv:1412.3555）的 $z$ 正
    好相反。

    Args:
        x: 输入，形状 `(N, D)`。
        h: 上一步的隐状态，形状 `(N, H)`。
        weight_ih: 形状 `(3*H, D)`，次序 r、z、n。
        weight_hh: 形状 `(3*H, H)`。
        bias_ih: 形状 `(3*H,)`；不给就是 0。
        bias_hh: 形状 `(3*H,)`；不给就是 0。`reset_after=True` 时它的第三段也乘 $r$，不能并进 `bias_ih`。
        reset_after: 重置门在矩阵乘之后。

    Returns:
        $h'$，形状 `(N, H)`。

    Raises:
        TypeError: 元素不是实数，`reset_after` 不是布尔。
        ValueError: 形状不对。

    References:
        Cho et al. (2014), arXiv:1406.1078，式 (5)–(8)。

    Examples:
        >>> h = gru_cell([[0.0]], [[0.8]], [[0.0]] * 3, [[0.0]] * 3)  # z = 1/2，n = 0
        >>> h.tolist()
        [[0.4]]
    """
    boolean("reset_after", reset_after)
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    (x_, h_), w, dtype = checked(3, weights, x=x, h=h)
    _, z, n, _ = _gru_gates(x_, h_, w, reset_after)
    return result((1 - z) * n + z * h_, dtype)


@quiet
def gru_cell_backward(
    dy: ArrayLike,
    x: ArrayLike,
    h: ArrayLike,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    *,
    reset_after: bool = True,
) -> tuple[Array | None, ...]:
    r"""`gru_cell` 的反向。

    $$
    \bar z=\bar h'\odot(h-n),\quad \bar n=\bar h'\odot(1-z),\quad \bar a_n=\bar n\odot(1-n^2),\quad
    \bar a_z=\bar z\odot z(1-z),\quad \bar a_r=\bar r\odot r(1-r),
    $$

    $\bar r$ 要看重置门在哪里：

    - 在矩阵之后：记 $q=W_{hn}h+b_{hn}$，$\bar r=\bar a_n\odot q$，$\bar q=\bar a_n\odot r$，再过 $W_{hn}$
      的伴随；
    - 在矩阵之前：$\overline{r\odot h}=\bar a_nW_{hn}$，于是 $\bar r=(\bar a_nW_{hn})\odot h$，$h$ 多得
      $(\bar a_nW_{hn})\odot r$，$\bar W_{hn}=\bar a_n^\top(r\odot h)$。

    $h$ 还有直接的一路 $\bar h'\odot z$，以及经过 $r$、$z$ 的 $\bar a_rW_{hr}+\bar a_zW_{hz}$。

    Args:
        dy: $\bar h'$，形状 `(N, H)`。
        x: 同 `gru_cell`。
        h: 同 `gru_cell`。
        weight_ih: 同 `gru_cell`。
        weight_hh: 同 `gru_cell`。
        bias_ih: 同 `gru_cell`。
        bias_hh: 同 `gru_cell`。
        reset_after: 同 `gru_cell`。

    Returns:
        `(dx, dh, dweight_ih, dweight_hh, dbias_ih, dbias_hh)`；没有给的是 None。

    Raises:
        TypeError: 同 `gru_cell`。
        ValueError: 同 `gru_cell`，或 `dy` 的形状不对。

    References:
        Cho et al. (2014), arXiv:1406.1078，式 (5)–(8)（前向）。

    Examples:
        >>> zero = [[0.0]] * 3
        >>> gru_cell_backward([[1.0]], [[0.0]], [[0.8]], zero, zero)[1].tolist()  # 只剩直接的一路
        [[0.5]]
    """
    boolean("reset_after", reset_after)
    weights = Weights(weight_ih, weight_hh, bias_ih, bias_hh)
    (x_, h_, dy_), w, dtype = checked(3, weights, x=x, h=h, dy=dy)
    r, z, n, inner = _gru_gates(x_, h_, w, reset_after)
    size = h_.shape[1]
    da_n, da_z = dy_ * (1 - z) * (1 - n**2), dy_ * (h_ - n) * z * (1 - z)
    if reset_after:
        da_r = da_n * inner * r * (1 - r)
        dh, dw_hh, db_hh = linear_backward(
            np.concatenate([da_r, da_z, da_n * r], axis=1), h_, w.weight_hh, w.bias_hh
        )
    else:
        reset, dw_n, db_n = linear_backward(da_n, r * h_, w.weight_hh[2 * size :], w.bias_hh)
        da_r = reset * h_ * r * (1 - r)
        gates = np.concatenate([da_r, da_z], axis=1)
        dh, dw_rz, db_rz = linear_backward(gates, h_, w.weight_hh[: 2 * size], w.bias_hh)
        dh = dh + reset * r
        dw_hh = np.concatenate([dw_rz, dw_n])
        db_hh = None if w.bias_hh is None else np.concatenate([db_rz, db_n])
    da = np.concatenate([da_r, da_z, da_n], axis=1)
    dx, dw_ih, db_ih = linear_backward(da, x_, w.weight_ih, w.bias_ih)
    return results(dtype, dx, dh + dy_ * z, dw_ih, dw_hh, db_ih, db_hh)


def _gru_gates(x: Array, h: Array, w: Weights, reset_after: bool) -> tuple[Array, Array, Array, Array]:
    """`r, z, n` 与 $W_{hn}h+b_{hn}$（重置门在前时是 $W_{hn}(r⊙h)+b_{hn}$）。"""
    size = h.shape[1]
    x_r, x_z, x_n = np.split(linear(x, w.weight_ih, w.bias_ih), 3, axis=1)
    h_r, h_z, inner = np.split(linear(h, w.weight_hh, w.bias_hh), 3, axis=1)
    r, z = logistic(x_r + h_r), logistic(x_z + h_z)
    if reset_after:
        return r, z, np.tanh(x_n + r * inner), inner
    bias = None if w.bias_hh is None else w.bias_hh[2 * size :]
    inner = linear(r * h, w.weight_hh[2 * size :], bias)
    return r, z, np.tanh(x_n + inner), inner
