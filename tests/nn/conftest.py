"""证据的账：查漏的测试排在最后；`EVIDENCE=write` 时把整次的账写成文件。"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.nn import evidence

HERE = Path(__file__).parent
LAST = HERE / "test_coverage.py"
evidence.credit_gradient_checks()

PARTIAL = pytest.StashKey[bool]()
UNSUCCESSFUL = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PARTIAL] = any("::" in str(argument) for argument in config.args)
    config.stash[UNSUCCESSFUL] = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path == LAST)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.config.stash[PARTIAL] = True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = (yield).get_result()
    if HERE in item.path.parents and item.path != LAST and report.outcome != "passed":
        item.config.stash[UNSUCCESSFUL] = True


def whole(session: pytest.Session) -> bool:
    """这一次是不是跑完了整个 tests/nn，而且都通过了。"""
    files = {item.path for item in session.items if HERE in item.path.parents}
    every = set(HERE.rglob("test_*.py"))
    stash = session.config.stash
    return files >= every and not stash[PARTIAL] and not stash[UNSUCCESSFUL]


@pytest.fixture
def all_cases(request: pytest.FixtureRequest) -> list[evidence.Case]:
    """整次的账；只跑了一部分就跳过。"""
    if not whole(request.session):
        pytest.skip("只在整个 tests/nn 都运行并通过时核对")
    return list(evidence.CASES)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if os.environ.get("EVIDENCE") != "write":
        return
    if exitstatus == pytest.ExitCode.OK and whole(session):
        evidence.write(evidence.CASES)
    else:
        print("\n没有写 docs/evidence.json：要整个 tests/nn 都通过。")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
