"""随机数的入口。"""

import numpy as np
from numpy.random import Generator

from dlnotes._check import integer, problem


def generator(rng: int | Generator) -> Generator:
    """整数是种子；不收 `None`，免得结果每次不同。"""
    if isinstance(rng, Generator):
        return rng
    if rng is None or isinstance(rng, float | str):
        remedy = "请传入整数种子，结果才能重现"
        raise TypeError(problem("rng", "整数种子或 numpy.random.Generator", repr(rng), remedy))
    return np.random.default_rng(integer("rng", rng, minimum=0))
