r"""层的规格：每一种层是一个不可变的数据类，自己知道输出形状、参数、运算和窗口。

形状不含批量：图像是 `(C, H, W)`，信号是 `(C, L)`，展平之后是 `(F,)`，词元是 `Tokens((T, D))`。输入通道数由
到达它的形状推出，所以不用写。乘加（MAC）只计卷积、线性层和注意力的矩阵积；FLOPs 按 1 MAC = 2 FLOPs 换算。
偏置、归一化、激活、池化另外分类记数，见 [`Operation`][dlnotes.arch.layers.Operation]。
"""

from dlnotes.arch.layers._base import MACS as MACS
from dlnotes.arch.layers._base import Layer as Layer
from dlnotes.arch.layers._base import Merge as Merge
from dlnotes.arch.layers._base import Operation as Operation
from dlnotes.arch.layers._base import Operations as Operations
from dlnotes.arch.layers._base import Parameter as Parameter
from dlnotes.arch.layers._base import Reuse as Reuse
from dlnotes.arch.layers._base import Saved as Saved
from dlnotes.arch.layers._base import Shape as Shape
from dlnotes.arch.layers._base import Tokens as Tokens
from dlnotes.arch.layers._base import macs as macs
from dlnotes.arch.layers._sliding import Padding as Padding
from dlnotes.arch.layers._sliding import Size as Size
from dlnotes.arch.layers._sliding import Sliding as Sliding
from dlnotes.arch.layers.activation import ELU as ELU
from dlnotes.arch.layers.activation import GELU as GELU
from dlnotes.arch.layers.activation import Dropout as Dropout
from dlnotes.arch.layers.activation import Hardsigmoid as Hardsigmoid
from dlnotes.arch.layers.activation import Hardswish as Hardswish
from dlnotes.arch.layers.activation import Identity as Identity
from dlnotes.arch.layers.activation import LeakyReLU as LeakyReLU
from dlnotes.arch.layers.activation import Mish as Mish
from dlnotes.arch.layers.activation import PReLU as PReLU
from dlnotes.arch.layers.activation import ReLU as ReLU
from dlnotes.arch.layers.activation import ReLU6 as ReLU6
from dlnotes.arch.layers.activation import Sigmoid as Sigmoid
from dlnotes.arch.layers.activation import SiLU as SiLU
from dlnotes.arch.layers.activation import Softmax as Softmax
from dlnotes.arch.layers.activation import StochasticDepth as StochasticDepth
from dlnotes.arch.layers.activation import Tanh as Tanh
from dlnotes.arch.layers.conv import Conv1d as Conv1d
from dlnotes.arch.layers.conv import Conv2d as Conv2d
from dlnotes.arch.layers.conv import ConvTranspose2d as ConvTranspose2d
from dlnotes.arch.layers.conv_map import ConvMap2d as ConvMap2d
from dlnotes.arch.layers.dense import RBF as RBF
from dlnotes.arch.layers.dense import Linear as Linear
from dlnotes.arch.layers.dense import Scale as Scale
from dlnotes.arch.layers.merge import Add as Add
from dlnotes.arch.layers.merge import Concat as Concat
from dlnotes.arch.layers.merge import Crop as Crop
from dlnotes.arch.layers.merge import Mul as Mul
from dlnotes.arch.layers.norm import BatchNorm1d as BatchNorm1d
from dlnotes.arch.layers.norm import BatchNorm2d as BatchNorm2d
from dlnotes.arch.layers.norm import GroupNorm as GroupNorm
from dlnotes.arch.layers.norm import LayerNorm as LayerNorm
from dlnotes.arch.layers.norm import LocalResponseNorm as LocalResponseNorm
from dlnotes.arch.layers.pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from dlnotes.arch.layers.pooling import AvgPool2d as AvgPool2d
from dlnotes.arch.layers.pooling import GlobalAvgPool as GlobalAvgPool
from dlnotes.arch.layers.pooling import MaxPool2d as MaxPool2d
from dlnotes.arch.layers.rearrange import ChannelShuffle as ChannelShuffle
from dlnotes.arch.layers.rearrange import Flatten as Flatten
from dlnotes.arch.layers.rearrange import Pad as Pad
from dlnotes.arch.layers.rearrange import Split as Split
from dlnotes.arch.layers.rearrange import Upsample as Upsample
from dlnotes.arch.layers.tokens import ClassToken as ClassToken
from dlnotes.arch.layers.tokens import Embedding as Embedding
from dlnotes.arch.layers.tokens import MultiheadAttention as MultiheadAttention
from dlnotes.arch.layers.tokens import PositionEmbedding as PositionEmbedding
from dlnotes.arch.layers.tokens import SelectToken as SelectToken
from dlnotes.arch.layers.tokens import ToImage as ToImage
from dlnotes.arch.layers.tokens import ToTokens as ToTokens
from dlnotes.arch.layers.windows import PatchMerging as PatchMerging
from dlnotes.arch.layers.windows import WindowAttention as WindowAttention
