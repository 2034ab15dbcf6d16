"""把不归排版管的部分换成占位字符，检查之后再换回来。

占位字符取自 Unicode 的私用区，每处一个，autocorrect 不认得也就不动它；
跨行的部分每行各换一个，所以行号不变。
"""

import re
from dataclasses import dataclass, field

# 行内代码与公式：与汉字之间要空格，所以另用一段占位字符。
_WORD, _OTHER = 0xF0000, 0x100000
WORD = r"[\U000F0000-\U000FFFFD]"
_HIDDEN = re.compile(r"[\U000F0000-\U0010FFFD]")

_FRONT_MATTER = re.compile(r"\A---\n.*?^---$", re.DOTALL | re.MULTILINE)
_FRONT_LINE = re.compile(
    r"""^(?:[\w.-]+:[ \t]*|[ \t]*-[ \t]+)(?P<quote>["']?)(?P<keep>.*?)(?P=quote)[ \t]*$""", re.MULTILINE
)
_FENCE = re.compile(
    r"^[ \t>]*(?P<mark>`{3,}|~{3,})[^`\n]*\n.*?(?:^[ \t>]*(?P=mark)[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_DOCTEST = re.compile(r"^[ \t]*>>> .*(?:\n[ \t]*\S.*)*", re.MULTILINE)
_CODE = re.compile(r"(?<!`)(?P<mark>`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=mark)(?!`)", re.DOTALL)
_DISPLAY = re.compile(r"(?<!\\)\$\$.+?\$\$", re.DOTALL)
# 与 pymdownx.arithmatex 的规则一致：开头的 `$` 后面、结尾的 `$` 前面没有空白；不跨段。
_INLINE = re.compile(r"(?<![\\$])\$(?![\s$])(?:\\.|(?!\n[ \t]*\n)[^\\$])+?(?<!\s)\$", re.DOTALL)

_OTHERS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^[ \t]*(?:::: |--8<--).*$",  # mkdocstrings 与片段
        r"^[ \t]*(?:!!!|\?\?\?\+?|===[!+]?)[^\"\n]*\"(?P<keep>.*)\"[ \t]*$",  # 提示框、选项卡的标题
        r"</?[A-Za-z][^<>\n]*>",  # 标签连同属性，也包括 <https://…>
        r"(?<=\])\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)",  # 链接的去处与标题
        r"^[ \t]*\[[^\]\n]+\]:[ \t]+(?=\S*[/#])\S+",  # 链接定义；脚注没有 `/`
        r"\{:?[ \t]*[#.A-Za-z_][^{}\n]*\}",  # 属性表
        r"https?://[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+",
        r"&#?\w+;",
        r":[a-z0-9_+-]+:",  # 图标
    )
)


@dataclass
class Protected:
    """换过的文字；`math` 是其中的公式，连同所在的行（从 0 数）。"""

    text: str
    math: list[tuple[int, str]] = field(default_factory=list)
    _saved: dict[str, str] = field(default_factory=dict)

    def restore(self, line: str) -> str:
        """换回原样；里层的占位字符一并换回。"""
        while _HIDDEN.search(line):
            line = _HIDDEN.sub(lambda match: self._saved[match[0]], line)
        return line

    def hide(self, pattern: re.Pattern[str], start: int = _OTHER) -> None:
        """把匹配的部分换成占位字符；名为 `keep` 的组留下。"""

        def replace(match: re.Match[str]) -> str:
            if "keep" not in pattern.groupindex:
                return self._tokens(match[0], start)
            (first, last), (left, right) = match.span(), match.span("keep")
            before, after = match.string[first:left], match.string[right:last]
            return self._tokens(before, start) + match["keep"] + self._tokens(after, start)

        self.text = pattern.sub(replace, self.text)

    def hide_math(self, pattern: re.Pattern[str]) -> None:
        """公式换成占位字符之前先记下来。"""
        for match in pattern.finditer(self.text):
            self.math.append((self.text.count("\n", 0, match.start()), match[0]))
        self.hide(pattern, _WORD)

    def _tokens(self, text: str, start: int) -> str:
        return "\n".join(self._token(line, start) if line else "" for line in text.split("\n"))

    def _token(self, text: str, start: int) -> str:
        token = chr(start + len(self._saved))
        self._saved[token] = text
        return token


def protect(text: str) -> Protected:
    """换掉围栏代码、行内代码、公式、标签、网址等等，只留下读者读到的文字。"""
    result = Protected(text)
    if front := _FRONT_MATTER.match(text):
        result.text = front[0]
        result.hide(_FRONT_LINE)
        result.text += text[front.end() :]
    result.hide(_FENCE)
    result.hide(_DOCTEST)
    result.hide(_CODE, _WORD)
    result.hide_math(_DISPLAY)
    result.hide_math(_INLINE)
    for pattern in _OTHERS:
        result.hide(pattern)
    return result
