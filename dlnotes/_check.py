"""输入错误的唯一措辞处：哪个参数、应当是什么、得到了什么、怎么办，一句话说完。

只依赖标准库：`dlnotes.arch` 不加载 numpy。
"""

from operator import index


def problem(argument: str, expected: str, got: object, remedy: str) -> str:
    """一条报错的全文；类型由调用者选（`TypeError` 还是 `ValueError`）。"""
    gap = " " if expected[0].isascii() else ""  # 汉字与西文之间空一格
    return f"`{argument}` 应为{gap}{expected}，得到 {got}；{remedy}。"


def integer(argument: str, value: object, *, minimum: int) -> int:
    """检查并返回一个不小于 `minimum` 的整数；接受 numpy 的整数，不接受 `bool` 和小数。"""
    expected = f"不小于 {minimum} 的整数"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = index(value)  # type: ignore[arg-type]  # 不支持 __index__ 的由下一行接住
    except TypeError:
        remedy = "请传入整数，需要取整时自己写明怎样取"
        raise TypeError(problem(argument, expected, repr(value), remedy)) from None
    if number < minimum:
        raise ValueError(problem(argument, expected, repr(value), f"请改为 {minimum} 或更大的值"))
    return number


def boolean(argument: str, value: object) -> None:
    """检查一个开关；1、0、None 不算，免得 `bias=5` 数出五个偏置。"""
    if not isinstance(value, bool):
        raise TypeError(problem(argument, "True 或 False", repr(value), "请写明要还是不要"))


def pair(argument: str, value: object, *, minimum: int) -> tuple[int, int]:
    """检查高、宽两个方向的整数；单个整数表示两个方向相同。"""
    if isinstance(value, list | tuple):
        if isinstance(value, list) or len(value) != 2:  # 列表会让层不可散列
            expected = "一个整数或元组 (高, 宽)"
            raise ValueError(problem(argument, expected, repr(value), "请给出一个整数或两个整数的元组"))
        return (
            integer(f"{argument}[0]", value[0], minimum=minimum),
            integer(f"{argument}[1]", value[1], minimum=minimum),
        )
    number = integer(argument, value, minimum=minimum)
    return number, number


def image_shape(shape: object) -> tuple[int, ...]:
    """检查网络的输入形状 `(C, H, W)` 是三个正整数，返回 Python 整数的元组。"""
    if not isinstance(shape, tuple) or len(shape) != 3:
        raise ValueError(problem("input", "(C, H, W) 三个正整数", repr(shape), "请写全通道数、高、宽"))
    return tuple(
        integer(f"input 的 {axis}", size, minimum=1) for axis, size in zip("CHW", shape, strict=True)
    )
