"""中文排版的规则：一行文字 -> 改好的一行；没有改动就是合格。"""

import re
import unicodedata
from collections.abc import Callable

import autocorrect_py

from sitekit.typography.protect import WORD

# 关掉的三条：纯英文的参考文献里也用全角的分隔；「§3.1：171」不是时刻；「见[某页](…)」不必空格。
# 用逐行的 `format` 而不用 `format_for(…, "md")`：后者把提示框里缩进的正文当作代码，跳过不查。
_CONFIG = '{"rules": {"halfwidth-punctuation": 0, "halfwidth-word": 0, "space-bracket": 0}}'
autocorrect_py.load_config(_CONFIG)  # type: ignore[attr-defined]  # 它的类型说明里漏了这个函数

HAN = r"[\u3400-\u4dbf\u4e00-\u9fff]"
_FULL_WIDTH = str.maketrans(",;:?!", "，；：？！")

Fix = Callable[[str], str]


def _compatibility(text: str) -> str:
    """NFKC 的对应字；部首补充区多数没有，只好请人来改。"""
    plain = unicodedata.normalize("NFKC", text)
    return plain if plain != text else "〔改成通用的汉字〕"


def _replace(pattern: str, change: str | Callable[[re.Match[str]], str]) -> Fix:
    compiled = re.compile(pattern)
    return lambda line: compiled.sub(change, line)


def _quotes(match: re.Match[str]) -> str:
    return f"“{match[1]}”" if re.search(HAN, match[1]) else match[0]


# 依次施行：autocorrect 放在最后，它看到的已是改成全角的括号和标点。
LINE_RULES: dict[str, Fix] = {
    # 从 PDF 粘贴来的部首字形，看着一样，搜索永远找不到。
    "形近字": _replace(r"[\u2e80-\u2fdf\uf900-\ufaff]", lambda match: _compatibility(match[0])),
    "全角字母数字": _replace(r"[０-９Ａ-Ｚａ-ｚ]", lambda match: _compatibility(match[0])),
    "全角空格": _replace("\u3000", " "),
    "行尾空格": str.rstrip,
    "省略号": _replace(rf"(?<={HAN})(?:\.{{3,}}|…(?!…))|(?<!…)(?:\.{{3,}}|…)(?={HAN})", "……"),
    "引号": _replace(r'"([^"]*)"', _quotes),
    "括号": _replace(
        rf"(?<={HAN})\(([^()]*)\)|\((?={HAN})([^()]*)\)|\(([^()]*{HAN})\)",
        lambda match: f"（{next(group for group in match.groups() if group is not None)}）",
    ),
    # 加粗的记号可以隔在标点与汉字之间；`![` 是图。
    "标点": _replace(
        rf"(?:(?<={HAN})|(?<={HAN}\*\*))(?:[,;:?]|!(?!\[)) *|[,;:?!](?=(?:\*\*)?{HAN})",
        lambda match: match[0].strip().translate(_FULL_WIDTH),
    ),
    "代码或公式旁的空格": _replace(rf"(?<={HAN})(?={WORD})|(?<={WORD})(?={HAN})", " "),
    "空格与标点": autocorrect_py.format,
}

_TEXT = re.compile(r"\\(?:text(?:rm|bf|it|sf|tt|normal)?|mbox|tag)\*?\{(?:[^{}]|\{[^{}]*\})*\}")
_STOPS = str.maketrans("。、", ".,")


def _outside_text(pattern: str, change: str | Callable[[re.Match[str]], str]) -> Fix:
    r"""只改 `\text{…}` 之外的部分。"""
    fix = _replace(pattern, change)

    def apply(line: str) -> str:
        kept = _TEXT.findall(line)
        parts = [fix(part) for part in _TEXT.split(line)]
        return "".join(part + text for part, text in zip(parts, [*kept, ""], strict=True))

    return apply


# KaTeX 的严格模式不许数学模式里有汉字和全角字符；
# 而 `\\*` 会先被 Python-Markdown 当作转义的星号。
MATH_RULES: dict[str, Fix] = {
    "公式里的全角字符": _outside_text(
        r"[\u3000-\u303f\uff00-\uffef]",
        lambda match: unicodedata.normalize("NFKC", match[0]).translate(_STOPS),
    ),
    "公式里的汉字": _outside_text(rf"{HAN}+", r"\\text{\g<0>}"),
    "公式里的转义": _replace(r"\\\*", "*"),
}
