"""Lighthouse 怎么看这个站：几页各量五遍，手机、慢网、压缩着传，分数取中位数。

运行：make audit。不达标就返回 1。
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from sitekit.paths import ROOT
from sitekit.staging import MISSING_CHROMIUM, find_chromium, serving

LIGHTHOUSE = ROOT / "tools" / "audit" / "node_modules" / "lighthouse" / "cli" / "index.js"
ROUNDS = 5
# 首页、三篇公式和图最多的问答、一页手册。
PAGES = ("", "basics/receptive-field/", "basics/parameters/", "appendix/iou/", "api/cli/")
GOALS = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
NAMES = {"performance": "性能", "accessibility": "无障碍", "best-practices": "做法", "seo": "搜索引擎"}
FIRST_PAGE = 200_000  # 首页传输的字节，压缩之后
# 沙箱在容器里起不来；看的是自己的网页。后台的联网一概关掉。
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run"


def audit(url: str, chromium: str) -> dict[str, Any]:
    """量一遍，返回 Lighthouse 的报告。"""
    command = ["node", LIGHTHOUSE, url, "--quiet", "--output=json", f"--chrome-flags={FLAGS}"]
    command.append(f"--only-categories={','.join(GOALS)}")
    env = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(  # noqa: S603
        command, env=env, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        sys.exit(f"Lighthouse 量不了 {url}：{done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def failures(report: dict[str, Any]) -> set[str]:
    """没得满分的各项，性能之外。"""
    return {
        f"{reference['id']}：{report['audits'][reference['id']]['title']}"
        for category in GOALS
        if category != "performance"
        for reference in report["categories"][category]["auditRefs"]
        if reference["weight"] and (report["audits"][reference["id"]]["score"] or 0) < 1
        if report["audits"][reference["id"]]["scoreDisplayMode"] not in {"notApplicable", "manual"}
    }


def main() -> int:
    if (chromium := find_chromium()) is None:
        sys.exit(MISSING_CHROMIUM)
    missed: list[str] = []
    print("".join(f"{name}\t" for name in NAMES.values()) + "LCP ms\tTBT ms\t传输 kB\t网页")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), "mkdocs") as base:
        for path in PAGES:
            reports = [audit(base + path, chromium) for _ in range(ROUNDS)]
            found = {
                each: median(100 * report["categories"][each]["score"] for report in reports)
                for each in GOALS
            }
            paint, blocked, size = (
                median(report["audits"][each]["numericValue"] for report in reports)
                for each in ("largest-contentful-paint", "total-blocking-time", "total-byte-weight")
            )
            scores = "".join(f"{score:.0f}\t" for score in found.values())
            print(f"{scores}{paint:.0f}\t{blocked:.0f}\t{size / 1000:.1f}\t/{path}", flush=True)
            missed += [
                f"/{path}：{NAMES[each]} {found[each]:.0f}，目标 {goal}。"
                for each, goal in GOALS.items()
                if found[each] < goal
            ]
            missed += [f"/{path}：{each}" for each in sorted(set().union(*map(failures, reports)))]
            if not path and size > FIRST_PAGE:
                missed.append(f"首页传输 {size:.0f} 字节，目标至多 {FIRST_PAGE}。")
    for each in missed:
        print(each, file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
