"""岭回归与 Lasso：与 scikit-learn、正规方程、最优性条件比。"""

from itertools import count, pairwise

import numpy as np
import pytest
from sklearn import linear_model

from dlnotes.data import digits, standardize, wine
from dlnotes.models.lasso import lasso
from dlnotes.models.ridge import ridge

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)) * [1, 2, 0.5, 1, 3, 1, 1, 1] + RNG.standard_normal(8)
Y = X @ [1, -2, 0, 0, 0.5, 0, 3, 0] + 4 + 0.3 * RNG.standard_normal(60)
WIDE = RNG.standard_normal((10, 30))


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("x", [X, WIDE, standardize(wine().x), digits().x[:300]], ids=count())
def test_ridge_against_scikit_learn(x, alpha):
    y = Y[: len(x)] if len(x) < 61 else (x @ np.arange(x.shape[1]) + np.sin(np.arange(len(x))))
    reference = linear_model.Ridge(alpha=alpha).fit(x, y)
    fit = ridge(x, y, alpha=alpha)
    assert np.allclose(fit.weight, reference.coef_, rtol=1e-6, atol=1e-6)
    assert fit.bias == pytest.approx(reference.intercept_, rel=1e-6, abs=1e-6)


def test_ridge_from_the_normal_equations():
    centred, target = X - X.mean(0), Y - Y.mean()
    expected = np.linalg.solve(centred.T @ centred + 2.5 * np.eye(8), centred.T @ target)
    assert np.allclose(ridge(X, Y, alpha=2.5).weight, expected, rtol=1e-12)


def test_no_penalty_is_least_squares():
    reference = linear_model.LinearRegression().fit(X, Y)
    fit = ridge(X, Y, alpha=0)
    assert np.allclose(fit.weight, reference.coef_, rtol=1e-10)
    twice = ridge(np.column_stack([X[:, :1], X[:, :1]]), Y, alpha=0).weight  # 线性相关：范数最小的平分
    assert twice[0] == pytest.approx(twice[1])
    assert twice.sum() == pytest.approx(ridge(X[:, :1], Y, alpha=0).weight[0])


def test_shrinkage():
    norms = [np.linalg.norm(ridge(X, Y, alpha=alpha).weight) for alpha in (0, 1, 10, 100, 1e6)]
    assert all(one > other for one, other in pairwise(norms))
    assert ridge(X, Y, alpha=1e12).bias == pytest.approx(Y.mean(), rel=1e-6)  # 截距不罚


@pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("x", [X, WIDE, standardize(wine().x)], ids=count())
def test_lasso_against_scikit_learn(x, alpha):
    y = Y[: len(x)] if len(x) < 61 else x @ np.arange(x.shape[1]) + np.sin(np.arange(len(x)))
    reference = linear_model.Lasso(alpha=alpha, tol=1e-14, max_iter=200_000).fit(x, y)
    fit = lasso(x, y, alpha=alpha, tol=1e-14, max_iter=50_000)
    assert np.allclose(fit.weight, reference.coef_, rtol=1e-6, atol=1e-6)
    assert fit.bias == pytest.approx(reference.intercept_, rel=1e-6, abs=1e-6)
    assert np.array_equal(fit.weight == 0, abs(reference.coef_) < 1e-9)


def test_lasso_is_optimal():
    """次梯度：非零的坐标上相关正好是 ±α，其余不超过 α；间隙真的是上界。"""
    fit = lasso(X, Y, alpha=0.2)
    correlation = X.T @ (Y - X @ fit.weight - fit.bias) / len(Y)
    active = fit.weight != 0
    assert 0 < active.sum() < 8
    assert np.allclose(correlation[active], 0.2 * np.sign(fit.weight[active]), atol=1e-6)
    assert (abs(correlation[~active]) <= 0.2 + 1e-6).all()
    assert (np.diff(fit.losses) <= 1e-14).all()
    rough = lasso(X, Y, alpha=0.2, tol=1e-2)
    assert 0 <= rough.losses[-1] - fit.losses[-1] <= rough.gap
    assert rough.gap <= 1e-2 * ((Y - Y.mean()) ** 2).mean()
    assert len(rough.losses) < len(fit.losses)
    residual = Y - X @ fit.weight - fit.bias
    value = residual @ residual / (2 * len(Y)) + 0.2 * abs(fit.weight).sum()
    assert fit.losses[-1] == pytest.approx(value)


def test_lasso_is_zero_from_a_known_alpha():
    most = abs((X - X.mean(0)).T @ (Y - Y.mean())).max() / len(Y)
    at_limit = lasso(X, Y, alpha=most)
    assert (at_limit.weight == 0).all()
    assert at_limit.bias == pytest.approx(Y.mean())
    assert (lasso(X, Y, alpha=0.99 * most).weight != 0).sum() == 1


def test_constant_columns_and_targets():
    x = np.column_stack([X, np.full(60, 0.1)])
    for fit in (ridge(x, Y, alpha=1.0), lasso(x, Y, alpha=0.1)):
        assert fit.weight[-1] == 0
    assert np.allclose(ridge(x, Y, alpha=1.0).weight[:-1], ridge(X, Y, alpha=1.0).weight)
    flat = lasso(X, np.ones(60), alpha=0.1)
    assert (flat.weight == 0).all()
    assert (flat.bias, flat.gap) == (1, 0)


def test_types_and_inputs():
    x, y = X.astype(np.float32), Y.astype(np.float32)
    kept = x.copy(), y.copy()
    for fit in (ridge(x, y), lasso(x, y, alpha=0.1)):
        assert {fit.weight.dtype, fit.bias.dtype} == {np.dtype(np.float32)}
    assert np.array_equal(x, kept[0])
    assert np.array_equal(y, kept[1])


ERRORS = [
    (lambda: ridge(X, Y, alpha=-1), "`alpha` 应为不小于 0 的实数"),
    (lambda: ridge(X, Y[:-1]), "`y` 应为形状 (60,) 的数组，得到 形状 (59,)"),
    (lambda: ridge(X[:, 0], Y), "x[:, np.newaxis]"),
    (lambda: ridge(np.zeros((0, 3)), []), "`x` 应为形状 (N, D) 的非空数组"),
    (lambda: ridge([[np.nan]], [1.0]), "`x` 应为有限的数"),
    (lambda: lasso([[1.0]], [np.inf]), "`y` 应为有限的数"),
    (lambda: lasso(X, Y, alpha=0), "`alpha` 应为大于 0 的实数"),
    (lambda: lasso(X, Y, tol=0), "`tol`"),
    (lambda: lasso(X, Y, max_iter=0), "`max_iter`"),
    (lambda: lasso(X, Y, alpha=1e-3, max_iter=1), "`max_iter` 应为足够收敛的轮数，得到 1，间隙还有"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=count())
def test_errors(call, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 消息在下一行核对
        call()
    assert message in str(raised.value)
