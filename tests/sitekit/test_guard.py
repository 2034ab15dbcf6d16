"""成品检查：一个合格的小站，每条规则各有一处改动，恰好让这条规则出声。"""

import shutil
from pathlib import Path

import pytest

from sitekit.guard import Problem, check_site, report
from sitekit.policy import protect

BASE = "https://example.org/notes/"
PAGES = {"index.html", "practice/iou/index.html"}
PAGE = "practice/iou/index.html"

GOOD_SITE = Path(__file__).with_name("good_site")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """合格的站的一份副本：首页、一页正文、出错页、样式和图；像建站那样写上内容安全策略。"""
    folder = Path(shutil.copytree(GOOD_SITE, tmp_path / "site"))
    protect(folder)
    return folder


def check(site: Path, **options: int) -> list[Problem]:
    return check_site(site, expected_pages=PAGES, base_url=BASE, **options)


def edit(site: Path, old: str, new: str, page: str = PAGE) -> None:
    text = (site / page).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"应恰有一处 {old!r}"
    (site / page).write_text(text.replace(old, new), encoding="utf-8")
    protect(site)


ERROR = "Traceback (most recent call last):\n  File\nValueError: 坏了"
CELL, OUTPUT, PARAGRAPH = "<td>1.0</td>", "1.5 ** 2 info", '<p class="formula">'
FORMULA = "inf \\("
IMAGE, SVG = 'alt="两个框"', '<svg role="img" viewBox="0 0 9 9"><title>两个框</title>'

