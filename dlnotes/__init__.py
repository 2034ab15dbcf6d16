"""深度学习里能算的数，由经过独立核对的代码算出。

子模块用到才加载：`import dlnotes` 不加载 numpy，也不加载任何子模块。
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlnotes import arch, data, linalg, models, nn, optim, prob, table, vision
    from dlnotes.comparison import compare

__version__ = "0.1.0"
__all__ = ["arch", "compare", "data", "linalg", "models", "nn", "optim", "prob", "table", "vision"]

_FUNCTIONS = {"compare": "comparison"}
"""直接放在这里的函数，和它在哪个子模块里。"""


def __getattr__(name: str) -> object:
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
