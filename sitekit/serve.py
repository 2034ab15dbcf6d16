"""实时预览：`python -m sitekit.serve mkdocs|zensical`，地址是 127.0.0.1:8000。"""

import os
import sys

from sitekit.build import environment

if __name__ == "__main__":
    # 换成服务器自己的进程：结束这个进程号就是结束服务器。监视哪些目录，见 mkdocs.yml 的 watch。
    builder = sys.argv[1]
    arguments = [sys.executable, "-m", builder, "serve", "-a", "127.0.0.1:8000"]
    os.execve(sys.executable, arguments, environment(builder))  # noqa: S606  # 不经 shell
