"""一次构建的记录：每页用时、发现的问题，写进环境变量 `SITEKIT_RECORD` 所指的文件。

Zensical 不理会 Python 的日志，所以问题除了记日志，也记在这里，由 `sitekit.build` 判为失败。
"""

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "SITEKIT_RECORD"

# 挂在 mkdocs 之下的日志，`mkdocs build --strict` 才会数它的警告。
_log = logging.getLogger("mkdocs.plugins.sitekit")


def begin(page: str) -> None:
    """开始转换一页；只有开始没有结束的那一页，就是进程中途消失的地方。"""
    _append({"begin": page})


def end(page: str, seconds: float) -> None:
    """转换完一页，用了多少秒。"""
    _append({"end": page, "seconds": round(seconds, 4)})


def problem(page: str, message: str) -> None:
    """报告一页上的问题：构建应当失败，但其余的页仍继续，好一次看到全部问题。"""
    _log.warning("%s：%s", page, message)
    _append({"page": page, "problem": message})


@dataclass
class Record:
    """读回来的记录。"""

    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def read(path: Path) -> Record:
    """读一个记录文件；文件不存在等于什么也没发生。"""
    record = Record()
    # 不用 splitlines：消息里的 U+2028 之类它也当作换行。
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for entry in map(json.loads, filter(None, lines)):
        if "begin" in entry:
            record.unfinished.append(entry["begin"])
        elif "end" in entry:
            record.unfinished.remove(entry["end"])
            record.seconds[entry["end"]] = entry["seconds"]
        else:
            record.problems.append(f"{entry['page']}：{entry['problem']}")
    return record


def _append(entry: dict[str, str | float]) -> None:
    # 每次都重新打开：进程随时可能被代码块里的 os._exit 结束，缓冲区会丢。
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
