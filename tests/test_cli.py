"""命令行：结果与参照数比；有误的命令返回 2，标准错误恰好一行，标准输出什么也没有。"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dlnotes
from dlnotes.cli import main

ORACLES = Path(__file__).parent / "oracles"
TORCHVISION = {
    name: json.loads((ORACLES / "torchvision" / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("alexnet", "vgg16")
}
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


SCHEMA = json.loads((Path(dlnotes.__file__).parent / "arch" / "ledger.schema.json").read_text("utf-8"))
ROW = ["name", "op", "output", "params", "macs", "activation_bytes", "saved_bytes", "rf", "jump", "start"]


def show_json(*arguments: str) -> dict[str, Any]:
    code, out, err = run("show", *arguments, "--format", "json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_show_json_and_csv_equal_torchvision(name: str) -> None:
    ops = ("Conv2d", "MaxPool2d", "AdaptiveAvgPool2d", "Linear")
    expected = [layer[1:] for layer in TORCHVISION[name]["layers"]]
    document = show_json(name)
    assert document["total"]["params"] == TORCHVISION[name]["params"]
    assert document["total"]["macs"] == TORCHVISION[name]["macs"]
    rows = [row for row in document["layers"] if row["op"] in ops]
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


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_json_keeps_to_the_schema(name: str) -> None:
    """输入 288 时 vgg16 的自适应池化不规则，于是有 `null`；全连接是 `all`。"""
    for arguments in ([name], [name, "--input", "288"]):
        document = show_json(*arguments)
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
        assert list(document) == ["network", "input", "batch", "total", "layers"]
        assert all(list(row) == ROW for row in document["layers"])
    assert document["input"] == [3, 288, 288]


def test_the_schema_rejects_what_is_wrong() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = show_json("vgg16", "--input", "288")
    assert {row["rf"] if isinstance(row["rf"], str) else type(row["rf"]) for row in document["layers"]} == {
        list,
        "all",
        type(None),
    }
    first = document["layers"][0]
    for key, wrong in [("rf", "some"), ("rf", None), ("rf", [0, 1]), ("params", -1), ("macs", 1.5), ("x", 1)]:
        bad = {**document, "layers": [{**first, key: wrong}]}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, SCHEMA)
    for key in ROW:
        bad = {**document, "layers": [{name: value for name, value in first.items() if name != key}]}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, SCHEMA)


def test_columns_may_be_chosen() -> None:
    document = show_json("vgg16", "--columns", "name,conv,linear,bias,centre")
    assert {tuple(row) for row in document["layers"]} == {("name", "conv", "linear", "bias", "centre")}
    assert sum(row["conv"] + row["linear"] for row in document["layers"]) == 15_470_264_320
    # 偏置：13 个卷积、3 个全连接的输出元素各加一次
    assert sum(row["bias"] for row in document["layers"]) == 13_547_520 + 9_192
    assert [row["centre"] for row in document["layers"] if row["name"] == "pool5"] == [[15.5, 15.5]]
    out = run("show", "vgg16", "--columns", "params,name", "--format", "csv").out
    assert out.splitlines()[:2] == ["params,name", "1792,conv1_1"]


def test_show_markdown() -> None:
    code, out, err = run("show", "vgg16", "--format", "markdown")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("| 名字 | 种类 | 输出 | 参数量 | 乘加数 |")
    pool5 = next(line for line in lines if line.startswith("| pool5 |"))
    assert "| 512×7×7 |" in pool5
    assert "| 212×212 | 32×32 | (-90, -90) |" in pool5
    assert "vgg16，输入 3×224×224" in lines
    assert "参数 138,357,544（权重 138,344,128，偏置 13,416）" in lines
    assert "乘加 15,470,264,320（卷积 15,346,630,656，线性层 123,633,664）" in lines


def test_show_prints_aligned_columns() -> None:
    """按显示的宽度对齐：汉字占两格，每一列的左端或右端落在同一格。"""
    code, out, err = run("show", "zf5")
    assert (code, err) == (0, "")
    assert run("show", "zf5", "--format", "table") == (code, out, err)
    lines = out.split("\n\n")[0].splitlines()
    cells = [list(re.finditer(r"\S+(?: \S+)*", line)) for line in lines]
    titles = ["名字", "种类", "输出", "参数量", "乘加数", "激活字节", "感受野", "步距", "起点"]
    assert [cell.group() for cell in cells[0]] == titles
    first = ["conv1", "Conv2d", "96×112×112", "14,208", "177,020,928", "4,816,896", "7×7", "2×2", "(-3, -3)"]
    assert [cell.group() for cell in cells[1]] == first
    for column, title in enumerate(titles):
        edge = re.Match.end if title in ("参数量", "乘加数", "激活字节") else re.Match.start
        edges = {columns(line[: edge(row[column])]) for line, row in zip(lines, cells, strict=True)}
        assert len(edges) == 1, title
    assert not any(line.endswith(" ") for line in lines)


def columns(text: str) -> int:
    """显示的宽度：这里的汉字都占两格，别的都占一格。"""
    return sum(2 if "\u4e00" <= character <= "\u9fff" else 1 for character in text)


def test_rf_says_where_a_unit_looks() -> None:
    code, out, err = run("rf", "vgg16", "pool5", "fc6")
    assert (code, err) == (0, "")
    assert re.search(
        r"^pool5 +MaxPool2d +512×7×7 +212×212 +32×32 +\(-90, -90\) +\(15\.5, 15\.5\)$", out, re.M
    )
    assert "pool5 的第 i 行第 j 列的单元看到输入的第 32i-90 到 32i+121 行、第 32j-90 到 32j+121 列" in out
    assert "fc6 的单元看到整个输入。" in out
    whole = json.loads(run("rf", "vgg16", "--format", "json").out)
    assert [row["name"] for row in whole] == [row["name"] for row in show_json("vgg16")["layers"]]
    assert next(row for row in whole if row["name"] == "pool5")["centre"] == [15.5, 15.5]
    unclear = run("rf", "vgg16", "avgpool", "--input", "288")
    assert "感受野没有统一的大小：avgpool：自适应池化 9×9 → 7×7 的窗口大小或步长不一\n" in unclear.out
    assert "单元看到" not in unclear.out


def test_compare_puts_the_totals_side_by_side() -> None:
    rows = json.loads(run("compare", "alexnet", "vgg16", "--format", "json").out)
    totals = [{"network": row["network"], "params": row["params"], "macs": row["macs"]} for row in rows]
    expected = [
        {"network": name, "params": TORCHVISION[name]["params"], "macs": TORCHVISION[name]["macs"]}
        for name in ("alexnet", "vgg16")
    ]
    assert totals == expected
    assert (rows[1]["last"], rows[1]["rf"], rows[1]["jump"]) == ("avgpool", [212, 212], [32, 32])
    code, out, err = run("compare", "alexnet", "vgg16", "--input", "256")
    assert (code, err) == (0, "")
    assert out.count("3×256×256") == 2


def test_rows_can_be_grouped() -> None:
    """现成的网络的名字都没有点，一级就是一行；并成段的见 tests/arch/test_grouping.py。"""
    assert run("show", "zf5", "--depth", "1") == run("show", "zf5")
    document = show_json("zf5", "--depth", "2")
    jsonschema.validate(document, SCHEMA)
    assert document == show_json("zf5")


def test_counts_follow_the_batch() -> None:
    one, many = show_json("vgg16"), show_json("vgg16", "--batch", "32")
    jsonschema.validate(many, SCHEMA)
    assert (one["batch"], many["batch"]) == (1, 32)
    assert many["total"]["params"] == one["total"]["params"]
    assert many["total"]["macs"] == 32 * TORCHVISION["vgg16"]["macs"]
    assert "vgg16，输入 3×224×224，一批 32 个样本\n" in run("show", "vgg16", "--batch", "32").out


def test_memory_is_printed_and_can_be_counted_in_place() -> None:
    """VGG-16 的峰值是 relu1_1 的输入加输出；AlexNet 就地写省下 relu1 的一张。"""
    out = run("show", "vgg16").out
    assert "训练时为反向传播留 73,355,264 字节" in out
    assert f"推理时最多同时放着 {2 * 64 * 224 * 224 * 4:,} 字节（在 relu1_1，含输入）" in out
    total = show_json("alexnet")["total"]
    assert (total["peak_bytes"], total["peak_node"]) == (2 * 64 * 55 * 55 * 4, "relu1")
    total = show_json("alexnet", "--inplace")["total"]
    assert (total["peak_bytes"], total["peak_node"]) == ((3 * 224 * 224 + 64 * 55 * 55) * 4, "conv1")


def test_bytes_follow_the_type() -> None:
    full = show_json("zf5")["total"]["activation_bytes"]
    assert show_json("zf5", "--dtype", "float16")["total"]["activation_bytes"] * 2 == full


@pytest.mark.parametrize("variable", [None, "NO_COLOR"])
def test_only_a_terminal_gets_a_bold_header(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain = run("show", "zf5").out
    assert "\x1b" not in plain
    if variable:
        monkeypatch.setenv(variable, "1")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with redirect_stdout(terminal):
        assert main(["show", "zf5"]) == 0
    header, _, rest = terminal.getvalue().partition("\n")
    assert header == (
        plain.partition("\n")[0] if variable else f"\x1b[1m{plain.partition(chr(10))[0]}\x1b[0m"
    )
    assert rest == plain.partition("\n")[2]


def test_input_sizes() -> None:
    """`227` 与 `3x227x227` 相同；后者也可以不是方的。"""
    short = run("show", "alexnet_seed", "--input", "227")
    assert short == run("show", "alexnet_seed", "--input", "3×227×227")
    assert short == run("show", "alexnet_seed", "--input=3x227x227")
    assert re.search(r"^pool5 +MaxPool2d +256×6×6 ", short.out, re.M)
    assert re.search(r"^pool5 +MaxPool2d +256×5×5 ", run("show", "alexnet_seed").out, re.M)
    wide = run("show", "alexnet_seed", "--input", "3x227x224")
    assert re.search(r"^conv1 +Conv2d +96×55×54 ", wide.out, re.M)


SIZES = ["0", "-224", "22.4", "abc", "224x224", "3x224x", "3x224x224x1", "２２４", "²"]


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
        ["show", "vgg16", "--columns", ""],
        ["show", "vgg16", "--columns", "name,size"],
        ["show", "vgg16", "--columns", "operations"],
        ["show", "vgg16", "--dtype", "float"],
        ["show", "vgg16", "--ignore-gates=1"],
        *(["show", "vgg16", "--batch", size] for size in ("0", "-1", "1.5", "x", "", "9" * 5000)),
        *(["show", "vgg16", "--depth", depth] for depth in ("0", "-1", "x")),
        ["show", "vgg16", "--form", "csv"],
        ["rf"],
        ["rf", "vgg16", "pool7"],
        ["rf", "vgg", "pool5"],
        ["compare"],
        ["compare", "alexnet", "vgg"],
        ["compare", "alexnet", "vgg16", "--input", "16"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40] or "nothing",
)
def test_mistakes(arguments: list[str]) -> None:
    result = run(*arguments)
    assert rejected(result), result


def test_messages_say_what_to_do() -> None:
    assert run("show", "zf6").err == "dlnotes：`name` 应为已有的网络名，得到 'zf6'；相近的有 zf5。\n"
    for name in ("model.pt", "resnet50.pth", "/", "", "。"):
        told = "应为现成网络的名字，或 .onnx 文件，得到"
        assert run("show", name).err.startswith(f"dlnotes：`网络` {told} {name!r}；名字见 dlnotes list"), name
    assert "pool5（MaxPool2d）：窗口 2×2 大于到达它的 1×1" in run("show", "vgg16", "--input", "16").err
    assert "`--input` 应为" in run("show", "vgg16", "--input", "3x224").err
    assert run("shwo").err == "dlnotes：没有命令“shwo”；用法见 dlnotes --help。\n"
    assert run("show").err == "dlnotes：缺少“网络”；用法见 dlnotes show --help。\n"
    assert run("list", "x").err == "dlnotes：不认识“x”；用法见 dlnotes --help。\n"
    assert (
        run("show", "zf5", "--format").err
        == "dlnotes：“--format”后面缺一个值；用法见 dlnotes show --help。\n"
    )
    assert "相近" not in run("rf", "vgg16", "pool7").err
    assert "可用的有 pool5、pool4、pool3" in run("rf", "vgg16", "pool7").err


def test_messages_are_chinese() -> None:
    """argparse 自己的英语一句也不漏出来。"""
    for arguments in (
        [],
        ["shwo"],
        ["show"],
        ["list", "x"],
        ["show", "zf5", "--format"],
        ["show", "zf5", "--ignore-gates=1"],
        ["compare"],
    ):
        words = re.findall(r"[A-Za-z]{3,}", run(*arguments).err)
        assert set(words) <= {"dlnotes", "help", "show", "shwo", "compare", "format", "ignore", "gates"}, (
            words
        )
    for arguments in (["--help"], ["show", "--help"], ["compare", "--help"]):
        words = set(re.findall(r"[a-z]{3,}", run(*arguments).out))
        assert not words & {"usage", "options", "positional", "arguments", "show this", "exit", "message"}


def test_an_empty_size_is_a_mistake() -> None:
    assert rejected(run("show", "vgg16", "--input", ""))


def test_a_newline_in_an_argument_stays_on_one_line() -> None:
    for line_break in ("\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"):
        assert rejected(run("show", "vgg16", f"a{line_break}b")), repr(line_break)


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"], ["-h"]], ids=" ".join)
def test_help(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert "dlnotes" in out
    # 各段的说明从同一列起，汉字占两格
    rows = [match for line in out.splitlines() if (match := re.match(r"  +\S.*?  +(?=\S)", line))]
    starts = {sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in row[0]) for row in rows}
    assert len(rows) >= 4
    assert len(starts) == 1
    assert not re.search(r"^\S+:$", out, re.MULTILINE)


WORDS = """list show rf compare vgg16 zf5 pool5 --input --input= --format --format=csv json 224 3x8x8 -- - -h
--inp 0 1x1x1 %s @file --input=-1 --f --columns name,rf --columns= --dtype float16 --ignore-gates --version
{0}"""
words = st.sampled_from(WORDS.split())


@settings(max_examples=400, deadline=None)
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
        ([b"show", b"vgg"], 2, 1),
    ]
    if sys.platform != "win32":  # Windows 的参数是 Unicode，没有不成文字的字节
        cases.append(([b"show", b"\xff"], 2, 1))
    for arguments, status, lines in cases:
        command: list[str | bytes] = [sys.executable, "-I", "-X", "utf8", "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert done.returncode == status, done.stderr
        assert len(done.stderr.splitlines()) == lines
        assert bool(done.stdout) == (status == 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows 上管道断了报的是 EINVAL，命令行不认得")
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


def test_a_terminal_that_cannot_show_chinese_still_gets_the_numbers() -> None:
    """ASCII 的输出写转义，不崩溃。"""
    command = [sys.executable, "-m", "dlnotes", "show", "zf5"]
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"177,020,928" in done.stdout
    failed = subprocess.run(
        [*command[:-1], "zf"], capture_output=True, check=False, timeout=60, env=environment
    )
    assert failed.returncode == 2
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="用到 sh 的重定向")
@pytest.mark.parametrize("arguments", ["list", "show zf5", "rf zf5", "--help", "--version", "show --help"])
@pytest.mark.parametrize("where", [">&-", *([">/dev/full"] if Path("/dev/full").exists() else [])])
def test_nowhere_to_write_is_one_line(arguments: str, where: str) -> None:
    done = shell(f"{arguments} {where}")
    assert done.returncode == 1
    assert done.stderr.startswith("dlnotes：")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="用到 sh 的重定向")
def test_a_mistake_never_reaches_standard_output() -> None:
    """标准错误关掉或写不出时，返回值仍是 2，标准输出仍是空的。"""
    for where in ("2>&-", "2>/dev/full"):
        done = shell(f"show nope {where}")
        assert (done.returncode, done.stdout) == (2, "")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    line = f'"{sys.executable}" -m dlnotes {command}'
    return subprocess.run(  # noqa: S602  # 要试的正是外壳的重定向
        line, shell=True, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


def test_asking_twice_answers_once() -> None:
    assert run("rf", "vgg16", "pool5", "pool5") == run("rf", "vgg16", "pool5")
    assert "第 i-1 到 i+1 行" in run("rf", "vgg16", "conv1_1").out
