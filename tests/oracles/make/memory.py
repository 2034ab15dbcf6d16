"""写出 `tests/oracles/memory.json`：训练时，前向算完，为反向留下的张量占多少字节。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/memory.py [网络…]

真在 CPU 上算一遍前向（批量 2，float32，训练模式，没有损失函数），用 `saved_tensors_hooks` 截住每个留下的
张量。同一块存储只算一次；参数与缓冲区不算。再顺着 `grad_fn` 走一遍计算图，按节点的种类记下各自留下什么。
"""

import gc
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from _models import MODELS, SOURCE, default_input
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

TARGET = Path(__file__).parents[1] / "memory.json"
BATCH = 2
RELU = functional.relu


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def nodes(roots: list[Tensor]) -> list[Any]:
    """计算图里的全部节点。"""
    found, queue = {}, [tensor.grad_fn for tensor in roots]
    while queue:
        node = queue.pop()
        if node is not None and node not in found:
            found[node] = None
            queue.extend(parent for parent, _ in node.next_functions)
    return list(found)


def saved_by(node: Any) -> dict[str, Tensor]:
    """这个节点留下的张量，按属性的名字。"""
    names = [name for name in dir(node) if name.startswith("_saved_")]
    values = {name.removeprefix("_saved_"): getattr(node, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def outputs(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    values = result.values() if isinstance(result, dict) else result
    return [value for value in values if value is not None]


def measure(name: str, *, inplace: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    model = MODELS[name]().train()
    if not inplace:
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        functional.relu = lambda x, inplace=False: RELU(x)
    image = torch.rand(BATCH, *default_input(name))
    own = {storage(tensor) for tensor in [*model.parameters(), *model.buffers()]}
    kept: dict[int, int] = {}
    # 张量攥在这里，节点只留号码：释放后的地址会被别的张量重用；节点直接攥着自己的输出，又成了环，永不释放
    alive: list[Tensor] = []

    def pack(tensor: Tensor) -> int:
        alive.append(tensor.detach())
        if storage(tensor) not in own:
            kept[storage(tensor)] = tensor.untyped_storage().nbytes()
        return len(alive) - 1

    with saved_tensors_hooks(pack, alive.__getitem__):
        roots = outputs(model(image))
        savers: dict[int, set[str]] = {where: set() for where in kept}
        for node in nodes(roots):
            for attribute, tensor in saved_by(node).items():
                if storage(tensor) in kept:
                    savers[storage(tensor)].add(f"{node.name().removesuffix('Backward0')}.{attribute}")
                else:  # 参数、缓冲区；或与张量相乘的一个 Python 数，它不经过钩子
                    assert storage(tensor) in own or tensor.dim() == 0, (name, node.name(), attribute)
    functional.relu = RELU
    alive.clear()
    whole = sum(kept.values())
    with_image = {"bytes_with_image": whole}
    kept.pop(storage(image), None)
    saved: Counter[str] = Counter()
    for where, size in kept.items():
        saved[" + ".join(sorted(savers[where])) or "CopySlices"] += size  # 就地改视图的节点藏着它包住的节点
    assert saved.total() == sum(kept.values())
    return {
        "bytes": sum(kept.values()),
        **with_image,
        "storages": len(kept),
        "saved": dict(saved.most_common()),
    }


def oracle(name: str) -> dict[str, Any]:
    published = measure(name, inplace=True)
    gc.collect()
    not_inplace = measure(name, inplace=False)["bytes"]
    gc.collect()
    saved = published.pop("saved")
    return {"input": list(default_input(name)), **published, "bytes_not_inplace": not_inplace, "saved": saved}


def text(records: dict[str, Any]) -> str:
    """一个网络占一行。"""
    head = {
        "source": f"{SOURCE}，CPU，float32，训练模式，前向到输出为止（没有损失函数）",
        "batch": BATCH,
        "note": "bytes 不含输入图、参数、缓冲区，同一块存储只算一次；bytes_not_inplace 是关掉就地运算以后的；"
        "saved 按“哪些节点的哪些属性留着它”给存储分组，各组之和是 bytes",
    }
    entries = [*head.items(), *records.items()]
    body = ",\n".join(
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries
    )
    return f"{{\n{body}\n}}\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    old = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    records = {name: old[name] for name in MODELS if name in old}
    for network in sys.argv[1:] or MODELS:
        records[network] = oracle(network)
        print(network, records[network], flush=True)
        TARGET.write_text(text(records), encoding="utf-8")
