"""LeNet-5 的两个版本：1998 年论文的，和今天的教程里的；都叫 LeNet-5，参数相差一千七百个。"""

from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import RBF, AvgPool2d, Conv2d, ConvMap2d, Flatten, Linear, Scale, Tanh
from dlnotes.arch.network import Network

TABLE_I = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""论文的 TABLE I：C3 的 16 张图各看到 S2 的哪几张。"""


def lenet5_1998() -> Network:
    """论文的 LeNet-5：60,000 个可训练的参数，340,908 个连接。

    下采样 S2、S4 把 2×2 个值相加，乘一个系数，加一个偏置；这里写成平均加 `Scale`，相差的 4 倍并进系数。C3 按
    TABLE I 只连一部分图。激活是 A·tanh(Sx)，A、S 是常数。输出层 RBF 的模板手工选定，不算参数。

    论文的“连接”连偏置也算：它是账本里 `"conv"`、`"linear"`、`"pooling"`、`"bias"` 四种运算之和。

    References:
        LeCun, Bottou, Bengio & Haffner (1998), *Gradient-Based Learning Applied to Document Recognition*,
        Proc. IEEE 86(11), §II.B, Figure 2 与 TABLE I。
    """
    return sequential(
        "lenet5_1998",
        (1, 32, 32),
        [
            ("C1", Conv2d(6, 5)),
            ("C1_tanh", Tanh()),
            ("S2_pool", AvgPool2d(2)),
            ("S2", Scale(bias=True)),
            ("S2_tanh", Tanh()),
            ("C3", ConvMap2d(TABLE_I, 5)),
            ("C3_tanh", Tanh()),
            ("S4_pool", AvgPool2d(2)),
            ("S4", Scale(bias=True)),
            ("S4_tanh", Tanh()),
            ("C5", Conv2d(120, 5)),
            ("C5_tanh", Tanh()),
            ("flatten", Flatten()),
            ("F6", Linear(84)),
            ("F6_tanh", Tanh()),
            ("output", RBF(10)),
        ],
    )


def lenet5() -> Network:
    """今天教程里的 LeNet-5：61,706 个参数，tanh 与平均池化，池化没有参数，C3 全连，输出是全连接层。

    换成 ReLU 与最大池化，大小、参数量、乘加数都不变。输入 28×28（MNIST）时第一层要补 2 圈；不补，就只剩
    44,426 个参数。Caffe 的 `lenet` 又是另一个网络：20 与 50 个通道，431,080 个参数。

    References:
        LeCun et al. (1998), §II.B，去掉 TABLE I、下采样的系数和 RBF；Zhang, Lipton, Li & Smola,
        *Dive into Deep Learning* 1.0, §7.6（那里用 sigmoid，28×28 补 2 圈）。
    """
    return sequential(
        "lenet5",
        (1, 32, 32),
        [
            ("conv1", Conv2d(6, 5)),
            ("tanh1", Tanh()),
            ("pool1", AvgPool2d(2)),
            ("conv2", Conv2d(16, 5)),
            ("tanh2", Tanh()),
            ("pool2", AvgPool2d(2)),
            ("flatten", Flatten()),
            ("fc3", Linear(120)),
            ("tanh3", Tanh()),
            ("fc4", Linear(84)),
            ("tanh4", Tanh()),
            ("fc5", Linear(10)),
        ],
    )
