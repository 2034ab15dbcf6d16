r"""几个小模型：能在一秒内训练好，每一步的梯度都由 `dlnotes.nn` 的前向与反向拼成。

- [`ridge`][dlnotes.models.ridge]、[`lasso`][dlnotes.models.lasso]：线性回归加惩罚；
- [`softmax_regression`][dlnotes.models.softmax_regression]：多类的逻辑回归，牛顿法；
- [`mlp`][dlnotes.models.mlp]、[`cnn`][dlnotes.models.cnn]：返回一个网络，即一串 `Step`；
- [`layers`][dlnotes.models.layers]、[`inserts`][dlnotes.models.inserts]：各种 `Step`；
- [`step`][dlnotes.models.step]：一步是什么；
- [`chain`][dlnotes.models.chain]：一串 `Step` 的初始化、前向、反向；
- [`training`][dlnotes.models.training]：`train` 返回 `Fit`；
- [`statistics`][dlnotes.models.statistics]：各层激活与梯度的均值、标准差、范数、死单元。

随机数都来自 `rng`：整数种子，或 `numpy.random.Generator`；种子相同，结果逐字节相同。
"""
