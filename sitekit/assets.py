"""把 KaTeX 的样式表和字体放进 `docs/assets/katex/`，读者的浏览器只向本站取它们。

安装依赖时运行一次：`python -m sitekit.assets`。
"""

import re
import shutil

from sitekit.paths import KATEX_ASSETS, NODE_MODULES

# 现代浏览器都认 woff2；样式表里列出的另两种格式删掉，免得指向不存在的文件。
_OTHER_FORMATS = re.compile(r',\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("(?:woff|truetype)"\)')


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


if __name__ == "__main__":
    install_katex()
