"""预览有多快：生成 60 页、240 个代码块的站，量改一页、改库之后多久能看到新内容。

运行：.venv/bin/python bench/serve.py [轮数]
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from urllib.error import URLError
from urllib.request import urlopen

from sitekit.paths import ROOT

PAGES, FENCES = 60, 4
HOST = "127.0.0.1"
PATIENCE = 120.0
# 改一页的目标，秒；启动与改库没有定目标，只量出来。
GOALS = {"mkdocs": 5.0, "zensical": 1.0}
EDITED, LAST = 30, PAGES - 1  # 改哪一页；改库之后看哪一页
# 生成的库模块：一个每页都用，一个只有最后一页用。
MODULES = {"改每页都用的库": "shared", "改一页用的库": "lonely"}

CHART = """\
```python exec="on" html="on" id="chart" session="page{number}"
from sitekit.figures import chart

with chart(id="curve", title="曲线", alt="直线。", caption="第 {number} 页。") as drawn:
    drawn.axes.plot([1, 10, 100], [1, {number}, 100])
print(drawn)
```
"""
VERSION = re.compile(r"(改\w+，)?第 \d+ 版")
PAGE = """\
---
description: 第 {number} 页
---
# 第 {number} 页 { #page }

第 0 版，$x_{number}=1$。

"""
# 与真正的网页相仿：每题算一张表，核对一个数；每页一张曲线图，占最多的时间。
FENCE = """\
## 第 {fence} 题 { #q{fence} }

在**输入图**上，$r\\leftarrow r+d(k-1)\\,j$，共 {fence} 次。

```python exec="on" source="above" id="table{fence}" session="page{number}"
from dlnotes.arch import ledger, zoo
from dlnotes.{module} import VERSION
from dlnotes.table import markdown

book = ledger(zoo.load("vgg16"))
claim("参数量 {fence}", book.params, 138_357_544, source="另一实现：torchvision")
print(markdown(book.columns({"层": "name", "输出": "output", "感受野": "rf"}, ops=("MaxPool2d",), axis=0)))
print(VERSION)
```

"""


def make_site(folder: Path) -> None:
    """在 `folder` 里生成整个项目：真正的设置，复制的库，生成的网页。"""
    for name in ("dlnotes", "sitekit", "overrides"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "assets", folder / "docs" / "assets")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    for module in MODULES.values():
        (folder / "dlnotes" / f"{module}.py").write_text('VERSION = "第 0 版"\n', encoding="utf-8")
    names = ["index.md", *(f"page{number}.md" for number in range(1, PAGES))]
    for number, name in enumerate(names):
        (folder / "docs" / name).write_text(page(number), encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    nav = "\nnav:\n" + "".join(f"  - {name}\n" for name in names)
    (folder / "mkdocs.yml").write_text(settings + nav, encoding="utf-8")


def page(number: int) -> str:
    """第几页的 Markdown。"""
    module = MODULES["改一页用的库" if number == LAST else "改每页都用的库"]
    fences = (FENCE.replace("{fence}", str(fence)).replace("{module}", module) for fence in range(FENCES - 1))
    return (PAGE + "".join(fences) + CHART).replace("{number}", str(number))


@contextmanager
def serving(folder: Path, builder: str) -> Iterator[tuple[str, int]]:
    """与 `make serve`、`make serve-fast` 相同的服务器，只是端口任取；给出地址与进程号，结束时停下。"""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    start = f"from sitekit import serve; serve.PORT = {port}; serve.main({builder!r})"
    # 预览不用 site_url 里的域名，只用它的路径；路径在根上，地址就简单。
    env = {**os.environ, "SITE_URL": "https://example.org/"}
    with (folder / f"{builder}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", start], cwd=folder, env=env, stdout=log, stderr=log
        )
    try:
        yield f"http://{HOST}:{port}/", process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def seconds_until(address: str, text: str, pid: int) -> float:
    """从现在起，到这一页上出现 `text` 为止的秒数。"""
    start = perf_counter()
    while text not in _read(address):
        if perf_counter() - start > PATIENCE:
            raise TimeoutError(f"{address} 在 {PATIENCE:g} 秒之后还没有「{text}」（服务器的进程号 {pid}）。")
        sleep(0.02)
    return perf_counter() - start


def _read(address: str) -> str:
    try:
        with urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310  # 只访问本机
            return str(answer.read().decode())
    except (URLError, ConnectionError):
        return ""


def measure(folder: Path, builder: str, rounds: int) -> dict[str, list[float]]:
    """量启动、改一页、改库之后多久能看到新内容。"""
    make_site(folder)
    docs, library = folder / "docs", folder / "dlnotes"
    edits = {"改一页": (docs / f"page{EDITED}.md", EDITED)}
    for what, module in MODULES.items():
        edits[what] = (library / f"{module}.py", LAST if module == "lonely" else EDITED)
    with serving(folder, builder) as (address, pid):
        measured = {"启动": [seconds_until(f"{address}page{LAST}/", "第 0 版", pid)]}
        for turn in range(rounds):
            for what, (file, number) in edits.items():
                sleep(2)  # 等它安静下来：上一次的改动不能算进这一次
                new = f"{what}，第 {turn + 1} 版"
                file.write_text(VERSION.sub(new, file.read_text(encoding="utf-8")), encoding="utf-8")
                measured.setdefault(what, []).append(seconds_until(f"{address}page{number}/", new, pid))
    return measured


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{PAGES} 页、{PAGES * FENCES} 个代码块，{rounds} 轮的中位数\n")
    for builder, goal in GOALS.items():
        with tempfile.TemporaryDirectory() as name:
            measured = measure(Path(name), builder, rounds)
        for what, values in measured.items():
            note = f"（目标 {goal:g} 秒）" if what == "改一页" else ""
            print(f"{median(values):7.2f} 秒  {builder}：{what}{note}", flush=True)


if __name__ == "__main__":
    main()
