"""模型真的学得会：手写数字上与 scikit-learn 的同一切分比；打乱的标签、坏的梯度学不会。"""

import warnings
from functools import cache, partial

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from dlnotes.data import digits, spirals, train_test_split, two_moons, xor
from dlnotes.models.cnn import cnn
from dlnotes.models.mlp import mlp
from dlnotes.models.softmax_regression import softmax_regression
from dlnotes.models.training import accuracy, train
from dlnotes.optim.first_order import sgd

SEEDS = range(5)
MLP = mlp((64, 64, 10))
CNN = cnn()


@cache
def split(seed):
    """分层切出四分之一作测试：1347 个训练，450 个测试。"""
    x, y, _ = digits()
    return train_test_split(x / 16, y, seed, stratify=y)


@cache
def scores(kind):
    found = []
    for seed in SEEDS:
        x, x_test, y, y_test = split(seed)
        if kind == "mlp":
            fit = train(MLP, x, y, seed, epochs=20, lr=0.005)
            found.append(accuracy(MLP, fit.parameters, x_test, y_test))
        elif kind == "cnn":
            image, image_test = (a.reshape(-1, 1, 8, 8).astype(np.float32) for a in (x, x_test))
            # 末尾两轮把学习率减到十分之一：不减时最差的种子只有 95%
            rough = train(CNN, image, y, seed, epochs=4, lr=0.02).parameters
            fit = train(CNN, image, y, seed, parameters=rough, epochs=2, lr=0.002)
            found.append(accuracy(CNN, fit.parameters, image_test, y_test))
        elif kind == "softmax":
            fit = softmax_regression(x, y, l2=1e-3, tol=1e-5)
            found.append(float(((x_test @ fit.weight.T + fit.bias).argmax(1) == y_test).mean()))
        else:
            other = {
                "sklearn mlp": MLPClassifier((64,), learning_rate_init=0.005, max_iter=20, batch_size=32),
                "sklearn softmax": LogisticRegression(C=1 / (len(x) * 1e-3), max_iter=2000),
            }[kind]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # 20 轮之后还没有收敛的警告
                model = other.set_params(random_state=seed).fit(x, y)
            found.append(float(model.score(x_test, y_test)))
    return np.array(found)


@pytest.mark.parametrize(("kind", "least", "mean"), [("mlp", 0.96, 0.97), ("cnn", 0.97, 0.98)])
def test_held_out_digits(kind, least, mean):
    """五个种子里最差的与平均的；种子既定切分，也定初始化与打乱。"""
    found = scores(kind)
    assert found.min() >= least, found
    assert found.mean() >= mean, found


def test_as_good_as_scikit_learn():
    assert abs(scores("mlp").mean() - scores("sklearn mlp").mean()) < 0.01
    assert np.allclose(scores("softmax"), scores("sklearn softmax"), rtol=0, atol=0.005)
    assert scores("cnn").mean() > scores("softmax").mean()


@pytest.mark.parametrize("data", [xor(200, 0), two_moons(200, 0), spirals(200, 0, turns=0.75)], ids="xms")
def test_what_no_plane_separates(data):
    net = mlp((2, 24, 24, 2), activation="tanh")
    assert train(net, data.x, data.y, 0, epochs=60, lr=0.01).accuracy > 0.98
    flat = softmax_regression(data.x, data.y, l2=1e-4)
    assert flat.accuracy < 0.93


def test_shuffled_labels_are_not_learnt():
    """标签打乱之后，测试集上只有碰运气的一成；训练集的准确率也远不及真的。"""
    x, x_test, y, y_test = split(0)
    shuffled = np.random.default_rng(0).permutation(y)
    fit = train(MLP, x, shuffled, 0, epochs=5, lr=0.005)
    assert accuracy(MLP, fit.parameters, x_test, y_test) < 0.2
    assert fit.accuracy < 0.4


@pytest.mark.parametrize("damage", [0.0, -1.0])
def test_a_broken_gradient_does_not_learn(damage):
    """把每个梯度乘以 0 或 −1：损失不降。"""
    x, x_test, y, y_test = split(0)

    def broken(w, g, state=None):
        return sgd(w, damage * g, state, lr=0.01)

    fit = train(MLP, x, y, 0, epochs=2, optimizer=broken)
    assert accuracy(MLP, fit.parameters, x_test, y_test) < 0.3
    assert fit.losses[-10:].mean() > fit.losses[:10].mean() - 0.1
    good = train(MLP, x, y, 0, epochs=2, optimizer=partial(sgd, lr=0.1))
    assert good.losses[-10:].mean() < 0.5 * good.losses[:10].mean()


@pytest.mark.parametrize(
    "options",
    [{"norm": "batch"}, {"norm": "batch", "norm_at": "after"}, {"norm": "layer"}, {"dropout": 0.2}],
    ids=lambda o: "-".join(map(str, o.values())),
)
def test_the_variants_learn_too(options):
    x, x_test, y, y_test = split(1)
    net = mlp((64, 48, 48, 10), **options)
    fit = train(net, x, y, 0, epochs=10, lr=0.005)
    assert accuracy(net, fit.parameters, x_test, y_test) >= 0.95
