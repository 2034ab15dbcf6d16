"""所有的图都守的规矩：颜色、字号、id、文字替代、确定的字节，两个构建工具都认。"""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from lxml import etree

from sitekit import figures
from sitekit.figures import palette, svg
from sitekit.figures.frame import WIDTH, frame
from sitekit.parity import differences
from sitekit.paths import DOCS, ROOT

SAMPLE = Path(__file__).with_name("figures_sample.py")
KINDS = ["curves", "columns", "conv", "dilated", "uneven", "transposed", "centre", "corner", "params"]
KINDS += ["links", "residual", "zf5", "tiles", "toeplitz", "boxes"]
PHONE = 328  # 宽 360 像素的手机上正文的宽
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\(|\b(?:black|white|gr[ae]y|red|green|blue)\b", re.I)


def run(code: str, **env: str) -> str:
    """在新的解释器里运行。"""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(SAMPLE.parent), **env}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def samples() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("figures_sample", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.samples()
    assert list(found) == KINDS
    return found


@pytest.fixture(params=KINDS)
def figure(request: pytest.FixtureRequest, samples: dict[str, str]) -> etree._Element:
    return etree.fromstring(samples[request.param])


def test_every_kind_of_figure_is_sampled(samples: dict[str, str]) -> None:
    source = SAMPLE.read_text(encoding="utf-8")
    offered = {name for name, value in vars(figures).items() if callable(value)}
    assert {name for name in offered if f"{name}(" in source} == offered


def test_colours_are_variables(figure: etree._Element) -> None:
    painted = []
    for element in figure.iter():
        for name, value in element.items():
            if name not in ("id", "class", "aria-labelledby", "aria-describedby"):
                assert not COLOUR.search(re.sub(r"url\(#[\w-]+\)|^#[\w-]+$", "", value)), (name, value)
            painted += re.findall(r"var\((--fig-\w+)\)", value)
    assert len(set(painted)) >= 2


def test_text_is_legible_on_a_phone(figure: etree._Element) -> None:
    (drawing,) = figure.findall("svg")
    _, _, width, _ = map(float, drawing.get("viewBox", "").split())
    sizes = [float(size) for size in figure.xpath(".//@font-size")]
    assert min(sizes) * PHONE / width >= 11
    assert not {"width", "height"} & set(drawing.attrib)


def test_text_stays_inside(figure: etree._Element) -> None:
    (drawing,) = figure.findall("svg")
    height = float(drawing.get("viewBox", "").split()[3])
    for text in drawing.iter("text"):
        if "transform" not in text.attrib:
            width = 5.5 * len(text.text or "")
            left = float(text.get("x", "0")) - width * {"middle": 0.5, "end": 1}.get(
                text.get("text-anchor", ""), 0
            )
            assert -1 <= left <= WIDTH - width + 1, text.text
            assert 8 <= float(text.get("y", "0")) <= height - 1, text.text


def test_ids_belong_to_the_figure(samples: dict[str, str]) -> None:
    found = {name: etree.fromstring(text).xpath("//@id") for name, text in samples.items()}
    every = [one for ids in found.values() for one in ids]
    assert len(set(every)) == len(every)
    assert all(one == name or one.startswith(f"{name}-") for name, ids in found.items() for one in ids)


def test_references_lead_somewhere(figure: etree._Element) -> None:
    text = etree.tostring(figure, encoding="unicode")
    wanted = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"|aria-\w+by="([^"]+)"', text)
    assert {name for names in wanted for name in names if name} <= set(figure.xpath("//@id"))
    assert ' href="' not in text  # 主题的脚本一碰 <use> 的 href 就出错；xlink:href 它不认识


def test_words_for_those_who_cannot_see(figure: etree._Element) -> None:
    (drawing,) = figure.findall("svg")
    title, alt = drawing[0], drawing[1]
    assert (title.tag, alt.tag, drawing.get("role")) == ("title", "desc", "img")
    assert drawing.get("aria-labelledby") == title.get("id")
    assert drawing.get("aria-describedby") == alt.get("id")
    assert title.text
    assert alt.text
    assert (figure.findtext("figcaption") or "").endswith("。")
    assert drawing.get("data-search-exclude") == ""


def test_a_figure_is_one_line(samples: dict[str, str]) -> None:
    """HTML 里的空行会让 Markdown 以为这一块到此为止。"""
    assert not [name for name, text in samples.items() if "\n" in text]


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    code = "import runpy; runpy.run_module('figures_sample', run_name='__main__')"
    first, second = (run(code, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.count("<figure") == len(KINDS)
    assert first == second


def test_the_users_settings_of_matplotlib_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("xtick.direction: in\naxes.linewidth: 5\n", encoding="utf-8")
    code = "import figures_sample; print(figures_sample.curves())"
    assert run(code, MATPLOTLIBRC=str(tmp_path)) == run(code)


def test_matplotlib_waits_until_a_chart_is_drawn() -> None:
    drawings = "figures.bars({'a': 1}, id='a', title='a', caption='a')"
    code = f"import sys; from sitekit import figures; {drawings}; print('matplotlib' in sys.modules)"
    assert run(code) == "False\n"
    assert "matplotlib" in run("import sys, figures_sample as f; f.curves(); print(*sys.modules)").split()


@pytest.mark.parametrize("module", ["chart", "graph"])
def test_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"sitekit.figures.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


WORDS = {"id": "a", "title": "题", "alt": "替代", "caption": "图题"}


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        (svg.rect(0, 0, 1, 1, fill="#ff0000"), "固定的颜色"),
        (svg.line(0, 0, 1, 1, stroke="black"), "固定的颜色"),
        (svg.line(0, 0, 1, 1, stroke="var(--md-default-fg-color)"), "固定的颜色"),
        (svg.shape("g", svg.shape("stop", stop_color="rgb(0, 0, 0)")), "固定的颜色"),
        (svg.rect(0, 0, 1, 1, style="fill: red"), "style"),
        (svg.label(0, 0, "x", font_size=10), "字号"),
        (svg.label(0, 0, "汉"), "汉字"),
        (svg.label(0, 0, "（x）"), "汉字"),
        (svg.hatch("hatch"), "id hatch"),
        (svg.shape("image"), "位图"),
    ],
)
def test_the_frame_rejects(shape: etree._Element, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        frame([shape], height=9, **WORDS)


@pytest.mark.parametrize("change", [{"id": "A"}, {"id": "a b"}, {"id": ""}, {"alt": " "}, {"caption": ""}])
def test_the_frame_wants_an_id_and_words(change: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="图"):
        frame([], height=9, **WORDS | change)


def test_words_are_escaped() -> None:
    text = frame([svg.label(0, 9, "a<b")], height=9, **WORDS | {"title": '<"&>'})
    assert etree.fromstring(text).findtext("svg/title") == '<"&>'
    assert lxml.html.fromstring(text).xpath("string(//text)") == "a<b"


def schemes() -> dict[str, dict[str, str]]:
    """样式表里浅色、深色各定的颜色。"""
    css = (DOCS / "assets" / "stylesheets" / "dlnotes.css").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        for scheme in ("default", "slate"):
            if selector.strip().endswith(f'[data-md-color-scheme="{scheme}"]'):
                colours = re.findall(r"--fig-(\w+):\s*(#[0-9a-f]{6});", body)
                found.setdefault(scheme, {}).update(colours)
    return found


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("scheme", "paper"), [("default", "#ffffff"), ("slate", "#1e2129")])
def test_every_colour_is_defined_and_legible(scheme: str, paper: str) -> None:
    """色板里的颜色也用来写字，所以对比度都要有 4.5（WCAG 2.2 的 1.4.3）。"""
    colours = schemes()[scheme]
    assert set(colours) == set(palette.NAMES)
    for name, colour in colours.items():
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


PAGE = """\
---
description: 图
---
# 图 { #figures }

正文里的话。

```python exec="on" html="on" id="all" session="index"
import sys
sys.path.insert(0, FOLDER)
from figures_sample import samples
for figure in samples().values():
    print(figure)
```
"""


@pytest.fixture(scope="module")
def project(new_project: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_project({"index.md": PAGE.replace("FOLDER", repr(str(SAMPLE.parent)))})


@pytest.mark.parametrize("builder", ["mkdocs", "zensical"])
def test_both_builders_accept_them(project: Any, builder: str, samples: dict[str, str]) -> None:
    """构建之后的检查也一并运行：id、引用、文字替代、页的大小。"""
    done = project.build(builder)
    assert done.returncode == 0, done.stdout + done.stderr
    html = (project.site(builder) / "index.html").read_text(encoding="utf-8")
    exclude = ' data-search-exclude=""'  # Zensical 照办之后就去掉它
    missing = [
        name for name, text in samples.items() if text.replace(exclude, "") not in html.replace(exclude, "")
    ]
    assert missing == []


def test_both_builders_agree_and_figures_are_not_found(project: Any) -> None:
    for builder in ("mkdocs", "zensical"):
        if not project.site(builder).exists():
            project.build(builder)
    assert differences(project.site("mkdocs"), project.site("zensical")) == []
    index = json.loads((project.site("mkdocs") / "search" / "search_index.json").read_text(encoding="utf-8"))
    text = "".join(entry["text"] for entry in index["docs"]).replace("\u200b", "")
    assert "正文里的话" in text
    for inside in ("四条递增的线", "102,764,544", "conv1_1"):
        assert inside not in text


def test_charts_are_for_the_site_only() -> None:
    assert "\nmatplotlib==" in (ROOT / "locks" / "site.txt").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "dlnotes").rglob("*.py")]
    assert not [text for text in sources if "matplotlib" in text or "sitekit" in text]
