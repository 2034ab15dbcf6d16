"""输入错误的唯一措辞处：哪个参数、应当是什么、得到了什么、怎么办，一句话说完。

只依赖标准库：`dlnotes.arch` 不加载 numpy。
"""

from collections.abc import Sequence
from math import inf, isfinite, nan
from numbers import Real
from operator import index


def problem(argument: str, expected: str, got: object, remedy: str) -> str:
    """一条报错的全文；类型由调用者选（`TypeError` 还是 `ValueError`）。"""
    gap = " " if expected[0].isascii() else ""  # 汉字与西文之间空一格
    return f"`{argument}` 应为{gap}{expected}，得到 {got}；{remedy}。"


def shown(value: object) -> str:
    """得到的东西怎样写进一句话：一行，太长就截断。"""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # 整数太长，Python 不肯写成十进制
        text = "很大的整数"
    return text if len(text) <= 60 else f"{text[:60]}…"


def integer(argument: str, value: object, *, minimum: int | None) -> int:
    """检查并返回一个不小于 `minimum` 的整数；接受 numpy 的整数，不接受 `bool` 和小数。"""
    if type(value) is int and (minimum is None or value >= minimum):
        return value  # 绝大多数是这样；账本快不快，就看这一行
    expected = "整数" if minimum is None else f"不小于 {minimum} 的整数"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = index(value)  # type: ignore[arg-type]  # 不支持 __index__ 的由下一行接住
    except TypeError:
        remedy = "请传入整数，需要取整时自己写明怎样取"
        raise TypeError(problem(argument, expected, shown(value), remedy)) from None
    if minimum is not None and number < minimum:
        raise ValueError(problem(argument, expected, shown(value), f"请改为 {minimum} 或更大的值"))
    return number


def real(
    argument: str,
    value: object,
    *,
    minimum: float = -inf,
    maximum: float = inf,
    above: float = -inf,
    finite: bool = True,
) -> float:
    """检查并返回一个实数，从 `minimum` 到 `maximum`，大于 `above`；不接受数组、`bool` 与 `nan`。

    `finite=False` 时也可以是 ±∞。
    """
    if type(value) is float and isfinite(value) and minimum <= value <= maximum and value > above:
        return value  # 绝大多数是这样；训练时每一步都要查
    expected = "有限的实数" if finite else "实数"
    if maximum < inf:
        expected = f"不大于 {maximum:g} 的实数"
    if above > -inf:
        expected = f"大于 {above:g} 的实数"
    elif minimum > -inf:
        expected = f"不小于 {minimum:g} 的实数" if maximum == inf else f"{minimum:g} 到 {maximum:g} 的实数"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(problem(argument, expected, shown(value), "请传入一个数"))
    try:
        number = float(value)
    except OverflowError:  # 浮点数装不下的整数
        number = nan
    fits = minimum <= number <= maximum and (number > above or above == -inf)
    if not fits or (finite and not isfinite(number)):
        raise ValueError(problem(argument, expected, shown(value), "请改为这个范围里的数"))
    return number


def boolean(argument: str, value: object) -> None:
    """检查一个开关；1、0、None 不算，免得 `bias=5` 数出五个偏置。"""
    if not isinstance(value, bool):
        raise TypeError(problem(argument, "True 或 False", shown(value), "请写明要还是不要"))


def choice(argument: str, value: object, choices: Sequence[str]) -> None:
    """检查一个选项是几个名字之一。"""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(problem(argument, f"{' / '.join(choices)} 之一", shown(value), "请从中选一个"))


def per_axis(argument: str, value: object, *, axes: int, minimum: int | None) -> tuple[int, ...]:
    """检查各方向的整数；单个整数表示各方向相同。列表不行：它会让层不可散列。"""
    if isinstance(value, tuple) and len(value) == axes:
        return tuple(integer(f"{argument}[{axis}]", item, minimum=minimum) for axis, item in enumerate(value))
    if isinstance(value, list | tuple):
        expected = "一个整数或元组 (高, 宽)" if axes == 2 else f"一个整数或 {axes} 个整数的元组"
        raise ValueError(problem(argument, expected, shown(value), "请改成其中一种写法"))
    return (integer(argument, value, minimum=minimum),) * axes
