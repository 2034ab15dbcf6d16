"""补上主题的搜索程序里 lunr 的一个缺陷：索引里数字多了，有的词一搜就出错，什么也找不到。

lunr 把词存成自动机，合并相同的状态时拿「边上的字、去往的状态的编号……」连成的串作比较，中间没有分隔：
边是数字时，`1` 去往 23 与 `12` 去往 3 连出来一样，不同的状态就并成了一个，搜 `3×3` 会走到索引里没有的词
（olivernn/lunr.js 的 #279、#503；它已多年没有新版）。每个编号之后加一个逗号，就不会混。
"""

from pathlib import Path

BROKEN, MENDED = "e=e+s+o.id}return e}", 'e=e+s+o.id+","}return e}'


def mend(site: Path) -> None:
    """就地改成品里的搜索程序。

    Raises:
        RuntimeError: 找不到要改的那一处，主题换了写法。
    """
    workers = sorted((site / "assets" / "javascripts" / "workers").glob("search.*.min.js"))
    for worker in workers:
        text = worker.read_text(encoding="utf-8")
        if text.count(BROKEN) != 1:
            raise RuntimeError(
                f"{worker.name} 里没有 lunr 的 {BROKEN!r}：请核对 sitekit/lunr.py 还用不用得着。"
            )
        worker.write_text(text.replace(BROKEN, MENDED), encoding="utf-8")
    if not workers:
        raise RuntimeError(f"{site} 里没有主题的搜索程序：请核对 sitekit/lunr.py。")
