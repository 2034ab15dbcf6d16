r"""整个序列的循环网络：RNN、LSTM，多层、双向、不等长，和穿过时间的反向（BPTT）。

`weights` 是一个列表，每层每个方向一份 `recurrent_cells.Weights`（或同样次序的元组），次序是第 0 层正向、第 0
层反向、第 1 层正向……。第 0 层的 `weight_ih` 是 `(G*H, D)`，以后的是 `(G*H, 方向数*H)`。$K$ 是层数乘方向数。

不等长的序列给 `lengths`，等于 PyTorch 的 `pack_padded_sequence`（不必按长度排序）：填充处的输入不起作用、没有
梯度，输出是 0，末状态停在各自的最后一步，反方向从各自的最后一步开始。
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from dlnotes._check import choice
from dlnotes.nn._arrays import Array, quiet
from dlnotes.nn._recurrent import Weights
from dlnotes.nn._scan import Cell, Layout, scan, scan_backward
from dlnotes.nn.recurrent_cells import lstm_cell, lstm_cell_backward, rnn_cell, rnn_cell_backward

__all__ = ["lstm", "lstm_backward", "rnn", "rnn_backward"]


def rnn(
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array]:
    r"""简单循环网络走过整个序列。

    $$h_t=\phi(W_{ih}x_t+b_{ih}+W_{hh}h_{t-1}+b_{hh}),\qquad t=1,\dots,L$$

    双向时另有一份权重从 $t=L$ 走到 1，两个方向的 $h_t$ 接在一起；多层时下一层以它为输入。

    Args:
        x: 形状 `(L, N, D)`；`batch_first=True` 时 `(N, L, D)`。
        weights: 每层每个方向一份 `Weights`，$G=1$，共 $K$ 份。
        h0: 初始状态，形状 `(K, N, H)`；不给就是 0。
        nonlinearity: `"tanh"` 或 `"relu"`。
        bidirectional: 双向。
        batch_first: 批在第 0 轴；只管 `x` 与输出，不管状态。
        lengths: 各序列的长度，形状 `(N,)`，0 到 `L`；不给就是都满。

    Returns:
        `(y, h_n)`：`y` 是最后一层的 $h_t$，形状 `(L, N, 方向数*H)` 或 `(N, L, 方向数*H)`；`h_n` 是各层各方向
        的末状态，形状 `(K, N, H)`。`L=0` 时末状态就是初始状态。

    Raises:
        TypeError: 元素不是实数，`lengths` 不是整数。
        ValueError: 形状不对，权重的份数不对，长度超出范围。

    References:
        Elman (1990), Cognitive Science 14(2)；双向：Schuster & Paliwal (1997), IEEE Trans. Signal
        Processing 45(11)。

    Examples:
        >>> y, h = rnn([[[1.0]], [[1.0]], [[1.0]]], [([[1.0]], [[0.5]])], nonlinearity="relu")
        >>> y.ravel().tolist(), h.tolist()
        ([1.0, 1.5, 1.75], [[[1.75]]])
    """
    y, h_n = scan(_rnn(nonlinearity), x, weights, {"h0": h0}, Layout(bidirectional, batch_first, lengths))
    return y, h_n


@quiet
def rnn_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    *,
    dh_n: ArrayLike | None = None,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, list[Weights], Array | None]:
    r"""`rnn` 的反向：穿过时间的反向传播。

    $h_t$ 有两条路到损失：自己的输出 $y_t$，和下一步。所以从 $t=L$ 往前递推

    $$\bar h_t=\bar y_t+\Bigl(\frac{\partial h_{t+1}}{\partial h_t}\Bigr)^{\!\top}\bar h_{t+1}
    =\bar y_t+W_{hh}^\top\bigl(\phi'(a_{t+1})\odot\bar h_{t+1}\bigr),\qquad \bar h_L=\bar y_L+\bar h_n,$$

    每步的 $\bar x_t$、$\bar W$ 由单元的反向给出；权重在各步共用，梯度是各步之和。$\bar h_1$ 里连乘了 $L-1$ 个
    $W_{hh}^\top\mathrm{diag}(\phi')$：每个因子的最大奇异值都小于某个 $c<1$ 就消失；要爆炸，须有大于 1 的
    （必要而不充分）。

    Args:
        dy: 与输出 `y` 同形。
        x: 同 `rnn`。
        weights: 同 `rnn`。
        h0: 同 `rnn`。
        dh_n: 末状态的梯度，形状 `(K, N, H)`；不给就是 0（损失没有用到末状态）。
        nonlinearity: 同 `rnn`。
        bidirectional: 同 `rnn`。
        batch_first: 同 `rnn`。
        lengths: 同 `rnn`。

    Returns:
        `(dx, dweights, dh0)`：`dweights` 与 `weights` 一样的列表；没有给 `h0` 时 `dh0` 是 None。

    Raises:
        TypeError: 同 `rnn`。
        ValueError: 同 `rnn`，或梯度的形状不对。

    References:
        Werbos (1990), Proceedings of the IEEE 78(10)；Goodfellow, Bengio & Courville (2016),
        *Deep Learning*，§10.2.2。

    Examples:
        >>> x, weights = [[[1.0]], [[1.0]], [[1.0]]], [([[1.0]], [[0.5]])]
        >>> dx, _, _ = rnn_backward([[[0.0]], [[0.0]], [[1.0]]], x, weights, nonlinearity="relu")
        >>> dx.ravel().tolist()  # 每往前一步乘 0.5
        [0.25, 0.5, 1.0]
    """
    ends, layout = {"dh_n": dh_n}, Layout(bidirectional, batch_first, lengths)
    dx, dweights, (dh0,) = scan_backward(_rnn(nonlinearity), dy, x, weights, {"h0": h0}, ends, layout)
    return dx, dweights, dh0


def lstm(
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    c0: ArrayLike | None = None,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, Array, Array]:
    r"""LSTM 走过整个序列；每步见 `recurrent_cells.lstm_cell`。

    $$(h_t,c_t)=\mathrm{LSTMCell}(x_t,h_{t-1},c_{t-1}),\qquad t=1,\dots,L$$

    Args:
        x: 形状 `(L, N, D)`；`batch_first=True` 时 `(N, L, D)`。
        weights: 每层每个方向一份 `Weights`，$G=4$，次序 i、f、g、o，可以带窥视孔。
        h0: 初始隐状态，形状 `(K, N, H)`；不给就是 0。
        c0: 初始细胞状态，形状 `(K, N, H)`；不给就是 0。
        bidirectional: 双向。
        batch_first: 批在第 0 轴；只管 `x` 与输出，不管状态。
        lengths: 各序列的长度，形状 `(N,)`；不给就是都满。

    Returns:
        `(y, h_n, c_n)`：`y` 是最后一层的 $h_t$，形状同 `rnn`；`h_n`、`c_n` 形状 `(K, N, H)`。

    Raises:
        TypeError: 同 `rnn`。
        ValueError: 同 `rnn`。

    References:
        Graves (2013), arXiv:1308.0850，式 (7)–(11)。

    Examples:
        遗忘门、输出门全开，输入门是 1/2：$c_t=c_{t-1}+\frac12\tanh x_t$。

        >>> weights = ([[0.0], [0], [1], [0]], [[0.0]] * 4, [0.0, 50, 0, 50])
        >>> _, _, c = lstm([[[1.0]]] * 4, [weights])
        >>> c.round(6).tolist()  # 2·tanh 1
        [[[1.523188]]]
    """
    y, h_n, c_n = scan(_LSTM, x, weights, {"h0": h0, "c0": c0}, Layout(bidirectional, batch_first, lengths))
    return y, h_n, c_n


@quiet
def lstm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    weights: Sequence[Sequence[Any]],
    h0: ArrayLike | None = None,
    c0: ArrayLike | None = None,
    *,
    dh_n: ArrayLike | None = None,
    dc_n: ArrayLike | None = None,
    bidirectional: bool = False,
    batch_first: bool = False,
    lengths: ArrayLike | None = None,
) -> tuple[Array, list[Weights], Array | None, Array | None]:
    r"""`lstm` 的反向。

    与 `rnn_backward` 相同，往前传的是一对 $(\bar h_t,\bar c_t)$：$\bar h_t$ 加上 $\bar y_t$，$\bar c_t$ 没有
    输出，只从下一步来。细胞那一路的雅可比是 $\mathrm{diag}(f_t)$（没有窥视孔时），$L$ 步连乘是
    $\prod_t f_t$，不经过矩阵。

    Args:
        dy: 与输出 `y` 同形。
        x: 同 `lstm`。
        weights: 同 `lstm`。
        h0: 同 `lstm`。
        c0: 同 `lstm`。
        dh_n: 末隐状态的梯度，形状 `(K, N, H)`；不给就是 0。
        dc_n: 末细胞状态的梯度，形状 `(K, N, H)`；不给就是 0。
        bidirectional: 同 `lstm`。
        batch_first: 同 `lstm`。
        lengths: 同 `lstm`。

    Returns:
        `(dx, dweights, dh0, dc0)`；没有给的初始状态，梯度是 None。

    Raises:
        TypeError: 同 `lstm`。
        ValueError: 同 `lstm`，或梯度的形状不对。

    References:
        Graves & Schmidhuber (2005), Neural Networks 18(5–6)，附录（完整的 BPTT）。

    Examples:
        >>> zero = [[0.0]] * 4
        >>> options = {"h0": [[[0.0]]], "c0": [[[1.0]]], "dc_n": [[[1.0]]]}
        >>> gradients = lstm_backward([[[0.0]]] * 3, [[[0.0]]] * 3, [(zero, zero)], **options)
        >>> gradients[3].tolist()  # 三个遗忘门，各 1/2
        [[[0.125]]]
    """
    ends, layout = {"dh_n": dh_n, "dc_n": dc_n}, Layout(bidirectional, batch_first, lengths)
    dx, dweights, (dh0, dc0) = scan_backward(_LSTM, dy, x, weights, {"h0": h0, "c0": c0}, ends, layout)
    return dx, dweights, dh0, dc0


def _rnn(nonlinearity: str) -> Cell:
    choice("nonlinearity", nonlinearity, ("tanh", "relu"))
    return Cell(
        1,
        lambda x, s, w: (rnn_cell(x, s[0], *w[:4], nonlinearity=nonlinearity),),
        lambda ds, x, s, w: rnn_cell_backward(ds[0], x, s[0], *w[:4], nonlinearity=nonlinearity),
    )


_LSTM = Cell(
    4,
    lambda x, s, w: lstm_cell(x, s[0], s[1], *w),
    lambda ds, x, s, w: lstm_cell_backward(ds[0], ds[1], x, s[0], s[1], *w),
)
