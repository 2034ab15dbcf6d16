"""浏览器测试共用的：找 Chromium，开本机的服务器，打开网页并记下它的毛病。"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mkdocs.utils.yaml import yaml_load
from playwright.sync_api import Browser, Page, Route

from sitekit.build import expected_pages
from sitekit.paths import ROOT

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# 网站不在域名的根上：写死从根出发的地址，在这里就会失败。
PREFIX = "sub"
FIELD, IOU = "appendix/receptive-field/", "appendix/iou/"


def find_chromium() -> str | None:
    """`CHROMIUM` 指定的，或系统里装着的 Chromium。"""
    names = [name] if (name := os.environ.get("CHROMIUM")) else CHROMIUM
    return next((path for name in names if (path := shutil.which(name))), None)


def pages() -> list[str]:
    """导航里的每一页和出错页，相对网站的地址。"""
    config = yaml_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return [path.removesuffix("index.html") for path in expected_pages(config["nav"])] + ["404.html"]


class _Handler(SimpleHTTPRequestHandler):
    """同静态托管一样：没有的页给出 404.html。"""

    protocol_version = "HTTP/1.1"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        if code != HTTPStatus.NOT_FOUND:
            return super().send_error(code, message, explain)
        body = Path(self.directory, PREFIX, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def log_message(self, *_: object) -> None:
        """不记：浏览器取的每个文件都会印一行。"""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """在 127.0.0.1 上提供 `folder`，给出其中 `PREFIX` 的地址；端口在建站之前就定下。"""

    def handler(*arguments: Any) -> _Handler:
        return _Handler(*arguments, directory=str(folder))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{PREFIX}/"
        server.shutdown()


class Reader:
    """一个读者：自己的浏览器窗口，记着一路上的毛病。

    Attributes:
        page: Playwright 的页面。
        base: 网站的地址。
        problems: 控制台里的错误（被内容安全策略拦下的也在内）、脚本的异常、向别的主机的请求。
    """

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.base = base
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.context.on("request", lambda request: self._request(request.url))
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"异常：{error}"))

    def open(self, path: str, base: str | None = None) -> Page:
        """打开一页，等到不再有请求。"""
        self.page.goto((base or self.base) + path, wait_until="networkidle")
        return self.page

    def alter(self, path: str, old: str, new: str) -> None:
        """反例用：此后取到的这个文件里，`old` 都换成 `new`。"""

        def answer(route: Route) -> None:
            response = route.fetch()
            text = response.text()
            assert old in text, f"{path} 里没有 {old!r}"
            route.fulfill(response=response, body=text.replace(old, new))

        self.context.route(self.base + path, answer)

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != urlsplit(self.base).netloc:
            self.problems.append(f"别的主机：{url}")

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self.problems.append(f"控制台：{text}")
