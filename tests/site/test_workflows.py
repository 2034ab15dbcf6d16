"""持续集成的工作流合乎规矩。

zizmor 与 actionlint 查得出的交给它们，这里只证明它们真的拦得住；它们不查的规矩在 `violations` 里。
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sitekit.paths import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
PINNED = re.compile(r"(?P<action>[\w-]+/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+")
ON_MAIN = "github.ref == 'refs/heads/main'"


def read(name: str) -> str:
    return (WORKFLOWS / name).read_text(encoding="utf-8")


def uses(text: str) -> list[str]:
    """每个 `uses:` 后面的全文，连同注释：解析 YAML 会丢掉注释。"""
    return [line.strip() for line in re.findall(r"\buses:(.*)", text)]


def violations(text: str) -> Iterator[str]:
    """一个工作流里违反规矩的地方。"""
    yield from (f"{used}：没有写明版本" for used in uses(text) if not PINNED.fullmatch(used))
    workflow = yaml.safe_load(text)
    if workflow.get("permissions") != {}:
        yield "最上面的权限不是空的"
    if "secrets" in text:
        yield "用到了密钥"
    if re.search(r"^\s+(- uses: actions/cache|cache:)", text, flags=re.MULTILINE):
        yield "用到了缓存"
    for name, job in workflow["jobs"].items():
        if not isinstance(job.get("timeout-minutes"), int):
            yield f"{name}：没有时限"
        granted = job.get("permissions")
        if not granted:
            yield f"{name}：没有写明权限"
        elif "write" in granted.values():
            yield from (f"{name}：{problem}" for problem in unsafe_deployment(job))


def unsafe_deployment(job: dict[str, object]) -> Iterator[str]:
    """有写权限的作业只许发布：不取源码，不运行命令，只在 main 上。"""
    steps = job["steps"]
    assert isinstance(steps, list)
    if [step.get("uses", "").split("@")[0] for step in steps] != ["actions/deploy-pages"]:
        yield "除了发布还做别的"
    if job["permissions"] != {"pages": "write", "id-token": "write"}:
        yield "权限多于发布所需"
    if job.get("if") != ON_MAIN:
        yield "不限于 main"
    environment = job.get("environment")
    if not isinstance(environment, dict) or environment.get("name") != "github-pages":
        yield "不在 github-pages 环境里"


@pytest.mark.parametrize("name", ["ci.yml", "pages.yml"])
def test_workflows_keep_the_rules(name: str) -> None:
    assert list(violations(read(name))) == []


def test_there_are_no_other_workflows() -> None:
    assert sorted(path.name for path in WORKFLOWS.iterdir()) == ["ci.yml", "pages.yml"]


def test_one_version_of_every_action() -> None:
    used = {line for path in WORKFLOWS.iterdir() for line in uses(read(path.name))}
    assert len(used) == len({line.split("@")[0] for line in used})


# 名称：（文件，原来的写法，改坏的写法，说出的问题）
BROKEN = {
    "版本": ("ci.yml", "# v7.0.1", "# v7", "没有写明版本"),
    "顶层权限": ("ci.yml", "permissions: {}", "permissions:\n  contents: read", "最上面的权限"),
    "时限": ("ci.yml", "    timeout-minutes: 15\n", "", "没有时限"),
    "作业权限": ("ci.yml", "permissions:\n      contents: read # 取源码", "env: {}", "没有写明权限"),
    "密钥": ("pages.yml", "- run: make test", "- run: make test # ${{ secrets.TOKEN }}", "用到了密钥"),
    "缓存": ("ci.yml", 'python-version: "3.14"', 'python-version: "3.14"\n          cache: pip', "缓存"),
    "发布时运行命令": ("pages.yml", "- id: deployment\n", "- run: make\n      - id: deployment\n", "做别的"),
    "构建有写权限": ("pages.yml", "contents: read #", "contents: write #", "做别的"),
    "发布的权限": ("pages.yml", "pages: write", "contents: write\n      pages: write", "权限多于"),
    "哪个分支都发布": ("pages.yml", f"needs: build\n    if: {ON_MAIN}", "needs: build", "不限于 main"),
    "环境": ("pages.yml", "name: github-pages", "name: production", "环境"),
}


def broken(file: str, old: str, new: str) -> str:
    text = read(file)
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize("damage", BROKEN)
def test_broken_rules_are_noticed(damage: str) -> None:
    file, old, new, problem = BROKEN[damage]
    assert any(problem in found for found in violations(broken(file, old, new)))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    return tmp_path


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    """`make lint` 用的那个脚本，作用于另一个文件夹。"""
    script = ROOT / "tools" / "lint-workflows.sh"
    command = ["sh", str(script)]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


def test_the_linters_accept_our_workflows(copied: Path) -> None:
    done = lint(copied)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workflow file(s)" in done.stdout  # 一个也找不到时，actionlint 也返回 0


# 名称：（文件，原来的写法，改坏的写法，说出的规则）
REJECTED = {
    "没有钉住": ("workflows/ci.yml", r"checkout@\w+ # v[\d.]+", "checkout@v7", "unpinned-uses"),
    "容器没有钉住": ("workflows/ci.yml", r"@sha256:\w+", "", "unpinned-images"),
    "留下凭据": ("workflows/ci.yml", "persist-credentials: false", "fetch-depth: 1", "artipacked"),
    "危险的触发": ("workflows/ci.yml", "pull_request:", "pull_request_target:", "dangerous-triggers"),
    "注入": ("workflows/ci.yml", "make lint", "echo ${{ github.head_ref }}", "template-injection"),
    "权限太多": ("workflows/pages.yml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
    "没有并发": ("workflows/ci.yml", r"concurrency:\n(  .*\n)+", "", "concurrency-limits"),
    "没有冷却": ("dependabot.yml", "default-days: 7", "default-days: 1", "dependabot-cooldown"),
    "没有这个作业": ("workflows/pages.yml", "needs: build", "needs: bild", r"\[ job-needs \]"),
    "没有这个变量": ("workflows/ci.yml", "matrix.python ", "matrix.pyton ", r"\[ expression \]"),
    "没有这个键": ("workflows/ci.yml", "timeout-minutes: 15", "timeout: 15", r"\[ syntax-check \]"),
}


@pytest.mark.parametrize("damage", REJECTED)
def test_the_linters_reject_bad_workflows(copied: Path, damage: str) -> None:
    file, old, new, rule = REJECTED[damage]
    path = copied / ".github" / file
    text, changed = re.subn(old, new, path.read_text(encoding="utf-8"))
    assert changed > 0
    path.write_text(text, encoding="utf-8")
    done = lint(copied)
    assert done.returncode == 1
    assert re.search(rule, done.stdout + done.stderr), done.stdout + done.stderr


def test_the_bare_machine_runs_what_the_readme_promises() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```console\n(.*?)```", readme, flags=re.DOTALL)
    assert block is not None
    steps = yaml.safe_load(read("ci.yml"))["jobs"]["bare"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert block[1].split("\n")[:-1] == ["make serve", "make test"]
    assert "make serve >serve.log 2>&1 &\nserver=$!" in commands
    assert commands.endswith("\nmake test")


def test_the_library_job_leaves_out_only_the_site() -> None:
    ignored = re.findall(r"--ignore=(\S+)", read("ci.yml"))
    assert ignored == ["tests/site", "tests/sitekit"]
    assert all((ROOT / folder).is_dir() for folder in ignored)


def test_dependabot_covers_every_lock() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    covered = {each["package-ecosystem"]: each.get("directories", each.get("directory")) for each in updates}
    assert covered == {"github-actions": "/", "pip": "/locks", "npm": ["/", "/tools/audit"]}
    assert all(update["cooldown"] == {"default-days": 7} for update in updates)
    assert all(len(update["groups"]) == 1 for update in updates)
