r"""scikit-learn 随包带的三个数据集：手写数字、鸢尾花、葡萄酒。

数据在 scikit-learn 的安装目录里，不必下载；`dlnotes` 不依赖它，用到才导入，没有装就抛 `ModuleNotFoundError`。
每次返回新的数组，样本的次序与 scikit-learn 相同。
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from dlnotes.data.dataset import Dataset

__all__ = ["digits", "iris", "wine"]


def digits() -> Dataset:
    r"""手写数字：1797 张 8×8 的灰度图，十类。

    原图 32×32，二值；每个像素是一个 4×4 小块里黑点的个数，所以取 0 到 16 的整数。要送进卷积，用
    `x.reshape(-1, 1, 8, 8) / 16`。

    Returns:
        `x` 形状 `(1797, 64)`，行主序；`names` 是 `"0"` 到 `"9"`。

    Raises:
        ModuleNotFoundError: 没有装 scikit-learn。

    References:
        Alpaydin & Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI，doi:10.24432/C50P49
        （这里是其中的测试集）。

    Examples:
        >>> x, y, names = digits()
        >>> x.shape, len(names), int(y[0])
        ((1797, 64), 10, 0)
    """
    return _load("digits", "load_digits")


def iris() -> Dataset:
    r"""鸢尾花：三个品种各 50 朵，萼片与花瓣的长、宽，单位厘米。

    第一类能用一个平面与另外两类分开，另外两类之间不能。

    Returns:
        `x` 形状 `(150, 4)`：萼片长、萼片宽、花瓣长、花瓣宽。

    Raises:
        ModuleNotFoundError: 没有装 scikit-learn。

    References:
        Fisher (1936), The use of multiple measurements in taxonomic problems, Annals of Eugenics 7，表 I。

    Examples:
        >>> iris().names
        ('setosa', 'versicolor', 'virginica')
    """
    return _load("iris", "load_iris")


def wine() -> Dataset:
    r"""葡萄酒：三个品种的 178 瓶，13 种化学成分；各列的尺度相差上千倍，先标准化再用。

    Returns:
        `x` 形状 `(178, 13)`，次序同 scikit-learn 的 `load_wine`：酒精、苹果酸、灰分、……、脯氨酸。

    Raises:
        ModuleNotFoundError: 没有装 scikit-learn。

    References:
        Aeberhard & Forina (1992), *Wine*, UCI，doi:10.24432/C5PC7J。

    Examples:
        >>> x, y, _ = wine()
        >>> x.shape, np.bincount(y).tolist()
        ((178, 13), [59, 71, 48])
    """
    return _load("wine", "load_wine")


def _load(name: str, loader: str) -> Dataset:
    try:
        load: Callable[[], Any] = getattr(import_module("sklearn.datasets"), loader)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "sklearn":  # 装了 scikit-learn，缺的是别的
            raise
        raise ModuleNotFoundError(
            f"`{name}` 的数据在 scikit-learn 里，这里没有装；请先运行 pip install scikit-learn。",
            name="sklearn",
        ) from None
    bunch = load()
    names = tuple(str(label) for label in bunch.target_names)
    return Dataset(bunch.data.astype(np.float64), bunch.target.astype(np.int64), names)
