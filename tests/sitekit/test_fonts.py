"""公式的字体裁剪之后：用到的字都在，没用到的都不在，字形一点没变；有公式的页才提前取。"""

import shutil
from pathlib import Path

import pytest
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont

from sitekit.fonts import trim
from sitekit.paths import KATEX_ASSETS

STYLES = '<link rel="stylesheet" href="{}assets/katex/katex.min.css">'
PAGE = "<!doctype html><html><head>{}<title>页</title></head><body>{}</body></html>"
# 看得见的那一份在 katex-html 里，读屏软件读的那一份不画出来。
FORMULA = (
    '<span class="katex"><span class="katex-mathml"><math><mi>q</mi></math></span>'
    '<span class="katex-html"><span class="mord mathnormal">{}</span></span></span>'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(KATEX_ASSETS, tmp_path / "assets" / "katex")
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(STYLES.format(""), "没有公式"), encoding="utf-8")
    pages = {"deep/one.html": "a+b", "deep/two.html": "β卷"}
    for name, text in pages.items():
        page = PAGE.format(STYLES.format("../"), FORMULA.format(text))
        (tmp_path / name).write_text(page, encoding="utf-8")
    return tmp_path


def fonts(site: Path) -> dict[str, TTFont]:
    return {path.stem: TTFont(path) for path in (site / "assets" / "katex" / "fonts").glob("*.woff2")}


def characters(font: TTFont) -> set[int]:
    return set(font.getBestCmap() or ())  # 一个字也没留下的字体没有对照表


def outline(font: TTFont, character: str) -> object:
    pen = RecordingPen()
    glyph = font.getGlyphSet()[font.getBestCmap()[ord(character)]]
    glyph.draw(pen)
    return glyph.width, pen.value


def test_each_font_keeps_what_the_formulas_of_all_pages_need(site: Path) -> None:
    whole = fonts(site)
    trim(site)
    trimmed = fonts(site)
    assert set(trimmed) == set(whole)
    needed = set(map(ord, "a+bβ"))
    for name, font in trimmed.items():
        assert characters(font) == needed & characters(whole[name]), name
        assert font["head"].unitsPerEm == whole[name]["head"].unitsPerEm
        assert (font["hhea"].ascent, font["hhea"].descent) == (
            whole[name]["hhea"].ascent,
            whole[name]["hhea"].descent,
        ), name
    for character in "a+bβ":
        drawn = [name for name in whole if ord(character) in characters(whole[name])]
        assert "KaTeX_Main-Regular" in drawn or "KaTeX_Math-Italic" in drawn
        for name in drawn:
            assert outline(trimmed[name], character) == outline(whole[name], character), (name, character)


def test_only_pages_with_formulas_ask_for_the_fonts_early(site: Path) -> None:
    before = (site / "index.html").read_bytes()
    trim(site)
    assert (site / "index.html").read_bytes() == before
    for name in ("one", "two"):
        page = (site / "deep" / f"{name}.html").read_text(encoding="utf-8")
        assert page.count('<link rel="preload" href="../assets/katex/fonts/KaTeX_Main-Regular.woff2"') == 1
        assert page.count('<link rel="preload" href="../assets/katex/fonts/KaTeX_Math-Italic.woff2"') == 1
        assert page.index("preload") < page.index("stylesheet")


def test_the_bytes_do_not_depend_on_the_time(site: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(site, tmp_path / "twin"))
    trim(twin)
    modified = {name: font["head"].modified for name, font in fonts(site).items()}
    trim(site)
    assert {name: font["head"].modified for name, font in fonts(site).items()} == modified
    for path in (site / "assets" / "katex" / "fonts").glob("*.woff2"):
        assert path.read_bytes() == (twin / "assets" / "katex" / "fonts" / path.name).read_bytes()


def test_a_site_without_formulas_is_left_alone(site: Path) -> None:
    for name in ("one", "two"):
        (site / "deep" / f"{name}.html").write_bytes(b"")
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    trim(site)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
