"""词元的序列：查表、把图切成词元、类别标记、位置编码、注意力。"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import ClassVar

from dlnotes._check import boolean, integer, problem
from dlnotes.arch.fields import Reach, Unaligned
from dlnotes.arch.layers._base import (
    NOTHING,
    Layer,
    Merge,
    Operations,
    Parameters,
    Reuse,
    Saved,
    Shape,
    Tokens,
    some,
    store,
)


@dataclass(frozen=True)
class Embedding(Layer):
    """查表：T 个词元的编号 `(T,)` 换成 T 个 D 维的向量。查表没有乘加，只读内存。

    Attributes:
        num_embeddings: 词表的大小 V；参数量是 `V*D`。
        embedding_dim: 向量的维数 D。

    Raises:
        TypeError: 参数不是整数。
        ValueError: 参数小于 1，或到达它的形状不是 `(T,)`。

    References:
        Bengio et al. (2003), *A Neural Probabilistic Language Model*, JMLR 3, §2；
        PyTorch `torch.nn.Embedding`。

    Examples:
        >>> Embedding(30522, 768).output((128,)), Embedding(30522, 768).params((128,))
        (Tokens((128, 768)), 23440896)
    """

    num_embeddings: int
    embedding_dim: int

    def __post_init__(self) -> None:
        for name in ("num_embeddings", "embedding_dim"):
            store(self, **{name: integer(name, getattr(self, name), minimum=1)})

    def output(self, shape: Shape, /) -> Shape:
        if len(shape) != 1:
            raise ValueError(problem("shape", "词元的编号 (T,)", shape, "查表请放在网络的最前面"))
        return Tokens((*shape, self.embedding_dim))

    def parameters(self, shape: Shape, /) -> Parameters:
        return {"embedding": self.num_embeddings * self.embedding_dim}

    def saved(self, shape: Shape, /) -> Saved:
        return Saved(indices=prod(shape))  # 编号


@dataclass(frozen=True)
class ToTokens(Layer):
    """把图像 `(C, H, W)` 或信号 `(C, L)` 的每个位置当作一个词元：成为 `(H*W, C)` 或 `(L, C)`。

    词元按行排列，第 t 个词元是第 `t // W` 行、第 `t % W` 列的位置，感受野的行、列照旧。

    Attributes:
        grid: 词元是否照旧排成网格，`(C, H, W)` 成为 `(H, W, C)`：只把通道换到最后，不排成一列。

    Raises:
        TypeError: `grid` 不是布尔值。
        ValueError: 到达它的不是通道在前的图像或信号。

    References:
        Dosovitskiy et al. (2020), *An Image is Worth 16x16 Words*, arXiv:2010.11929, §3.1。

    Examples:
        >>> ToTokens().output((768, 14, 14)), ToTokens(grid=True).output((768, 14, 14))
        (Tokens((196, 768)), Tokens((14, 14, 768)))
    """

    _: KW_ONLY
    grid: bool = False
    reuses: ClassVar[Reuse] = "always"

    def __post_init__(self) -> None:
        boolean("grid", self.grid)

    def output(self, shape: Shape, /) -> Shape:
        if isinstance(shape, Tokens) or len(shape) < 2:
            raise ValueError(problem("shape", "(C, H, W) 或 (C, L)", shape, "它已经没有通道在前的位置"))
        channels, *sizes = shape
        return Tokens((*sizes, channels)) if self.grid else Tokens((prod(sizes), channels))


@dataclass(frozen=True)
class ToImage(Layer):
    """把排成网格的词元 `(H, W, D)` 换回图像 `(D, H, W)`，`ToTokens(grid=True)` 的逆。

    Raises:
        ValueError: 到达它的不是网格 `(H, W, D)`。

    References:
        PyTorch `torch.permute`。

    Examples:
        >>> ToImage().output(Tokens((14, 14, 768)))
        (768, 14, 14)
    """

    reuses: ClassVar[Reuse] = "always"

    def output(self, shape: Shape, /) -> Shape:
        height, width, features = on_grid(shape)
        return features, height, width


@dataclass(frozen=True)
class ClassToken(Layer):
    """在最前面加一个可学习的词元，`(T, D)` 成为 `(T+1, D)`；参数 D 个。

    这个词元起初什么也不看，所以各单元的感受野不一；经过注意力才看到整个输入。

    Raises:
        ValueError: 到达它的不是词元 `(T, D)`。

    References:
        Dosovitskiy et al. (2020), arXiv:2010.11929, 式 1；
        Devlin et al. (2018), *BERT*, arXiv:1810.04805, §3。

    Examples:
        >>> ClassToken().output(Tokens((196, 768)))
        Tokens((197, 768))
    """

    def output(self, shape: Shape, /) -> Shape:
        length, width = _sequence(shape)
        return Tokens((length + 1, width))

    def reach(self, shape: Shape, /) -> Reach:
        return Unaligned("类别标记什么也不看，与别的词元不一样")

    def parameters(self, shape: Shape, /) -> Parameters:
        return {"embedding": shape[-1]}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class PositionEmbedding(Layer):
    """给每个位置加一个可学习的向量：参数 `T*D` 个，加法 `T*D` 次。

    Raises:
        ValueError: 到达它的不是词元 `(T, D)`。

    References:
        Dosovitskiy et al. (2020), arXiv:2010.11929, 式 1。

    Examples:
        >>> PositionEmbedding().params(Tokens((197, 768)))
        151296
    """

    def output(self, shape: Shape, /) -> Shape:
        _sequence(shape)
        return shape

    def parameters(self, shape: Shape, /) -> Parameters:
        return {"embedding": prod(shape)}

    def operations(self, shape: Shape, /) -> Operations:
        return {"elementwise": prod(shape)}

    def saved(self, shape: Shape, /) -> Saved:
        return NOTHING


@dataclass(frozen=True)
class SelectToken(Layer):
    """只取第 `index` 个词元，`(T, D)` 成为向量 `(D,)`；类别标记是第 0 个。

    Attributes:
        index: 取第几个，从 0 数起。

    Raises:
        TypeError: `index` 不是整数。
        ValueError: `index` 小于 0 或不小于词元数，或到达它的不是词元 `(T, D)`。

    References:
        Dosovitskiy et al. (2020), arXiv:2010.11929, 式 4。

    Examples:
        >>> SelectToken().output(Tokens((197, 768)))
        (768,)
    """

    reuses: ClassVar[Reuse] = "always"

    index: int = 0

    def __post_init__(self) -> None:
        store(self, index=integer("index", self.index, minimum=0))

    def output(self, shape: Shape, /) -> Shape:
        length, width = _sequence(shape)
        if self.index >= length:
            raise ValueError(problem("index", f"0 到 {length - 1} 的整数", self.index, "请改序号"))
        return (width,)

    def reach(self, shape: Shape, /) -> Reach:
        return Unaligned(f"只取第 {self.index} 个词元")


@dataclass(frozen=True)
class MultiheadAttention(Merge):
    r"""多头注意力：$\mathrm{softmax}\bigl(QK^\top/\sqrt{D/h}\bigr)V$，各头并排，再经一个线性层。

    输入一个是自注意力；两个是查询、键值；三个是查询、键、值。查询是 `(T, D)`，键、值是 `(S, ·)`，输出是
    `(T, D)`。四个线性层的乘加记在 `"linear"`，$QK^\top$ 与乘 $V$ 的各 $TSD$ 次记在 `"attention"`
    （与头数 $h$ 无关），softmax 的 $hTS$ 个元素记在 `"activation"`。

    训练时不留 $hTS$ 个概率，只留每行的 log-sum-exp（$hT$ 个），反向时重算：PyTorch 的
    `scaled_dot_product_attention` 在 CPU 上这样做，它就是 FlashAttention
    （Dao et al., 2022, arXiv:2205.14135, §3.1）。

    Attributes:
        num_heads: 头数 $h$，必须整除 D。
        bias: 四个线性层是否有偏置。

    Raises:
        TypeError: `num_heads` 不是整数，或 `bias` 不是布尔值。
        ValueError: `num_heads` 小于 1 或不整除 D，输入不是一到三个词元的序列，或键与值的个数不同。

    References:
        Vaswani et al. (2017), *Attention Is All You Need*, arXiv:1706.03762, §3.2.2。

    Examples:
        >>> attention, shapes = MultiheadAttention(12), [Tokens((197, 768))]
        >>> attention.params(shapes), dict(attention.operations(shapes))["attention"] == 2 * 197 * 197 * 768
        (2362368, True)
    """

    num_heads: int
    _: KW_ONLY
    bias: bool = True

    def __post_init__(self) -> None:
        store(self, num_heads=integer("num_heads", self.num_heads, minimum=1))
        boolean("bias", self.bias)

    def output(self, shapes: Sequence[Shape], /) -> Shape:
        (_, width), (keys, _), (values, _) = query, _, _ = self._inputs(shapes)
        if width % self.num_heads:
            raise ValueError(problem("num_heads", f"维数 {width} 的约数", self.num_heads, "请改头数"))
        if keys != values:
            raise ValueError(problem("shape", "个数相同的键与值", f"{keys} 与 {values} 个词元", "请检查输入"))
        return Tokens(query)

    def reaches(self, shapes: Sequence[Shape], /) -> Sequence[Reach]:
        return ["all"] * len(shapes)

    def parameters(self, shapes: Sequence[Shape], /) -> Parameters:
        query, key, value = self._inputs(shapes)
        width = query[1]
        weight = width * (query[1] + key[1] + value[1] + width)
        return some({"weight": weight, "bias": 4 * width * self.bias})

    def operations(self, shapes: Sequence[Shape], /) -> Operations:
        query, key, value = self._inputs(shapes)
        width = query[1]
        counts: Operations = {
            "linear": width * (prod(query) + prod(key) + prod(value) + query[0] * width),
            "attention": 2 * query[0] * key[0] * width,
            "bias": width * (2 * query[0] + key[0] + value[0]) * self.bias,
            "activation": self.num_heads * query[0] * key[0],
        }
        return some(counts)

    def saved(self, shapes: Sequence[Shape], /) -> Saved:
        query, key, _ = self._inputs(shapes)
        projected = query[1] * (2 * query[0] + 2 * key[0])  # 查询、键、值，和各头并排的输出
        return Saved(inputs=True, numbers=projected + self.num_heads * query[0])

    def _inputs(self, shapes: Sequence[Shape]) -> list[tuple[int, int]]:
        """查询、键、值的形状。"""
        sequences = [_sequence(shape) for shape in shapes]
        if not 1 <= len(sequences) <= 3:
            raise ValueError(problem("inputs", "一到三个输入", f"{len(shapes)} 个", "依次是查询、键、值"))
        return sequences + sequences[-1:] * (3 - len(sequences))


def on_grid(shape: Shape) -> tuple[int, int, int]:
    """检查形状是排成网格的词元，返回高、宽、维数。"""
    if not isinstance(shape, Tokens) or len(shape) != 3:
        raise ValueError(problem("shape", "网格 (H, W, D)", shape, "图像请先用 ToTokens(grid=True) 换成网格"))
    height, width, features = shape
    return height, width, features


def _sequence(shape: Shape) -> tuple[int, int]:
    if not isinstance(shape, Tokens) or len(shape) != 2:
        remedy = "图像请先用 ToTokens 换成词元，编号请先用 Embedding 查表"
        raise ValueError(problem("shape", "词元 (T, D)", shape, remedy))
    return shape[0], shape[1]
