"""Layouts that decide what is hidden otherwise than the packaged ones: a freeze takes them by name only."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from na64.datasets.reading.layout_differences import deciding_differences
from na64.outputs.result.request import Request, set_up


def undeclared_layouts(folder: Path, request: Request, declared: Collection[str]) -> str:
    """Why layouts of a result stand against a freeze; empty if none does.

    Parameters
    ----------
    folder : Path
        Of the result.
    request : Request
    declared : collection of str
        Names of the layouts of which people state that their branches are what they say.
    """
    catalogue, job = set_up(folder, request)
    closed = catalogue.closed
    found = {name: deciding_differences(layout, closed) for name, layout in sorted(job.layouts.items())}
    if strange := sorted(set(declared) - {name for name, texts in found.items() if texts}):
        return f"layout {strange[0]} is declared, but does not decide what is hidden of this result"
    for name, texts in found.items():
        if texts and name not in declared:
            return (
                f"layout {name} says what is hidden and is not declared (na64 freeze --layout {name}): "
                f"{'; '.join(texts)}"
            )
    return ""
