"""图的外框：每张图都由它写成 `<figure>`，也都在这里检查，违规的图画不出来。"""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from sitekit.figures.palette import COLOURS, INK
from sitekit.figures.svg import Element, shape

# 宽 360 像素的手机，正文宽 328：图在那里恰好是一个单位一个像素，字不会小于 11 像素。
WIDTH = 328
FONT = 12
SMALLEST_FONT = 11

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_COLOURED = ("fill", "stroke", "color", "stop-color", "flood-color", "lighting-color")


def frame(
    shapes: Iterable[Element],
    *,
    height: float,
    id: str,  # noqa: A002
    title: str,
    alt: str,
    caption: str,
) -> str:
    """把各元素装进一个 `<figure>`。

    Args:
        shapes: SVG 的元素，横坐标在 0 到 `WIDTH` 之间。
        height: 图高，以用户单位计。
        id: 图的 id，页内唯一；图里的 id 都要以它加连字符开头。
        title: 图的名称，给读屏软件，也是鼠标停留时的提示。
        alt: 文字替代：看不见图的人应当知道的内容。
        caption: 图题，印在图下；图里不写的汉字都写在这里。

    Returns:
        不含换行的 HTML。

    Raises:
        ValueError: `id` 写法不对，文字为空，或图里有固定的颜色、汉字、太小的字、位图、不属于它的 id。
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"图的 id 应由小写字母、数字和连字符组成，实为 {id!r}；请改名。")
    for name, text in {"title": title, "alt": alt, "caption": caption}.items():
        if not text.strip():
            raise ValueError(f"图 {id} 的 {name} 为空；请补上。")
    svg = shape(
        "svg",
        shape("title", title, id=f"{id}-title"),
        shape("desc", alt, id=f"{id}-desc"),
        viewBox=f"0 0 {WIDTH} {height:g}",
        role="img",
        aria_labelledby=f"{id}-title",
        aria_describedby=f"{id}-desc",
        data_search_exclude="",
        font_size=FONT,
        fill=INK,
    )
    svg.extend(shapes)
    if found := list(mistakes(svg, id)):
        raise ValueError(f"图 {id}：" + "；".join(dict.fromkeys(found)) + "。")
    figure = shape("figure", svg, shape("figcaption", caption), class_="fig", id=id)
    return etree.tostring(figure, encoding="unicode").replace("\n", " ")


def has_chinese(text: str) -> bool:
    """有没有汉字或全角标点。"""
    return bool(_CHINESE.search(text))


def mistakes(svg: Element, id: str) -> Iterator[str]:  # noqa: A002
    """图里不该有的东西。"""
    for element in svg.iter():
        if element.tag == "image":
            yield "有位图，它不跟随浅色与深色；请改用线条和色块"
        if "style" in element.attrib or element.tag == "style":
            yield "有 style；请写成属性"
        for name in _COLOURED:
            if not _is_variable(element.get(name, "none")):
                yield f"{name} 是固定的颜色 {element.get(name)}；请用色板里的颜色"
        if float(element.get("font-size", FONT)) < SMALLEST_FONT:
            yield f"字号 {element.get('font-size')} 小于 {SMALLEST_FONT}，手机上看不清；请放大"
        if not element.get("id", f"{id}-").startswith(f"{id}-"):
            yield f"图里的 id {element.get('id')} 没有以 {id}- 开头"
        if element.tag not in ("title", "desc") and has_chinese(element.text or ""):
            yield f"图里有汉字“{element.text}”；图里只写符号、数字和拉丁字母，汉字写进 caption"


def _is_variable(colour: str) -> bool:
    return colour == "none" or colour in COLOURS or colour.startswith("url(#")
