"""纸上的网络：不装框架、不下载权重，就能知道一个网络的大小、感受野、参数量、乘加数和激活内存。

只依赖标准库，不加载 numpy。
"""

from dlnotes.arch import zoo as zoo
from dlnotes.arch.layers import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from dlnotes.arch.layers import AvgPool2d as AvgPool2d
from dlnotes.arch.layers import Conv2d as Conv2d
from dlnotes.arch.layers import Dropout as Dropout
from dlnotes.arch.layers import Flatten as Flatten
from dlnotes.arch.layers import Linear as Linear
from dlnotes.arch.layers import LocalResponseNorm as LocalResponseNorm
from dlnotes.arch.layers import MaxPool2d as MaxPool2d
from dlnotes.arch.layers import ReLU as ReLU
from dlnotes.arch.ledger import Ledger as Ledger
from dlnotes.arch.ledger import Row as Row
from dlnotes.arch.ledger import ledger as ledger
from dlnotes.arch.network import Network as Network
from dlnotes.arch.network import Node as Node
from dlnotes.arch.network import sequential as sequential
from dlnotes.arch.receptive import Field as Field
from dlnotes.arch.receptive import Window as Window
from dlnotes.arch.receptive import backward as backward
from dlnotes.arch.receptive import forward as forward
from dlnotes.arch.receptive import output_size as output_size
