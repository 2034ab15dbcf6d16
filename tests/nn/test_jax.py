"""与 jax 的记录比前向与反向：多是 torch 没有的算子或选项。"""

from types import ModuleType

import pytest

from dlnotes.nn import (
    activations,
    adaptive_pooling,
    dropout,
    gated_recurrent_cell,
    gumbel,
    recurrent_cells,
    separable,
    softmax,
    sparsemax,
)
from tests.nn.recorded import Recorded, check, recorded, rounding

RECORDED = recorded("jax")
MODULES: dict[str, ModuleType] = {
    "rbf": activations,
    "global_avg_pool": adaptive_pooling,
    "drop_path": dropout,
    "alpha_dropout": dropout,
    "gumbel_softmax": gumbel,
    "sparsemax": sparsemax,
    "softmax_jacobian": softmax,
    "rnn_cell": recurrent_cells,
    "lstm_cell": recurrent_cells,
    "gru_cell": gated_recurrent_cell,
    "depthwise_conv2d": separable,
    "separable_conv2d": separable,
}


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_jax(case: Recorded) -> None:
    # LSTM 的一个梯度由四个门的贡献相加，可以几乎抵消，只剩 float32 的舍入
    check(MODULES[case.op], case, atol=rounding(case) if case.op == "lstm_cell" else 0.0)


def test_every_operator_is_recorded() -> None:
    assert {case.op for case in RECORDED} == set(MODULES)
    for op in MODULES:
        assert {str(case.y.dtype) for case in RECORDED if case.op == op} == {"float64", "float32"}
