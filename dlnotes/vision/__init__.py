"""视觉：框（`boxes`）、固定的卷积核（`filters`）、颜色空间（`color`）；用到才加载 numpy。"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from dlnotes.vision import boxes, color, filters

__all__ = ["boxes", "color", "filters"]


def __getattr__(name: str) -> "ModuleType":
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
