"""Files that hold the same events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.catalogue.inspection import Keys, unpack
from na64.datasets.catalogue.records import FileRecord, Status


def quarantine_overlaps(
    records: Sequence[FileRecord], keys_of: Callable[[FileRecord], Keys]
) -> tuple[FileRecord, ...]:
    """Quarantine files of which an event, by (run, spill, event), is in an earlier file.

    Only files that share a run with another are read.

    Parameters
    ----------
    records : sequence of FileRecord
        Earlier ones win.
    keys_of : callable
        Reads the events of a file.
    """
    sharing = Counter(run for record in records if record.is_good for run in record.runs)
    kept: dict[int, list[tuple[str, NDArray[np.int64]]]] = {}
    checked = []
    for record in records:
        shared = [run for run in record.runs if record.is_good and sharing[run] > 1]
        keys = keys_of(record) if shared else {}
        reasons = (_overlap(run, keys[run], *other) for run in shared for other in kept.get(run, ()))
        reason = next(filter(None, reasons), "")
        checked.append(replace(record, status=Status.QUARANTINED, reason=reason) if reason else record)
        if not reason:
            for run in shared:
                kept.setdefault(run, []).append((record.name, keys[run]))
    return tuple(checked)


def _overlap(run: int, keys: NDArray[np.int64], name: str, other: NDArray[np.int64]) -> str:
    """Events that two files share, in words; empty if none."""
    if keys[-1] < other[0] or other[-1] < keys[0]:
        return ""
    common = np.intersect1d(keys, other)
    if not len(common):
        return ""
    spill, event = unpack(int(common[0]))
    return f"{len(common)} events of run {run} are also in {name}, the first is spill {spill} event {event}"
