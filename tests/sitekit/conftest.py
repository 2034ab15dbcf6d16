"""小项目：真正的 mkdocs.yml 设置，自己的几页。"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sitekit.paths import ROOT

GOOD = {
    "index.md": """\
---
description: 首页
tags: [损失, 归一化]
---
# 首页 { #home }

KL散度、归一化与采样，见[另一页](topic/two.md#other)。

## 为什么用交叉熵？ { #ce data-q="Q044" data-level="进阶" }

**一句话** 梯度是 $p-y$，而 $a<b$。

### 详解

$$
\\begin{aligned} p &= \\sigma(z) \\\\ q &= 1 - p \\end{aligned}
$$

#### 细说 { #ce-detail }

细说里的一句。

### 算一算

```python exec="on" source="above" id="ce-table" session="index"
import numpy as np
x = np.array([1.0, 2.0])
print(f"| 项 | 值 |\\n|--|--|\\n| $\\\\bar x$ | {x.mean()} |")
```

```python exec="on" id="ce-claims" session="index"
claim("平均", x.mean(), 1.5, source="推导：(1 + 2) / 2")
claim("参数量", 138_357_544, 138_357_544, source="论文：VGG 表 2")
```

<p data-search-exclude>不该搜到的话</p>

### 追问

??? question "还有呢？"
    没有了，$x_1$。
""",
    "topic/two.md": """\
---
description: 另一页
---
# 另一页 { #two }

## 别的 { #other }

词[^1]和`代码`。

[^1]: 脚注。

::: dlnotes.table
""",
}


@dataclass(frozen=True)
class Project:
    """一个小项目。"""

    folder: Path
    done: dict[str, "subprocess.CompletedProcess[str]"] = field(default_factory=dict)

    def build(self, builder: str) -> "subprocess.CompletedProcess[str]":
        """运行 `python -m sitekit.build`；成品在 `site(builder)`。"""
        command = [sys.executable, "-m", "sitekit.build", builder]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, encoding="utf-8", check=False, timeout=120
        )

    def site(self, builder: str) -> Path:
        """这个构建工具的成品。"""
        return self.folder / {"mkdocs": "site", "zensical": "site-zensical"}[builder]


def make_project(folder: Path, pages: Mapping[str, str]) -> Project:
    """在 `folder` 里放好设置与各页。"""
    shutil.copytree(ROOT / "overrides", folder / "overrides")
    shutil.copytree(ROOT / "docs" / "assets", folder / "docs" / "assets")
    for name in ("dlnotes", "sitekit"):
        (folder / name).symlink_to(ROOT / name)
    for name, text in pages.items():
        page = folder / "docs" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    nav = "\nnav:\n" + "".join(f"  - {name}\n" for name in pages)
    (folder / "mkdocs.yml").write_text(settings + nav, encoding="utf-8")
    return Project(folder)


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mapping[str, str]], Project]:
    """按给定的各页新建一个小项目。"""
    return lambda pages: make_project(tmp_path_factory.mktemp("project"), pages)


@pytest.fixture(scope="session")
def good(new_project: Callable[[Mapping[str, str]], Project]) -> Project:
    """没有问题的小项目，已由两个构建工具建好；输出在 `done`。"""
    project = new_project(GOOD)
    for builder in ("mkdocs", "zensical"):
        project.done[builder] = done = project.build(builder)
        assert done.returncode == 0, done.stdout + done.stderr
    return project
