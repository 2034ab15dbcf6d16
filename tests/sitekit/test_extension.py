"""扩展只在最外层动手，页与页之间互不影响。"""

import builtins
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import markdown_exec
import numpy as np
import pytest
from markdown import Markdown
from markdown.treeprocessors import Treeprocessor

from sitekit import markdown as extension
from sitekit.fences import written_claims
from sitekit.library import Library

EXTENSIONS = [
    "attr_list",
    "toc",
    "tables",
    "pymdownx.superfences",
    "pymdownx.arithmatex",
    "sitekit.markdown",
]
CONFIGS: dict[str, dict[str, Any]] = {
    "toc": {"permalink": "¶"},
    "pymdownx.arithmatex": {"generic": True},
    "sitekit.markdown": {"repository": "https://example.org/r"},
    "pymdownx.superfences": {
        "custom_fences": [
            {
                "name": "python",
                "class": "python",
                "validator": markdown_exec.validator,
                "format": markdown_exec.formatter,
            }
        ]
    },
}
CLAIM = 'claim("和", 1 + 1, 2, source="推导：手算")'


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    markdown_exec.markdown_config.save(EXTENSIONS, CONFIGS)
    yield
    markdown_exec.markdown_config.reset()


def page(name: str) -> Markdown:
    """一个与 MkDocs 给出的一样带着页面路径的实例。"""
    md = Markdown(extensions=EXTENSIONS, extension_configs=CONFIGS)
    relpath = Treeprocessor(md)
    relpath.file = SimpleNamespace(src_uri=name)  # type: ignore[attr-defined]
    relpath.run = lambda root: None  # type: ignore[method-assign]
    md.treeprocessors.register(relpath, "relpath", 0)
    return md


def fence(code: str, options: str = "") -> str:
    return f'\n```python exec="on" {options}\n{code}\n```\n'


def test_claims_are_counted_once_and_stand_at_the_foot() -> None:
    text = "# 页 { #p }\n\n## 甲 { #a }\n" + fence(CLAIM) + "\n## 乙 { #b }\n\n末句。\n"
    html = page("a/b.md").convert(text + fence('print("#### 印出的标题")', 'id="f" source="above"'))
    assert html.count('class="claims"') == 1
    assert 'data-claims="1"' in html
    assert html.index("末句") < html.index("印出的标题") < html.index('class="claims"')
    assert html.count("编辑此页") == 1, "内层转换不加页尾"


def test_a_page_without_claims_has_no_footer() -> None:
    assert "claims" not in page("p.md").convert("无" + fence("print(1)"))


def test_a_hidden_fence_leaves_no_empty_paragraph() -> None:
    assert "<p></p>" not in page("p.md").convert("甲" + fence(CLAIM) + "乙")


def test_a_wrong_claim_puts_the_error_on_the_page(caplog: pytest.LogCaptureFixture) -> None:
    html = page("a/b.md").convert(fence('claim("和", 3, 2, source="推导：手算")'))
    assert "ClaimError" in html
    assert "a/b.md：「和」应为 2" in caplog.text
    assert "没有运行" not in caplog.text
    assert 'class="claims"' not in html
    assert any(record.levelname == "WARNING" for record in caplog.records)


UNRUN = [
    'try:\n    claim("和", 2, 2, source="没有种类")\nexcept ValueError:\n    pass',
    "class Odd(int):\n    def tolist(self):\n        raise ValueError\n"
    'try:\n    claim("和", Odd(), 2, source="推导：手算")\nexcept ValueError:\n    pass',
    f"claim = lambda *a, **k: None\n{CLAIM}",
    f"def check():\n    {CLAIM}",
    f"if False:\n    {CLAIM}",
    f"import builtins\nbuiltins.claim = lambda *a, **k: None\n{CLAIM}",
    f'for n in (1, 2):\n    claim(f"数 {{n}}", n, n, source="推导：手算")\nif False:\n    {CLAIM}',
    'if False:\n    claim(name="和", got=1, expected=1, source="推导：手算")',
    'if False:\n    claim(str(1), 1, 1, source="推导：手算")',
]


@pytest.mark.parametrize("code", UNRUN)
def test_a_claim_that_does_not_run_is_a_problem(code: str, caplog: pytest.LogCaptureFixture) -> None:
    page("a/b.md").convert(fence(code))
    assert "a/b.md：代码块里写了" in caplog.text


@pytest.mark.parametrize("code", [CLAIM, CLAIM.replace("claim", "(check := claim)"), f"text = {CLAIM!r}"])
def test_claims_that_run_are_no_problem(code: str, caplog: pytest.LogCaptureFixture) -> None:
    page("a/b.md").convert(fence(code) + f"\n```python\n{CLAIM}\n```\n")
    assert caplog.text == ""


@pytest.mark.parametrize(
    "text",
    [
        fence(CLAIM),
        f'~~~~ python exec="1"\n{CLAIM}\n~~~~\n',
        f'甲：\n\n??? note "乙"\n    - 丙\n\n        ```python exec="yes"\n        {CLAIM}\n        ```\n',
        f'> ```py exec="on"\n> {CLAIM}\n> ```\n',
        f'```{{.python exec="true"}}\n{CLAIM}\n```\n',
    ],
)
def test_every_way_to_write_a_fence_is_seen(text: str) -> None:
    assert written_claims(text) == ["和"]


def test_fences_that_do_not_run_are_not_seen() -> None:
    assert written_claims(f'```python exec="off"\n{CLAIM}\n```\n\n```python\n{CLAIM}\n```\n') == []
    assert written_claims(fence("claim(")) == []


