"""各数据集共用的结果。"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Dataset(NamedTuple):
    """带类别的数据。

    Attributes:
        x: 特征，形状 `(N, D)`，float64。
        y: 类别，形状 `(N,)`，int64，取 `0 … K - 1`。
        names: `K` 个类别的名字。
    """

    x: NDArray[np.float64]
    y: NDArray[np.int64]
    names: tuple[str, ...]
