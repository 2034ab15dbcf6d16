"""图的颜色：只有几个样式变量，浅色、深色各是什么写在 `docs/assets/stylesheets/dlnotes.css`。"""

# 墨色写字、描边；淡色画坐标轴和辅助线；四种系列色，也可以用来写字。
NAMES = ("ink", "faint", "1", "2", "3", "4")


def variable(name: str) -> str:
    """一种颜色在 SVG 里的写法。"""
    return f"var(--fig-{name})"


COLOURS = frozenset(map(variable, NAMES))
INK, FAINT, *_SERIES = map(variable, NAMES)
SERIES = tuple(_SERIES)
# 颜色之外再用虚线区分：看不出颜色的人、黑白打印也分得清。
DASHES = ("none", "6 3", "2 3", "8 3 2 3")
