"""The commands by task, and an example or two of each."""

from __future__ import annotations

from pathlib import Path

GROUPS = {
    "begin": ("demo", "inspect", "selections", "features", "periods", "init"),
    "run files": ("simulate", "catalogue"),
    "calibration": ("calibrate", "monitor"),
    "count": ("process", "report", "status", "why"),
    "look at events and results": ("events", "show", "compare", "overlay", "stability"),
    "background and efficiency": ("background", "scan", "dimuon", "beam", "probe", "efficiency"),
    "limits": ("limits", "project", "searches"),
    "the closed box": ("freeze", "unblind", "audit"),
    "preservation": ("bundle", "reproduce"),
    "batch systems": ("submit", "work", "merge"),
    "this machine": ("compile", "completion", "bench"),
}
"""Names of commands by what they are for."""


def _examples() -> dict[str, tuple[str, ...]]:
    examples: dict[str, tuple[str, ...]] = {}
    for line in Path(__file__).with_name("examples.txt").read_text().splitlines():
        name = line.split()[1]
        examples[name] = (*examples.get(name, ()), line)
    return examples


EXAMPLES = _examples()
"""Command lines by the name of the command."""
