"""随包的数据集：与 scikit-learn 的、与出处写的数目比；没有装它时的报错。"""

import sys

import numpy as np
import pytest
from sklearn import datasets

from dlnotes.data import Dataset, digits, iris, wine

LOADERS = [(digits, datasets.load_digits), (iris, datasets.load_iris), (wine, datasets.load_wine)]


@pytest.mark.parametrize(("load", "reference"), LOADERS)
def test_the_arrays_are_those_of_scikit_learn(load, reference):
    got, (x, y) = load(), reference(return_X_y=True)
    assert isinstance(got, Dataset)
    assert got.x.dtype == np.float64
    assert got.y.dtype == np.int64
    assert np.array_equal(got.x, x)
    assert np.array_equal(got.y, y)
    assert len(got.names) == got.y.max() + 1
    assert all(type(name) is str for name in got.names)


def test_published_counts():
    """UCI 的说明里各类的个数；Fisher 的第一朵花与各品种萼片长的均值。"""
    assert np.bincount(digits().y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(wine().y).tolist() == [59, 71, 48]
    x, y, names = iris()
    assert x[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert names == ("setosa", "versicolor", "virginica")
    assert [x[y == kind, 0].mean().round(3) for kind in range(3)] == [5.006, 5.936, 6.588]


def test_digits_count_black_pixels():
    x = digits().x
    assert (x.min(), x.max()) == (0, 16)
    assert np.array_equal(x, x.round())
    assert digits().names == tuple("0123456789")


def test_each_call_returns_new_arrays():
    first = iris()
    first.x[:] = 0
    first.y[:] = 9
    assert iris().x.min() > 0
    assert iris().y.max() == 2


def test_without_scikit_learn(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        wine()
    message = "`wine` 的数据在 scikit-learn 里，这里没有装；请先运行 pip install scikit-learn。"
    assert str(raised.value) == message
    assert raised.value.name == "sklearn"


def test_a_broken_scikit_learn_is_not_called_missing(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(ModuleNotFoundError, match="joblib"):
        wine()
