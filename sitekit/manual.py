"""网络手册：一页一个网络，页里的数、图、账本都由 `dlnotes.arch` 写成。

每页的开头写 `network: 名字` 与 `year: 年份`，总表由它们生成；别的数不必写。
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from mkdocs.utils.meta import get_data

from dlnotes.arch import Ledger, Row, ledger, zoo
from dlnotes.table import html
from sitekit.figures import receptive_field
from sitekit.paths import DOCS

FOLDER = DOCS / "zoo"
_COLUMNS = {
    "名字": "name",
    "种类": "op",
    "输出": "output",
    "参数量": "params",
    "乘加数": "macs",
    "激活字节": "activation_bytes",
    "感受野": "rf",
    "步距": "jump",
    "起点": "start",
}
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


def book(network: str) -> Ledger:
    """手册用的账：SE 的门当作常数，感受野才是通常所说的大小。"""
    return ledger(zoo.load(network), gates=False)


def facts(network: str) -> str:
    """几个总数，一个 `<table>`。"""
    account = book(network)
    last = next((row for row in reversed(account.rows) if isinstance(row.rf, tuple)), None)
    lines = {
        "输入": "×".join(map(str, account.input)),
        "参数": _split(account.params, account.parameters),
        "缓冲": f"{account.buffers:,}" if account.buffers else None,
        "乘加": _split(
            account.macs, {kind: account.operations.get(kind, 0) for kind in ("conv", "linear", "attention")}
        ),
        "没有计入的运算": "、".join(account.uncounted) or None,
        "推理时激活的峰值": f"{account.peak_bytes:,} 字节，在 {account.peak_node}",
        "训练时留给反向的激活": f"{account.saved_bytes:,} 字节",
        "感受野": _field(last) if last else "每个单元都看到整个输入，或各单元不一",
        "节点": f"{len(account.rows)} 个",
    }
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td>{escape(text)}</td></tr>' for name, text in lines.items() if text
    )
    return f"<table><tbody>{cells}</tbody></table>"


def growth(network: str) -> str:
    """每次步距变大之前的最后一层各看到多大一块，按比例画在输入图上；没有固定大小的画不了，返回空文本。"""
    account = book(network)
    seen = [
        row for row in account.rows if isinstance(row.rf, tuple) and len(row.output) == len(row.rf) + 1 == 3
    ]
    ends = [list(run)[-1] for _, run in groupby(seen, key=lambda row: row.jump)]
    nested: list[Row] = []
    for row in ends:  # 编码再解码的网络，后半截看得更少的不画
        if not nested or row.rf > nested[-1].rf:
            nested.append(row)
    if not nested:
        return ""
    return receptive_field(
        account,
        [row.name for row in nested[-_MOST:]],
        id=f"{network.replace('_', '-')}-field",
        caption=f"{network}：每次缩小之前的最后一层，正中的一个单元在输入图上看到的范围。",
    )


def rows(network: str) -> str:
    """完整的账本，一段一个折叠；名字不分级的层并在一处。"""
    blocks = groupby(
        book(network).rows, key=lambda row: row.name.partition(".")[0] if "." in row.name else ""
    )
    return "".join(_block(list(block)) for _, block in blocks)


def _block(block: Sequence[Row]) -> str:
    first, last = block[0], block[-1]
    stage = first.name.partition(".")[0]
    name = stage if "." in first.name else f"{first.name} 到 {last.name}" if len(block) > 1 else first.name
    params, macs = (sum(getattr(row, key) for row in block) for key in ("params", "macs"))
    summary = f"{name}：{len(block)} 行，参数 {params:,}，乘加 {macs:,}"
    columns = {title: [getattr(row, key) for row in block] for title, key in _COLUMNS.items()}
    return f"<details><summary>{escape(summary)}</summary>{html(columns)}</details>"


def manual(network: str) -> str:
    """一页里由程序写的部分：总数、图、完整的账本。"""
    return f'<div data-search-exclude>{facts(network)}{growth(network)}<h3 id="rows">逐层</h3>{rows(network)}</div>'


def _split(total: int, kinds: dict[str, int]) -> str:
    """总数，和它由哪几种合成。"""
    parts = [f"{_KINDS[kind]} {count:,}" for kind, count in kinds.items() if count]
    return f"{total:,}" + (f"（{'，'.join(parts)}）" if len(parts) > 1 else "")


def _field(row: Row) -> str:
    assert isinstance(row.rf, tuple) and row.jump and row.start
    rf, jump = ("×".join(map(str, each)) for each in (row.rf, row.jump))
    start = ", ".join(map(str, row.start))
    return f"{row.name}：{rf}，步距 {jump}，起点 ({start})"


def comparison(found: Iterable[Entry]) -> str:
    """总表，点表头排序。"""
    listed = [(entry, book(entry.network)) for entry in found]
    lasts = [
        next((row for row in reversed(account.rows) if isinstance(row.rf, tuple)), None)
        for _, account in listed
    ]
    columns = {
        "网络": [entry.network for entry, _ in listed],
        "年": [str(entry.year) for entry, _ in listed],
        "输入": [account.input for _, account in listed],
        "参数量": [account.params for _, account in listed],
        "乘加数": [account.macs for _, account in listed],
        "激活峰值": [account.peak_bytes for _, account in listed],
        "感受野": [row and row.rf for row in lasts],
    }
    return f'<div class="sortable">{html(columns)}</div>'
