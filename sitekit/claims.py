"""核对页面上的数字：`claim` 比较算出的值与有出处的期望值，不符就让构建失败。

比较的规则：
- 字符串、`None`、布尔值，以及两个整数或分数，要完全相等，容差不管它们；布尔值与数不能互相冒充。
- 列表、元组、numpy 数组视为同一种序列，各层长度（形状）相同且逐项相等。
- 浮点数没有给 `rel` 或 `abs` 时也要完全相等；给了就在容差之内：`rel` 相对于期望值，
  两个都给时取较宽的一个。NaN 与任何值都不相等，无穷大只等于同号的无穷大。
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape

from sitekit import record

KINDS = ("推导", "论文", "另一实现", "枚举", "实测")
_LONGEST = 80


class ClaimError(AssertionError):
    """页面上的数字与期望值不符。"""


@dataclass(frozen=True)
class Tolerance:
    """浮点数的容差；都为空表示必须完全相等。"""

    rel: float | None = None
    abs: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("rel", self.rel), ("abs", self.abs)):
            limit = 1 if name == "rel" else math.inf
            if value is not None and (isinstance(value, bool) or not 0 < value < limit):
                expected = "小于 1 的正数" if name == "rel" else "正的有限数"
                raise ValueError(f"`{name}` 应为{expected}，得到 {value!r}；要求完全相等时请省略它。")

    def __bool__(self) -> bool:
        return self.rel is not None or self.abs is not None

    def __str__(self) -> str:
        if not self:
            return ""
        parts = [] if self.abs is None else [f"{self.abs:g}"]
        if self.rel is not None:
            parts.append(f"{self.rel * 100:g}%" if self.rel >= 1e-5 else f"{self.rel:g}（相对）")
        return " ± " + " 或 ".join(parts)

    def around(self, expected: float) -> float:
        """期望值附近允许的偏差。"""
        return max(self.abs or 0.0, (self.rel or 0.0) * abs(expected))


def matches(got: object, expected: object, tolerance: Tolerance) -> bool:
    """按本模块的规则比较；两边不是同一类值时不相等。"""
    got, expected = _plain(got), _plain(expected)
    if isinstance(expected, list):
        return (
            isinstance(got, list)
            and len(got) == len(expected)
            and all(matches(g, e, tolerance) for g, e in zip(got, expected, strict=True))
        )
    if _is_number(expected):
        return _is_number(got) and _numbers_match(got, expected, tolerance)  # type: ignore[arg-type]
    return type(got) is type(expected) and got == expected


@dataclass
class PageClaims:
    """一页的核对记录；`claim` 在这一页的每个代码块里都可用。

    Attributes:
        page: 页的路径。
        names: 运行过的核对，不论相符与否。
        rows: 相符的核对：名称、值、来源。
    """

    page: str
    names: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def claim(
        self,
        name: str,
        got: object,
        expected: object,
        *,
        source: str,
        rel: float | None = None,
        abs: float | None = None,  # noqa: A002  # 与 math.isclose、pytest.approx 的习惯一致
    ) -> None:
        """核对一个数；不符时抛出 `ClaimError`，写法有误时抛出 `ValueError`。

        Args:
            name: 核对的是什么，在一页之内唯一。
            got: 算出的值。
            expected: 期望值，不能抄自 `got` 的同一份代码。
            source: 期望值的出处，以「推导」「论文」「另一实现」「枚举」「实测」之一加全角冒号开头。
            rel: 相对容差（相对于期望值）。
            abs: 绝对容差。
        """
        tolerance = Tolerance(rel, abs)
        self._check_wording(name, source)
        same = matches(got, expected, tolerance)
        self.names.append(name)  # 比较本身出错的不算运行过
        if not same:
            message = f"「{name}」应为 {_show(expected)}{tolerance}（{source}），算得 {_show(got)}。"
            # 先记下再抛出：代码块里的 try 能吞掉异常，吞不掉记录。
            record.problem(self.page, message)
            raise ClaimError(f"{self.page}：{message}")
        self.rows.append((name, _show(expected) + str(tolerance), source))

    def not_run(self, written: Sequence[str]) -> str:
        """代码块里写了却没有运行的核对；都运行了时为空。

        `claim` 被别的东西顶替、放进没有调用的函数，页面都照样建成，看着却像核对过。

        Args:
            written: 代码块里每处 `claim` 的名称，不是字面量的为空。
        """
        missing = "、".join(f"「{name}」" for name in written if name and name not in self.names)
        if not missing and len(self.names) >= len(written):
            return ""
        return f"代码块里写了 {len(written)} 处 `claim`，{missing or '其中几处'}没有运行。"

    def footer(self) -> str:
        """页脚的一张折叠的表；没有核对过数字的页为空。"""
        if not self.rows:
            return ""
        body = "\n".join(_row(*map(escape, row)) for row in self.rows)
        # 表不带 class：两个主题都只给不带 class 的表套上可横向滚动的外壳。
        return (
            f'\n<details class="claims" data-claims="{len(self.rows)}">\n'
            f"<summary>本页 {len(self.rows)} 个数字在构建时核对</summary>\n<table>\n<thead>\n"
            '<tr><th scope="col">什么</th><th scope="col">值</th><th scope="col">来源</th></tr>\n'
            f"</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</details>"
        )

    def _check_wording(self, name: str, source: str) -> None:
        kind, colon, text = source.partition("：")
        if kind not in KINDS or not colon or not text.strip():
            raise ValueError(
                f"{self.page}：`source` 应为「{'、'.join(KINDS)}」之一加全角冒号「：」和出处，"
                f"得到 {source!r}；请写明期望值从哪里来。"
            )
        if not name.strip() or name in self.names:
            raise ValueError(
                f"{self.page}：`name` 应为本页内唯一的名称，得到 {name!r}；请改一个说得清的名称。"
            )


def _row(name: str, value: str, source: str) -> str:
    return f'<tr><th scope="row">{name}</th><td>{value}</td><td>{source}</td></tr>'


def _plain(value: object) -> object:
    """numpy 的数组与标量、元组都化为 Python 自己的列表与标量；不导入 numpy。"""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


def _numbers_match(got: float, expected: float, tolerance: Tolerance) -> bool:
    # 先精确比较：Python 比较整数与浮点数不舍入。无穷大不能再看容差：它的百分之几还是无穷大。
    if got == expected:
        return True
    exact = isinstance(got, int | Fraction) and isinstance(expected, int | Fraction)
    if exact or not tolerance:
        return False  # 整数与分数之间没有舍入可言，容差只会放过错误
    return (
        math.isfinite(got) and math.isfinite(expected) and abs(got - expected) <= tolerance.around(expected)
    )


def _show(value: object) -> str:
    """给人看的值：单个数带千位分隔；序列里不带，免得与分隔各项的逗号混淆。"""
    value = _plain(value)
    if isinstance(value, list):
        text = _show_items(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…（共 {len(value)} 项）"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return str(value)


def _show_items(value: object) -> str:
    value = _plain(value)
    if isinstance(value, list):
        return "(" + ", ".join(map(_show_items, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value)