@pytest.mark.parametrize("code", [CLAIM, "raise ValueError", "raise SystemExit(0)"])
def test_claim_is_gone_after_the_page(code: str) -> None:
    assert not hasattr(builtins, "claim")
    try:
        page("p.md").convert(fence(code))
    except RuntimeError:
        assert "SystemExit" in code
    assert not hasattr(builtins, "claim")


def test_sys_exit_does_not_end_the_build_quietly() -> None:
    with pytest.raises(RuntimeError, match=r"a/b\.md.*sys\.exit"):
        page("a/b.md").convert(fence("import sys\nsys.exit(0)"))
    assert "编辑此页" in page("next.md").convert("下一页仍算最外层")


def test_sessions_last_for_one_page_only() -> None:
    define, use = fence("x = 41", 'session="s"'), fence("print(x + 1)", 'session="s"')
    assert "<p>42</p>" in page("one.md").convert(define + use)
    assert "NameError" in page("two.md").convert(use)


def test_a_claim_in_a_printed_fence_belongs_to_the_page() -> None:
    printed = f'~~~python exec="on"\n{CLAIM}\n~~~'
    html = page("p.md").convert(fence(f"print({printed!r})") + "\n末句\n")
    assert html.count('class="claims"') == 1
    assert html.index("末句") < html.index('class="claims"')


def test_formulas_printed_by_a_fence_are_rendered() -> None:
    html = page("p.md").convert(fence('print("$x_1$")'))
    assert html.count('class="katex"') == 1
    assert "arithmatex" not in html


def test_parts_get_ids_on_the_page_but_not_inside_fence_output(caplog: pytest.LogCaptureFixture) -> None:
    printed = fence('print("## 没有 id")', 'id="f"')
    html = page("p.md").convert("# 页 { #p }\n\n## 问 { #q data-q=Q1 }\n\n### 详解\n" + printed)
    assert 'id="q-why"' in html
    assert not caplog.records


def test_part_problems_name_the_page(caplog: pytest.LogCaptureFixture) -> None:
    page("a/b.md").convert("## 没有\n")
    assert "a/b.md：标题「没有」没有 id" in caplog.text


def test_links_lead_to_the_source_of_the_page() -> None:
    links = extension.page_links("https://example.org/r", "a/甲.md")
    assert 'href="https://example.org/r/edit/main/docs/a/%E7%94%B2.md"' in links
    assert "template=page-error.yml&amp;page=a%2F%E7%94%B2.md" in links
    assert extension.page_links("", "a.md") == ""


def test_page_path_of_both_builders() -> None:
    assert extension.page_path(page("x/y.md")) == "x/y.md"
    zensical = Markdown(extensions=EXTENSIONS, extension_configs=CONFIGS)
    context = SimpleNamespace(page=SimpleNamespace(path="z.md"))
    zensical.preprocessors.register(context, "rendering_context", 0)  # type: ignore[arg-type]
    assert extension.page_path(zensical) == "z.md"


def test_threads_do_not_mix_pages() -> None:
    found: dict[int, str] = {}
    slow = "import time\ntime.sleep(0.01)\n"

    def convert(number: int) -> None:
        code = f'{slow}claim("数 {number}", 1, 1, source="推导：手算")'
        found[number] = page(f"{number}.md").convert(fence(code))

    threads = [threading.Thread(target=convert, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, html in found.items():
        assert html.count('<th scope="row">') == 1
        assert f"数 {number}" in html
    assert len(found) == 6


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "probe_library"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "sub" / "__init__.py").write_text("VALUE = 1\n")
    (tmp_path / "probe_library_other.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("probe_library")]:
        del sys.modules[name]


def test_a_changed_library_is_imported_anew(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extension, "_library", Library("probe_library", tmp_path))
    show = fence("import probe_library_other\nfrom probe_library.sub import VALUE\nprint(VALUE)")
    assert "<p>1</p>" in page("p.md").convert(show)
    kept = {name: sys.modules[name] for name in ("numpy", "probe_library_other", "sitekit.markdown")}
    (package / "sub" / "__init__.py").write_text("VALUE = 2 + 20\n")
    assert "<p>22</p>" in page("p.md").convert(show)
    assert all(sys.modules[name] is module for name, module in kept.items())


def test_an_unchanged_library_is_not_imported_anew(package: Path, tmp_path: Path) -> None:
    library = Library("probe_library", tmp_path)
    assert not library.refresh()
    (package / "data.json").write_text("{}")
    assert library.refresh()
    assert not library.refresh()
    (package / "data.json").unlink()
    assert library.refresh()


def test_each_page_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sitekit import record

    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "record"))
    page("one.md").convert("## 没有\n")
    with pytest.raises(RuntimeError):
        page("two.md").convert(fence("raise SystemExit"))
    result = record.read(tmp_path / "record")
    assert set(result.seconds) == {"one.md"}
    assert result.unfinished == ["two.md"]
    assert len(result.problems) == 1
    assert "one.md" in result.problems[0]


def process_state() -> tuple[object, ...]:
    random_state = np.random.get_state()[1].tolist()  # noqa: NPY002  # 旧接口的全局状态
    places = dict(os.environ), Path.cwd(), list(warnings.filters)
    return np.get_printoptions(), np.geterr(), random_state, *places


def test_a_page_leaves_the_process_as_it_was() -> None:
    """打印格式、浮点错误的处理、随机数的状态、环境变量都不漏到下一页。"""
    before = process_state()
    html = page("a.md").convert(
        '```python exec="on" id="x"\nimport os\nimport numpy as np\n'
        "np.set_printoptions(precision=2)\nnp.random.seed(0)\nnp.seterr(all='ignore')\n"
        "os.environ['LEFT_BEHIND'] = '1'\nos.chdir('/')\n"
        "import warnings\nwarnings.simplefilter('ignore')\nprint('done')\n```\n"
    )
    assert "done" in html
    assert process_state() == before
