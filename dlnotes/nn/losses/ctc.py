r"""连接时序分类（CTC）：不知道每一帧对应哪个标签，就对所有的对齐求和。"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnotes._check import boolean, choice, integer, problem
from dlnotes.nn._arrays import Array, as_floats, has_shape, integers, quiet, result, scaled
from dlnotes.nn.losses._reduce import REDUCTIONS

Sample = tuple[int, Array, NDArray[np.int64]]


@quiet
def ctc_loss(
    log_probs: ArrayLike,
    targets: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    r"""CTC 损失：目标序列的负对数似然。

    一个对齐是长 $T$ 的序列，先合并相邻的重复，再去掉空白，就得到目标 $l$。

    $$\ell=-\log\sum_{\pi\in\mathcal B^{-1}(l)}\prod_{t}y^t_{\pi_t}$$

    在目标的各标签之间、两端插入空白，得到长 $2S+1$ 的 $l'$，$\alpha_t(s)$ 是前 $t$ 帧走到 $l'_s$ 的概率，从
    $s$、$s-1$ 来，$l'_s$ 不是空白又不等于 $l'_{s-2}$ 时也从 $s-2$ 来。都在对数域里算，所以不下溢。

    Args:
        log_probs: 对数概率，形状 `(T, N, K)`；函数不检查是否归一。
        targets: 标签，整数，形状 `(N, S)`，或各样本首尾相接的一维；不能是空白。
        input_lengths: 各样本的帧数，形状 `(N,)`，不大于 $T$。
        target_lengths: 各样本的标签数，形状 `(N,)`。
        blank: 空白的类别。
        reduction: 归约。`mean` 与 PyTorch 相同：各样本先除以自己的标签数（0 当作 1），再对样本平均。
        zero_infinity: 帧数不够、没有对齐的样本，损失是 $\infty$；是否改成 0（梯度也是 0）。

    Returns:
        一个数；`none` 时形状 `(N,)`。

    Raises:
        ValueError: 形状、长度、标签不合。

    References:
        Graves et al. (2006), Connectionist temporal classification, ICML，§3.2 式 (3)、§4.1 式 (5)–(8)。

    Examples:
        >>> y = np.log([[[0.6, 0.4]], [[0.5, 0.5]]])  # 两帧，类别 0 是空白
        >>> float(np.exp(-ctc_loss(y, [[1]], [2], [1])).round(4))  # 11、01、10：0.2 + 0.3 + 0.2
        0.7
    """
    (values,), dtype = as_floats(log_probs=log_probs)
    _options(blank, reduction, zero_infinity)
    samples = list(_samples(values, targets, input_lengths, target_lengths, blank))
    losses = np.array([-_log_likelihood(_alphas(y, labels, blank)) for _, y, labels in samples], values.dtype)
    if zero_infinity:
        losses = np.where(np.isposinf(losses), 0, losses)
    if reduction == "mean":
        lengths = np.array([max(len(labels), 1) for _, _, labels in samples], values.dtype)
        return result(np.mean(losses / lengths) if samples else np.nan, dtype)
    return result(losses if reduction == "none" else losses.sum(), dtype)


@quiet
def ctc_loss_backward(
    dy: ArrayLike,
    log_probs: ArrayLike,
    targets: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    *,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    r"""`ctc_loss` 的反向，对 `log_probs` 的梯度。

    $\partial\ell/\partial\log y^t_k=-\gamma_t(k)$，$\gamma_t(k)$ 是给定目标时第 $t$ 帧为 $k$ 的后验概率：

    $$\gamma_t(k)=\sum_{s:\,l'_s=k}\frac{\alpha_t(s)\,\beta_t(s)}{y^t_k\,p(l)}$$

    $\beta$ 就是把时间与标签都倒过来的 $\alpha$。每一帧的 $\gamma$ 之和是 1，帧数以外是 0。

    这是真正的偏导数。PyTorch 返回的是 $y-\gamma$，它假定 `log_probs` 来自 log_softmax；经过 `log_softmax` 的
    反向之后两者相同，都是 $\operatorname{softmax}-\gamma$。没有对齐的样本，梯度是 `nan`
    （`zero_infinity` 时是 0）。

    References:
        Graves et al. (2006)，§4.1 式 (9)–(11)、§4.2 式 (14)–(16)。

    Examples:
        >>> y = np.log([[[0.6, 0.4]], [[0.5, 0.5]]])
        >>> ctc_loss_backward(1.0, y, [[1]], [2], [1]).round(4)[:, 0]
        array([[-0.4286, -0.5714],
               [-0.2857, -0.7143]])
    """
    (upstream, values), dtype = as_floats(dy=dy, log_probs=log_probs)
    _options(blank, reduction, zero_infinity)
    samples = list(_samples(values, targets, input_lengths, target_lengths, blank))
    has_shape("dy", upstream, (len(samples),) if reduction == "none" else (), like="输出")
    upstream = np.broadcast_to(upstream, (len(samples),))
    gradient = np.zeros_like(values)
    for n, y, labels in samples:
        scale = upstream[n] / (len(samples) * max(len(labels), 1)) if reduction == "mean" else upstream[n]
        alphas = _alphas(y, labels, blank)
        total = _log_likelihood(alphas)
        if np.isneginf(total):
            gradient[: len(y), n] = 0 if zero_infinity else np.nan
            continue
        betas = _alphas(y[::-1], labels[::-1], blank)[::-1, ::-1]
        extended = _extend(labels, blank)
        emitted = y[:, extended]
        # 概率为 0 的类别不会被走到；那里 α、β、y 都是 -∞，不能相减
        occupied = np.where(np.isneginf(emitted), 0, np.exp(alphas + betas - emitted - total))
        posterior = np.zeros_like(y)
        np.add.at(posterior.T, extended, occupied.T)  # 同一标签可以在 l' 里出现几次，所以要累加
        gradient[: len(y), n] = -scaled(posterior, scale)
    return result(gradient, dtype)


def _extend(labels: NDArray[np.int64], blank: int) -> NDArray[np.int64]:
    extended = np.full(2 * len(labels) + 1, blank)
    extended[1::2] = labels
    return extended


def _alphas(y: Array, labels: NDArray[np.int64], blank: int) -> Array:
    """α 的对数，形状 (T, 2S+1)。"""
    extended = _extend(labels, blank)
    skips = np.zeros(len(extended), bool)
    skips[2:] = (extended[2:] != blank) & (extended[2:] != extended[:-2])
    alphas = np.full((len(y), len(extended)), -np.inf, y.dtype)
    for t, frame in enumerate(y[:, extended]):
        if t == 0:
            alphas[0, :2] = frame[:2]  # 从空白或第一个标签开始
            continue
        before = alphas[t - 1]
        reached = before.copy()
        reached[1:] = np.logaddexp(reached[1:], before[:-1])
        reached[2:] = np.where(skips[2:], np.logaddexp(reached[2:], before[:-2]), reached[2:])
        alphas[t] = reached + frame
    return alphas


def _log_likelihood(alphas: Array) -> Any:
    """最后一帧停在最后的标签或它后面的空白；没有帧时，只有空的目标走得通。"""
    if len(alphas) == 0:
        return 0.0 if alphas.shape[1] == 1 else -np.inf
    return np.logaddexp.reduce(alphas[-1, -2:])


def _options(blank: int, reduction: str, zero_infinity: bool) -> None:
    integer("blank", blank, minimum=0)
    choice("reduction", reduction, REDUCTIONS)
    boolean("zero_infinity", zero_infinity)


def _samples(
    y: Array, targets: ArrayLike, input_lengths: ArrayLike, target_lengths: ArrayLike, blank: int
) -> Iterator[Sample]:
    """逐个样本：序号、它的各帧 (T, K)、它的标签 (S,)。"""
    if y.ndim != 3:
        raise ValueError(problem("log_probs", "形状 (T, N, K) 的数组", str(y.shape), "没有批量时请加一轴"))
    frames, batch, classes = y.shape
    if blank >= classes:
        raise ValueError(problem("blank", f"小于类别数 {classes} 的整数", blank, "请检查类别轴"))
    labels = integers("targets", targets)
    steps, counts = integers("input_lengths", input_lengths), integers("target_lengths", target_lengths)
    has_shape("input_lengths", steps, (batch,), like="批量")
    has_shape("target_lengths", counts, (batch,), like="批量")
    padded = labels.ndim == 2
    longest = labels.shape[-1] if padded else labels.size
    for name, lengths, limit in (("input_lengths", steps, frames), ("target_lengths", counts, longest)):
        if ((lengths < 0) | (lengths > limit)).any():
            raise ValueError(problem(name, f"0 到 {limit} 的长度", "界外的长度", "请检查长度"))
    if labels.shape != ((batch, longest) if padded else (int(counts.sum()),)):
        expected = f"形状 ({batch}, S)，或 target_lengths 之和那么长的一维数组"
        raise ValueError(problem("targets", expected, f"形状 {labels.shape}", "请检查形状"))
    ends = counts.cumsum()
    for n in range(batch):
        own = labels[n, : counts[n]] if padded else labels[ends[n] - counts[n] : ends[n]]
        if ((own < 0) | (own >= classes) | (own == blank)).any():
            expected = f"0 到 {classes - 1}、不是空白 {blank} 的标签"
            raise ValueError(problem("targets", expected, "别的标签", "请检查标签与 blank"))
        yield n, y[: steps[n], n], own
