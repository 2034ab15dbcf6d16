"""坏输入：从一次正确的调用出发，逐个替换参数，看函数要么说清楚，要么安静地给出值。

`tests/nn/test_bad_input*.py` 各有一张表，每个公开的函数一行正确的调用：

    CALLS = [*pair(relu, x=X), *pair(prelu, x=X, weight=W), Call(gumbel_noise, shape=3, rng=RNG)]

表里的数组写成 numpy 数组，选项写成 Python 的数、字符串、开关；函数据此知道该换成什么。
"""

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, product
from typing import Any

import numpy as np

from tests.nn.test_coverage import public_functions

RAGGED = [[1.0], [1.0, 2.0]]
NAN, INF = float("nan"), float("inf")
# 换成这些，必须拒绝
NOT_ARRAYS: list[Any] = ["a", RAGGED, [None], {}, object(), np.ones(2, complex), np.array(["a"]), [10**400]]
NOT_NUMBERS: list[Any] = ["a", NAN, True, 1j, RAGGED, [], {}, object(), np.ones(2), np.ones((30, 30)), len]
NOT_INTEGERS: list[Any] = [*NOT_NUMBERS, 1.5, INF]
NOT_NAMES: list[Any] = ["a", "", 1, 1.5, NAN, True, [], object(), np.ones(2), b"mean"]
NOT_SWITCHES: list[Any] = ["a", 0, 1, 1.5, NAN, [], object(), np.ones(2)]
NOT_CONTAINERS: list[Any] = ["a", NAN, 1.5, object(), RAGGED, ["a"], (1.5,), (None,), np.ones((2, 2))]
NOT_GENERATORS: list[Any] = ["a", 0, object(), np.random, np.random.RandomState(0)]
NOT_CALLABLE: list[Any] = ["a", 1.5, []]
# 换成这些，拒绝或给出值都行，但不能警告，不能从深处抛出英文的异常
NUMBERS: list[Any] = [0, -1, 1, 0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, INF, -INF, 10**400, np.float32(0.5)]
INTEGERS: list[Any] = [0, -1, 1, 7, -(10**6), 10**30, np.int8(1), np.uint64(2**63)]
SHAPES: list[Any] = [0, -1, 3, (), (0,), (2,), (0, 2), (2, 0), (-1, 2), (2, 3, 0), [2, 3], (True, 2)]
SPECIAL = [NAN, INF, -INF, 1e308, -1e308, 3e38, 1e-320, 0.0]

TOO_BIG = re.compile("Maximum allowed size|array is too big")  # numpy 装不下的长度，不是函数的错

Call = tuple[Callable[..., Any], dict[str, Any]]


def call(function: Callable[..., Any], /, **arguments: Any) -> Call:
    """表里的一行：一次正确的调用。"""
    return function, arguments


def pair(forward: Callable[..., Any], /, **arguments: Any) -> list[Call]:
    """前向与反向两行；前向只返回一个数组，`dy` 与它同形。"""
    backward = getattr(inspect.getmodule(forward), f"{forward.__name__}_backward")
    dy = np.ones_like(forward(**arguments), dtype=np.float64)
    return [(forward, arguments), (backward, {"dy": dy, **arguments})]


def ids(calls: Iterable[Call]) -> list[str]:
    """各行的名字，给 `parametrize`；同一个函数有几行，就编号。"""
    names = [function.__name__ for function, _ in calls]
    numbers = [names[:at].count(name) for at, name in enumerate(names)]
    return [f"{name}-{n}" if n else name for name, n in zip(names, numbers, strict=True)]


def missing(modules: Iterable[str], calls: Iterable[Call]) -> list[str]:
    """模块（连同其下的模块）里有公开的函数，而表里没有；或表里有而模块里没有。"""
    prefixes = tuple(modules)
    own = {name for name in public_functions() if any(name.startswith(f"{prefix}.") for prefix in prefixes)}
    listed = {f"{inspect.unwrap(f).__module__}.{inspect.unwrap(f).__name__}" for f, _ in calls}
    return sorted(own ^ listed)


def complaints(function: Callable[..., Any], arguments: dict[str, Any]) -> list[str]:
    """逐个替换参数，返回不合要求的各次；正确的函数得到空的列表。"""
    function(**arguments)  # 正确的调用当然要成功
    found = []
    for label, changed, refuse in _variations(function, arguments):
        found += [f"{label}：{problem}" for problem in _outcome(function, changed, refuse=refuse)]
    return found


def pairs(calls: Iterable[Call]) -> list[tuple[Call, Call]]:
    """表里紧挨着的一个前向与它的反向。"""
    return [(f, g) for f, g in pairwise(calls) if g[0].__name__ == f"{f[0].__name__}_backward"]


def more_lenient(forward: Call, backward: Call) -> list[str]:
    """前向拒绝、反向却收下的各次替换；正确的一对得到空的列表。"""
    (f, given), (g, back) = forward, backward
    shared = {name: value for name, value in given.items() if name in back}
    changes = ((label, changed) for label, changed, _ in _variations(f, shared))
    return [
        label
        for label, changed in changes
        if _refuses(f, given | changed) and not _refuses(g, back | changed)
    ]


def _refuses(function: Callable[..., Any], arguments: dict[str, Any]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**arguments)
    except (ValueError, TypeError):
        return True
    return False


