"""写出 `tests/oracles/operators.json`：torchvision 的网络依次算了哪些算子，包括不是模块、直接调用的函数。

手工运行，项目自己不用它；要一个装有 torch 与 torchvision 的环境：

    python tests/oracles/make/operators.py 网络…

在 meta 设备上走一遍，记下分派到的每个算子，一个字母一个；带旁支的用训练模式，那里才算旁支。
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from _models import MODELS, SOURCE, default_input
from torch.utils._python_dispatch import TorchDispatchMode

TARGET = Path(__file__).parents[1] / "operators.json"
LETTERS = {
    "aten.convolution": "C",
    "aten.native_batch_norm": "B",
    "aten._native_batch_norm_legit": "B",
    "aten._native_batch_norm_legit_no_training": "B",
    "aten.relu": "R",
    "aten.relu_": "R",
    "aten.max_pool2d_with_indices": "M",
    "aten.avg_pool2d": "A",
    "aten._adaptive_avg_pool2d": "G",
    "aten.mean": "G",  # 自适应池化到 1×1
    "aten.cat": "K",
    "aten.addmm": "L",
}
# 只挪动、复制元素，或只在训练时才有
IGNORED = {
    "view",
    "t",
    "empty",
    "empty_like",
    "detach",
    "add_",
    "copy_",
    "_to_copy",
    "bernoulli_",
    "div_",
    "mul",
    "native_dropout",
}


class Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.letters: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func.overloadpacket)
        if name in LETTERS:
            self.letters.append(LETTERS[name])
        elif name.removeprefix("aten.") not in IGNORED:
            raise ValueError(f"没有料到的算子 {name}")
        return func(*args, **(kwargs or {}))


def operators(name: str) -> str:
    model = MODELS[name]().to("meta").train(name.endswith("_aux"))
    image = torch.empty(2, *default_input(name), device="meta")
    with torch.no_grad(), Recorder() as recorder:
        model(image)
    return "".join(recorder.letters)


if __name__ == "__main__":
    result = {
        "source": f"{SOURCE}；meta 设备，分派到的算子",
        "letters": "C 卷积，B 批归一化，R ReLU，M 最大池化，A 平均池化，G 自适应平均池化，K 拼接，L 全连接",
        **{name: operators(name) for name in sys.argv[1:]},
    }
    TARGET.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
