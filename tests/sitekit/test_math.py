"""公式在建站时渲染；写错的公式报出来，不悄悄留在页面上。"""

import logging
from collections.abc import Iterator

import pytest

from sitekit import math
from sitekit.math import Formula, Katex


@pytest.fixture(scope="module")
def katex() -> Iterator[Katex]:
    katex = Katex()
    yield katex
    katex.close()


def inline(tex: str) -> str:
    return f'<p>甲 <span class="arithmatex">\\({tex}\\)</span> 乙</p>'


def display(tex: str) -> str:
    return f'<div class="arithmatex">\\[\n{tex}\n\\]</div>'


def test_inline_and_display(katex: Katex) -> None:
    html = math.render(inline("x^2") + display("y"), "p.md", katex)
    assert html.count('class="katex-display"') == 1
    assert '<span class="formula"><span class="katex">' in html
    assert '<div class="formula formula--display" role="group" aria-label="公式" tabindex="0">' in html
    assert "arithmatex" not in html
    assert html.startswith("<p>甲 <span")


def test_escaped_characters_reach_katex_unescaped(katex: Katex) -> None:
    html = math.render(display(r"\begin{matrix} a &amp; b &lt; c \end{matrix}"), "p.md", katex)
    assert r"\begin{matrix} a &amp; b &lt; c \end{matrix}</annotation>" in html
    assert "&amp;amp;" not in html


@pytest.mark.parametrize("tex", [r"\fra{1}{2}", "x^", "感受野", r"\href{javascript:1}{x}", "{"])
def test_a_bad_formula_is_reported_and_marked(
    katex: Katex, tex: str, caplog: pytest.LogCaptureFixture
) -> None:
    html = math.render(inline("x") + display(tex) + inline(tex), "a/b.md", katex)
    warnings = [r for r in caplog.records if r.name == "mkdocs.plugins.sitekit"]
    assert warnings
    assert all(r.levelno == logging.WARNING and "a/b.md" in r.getMessage() for r in warnings)
    assert tex in warnings[0].getMessage()
    assert "formula-error" in html
    assert html.count('class="katex"') == 1, "好的公式照样渲染"


def test_good_formulas_are_not_reported(katex: Katex, caplog: pytest.LogCaptureFixture) -> None:
    math.render(inline(r"\text{感受野，}\operatorname{diag}(p)-pp^\top"), "p.md", katex)
    assert not caplog.records


def test_one_round_trip_a_page_and_none_for_known_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask(self: Katex, request: list[dict[str, object]]) -> list[dict[str, str]]:
        asked.append(len(request))
        return [{"html": f"{formula['tex']}{formula['display']}"} for formula in request]

    monkeypatch.setattr(Katex, "_ask", ask)
    katex = Katex()
    page = inline("a") + inline("a") + inline("b") + display("a")
    assert "aTrue" in math.render(page, "p.md", katex)
    math.render(page, "q.md", katex)
    assert asked == [3]


def test_a_dead_process_is_explained() -> None:
    command = (math.Katex()._command[0], "-e", "process.exit(3)")
    with pytest.raises(RuntimeError, match="返回码 3"):
        Katex(command).render([Formula("x", display=False)])


def test_a_page_without_formulas_starts_nothing() -> None:
    assert math.render("<p>无</p>", "p.md", Katex(("没有这个程序",))) == "<p>无</p>"


def test_code_that_looks_like_a_formula_is_left_alone(katex: Katex) -> None:
    code = "<code>&lt;span class=&quot;arithmatex&quot;&gt;\\(x\\)&lt;/span&gt;</code>"
    assert math.render(code, "p.md", katex) == code


def test_an_unrecognised_wrapper_is_reported(katex: Katex, caplog: pytest.LogCaptureFixture) -> None:
    math.render('<span class="arithmatex big">\\(x\\)</span>', "p.md", katex)
    assert "公式没有渲染" in caplog.text
