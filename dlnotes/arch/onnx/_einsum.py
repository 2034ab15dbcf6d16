"""爱因斯坦求和：两个算出的张量相乘，或与存着的权重相乘（就是线性层）。

References:
    ONNX Operators, "Einsum"。
"""

from dlnotes.arch.layers import Tokens
from dlnotes.arch.onnx._arithmetic import _linear
from dlnotes.arch.onnx._build import Call, Known, Result, Signal, operator
from dlnotes.arch.onnx._proto import Dims
from dlnotes.arch.onnx.layers import Einsum, Reshape

_ELLIPSIS = "0123456789"  # 省略号代表的各轴，从最后一个对齐


@operator("Einsum")
def _einsum(call: Call) -> Result:
    if len(call.inputs) != 2:
        raise ValueError("只读两个输入的 Einsum。")
    one, other = call.get(0), call.get(1)
    ranks = [len(each.dims if isinstance(each, Known) else call.dims(each)) for each in (one, other) if each]
    (left, right), output = _labels(call.op.text("equation", ""), ranks)
    if isinstance(one, Signal) and isinstance(other, Known):
        return _projected(call, one, other, (left, right, output))
    if isinstance(one, Known) and isinstance(other, Signal):
        return _projected(call, other, one, (right, left, output))
    one, other = call.signal(0), call.signal(1)
    batches = [term[each.batch] for term, each in ((left, one), (right, other)) if each.batch is not None]
    if len(batches) == 1 or len(set(batches)) > 1 or not set(batches) <= set(output):
        raise ValueError("两个输入的批量不是同一个字母，或批量被加了起来。")
    batch = output.index(batches[0]) if batches else None
    equation = f"{left},{right}->{output}"
    return call.emit(Einsum(equation.replace("".join(batches[:1]), "")), one, other, batch=batch)


def _projected(call: Call, signal: Signal, weight: Known, labels: tuple[str, str, str]) -> Signal:
    """最后几轴与权重的前几轴（或后几轴）相乘相加，换成权重的另外几轴：线性层。"""
    features, stored, output = labels
    summed = "".join(each for each in features if each not in output)
    made = "".join(each for each in stored if each not in summed)
    kept = features.removesuffix(summed)
    dims = call.dims(signal)
    sizes = dict(zip(stored, weight.dims, strict=True))
    wanted = [sizes.get(each) for each in summed] == list(dims[len(kept) :])
    turned = stored in (summed + made, made + summed) and output == kept + made and wanted
    if not summed or not made or not turned or (signal.batch or 0) >= len(kept):
        raise ValueError(f"只读与权重作线性变换的 Einsum，得到 {features},{stored}->{output}。")
    inputs = weight.count
    for each in made:
        inputs //= sizes[each]
    if len(summed) > 1:
        signal = _split(call, signal, (*dims[: len(kept)], inputs), ".merged")
    done = _linear(call, signal, weight, None, (inputs, weight.count // inputs))
    if len(made) == 1:
        return done
    return _split(call, done, (*dims[: len(kept)], *(sizes[each] for each in made)), ".split")


def _split(call: Call, signal: Signal, dims: Dims, suffix: str) -> Signal:
    """最后几轴合成一个，或一个分成几轴；批量在前面，不动。"""
    rest = [size for axis, size in enumerate(dims) if axis != signal.batch]
    return call.emit(Reshape(Tokens(rest)), signal, batch=signal.batch, suffix=suffix)


def _labels(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """两个输入和输出的各轴的字母；省略号换成数字，没有写输出的补上。"""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"equation={equation!r} 应有 {len(ranks)} 项。")
    hidden = [rank - len(term) + 3 if "..." in term else 0 for term, rank in zip(terms, ranks, strict=True)]
    most = max(hidden)
    ends = [
        term.replace("...", _ELLIPSIS[most - count : most], 1)
        for term, count in zip(terms, hidden, strict=True)
    ]
    if not arrow:
        once = [each for each in sorted(set(left)) if each.isalpha() and left.count(each) == 1]
        output = "..." * ("..." in left) + "".join(once)
    output = output.replace("...", _ELLIPSIS[:most], 1)
    for term, rank in [*zip(ends, ranks, strict=True), (output, len(output))]:
        letters = all(each.isascii() and each.isalnum() for each in term)
        if len(term) != rank or len(set(term)) < rank or not letters or not output:
            raise ValueError(f"equation={equation!r} 与 {ranks} 轴的输入对不上，或不合规矩。")
    if not set(output) <= set("".join(ends)):
        raise ValueError(f"equation={equation!r} 的输出里有输入没有的字母。")
    return ends, output
