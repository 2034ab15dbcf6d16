r"""用几行字写一个首尾相接的网络：写法与 Python 里的一样，但只读字面量，不运行任何代码。

不会写程序的人、网页里的计算器和命令行都用它：

    input = (3, 32, 32)
    conv1 = Conv2d(16, 3, padding=1)
    ReLU()              # 名字可以省去
    MaxPool2d(2)
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from inspect import signature
from typing import Any

from dlnotes._check import problem
from dlnotes.arch import layers
from dlnotes.arch.blocks import sequential
from dlnotes.arch.layers import Layer, Shape, Sliding
from dlnotes.arch.network import INPUT, Network

LAYERS: Mapping[str, type[Layer]] = {
    name: kind
    for name, kind in vars(layers).items()
    if isinstance(kind, type) and issubclass(kind, Layer) and kind not in (Layer, Sliding)
}
"""认得的层，按类名；有几个输入的层（`Add` 等）一行接一行写不出来，不在其列。"""

_LONGEST = 60  # 报错里至多引用多少个字


def parse(text: str, name: str = "network") -> Network:
    r"""读一个网络。

    第一行 `input = (通道, 高, 宽)` 是输入的形状；以后一行一层，写作 `名字 = 层(参数)` 或 `层(参数)`，参数与
    `dlnotes.arch` 里的同名；`#` 之后是注释。没有起名的层以种类和行号为名，如 `relu3`。

    Args:
        text: 全文。
        name: 网络的名字。

    Returns:
        网络的描述；算它的账用 [`ledger`][dlnotes.arch.ledger.ledger]。

    Raises:
        ValueError: 哪一行写错了、怎么办；形状接不上要到 `ledger` 才知道。

    Examples:
        >>> from dlnotes.arch import ledger
        >>> net = parse("input = (3, 32, 32)\nConv2d(16, 3, padding=1)\npool = MaxPool2d(2)")
        >>> [(row.name, row.output, row.params) for row in ledger(net).rows]
        [('conv2d2', (16, 32, 32), 448), ('pool', (16, 16, 16), 0)]
    """
    shape: Shape | None = None
    path: list[tuple[str, Layer]] = []
    for line, target, value in _statements(text):
        if shape is None:
            shape = _shape(line, target, value)
        else:
            kind, layer = _layer(line, value)
            path.append((target or f"{kind.lower()}{line}", layer))
    if shape is None:
        raise ValueError(problem("text", "至少一行", "空的", "请先写 input = (3, 224, 224)"))
    try:
        return sequential(name, shape, path)
    except TypeError as error:  # 输入的形状里有别的东西
        raise ValueError(str(error)) from None


def write(network: Network) -> str:
    """把首尾相接的网络写成 `parse` 读得懂的文字，与默认值相同的参数略去。

    Args:
        network: 网络；每个节点都以前一个为输入，名字是 Python 的标识符。

    Returns:
        全文，以换行结尾。

    Raises:
        ValueError: 网络有分支，或节点的名字不是标识符，一行接一行写不出来。

    Examples:
        >>> from dlnotes.arch import Conv2d, sequential
        >>> print(write(sequential("one", (3, 8, 8), [("conv", Conv2d(8, 3, padding=1))])), end="")
        input = (3, 8, 8)
        conv = Conv2d(8, 3, padding=1)
    """
    lines = [f"{INPUT} = {network.input}"]
    before = INPUT
    for node in network.nodes:
        got = f"{network.name} 的 {node.name}"
        if node.inputs != (before,):
            raise ValueError(problem("network", "首尾相接的网络", got, "有分支的网络请用 Python 写"))
        if not node.name.isidentifier():
            raise ValueError(problem("network", "名字不带点的节点", got, "请改名，或用 Python 写"))
        lines.append(f"{node.name} = {_call(node.layer)}")
        before = node.name
    return "\n".join(lines) + "\n"


def _statements(text: str) -> Iterator[tuple[int, str, ast.expr]]:
    """各行的行号、等号左边的名字（可以没有）、右边的式子。"""
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        line = (text.splitlines() or [""])[min(error.lineno or 1, len(text.splitlines()) or 1) - 1]
        raise ValueError(_wrong(error.lineno or 1, line.strip())) from None
    except (ValueError, RecursionError, MemoryError):  # 空字符；括号套得太深
        raise ValueError(problem("text", "一行一层的文字", "读不懂的内容", "请照例子写")) from None
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                yield statement.lineno, target, value
            case ast.Expr(value=value):
                yield statement.lineno, "", value
            case _:
                raise ValueError(_wrong(statement.lineno, ast.unparse(statement)))


def _shape(line: int, target: str, value: ast.expr) -> Shape:
    shape = _literal(line, value) if target == INPUT else None
    if not isinstance(shape, tuple):
        got = _excerpt(ast.unparse(value)) if target in ("", INPUT) else f"{target} = …"
        raise ValueError(problem(f"第 {line} 行", "input = (通道, 高, 宽)", got, "输入的形状要写在最前面"))
    return shape


def _layer(line: int, value: ast.expr) -> tuple[str, Layer]:
    match value:
        case ast.Call(func=ast.Name(id=kind), args=args, keywords=keywords):
            pass
        case _:
            raise ValueError(_wrong(line, ast.unparse(value)))
    if kind not in LAYERS:
        near = get_close_matches(kind, LAYERS, n=2, cutoff=0.5) or ["Conv2d", "MaxPool2d"]
        raise ValueError(problem(f"第 {line} 行", "认得的层", kind, f"请改用 {' 或 '.join(near)}"))
    positional = [_literal(line, each) for each in args]
    named = {each.arg or "**": _literal(line, each.value) for each in keywords}
    try:
        signature(LAYERS[kind]).bind(*positional, **named)
    except TypeError:
        accepted = ", ".join(signature(LAYERS[kind]).parameters)
        got = _excerpt(ast.unparse(value))
        raise ValueError(
            problem(f"第 {line} 行", f"{kind}({accepted})", got, "请补上缺的、去掉多的")
        ) from None
    try:
        return kind, LAYERS[kind](*positional, **named)
    except (TypeError, ValueError) as error:
        raise ValueError(f"第 {line} 行的 {kind}：{error}") from None


def _literal(line: int, value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):
        got = _excerpt(ast.unparse(value))
        raise ValueError(
            problem(f"第 {line} 行的参数", "数、元组或引号里的字", got, "请直接写出值")
        ) from None


def _wrong(line: int, got: str) -> str:
    remedy = "例如 conv1 = Conv2d(64, 3, padding=1)"
    if wide := sorted(set(got) & set("（），＝：；“”‘’　")):
        remedy = f"请把全角的 {''.join(wide)} 换成半角"
    return problem(f"第 {line} 行", "名字 = 层(参数)", _excerpt(got), remedy)


def _excerpt(got: str) -> str:
    """报错里引用的原文：太长的截短，看不见的字符写成转义。"""
    short = got if len(got) <= _LONGEST else f"{got[:_LONGEST]}…"
    return (short if short.isprintable() else repr(short)) or "空的"


def _call(layer: object) -> str:
    """层的写法：必填的按位置，其余与默认值不同的按名字。"""
    arguments = []
    for field in fields(layer):  # type: ignore[arg-type]  # 层都是数据类
        value = getattr(layer, field.name)
        required = field.default is MISSING and field.default_factory is MISSING
        if required:
            arguments.append(repr(value))
        elif value != field.default:
            arguments.append(f"{field.name}={value!r}")
    return f"{type(layer).__name__}({', '.join(arguments)})"
