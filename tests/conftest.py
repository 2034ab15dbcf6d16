"""整站只建一次，供各处的检查共用。"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sitekit.paths import ROOT

EPOCH = "1700000000"


def _copy_project(folder: Path) -> Path:
    # Zensical 只肯把成品放在项目文件夹之内，所以整个项目搬进临时文件夹，两边都不碰仓库里的成品。
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copytree(ROOT / "overrides", folder / "overrides")
    shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    (folder / "dlnotes").symlink_to(ROOT / "dlnotes")
    return folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """浏览器的测试要先装 Chromium，只在点名时才收。"""
    asked = any(str(argument).rstrip("/").endswith("browser") for argument in config.args)
    return True if collection_path == ROOT / "tests" / "browser" and not asked else None


def built(folder: Path, builder: str, site: str, **env: str) -> Path:
    """在 `folder` 里建成整站，返回成品的文件夹。"""
    command = [sys.executable, "-m", "sitekit.build", builder]
    project = _copy_project(folder)
    # 时间与散列种子都定下来：另有测试在别处用别的种子再建一遍，逐字节比较。
    settings = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "1", **env}
    done = subprocess.run(
        command, cwd=project, env=settings, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / site


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MkDocs 建成的整站。"""
    return built(tmp_path_factory.mktemp("mkdocs"), "mkdocs", "site")


@pytest.fixture(scope="session")
def built_zensical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Zensical 建成的整站。"""
    return built(tmp_path_factory.mktemp("zensical"), "zensical", "site-zensical")
