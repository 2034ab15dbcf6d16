"""实时预览怎样启动。"""

import os
import socket
from collections.abc import Iterator

import pytest

from sitekit import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """被别的程序占着的端口。"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_told_in_one_line(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT", taken)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("不该启动"))
    with pytest.raises(SystemExit) as leaving:  # 退出的话写到标准错误，返回码是 1
        serve.main("mkdocs")
    assert leaving.value.code == f"127.0.0.1:{taken} 已被占用：可能还有一个预览在运行，请先结束它再重试。"


@pytest.mark.parametrize("builder", ["mkdocs", "zensical"])
def test_the_server_replaces_this_process(builder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setattr(serve, "PORT", 0)  # 总有空的
    monkeypatch.setattr(os, "execve", lambda _, arguments, env: started.append((arguments, env)))
    serve.main(builder)
    ((arguments, env),) = started
    assert arguments[1:] == ["-m", builder, "serve", "-a", "127.0.0.1:0"]
    assert env["PYTHONDONTWRITEBYTECODE"] == "1"
    assert env["NO_MKDOCS_2_WARNING"] == "1"
