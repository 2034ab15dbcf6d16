"""argparse 的汉语界面：帮助的标题、用法错误。"""

import argparse
import re
import sys
import unicodedata
from typing import Any, NoReturn


class _Formatter(argparse.HelpFormatter):
    """帮助里的几个固定的词用汉语。"""

    def add_usage(self, usage, actions, groups, prefix=None):  # type: ignore[no-untyped-def]
        super().add_usage(usage, actions, groups, "用法：")


class Parser(argparse.ArgumentParser):
    """用法错误只写一行汉语；argparse 默认会先打印整段用法，再写英语。"""

    def __init__(self, **options: object) -> None:
        super().__init__(**options, allow_abbrev=False, add_help=False, formatter_class=_Formatter)  # type: ignore[arg-type]
        self._positionals.title, self._optionals.title = "参数", "选项"
        self.add_argument("-h", "--help", action="help", help="显示这段帮助")

    def format_help(self) -> str:
        """argparse 按字数对齐，汉字却占两格：从空白里扣掉多占的；标题用全角的冒号。"""
        text = super().format_help()
        text = re.sub(r"^(参数|选项|命令):\n(?:  命令\n)?", r"\1：\n", text, flags=re.MULTILINE)
        return re.sub(r"^( +\S.*?)( {2,})(?=\S)", _even, text, flags=re.MULTILINE)

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse 自己的写法会吞掉写不出去的错误。"""
        print(message, end="", file=file or sys.stdout, flush=True)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{_translate(message)}；用法见 {self.prog} --help。")


def _even(match: re.Match[str]) -> str:
    name, gap = match.groups()
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in name)
    return name + gap[min(wide, len(gap) - 1) :]


_MESSAGES = {
    r"the following arguments are required: (.*)": "缺少{0}",
    r"unrecognized arguments: (.*)": "不认识{0}",
    r"argument (.*): expected (?:one|at least one) argument": "{0}后面缺一个值",
    r"argument 命令: invalid choice: '?(.*?)'? \(choose from .*\)": "没有命令{0}",
    r"argument (.*): ignored explicit argument '?(.*?)'?": "{0}不带值，却得到{1}",
}


def _translate(message: str) -> str:
    """把 argparse 的英语换成汉语；没有收的照抄。"""
    for pattern, chinese in _MESSAGES.items():
        if match := re.fullmatch(pattern, message, re.DOTALL):
            return chinese.format(*(f"“{group}”" for group in match.groups()))
    return f"命令有误（{message}）"
