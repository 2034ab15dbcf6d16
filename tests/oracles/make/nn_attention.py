"""写出 `tests/oracles/nn/` 里的 attention、multi_head、attention_scores、attend、linear_attention。

手工运行，项目自己不用它；要一个装有 torch（CPU）与 numpy 的环境：

    python tests/oracles/make/nn_attention.py

点积注意力与多头注意力用 torch 自己的函数；别的 torch 没有，用它的基本运算照公式写，梯度由它的自动微分算。
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from _torch import torch_record


def attention() -> None:
    r = torch_record("attention", digits=3)

    def run(query: Any, key: Any, value: Any, attn_mask: Any = None, **options: Any) -> Any:
        return F.scaled_dot_product_attention(query, key, value, attn_mask, **options)

    def dropped(query: Any, key: Any, value: Any, attn_mask: Any, dropout_mask: Any) -> Any:
        scores = query @ key.mT / query.shape[-1] ** 0.5
        return (scores.softmax(-1) * dropout_mask) @ value

    def three(batch: tuple[int, ...], length: int, keys: int, d: int, m: int) -> dict[str, Any]:
        shapes = ((*batch, length, d), (*batch, keys, d), (*batch, keys, m))
        names = ("query", "key", "value")
        found = {name: r.normal(*shape) for name, shape in zip(names, shapes, strict=True)}
        return found | {"attn_mask": None}

    name = "scaled_dot_product_attention"
    for sizes in (((), 1, 1, 1, 1), ((2, 3), 4, 5, 6, 2), ((2,), 7, 3, 2, 5), ((1, 2), 9, 9, 4, 3)):
        r.both(name, run, three(*sizes))
        r.both(name, run, three(*sizes), {"is_causal": True})
    for scale in (0.0, -0.5, 3.0):
        r.both(name, run, three((2,), 4, 5, 3, 2), {"scale": scale})
    for shape in ((5, 6), (2, 1, 5, 6), (2, 3, 5, 6), (1, 6)):
        keep = r.rng.random(shape) < 0.6
        r.both(name, run, three((2, 3), 5, 6, 4, 3) | {"attn_mask": keep})  # 有的行全被遮住
        bias = r.normal(*shape)
        r.both(name, run, three((2, 3), 5, 6, 4, 3) | {"attn_mask": bias})
    bias = np.where(r.rng.random((5, 6)) < 0.5, -np.inf, r.normal(5, 6))
    bias[1] = -np.inf
    r.both(name, run, three((2, 3), 5, 6, 4, 3) | {"attn_mask": bias})
    for heads in (1, 2, 4):
        arrays = three((2, 4), 3, 5, 4, 2)
        arrays["key"], arrays["value"] = arrays["key"][:, :heads], arrays["value"][:, :heads]
        r.both(name, run, arrays, {"enable_gqa": True})
        r.both(name, run, arrays | {"attn_mask": r.rng.random((2, 4, 3, 5)) < 0.6}, {"enable_gqa": True})
    drop = (r.rng.random((2, 4, 5)) < 0.7) / 0.7
    r.both(name, dropped, three((2,), 4, 5, 3, 2), fixed={"dropout_mask": drop})
    r.write()


def attend() -> None:
    r = torch_record("attend", digits=3)

    def run(scores: Any, value: Any, attn_mask: Any, dropout_mask: Any = None) -> Any:
        if attn_mask is not None:
            masked = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else None
            scores = scores + attn_mask if masked is None else masked
        weights = scores.softmax(-1)
        return (weights if dropout_mask is None else weights * dropout_mask) @ value

    for length, keys, m in ((1, 1, 1), (3, 5, 2), (6, 4, 7)):
        arrays = {"scores": r.normal(2, length, keys) * 3, "value": r.normal(2, keys, m)}
        r.both("attend", run, arrays | {"attn_mask": None})
        r.both("attend", run, arrays | {"attn_mask": r.normal(length, 1)})
        r.both("attend", run, arrays | {"attn_mask": r.normal(2, 1, keys)})
        keep = r.rng.random((length, keys)) < 0.6
        keep[:, 0] = True  # softmax 全被遮住的行是 NaN
        drop = (r.rng.random((length, keys)) < 0.7) / 0.7
        r.both("attend", run, arrays | {"attn_mask": keep}, fixed={"dropout_mask": drop})
    r.write()


def scores() -> None:
    r = torch_record("attention_scores", digits=3)

    def additive(query: Any, key: Any, query_weight: Any, key_weight: Any, v: Any) -> Any:
        pairs = F.linear(query, query_weight).unsqueeze(-2) + F.linear(key, key_weight).unsqueeze(-3)
        return F.linear(pairs.tanh(), v[None])[..., 0]

    def dot(query: Any, key: Any) -> Any:
        return torch.einsum("...ld,...sd->...ls", query, key)

    def general(query: Any, key: Any, weight: Any) -> Any:
        return torch.einsum("...ld,de,...se->...ls", query, weight, key)

    for batch, length, keys, d, e, a in (((), 1, 1, 1, 1, 1), ((2,), 3, 5, 4, 2, 6), ((2, 3), 4, 2, 3, 5, 2)):
        q, k = r.normal(*batch, length, d), r.normal(*batch, keys, e)
        r.both("dot_scores", dot, {"query": q, "key": r.normal(*batch, keys, d)})
        r.both("general_scores", general, {"query": q, "key": k, "weight": r.normal(d, e)})
        weights = {"query_weight": r.normal(a, d), "key_weight": r.normal(a, e), "v": r.normal(a)}
        r.both("additive_scores", additive, {"query": q, "key": k} | weights)
    r.write()


def linear() -> None:
    r = torch_record("linear_attention", digits=3)

    def run(query: Any, key: Any, value: Any, is_causal: bool) -> Any:
        weights = (F.elu(query) + 1) @ (F.elu(key) + 1).mT
        weights = weights.tril() if is_causal else weights
        return weights / weights.sum(-1, keepdim=True) @ value

    for batch, length, d, m in (((), 1, 1, 1), ((2,), 5, 3, 2), ((2, 2), 7, 4, 5), ((), 130, 2, 2)):
        arrays = {
            "query": r.normal(*batch, length, d),
            "key": r.normal(*batch, length, d),
            "value": r.normal(*batch, length, m),
        }
        for is_causal in (False, True):
            r.both("linear_attention", run, arrays, {"is_causal": is_causal})
        arrays |= {"key": arrays["key"][..., :-1, :], "value": arrays["value"][..., :-1, :]}
        if length > 1:
            r.both("linear_attention", run, arrays, {"is_causal": False})
    r.write()


def multi_head() -> None:
    r = torch_record("multi_head", digits=3)
    parts = ("q", "k", "v", "out")

    def run(query: Any, key: Any, value: Any, *rest: Any, num_heads: int, **options: Any) -> Any:
        (wq, wk, wv, wo, bq, bk, bv, bo), (attn_mask, *padding) = rest[:8], rest[8:]
        if attn_mask is not None:
            attn_mask = ~attn_mask if attn_mask.dtype == torch.bool else attn_mask  # 模块里 True 是不许看
            if attn_mask.ndim == 4:
                attn_mask = attn_mask.flatten(0, 1)
        need = options.get("need_weights", False)
        y, weights = F.multi_head_attention_forward(
            query.transpose(0, 1),
            key.transpose(0, 1),
            value.transpose(0, 1),
            query.shape[-1],
            num_heads,
            None,
            None if bq is None else torch.cat([bq, bk, bv]),
            None,
            None,
            False,
            0.0,
            wo,
            bo,
            training=False,
            key_padding_mask=padding[0] if padding else None,
            need_weights=need,
            attn_mask=attn_mask,
            use_separate_proj_weight=True,
            q_proj_weight=wq,
            k_proj_weight=wk,
            v_proj_weight=wv,
            average_attn_weights=options.get("average_attn_weights", True),
        )
        y = y.transpose(0, 1)
        return {"y": y, "weights": weights.detach()} if need else y

    def arrays(n: int, length: int, keys: int, d: int, e: int, f: int, bias: bool) -> dict[str, Any]:
        found = {"query": r.normal(n, length, d), "key": r.normal(n, keys, e), "value": r.normal(n, keys, f)}
        for part, features in zip(parts, (d, e, f, d), strict=True):
            found[f"{part}_proj_weight"] = r.normal(d, features)
        for part in parts:
            found[f"{part}_proj_bias"] = r.normal(d) if bias else None
        return found | {"attn_mask": None}

    name = "multi_head_attention"
    for sizes, heads in (((1, 1, 1, 1, 1, 1), 1), ((2, 3, 4, 6, 5, 3), 2), ((2, 5, 5, 4, 4, 4), 4)):
        for bias in (False, True):
            r.both(name, run, arrays(*sizes, bias), {"num_heads": heads})
    sizes = (2, 3, 5, 4, 4, 4)
    for average in (False, True):
        options = {"num_heads": 2, "need_weights": True, "average_attn_weights": average}
        r.both(name, run, arrays(*sizes, True), options)
    keep = r.rng.random((3, 5)) < 0.6
    keep[1] = False  # 全被遮住；不要权重时 torch 也给 0
    padding = np.arange(5) >= np.array([[3], [5]])
    r.both(name, run, arrays(*sizes, True) | {"attn_mask": keep}, {"num_heads": 2})
    r.both(name, run, arrays(*sizes, True) | {"attn_mask": r.normal(3, 5)}, {"num_heads": 2})
    r.both(name, run, arrays(*sizes, True) | {"attn_mask": r.normal(2, 2, 3, 5)}, {"num_heads": 2})
    r.both(name, run, arrays(*sizes, True), {"num_heads": 2}, fixed={"key_padding_mask": padding})
    keep = r.rng.random((2, 2, 3, 5)) < 0.7
    masks = {"attn_mask": keep}
    r.both(name, run, arrays(*sizes, True) | masks, {"num_heads": 2}, fixed={"key_padding_mask": padding})
    r.write()


if __name__ == "__main__":
    attention()
    attend()
    scores()
    linear()
    multi_head()
