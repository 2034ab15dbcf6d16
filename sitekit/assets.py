"""把读者的浏览器要用的第三方文件放进 `docs/assets/`，他们只向本站取。

安装依赖时运行一次：`python -m sitekit.assets`；每次建站之前再把 `dlnotes` 打包给计算器。
"""

import json
import re
import shutil
import zipfile
from pathlib import Path

from sitekit.paths import KATEX_ASSETS, NODE_MODULES, PYODIDE_ASSETS, ROOT

# 现代浏览器都认 woff2；样式表里列出的另两种格式删掉，免得指向不存在的文件。
_OTHER_FORMATS = re.compile(r',\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("(?:woff|truetype)"\)')
_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_LOCK = "pyodide-lock.json"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # zip 记得下的最早的时间：同样的源码打出同样的字节


def install_katex() -> None:
    """从 npm 包复制样式表与 woff2 字体，先清空旧的。"""
    dist = NODE_MODULES / "katex" / "dist"
    shutil.rmtree(KATEX_ASSETS, ignore_errors=True)
    fonts = KATEX_ASSETS / "fonts"
    fonts.mkdir(parents=True)
    css = _OTHER_FORMATS.sub("", (dist / "katex.min.css").read_text(encoding="utf-8"))
    # 慢网上公式先用系统的字体写出来，不等 KaTeX 的字体。
    css = css.replace("font-display:block", "font-display:swap")
    (KATEX_ASSETS / "katex.min.css").write_text(css, encoding="utf-8")
    for font in sorted((dist / "fonts").glob("*.woff2")):
        shutil.copyfile(font, fonts / font.name)


def install_pyodide() -> None:
    """从 npm 包复制解释器与标准库，先清空旧的；别的包一个也不要，它们的清单删空。"""
    package = NODE_MODULES / "pyodide"
    shutil.rmtree(PYODIDE_ASSETS, ignore_errors=True)
    PYODIDE_ASSETS.mkdir(parents=True)
    for name in _PYODIDE:
        shutil.copyfile(package / name, PYODIDE_ASSETS / name)
    lock = json.loads((package / _LOCK).read_text(encoding="utf-8"))
    (PYODIDE_ASSETS / _LOCK).write_text(json.dumps(lock | {"packages": {}}), encoding="utf-8")
    # 压缩着传时，浏览器不知道一共多大；进度要用解压之后的大小。
    sizes = {name: (PYODIDE_ASSETS / name).stat().st_size for name in _PYODIDE}
    (PYODIDE_ASSETS / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")
    pack_library(PYODIDE_ASSETS)


def pack_library(folder: Path) -> None:
    """把 `dlnotes` 的源码打成 `folder` 里的一个包，计算器在浏览器里导入它。"""
    with zipfile.ZipFile(folder / "dlnotes.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((ROOT / "dlnotes").rglob("*.py")):
            entry = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), _OLDEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    install_katex()
    install_pyodide()
