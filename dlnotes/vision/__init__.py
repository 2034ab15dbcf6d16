"""视觉：框与框的比较、非极大值抑制（`dlnotes.vision.boxes`）；用到才加载 numpy。"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from dlnotes.vision import boxes

__all__ = ["boxes"]


def __getattr__(name: str) -> "ModuleType":
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
