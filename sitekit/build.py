"""严格构建并检查成品：`python -m sitekit.build mkdocs|zensical`，作用于当前目录的 `mkdocs.yml`。

只看构建工具的返回值不够：Zensical 遇到代码块出错仍返回 0，代码块里的 `os._exit(0)` 能让
两者都返回 0 而什么也没建成。所以还要看构建记录，再读一遍成品。
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.utils.yaml import yaml_load

from sitekit import record
from sitekit.assets import pack_library
from sitekit.fonts import trim
from sitekit.guard import check_site, report
from sitekit.policy import protect
from sitekit.theme import mend

_COMMANDS = {
    # 不能加 -q：那样 --strict 数不到警告，代码块出错也返回 0。
    "mkdocs": ("mkdocs", "build", "--strict"),
    "zensical": ("zensical", "build", "--clean", "--strict"),
}
# 各写各的文件夹：两份成品要拿来比较，不能互相覆盖。
_FOLDERS = {"mkdocs": "site", "zensical": "site-zensical"}
_SLOWEST = 10


def environment(builder: str) -> dict[str, str]:
    """构建与预览共用的准备与环境变量。

    成品的文件夹不听调用者的 `SITE_DIR`：构建之前会清空它，写成 `.` 就删掉了整个仓库。
    空的 `SITE_URL`、`REPO_URL`（没有设值的 CI 变量）当作没有设。
    """
    if (assets := Path("docs/assets/pyodide")).is_dir():
        pack_library(assets)  # 库改过，计算器也跟着变
    unset = {name for name in ("SITE_URL", "REPO_URL") if not os.environ.get(name)}
    return {
        **{name: value for name, value in os.environ.items() if name not in unset},
        "SITE_DIR": _FOLDERS[builder],
        # numpy 的溢出、除零默认只记一条 INFO；这里当作错误。
        "PYTHONWARNINGS": "error::RuntimeWarning",
        # 矩阵乘法分给几个线程，舍入与时间就都随机器的核数变；页里的矩阵都小，一个线程最快。
        "OPENBLAS_NUM_THREADS": "1",
        # Material 每次都提示它将停止维护；已知，并已备好 Zensical。
        "NO_MKDOCS_2_WARNING": "1",
    }


def build(builder: str) -> list[str]:
    """构建当前目录的站点，返回全部问题；没有问题时为空。"""
    prepared = environment(builder)
    os.environ.clear()
    os.environ.update(prepared)
    with Path("mkdocs.yml").open("rb") as file:
        config = yaml_load(file)
    site = Path(config["site_dir"])
    shutil.rmtree(site, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder, "record.jsonl")
        problems = _run(builder, {**os.environ, record.VARIABLE: str(recorded)})
        result = record.read(recorded)
    problems += result.problems
    problems += [f"{page}：转换到一半，进程就结束了。" for page in result.unfinished]
    if builder == "mkdocs" and not problems:
        mend(site)
    trim(site)
    protect(site)
    expected = set(expected_pages(config["nav"]))
    if found := check_site(site, expected_pages=expected, base_url=config["site_url"]):
        problems.append(report(found))
    _print_slowest(result.seconds)
    return problems


def expected_pages(nav: Any) -> Iterator[str]:
    """导航里的每一页建成之后的路径。"""
    if isinstance(nav, Mapping):
        nav = list(nav.values())
    if isinstance(nav, str):
        if nav.endswith(".md"):
            stem = nav.removesuffix(".md")
            yield f"{stem}.html" if Path(stem).name == "index" else f"{stem}/index.html"
    elif isinstance(nav, Iterable):
        for item in nav:
            yield from expected_pages(item)


def _run(builder: str, env: dict[str, str]) -> list[str]:
    code = subprocess.run([sys.executable, "-m", *_COMMANDS[builder]], env=env, check=False).returncode  # noqa: S603
    return [f"{builder} 返回 {code}，原因见上面的输出。"] if code else []


def _print_slowest(seconds: Mapping[str, float]) -> None:
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:_SLOWEST]
    if slowest:
        print(f"最慢的 {len(slowest)} 页（共 {len(seconds)} 页，{sum(seconds.values()):.1f} 秒）：")
    for page, time in slowest:
        print(f"  {time:6.2f} 秒  {page}")


def main(builder: str) -> int:
    """命令行入口；有任何问题就返回 1。"""
    for stream in (sys.stdout, sys.stderr):  # 终端的编码写不出汉字时换成转义，不要因此失败
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    problems = build(builder)
    sys.stdout.flush()
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"构建失败（{builder}）：见上面列出的问题。", file=sys.stderr)
        return 1
    print(f"构建成功（{builder}）：成品在 {os.environ['SITE_DIR']}/。")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
