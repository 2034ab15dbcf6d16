"""整站只建一次，供各处的检查共用。"""

from pathlib import Path

import pytest

from sitekit import staging
from sitekit.paths import ROOT


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """浏览器的测试要先装 Chromium，只在点名时才收。"""
    asked = any(str(argument).rstrip("/").endswith("browser") for argument in config.args)
    return True if collection_path == ROOT / "tests" / "browser" and not asked else None


# 分给几个进程时，用到同一份成品的测试归一个进程：(用到的夹具, 组名)。建整站的最久，排在最前。
_SHARED = {"built_site": "整站", "built_zensical": "整站", "good": "小站"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """给每个测试定组，同组的在同一个进程里运行（`--dist loadgroup`）。"""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
        items.sort(key=lambda item: _group(item) != "整站")


def _group(item: pytest.Item) -> str:
    used = [group for fixture, group in _SHARED.items() if fixture in getattr(item, "fixturenames", ())]
    # 参考算子的测试共记一本账（tests/nn/evidence.py），不能分开。
    nn = ROOT / "tests" / "nn"
    return used[0] if used else str(nn if nn in item.path.parents else item.path)


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MkDocs 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("mkdocs"), "mkdocs")


@pytest.fixture(scope="session")
def built_zensical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Zensical 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("zensical"), "zensical")
