"""整站只建一次，供各处的检查共用。"""

from pathlib import Path

import pytest

from sitekit import staging
from sitekit.paths import ROOT


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """浏览器的测试要先装 Chromium，只在点名时才收。"""
    asked = any(str(argument).rstrip("/").endswith("browser") for argument in config.args)
    return True if collection_path == ROOT / "tests" / "browser" and not asked else None


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MkDocs 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("mkdocs"), "mkdocs")


@pytest.fixture(scope="session")
def built_zensical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Zensical 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("zensical"), "zensical")
