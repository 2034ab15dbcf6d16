"""用系统的 Chromium 读建好的整站。"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from sitekit.staging import MISSING_CHROMIUM, find_chromium, serving
from tests.browser.driver import Reader

BUILDERS = ("mkdocs", "zensical")
ADDRESSES = pytest.StashKey[dict[str, str]]()
SERVERS = pytest.StashKey[ExitStack]()
# 什么也不许出这台机器：连解析别的主机名也失败。
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


def pytest_sessionstart(session: pytest.Session) -> None:
    """两份成品同时建好，各开一个服务；分出去的进程都来看这两份，自己什么也不建。"""
    config = session.config
    if find_chromium() is None:
        pytest.exit(MISSING_CHROMIUM, 1)
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        servers = config.stash[SERVERS] = ExitStack()
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        with ThreadPoolExecutor() as pool:
            served = pool.map(lambda builder: servers.enter_context(_served(folder, builder)), BUILDERS)
            config.stash[ADDRESSES] = dict(zip(BUILDERS, served, strict=True))


def _served(folder: Path, builder: str) -> Any:
    (folder / builder).mkdir()
    return serving(folder / builder, builder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """由 pytest-xdist 对分出去的每个进程调用。"""
    node.workerinput["addresses"] = node.config.stash[ADDRESSES]


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash.get(SERVERS, ExitStack()).close()


@pytest.fixture(scope="session")
def addresses(request: pytest.FixtureRequest) -> dict[str, str]:
    """各个构建工具建成的站的地址。"""
    found: dict[str, str] = getattr(request.config, "workerinput", {}).get("addresses")
    return found or request.config.stash[ADDRESSES]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[_OFFLINE])
        yield browser
        browser.close()


@pytest.fixture
def reader(browser: Browser, addresses: dict[str, str]) -> Iterator[Callable[..., Reader]]:
    """开一个新读者：`reader(builder="mkdocs", **浏览器的选项)`。"""
    opened: list[Reader] = []

    def new(builder: str = "mkdocs", **options: Any) -> Reader:
        opened.append(Reader(browser, addresses[builder], **options))
        return opened[-1]

    yield new
    for each in opened:
        each.context.close()
