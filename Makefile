# 常用的两条命令：make serve（建站并实时预览）、make test（运行全部测试）。其余见 make help。
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # 各组装进同一个 .venv，不能同时装
SHELL := /bin/sh

# Node 与所有命令都取自仓库内的 .venv，不用机器上碰巧有的版本。
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# 语言环境不是 UTF-8 的机器上也读写得了汉字；不用别的项目留下的 Python 设置。
export PYTHONUTF8 := 1
unexport PYTHONIOENCODING PYTHONPATH PYTHONHOME
# 两个核各跑各的测试时，BLAS 再分线程就是互相抢。
export OPENBLAS_NUM_THREADS := 1
# Python 3.12 及以前读 .pth 只看语言环境：仓库的路径里有汉字时，光有 PYTHONUTF8 不够。
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif
PY := .venv/bin/python

# 仓库移动或复制过，Python 卸载或升级了，.venv 须重建；装好之后又丢了的文件，须重装。
ifneq ($(shell cat .venv/where 2>/dev/null),$(shell sh tools/setup.sh where))
STALE_VENV := stale
endif
INSTALLED := node_modules/katex/package.json docs/assets/katex/katex.min.css docs/assets/pyodide/pyodide.mjs
ifneq ($(wildcard $(INSTALLED)),$(INSTALLED))
STALE_SITE := stale
endif

.PHONY: help serve serve-fast build build-zensical test lint evidence bench bench-serve audit lock clean stale

help:  ## 列出所有命令
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

serve: .venv/site.done  ## 建站并在 127.0.0.1:8000 实时预览（MkDocs）
	@$(PY) -m sitekit.serve mkdocs

serve-fast: .venv/site.done  ## 同上，用 Zensical，单页更新更快
	@$(PY) -m sitekit.serve zensical

build: .venv/site.done  ## 严格构建到 site/，检查成品，列出最慢的十页
	@$(PY) -m sitekit.build mkdocs

build-zensical: .venv/site.done  ## 用 Zensical 严格构建并检查
	@$(PY) -m sitekit.build zensical

test: .venv/site.done .venv/test.done  ## 运行全部测试（含对成品站的检查）
	@$(PY) -m pytest -n auto --dist loadscope --no-loadscope-reorder

test-browser: .venv/site.done .venv/test.done .venv/browser.done  ## 用系统的 Chromium 读整站：策略、搜索、手机、无障碍
	@$(PY) -m pytest -n 3 tests/browser

lint: .venv/site.done .venv/lint.done  ## 代码风格、类型、中文排版、持续集成的写法
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m sitekit.typography
	@$(PY) -m sitekit.typography CHANGELOG.md .github
	@sh tools/lint-workflows.sh

evidence: .venv/site.done .venv/test.done  ## 运行参考算子的测试，把与谁比、差多少写成 docs/evidence.json
	@EVIDENCE=write $(PY) -m pytest tests/nn

bench: .venv/site.done  ## 量速度，给出比值（不算测试）
	@$(PY) bench/arch.py
	@$(PY) bench/nn.py

bench-serve: .venv/site.done  ## 生成 60 页的站，量预览时改一页要多久
	@$(PY) bench/serve.py

audit: .venv/site.done .venv/audit.done  ## 用 Lighthouse 量成品站：性能、无障碍、做法、搜索引擎
	@$(PY) bench/audit.py

lock: .venv/site.done .venv/lint.done  ## 重新锁定依赖（改过 pyproject.toml 或 package.json 之后）
	@sh tools/lock.sh

clean:  ## 删除构建产物和 .venv
	rm -rf .venv node_modules tools/audit/node_modules site site-zensical .cache dist docs/assets/katex docs/assets/pyodide

.venv/build.done: locks/build.txt pyproject.toml tools/setup.sh $(STALE_VENV)
	@sh tools/setup.sh build

.venv/site.done: .venv/build.done locks/site.txt package-lock.json sitekit/assets.py $(STALE_SITE)
	@sh tools/setup.sh site

.venv/test.done: .venv/build.done locks/test.txt
	@sh tools/setup.sh test

.venv/lint.done: .venv/build.done locks/lint.txt
	@sh tools/setup.sh lint

.venv/browser.done: .venv/build.done locks/browser.txt
	@sh tools/setup.sh browser

.venv/audit.done: .venv/site.done tools/audit/package-lock.json
	@sh tools/setup.sh audit
