"""去掉汉字之间的换行：浏览器把换行显示成空格，汉字之间不该有空格。

文档字符串按行宽折行，一句话在源文件里常断成几行，手册里就会多出空格。
"""

import re

# 这些里的换行有意义，或是给程序读的。
_KEPT = re.compile(r"(<(?P<tag>pre|script|style|svg|math)\b.*?</(?P=tag)>)", re.DOTALL)
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_FULL = "\u3001-\u3011\u2014\u2018-\u201d\u2026\uff01-\uff5e"  # 全角标点、破折号、引号、省略号
_INLINE = "(?:a|b|em|strong|span|code|autoref)"
_BREAK = re.compile(
    rf"(?P<before>[{_HAN}{_FULL}](?:</{_INLINE}>)*)\n(?=(?:<{_INLINE}\b[^>]*>)*[{_HAN}{_FULL}])"
    rf"|(?P<mark>[{_FULL}])\n(?=[^\s])"  # 全角标点与西文之间也不空格
    rf"|(?P<latin>[^\s])\n(?=[{_FULL}])"
)


def join(html: str) -> str:
    """去掉汉字、全角标点旁边多余的换行；汉字与西文之间的留着，那里本来就空一格。"""
    parts, end = [], 0
    for kept in _KEPT.finditer(html):
        parts += [_join_text(html[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join([*parts, _join_text(html[end:])])


def _join_text(text: str) -> str:
    return _BREAK.sub(lambda match: match["before"] or match["mark"] or match["latin"], text)
