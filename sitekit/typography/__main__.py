"""命令行：`python -m sitekit.typography [路径…]`。"""

import sys
from pathlib import Path

from sitekit.paths import DOCS, ROOT
from sitekit.typography import lint_file
from sitekit.typography.sources import files

_PLACES = (DOCS, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "dlnotes", ROOT / "sitekit")


def main(arguments: list[str]) -> int:
    """检查给出的路径（省略时是整个仓库），返回退出码。"""
    paths = [Path(argument) for argument in arguments] or [place for place in _PLACES if place.exists()]
    found = [(path, finding) for path in files(paths) for finding in lint_file(path)]
    for path, finding in found:
        print(f"{_shown(path)}:{finding}")
    return 1 if found else 0


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
