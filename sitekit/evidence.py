"""「可信度」一页的表：由 `docs/evidence.json` 印出，那份文件由 `make evidence` 写。"""

import json
from functools import cache
from typing import Any

from dlnotes.table import markdown
from sitekit.paths import DOCS

TARGET = DOCS / "evidence.json"
_TYPES = ("float64", "float32", "float16")
_GRADIENT = "有限差分"


def functions() -> dict[str, Any]:
    """各函数的证据：来源、次数、各类型的最大误差。"""
    found: dict[str, Any] = _stored()["functions"]
    return found


def modules() -> list[str]:
    """有证据的模块，按名字排。"""
    return sorted({name.rsplit(".", 1)[0] for name in functions()})


def summary() -> str:
    """一句话：多少个函数，多少次比较，在哪里得到。"""
    entries = [entry for sources in functions().values() for entry in sources.values()]
    where = "、".join(f"{name} {value}" for name, value in _stored()["environment"].items())
    count = f"{len(functions())} 个函数，{sum(entry['cases'] for entry in entries):,} 次比较"
    return f"{count}（{where.replace('platform ', '')}）。"


def table(module: str) -> str:
    """一个模块的表，一行是一个函数与一种来源。"""
    rows = [
        (name, source, entry)
        for name, sources in functions().items()
        if name.rsplit(".", 1)[0] == module
        for source, entry in sources.items()
    ]
    columns = {
        "函数": [f"[`{name.rsplit('.', 1)[1]}`][{name}]" for name, _, _ in rows],
        "与谁比": [source for _, source, _ in rows],
        "次数": [entry["cases"] for _, _, entry in rows],
    }
    for kind in _TYPES:
        columns[kind] = [_error(source, entry["errors"].get(kind)) for _, source, entry in rows]
    return markdown(columns)


def _error(source: str, error: float | None) -> str | None:
    if error is None:
        return None
    return f"{error:.0e}" + ("（允许）" if source == _GRADIENT else "")


@cache
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(TARGET.read_text(encoding="utf-8"))
    return stored
