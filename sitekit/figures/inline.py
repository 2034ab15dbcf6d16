"""把 matplotlib 写出的 SVG 改成网页里的：颜色是样式变量，id 不与别的图相撞，没有多余的东西。"""

import re
from collections.abc import Iterator

from lxml import etree

from sitekit.figures.palette import COLOURS
from sitekit.figures.svg import Element, number

# matplotlib 只认真的颜色：画的时候用这些谁也不会写的颜色占位，画完换成变量。
PLACEHOLDERS = {colour: f"#0102{code:02x}" for code, colour in enumerate(sorted(COLOURS), start=0xA0)}
_VARIABLES = {placeholder: colour for colour, placeholder in PLACEHOLDERS.items()}

_DROPPED = frozenset({"metadata", "style"})
_GEOMETRY = frozenset({"d", "x", "y", "width", "height", "transform"})
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
# 主题的脚本会给带 href 的元素重新赋值，<use> 的 href 是只读的，一赋值就出错；xlink:href 它不认识。
_XLINK = "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"#([\w.-]+)")
# 读者的字体不是 matplotlib 排版时用的那一种，写了也没有用；默认的虚线起点与描边不必写。
_IDLE = frozenset({"font-family", "stroke-dashoffset"})


def inline(svg: bytes, prefix: str) -> list[Element]:
    """取出 `<svg>` 里的各元素，改好。

    Args:
        svg: matplotlib 写出的整个文件。
        prefix: id 的前缀，后面接连字符和序号。
    """
    root = etree.fromstring(svg)
    names = _referenced(root, prefix)
    copied = (_copy(child, names) for child in root if _is_kept(child))
    joins = {"stroke-linejoin": "round", "stroke-linecap": "butt"}  # 原来写在 <style> 里
    group = etree.Element("g", joins, nsmap={"xlink": _XLINK})
    group.extend(copied)
    return [group]


def _referenced(root: Element, prefix: str) -> dict[str, str]:
    """有人引用的 id 换成什么；没有人引用的都不留。"""
    found = (
        name for element in root.iter() for value in element.values() for name in _REFERENCE.findall(value)
    )
    ids = set(root.xpath("//@id"))
    return {name: f"{prefix}-{n}" for n, name in enumerate(dict.fromkeys(filter(ids.__contains__, found)), 1)}


def _copy(element: Element, names: dict[str, str]) -> Element:
    copied = etree.Element(etree.QName(element).localname, dict(_attributes(element, names)))
    copied.text = (element.text or "").strip() or None
    for child in element:
        if _is_kept(child):
            copied.append(_copy(child, names))
    return copied


def _is_kept(element: Element) -> bool:
    return isinstance(element.tag, str) and etree.QName(element).localname not in _DROPPED


def _attributes(element: Element, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in element.items():
        name = etree.QName(key).localname
        if name == "id":
            if value in names:
                yield name, names[value]
        elif name == "style":
            declarations = (part.partition(":") for part in value.split(";"))
            for property_, _, setting in declarations:
                if property_.strip() not in _IDLE:
                    yield property_.strip(), _rewritten(setting.strip().removesuffix("px"), names)
        elif name in _GEOMETRY:
            rounded = _DECIMAL.sub(lambda found: number(float(found[0])), " ".join(value.split()))
            if not rounded.startswith("rotate(-0 "):
                yield name, rounded
        else:
            yield key, _rewritten(value, names)


def _rewritten(value: str, names: dict[str, str]) -> str:
    if value in _VARIABLES:
        return _VARIABLES[value]
    return _REFERENCE.sub(lambda found: f"#{names.get(found[1], found[1])}", value)
