"""仓库里各处的位置。由本包的位置推出：`MKDOCS_CONFIG_DIR` 在 Zensical 下没有值。"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NODE_MODULES = ROOT / "node_modules"
KATEX_ASSETS = DOCS / "assets" / "katex"
PYODIDE_ASSETS = DOCS / "assets" / "pyodide"
