"""曲线图：用 matplotlib 画，颜色换成样式变量之后放进网页。

导入 matplotlib 要大约一秒，所以到画图时才导入；没有曲线图的页不必等它。
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import isclose, log10
from typing import TYPE_CHECKING, Any

from sitekit.figures.frame import FONT, SMALLEST_FONT, WIDTH, frame, has_chinese
from sitekit.figures.inline import PLACEHOLDERS, inline
from sitekit.figures.palette import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"))
_POINTS_PER_INCH = 72


@dataclass
class Chart:
    """一张正在画的图；画完之后 `print` 它。"""

    figure: "Figure"
    html: str = ""

    @cached_property
    def axes(self) -> "Axes":
        """唯一的坐标系；要几个，改用 `figure.subplots`。"""
        return self.figure.add_subplot()

    def __str__(self) -> str:
        if not self.html:
            raise RuntimeError("图还没有画完；请在 with 块之外 print 它。")
        return self.html


@contextmanager
def chart(
    *,
    id: str,  # noqa: A002
    title: str,
    alt: str,
    caption: str,
    height: float = 220,
) -> Iterator[Chart]:
    """画一张曲线图或柱状图，跟随浅色与深色，手机上看得清。

    颜色写 `"C0"` 到 `"C3"`，不写就依次取，同时换一种虚线和标记；坐标轴上只写符号、数字和拉丁字母。

    Args:
        id: 图的 id，页内唯一。
        title: 图的名称，给读屏软件。
        alt: 文字替代：图上能看出什么。
        caption: 图题。
        height: 图高；图宽总是 328，手机上一个单位是一个像素。

    Yields:
        `axes` 是 matplotlib 的坐标系，`figure` 是整张图；离开 with 块之后印它就是 `<figure>`。

    Raises:
        ValueError: 有固定的颜色、汉字、`$…$`、太小的字，或只靠颜色区分的系列。

    Examples:
        >>> with chart(id="relu", title="ReLU", alt="折线。", caption="ReLU。") as c:
        ...     _ = c.axes.plot([-1, 0, 1], [0, 0, 1])
        >>> str(c)[:28]
        '<figure class="fig" id="relu'
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    # 从 matplotlib 自己的默认值起，不用读者电脑上的 matplotlibrc。
    with matplotlib.style.context(["default", _settings()], after_reset=False):
        figure = Figure(figsize=(WIDTH / _POINTS_PER_INCH, height / _POINTS_PER_INCH), layout="constrained")
        drawn = Chart(figure)
        yield drawn
        for axes in figure.axes:
            _check_series(axes)
            _plain_powers(axes)
        _check_text(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg")
    shapes = inline(buffer.getvalue(), id)
    drawn.html = frame(shapes, height=height, id=id, title=title, alt=alt, caption=caption)


def _settings() -> dict[str, Any]:
    from matplotlib.rcsetup import cycler

    ink, faint = PLACEHOLDERS[INK], PLACEHOLDERS[FAINT]
    lines, markers = zip(*_STYLES, strict=True)
    series = cycler(
        color=[PLACEHOLDERS[colour] for colour in SERIES],
        linestyle=lines,
        marker=markers,
        # 点密的曲线隔一段放一个标记，各系列错开。
        markevery=[(0.03 * n, 0.15) for n in range(len(SERIES))],
    )
    # 各种部件默认的颜色：写字用墨色，坐标轴用淡色，底是空的。
    inks = (
        "text.color",
        "axes.labelcolor",
        "axes.titlecolor",
        "lines.color",
        "patch.edgecolor",
        "hatch.color",
    )
    labels = ("xtick.labelcolor", "ytick.labelcolor", "boxplot.medianprops.color")
    faints = ("axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    return {
        **dict.fromkeys((*inks, *labels), ink),
        **dict.fromkeys(faints, faint),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), FONT),
        **dict.fromkeys(("legend.fontsize", "xtick.labelsize", "ytick.labelsize"), SMALLEST_FONT),
        "axes.prop_cycle": series,
        "font.family": "DejaVu Sans",  # 随 matplotlib 装来，各处的机器排出来都一样
        "grid.linewidth": 0.5,
        "grid.alpha": 0.5,
        "legend.handlelength": 3,
        "lines.linewidth": 2,
        "lines.markersize": 5,
        "svg.fonttype": "none",
        "svg.hashsalt": "dlnotes",
    }


def _check_series(axes: "Axes") -> None:
    """有名字的两条线不能只有颜色不同，两组柱子不能没有斜线之别。"""
    from matplotlib.container import BarContainer

    lines = [(str(line.get_label()), line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    groups = [group for group in axes.containers if isinstance(group, BarContainer)]
    bars = [(str(group.get_label()), group.patches[0].get_hatch()) for group in groups if group.patches]
    for found, remedy in ((lines, "linestyle 和 marker"), (bars, "hatch")):
        looks = [tuple(look) for name, *look in found if not name.startswith("_")]
        if len(set(looks)) < len(looks):
            raise ValueError(f"图里有两个系列只靠颜色区分；请给它们不同的 {remedy}。")


def _plain_powers(axes: "Axes") -> None:
    """对数轴的刻度写成 10³：matplotlib 的上标只有 8 个像素，还按它自己的字体逐字定位。"""
    from matplotlib.ticker import LogFormatter, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            low, high = sorted(axis.get_view_interval())
            majors = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
            few = len(majors) < 2  # 不到一个数量级：只有主刻度就读不出数
            tens = getattr(axis.get_transform(), "base", 10) == 10
            axis.set_major_formatter(_power if tens and not few else _plain)
            axis.set_minor_formatter(_plain if few else NullFormatter())


def _power(value: float, position: float) -> str:
    """10 的整数次幂；别的数照写。"""
    exponent = round(log10(abs(value))) if value else 0
    if not isclose(abs(value), 10.0**exponent):
        return _plain(value, position)
    sign = "−" if value < 0 else ""
    return f"{sign}10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _plain(value: float, _position: float) -> str:
    return f"{value:,.10g}".replace("-", "−")


def _check_text(figure: "Figure") -> None:
    """先于 matplotlib 排版：它的字体没有汉字，只会警告一句，画出空框。"""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        written = str(text.get_text())
        if has_chinese(written):
            raise ValueError(f"图里有汉字“{written}”；图里只写符号、数字和拉丁字母，汉字写进 caption。")
        if written.count("$") > 1:
            raise ValueError(f"图里有公式 {written}；请直接写 x₁、10³、√x 这样的字符。")
