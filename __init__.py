"""na64: columnar event processing for the NA64 missing-energy search at CERN."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from na64.outputs.notebook import nanoevents, opened_schema

__version__ = "0.1.0"
__all__ = ["__version__", "nanoevents", "opened_schema"]

_HOMES = {"nanoevents": "na64.outputs.notebook", "opened_schema": "na64.outputs.notebook"}
"""Where each name is; imported when it is asked for, as coffea and its friends take seconds."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module na64 has no attribute {name}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
