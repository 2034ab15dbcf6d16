"""命令行：结果与参照数比；有误的命令返回 2，标准错误恰好一行，标准输出什么也没有。"""

import csv
import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlnotes
from dlnotes.cli import main

ORACLES = Path(__file__).parent / "oracles"
TORCHVISION = json.loads((ORACLES / "torchvision.json").read_text(encoding="utf-8"))
NETWORKS = {"alexnet", "alexnet_caffe", "alexnet_seed", "vgg16", "zf5", "zfnet"}


class Result(NamedTuple):
    code: object
    out: str
    err: str


def run(*arguments: str) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code: object = main(arguments)
        except SystemExit as stop:  # argparse 的 --help
            code = stop.code
    return Result(code, out.getvalue(), err.getvalue())


def rejected(result: Result) -> bool:
    return (
        result.code == 2
        and result.out == ""
        and result.err.startswith("dlnotes：")
        and result.err.endswith("\n")
        and len(result.err.splitlines()) == 1
    )


def test_list() -> None:
    code, out, err = run("list")
    assert (code, err) == (0, "")
    assert set(out.splitlines()) >= NETWORKS
    assert out.endswith("\n")


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_show_json_and_csv_equal_torchvision(name: str) -> None:
    ops = ("Conv2d", "MaxPool2d", "AdaptiveAvgPool2d", "Linear")
    expected = [layer[1:] for layer in TORCHVISION[name]["layers"]]
    code, out, err = run("show", name, "--format", "json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    rows = [row for row in json.loads(out) if row["op"] in ops]
    assert [[row["op"], row["output"], row["params"], row["macs"]] for row in rows] == expected
    code, out, err = run("show", name, "--format", "csv")
    assert (code, err) == (0, "")
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    table = [row for row in csv.DictReader(io.StringIO(out)) if row["op"] in ops]
    found = [
        [row["op"], list(map(int, row["output"].split("x"))), int(row["params"]), int(row["macs"])]
        for row in table
    ]
    assert found == expected


def test_show_markdown() -> None:
    code, out, err = run("show", "vgg16")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("| name | op | output | params | macs |")
    pool5 = next(line for line in lines if line.startswith("| pool5 |"))
    assert "| 512×7×7 |" in pool5
    assert "| 212×212 | 32×32 | (-90, -90) |" in pool5
    assert lines[-1].startswith("vgg16，输入 3×224×224：参数 138,357,544，乘加 15,470,264,320，")
    assert run("show", "vgg16", "--format", "markdown") == (code, out, err)


def test_input_sizes() -> None:
    """`227` 与 `3x227x227` 相同；后者也可以不是方的。"""
    short = run("show", "alexnet_seed", "--input", "227")
    assert short == run("show", "alexnet_seed", "--input=3x227x227")
    assert "| pool5 | MaxPool2d | 256×6×6 |" in short.out
    assert "| pool5 | MaxPool2d | 256×5×5 |" in run("show", "alexnet_seed").out
    assert "| conv1 | Conv2d | 96×55×54 |" in run("show", "alexnet_seed", "--input", "3x227x224").out


SIZES = ["0", "-224", "22.4", "abc", "224x224", "3x224x", "3x224x224x1", "3×224×224", "２２４", "²"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["shwo"],
        ["show"],
        ["show", "vgg"],
        ["show", ""],
        ["show", "vgg16", "alexnet"],
        ["list", "vgg16"],
        ["--nonsense"],
        ["show", "vgg16", "--nonsense"],
        ["show", "vgg16", "--format", "xml"],
        ["show", "vgg16", "--format"],
        ["show", "vgg16", "--input"],
        *(["show", "vgg16", f"--input={size}"] for size in SIZES),
        ["show", "vgg16", "--input", "3x224x0"],
        ["show", "vgg16", "--input", "16"],
        ["show", "alexnet_caffe", "--input", "10"],
        ["show", "vgg16", "--input", "9" * 5000],
    ],
    ids=lambda arguments: " ".join(arguments)[:40] or "nothing",
)
def test_mistakes(arguments: list[str]) -> None:
    result = run(*arguments)
    assert rejected(result), result


def test_messages_say_what_to_do() -> None:
    assert run("show", "vgg").err == "dlnotes：`name` 应为已有的网络名，得到 'vgg'；相近的有 vgg16。\n"
    assert "pool5（MaxPool2d）：窗口 2×2 大于到达它的 1×1" in run("show", "vgg16", "--input", "16").err
    assert "`--input` 应为" in run("show", "vgg16", "--input", "3x224").err
    assert "--help" in run("shwo").err


def test_an_empty_size_is_a_mistake() -> None:
    assert rejected(run("show", "vgg16", "--input", ""))


def test_a_newline_in_an_argument_stays_on_one_line() -> None:
    for line_break in ("\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"):
        assert rejected(run("show", "vgg16", f"a{line_break}b")), repr(line_break)


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["-h"]], ids=" ".join)
def test_help(arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert "dlnotes" in out


WORDS = """list show vgg16 zf5 --input --input= --format --format=csv json 224 3x8x8 -- - -h --inp 0 1x1x1 %s
@file --input=-1 --f"""
words = st.sampled_from(WORDS.split())


@settings(max_examples=150, deadline=None)
@example(arguments=["show", "vgg16", "\udcff"])
@example(arguments=["show", "%(prog)s"])
@given(arguments=st.lists(words | st.text(max_size=6), max_size=6))
def test_any_arguments_end_with_0_or_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code in (0, 2)
    if result.code == 0:
        assert result.err == ""
        assert result.out != ""
    else:
        assert rejected(result), result


def test_as_a_process() -> None:
    """真的进程：返回值传给外壳；不是 UTF-8 的字节也只报一行。"""
    root = str(Path(dlnotes.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from dlnotes.cli import main; sys.exit(main())"
    cases: list[tuple[list[bytes], int, int]] = [
        ([b"list"], 0, 0),
        ([b"show", b"\xff"], 2, 1),
        ([b"show", b"vgg"], 2, 1),
    ]
    for arguments, status, lines in cases:
        command: list[str | bytes] = [sys.executable, "-I", "-X", "utf8", "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert done.returncode == status, done.stderr
        assert len(done.stderr.splitlines()) == lines
        assert bool(done.stdout) == (status == 0)


def test_a_reader_that_leaves_early_is_not_an_error() -> None:
    """`dlnotes show vgg16 | head -1`：下游先走，不该有追踪信息。"""
    command = [sys.executable, "-m", "dlnotes", "show", "vgg16"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stdout is not None
    assert done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == b""
    done.stderr.close()
    assert done.wait() == 0
