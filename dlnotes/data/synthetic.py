r"""人造的小数据：双月、螺旋、异或、随机游走。

`rng` 是整数种子或 `numpy.random.Generator`；噪声都是各坐标独立的正态，`noise` 是它的标准差。参数不是整数（实
数）抛 `TypeError`，超出范围抛 `ValueError`。
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from dlnotes._check import integer, real
from dlnotes._random import generator
from dlnotes.data.dataset import Dataset

__all__ = ["random_walk", "spirals", "two_moons", "xor"]


def two_moons(n: int, rng: int | Generator, *, noise: float = 0.1) -> Dataset:
    r"""两弯相扣的半圆：一个平面分不开，曲线能分开。

    $$(\cos t,\ \sin t)\quad\text{与}\quad(1-\cos t,\ \tfrac12-\sin t),\qquad t\in[0,\pi]\text{ 等距}$$

    Args:
        n: 样本数；第 0 类 `n // 2` 个，其余是第 1 类，各类排在一起。
        rng: 种子或生成器。
        noise: 噪声的标准差；0 就是曲线上的点。

    Returns:
        `x` 形状 `(n, 2)`。

    Raises:
        TypeError: `n` 不是整数，`noise` 不是实数，或 `rng` 不是种子。
        ValueError: `n` 小于 2，或 `noise` 是负数。

    References:
        scikit-learn `sklearn.datasets.make_moons`（同样的曲线）。

    Examples:
        >>> two_moons(4, 0, noise=0).x.round(6).tolist()
        [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]]
    """
    rng, counts, spread = _start(n, rng, noise, classes=2)
    upper, lower = (np.linspace(0, np.pi, count) for count in counts)
    moons = [
        np.stack([np.cos(upper), np.sin(upper)], axis=1),
        np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
    ]
    return _labelled(moons, rng, spread, ("上", "下"))


def spirals(
    n: int, rng: int | Generator, *, classes: int = 2, turns: float = 1.0, noise: float = 0.02
) -> Dataset:
    r"""几条绕着原点的螺旋臂，每类一条。

    $$r=t,\qquad\theta=2\pi\Bigl(\mathrm{turns}\cdot t+\frac k{\mathrm{classes}}\Bigr),\qquad
    t=\tfrac1m,\tfrac2m,\dots,1$$

    $m$ 是第 $k$ 类的样本数。第 $k$ 条臂是第 0 条转过 $2\pi k/\mathrm{classes}$。

    Args:
        n: 样本数，平分给各类，多出的给后面的类。
        rng: 种子或生成器。
        classes: 臂的条数。
        turns: 每条臂绕几圈，正数。
        noise: 噪声的标准差；臂的长度（半径）是 1。

    Returns:
        `x` 形状 `(n, 2)`；`names` 是 `"0"`、`"1"`、……

    Raises:
        TypeError: `n`、`classes` 不是整数，`turns`、`noise` 不是实数，或 `rng` 不是种子。
        ValueError: `n` 小于 `classes`，`classes` 小于 2，`turns` 不是正数，或 `noise` 是负数。

    References:
        Lang & Witbrock (1988), Learning to tell two spirals apart, Connectionist Models Summer School
        （双螺旋问题；那里每条臂绕三圈）。

    Examples:
        >>> spirals(4, 0, noise=0).x.round(6).tolist()
        [[-0.5, 0.0], [1.0, -0.0], [0.5, -0.0], [-1.0, 0.0]]
    """
    kinds, turning = integer("classes", classes, minimum=2), real("turns", turns, above=0)
    rng, counts, spread = _start(n, rng, noise, classes=kinds)
    arms = []
    for kind, count in enumerate(counts):
        t = np.arange(1, count + 1) / count
        angle = 2 * np.pi * (turning * t + kind / kinds)
        arms.append(t[:, np.newaxis] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return _labelled(arms, rng, spread, tuple(map(str, range(kinds))))


def xor(n: int, rng: int | Generator, *, noise: float = 0.1) -> Dataset:
    r"""异或：四个角 $(a,b)\in\{0,1\}^2$，类别 $a\oplus b$。

    没有一条直线能把两类分开，因为 $f(0,0)+f(1,1)=f(0,1)+f(1,0)$ 对任何仿射的 $f$ 成立。

    Args:
        n: 样本数；四个角依次轮流：(0,0)、(0,1)、(1,0)、(1,1)。
        rng: 种子或生成器。
        noise: 噪声的标准差；类别由加噪声之前的角定。

    Returns:
        `x` 形状 `(n, 2)`；`n=4`、`noise=0` 就是真值表。

    Raises:
        TypeError: `n` 不是整数，`noise` 不是实数，或 `rng` 不是种子。
        ValueError: `n` 小于 2，或 `noise` 是负数。

    References:
        Minsky & Papert (1969), *Perceptrons*；Goodfellow, Bengio & Courville (2016), *Deep Learning*, §6.1。

    Examples:
        >>> x, y, _ = xor(4, 0, noise=0)
        >>> x.tolist(), y.tolist()
        ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    rng, _, spread = _start(n, rng, noise, classes=2)
    corner = np.arange(n) % 4
    bits = np.stack([corner // 2, corner % 2], axis=1)
    x = bits + spread * rng.standard_normal(bits.shape)
    return Dataset(x, bits[:, 0] ^ bits[:, 1], ("同", "异"))


def random_walk(
    steps: int, rng: int | Generator, *, walks: int = 1, scale: float = 1.0
) -> NDArray[np.float64]:
    r"""随机游走：从 0 出发，每一步加一个独立的正态数。

    $$s_0=0,\qquad s_t=s_{t-1}+\varepsilon_t,\qquad\varepsilon_t\sim N(0,\mathrm{scale}^2)$$

    所以 $\mathrm{Var}\,s_t=t\cdot\mathrm{scale}^2$，标准差按 $\sqrt t$ 长。

    Args:
        steps: 步数。
        rng: 种子或生成器。
        walks: 几条互相独立的路。
        scale: 每一步的标准差。

    Returns:
        形状 `(walks, steps + 1)`，第 0 列是 0。

    Raises:
        TypeError: `steps`、`walks` 不是整数，`scale` 不是实数，或 `rng` 不是种子。
        ValueError: `steps` 是负数，`walks` 小于 1，或 `scale` 是负数。

    References:
        Feller (1968), *An Introduction to Probability Theory and Its Applications*, vol. 1，第 III 章
        （那里的每一步是 ±1）。

    Examples:
        >>> random_walk(3, 0).round(4)
        array([[ 0.    ,  0.1257, -0.0064,  0.634 ]])
    """
    length, count = integer("steps", steps, minimum=0), integer("walks", walks, minimum=1)
    spread = real("scale", scale, minimum=0)
    path = np.zeros((count, length + 1))
    np.cumsum(spread * generator(rng).standard_normal((count, length)), axis=1, out=path[:, 1:])
    return path


def _start(n: int, rng: int | Generator, noise: float, *, classes: int) -> tuple[Generator, list[int], float]:
    """检查共同的参数；返回各类的样本数，多出的给后面的类。"""
    total = integer("n", n, minimum=classes)
    counts = [total * (kind + 1) // classes - total * kind // classes for kind in range(classes)]
    return generator(rng), counts, real("noise", noise, minimum=0)


def _labelled(
    curves: list[NDArray[np.float64]], rng: Generator, noise: float, names: tuple[str, ...]
) -> Dataset:
    x = np.concatenate(curves)
    y = np.repeat(np.arange(len(curves)), [len(curve) for curve in curves])
    return Dataset(x + noise * rng.standard_normal(x.shape), y, names)
