"""MobileNet 三代：逐通道卷积加 1×1 卷积，倒残差，再加 SE 与搜索出来的表。"""

from dlnotes.arch.blocks import Block, Path, sequential
from dlnotes.arch.layers import (
    Dropout,
    Flatten,
    GlobalAvgPool,
    Hardsigmoid,
    Hardswish,
    Linear,
    ReLU,
    ReLU6,
)
from dlnotes.arch.network import Network
from dlnotes.arch.zoo._blocks import conv_bn
from dlnotes.arch.zoo._inverted import divisible, expanding, inverted_residual, squeeze_excitation
from dlnotes.arch.zoo._stages import head, stages


def mobilenet_v1() -> Network:
    """MobileNet（宽度 1.0）：第一层之外，每个 3×3 卷积都拆成逐通道的 3×3 和 1×1。

    补零用 `"same"`（TF-Slim），所以步长 2 的层补多少、各单元的 `start` 随输入大小而变。激活是论文的 ReLU，
    Keras 用 ReLU6，计数相同。论文 Table 1 最后一个逐通道卷积印作 s2，但它前后都是 7×7，步长只能是 1。

    References:
        Howard et al. (2017), *MobileNets*, arXiv:1704.04861, Table 1；TF-Slim `nets/mobilenet_v1.py`。
    """
    table = [  # 输出通道数，步长
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]
    path: list[tuple[str, Block | Path]] = [("conv0", conv_bn(32, 3, stride=2, padding="same"))]
    inputs = 32
    for number, (outputs, stride) in enumerate(table, start=1):
        depthwise = conv_bn(inputs, 3, stride=stride, padding="same", groups=inputs)
        path.append((f"conv{number}", [("depthwise", depthwise), ("pointwise", conv_bn(outputs, 1))]))
        inputs = outputs
    return sequential("mobilenet_v1", (3, 224, 224), [*path, *head(dropout=0.001)])


def mobilenet_v2() -> Network:
    """MobileNetV2（宽度 1.0）：倒残差，激活用 ReLU6，降维之后不激活。

    References:
        Sandler et al. (2018), *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, arXiv:1801.04381,
        Table 2；torchvision `models/mobilenetv2.py`。
    """
    table = [  # t 升维的倍数，c 输出通道数，n 块数，s 第一块的步长
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    return sequential(
        "mobilenet_v2",
        (3, 224, 224),
        [
            ("stem", conv_bn(32, 3, stride=2, activation=ReLU6())),
            *stages(32, [(expanding(t, activation=ReLU6()), c, n, s) for t, c, n, s in table], name="stage"),
            ("last", conv_bn(1280, 1, activation=ReLU6())),
            *head(dropout=0.2),
        ],
    )


def mobilenet_v3_large() -> Network:
    """MobileNetV3-Large：倒残差加 SE，一部分激活换成 h-swish，SE 的门是 h-sigmoid。

    References:
        Howard et al. (2019), *Searching for MobileNetV3*, arXiv:1905.02244, Table 1；
        torchvision `models/mobilenetv3.py`。
    """
    table = [  # 核，升维之后的通道数，输出通道数，有没有 SE，激活，步长
        (3, 16, 16, False, "RE", 1),
        (3, 64, 24, False, "RE", 2),
        (3, 72, 24, False, "RE", 1),
        (5, 72, 40, True, "RE", 2),
        (5, 120, 40, True, "RE", 1),
        (5, 120, 40, True, "RE", 1),
        (3, 240, 80, False, "HS", 2),
        (3, 200, 80, False, "HS", 1),
        (3, 184, 80, False, "HS", 1),
        (3, 184, 80, False, "HS", 1),
        (3, 480, 112, True, "HS", 1),
        (3, 672, 112, True, "HS", 1),
        (5, 672, 160, True, "HS", 2),
        (5, 960, 160, True, "HS", 1),
        (5, 960, 160, True, "HS", 1),
    ]
    return _mobilenet_v3("mobilenet_v3_large", table, last=960, features=1280)


def mobilenet_v3_small() -> Network:
    """MobileNetV3-Small。

    论文 Table 2 在最后的 1×1 卷积上也标了 SE，torchvision 没有；这里与 torchvision 相同。

    References:
        Howard et al. (2019), *Searching for MobileNetV3*, arXiv:1905.02244, Table 2；
        torchvision `models/mobilenetv3.py`。
    """
    table = [
        (3, 16, 16, True, "RE", 2),
        (3, 72, 24, False, "RE", 2),
        (3, 88, 24, False, "RE", 1),
        (5, 96, 40, True, "HS", 2),
        (5, 240, 40, True, "HS", 1),
        (5, 240, 40, True, "HS", 1),
        (5, 120, 48, True, "HS", 1),
        (5, 144, 48, True, "HS", 1),
        (5, 288, 96, True, "HS", 2),
        (5, 576, 96, True, "HS", 1),
        (5, 576, 96, True, "HS", 1),
    ]
    return _mobilenet_v3("mobilenet_v3_small", table, last=576, features=1024)


def _mobilenet_v3(
    name: str, table: list[tuple[int, int, int, bool, str, int]], *, last: int, features: int
) -> Network:
    activations = {"RE": ReLU(), "HS": Hardswish()}
    path: list[tuple[str, Block | Path]] = [("stem", conv_bn(16, 3, stride=2, activation=Hardswish()))]
    inputs = 16
    for number, (kernel_size, hidden, outputs, has_se, activation, stride) in enumerate(table, start=1):
        gate = squeeze_excitation(hidden, divisible(hidden // 4), gate=Hardsigmoid()) if has_se else None
        block = inverted_residual(
            inputs,
            outputs,
            stride,
            hidden=hidden,
            activation=activations[activation],
            kernel_size=kernel_size,
            gate=gate,
        )
        path.append((f"bneck{number}", block))
        inputs = outputs
    tail: Path = [
        ("last", conv_bn(last, 1, activation=Hardswish())),
        ("avgpool", GlobalAvgPool()),
        ("flatten", Flatten()),
        ("fc1", Linear(features)),
        ("hardswish", Hardswish()),
        ("drop", Dropout(0.2)),
        ("fc2", Linear(1000)),
    ]
    return sequential(name, (3, 224, 224), [*path, *tail])
