#!/bin/sh
# 在仓库内的 .venv 里装好 locks/<组>.txt 中锁定的依赖；由 Makefile 调用，平时不必直接运行。
#   tools/setup.sh 组...      组：build site test lint browser audit
#   tools/setup.sh where      写出 .venv 应当记着的位置与 Python 版本
# 缺什么就用一行说清缺什么、怎么办；细节在 .venv/setup.log。
set -eu

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

find_python() {
    newest=""
    set -- python3 python3.14 python3.13 python3.12 python3.11
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 ||
            fail "找不到 PYTHON 指定的“$PYTHON”：请写 Python 程序的名称或路径，不带选项。"
        set -- "$PYTHON"
    fi
    for candidate; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11, 2))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
        version=$("$candidate" -V 2>&1) || continue  # pyenv 没有选中的版本：命令在，却运行不了
        newest="（找到的 $candidate 是 $version）"
    done
    fail "需要 Python 3.11.2 或更新的版本$newest：请安装后重试，或用 make PYTHON=python3.12 … 指定它。"
}

# 不能只写 cert：每次都要装的 certifi 也会对上。
unreachable='name resolution|unreachable|no route|proxyerror|newconnection|timed ?out|timeout|sslerror|certificate|_cert'
unreachable="$unreachable|cert_|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|from versions: none"

# pip 的输出只进日志；失败时取其中最能说明问题的一行。
run_logged() {
    if "$@" >>.venv/setup.log 2>&1; then
        return
    fi
    if grep -qiE "$unreachable" .venv/setup.log; then
        fail "连不上软件包仓库：请检查网络、代理或证书设置后重试（细节见 .venv/setup.log）。"
    fi
    reason=$(grep -E '^(ERROR|npm error)' .venv/setup.log | grep -v 'A complete log of this run' | tail -n 1)
    fail "安装依赖失败：${reason:-见 .venv/setup.log 末尾}；请改正后重试，或先运行 make clean。"
}

where() {
    printf '%s %s' "$(pwd -P)" "$(.venv/bin/python -V 2>/dev/null | cut -d. -f1,2)"
}

if [ "$*" = where ]; then
    where
    exit
fi

if [ "$(cat .venv/where 2>/dev/null)" != "$(where)" ]; then
    rm -rf .venv  # 先删：PATH 里有它，不能拿旧的 Python 去找新的
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$("$python" -V) 缺少 venv 模块：Debian / Ubuntu 上请运行 apt-get install python3-venv 后重试。"
    "$python" -m venv .venv || fail "建不了虚拟环境 .venv：请检查磁盘空间和目录权限。"
    where >.venv/where
fi
: >.venv/setup.log

for group in "$@"; do
    printf '正在安装 %s 组依赖 …\n' "$group" >&2
    if [ "$group" = audit ]; then # 只有 Node 的包
        run_logged .venv/bin/npm ci --ignore-scripts --prefix tools/audit
        touch .venv/audit.done
        continue
    fi
    # 构建后端已在 build 组里，所以 jieba（只有源码包）和本项目都不再另开隔离环境联网取它们；
    # 旧的 pip 遇到源码包会改用 setup.py install，加 --use-pep517 才与新的一样。
    run_logged .venv/bin/python -m pip install --disable-pip-version-check --require-hashes \
        --no-build-isolation --use-pep517 -r "locks/$group.txt"
    case $group in
    build)
        run_logged .venv/bin/python -m pip install --disable-pip-version-check --no-deps \
            --no-build-isolation --no-index -e .
        ;;
    site)
        # jieba 的源码有旧式转义，编译时有警告；现在编译好，免得测试里把警告当作错误时导入失败。
        run_logged .venv/bin/python -W ignore -c 'import compileall, importlib.util, sys
folder = importlib.util.find_spec("jieba").submodule_search_locations[0]
sys.exit(not compileall.compile_dir(folder, quiet=2))'
        run_logged .venv/bin/npm ci --ignore-scripts
        run_logged .venv/bin/python -m sitekit.assets
        ;;
    esac
    touch ".venv/$group.done"
done
