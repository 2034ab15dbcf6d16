"""预演发布：在别的文件夹里建成整站，在本机像静态托管一样提供，再找到浏览器去看。

测试与测量共用；仓库里的成品一概不碰。
"""

import gzip
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sitekit.paths import ROOT

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING_CHROMIUM = (
    "找不到 Chromium：请先安装（Debian 上运行 apt-get install chromium），或用 CHROMIUM=路径 指定。"
)
_FOLDERS = {"mkdocs": "site", "zensical": "site-zensical"}
_EPOCH = "1700000000"
# 网站不在域名的根上：写死从根出发的地址，在这里就会失败。
_PREFIX = "sub"


def build(folder: Path, builder: str, **env: str) -> Path:
    """在空文件夹 `folder` 里用 `builder` 建成整站，返回成品的文件夹；建不成就抛 `RuntimeError`。"""
    # Zensical 只肯把成品放在项目文件夹之内，所以整个项目搬进来。
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copytree(ROOT / "overrides", folder / "overrides")
    shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    for name in ("dlnotes", "sitekit"):
        (folder / name).symlink_to(ROOT / name)
    # 时间与散列种子都定下来：另有测试在别处用别的种子再建一遍，逐字节比较。
    settings = {**os.environ, "SOURCE_DATE_EPOCH": _EPOCH, "PYTHONHASHSEED": "1", **env}
    command = [sys.executable, "-m", "sitekit.build", builder]
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, env=settings, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return folder / _FOLDERS[builder]


class _Handler(SimpleHTTPRequestHandler):
    """同静态托管一样：压缩着传，可以暂存，没有的页给出 404.html。"""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, status = Path(self.translate_path(self.path)), HTTPStatus.OK
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            path, status = Path(self.directory, _PREFIX, "404.html"), HTTPStatus.NOT_FOUND
        body = path.read_bytes()
        self.send_response(status)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Cache-Control", "max-age=600")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """不记：浏览器取的每个文件都会印一行。"""

    def handle(self) -> None:
        with suppress(ConnectionError):  # 浏览器换了页，不等这个文件了
            super().handle()


@contextmanager
def serving(folder: Path, builder: str) -> Iterator[str]:
    """在空文件夹 `folder` 里建成整站，在 127.0.0.1 上提供，给出网站的地址。"""
    project, root = folder / "project", folder / "root"
    project.mkdir()
    root.mkdir()

    def handler(*arguments: Any) -> _Handler:
        return _Handler(*arguments, directory=str(root))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # 地址与 site_url 不同，即时导航就不声不响地关着；所以先定端口，再建站。
        base = f"http://127.0.0.1:{server.server_port}/{_PREFIX}/"
        (root / _PREFIX).symlink_to(build(project, builder, SITE_URL=base))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield base
        finally:
            server.shutdown()


def find_chromium() -> str | None:
    """`CHROMIUM` 指定的，或系统里装着的 Chromium。"""
    names = (name,) if (name := os.environ.get("CHROMIUM")) else _CHROMIUM
    return next((path for name in names if (path := shutil.which(name))), None)
