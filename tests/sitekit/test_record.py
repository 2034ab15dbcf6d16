"""构建记录：写下什么，读回来就是什么。"""

from pathlib import Path

import pytest

from sitekit import record


@pytest.mark.parametrize("message", ["甲\u2028乙", "甲\x85乙", "甲\x0b乙", "甲\n乙", "甲\r乙", ""])
def test_every_character_comes_back(message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """有些字符 `splitlines` 当作换行，一条记录就断成两截。"""
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv(record.VARIABLE, str(path))
    record.begin("a.md")
    record.problem("a.md", message)
    record.end("a.md", 0.5)
    assert record.read(path) == record.Record({"a.md": 0.5}, [f"a.md：{message}"], [])


def test_no_file_is_an_empty_record(tmp_path: Path) -> None:
    assert record.read(tmp_path / "gone") == record.Record()
