"""SVG 的元素：坐标以用户单位计，一个单位在 360 像素宽的手机上是一个像素。"""

from collections.abc import Iterable

from lxml import etree

from sitekit.figures.palette import INK

Element = etree._Element
Attribute = str | float


def shape(tag: str, /, *children: Element | str, **attributes: Attribute) -> Element:
    """一个元素，子元素可以有一段字；属性名里的下划线写成连字符，数保留两位小数。"""
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    element = etree.Element(tag, {name: number(value) for name, value in names.items()})
    for child in children:
        if isinstance(child, str):
            element.text = child
        else:
            element.append(child)
    return element


def number(value: Attribute) -> str:
    """两位小数已比一个像素细得多；多的位数各处的机器未必相同。"""
    return value if isinstance(value, str) else f"{round(value, 2) + 0.0:.10g}"


def rect(x: float, y: float, width: float, height: float, /, **attributes: Attribute) -> Element:
    """矩形，默认不填色。"""
    return shape("rect", x=x, y=y, width=width, height=height, **{"fill": "none", **attributes})


def line(x1: float, y1: float, x2: float, y2: float, /, **attributes: Attribute) -> Element:
    """线段，默认是墨色。"""
    return shape("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": INK, **attributes})


def dot(x: float, y: float, radius: float = 3, colour: str = INK) -> Element:
    """实心的圆点。"""
    return shape("circle", cx=x, cy=y, r=radius, fill=colour)


def label(x: float, y: float, text: str, /, **attributes: Attribute) -> Element:
    """一行字，`y` 是基线；默认墨色，左端在 `x`。"""
    return shape("text", text, x=x, y=y, **{"fill": INK, **attributes})


def text_width(text: str) -> float:
    """一行字大约多宽，宁可估宽：读者的字体不知道是哪一种。"""
    return 7.2 * len(text)


def path(points: Iterable[tuple[float, float]]) -> str:
    """依次经过各点又回到起点的轮廓。"""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "Z"


def hatch(name: str, colour: str = INK) -> Element:
    """斜线的图案，用 `fill="url(#name)"` 引用。"""
    stripe = line(0, 0, 0, 8, stroke=colour, stroke_width=2)
    settings: dict[str, Attribute] = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return shape("defs", shape("pattern", stripe, id=name, width=8, height=8, **settings))


def arrowhead(name: str) -> Element:
    """箭头，用 `marker_end="url(#name)"` 引用。"""
    head = shape("path", d="M0 0L8 4L0 8Z", fill=INK)
    size: dict[str, Attribute] = {
        "viewBox": "0 0 8 8",
        "markerWidth": 8,
        "markerHeight": 8,
        "refX": 7,
        "refY": 4,
    }
    units: dict[str, Attribute] = {"markerUnits": "userSpaceOnUse", "orient": "auto"}
    return shape("defs", shape("marker", head, id=name, **size, **units))
