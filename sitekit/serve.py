"""实时预览：`python -m sitekit.serve mkdocs|zensical`，地址是 127.0.0.1:8000。"""

import os
import socket
import sys

from sitekit import remember
from sitekit.build import environment

HOST, PORT = "127.0.0.1", 8000


def main(builder: str) -> None:
    """换成服务器自己的进程：结束这个进程号就是结束服务器；端口被占时说明并退出。"""
    try:
        socket.create_server((HOST, PORT)).close()
    except OSError:
        sys.exit(f"{HOST}:{PORT} 已被占用：可能还有一个预览在运行，请先结束它再重试。")
    # 监视哪些目录，见 mkdocs.yml 的 watch；其中的 dlnotes/ 写出字节码，就会再重建一次。
    env = environment(builder) | {"PYTHONDONTWRITEBYTECODE": "1", remember.VARIABLE: "1"}
    arguments = [sys.executable, "-m", builder, "serve", "-a", f"{HOST}:{PORT}"]
    os.execve(sys.executable, arguments, env)  # noqa: S606  # 不经 shell


if __name__ == "__main__":
    main(sys.argv[1])
