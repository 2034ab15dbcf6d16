"""网络手册：一页一个网络，页里的总数、图、逐层的账都由 `dlnotes.arch` 写成，各页又汇成一张总表。

每页的开头写 `network: 名字` 与 `year: 年份`；别的数都不必写。`dlnotes` 在函数里才导入：预览时库改了，用的
是新的。
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.utils.meta import get_data

from sitekit.figures import receptive_field
from sitekit.paths import DOCS

if TYPE_CHECKING:
    from dlnotes.arch import Ledger, Row

FOLDER = DOCS / "zoo"
_COLUMNS = ("name", "op", "output", "params", "macs", "activation_bytes", "rf", "jump", "start")
_MOST = 6  # 图上最多画几层
_KINDS = {
    "weight": "权重",
    "bias": "偏置",
    "norm": "归一化",
    "activation": "激活",
    "embedding": "嵌入",
    "conv": "卷积",
    "linear": "线性层",
    "attention": "注意力",
}


@dataclass(frozen=True)
class Entry:
    """手册的一页。

    Attributes:
        network: 网络的名字。
        title: 页的标题。
        year: 论文发表的年份。
        page: 页的路径，相对 `docs/zoo/`。
    """

    network: str
    title: str
    year: int
    page: str


def entries(folder: Path = FOLDER) -> list[Entry]:
    """手册的各页，按年份、再按名字排。

    Raises:
        ValueError: 有一页没有标题，没有写年份，网络不存在，或两页写了同一个网络。
    """
    found = [entry for path in sorted(folder.glob("*.md")) for entry in _read(path)]
    names = [entry.network for entry in found]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"手册里的网络重复：{'、'.join(sorted(repeated))}；一个网络只有一页。")
    return sorted(found, key=lambda entry: (entry.year, entry.network))


def _read(path: Path) -> Iterator[Entry]:
    from dlnotes.arch import zoo

    text, meta = get_data(path.read_text(encoding="utf-8"))
    if "network" not in meta:
        return
    heading = re.search(r"^# (.+?)(?: \{.*\})?$", text, re.MULTILINE)
    network, year = meta["network"], meta.get("year")
    if heading is None or type(year) is not int or network not in zoo.names():
        raise ValueError(
            f"{path.name} 应有一级标题、年份和已有的网络名，实为 {network!r}、{year!r}；请补上。"
        )
    yield Entry(network, heading[1], year, path.name)


@dataclass(frozen=True)
class Manual:
    """一个网络的页里由程序写的部分。

    Attributes:
        summary: 总数，和感受野的图。
        rows: 逐层的账，一段一个折叠。
    """

    summary: str
    rows: str


def manual(network: str) -> Manual:
    """写一个网络的页。"""
    account = _book(network)
    stages = groupby(account.rows, key=lambda row: row.name.partition(".")[0] if "." in row.name else "")
    return Manual(
        f"<div data-search-exclude>{_facts(account)}{_growth(account)}</div>",
        f"<div data-search-exclude>{''.join(_stage(list(stage)) for _, stage in stages)}</div>",
    )


def comparison(found: Sequence[Entry]) -> str:
    """总表，一行一个网络，名字链到它的页；点表头排序。"""
    from dlnotes.table import html

    books = [_book(entry.network) for entry in found]
    widest = list(map(_widest, books))
    table = html(
        {
            "网络": [entry.network for entry in found],
            "年": [str(entry.year) for entry in found],
            "输入": [account.input for account in books],
            "参数量": [account.params for account in books],
            "乘加数": [account.macs for account in books],
            "推理峰值": [account.peak_bytes for account in books],
            "训练留存": [account.saved_bytes for account in books],
            "感受野": [row and row.rf for row in widest],
        }
    )
    for entry in found:
        link = f'<a href="{entry.page.removesuffix(".md")}/">{entry.network}</a>'
        table = table.replace(f"<td>{entry.network}</td>", f"<td>{link}</td>")
    return f"<div data-search-exclude><dlnotes-sortable>{table}</dlnotes-sortable></div>"


def _book(network: str) -> "Ledger":
    """手册用的账：SE 的门当作常数，感受野才是通常所说的大小。"""
    from dlnotes.arch import ledger, zoo

    return ledger(zoo.load(network), gates=False)


def _facts(account: "Ledger") -> str:
    from dlnotes.arch.layers import MACS

    widest = _widest(account)
    lines = {
        "输入": "×".join(map(str, account.input)),
        "参数": _split(account.params, account.parameters),
        "缓冲": f"{account.buffers:,}" if account.buffers else "",
        "乘加": _split(account.macs, {kind: account.operations.get(kind, 0) for kind in MACS}),
        "没有计入的运算": "、".join(account.uncounted),
        "推理时激活的峰值": f"{account.peak_bytes:,} 字节，在 {account.peak_node}",
        "训练时留给反向的激活": f"{account.saved_bytes:,} 字节",
        "感受野": _field(widest) if widest else "各单元都看到整个输入，或大小不一",
        "节点": f"{len(account.rows):,} 个",
    }
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td>{escape(text)}</td></tr>' for name, text in lines.items() if text
    )
    return f"<table><tbody>{cells}</tbody></table>"


def _growth(account: "Ledger") -> str:
    """每次缩小之前的最后一段看到多大一块，按比例画在输入图上；没有固定大小的不画。"""
    images = [
        row for row in account.rows if isinstance(row.rf, tuple) and len(row.rf) == len(row.output) - 1 == 2
    ]
    # 只看各段的最后一行：块里的分支有的缩小、有的没有，不是网络的缩小。
    lasts = [list(run)[-1] for _, run in groupby(images, key=lambda row: row.name.partition(".")[0])]
    ends: list[Row] = []
    for row in (list(run)[-1] for _, run in groupby(lasts, key=lambda row: row.jump)):
        if not ends or _larger(row, ends[-1]):  # 先编码后解码的网络，回头看得更少的不画
            ends.append(row)
    if not ends:
        return ""
    return receptive_field(
        account,
        [row.name for row in ends[-_MOST:]],
        id=f"{account.network.replace('_', '-')}-field",
        caption="每次缩小之前的最后一段，正中的一个单元在输入图上看到的范围；粗框是输入图。",
    )


def _larger(row: "Row", other: "Row") -> bool:
    return isinstance(row.rf, tuple) and isinstance(other.rf, tuple) and row.rf > other.rf


def _widest(account: "Ledger") -> "Row | None":
    """感受野有确定大小的节点里最大的，一样大取最后一个；U-Net 的后半截大小不一，最后一个不是最大的。"""
    sized = [(row.rf, number) for number, row in enumerate(account.rows) if isinstance(row.rf, tuple)]
    return account.rows[max(sized)[1]] if sized else None


def _stage(block: Sequence["Row"]) -> str:
    """一段：名字不分级的层，相邻的并在一处。

    几百行写成对齐的文字而不是表：表的格子太多，慢手机上打开、建站时检查都要慢几倍。
    """
    from dlnotes.table import text

    first, last = block[0], block[-1]
    name = first.name.partition(".")[0]
    if "." not in first.name and len(block) > 1:
        name = f"{first.name} 到 {last.name}"
    params, macs = sum(row.params for row in block), sum(row.macs for row in block)
    title = f"{name}：{len(block)} 行，参数 {params:,}，乘加 {macs:,}"
    written = escape(text({key: [getattr(row, key) for row in block] for key in _COLUMNS}))
    return (
        f'<details><summary>{escape(title)}</summary><pre><code tabindex="0">{written}</code></pre></details>'
    )


def _split(total: int, kinds: Mapping[Any, int]) -> str:
    """总数，和它由哪几种合成。"""
    parts = [f"{_KINDS[kind]} {count:,}" for kind, count in kinds.items() if count]
    return f"{total:,}" + (f"（{'，'.join(parts)}）" if len(parts) > 1 else "")


def _field(row: "Row") -> str:
    rf, jump = ("×".join(map(str, sizes or ())) for sizes in (row.rf, row.jump))
    return f"{rf}，步距 {jump}，起点 ({', '.join(map(str, row.start or ()))})，在 {row.name}"
