"""优化：一阶方法与梯度裁剪（`first_order`）、近端梯度（`proximal`）；用到才加载 numpy。"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from dlnotes.optim import first_order, proximal

__all__ = ["first_order", "proximal"]


def __getattr__(name: str) -> "ModuleType":
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
