"""网页里的命令行例子：真的运行一次，写成终端里的样子。"""

import io
import shlex
from contextlib import redirect_stderr, redirect_stdout


def console(*commands: str) -> str:
    """依次运行 `dlnotes` 的命令，返回一个 Markdown 的代码块，含提示符、标准输出与标准错误。

    命令要以 `dlnotes` 开头；有误的命令也照样写出它的那一行错误。
    """
    from dlnotes.cli import main  # 每次重新取：改了 dlnotes 之后预览会换掉它的模块

    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(shown):
        for command in commands:
            program, *arguments = shlex.split(command)
            if program != "dlnotes":
                raise ValueError(f"只能运行 dlnotes 的命令，得到「{command}」。")
            print(f"$ {command}")
            main(arguments)
    return f"```console\n{shown.getvalue()}```\n"
