#!/bin/sh
# 把 pyproject.toml 的依赖组锁进 locks/：只有版本与散列值，不含任何仓库地址。
# 各组依次以先前的组为约束，合装进同一个 .venv 时版本一致；所有 Python 版本共用一个版本号。
set -eu
constraints=""
for group in build site test lint browser; do
    # shellcheck disable=SC2086  # 约束是若干个参数
    .venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
        --fork-strategy fewest --no-header --group "pyproject.toml:$group" $constraints -o "locks/$group.txt"
    constraints="$constraints -c locks/$group.txt"
done
for folder in . tools/audit; do
    .venv/bin/npm install --package-lock-only --ignore-scripts --silent --omit-lockfile-registry-resolved --prefix "$folder"
done
