"""曲线图：不合规矩的画不出来。"""

from collections.abc import Callable
from typing import Any

import matplotlib
import pytest
from lxml import etree

from sitekit.figures import chart
from sitekit.figures.inline import PLACEHOLDERS


def drawn(draw: Callable[[Any], object]) -> etree._Element:
    with chart(id="a", title="题", alt="替代", caption="图题") as figure:
        draw(figure.axes)
    return etree.fromstring(str(figure))


REJECTED: dict[str, tuple[Callable[[Any], object], str]] = {
    "线": (lambda axes: axes.plot([0, 1], color="red"), "固定的颜色 #ff0000"),
    "字": (lambda axes: axes.text(0, 0, "x", color="0.5"), "固定的颜色"),
    "色带": (lambda axes: axes.scatter([0, 1], [0, 1], c=[0, 1]), "固定的颜色"),
    "位图": (lambda axes: axes.imshow([[0, 1]]), "位图"),
    "坐标轴": (lambda axes: axes.set_xlabel("步数"), "汉字“步数”"),
    "图例": (lambda axes: [axes.plot([0, 1], label="损失"), axes.legend()], "汉字“损失”"),
    "公式": (lambda axes: axes.set_title("$x_1$"), "公式"),
    "字号": (lambda axes: axes.set_title("x", fontsize=8), "字号 8"),
    "两条线": (
        lambda axes: [axes.plot([0, n], "C1-", marker="", label=f"k={n}") for n in (1, 2)],
        "只靠颜色",
    ),
    "两组柱": (lambda axes: [axes.bar([0, 1], [n, 2], label=f"k={n}") for n in (1, 2)], "只靠颜色"),
}


@pytest.mark.parametrize("what", REJECTED)
def test_rejects(what: str) -> None:
    draw, complaint = REJECTED[what]
    with pytest.raises(ValueError, match=complaint):
        drawn(draw)


def test_black_is_not_black() -> None:
    """matplotlib 不写出黑色，因为 SVG 默认就是黑的；外框把默认换成了墨色。"""
    figure = drawn(lambda axes: axes.text(0.5, 0.5, "x", color="black"))
    assert figure.xpath("//svg/@fill") == ["var(--fig-ink)"]


def test_series_differ_in_dash_and_marker() -> None:
    figure = drawn(lambda axes: [axes.plot([0, n], label=f"k={n}") for n in range(4)])
    colours = {f"var(--fig-{n})" for n in (1, 2, 3, 4)}
    lines = [
        path for path in figure.iter("path") if path.get("stroke") in colours and path.get("fill") == "none"
    ]
    assert {line.get("stroke") for line in lines} == colours
    assert len({line.get("stroke-dasharray") for line in lines}) == 4
    assert len({use.get("{http://www.w3.org/1999/xlink}href") for use in figure.iter("use")}) >= 4 + 2


def test_powers_of_ten_are_plain_text() -> None:
    figure = drawn(lambda axes: axes.loglog([1, 10, 100], [1e-3, 1, 1e3]))
    texts = {text.text for text in figure.iter("text")}
    assert {"10⁰", "10²", "10⁻³", "10³"} <= texts
    assert not list(figure.iter("tspan"))


@pytest.mark.parametrize(
    ("scale", "limits", "expected"),
    [
        ({"value": "log", "base": 2}, (1, 2**18), {"1", "8", "64", "512", "4,096"}),
        ({"value": "log"}, (2, 7), {"2", "3", "5", "7"}),
        ({"value": "symlog"}, (-1000, 1000), {"−10³", "0", "10³"}),
    ],
    ids=["base 2", "less than a decade", "both signs"],
)
def test_other_logarithmic_axes(
    scale: dict[str, Any], limits: tuple[float, float], expected: set[str]
) -> None:
    def draw(axes: Any) -> None:
        axes.set_xscale(**scale)
        axes.set_xlim(*limits)

    assert expected <= {text.text for text in drawn(draw).iter("text")}


def test_what_is_left_of_the_file() -> None:
    figure = drawn(lambda axes: axes.plot([0, 1]))
    assert {element.tag for element in figure.iter()} <= {
        *(
            "figure",
            "figcaption",
            "svg",
            "title",
            "desc",
            "g",
            "defs",
            "clipPath",
            "path",
            "rect",
            "use",
            "text",
        )
    }
    assert not figure.xpath("//@style | //@font-family")
    (drawing,) = figure.findall("svg")
    assert not {"width", "height", "version"} & set(drawing.attrib)


def test_placeholders_cannot_be_mistaken() -> None:
    """占位的颜色各不相同，也没有别的名称。"""
    assert len(set(PLACEHOLDERS.values())) == len(PLACEHOLDERS)
    assert not set(PLACEHOLDERS.values()) & {
        colour.lower() for colour in matplotlib.colors.CSS4_COLORS.values()
    }


def test_settings_stay_inside() -> None:
    before = dict(matplotlib.rcParams)
    drawn(lambda axes: axes.plot([0, 1]))
    with pytest.raises(ZeroDivisionError):
        drawn(lambda axes: 1 / 0)
    assert dict(matplotlib.rcParams) == before


def test_unfinished_charts_cannot_be_printed() -> None:
    with (
        chart(id="a", title="题", alt="替代", caption="图题") as figure,
        pytest.raises(RuntimeError, match="with"),
    ):
        str(figure)
