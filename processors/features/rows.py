"""Some of the events of a chunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Array, Cells, DetectorColumns, EventColumns, Hits, TrackerHits


def take_rows(events: EventColumns, rows: NDArray[np.int64]) -> EventColumns:
    """Copy some events out of a chunk.

    Parameters
    ----------
    events : EventColumns
    rows : (n_rows,) int64
        Ascending.
    """
    return EventColumns(
        n_events=len(rows),
        event={name: column[rows] for name, column in events.event.items()},
        detectors={name: _take(part, rows) for name, part in events.detectors.items()},
    )


def _take(part: DetectorColumns, rows: NDArray[np.int64]) -> DetectorColumns:
    return _take_cells(part, rows) if isinstance(part, Cells) else _take_hits(part, rows)


def _take_cells(cells: Cells, rows: NDArray[np.int64]) -> Cells:
    def take(column: Array | None) -> Array | None:
        return None if column is None else column[rows]

    return Cells(cells.energy[rows], take(cells.time), take(cells.expected_time), take(cells.time_sigma))


def _take_hits(hits: Hits | TrackerHits, rows: NDArray[np.int64]) -> Hits | TrackerHits:
    counts = np.diff(hits.offsets)
    kept = np.zeros(len(counts), bool)
    kept[rows] = True
    first, last = hits.offsets[0], hits.offsets[-1]
    chosen = np.flatnonzero(np.repeat(kept, counts)) + first if len(counts) else np.arange(first, last)

    def take(column: Array | None) -> Array | None:
        return None if column is None else column[chosen]

    offsets = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    unequal = None if hits.unequal is None else hits.unequal[rows]
    if isinstance(hits, TrackerHits):
        return TrackerHits(offsets, hits.x[chosen], unequal)
    return replace(
        hits,
        offsets=offsets,
        cell=hits.cell[chosen],
        energy=hits.energy[chosen],
        time=take(hits.time),
        expected_time=take(hits.expected_time),
        time_sigma=take(hits.time_sigma),
        unequal=unequal,
    )
