"""Some events of a chunk are those events and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from na64.datasets.instrument.columns import Cells, EventColumns, Hits
from na64.processors.features.rows import take_rows

COUNTS = [2, 0, 3, 1]


def events(first: int) -> EventColumns:
    n_hits = sum(COUNTS) + first + 2
    hits = np.arange(n_hits, dtype=np.float32)
    offsets = first + np.concatenate([[0], np.cumsum(COUNTS)])
    unequal = np.array([False, True, False, True])
    grid = np.arange(8.0).reshape(4, 2)
    return EventColumns(
        4,
        {"run": np.array([1, 2, 1, 2])},
        {
            "hcal": Hits(offsets, hits.astype(np.uint8), hits, hits + 100, None, hits + 300, unequal),
            "ecal": Cells(grid, grid + 10, None, grid[:, :1]),
        },
    )


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("rows", [[], [0], [1, 2], [0, 3], [0, 1, 2, 3]])
def test_every_column_has_the_chosen_rows(first: int, rows: list[int]) -> None:
    whole = events(first)
    part = take_rows(whole, np.array(rows, np.int64))
    hits, all_hits = part.detectors["hcal"], whole.detectors["hcal"]
    cells, all_cells = part.detectors["ecal"], whole.detectors["ecal"]
    assert isinstance(hits, Hits)
    assert isinstance(all_hits, Hits)
    assert isinstance(cells, Cells)
    assert isinstance(all_cells, Cells)
    assert part.n_events == len(rows)
    assert part.event["run"].tolist() == whole.event["run"][rows].tolist()
    assert cells.energy.tolist() == all_cells.energy[rows].tolist()
    assert cells.expected_time is None
    assert hits.expected_time is None
    assert hits.unequal is not None
    assert all_hits.unequal is not None
    assert hits.unequal.tolist() == all_hits.unequal[rows].tolist()
    assert len(hits.offsets) == len(rows) + 1
    for row, old in enumerate(rows):
        new_hits = slice(hits.offsets[row], hits.offsets[row + 1])
        old_hits = slice(all_hits.offsets[old], all_hits.offsets[old + 1])
        for name in ("cell", "energy", "time", "time_sigma"):
            assert getattr(hits, name)[new_hits].tolist() == getattr(all_hits, name)[old_hits].tolist()
    assert hits.energy.size == hits.offsets[-1]
