"""Makefile 给每条命令的环境：不随开发者机器上的设置而变。"""

import json
import os
import subprocess

from sitekit.paths import ROOT

SHOW = """
import json, locale, os, sys
names = ("PYTHONPATH", "PYTHONHOME", "PYTHONIOENCODING")
left = [name for name in names if name in os.environ]
print(json.dumps([sys.stdout.encoding, locale.getpreferredencoding(False), left]))
"""


def test_commands_use_utf8_and_no_foreign_python_settings() -> None:
    """POSIX 语言环境、别的项目留下的 PYTHONPATH，都不该让命令失败或用上别处的模块。"""
    hostile = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONPATH": "/gone"}
    probe = 'include Makefile\nprobe:\n\t@$(PY) -c "$$CODE"\n'
    done = subprocess.run(
        ["make", "-s", "-f", "-", "probe"],
        cwd=ROOT,
        env={**os.environ, **hostile, "PYTHONHOME": "/gone", "CODE": SHOW},
        input=probe,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["utf-8", "utf-8", []]
