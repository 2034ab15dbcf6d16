r"""走过整个序列的 GRU；权重、多层、双向与不等长都同 [`recurrent`][dlnotes.nn.recurrent]。"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from dlnotes._check import boolean
from dlnotes.nn._arrays import Array, quiet
from dlnotes.nn._recurrent import Weights
from dlnotes.nn._scan import Cell, Layout, scan, scan_backward
from dlnotes.nn.gated_recurrent_cell import gru_cell, gru_cell_backward

__all__ = ["gru", "gru_backward"]


def gru(
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    *,
    reset_after: bool = True,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array]:
    r"""GRU 走过整个序列；每步见 `gated_recurrent_cell.gru_cell`。

    $$h_t=\mathrm{GRUCell}(x_t,h_{t-1}),\qquad t=1,\dots,L$$

    Args:
        x: 形状 `(L, N, D)`；`batch_first=True` 时 `(N, L, D)`。
        weights: 每层每个方向一份 `Weights`，$G=3$，次序 r、z、n。
        h0: 初始状态，形状 `(K, N, H)`；不给就是 0。
        reset_after: 重置门在矩阵乘之后（PyTorch、cuDNN）；False 是 2014 年的论文。
        bidirectional: 双向。
        batch_first: 批在第 0 轴；只管 `x` 与输出，不管状态。
        lengths: 各序列的长度，形状 `(N,)`；不给就是都满。

    Returns:
        `(y, h_n)`，同 `recurrent.rnn`。

    Raises:
        TypeError: 同 `recurrent.rnn`。
        ValueError: 同 `recurrent.rnn`。

    References:
        Cho et al. (2014), arXiv:1406.1078，式 (5)–(8)。

    Examples:
        >>> zero = [[0.0]] * 3
        >>> y, _ = gru([[[0.0]]] * 3, [(zero, zero)], [[[1.0]]])  # 每步 h 减半
        >>> y.ravel().tolist()
        [0.5, 0.25, 0.125]
    """
    y, h_n = scan(_gru(reset_after), x, weights, {"h0": h0}, Layout(bidirectional, batch_first, lengths))
    return y, h_n


@quiet
def gru_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    *,
    dh_n: ArrayLike | None = None,
    reset_after: bool = True,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, list[Weights], Array | None]:
    r"""`gru` 的反向。

    递推与 `recurrent.rnn_backward` 相同，
    $\bar h_t=\bar y_t+(\partial h_{t+1}/\partial h_t)^\top\bar h_{t+1}$，单元的那一步见 `gru_cell_backward`。

    Args:
        dy: 与输出 `y` 同形。
        x: 同 `gru`。
        weights: 同 `gru`。
        h0: 同 `gru`。
        dh_n: 末状态的梯度，形状 `(K, N, H)`；不给就是 0。
        reset_after: 同 `gru`。
        bidirectional: 同 `gru`。
        batch_first: 同 `gru`。
        lengths: 同 `gru`。

    Returns:
        `(dx, dweights, dh0)`，同 `recurrent.rnn_backward`。

    Raises:
        TypeError: 同 `gru`。
        ValueError: 同 `gru`，或梯度的形状不对。

    References:
        Cho et al. (2014), arXiv:1406.1078，式 (5)–(8)（前向）。

    Examples:
        >>> zero = [[0.0]] * 3
        >>> gradients = gru_backward([[[0.0]], [[1.0]]], [[[0.0]]] * 2, [(zero, zero)], [[[1.0]]])
        >>> gradients[2].tolist()
        [[[0.25]]]
    """
    ends, layout = {"dh_n": dh_n}, Layout(bidirectional, batch_first, lengths)
    dx, dweights, (dh0,) = scan_backward(_gru(reset_after), dy, x, weights, {"h0": h0}, ends, layout)
    return dx, dweights, dh0


def _gru(reset_after: bool) -> Cell:
    boolean("reset_after", reset_after)
    return Cell(
        3,
        lambda x, s, w: (gru_cell(x, s[0], *w[:4], reset_after=reset_after),),
        lambda ds, x, s, w: gru_cell_backward(ds[0], x, s[0], *w[:4], reset_after=reset_after),
    )