BROKEN = [
    ("异常", OUTPUT, ERROR),
    ("异常", PARAGRAPH, f"<p>{ERROR}</p>{PARAGRAPH}"),
    ("异常", OUTPUT, ERROR.replace("Traceback", '<span class="n">Traceback</span>')),
    ("非有限数", CELL, "<td>nan</td>"),
    ("非有限数", CELL, "<td>-inf</td>"),
    ("非有限数", CELL, "<td><code>nan</code></td>"),
    ("非有限数", OUTPUT, "[1.0 nan]"),
    ("非有限数", '<span class="s2">"nan"</span>', '<span class="go">nan</span>'),
    ("非有限数", "更多</h2>", "更多</h2><p>损失为inf。</p>"),
    ("非有限数", SVG, f"{SVG}<text>nan</text>"),
    ("非有限数", FORMULA, '<annotation encoding="application/x-tex">x = nan</annotation>'),
    ("非有限数", FORMULA, '<annotation encoding="application/x-tex">\\mathrm{inf}</annotation>'),
    (
        "非有限数",
        OUTPUT,
        '</code></pre></div><div class="language-json"><pre><code><span class="kc">NaN</span>',
    ),
    (
        "非有限数",
        "<code>1.5",
        '<code class="language-json"><span class="p">[</span><span class="kc">NaN</span>1.5',
    ),
    (
        "非有限数",
        OUTPUT,
        '</code></pre></div><div class="language-csv"><pre><code><span class="n">nan</span>',
    ),
    ("文字替代", IMAGE, 'alt="损失是 nan"'),
    ("文字替代", SVG, SVG.replace("<svg", '<svg aria-label="IoU=nan"')),
    ("文字替代", "<code>nan</code>", '<code title="inf">nan</code>'),
    ("图形坐标", "M0 0L9 9", "M0 0Lnan 9"),
    ("公式", PARAGRAPH, f"<p>\\(x\\)</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>\\[x\\]</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>$$x$$</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>$\\alpha<em>1$，$\\beta</em>1$</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>$x$</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>$ x + y $</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>$x + y $</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f"<p>和是$ x$。</p>{PARAGRAPH}"),
    ("公式", PARAGRAPH, f'<p><span class="arithmatex">x</span></p>{PARAGRAPH}'),
    ("公式", '"katex">', '"katex"><span class="katex-error">x</span>'),
    ("公式", '"katex">', '"katex"></span><span class="formula-error">x'),
    *(
        ("标记", PARAGRAPH, f"<p>{mark}</p>{PARAGRAPH}")
        for mark in (
            "**重点：**内容",
            "[某页](a.md)",
            "[<code>f</code>](a.md)",
            "[某页][a.b]",
            "注[^1]",
            "图{: .a }",
            "题 {#a}",
            "题 { #a }",
            '??? note "x"',
            '!!! note "x"',
            "::: dlnotes",
            "```python",
            '--8<-- "a.md"',
            "如下：\n- 甲\n- 乙",
            "如下：\n1. 甲",
            "上文\n## 题",
            "| 甲 | 乙 |\n|---|---|",
        )
    ),
    *(
        ("外站", "</nav>", f"{element}</nav>")
        for element in (
            '<script src="https://cdn.example/a.js"></script>',
            '<script src="//cdn.example/a.js"></script>',
            '<img alt="图" src="https://cdn.example/a.png">',
            '<img alt="图" src="../../assets/a.svg" srcset="https://cdn.example/a.png 2x">',
            '<link rel="preload" href="https://cdn.example/a.js">',
            '<link rel="alternate stylesheet" href="https://cdn.example/a.css">',
            '<iframe src="https://cdn.example/"></iframe>',
            '<audio src="https://cdn.example/a.mp3"></audio>',
            '<video><track src="https://cdn.example/a.vtt"></video>',
            '<object data="https://cdn.example/a.pdf"></object>',
            '<embed src="https://cdn.example/a.pdf">',
            '<input type="image" src="https://cdn.example/a.png">',
            '<svg><feImage href="https://cdn.example/a.png"/></svg>',
            '<video poster="https://cdn.example/a.png"></video>',
            '<video><source src="https://cdn.example/a.mp4"></video>',
            '<svg><use xlink:href="https://cdn.example/a.svg#b"/></svg>',
            '<svg><image href="https://cdn.example/a.png"/></svg>',
            '<p style="background: url(https://cdn.example/a.png)"></p>',
            "<style>@import 'https://cdn.example/a.css';</style>",
            '<style>p { background: URL( "https://cdn.example/a.png" ) }</style>',
            '<pre class="mermaid"></pre>',
            '<script>fetch("https://cdn.example/a.json")</script>',
            "<script>load('//cdn.example/a.js')</script>",
            '<script type="application/json">{"a": "https:\\/\\/cdn.example/"}</script>',
            '<form action="https://cdn.example/"></form>',
            '<form><input formaction="https://cdn.example/"></form>',
            '<form><button formaction="https://cdn.example/">好</button></form>',
            '<meta http-equiv="Refresh" content="0; URL=\'https://cdn.example/\'">',
            "<p style=\"background: image-set('https://cdn.example/a.png' 1x)\"></p>",
        )
    ),
    ("重复的 id", '<h2 id="more">', '<h2 id="more"><span id="more"></span>'),
    ("重复的 id", "</defs>", '<g id="iou"></g></defs>'),
    ("链接", 'href="../../#home"', 'href="../../#gone"'),
    ("链接", 'href="../../#home"', 'href="../gone/"'),
    ("链接", 'href="../../#home"', 'href="../../practice/"'),
    ("链接", 'href="../../#home"', f'href="{BASE}gone/"'),
    ("链接", 'href="../../#home"', 'href="/gone/"'),
    ("链接", 'href="../../#home"', f'href="{BASE[:-1]}#gone"'),
    ("链接", 'href="../../#home"', 'href="../../../gone"'),
    ("链接", 'href="../../#home"', 'href="../IOU/"'),
    ("链接", 'href="../../#home"', 'href="http://[x"'),
    ("链接", 'href="#iou"', 'href="#Iou"'),
    ("资源", 'src="../../assets/a.svg"', 'src="../../assets/b.svg"'),
    ("资源", "../../assets/a.svg 2x", "../../assets/b.svg 2x"),
    ("资源", 'href="../../assets/a.css"', 'href="../../assets/b.css"'),
    ("资源", 'url("../../assets/a.svg")', 'url("../../assets/b.svg")'),
    ("资源", 'xlink:href="#clip"', 'xlink:href="#gone"'),
    ("引用", "url(#clip)", "url(#gone)"),
    ("引用", '<svg role="img"', '<svg aria-labelledby="gone" role="img"'),
    ("引用", '<svg role="img"', '<svg aria-describedby="gone" role="img"'),
    ("图的说明", IMAGE, ""),
    ("图的说明", IMAGE, 'alt=" "'),
    ("图的说明", SVG, '<svg role="img">'),
    ("图的说明", SVG, "<svg><title>两个框</title>"),
    ("图的说明", SVG, '<svg role="img"><title></title>'),
    ("图的说明", '<span class="twemoji">', "<span>"),
    ("描述", '<meta name="description" content="交并比怎样算。">', ""),
    ("描述", "交并比怎样算。", " "),
    ("描述", "交并比怎样算。", "首页。"),
    ("标题", '<h2 id="more">更多</h2>', '<h1 id="more">更多</h1>'),
    ("标题", '<h1 id="iou">交并比<a class="headerlink" href="#iou">¶</a></h1>', '<p id="iou"></p>'),
    ("标题", "更多</h2>", '更多</h2><h4 id="x">跳级</h4>'),
    ("标题", "更多</h2>", "更多</h2><h3>没有 id</h3>"),
    ("核对数", 'data-claims="2"', 'data-claims="0"'),
    ("核对数", 'data-claims="2"', ""),
    ("核对数", 'data-claims="2"', 'data-claims="3"'),
]

MEANT = [
    (OUTPUT, f'<span class="expect-error">{ERROR}</span>'),
    ('<div class="language-text highlight">', f'<div class="expect-error"><pre>{ERROR}</pre></div><div>'),
    (CELL, '<td class="expect-nonfinite">nan</td>'),
    ("<table><tr><th>高", "<table data-expect-nonfinite><tr><td>nan</td><th>高"),
    (SVG, SVG.replace("<svg", '<svg class="expect-nonfinite"') + "<text>inf</text>"),
    (CELL, '<tr class="doc-section-item"><td><code>inf</code></td></tr>'),
    (CELL, "<td>info</td>"),
    ("<code>\n", '<code class="language-python">float("inf")\n'),
    (PARAGRAPH, f'<p><span class="arithmatex"><span class="katex">x</span></span></p>{PARAGRAPH}'),
    (PARAGRAPH, f"<p>$5 与 $6，再加 $7</p>{PARAGRAPH}"),
    (PARAGRAPH, f"<p>见 <code>a]</code>(某处)<code>$x$</code></p>{PARAGRAPH}"),
    (FORMULA, '<annotation encoding="application/x-tex">\\inf x \\infty x_{info}</annotation>'),
    (PARAGRAPH, f"<p>$ 5，$ 6、$ 7 都是价钱</p>{PARAGRAPH}"),
    (SVG, SVG.replace("<svg", '<svg class="expect-nonfinite" aria-label="nan"')),
    ("</nav>", '<script>document.createElementNS("http://www.w3.org/2000/svg", "g")</script></nav>'),
    ("</nav>", f'<script>fetch("{BASE}a.json"); fetch("/notes/b.json"); x = a // b\n</script></nav>'),
    ("<style>", "<style>b { mask: image-set('../../assets/a.svg' type('image/svg+xml')) }"),
    ("</nav>", f'<meta http-equiv="refresh" content="5; url={BASE}"></nav>'),
    (IMAGE, 'aria-hidden="true"'),
    ("<title>两个框</title>", "<title>两个框</title><svg></svg>"),
    ('href="../../#home"', f'href="{BASE}#home"'),
    ('href="../../#home"', f'href="{BASE[:-1]}"'),
    ('href="../../#home"', 'href="../../index.html?x=1#:~:text=好"'),
    ('href="../../#home"', 'href="mailto:a@example.org"'),
    ('href="../../#home"', 'href="#"'),
    ("</nav>", f'<script src="{BASE}assets/a.svg"></script></nav>'),
]


def test_the_good_site_passes(site: Path) -> None:
    assert check(site) == []
    assert check_site(site, expected_pages=2, base_url=BASE.rstrip("/")) == []


@pytest.mark.parametrize(("rule", "old", "new"), BROKEN)
def test_one_change_makes_exactly_one_rule_fire(site: Path, rule: str, old: str, new: str) -> None:
    edit(site, old, new)
    problems = check(site)
    assert {(problem.page, problem.rule) for problem in problems} == {(PAGE, rule)}
    assert all(problem.detail and "\n" not in problem.detail for problem in problems)


@pytest.mark.parametrize(("old", "new"), MEANT)
def test_what_is_meant_is_accepted(site: Path, old: str, new: str) -> None:
    edit(site, old, new)
    assert check(site) == []


OTHER_MARK = [("expect-nonfinite", ERROR, "异常"), ("expect-error", "nan", "非有限数")]


@pytest.mark.parametrize(("mark", "content", "rule"), OTHER_MARK)
def test_one_mark_does_not_excuse_the_other(site: Path, mark: str, content: str, rule: str) -> None:
    edit(site, OUTPUT, f'<span class="{mark}">{content}</span>')
    assert [problem.rule for problem in check(site)] == [rule]


def test_a_mark_excuses_one_block_only(site: Path) -> None:
    """整篇正文都标上，就没有一处异常看得见了。"""
    edit(site, "<article", '<article data-expect-error=""')
    edit(site, OUTPUT, ERROR)
    assert [problem.rule for problem in check(site)] == ["异常"]


def test_the_scripts_of_the_theme_are_not_read(site: Path) -> None:
    """主题的脚本里有外站的地址，何时去取由 class 决定，另有检查。"""
    javascripts = ("bundle.a5f9d56c.min.js", "workers/search.a7633da7.min.js", "lunr/tinyseg.js")
    for name in (*(f"javascripts/{each}" for each in javascripts), "pyodide/pyodide.asm.mjs"):
        path = site / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('fetch("https://cdn.example/")', encoding="utf-8")
    assert check(site) == []


def test_a_site_without_pages_is_one_problem(site: Path) -> None:
    for page in site.rglob("*.html"):
        page.unlink()
    assert check(site) == [Problem(".", "页面集合", "site 里没有任何页面")]
    assert check(site / "gone") == [Problem(".", "页面集合", "gone 里没有任何页面")]


@pytest.mark.parametrize("raw", [b"", b"<p>\xff</p>"])
def test_an_unreadable_page_is_a_problem(site: Path, raw: bytes) -> None:
    (site / PAGE).write_bytes(raw)
    assert (PAGE, "解析") in {(problem.page, problem.rule) for problem in check(site)}


def test_a_page_without_article(site: Path) -> None:
    edit(site, "<article", "<section")
    assert check(site) == [Problem(PAGE, "正文", "没有 main 里的 article")]


@pytest.mark.parametrize(
    ("page", "old", "new", "rule"),
    [
        ("assets/a.css", "'a.svg'", "'//cdn.example/a.png'", "外站"),
        ("assets/a.css", "@font-face", '@import "https://cdn.example/a.css"; @font-face', "外站"),
        ("assets/a.css", "'a.svg'", "'b.svg'", "资源"),
        ("assets/a.css", "b {", "b { mask: image-set(url('a.svg') 1x, '//cdn.example/a.png' 2x);", "外站"),
        ("assets/a.css", "b {", 'b { mask: -webkit-image-set("b.png" 1x);', "资源"),
        ("assets/a.svg", "<svg", '<svg><image href="https://cdn.example/a.png"/></svg><svg', "外站"),
        ("assets/a.js", "好", 'fetch("https://cdn.example/a.json")', "外站"),
        ("assets/a.js", "好", "import('//cdn.example/a.js')", "外站"),
        ("404.html", "/notes/practice/iou/", "/notes/practice/gone/", "链接"),
        ("404.html", "/notes/assets/a.css", "/notes/assets/b.css", "资源"),
    ],
)
def test_stylesheets_and_the_error_page(site: Path, page: str, old: str, new: str, rule: str) -> None:
    edit(site, old, new, page)
    assert [(problem.page, problem.rule) for problem in check(site)] == [(page, rule)]


def test_missing_and_extra_pages_are_named(site: Path) -> None:
    assert check_site(site, expected_pages={"index.html", "theory/loss/index.html"}, base_url=BASE) == [
        Problem(PAGE, "页面集合", "多出的页，不在导航里"),
        Problem("theory/loss/index.html", "页面集合", "应有这一页，却没有"),
    ]


def test_a_wrong_count_is_told(site: Path) -> None:
    assert check_site(site, expected_pages=3, base_url=BASE)[0].detail == "有 2 页，应有 3 页"


def test_weight(site: Path) -> None:
    size = (site / PAGE).stat().st_size
    found = check(site, max_bytes=size) + check(site, max_bytes=size - 1)
    assert [problem.rule for problem in found] == ["大小"]


def test_report_has_one_line_for_each_different_problem() -> None:
    problems = [
        Problem("a.html", "链接", "x"),
        Problem("a.html", "链接", "x"),
        Problem("b.html", "描述", "y"),
    ]
    assert report(problems) == "a.html：链接：x（2 处）\nb.html：描述：y"
    assert report([]) == ""
