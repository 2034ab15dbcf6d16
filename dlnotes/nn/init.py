r"""权重的初始化：让信号与梯度的方差逐层不变。

`shape` 照 PyTorch：线性层 `(out, in)`，卷积 `(out, in/groups, *kernel)`。都返回 float64 的新数组，随机数来自
`rng`；要 float32，自己 `astype`。
"""

from math import erfc, hypot, prod, sqrt
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from dlnotes._check import choice, problem, real, shown
from dlnotes.nn._arrays import Array, generator, quiet, sizes

_TINY = float(np.finfo(np.float64).tiny)
_GAINS = {
    "linear": 1.0,
    "conv": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": sqrt(2),
    "selu": 3 / 4,
}


def fan_in_and_fan_out(shape: tuple[int, ...]) -> tuple[int, int]:
    r"""一个输出接几个输入，一个输入接几个输出。

    $$\text{fan\_in}=\text{shape}[1]\cdot\textstyle\prod\text{kernel},\qquad
    \text{fan\_out}=\text{shape}[0]\cdot\textstyle\prod\text{kernel}$$

    分组卷积的 `shape[1]` 已经除以组数，所以 fan_in 对；fan_out 仍用全部输出通道，大了组数那么多倍，与 PyTorch
    相同。转置卷积的权重是 `(in, out, ...)`，两者对调。

    Raises:
        ValueError: 少于两维。

    References:
        He et al. (2015), Delving deep into rectifiers, ICCV, arXiv:1502.01852，§2.2（$n=k^2c$）。

    Examples:
        >>> fan_in_and_fan_out((64, 3, 7, 7))
        (147, 3136)
    """
    out_, in_, *kernel = _matrix(shape)
    return in_ * prod(kernel), out_ * prod(kernel)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""激活函数的增益：抵消它让标准差缩小的倍数。

    | 函数 | 增益 |
    | --- | --- |
    | linear、conv、sigmoid | 1 |
    | tanh | 5/3 |
    | relu | $\sqrt2$ |
    | leaky_relu | $\sqrt{2/(1+a^2)}$，$a$ 是 `param`，默认 0.01 |
    | selu | 3/4 |

    ReLU 的 $\sqrt2$ 由推导得来：对称的输入过 ReLU，二阶矩减半。tanh 的 5/3、selu 的 3/4 是 PyTorch 的经验值：
    后者为的是更稳的不动点，要自归一化请用 1，即 LeCun 初始化。

    References:
        He et al. (2015), arXiv:1502.01852，式 (10)、(15)。

    Examples:
        >>> round(calculate_gain("relu") ** 2, 10), round(calculate_gain("leaky_relu", 1.0), 10)
        (2.0, 1.0)
    """
    choice("nonlinearity", nonlinearity, (*_GAINS, "leaky_relu"))
    if nonlinearity == "leaky_relu":
        return sqrt(2) / hypot(1, 0.01 if param is None else real("param", param))
    return _GAINS[nonlinearity]


def xavier_uniform(shape: tuple[int, ...], rng: Generator, *, gain: float = 1.0) -> Array:
    r"""Xavier（Glorot）初始化，均匀：$U(-a,a)$，$a=g\sqrt{6/(\text{fan\_in}+\text{fan\_out})}$。

    前向要方差 1/fan_in，反向要 1/fan_out，取调和的折中；$U(-a,a)$ 的方差是 $a^2/3$。

    References:
        Glorot & Bengio (2010), AISTATS，§4.2.1，式 (12)、(16)。

    Examples:
        >>> bool(abs(xavier_uniform((2, 4), np.random.default_rng(0))).max() <= 1)
        True
    """
    return _uniform(shape, rng, _xavier(shape, gain))


@quiet
def xavier_normal(shape: tuple[int, ...], rng: Generator, *, gain: float = 1.0) -> Array:
    r"""Xavier 初始化，正态：标准差 $g\sqrt{2/(\text{fan\_in}+\text{fan\_out})}$。

    References:
        Glorot & Bengio (2010), AISTATS，§4.2.1，式 (12)。

    Examples:
        >>> round(float(xavier_normal((300, 500), np.random.default_rng(0)).std()), 3)  # √(2/800)
        0.05
    """
    return _normal(shape, rng, _xavier(shape, gain))


def kaiming_uniform(
    shape: tuple[int, ...],
    rng: Generator,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    r"""Kaiming（He）初始化，均匀：$U(-b,b)$，$b=g\sqrt{3/\text{fan}}$。

    Args:
        shape: 权重的形状，至少两维。
        rng: 随机数生成器。
        a: `leaky_relu` 负侧的斜率；默认 0，就是 ReLU。
        mode: `"fan_in"` 保前向的方差，`"fan_out"` 保反向的。
        nonlinearity: 后面接的激活函数，见 `calculate_gain`。

    Returns:
        形状为 `shape` 的 float64 数组。

    References:
        He et al. (2015), arXiv:1502.01852，§2.2，式 (10)、(14)。

    Examples:
        >>> bool(abs(kaiming_uniform((4, 6), np.random.default_rng(0))).max() <= 1)
        True
    """
    return _uniform(shape, rng, _kaiming(shape, a, mode, nonlinearity))


def kaiming_normal(
    shape: tuple[int, ...],
    rng: Generator,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    r"""Kaiming 初始化，正态：标准差 $g/\sqrt{\text{fan}}$；参数同 `kaiming_uniform`。

    References:
        He et al. (2015), arXiv:1502.01852，§2.2，式 (10)、(14)。

    Examples:
        >>> round(float(kaiming_normal((500, 200), np.random.default_rng(0)).std()), 2)  # √(2/200)
        0.1
    """
    return _normal(shape, rng, _kaiming(shape, a, mode, nonlinearity))


def lecun_normal(shape: tuple[int, ...], rng: Generator) -> Array:
    r"""LeCun 初始化：标准差 $1/\sqrt{\text{fan\_in}}$；SELU 要的就是它。

    References:
        LeCun, Bottou, Orr & Müller (1998), Efficient BackProp，§4.6，式 (16)。

    Examples:
        >>> round(float(lecun_normal((500, 100), np.random.default_rng(0)).std()), 2)
        0.1
    """
    return _normal(shape, rng, 1 / sqrt(max(fan_in_and_fan_out(shape)[0], 1)))


def orthogonal(shape: tuple[int, ...], rng: Generator, *, gain: float = 1.0) -> Array:
    r"""（半）正交矩阵，均匀地取自所有的正交矩阵，乘以 `gain`。

    第 0 轴是行，其余摊平成列；行少时各行正交，列少时各列正交。正态矩阵作 QR 分解，再按 $R$ 的对角线的符号改正
    $Q$，分布才是均匀的（Haar 测度）：QR 本身不唯一。

    References:
        Saxe, McClelland & Ganguli (2014), ICLR, arXiv:1312.6120，§3；符号见 Mezzadri (2007),
        Notices of the AMS 54(5)，§5。

    Examples:
        >>> q = orthogonal((2, 3), np.random.default_rng(0))
        >>> np.allclose(q @ q.T, np.eye(2))
        True
    """
    full = _matrix(shape)
    real("gain", gain)
    generator("rng", rng)
    rows, columns = full[0], prod(full[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1, 1)
    return np.asarray(gain * (q.T if rows < columns else q)).reshape(full)


@quiet
def trunc_normal(
    shape: tuple[int, ...],
    rng: Generator,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> Array:
    r"""截断的正态分布：$N(\text{mean},\text{std}^2)$ 限制在 $[a,b]$ 之内。

    `a`、`b` 是值本身，不是几个标准差：`std=0.02` 而用默认的 ±2，是 ±100 个标准差，等于没有截断，PyTorch
    也如此。截断之后的标准差比 `std` 小（±2 个标准差时是 0.88 倍）。

    用分布函数的反函数：$x=\Phi^{-1}(u)$，$u$ 均匀分布在 $\Phi$ 的两个值之间。区间在右侧时先反射到左侧，因为
    $\Phi$ 在左尾有相对精度，在右尾会舍入成 1。

    Args:
        shape: 形状，任意。
        rng: 随机数生成器。
        mean: 截断之前的均值。
        std: 截断之前的标准差，正数。
        a: 下界。
        b: 上界，大于 `a`；两界可以是 ±∞。

    Raises:
        ValueError: `a` 不小于 `b`，`std` 不是正数，或区间离 `mean` 约 37 个标准差以上：概率下溢，抽不准。

    References:
        Devroye (1986), *Non-Uniform Random Variate Generation*, §II.2.1（反函数法）与习题。

    Examples:
        >>> bool(abs(trunc_normal((1000,), np.random.default_rng(0))).max() <= 2)
        True
    """
    full = sizes("shape", shape)
    generator("rng", rng)
    mean, std = real("mean", mean), real("std", std, above=0)
    a, b = real("a", a, finite=False), real("b", b, finite=False)
    if not a < b:
        raise ValueError(problem("a", f"小于 b = {b!r} 的数", repr(a), "请对调两界"))
    low, high = (a - mean) / std, (b - mean) / std
    flipped = low + high > 0
    if flipped:
        low, high = -high, -low
    ends = erfc(-low / sqrt(2)) / 2, erfc(-high / sqrt(2)) / 2
    if ends[1] < _TINY:
        remedy = f"区间在 {-high:.3g} 个标准差以外，概率下溢，请移动区间或加大 std"
        raise ValueError(problem("mean", f"离 [{a:g}, {b:g}] 近的数", repr(mean), remedy))
    u = np.clip(rng.uniform(*ends, full), _TINY, 1 - 2**-53)  # 反函数不收 0 与 1
    z = np.clip(np.asarray(np.frompyfunc(NormalDist().inv_cdf, 1, 1)(u), np.float64), low, high)
    return np.asarray(np.clip(mean + std * (-z if flipped else z), a, b))


def _uniform(shape: tuple[int, ...], rng: Generator, std: float) -> Array:
    generator("rng", rng)
    return np.asarray(sqrt(3) * std * rng.uniform(-1, 1, sizes("shape", shape)))


def _normal(shape: tuple[int, ...], rng: Generator, std: float) -> Array:
    generator("rng", rng)
    return np.asarray(std * rng.standard_normal(sizes("shape", shape)))


def _matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    """检查权重的形状；少于两维就没有 fan。"""
    checked = sizes("shape", shape)
    if len(checked) < 2:
        raise ValueError(problem("shape", "至少两维的形状", shown(shape), "偏置没有 fan，请直接取 0"))
    return checked


def _xavier(shape: tuple[int, ...], gain: float) -> float:
    return real("gain", gain, minimum=0) * sqrt(2 / max(sum(fan_in_and_fan_out(shape)), 1))


def _kaiming(shape: tuple[int, ...], a: float, mode: str, nonlinearity: str) -> float:
    choice("mode", mode, ("fan_in", "fan_out"))
    real("a", a)
    fan = fan_in_and_fan_out(shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / sqrt(max(fan, 1))
