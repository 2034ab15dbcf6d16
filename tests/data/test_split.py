"""切分与标准化：与 scikit-learn 比个数与数值，枚举小例子；不泄漏，不改动输入。"""

from collections import Counter
from fractions import Fraction
from itertools import combinations, count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import model_selection
from sklearn.preprocessing import StandardScaler

from dlnotes.data import digits, iris, standardize, train_test_split, wine


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 1 / 3, 0.5, 0.9])
@pytest.mark.parametrize("load", [iris, wine, digits])
def test_sizes_are_those_of_scikit_learn(load, share):
    x, y, _ = load()
    for stratify in (None, y):
        ours = train_test_split(x, y, 0, test_size=share, stratify=stratify)
        theirs = model_selection.train_test_split(x, y, test_size=share, stratify=stratify, random_state=0)
        assert [part.shape for part in ours] == [part.shape for part in theirs]


@given(st.lists(st.integers(2, 9), min_size=2, max_size=5), st.floats(0.2, 0.7), st.integers(0, 9))
def test_the_parts_make_the_whole(counts, share, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    index = np.arange(len(labels))
    for stratify in (None, labels):
        parts = train_test_split(index, labels, seed, test_size=share, stratify=stratify)
        train, test, y_train, y_test = parts
        assert sorted([*train, *test]) == index.tolist()
        assert np.array_equal(labels[train], y_train)
        assert np.array_equal(labels[test], y_test)
    for kind, members in enumerate(counts):  # 分层：与应有的数相差不到 1
        exact = Fraction(len(y_test) * members, len(labels))
        assert abs(int((y_test == kind).sum()) - exact) < 1


def test_largest_remainders():
    """10 个里取 5 个：应有 2.5、1.5、1；余下的名额一样大，类别小的先得。"""
    labels = np.array([0] * 5 + [1] * 3 + [2] * 2)
    for seed in range(5):
        _, _, _, chosen = train_test_split(labels, labels, seed, test_size=0.5, stratify=labels)
        assert np.bincount(chosen).tolist() == [3, 1, 1]
    labels = np.array([0] * 7 + [1] * 3)  # 应有 2.8 与 1.2：小数部分大的先得
    _, _, _, chosen = train_test_split(labels, labels, 0, test_size=0.4, stratify=labels)
    assert np.bincount(chosen).tolist() == [3, 1]


def test_every_choice_is_equally_likely():
    index = np.arange(5)
    seen = Counter(
        tuple(sorted(train_test_split(index, index, seed, test_size=0.4)[1])) for seed in range(3000)
    )
    assert set(seen) == set(combinations(range(5), 2))
    assert max(abs(times / 300 - 1) for times in seen.values()) < 0.25
    kinds = np.array([0, 0, 0, 1, 1, 1])
    chosen = np.concatenate(
        [train_test_split(kinds, kinds, s, test_size=1 / 3, stratify=kinds)[0] for s in range(400)]
    )
    places = np.concatenate(
        [train_test_split(np.arange(6), kinds, s, test_size=1 / 3, stratify=kinds)[1] for s in range(600)]
    )
    assert max(abs(np.bincount(places) / 200 - 1)) < 0.25
    assert 0.4 < chosen.reshape(-1, 4)[:, 0].mean() < 0.6  # 两边都是打乱的，不按类排


def test_rounding_of_the_share():
    """0.07·100 在浮点里略大于 7，仍是 7 个。"""
    index = np.arange(100)
    assert len(train_test_split(index, index, 0, test_size=0.07)[1]) == 7
    assert len(train_test_split(index, index, 0, test_size=0.071)[1]) == 8


def test_seeds_and_types():
    x, y = np.arange(12, dtype=np.float32).reshape(6, 2), list("abcdef")
    parts = train_test_split(x, y, 3)
    again = train_test_split(x, y, np.random.default_rng(3))
    assert all(np.array_equal(one, other) for one, other in zip(parts, again, strict=True))
    assert parts[0].dtype == np.float32
    parts[0][:] = -1
    parts[1][:] = -1
    assert x.min() == 0


@pytest.mark.parametrize("load", [iris, wine, digits])
def test_standardized_as_by_scikit_learn(load):
    """digits 有没有变化的列。"""
    x = load().x
    train, test = x[:100], x[100:]
    scaler = StandardScaler().fit(train)
    assert np.allclose(standardize(train), scaler.transform(train), rtol=0, atol=1e-12)
    assert np.allclose(standardize(test, reference=train), scaler.transform(test), rtol=0, atol=1e-12)


def test_standardized_columns():
    z = standardize(wine().x)
    assert np.allclose(z.mean(0), 0, atol=1e-14)
    assert np.allclose((z**2).mean(0), 1)
    constant = np.full((3, 1), 0.1)  # 三个 0.1 的均值不是 0.1
    assert (standardize(constant) == 0).all()
    assert standardize(np.ones((2, 2), np.float32)).dtype == np.float32
    kept = np.array([[1.0, 2.0], [3.0, 5.0]])
    standardize(kept)
    assert kept.tolist() == [[1, 2], [3, 5]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_test_split([1, 2], [1], 0), "`y` 应为与 `x`（形状 (2,)）样本数相同的数组"),
        (lambda: train_test_split(1, 1, 0), "`y`"),
        (lambda: train_test_split([1, 2], [1, 2], 0, test_size=0), "`test_size` 应为大于 0 的实数"),
        (lambda: train_test_split([1, 2], [1, 2], 0, test_size=1.0), "训练集是空的"),
        (lambda: train_test_split([1], [1], 0), "训练集是空的"),
        (lambda: train_test_split([1, 2, 3], [0, 0, 1], 0, stratify=[0, 0, 1]), "每类至少两个样本"),
        (lambda: train_test_split([1, 2], [0, 0], 0, stratify=[0]), "`stratify` 应为形状 (2,) 的类别"),
        (lambda: standardize([[1.0]], reference=[[1.0, 2.0]]), "`reference`"),
        (lambda: standardize(np.zeros((0, 2))), "`reference` 应为形状 (M, …) 的非空数组"),
        (lambda: standardize(1.0), "`reference`"),
        (lambda: standardize([[np.inf]]), "`reference` 应为有限的数"),
    ],
    ids=count(),
)
def test_errors(call, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 消息在下一行核对
        call()
    assert message in str(raised.value)
