"""`dlnotes` 改动之后让代码块用上新代码：从 `sys.modules` 里清掉它的模块。"""

import importlib
import os
import sys
from pathlib import Path

from sitekit.paths import ROOT

# 每个文件的修改时间与大小。
Files = dict[str, tuple[int, int]]


class Library:
    """一个包和它的指纹（每个文件的修改时间与大小）。

    只清这一个包：numpy 之类重复导入会坏掉；`sitekit` 也不能清，正在运行的扩展持有它的 Node 进程
    和各页的核对记录，清了就会出现两份状态。改了 `sitekit` 请重启预览。
    """

    def __init__(self, package: str, root: Path = ROOT) -> None:
        self._package = package
        self.folder = (root / package).resolve()
        self._seen = self.files()

    def refresh(self) -> bool:
        """有文件变了就清掉已导入的模块；返回是否清过。"""
        now = self.files()
        if now == self._seen:
            return False
        self._seen = now
        self.forget()
        return True

    def forget(self) -> None:
        """清掉已导入的模块。"""
        for name in self._names():
            del sys.modules[name]
        importlib.invalidate_caches()

    def imported(self) -> set[str]:
        """已导入的模块在哪些文件里。"""
        found = (getattr(sys.modules[name], "__file__", None) for name in self._names())
        return {os.path.realpath(file) for file in found if file}

    def files(self) -> Files:
        """每个文件的指纹；编辑器的临时文件不算。"""
        files = (path for path in self.folder.rglob("*") if "__pycache__" not in path.parts)
        wanted = (path for path in files if not path.name.startswith(".") and not path.name.endswith("~"))
        stats = ((str(path), path.stat()) for path in wanted if path.is_file())
        return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in stats}

    def _names(self) -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == self._package]
