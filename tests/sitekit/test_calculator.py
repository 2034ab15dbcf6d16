"""计算器的表单与给浏览器的包。"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from lxml import html

from dlnotes.arch import ledger, zoo
from dlnotes.arch.text import parse
from sitekit.assets import pack_library
from sitekit.calculator import EXAMPLE, form
from sitekit.paths import PYODIDE_ASSETS


def test_the_form_holds_the_networks_as_text() -> None:
    element = html.fromstring(form(["alexnet", "vgg16"])).find("dlnotes-calculator")
    texts = json.loads(element.get("data-networks"))
    assert {name: parse(text, name) for name, text in texts.items()} == {
        name: zoo.load(name) for name in ("alexnet", "vgg16")
    }
    assert element.find(".//textarea").text == EXAMPLE
    assert element.get("hidden") is not None


def test_every_field_has_a_name_to_read_aloud() -> None:
    fields = html.fromstring(form([])).xpath("//select | //textarea")
    assert [field.getparent().text.strip() for field in fields] == ["网络", "一行一层"]
    assert all(field.getparent().tag == "label" for field in fields)


def test_the_example_can_be_calculated() -> None:
    assert ledger(parse(EXAMPLE)).rows[-1].output == (10,)


def test_the_packed_library_runs_without_anything_else(tmp_path: Path) -> None:
    pack_library(tmp_path)
    program = "from dlnotes.arch import ledger, zoo; print(ledger(zoo.load('vgg16')).params)"
    # -S 不看 site-packages：浏览器里没有 numpy，也没有装好的 dlnotes。
    command = [sys.executable, "-S", "-c", program]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "dlnotes.zip")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout == "138357544\n", done.stderr


def test_the_same_source_packs_to_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for _ in range(2):
        pack_library(tmp_path)
        packed.append((tmp_path / "dlnotes.zip").read_bytes())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(tmp_path / "dlnotes.zip") as archive:
        assert "dlnotes/arch/text.py" in archive.namelist()
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_no_package_is_listed_that_the_site_does_not_hold() -> None:
    lock = json.loads((PYODIDE_ASSETS / "pyodide-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"] == {}
    assert lock["info"]["python"]
    sizes = json.loads((PYODIDE_ASSETS / "sizes.json").read_text(encoding="utf-8"))
    assert {name: (PYODIDE_ASSETS / name).stat().st_size for name in sizes} == sizes