def _variations(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """各次替换：怎样换的、换好的参数、是不是必须拒绝。"""
    parameters = inspect.signature(function).parameters
    for name, value in arguments.items():
        optional = parameters[name].default is None
        for bad in [*_refused(value), *([] if optional else [None])]:
            yield f"{name}={_short(bad)}", arguments | {name: bad}, True
        for odd in _survived(value):
            yield f"{name}={_short(odd)}", arguments | {name: odd}, False
    for name, value in _nested(arguments):
        for bad in [None, *NOT_ARRAYS]:
            yield f"{name} 里的一项={_short(bad)}", arguments | {name: value(bad)}, False
    floats = [name for name, value in arguments.items() if _is_array(value, "f")]
    choices = SPECIAL if len(floats) <= 3 else SPECIAL[:4]
    for fills in product([None, *choices], repeat=len(floats)) if len(floats) <= 4 else []:
        if any(fill is not None for fill in fills):
            changes = dict(zip(floats, fills, strict=True))
            filled = {name: _filled(arguments[name], fill) for name, fill in changes.items()}
            yield f"填 {changes}", arguments | filled, False
            halved = {name: _filled(arguments[name], fill, first=True) for name, fill in changes.items()}
            yield f"首元素 {changes}", arguments | halved, False


def _refused(value: Any) -> list[Any]:
    """一定要拒绝的替代品，由正确的值的种类定。"""
    kinds: list[tuple[bool, list[Any]]] = [
        (isinstance(value, np.ndarray), NOT_ARRAYS),
        (isinstance(value, bool), NOT_SWITCHES),
        (isinstance(value, int), NOT_INTEGERS),
        (isinstance(value, float), NOT_NUMBERS),
        (isinstance(value, str), NOT_NAMES),
        (isinstance(value, tuple | list | dict), NOT_CONTAINERS),
        (isinstance(value, np.random.Generator), NOT_GENERATORS),
        (callable(value), NOT_CALLABLE),
    ]
    return next(bad for fits, bad in kinds if fits)


def _survived(value: Any) -> list[Any]:
    """可以拒绝、也可以算出值的替代品。"""
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        shapes = [value[None], value[..., None], flat, flat[:1], flat[0], np.empty(0)]
        shapes += [value[:0], value[..., :0]] if value.ndim else []
        odd = [[], 1, 1.5, -1, np.array(1.0), np.array(-1), np.array(True), value.tolist()]
        huge = np.full(value.shape, 2**64 - 1, np.uint64), np.full(value.shape, -(2**63))
        kinds = [value.astype(kind) for kind in ("bool", "i1", "u1", "f2", "f4", ">f4", "O")]
        return [*shapes, *odd, *huge, *kinds, value.swapaxes(0, -1) if value.ndim else value]
    if isinstance(value, bool | str) or callable(value) or isinstance(value, np.random.Generator):
        return []
    if isinstance(value, int):
        return INTEGERS
    return NUMBERS if isinstance(value, float) else SHAPES


def _nested(arguments: dict[str, Any]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """装着数组的元组、列表、字典：把其中一项换掉的办法。"""
    for name, value in arguments.items():
        if isinstance(value, dict):
            for key in value:
                yield name, lambda bad, value=value, key=key: value | {key: bad}
        elif isinstance(value, tuple | list) and any(isinstance(item, np.ndarray) for item in value):
            for at in range(len(value)):
                yield name, lambda bad, value=value, at=at: type(value)([*value[:at], bad, *value[at + 1 :]])


def _outcome(function: Callable[..., Any], arguments: dict[str, Any], *, refuse: bool) -> list[str]:
    """调用一次，返回哪里不对。"""
    before = {name: value.copy() for name, value in arguments.items() if _is_array(value, "iufb")}
    wrong = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            function(**arguments)
        wrong += ["没有拒绝"] if refuse else []
    except (ValueError, TypeError) as error:
        if not TOO_BIG.search(str(error)):
            wrong += bad_wording(str(error), inspect.signature(function).parameters)
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}")
    changed = [name for name, value in before.items() if arguments[name].tobytes() != value.tobytes()]
    return [*wrong, *(f"改动了 {name}" for name in changed)]


def bad_wording(message: str, parameters: Iterable[str]) -> list[str]:
    """一条报错的措辞哪里不对：要以反引号里的参数名开头，是一句中文，印出的范围不是空的。"""
    named = re.match(r"`(\w+)", message)
    ranges = re.findall(r"(-?\d+) 到 (-?\d+)", message)
    if not re.search("[一-鿿]", message):
        return [f"没有中文：{message}"]
    checks = [
        (named is not None and named[1] in parameters, "没有以参数名开头"),
        (message.endswith("。") and message.count("。") == 1, "不是一句话"),
        ("\n" not in message and "  " not in message and len(message) <= 240, "太长或有多余的空白"),
        (re.search("`[一-鿿]|[一-鿿]`", message) is None, "反引号与汉字之间没有空格"),
        (all(int(low) <= int(high) for low, high in ranges), "印出了空的范围"),
    ]
    return [f"{wrong}：{message}" for fine, wrong in checks if not fine]


def _filled(value: Any, fill: float | None, *, first: bool = False) -> Any:
    if fill is None:
        return value
    filled = value.copy()
    filled[(0,) * value.ndim if first and value.size else ...] = fill
    return filled


def _is_array(value: Any, kinds: str) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in kinds


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}…"
