"""省略的选项：与 PyTorch 的文档（torch.nn.functional、torch.nn.init 与对应的层）写的一样，前向与反向一样。"""

import inspect
from importlib import import_module

import pytest

from tests.nn.test_coverage import public_functions

# 选项的名字到缺省值；同名而不同的写在 SPECIAL。没有写进来的选项不许有缺省值。
COMMON = {
    **dict.fromkeys(["dilation", "groups", "n_power_iterations"], 1),
    **dict.fromkeys(["padding", "output_padding", "blank", "a", "label_smoothing", "mean"], 0),
    **dict.fromkeys(["ceil_mode", "return_indices", "is_causal", "enable_gqa", "hard", "log_target"], False),
    **dict.fromkeys(["zero_infinity", "bidirectional", "batch_first", "keepdims", "need_weights"], False),
    **dict.fromkeys(["count_include_pad", "average", "average_attn_weights", "interleaved"], True),
    **dict.fromkeys(["weight", "bias", "pos_weight", "running_mean", "running_var", "divisor_override"]),
    **dict.fromkeys(["attn_mask", "dropout_mask", "key_padding_mask", "scale", "param", "padding_idx"]),
    **dict.fromkeys(["bias_ih", "bias_hh", "peephole", "h0", "c0", "dh_n", "dc_n", "lengths", "positions"]),
    **dict.fromkeys(["q_proj_bias", "k_proj_bias", "v_proj_bias", "out_proj_bias", "center"]),
    **dict.fromkeys(["alpha", "beta", "gamma", "temperature", "tau", "gain", "std", "delta", "margin"], 1),
    "k": 1,
    "axis": -1,
    "eps": 1e-5,
    "p": 0.5,
    "momentum": 0.1,
    "reduction": "mean",
    "training": True,
    "approximate": "none",
    "negative_slope": 0.01,
    "threshold": 20,
    "min_val": -1,
    "max_val": 1,
    "b": 2,
    "base": 10000,
    "mode": "fan_in",
    "nonlinearity": "tanh",
    "num_classes": -1,
    "ignore_index": -100,
    "reset_after": True,
    "scale_at": "training",
    "rtol": 1e-6,
    "directions": 3,
    "seed": 0,
    "stride": 1,
}
SPECIAL = {
    ("batch_norm", "training"): False,
    ("rms_norm", "eps"): None,
    ("spectral_norm", "eps"): 1e-12,
    ("cosine_linear", "eps"): 1e-12,
    ("triplet_margin_loss", "eps"): 1e-6,
    ("triplet_margin_loss", "p"): 2,
    ("sigmoid_focal_loss", "alpha"): 0.25,
    ("sigmoid_focal_loss", "gamma"): 2,
    ("sigmoid_focal_loss", "reduction"): "none",
    ("contrastive_info_nce", "temperature"): 0.07,
    ("local_response_norm", "alpha"): 1e-4,
    ("local_response_norm", "beta"): 0.75,
    ("trunc_normal", "a"): -2,
    ("spectral_norm", "axis"): 0,
    ("weight_norm", "axis"): 0,
    **{(f"kaiming_{kind}", "nonlinearity"): "leaky_relu" for kind in ("uniform", "normal")},
    # 池化的步长默认等于窗口
    **{(f"{kind}_pool{axes}d", "stride"): None for kind in ("max", "avg", "lp") for axes in (1, 2)},
}


@pytest.mark.parametrize("name", public_functions())
def test_defaults(name: str) -> None:
    module, _, function = name.rpartition(".")
    given = inspect.signature(inspect.unwrap(getattr(import_module(module), function))).parameters.values()
    found = {each.name: each.default for each in given if each.default is not each.empty}
    short = function.removesuffix("_backward")
    # 逐个循环的定义把两个方向都写出来。
    found = {key: value[0] if isinstance(value, tuple) else value for key, value in found.items()}
    expected = {key: SPECIAL.get((short, key), COMMON.get(key, "没有写明")) for key in found}
    assert found == expected
