"""浏览器测试共用的：打开网页，记下它的毛病。"""

from typing import Any
from urllib.parse import urlsplit

from mkdocs.utils.yaml import yaml_load
from playwright.sync_api import Browser, Page, Route

from sitekit.build import expected_pages
from sitekit.paths import ROOT

# 屏幕外的也排好版、不裁掉伸出去的：要量大小、读全文时先做这一步。
LAY_OUT = """() => {
  const style = document.createElement("style");
  style.textContent = "* { content-visibility: visible !important; }";
  document.head.append(style);
}"""
FIELD, IOU = "appendix/receptive-field/", "appendix/iou/"


def pages() -> list[str]:
    """导航里的每一页和出错页，相对网站的地址。"""
    config = yaml_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return [path.removesuffix("index.html") for path in expected_pages(config["nav"])] + ["404.html"]


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
