"""The parts of the benchmark by name, each of which can be run alone."""

from __future__ import annotations

from enum import Enum


class Part(Enum):
    """One question that the benchmark answers."""

    HITS = "hits"
    TOUT2023 = "tout2023"
    CUTS = "cuts"
    DENSE = "dense"
    LZMA = "lzma"
    FORMATS = "formats"
    MEMORY = "memory"
    STARTS = "starts"
    WORKERS = "workers"
    COMMANDS = "commands"
    SCHEDULER = "scheduler"


QUICK = (Part.HITS, Part.TOUT2023, Part.CUTS, Part.DENSE, Part.FORMATS)
"""Those of ``--quick``: no workers, memory and scheduler, and nothing that is slow to write."""


def parts_of(text: str) -> tuple[Part, ...]:
    """Read names that are separated by commas, in the order of the benchmark.

    Raises
    ------
    ValueError
        A name that no part has.
    """
    names = [name.strip() for name in text.split(",")]
    known = [part.value for part in Part]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no part of the benchmark: expected any of {', '.join(known)}")
    return tuple(part for part in Part if part.value in names)
