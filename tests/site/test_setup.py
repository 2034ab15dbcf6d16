"""tools/setup.sh 失败时用一行中文说清缺什么、怎么办。"""

import subprocess
from pathlib import Path

import pytest

from sitekit.paths import ROOT

SETUP = ROOT / "tools" / "setup.sh"


def run(folder: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(SETUP), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def failing_install(folder: Path, output: str) -> str:
    """安装器说了 `output` 然后失败；返回脚本最后说的那一行。"""
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (folder / "output").write_text(output, encoding="utf-8")
    python.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.11.7 && exit\ncat output\nexit 1\n')
    python.chmod(0o755)
    (folder / ".venv" / "where").write_text(run(folder, "where").stdout, encoding="utf-8")
    done = run(folder, "build")
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "output",
    [
        "WARNING: Retrying after connection broken by 'NewConnectionError'",
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.",
        "npm error code ETIMEDOUT",
        "npm error code ECONNRESET",
        "npm error code SELF_SIGNED_CERT_IN_CHAIN",
        "npm error code CERT_HAS_EXPIRED",
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))",
        "ERROR: Could not find a version that satisfies the requirement x==1 (from versions: none)",
    ],
)
def test_a_network_failure_is_called_one(tmp_path: Path, output: str) -> None:
    message = failing_install(tmp_path, output + "\nERROR: No matching distribution found\n")
    assert message.startswith("连不上软件包仓库：请检查网络、代理或证书设置后重试")


def test_another_failure_is_told_in_its_own_words(tmp_path: Path) -> None:
    output = "Collecting certifi\nnpm error no space\nnpm error A complete log of this run can be found\n"
    message = failing_install(tmp_path, output)
    assert message == "安装依赖失败：npm error no space；请改正后重试，或先运行 make clean。"


def test_a_failure_without_words_points_to_the_log(tmp_path: Path) -> None:
    assert "见 .venv/setup.log 末尾" in failing_install(tmp_path, "Killed\n")


@pytest.mark.parametrize("python", ["/no such/python3", "python3 -I", "python3.99"])
def test_a_python_that_does_not_exist_is_named(tmp_path: Path, python: str) -> None:
    done = run(tmp_path, "build", PYTHON=python)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"找不到 PYTHON 指定的“{python}”：请写 Python 程序的名称或路径，不带选项。\n"


def test_an_old_python_in_a_folder_with_a_space_is_named(tmp_path: Path) -> None:
    old = tmp_path / "my python"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    done = run(tmp_path, "build", PYTHON=str(old))
    assert done.returncode == 1
    assert f"找到的 {old} 是 Python 3.9.2" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_that_cannot_run_is_skipped(tmp_path: Path) -> None:
    """pyenv 的垫片：命令在，却没有选中这一版，怎么调用都失败。"""
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    done = run(tmp_path, "build", PYTHON=str(shim))
    assert done.returncode == 1
    assert done.stderr.startswith("需要 Python 3.11.2 或更新的版本：")
