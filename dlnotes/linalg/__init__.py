"""线性代数与数值计算：范数（`norms`）、数值导数（`derivatives`）、浮点数（`floating`）；用到才加载 numpy。"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from dlnotes.linalg import derivatives, floating, norms

__all__ = ["derivatives", "floating", "norms"]


def __getattr__(name: str) -> "ModuleType":
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
