r"""小数据：scikit-learn 随包带的三个真实数据集，几种人造的，切分与标准化。什么也不下载。

带类别的都返回 `Dataset(x, y, names)`：`x` 是 `(N, D)` 的 float64，`y` 是 `(N,)` 的整数类别 `0 … K - 1`。要随
机数的函数收 `rng`：一个整数种子，或 `numpy.random.Generator`；种子相同，结果逐字节相同。
"""

from dlnotes.data.bundled import digits, iris, wine
from dlnotes.data.dataset import Dataset
from dlnotes.data.split import standardize, train_test_split
from dlnotes.data.synthetic import random_walk, spirals, two_moons, xor

__all__ = [
    "Dataset",
    "digits",
    "iris",
    "random_walk",
    "spirals",
    "standardize",
    "train_test_split",
    "two_moons",
    "wine",
    "xor",
]
