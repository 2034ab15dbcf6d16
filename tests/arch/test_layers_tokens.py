"""词的序列：ViT-B/16、BERT 的参数按论文手算；注意力的乘加用三重循环数。"""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnotes.arch import (
    GELU,
    ClassToken,
    Conv2d,
    Embedding,
    LayerNorm,
    Linear,
    MultiheadAttention,
    PositionEmbedding,
    SelectToken,
    Tokens,
    ToTokens,
    Unaligned,
)
from dlnotes.arch.layers import Layer, Merge, Shape

WORDS = Tokens((197, 768))


def test_embedding_looks_up_a_vector_per_word() -> None:
    """BERT-base 的词表：30,522 × 768。"""
    layer = Embedding(30_522, 768)
    assert layer.output((128,)) == Tokens((128, 768))
    assert isinstance(layer.output((128,)), Tokens)
    assert layer.parameters((128,)) == {"embedding": 23_440_896}
    assert layer.params((128,)) == 23_440_896
    assert layer.operations((128,)) == {}
    assert (layer.macs((128,)), layer.buffers((128,))) == (0, 0)
    assert layer.reach((128,)) == "point"


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), WORDS, ()], ids=repr)
def test_embedding_wants_indices(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为词元的编号 \(T,\)，得到 .*。$"):
        Embedding(10, 4).output(shape)


@pytest.mark.parametrize("shape", [(5, 3, 4), (5, 7)], ids=repr)
def test_to_tokens_makes_a_word_of_every_position(shape: Shape) -> None:
    array = np.arange(prod(shape)).reshape(shape)
    tokens = array.reshape(shape[0], -1).T
    layer = ToTokens()
    assert layer.output(shape) == tokens.shape
    assert isinstance(layer.output(shape), Tokens)
    if len(shape) == 3:
        for t in range(len(tokens)):  # 第 t 个词是第 t // W 行、第 t % W 列
            assert list(tokens[t]) == list(array[:, t // shape[2], t % shape[2]])
    assert layer.reach(shape) == "point"
    assert layer.parameters(shape) == layer.operations(shape) == {}
    assert (layer.params(shape), layer.macs(shape), layer.buffers(shape)) == (0, 0, 0)


@pytest.mark.parametrize("shape", [(768,), WORDS, Tokens((2, 3, 4)), ()], ids=repr)
def test_to_tokens_wants_channels_first(shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为 \(C, H, W\) 或 \(C, L\)，得到 .*。$"):
        ToTokens().output(shape)


def test_class_token_adds_one_learned_word() -> None:
    layer, shape = ClassToken(), Tokens((196, 768))
    assert layer.output(shape) == WORDS
    assert isinstance(layer.output(shape), Tokens)
    assert layer.parameters(shape) == {"embedding": 768}
    assert layer.params(shape) == 768
    assert layer.operations(shape) == {}
    assert (layer.macs(shape), layer.buffers(shape)) == (0, 0)
    assert isinstance(layer.reach(shape), Unaligned)
    assert "类别标记" in layer.reach(shape).reason


def test_position_embedding_learns_and_adds_a_vector_per_position() -> None:
    layer = PositionEmbedding()
    assert layer.output(WORDS) == WORDS
    assert isinstance(layer.output(WORDS), Tokens)
    assert layer.parameters(WORDS) == {"embedding": 151_296}
    assert layer.params(WORDS) == 151_296
    assert layer.operations(WORDS) == {"elementwise": 151_296}
    assert (layer.macs(WORDS), layer.buffers(WORDS)) == (0, 0)
    assert layer.reach(WORDS) == "point"


def test_select_token_takes_one_word_out() -> None:
    for layer in (SelectToken(), SelectToken(0), SelectToken(196)):
        assert layer.output(WORDS) == np.zeros(WORDS)[layer.index].shape
        assert type(layer.output(WORDS)) is tuple
        assert layer.reach(WORDS) == Unaligned(f"只取第 {layer.index} 个词元")
        assert layer.parameters(WORDS) == layer.operations(WORDS) == {}
        assert (layer.params(WORDS), layer.macs(WORDS), layer.buffers(WORDS)) == (0, 0, 0)
    assert SelectToken() == SelectToken(0)
    with pytest.raises(ValueError, match=r"^`index` 应为 0 到 196 的整数，得到 197；.*。$"):
        SelectToken(197).output(WORDS)


@pytest.mark.parametrize(
    "layer", [ClassToken(), PositionEmbedding(), SelectToken(), MultiheadAttention(2)], ids=str
)
@pytest.mark.parametrize("shape", [(8,), (8, 4), (8, 4, 4), Tokens((2, 3, 8)), (197, 768)], ids=repr)
def test_layers_of_a_sequence_want_tokens(layer: Layer | Merge, shape: Shape) -> None:
    with pytest.raises(ValueError, match=r"^`shape` 应为词元 \(T, D\)，得到 .*；.*ToTokens.*Embedding.*。$"):
        layer.output([shape] if isinstance(layer, Merge) else shape)


def attention(query: Shape, key: Shape, value: Shape, heads: int, bias: bool) -> dict[str, int]:
    """照定义一个一个地数：四个线性层，各头的 QKᵀ 与乘 V。"""
    (t, d), (s, k), (_, v) = query, key, value
    linear = sum(rows * columns * d for rows, columns in ((t, d), (s, k), (s, v), (t, d)))
    products = softmax = 0
    for _head in range(heads):
        for _row, _column in product(range(t), range(s)):
            softmax += 1
            products += len(range(d // heads))  # 一行 Q 与一行 K 的内积
            products += len(range(d // heads))  # 这个权重乘这一行 V
    counts = {"linear": linear, "attention": products, "activation": softmax}
    # 查询、键、值、输出四个线性层各给自己的每一行加偏置
    return counts | ({"bias": (t + s + s + t) * d} if bias else {})


@settings(max_examples=100, deadline=None)
@given(
    heads=st.integers(1, 4),
    width=st.integers(1, 3),
    lengths=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    others=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    inputs=st.integers(1, 3),
    bias=st.booleans(),
)
def test_attention_is_counted_product_by_product(
    heads: int, width: int, lengths: tuple[int, int], others: tuple[int, int], inputs: int, bias: bool
) -> None:
    query = Tokens((lengths[0], heads * width))
    key = query if inputs == 1 else Tokens((lengths[1], others[0]))
    value = key if inputs < 3 else Tokens((lengths[1], others[1]))
    shapes = [query, key, value][:inputs]
    layer = MultiheadAttention(heads, bias=bias)
    assert layer.output(shapes) == query
    assert isinstance(layer.output(shapes), Tokens)
    counts = attention(query, key, value, heads, bias)
    assert layer.operations(shapes) == counts
    assert layer.macs(shapes) == counts["linear"] + counts["attention"]
    d = query[1]
    # 各线性层的权重：D×D、D×k、D×v、D×D（PyTorch 的 kdim、vdim）
    weights = {
        (name, row, column)
        for name, columns in (("q", d), ("k", key[1]), ("v", value[1]), ("out", d))
        for row, column in product(range(d), range(columns))
    }
    assert layer.parameters(shapes) == {"weight": len(weights)} | ({"bias": 4 * d} if bias else {})
    assert layer.params(shapes) == len(weights) + 4 * d * bias
    assert layer.buffers(shapes) == 0
    assert list(layer.reaches(shapes)) == ["all"] * inputs


def test_the_number_of_heads_does_not_change_the_products() -> None:
    macs = {MultiheadAttention(heads).macs([WORDS]) for heads in (1, 2, 3, 12, 768)}
    assert len(macs) == 1


def test_attention_wants_one_to_three_sequences() -> None:
    words = Tokens((4, 8))
    for shapes in ([], [words] * 4):
        message = rf"^`inputs` 应为一到三个输入，得到 {len(shapes)} 个；.*。$"
        with pytest.raises(ValueError, match=message):
            MultiheadAttention(2).output(shapes)
    with pytest.raises(ValueError, match=r"^`shape` 应为个数相同的键与值，得到 5 与 6 个词元；.*。$"):
        MultiheadAttention(2).output([words, Tokens((5, 8)), Tokens((6, 8))])
    with pytest.raises(ValueError, match=r"^`num_heads` 应为维数 8 的约数，得到 3；.*。$"):
        MultiheadAttention(3).output([words])
    # 头数只须整除查询的维数
    assert MultiheadAttention(2).output([words, Tokens((5, 3))]) == (4, 8)


def test_a_vit_b16_block_by_hand() -> None:
    """Dosovitskiy et al. (2020) Table 1：D = 768，MLP 3072，12 头，每块 7,087,872 个参数。"""
    attention_, norm = MultiheadAttention(12).params([WORDS]), LayerNorm().params(WORDS)
    wide = Linear(3072).output(WORDS)
    mlp = Linear(3072).params(WORDS) + Linear(768).params(wide)
    assert norm == 2 * 768
    assert attention_ == 4 * (768 * 768 + 768) == 2_362_368
    assert mlp == 768 * 3072 * 2 + 3072 + 768 == 4_722_432
    assert 2 * norm + attention_ + mlp == 7_087_872
    assert GELU().params(wide) == 0


def test_vit_b16_has_the_parameters_of_torchvision() -> None:
    """torchvision 的 vit_b_16：86,567,656 个参数。"""
    patches = Conv2d(768, 16, stride=16)
    image = (3, 224, 224)
    grid = patches.output(image)
    words = ToTokens().output(grid)
    assert (grid, words) == ((768, 14, 14), (196, 768))
    with_class = ClassToken().output(words)
    assert with_class == WORDS
    head = SelectToken().output(WORDS)
    total = patches.params(image) + ClassToken().params(words) + PositionEmbedding().params(WORDS)
    total += 12 * 7_087_872 + LayerNorm().params(WORDS) + Linear(1000).params(head)
    assert total == 86_567_656


def test_tokens_are_tuples_that_know_what_they_are() -> None:
    words = Tokens((4, 8))
    assert words == (4, 8)
    assert hash(words) == hash((4, 8))
    assert not hasattr(words, "__dict__")
