"""同样的源文件在别的文件夹、时区、散列种子下，建出的站和包逐字节相同。"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sitekit.paths import ROOT

# 建站要读的、打包要读的，都在这里；第三方的包与 node_modules 是锁定的，不必复制。
SOURCES = ("dlnotes", "sitekit", "docs", "overrides", "tests", "mkdocs.yml", "pyproject.toml")
SOURCES += ("README.md", "LICENSE", ".gitignore")
EPOCH = "1700000000"  # 与 sitekit/staging.py 相同
COMMANDS = {
    "mkdocs": ("sitekit.build", "mkdocs"),
    "zensical": ("sitekit.build", "zensical"),
    "package": ("hatchling", "build"),
}


def copy_sources(folder: Path) -> Path:
    """只复制源文件；逆着次序，让两处在磁盘上的次序也不同。"""
    folder.mkdir(parents=True)
    for name in sorted(SOURCES, reverse=True):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


def run(what: str, folder: Path, seed: str, zone: str, epoch: str = EPOCH) -> None:
    """在 `folder` 里建一遍；那里的 `sitekit`、`dlnotes` 排在安装的之前。"""
    settings = {"SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": seed, "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-m", *COMMANDS[what]],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def differences(one: Path, other: Path) -> list[str]:
    """只在一边的、内容不同的文件，相对路径。"""
    first, second = _contents(one), _contents(other)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("elsewhere") / "另一个 文件夹" / "深一层" / "dlnotes 副本")


def test_mkdocs_builds_the_same_bytes_elsewhere(built_site: Path, elsewhere: Path) -> None:
    run("mkdocs", elsewhere, seed="2", zone="Asia/Shanghai")
    assert (elsewhere / "site" / "index.html").stat().st_size > 0
    assert differences(built_site, elsewhere / "site") == []


def test_zensical_builds_the_same_bytes_elsewhere(built_zensical: Path, elsewhere: Path) -> None:
    run("zensical", elsewhere, seed="2", zone="Asia/Shanghai")
    assert differences(built_zensical, elsewhere / "site-zensical") == []


def test_wheel_and_sdist_are_the_same_bytes_elsewhere(elsewhere: Path, tmp_path: Path) -> None:
    here = copy_sources(tmp_path / "here")
    for file in here.rglob("*.py"):
        file.chmod(0o600)  # umask 不同的机器上，检出的权限也不同
    run("package", here, seed="1", zone="UTC")
    run("package", elsewhere, seed="2", zone="Asia/Shanghai")
    assert sorted(file.suffix for file in (here / "dist").iterdir()) == [".gz", ".whl"]
    assert differences(here / "dist", elsewhere / "dist") == []


def test_the_time_of_the_build_would_show(elsewhere: Path, tmp_path: Path) -> None:
    """对照：时间若不定下来，包就不同。"""
    run("package", elsewhere, seed="2", zone="UTC")
    shutil.copytree(elsewhere / "dist", tmp_path / "dist")
    run("package", elsewhere, seed="2", zone="UTC", epoch="1600000000")
    assert len(differences(tmp_path / "dist", elsewhere / "dist")) == 2


@pytest.mark.parametrize("name", ["index.html", "sitemap.xml.gz", "objects.inv"])
def test_one_changed_byte_is_noticed(built_site: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(built_site, tmp_path / "site")
    assert differences(built_site, copy) == []
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    (copy / "more.html").touch()
    assert differences(built_site, copy) == sorted([name, "more.html"])
