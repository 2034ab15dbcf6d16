"""用系统的 Chromium 读建好的整站。"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from sitekit.staging import MISSING_CHROMIUM, find_chromium, serving
from tests.browser.driver import Reader

# 什么也不许出这台机器：连解析别的主机名也失败。
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


def pytest_configure(config: pytest.Config) -> None:
    """没有浏览器就不必建站。分出去的进程不必再说一遍。"""
    if find_chromium() is None and not hasattr(config, "workerinput"):
        pytest.exit(MISSING_CHROMIUM, 1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[_OFFLINE])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """各个构建工具建成的站的地址；用到才建，每个只建一次。"""
    with ExitStack() as servers:

        @cache
        def address(builder: str) -> str:
            return servers.enter_context(serving(tmp_path_factory.mktemp(builder), builder))

        yield address


@pytest.fixture
def reader(browser: Browser, addresses: Callable[[str], str]) -> Iterator[Callable[..., Reader]]:
    """开一个新读者：`reader(builder="mkdocs", **浏览器的选项)`。"""
    opened: list[Reader] = []

    def new(builder: str = "mkdocs", **options: Any) -> Reader:
        opened.append(Reader(browser, addresses(builder), **options))
        return opened[-1]

    yield new
    for each in opened:
        each.context.close()
