"""na64: columnar event processing for the NA64 experiment at CERN.

The names below are imported when they are first used; every other module is private and may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from na64.outputs.analysis.notebook import nanoevents, opened_schema
    from na64.outputs.analysis.result import Result, open_result
    from na64.processors.features.plugin import feature

__version__ = "0.2.0"
__all__ = ["Result", "__version__", "feature", "nanoevents", "open_result", "opened_schema"]

_HOMES = {
    "Result": "na64.outputs.analysis.result",
    "feature": "na64.processors.features.plugin",
    "nanoevents": "na64.outputs.analysis.notebook",
    "open_result": "na64.outputs.analysis.result",
    "opened_schema": "na64.outputs.analysis.notebook",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'na64' has no attribute {name!r}: there are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
