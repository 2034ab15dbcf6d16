"""补上主题的两处缺陷：都在成品里就地换掉一小段。

搜索：lunr 把词存成自动机，合并相同的状态时拿「边上的字、去往的状态的编号……」连成的串作比较，中间没有分隔：
边是数字时，`1` 去往 23 与 `12` 去往 3 连出来一样，不同的状态就并成了一个，搜 `3×3` 会走到索引里没有的词
（olivernn/lunr.js 的 #279、#503；它已多年没有新版）。每个编号之后加一个逗号，就不会混。

配色：主题在每一页打开时都把「正在换配色」写到 body 上再拿掉，有一条规则因此对全页的每个元素生效又失效，
浏览器要把整页的样式重算好几遍，公式多的页在手机上卡住几百毫秒。这条规则只为换配色时没有渐变，去掉它。
"""

from pathlib import Path
from typing import NamedTuple


class Fix(NamedTuple):
    """一处：哪些文件，原来的一段，换成什么。"""

    files: str
    broken: str
    mended: str


LUNR = Fix("assets/javascripts/workers/search.*.min.js", "e=e+s+o.id}return e}", 'e=e+s+o.id+","}return e}')
SWITCHING = Fix(
    "assets/stylesheets/palette.*.min.css",
    "[data-md-color-switching] *,[data-md-color-switching] :after,[data-md-color-switching] :before"
    "{transition-duration:0s!important}",
    "",
)


def mend(site: Path) -> None:
    """就地改成品里的主题文件。

    Raises:
        RuntimeError: 找不到要改的那一处，主题换了写法。
    """
    for fix in (LUNR, SWITCHING):
        found = sorted(site.glob(fix.files))
        for file in found:
            text = file.read_text(encoding="utf-8")
            if text.count(fix.broken) != 1:
                raise RuntimeError(
                    f"{file.name} 里没有 {fix.broken!r}：请核对 sitekit/theme.py 还用不用得着。"
                )
            file.write_text(text.replace(fix.broken, fix.mended), encoding="utf-8")
        if not found:
            raise RuntimeError(f"{site} 里没有主题的 {fix.files}：请核对 sitekit/theme.py。")
