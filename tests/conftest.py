"""整站只建一次，供各处的检查共用。"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from sitekit import staging
from sitekit.paths import ROOT

# 机器忙的时候，一个例子跑得慢不是错；快慢由 bench 去量
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """浏览器的测试要先装 Chromium，只在点名时才收。"""
    asked = any(str(argument).rstrip("/").endswith("browser") for argument in config.args)
    return True if collection_path == ROOT / "tests" / "browser" and not asked else None


@cache
def _group(file: str) -> str:
    """分给几个进程时，一组测试在同一个进程里：共用一份成品的，共记一本账（tests/nn/evidence.py）的；别的一个文件一组。"""
    if file.startswith("tests/nn/"):
        return "tests/nn"
    text = (ROOT / file).read_text(encoding="utf-8")
    return "整站" if re.search(r"\bbuilt_(site|zensical)\b", text) else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """建整站的最久，排在最前。"""
    items.sort(key=lambda item: _group(_file(item.nodeid)) != "整站")


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`-n` 时由 pytest-xdist 调用。它自己的 loadgroup 靠改测试的编号分组，现在的 pytest 里编号改不动。"""
    from xdist.scheduler import LoadScopeScheduling  # 不用 -n 时不必有它

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(_file(nodeid))

    return Groups(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MkDocs 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("mkdocs"), "mkdocs")


@pytest.fixture(scope="session")
def built_zensical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Zensical 建成的整站。"""
    return staging.build(tmp_path_factory.mktemp("zensical"), "zensical")
