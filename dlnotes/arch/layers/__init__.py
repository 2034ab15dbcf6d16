r"""层的规格：每一种层是一个不可变的数据类，自己知道输出形状、参数量、乘加数和窗口。

形状不含批量：图像是 `(C, H, W)`，展平之后是 `(F,)`。输入通道数由到达它的形状推出，所以不用写。
乘加（MAC）只计卷积与线性层的乘法累加，偏置、归一化、激活、池化不计；FLOPs 按 1 MAC = 2 FLOPs 换算。
"""

from dlnotes.arch.layers._base import Layer as Layer
from dlnotes.arch.layers._base import Reach as Reach
from dlnotes.arch.layers._base import Shape as Shape
from dlnotes.arch.layers._base import Size as Size
from dlnotes.arch.layers._base import Windows as Windows
from dlnotes.arch.layers.conv import Conv2d as Conv2d
from dlnotes.arch.layers.dense import Flatten as Flatten
from dlnotes.arch.layers.dense import Linear as Linear
from dlnotes.arch.layers.pointwise import Dropout as Dropout
from dlnotes.arch.layers.pointwise import LocalResponseNorm as LocalResponseNorm
from dlnotes.arch.layers.pointwise import ReLU as ReLU
from dlnotes.arch.layers.pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from dlnotes.arch.layers.pooling import AvgPool2d as AvgPool2d
from dlnotes.arch.layers.pooling import MaxPool2d as MaxPool2d
