r"""范数：向量的 L0、L1、L2、Lp、L∞，矩阵的 Frobenius、谱、核、诱导范数，对偶范数，单位球。

向量的范数沿 `axis` 算；`axis=None`（默认）把整个数组当成一个向量。矩阵的范数看最后两轴，前面的轴是一批。算之
前先除以 2 的一个幂，所以 1e200 的平方不会溢出，1e-200 的平方也不会变成 0；结果本身装不下时是 `inf`。类型不
变：float32 进，float32 出（`l0` 返回整数）。元素不是实数抛 `TypeError`。含 `nan` 的向量得 `nan`，含 `inf` 的
得 `inf`；要做奇异值分解的三个（谱、核、2-诱导）遇到它们抛 `ValueError`。

References:
    Goodfellow, Bengio & Courville (2016), *Deep Learning*, §2.5；Golub & Van Loan (2013), *Matrix
    Computations*, §2.2（向量）与 §2.3（矩阵）。
"""

from dlnotes.linalg._dual import dual_exponent, dual_norm, dual_point, unit_ball
from dlnotes.linalg._matrix_norms import frobenius, induced, nuclear, spectral
from dlnotes.linalg._vector_norms import l0, l1, l2, linf, lp

__all__ = [
    "dual_exponent",
    "dual_norm",
    "dual_point",
    "frobenius",
    "induced",
    "l0",
    "l1",
    "l2",
    "linf",
    "lp",
    "nuclear",
    "spectral",
    "unit_ball",
]
