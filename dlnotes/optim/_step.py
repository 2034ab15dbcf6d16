"""各优化器的一步共用的检查：输入、选项、状态、溢出。"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dlnotes._check import problem, real
from dlnotes.nn._arrays import Array, as_floats, has_shape, result


def rates(lr: float, weight_decay: float) -> None:
    real("lr", lr, minimum=0)
    real("weight_decay", weight_decay, minimum=0)


def fraction(name: str, value: float) -> float:
    number = real(name, value, minimum=0, maximum=1)
    if number == 1:
        raise ValueError(problem(name, "小于 1 的实数", repr(value), "等于 1 永远记不进新的梯度，请改小"))
    return number


def start(w: ArrayLike, g: ArrayLike) -> tuple[list[Array], np.dtype[Any]]:
    (values, slope), dtype = as_floats(w=w, g=g)
    has_shape("g", slope, values.shape, like=" `w` ")
    finite("w", values)
    finite("g", slope)
    return [values, slope], dtype


def state_of(kind: type[Any], state: Any) -> Any:
    if state is not None and not isinstance(state, kind):
        got = f"{type(state).__name__} 类型的值"
        raise TypeError(problem("state", f"None 或 {kind.__name__}", got, "请传入上一步返回的状态"))
    return state


def kept(name: str, array: Any, like: Array) -> Array:
    """状态里的数组：要与 `w` 同形。"""
    (kept,), _ = as_floats(**{f"state.{name}": array})
    has_shape(f"state.{name}", kept, like.shape, like=" `w` ")
    return np.asarray(kept)


def finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise ValueError(problem(name, "有限的数", "nan 或 inf", "请减小学习率，或先查它从哪里来"))


def end(w: Array, *state: Array | None, dtype: np.dtype[Any]) -> Array:
    """更新后的参数；参数或状态溢出就报错，不悄悄走下去（平方溢出的 Adam 会原地不动）。"""
    new = result(w, dtype)
    if not all(np.isfinite(array).all() for array in (new, *state) if array is not None):
        raise ValueError(problem("g", f"更新不超出 {dtype} 的梯度", "会溢出的", "请减小学习率或先裁剪梯度"))
    return new
