"""A look at one file before it is used: what it is, whether it is whole, which events it says it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.addresses import public_url
from na64.datasets.basics.plain_text import is_utf8, visible
from na64.datasets.catalogue.geometry import SAMPLE, check_events, check_layout
from na64.datasets.catalogue.pending_files import SETTLED, PendingFileError, finished
from na64.datasets.catalogue.rechecking import cause, digest_of, one_version
from na64.datasets.catalogue.records import FileRecord, Status
from na64.datasets.conditions.periods import Period, period_of_run
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.chunks import canonical_segments
from na64.datasets.reading.detection import check_older, detect_layout
from na64.datasets.reading.files import is_url, open_file
from na64.datasets.reading.layout import LAYOUTS, Layout
from na64.datasets.reading.layout_rules import check_numbers
from na64.datasets.reading.read import read_tree
from na64.datasets.reading.stored import (
    BadFileError,
    Format,
    StructureError,
    Tree,
)
from na64.datasets.servers.patience import Patience

Keys: TypeAlias = dict[int, NDArray[np.int64]]
"""By run, the events of a file as ``spill << 32 | event``, sorted."""


_STEP = 1_000_000
_MOST_EXPANDED = 500
"""How many times its size a file may have when it is decompressed; run files have 2 to 10 times."""

_LARGEST_EVENT = 1_000_000
"""Bytes of an event, on average, at most; run files have some thousands."""

_HARMLESS = 16_000_000
"""Bytes that may be decompressed whatever the file."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a file may be.

    Attributes
    ----------
    layouts : tuple of Layout
        Of which one has to fit.
    periods : dict of str to Period
    period : str or None
        The only one allowed.
    settled : float
        Seconds without a change after which nobody writes into a file any more.
    patience : Patience
        How a server is asked.
    """

    layouts: tuple[Layout, ...]
    periods: dict[str, Period]
    period: str | None = None
    settled: float = SETTLED
    patience: Patience = field(default_factory=Patience)


def inspect(path: str, expected: Expectation) -> FileRecord:
    """Look at a file; of its values only run, spill and event numbers are used.

    Parameters
    ----------
    path : str
        Absolute path or URL, which the record has without secrets.
    expected : Expectation

    Returns
    -------
    FileRecord
        Good, or quarantined with the reason, or pending: a remote file that cannot be reached now, or a local
        one that is still being written.
    """
    record = FileRecord(public_url(path) if is_url(path) else path)
    try:
        _check_path(path)
        with _unchanged(path, expected) as version:
            digest = digest_of(path, expected.patience)
            record = replace(
                record, sha256=digest.sha256, xxh3=digest.xxh3, size=digest.size, version=version
            )
            return _look_inside(path, record, expected)
    except PendingFileError as error:
        return FileRecord(record.path, status=Status.PENDING, reason=visible(str(error)))
    except BadFileError as error:
        return replace(record, status=Status.QUARANTINED, reason=visible(str(error)))
    except OSError as error:
        if is_url(path):
            return FileRecord(record.path, status=Status.PENDING, reason=f"cannot be read: {cause(error)}")
        return replace(record, status=Status.QUARANTINED, reason=f"cannot be read: {cause(error)}")


@contextmanager
def _unchanged(path: str, expected: Expectation) -> Iterator[str]:
    """Look into a file that nobody changes; yield its version on a server, nothing of a local one."""
    if is_url(path):
        with one_version(path, expected.patience) as version:
            yield version
    else:
        with finished(Path(path), expected.settled):
            yield ""


def _check_path(path: str) -> None:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise StructureError("its path has control characters")
    if not is_utf8(path):
        raise StructureError(f"its path is not UTF-8: {path}")
    if is_url(path):
        return
    if Path(path).is_dir():
        raise StructureError("is a directory, not a file")
    if Path(path).exists() and not Path(path).is_file():
        raise StructureError("is not a regular file")


def _look_inside(path: str, record: FileRecord, expected: Expectation) -> FileRecord:
    with open_file(path, expected.patience) as file:
        file.check_size()
        layout, name = detect_layout(file, expected.layouts)
        tree = file.tree(name)
        names = layout.stored_names(tree)
        _check_suffix(record.name, tree.format)
        tree.check(names)
        check_older(file, layout, name)
        n_bytes = tree.expanded_bytes(names)
        _check_expansion(n_bytes, record.size, tree.entries)
        last = _read_last(tree, layout)
        segments = canonical_segments(tree.boundaries(names), n_bytes)
        parts = [_range_keys(tree, layout, start, stop) for start, stop in segments]
        keys = _join_keys(parts)
        _check_doubles(keys)
        _check_runs(keys, layout, expected)
        _check_cells(tree, layout, last, expected)
        return replace(
            record,
            format=tree.format.value,
            tree=name,
            layout=layout.name,
            entries=tree.entries,
            runs={run: len(events) for run, events in keys.items()},
            segments=segments,
            spills=tuple(_spills_of(part) for part in parts),
            truth=layout.has_truth(tree),
            missing_columns=layout.missing_columns(tree),
        )


def _check_doubles(keys: Keys) -> None:
    """Refuse a file that would count an event twice, as one would that has an event of another file."""
    for run, events in keys.items():
        repeated = np.unique(events[1:][events[1:] == events[:-1]])
        if len(repeated):
            spill, event = unpack(int(repeated[0]))
            raise BadFileError(
                f"{len(repeated)} events of run {run} are in it more than once, "
                f"the first is spill {spill} event {event}"
            )


def _check_suffix(name: str, found: Format) -> None:
    """Refuse a file whose name says another format: whoever named it meant another file."""
    is_parquet = found is Format.PARQUET
    if name.endswith(".root" if is_parquet else ".parquet"):
        raise StructureError(
            "is Parquet, expected ROOT by its name" if is_parquet else "is ROOT, expected Parquet by its name"
        )


def _check_expansion(expanded: int, size: int, n_events: int) -> None:
    """Refuse a small file that would fill the memory, before any of it is decompressed."""
    if expanded > max(_MOST_EXPANDED * size, _HARMLESS):
        raise StructureError(f"{size} bytes say they expand to {expanded}, more than {_MOST_EXPANDED} times")
    if expanded > max(_LARGEST_EVENT * n_events, _HARMLESS):
        raise StructureError(f"{expanded // max(n_events, 1)} bytes an event, more than {_LARGEST_EVENT}")


def _read_last(tree: Tree, layout: Layout) -> EventColumns:
    """Read the end of every branch: what was cut off or never written shows there."""
    return read_tree(tree, layout, max(tree.entries - SAMPLE, 0), tree.entries)


def read_keys(path: str, layout: Layout, name: str, patience: Patience | None = None) -> Keys:
    """Read the run, spill and event numbers of a file."""
    with open_file(path, patience) as file:
        tree = file.tree(name)
        starts = range(0, tree.entries, _STEP)
        return _join_keys(_range_keys(tree, layout, at, min(at + _STEP, tree.entries)) for at in starts)


def _range_keys(tree: Tree, layout: Layout, start: int, stop: int) -> Keys:
    event = read_tree(tree, layout, start, stop, columns=("run", "spill", "event")).event
    if layout.name not in LAYOUTS:
        check_numbers(layout, event)
    keys = _pack(event["spill"], event["event"])
    return {int(run): keys[event["run"] == run] for run in np.unique(event["run"])}


def _join_keys(parts: Iterable[Keys]) -> Keys:
    found: dict[int, list[NDArray[np.int64]]] = {}
    for part in parts:
        for run, keys in part.items():
            found.setdefault(run, []).append(keys)
    return {run: np.sort(np.concatenate(keys)) for run, keys in sorted(found.items())}


def _spills_of(keys: Keys) -> dict[int, tuple[int, ...]]:
    return {run: tuple(np.unique(packed >> 32).tolist()) for run, packed in sorted(keys.items())}


def _pack(spill: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.int64]:
    for name, numbers, limit in (("spill", spill, 2**31), ("event", event, 2**32)):
        if numbers.min() < 0 or numbers.max() >= limit:
            raise BadFileError(
                f"{name} numbers from {numbers.min()} to {numbers.max()}, expected 0 to {limit - 1}"
            )
    return spill << 32 | event


def unpack(key: int) -> tuple[int, int]:
    """Spill and event of one key."""
    return key >> 32, key & 0xFFFFFFFF


def _check_runs(keys: Mapping[int, object], layout: Layout, expected: Expectation) -> None:
    for run in keys:
        period = period_of_run(run, expected.periods)
        if period is None:
            known = "; ".join(f"{name}: {period.covers}" for name, period in expected.periods.items())
            raise StructureError(f"run {run} is outside every period ({known})")
        if expected.period not in (None, period.name):
            raise StructureError(f"run {run} is of period {period.name}, not {expected.period}")
        if reason := check_layout(layout, period):
            raise StructureError(reason)


def _check_cells(tree: Tree, layout: Layout, last: EventColumns, expected: Expectation) -> None:
    """Refuse a file whose cells are not those of the period: nearly every event of it would be skipped."""
    if not last.n_events:
        return
    period = period_of_run(int(last.event["run"][-1]), expected.periods)
    if period is not None and (reason := check_events(last, tree, layout, period)):
        raise StructureError(reason)
