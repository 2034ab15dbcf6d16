"""`dlnotes` 改动之后让代码块用上新代码：从 `sys.modules` 里清掉它的模块。"""

import importlib
import sys
from pathlib import Path

from sitekit.paths import ROOT

_Fingerprint = frozenset[tuple[str, int, int]]


class Library:
    """一个包和它的指纹（每个文件的修改时间与大小）。

    只清这一个包：numpy 之类重复导入会坏掉；`sitekit` 也不能清，正在运行的扩展持有它的 Node 进程
    和各页的核对记录，清了就会出现两份状态。改了 `sitekit` 请重启预览。
    """

    def __init__(self, package: str, root: Path = ROOT) -> None:
        self._package = package
        self._folder = root / package
        self._seen = self._fingerprint()

    def refresh(self) -> bool:
        """有文件变了就清掉已导入的模块；返回是否清过。"""
        now = self._fingerprint()
        if now == self._seen:
            return False
        self._seen = now
        for name in list(sys.modules):
            if name == self._package or name.startswith(f"{self._package}."):
                del sys.modules[name]
        importlib.invalidate_caches()
        return True

    def _fingerprint(self) -> _Fingerprint:
        files = (path for path in self._folder.rglob("*") if "__pycache__" not in path.parts)
        stats = ((str(path), path.stat()) for path in files if path.is_file())
        return frozenset((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
