"""Material 的搜索索引整理之后。"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from sitekit.search import clean


def entries(site: Path) -> dict[str, dict[str, Any]]:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    return {entry["location"]: entry for entry in index["docs"]}


@pytest.fixture(scope="module")
def docs(good: Any) -> dict[str, dict[str, Any]]:
    return entries(good.site("mkdocs"))


def plain(entry: dict[str, Any]) -> str:
    return str(entry["text"]).replace("\u200b", "")


def test_parts_are_found_under_their_question(docs: dict[str, dict[str, Any]]) -> None:
    assert [place for place in docs if place.startswith("#")] == ["#ce"]
    text = plain(docs["#ce"])
    for part in ("详解", "细说里的一句", "算一算", "还有呢", "没有了"):
        assert part in text


def test_a_part_title_is_a_paragraph_of_its_own(docs: dict[str, dict[str, Any]]) -> None:
    assert "<p>详解</p>" in plain(docs["#ce"])


def test_each_formula_is_kept_once_as_tex(docs: dict[str, dict[str, Any]]) -> None:
    text = plain(docs["#ce"])
    assert text.count("p-y") == 1
    assert text.count(r"\sigma(z)") == 1
    assert text.count("x_1") == 1
    assert "𝑝" not in text
    assert "p−y" not in text


def test_what_should_not_be_found_is_not(docs: dict[str, dict[str, Any]]) -> None:
    everything = "".join(map(plain, docs.values()))
    for absent in ("在构建时核对", "138,357,544", "报告此页错误", "编辑此页", "不该搜到", "¶"):
        assert absent not in everything


def test_chinese_is_still_segmented(docs: dict[str, dict[str, Any]]) -> None:
    assert "\u200b归一化\u200b" in docs[""]["text"]
    assert "\u200b采样\u200b" in docs[""]["text"]


def test_tags_titles_and_settings_stay(good: Any, docs: dict[str, dict[str, Any]]) -> None:
    assert set(docs[""]["tags"]) == {"损失", "归一化"}
    assert docs["#ce"]["title"].replace("\u200b", "") == "为什么用交叉熵？"
    assert "tags" not in docs["topic/two/"]
    index = json.loads((good.site("mkdocs") / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert index["config"]["pipeline"] == []
    assert r"\b(?=[\u4e00-\u9fff])" in index["config"]["separator"]
    assert "topic/two/#dlnotes.table.markdown" in docs


def test_boost_stays_and_excluded_pages_stay_out(new_project: Callable[[Mapping[str, str]], Any]) -> None:
    head = '---\ndescription: "这一页：{0}"\nsearch:\n  {0}\n---\n# 标题\n\n一句。\n'
    project = new_project({"index.md": head.format("boost: 2"), "hidden.md": head.format("exclude: true")})
    assert project.build("mkdocs").returncode == 0
    assert {place: entry["boost"] for place, entry in entries(project.site("mkdocs")).items()} == {"": 2}


def test_figures_are_dropped() -> None:
    article = lxml.html.fromstring(
        "<article><p>图：<svg viewBox='0 0 1 1'><title>标题</title><text>7.5</text></svg>之后</p></article>"
    )
    assert clean(article) == "<p>图：之后</p>"
