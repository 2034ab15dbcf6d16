"""Makefile：命令的环境不随机器上的设置而变，装好的东西坏了会自己发现。"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sitekit.paths import ROOT

SHOW = """
import json, locale, os, sys
names = ("PYTHONPATH", "PYTHONHOME", "PYTHONIOENCODING")
left = [name for name in names if name in os.environ]
encodings = sys.stdout.encoding, locale.getpreferredencoding(False), locale.getencoding()
print(json.dumps([sorted({name.lower() for name in encodings}), left]))
"""


def test_commands_use_utf8_and_no_foreign_python_settings() -> None:
    """POSIX 语言环境、别的项目留下的 PYTHONPATH，都不该让命令失败或用上别处的模块。"""
    hostile = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONPATH": "/gone"}
    probe = 'include Makefile\nprobe:\n\t@$(PY) -c "$$CODE"\n'
    done = subprocess.run(
        ["make", "-s", "-f", "-", "probe"],
        cwd=ROOT,
        env={**os.environ, **hostile, "PYTHONHOME": "/gone", "CODE": SHOW},
        input=probe,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["utf-8"], []]


DONE = [".venv/build.done", ".venv/site.done"]
INSTALLED = [
    "node_modules/katex/package.json",
    "docs/assets/katex/katex.min.css",
    "docs/assets/pyodide/pyodide.mjs",
]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """像是装好了一切的仓库：make 只看这些文件在不在、新不新。"""
    for name in ("Makefile", "pyproject.toml", "package-lock.json", "tools", "locks", "sitekit"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy2(ROOT / name, tmp_path / name)
    for name in INSTALLED:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    where = subprocess.run(["sh", "tools/setup.sh", "where"], cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / ".venv" / "where").write_bytes(where.stdout)
    for name in DONE:
        (tmp_path / name).touch()
    return tmp_path


def up_to_date(folder: Path) -> bool:
    done = subprocess.run(["make", "-q", ".venv/site.done"], cwd=folder, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def upgrade_python(folder: Path) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\necho Python 3.99.0\n")
    python.chmod(0o755)


def uninstall_python(folder: Path) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/gone/python3")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "卸载了 Python": uninstall_python,
    "升级了 Python": upgrade_python,
    "没有位置": lambda folder: (folder / ".venv" / "where").unlink(),
    "没有 katex": lambda folder: shutil.rmtree(folder / "node_modules"),
    "没有样式": lambda folder: shutil.rmtree(folder / "docs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed(installed: Path, damage: str) -> None:
    assert up_to_date(installed)
    DAMAGES[damage](installed)
    assert not up_to_date(installed)


def test_a_moved_repository_is_noticed(installed: Path) -> None:
    moved = installed.rename(installed.with_name(f"{installed.name}-moved"))
    assert not up_to_date(moved)
