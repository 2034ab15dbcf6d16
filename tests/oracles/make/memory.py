"""写出 `tests/oracles/memory.json`：训练时，前向算完，为反向留下的张量占多少字节。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/memory.py [网络…]

真在 CPU 上算一遍前向（批量 2，float32，训练模式，没有损失函数），用 `saved_tensors_hooks` 截住每个留下的
张量。同一块存储只算一次；参数与缓冲区不算。再顺着 `grad_fn` 走一遍计算图，按节点的种类记下各自留下什么。
"""

import gc
import json
import sys
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import torch
from _models import MODELS, SOURCE, default_input
from torch import Tensor, nn
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
        by_node: dict[str, Counter[str]] = defaultdict(Counter)
        counted: set[int] = set()
        kinds: Counter[str] = Counter()
        for node in nodes(roots):
            kind = node.name().removesuffix("0")
            kinds[kind] += 1
            for attribute, tensor in saved_by(node).items():
                where = storage(tensor)
                if where not in own and where != storage(image):
                    assert where in kept, (name, kind, attribute)
                    counted.add(where)
                    by_node[kind][attribute] += tensor.numel() * tensor.element_size()
    functional.relu = RELU
    alive.clear()
    whole = sum(kept.values())
    without_image = whole - kept.get(storage(image), 0)
    return {
        "bytes": without_image,
        "bytes_with_image": whole,
        "seen_in_the_graph": sum(kept[where] for where in counted),
        "storages": len(kept) - (storage(image) in kept),
        "nodes": dict(sorted(kinds.items())),
        "saved": {kind: dict(sizes) for kind, sizes in sorted(by_node.items())},
    }


def oracle(name: str) -> dict[str, Any]:
    result = {"input": list(default_input(name))}
    for key, inplace in (("as_published", True), ("not_inplace", False)):
        result[key] = measure(name, inplace=inplace)
        gc.collect()
    return result


if __name__ == "__main__":
    torch.set_num_threads(1)
    networks = sys.argv[1:] or list(MODELS)
    records = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    for network in networks:
        records[network] = oracle(network)
        print(network, records[network]["as_published"], flush=True)
        TARGET.write_text(json.dumps(records, ensure_ascii=False, indent=1), encoding="utf-8")
