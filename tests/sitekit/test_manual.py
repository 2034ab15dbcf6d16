"""网络手册里由程序写的部分：总数、逐层、总表都与账本一致，每个网络恰好一页。"""

from pathlib import Path

import pytest
from lxml import html
from lxml.html import HtmlElement

from dlnotes.arch import ledger, zoo
from sitekit import manual

PAGE = "---\nnetwork: {network}\nyear: {year}\n---\n\n# {title}\n\n文字。\n"


def parse(text: str) -> HtmlElement:
    return html.fragment_fromstring(text)


def cells(table: HtmlElement) -> list[list[str]]:
    return [[cell.text_content() for cell in row] for row in table.iter("tr")]


def write(folder: Path, name: str, *, network: str = "vgg16", year: object = 2014, title: str = "页") -> None:
    (folder / f"{name}.md").write_text(PAGE.format(network=network, year=year, title=title), encoding="utf-8")


def test_every_network_has_one_page() -> None:
    assert sorted(entry.network for entry in manual.entries()) == zoo.names()


def lines(stage: HtmlElement) -> list[list[str]]:
    return [line.split() for line in stage.find("pre/code").text.splitlines()]


@pytest.mark.parametrize("network", zoo.names())
def test_the_rows_are_the_whole_ledger_in_order(network: str) -> None:
    book = ledger(zoo.load(network), gates=False)
    stages = parse(manual.manual(network).rows).findall("details")
    found = [row for stage in stages for row in lines(stage)[1:]]
    assert [row[0] for row in found] == [row.name for row in book.rows]
    assert sum(int(row[3].replace(",", "")) for row in found) == book.params
    assert sum(int(row[4].replace(",", "")) for row in found) == book.macs
    titles = [stage.find("summary").text_content() for stage in stages]
    assert sum(int(title.split("：")[1].split(" 行")[0]) for title in titles) == len(book.rows)


def test_a_stage_is_what_its_title_says() -> None:
    stages = parse(manual.manual("resnet50").rows).findall("details")
    assert [stage.find("summary").text_content().split("，")[0] for stage in stages] == [
        "conv1 到 maxpool：4 行",
        "layer1：32 行",
        "layer2：42 行",
        "layer3：62 行",
        "layer4：32 行",
        "avgpool 到 fc：3 行",
    ]
    first = stages[0].find("pre/code").text.splitlines()
    assert first[0].split() == ["name", "op", "output", "params", "macs", *first[0].split()[5:]]
    assert first[1].split() == (
        ["conv1", "Conv2d", "64×112×112", "9,408", "118,013,952", "3,211,264", "7×7", "2×2", "(-3,", "-3)"]
    )


def test_the_summary_states_the_totals() -> None:
    """总数取自 torchvision 0.28 与 torch 2.13 的实测，见 tests/oracles。"""
    element = parse(manual.manual("resnet50").summary)
    facts = dict(cells(element.find("table")))
    assert facts["输入"] == "3×224×224"
    assert facts["参数"].startswith("25,557,032（权重 25,502,912，")
    assert facts["乘加"] == "4,089,184,256（卷积 4,087,136,256，线性层 2,048,000）"
    assert facts["感受野"] == "427×427，步距 32×32，起点 (-213, -213)，在 layer4.2.relu"
    assert "没有计入的运算" not in facts
    assert "layer4.2.relu 427×427" in element.find("figure").text_content()


def test_what_has_no_size_is_said_and_not_drawn() -> None:
    facts = dict(cells(parse(manual.manual("fcn_resnet50").summary).find("table")))
    assert facts["没有计入的运算"] == "upsample"
    assert parse(manual.manual("vit_b_16").summary).find("figure") is not None  # 切块的那一层还有


def test_the_table_links_each_network_and_sorts_by_year() -> None:
    entries = [
        manual.Entry("vgg16", "VGG-16", 2014, "vgg16.md"),
        manual.Entry("zf5", "ZF-5", 2015, "other.md"),
    ]
    table = parse(manual.comparison(entries)).find("dlnotes-sortable/table")
    assert [row[:2] for row in cells(table)[1:]] == [["vgg16", "2014"], ["zf5", "2015"]]
    assert [link.get("href") for link in table.iter("a")] == ["vgg16/", "other/"]
    assert cells(table)[1][3:5] == ["138,357,544", "15,470,264,320"]


def test_entries_come_from_the_pages(tmp_path: Path) -> None:
    write(tmp_path, "b", network="vgg16", title="VGG-16")
    write(tmp_path, "a", network="zf5", year=2013, title="ZF-5 { #zf }")
    (tmp_path / "index.md").write_text("# 网络手册\n", encoding="utf-8")
    assert manual.entries(tmp_path) == [
        manual.Entry("zf5", "ZF-5", 2013, "a.md"),
        manual.Entry("vgg16", "VGG-16", 2014, "b.md"),
    ]


@pytest.mark.parametrize("wrong", [{"network": "vgg17"}, {"year": "'去年'"}, {"year": "true"}, {"title": ""}])
def test_a_page_that_says_too_little_is_an_error(tmp_path: Path, wrong: dict[str, str]) -> None:
    write(tmp_path, "page", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^page\.md 应有一级标题、年份和已有的网络名，实为 "):
        manual.entries(tmp_path)


def test_two_pages_of_one_network_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    with pytest.raises(ValueError, match=r"^手册里的网络重复：vgg16；"):
        manual.entries(tmp_path)
