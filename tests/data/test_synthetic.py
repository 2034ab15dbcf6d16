"""人造的数据：与 scikit-learn、复数的极坐标、真值表比；种子、噪声、报错。"""

from itertools import count

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons

from dlnotes.data import random_walk, spirals, two_moons, xor

LABELLED = [two_moons, spirals, xor]


@pytest.mark.parametrize("n", [2, 3, 7, 100])
def test_moons_are_those_of_scikit_learn(n):
    x, y = make_moons(n, shuffle=False)
    got = two_moons(n, 0, noise=0)
    assert np.allclose(got.x, x, rtol=0, atol=1e-15)
    assert np.array_equal(got.y, y)


def test_spirals_in_polar_form():
    x, y, names = spirals(31, 0, classes=3, turns=1.5, noise=0)
    assert (np.bincount(y).tolist(), names) == ([10, 10, 11], ("0", "1", "2"))
    for kind in range(3):
        points = x[y == kind] @ [1, 1j]
        t = np.arange(1, len(points) + 1) / len(points)
        assert np.allclose(points, t * np.exp(2j * np.pi * (1.5 * t + kind / 3)))


def test_one_arm_turned_is_another():
    x, y, _ = spirals(40, 0, classes=4, noise=0)
    turn = np.array([[0, -1], [1, 0]])
    assert np.allclose(x[y == 0] @ turn.T, x[y == 1])


def test_xor_is_the_truth_table():
    x, y, names = xor(8, 0, noise=0)
    assert [(a, b, c) for (a, b), c in zip(x.tolist(), y.tolist(), strict=True)] == [
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    ] * 2
    assert names == ("同", "异")
    noisy = xor(4000, 1, noise=0.3)
    assert np.array_equal(noisy.y[:4], [0, 1, 1, 0])  # 类别由加噪声之前的角定


@pytest.mark.parametrize("make", LABELLED)
def test_noise_is_normal_with_the_given_spread(make):
    clean, noisy = make(4000, 0, noise=0), make(4000, 0, noise=0.3)
    rest = (noisy.x - clean.x).ravel()
    assert stats.kstest(rest / 0.3, "norm").pvalue > 1e-3
    assert abs(np.corrcoef((noisy.x - clean.x).T)[0, 1]) < 0.06
    assert np.array_equal(clean.y, noisy.y)


def test_a_walk_adds_independent_normal_steps():
    paths = random_walk(50, 3, walks=4000, scale=2.0)
    assert paths.shape == (4000, 51)
    assert (paths[:, 0] == 0).all()
    steps = np.diff(paths, axis=1)
    assert stats.kstest(steps.ravel() / 2, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(steps[:, 0], steps[:, 1])[0, 1]) < 0.06
    spread = paths.std(axis=0)[[4, 16, 36]]
    assert np.allclose(spread, [4, 8, 12], rtol=0.06)  # 2√t
    assert random_walk(0, 0).tolist() == [[0.0]]


@pytest.mark.parametrize("make", [*LABELLED, lambda n, rng: (random_walk(n, rng),)])
def test_a_seed_fixes_every_byte(make):
    same = [make(20, 5), make(20, np.random.default_rng(5)), make(20, np.int64(5))]
    assert len({one[0].tobytes() for one in same}) == 1
    assert make(20, 6)[0].tobytes() != same[0][0].tobytes()
    shared = np.random.default_rng(5)
    assert make(20, shared)[0].tobytes() != make(20, shared)[0].tobytes()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: two_moons(1, 0), ValueError, "`n` 应为不小于 2 的整数"),
        (lambda: two_moons(2.0, 0), TypeError, "`n`"),
        (lambda: two_moons(4, None), TypeError, "`rng` 应为整数种子或 numpy.random.Generator，得到 None"),
        (lambda: two_moons(4, 0.5), TypeError, "`rng`"),
        (lambda: two_moons(4, True), TypeError, "`rng`"),
        (lambda: two_moons(4, -1), ValueError, "`rng`"),
        (lambda: two_moons(4, 0, noise=-1), ValueError, "`noise` 应为不小于 0 的实数"),
        (lambda: two_moons(4, 0, noise=float("nan")), ValueError, "`noise`"),
        (lambda: spirals(2, 0, classes=3), ValueError, "`n` 应为不小于 3 的整数"),
        (lambda: spirals(4, 0, classes=1), ValueError, "`classes`"),
        (lambda: spirals(4, 0, turns=0), ValueError, "`turns` 应为大于 0 的实数"),
        (lambda: xor(1, 0), ValueError, "`n`"),
        (lambda: random_walk(-1, 0), ValueError, "`steps`"),
        (lambda: random_walk(1, 0, walks=0), ValueError, "`walks`"),
        (lambda: random_walk(1, 0, scale=-1), ValueError, "`scale`"),
        (lambda: random_walk(1, "0"), TypeError, "`rng`"),
    ],
    ids=count(),
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as raised:
        call()
    assert message in str(raised.value)
