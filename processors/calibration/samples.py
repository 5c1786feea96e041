"""Cells of the visible events of each sample that calibration and monitoring look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Cells, EventColumns
from na64.datasets.instrument.detector import Setup
from na64.processors.counting.counting import apply_cuts
from na64.processors.events.visible_events import visible_events
from na64.processors.features.rows import take_rows
from na64.processors.features.single_cells import CellTable, cell_tables
from na64.processors.job import FileContext, Job
from na64.selections.selection import Selection

SAMPLES = ("beam", "electrons", "muons", "random", "led", "physics")
"""Cuts that the selection of a calibration has; each is a sample by itself."""

_BLOCK = 1 << 13  # events; the cells of more would take hundreds of megabytes

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SampledCells:
    """Cells of some visible events of one run, under the period's own scale and without its pedestal cut.

    Attributes
    ----------
    run : int
    spill : (n_events,) int64
    samples : dict of str to (n_events,) bool
        By `SAMPLES`.
    cells : dict of str to CellTable
        By detector; energies in GeV, delays in ns.
    present : dict of str to (n_events,) bool
        Events in which a detector was recorded.
    values : (n_features, n_events) float32
        Rows as in ``selection.index``.
    """

    run: int
    spill: NDArray[np.int64]
    samples: Mapping[str, Mask]
    cells: Mapping[str, CellTable]
    present: Mapping[str, Mask]
    values: NDArray[np.float32]


def check_samples(selection: Selection) -> None:
    """Refuse a selection that does not say what every sample is.

    Raises
    ------
    ValueError
        A sample is missing, or a cut is none; names it.
    """
    for name in SAMPLES:
        if name not in selection.cut_names:
            raise ValueError(
                f"selection {selection.name}: has no cut {name}, which is a sample of its own here"
            )
    for name in selection.cut_names:
        if name not in SAMPLES:
            raise ValueError(
                f"selection {selection.name}: cut {name} is none of the samples {', '.join(SAMPLES)}"
            )


def bare(setup: Setup) -> Setup:
    """Set-up of a period without pedestal cuts, which would hide what is to be measured."""
    return setup.with_detectors(
        *(replace(detector, pedestal=-np.inf) for detector in setup.detectors.values())
    )


def sampled_cells(events: EventColumns, job: Job, file: FileContext) -> Iterator[SampledCells]:
    """Yield the cells of the visible events that are in a sample, some thousand events at a time.

    Whatever is hidden is gone before a cell is looked at.

    Parameters
    ----------
    events : EventColumns
    job : Job
        Whose selection has `SAMPLES` for cuts.
    file : FileContext
        Where the events are from.
    """
    for part in visible_events(events, job, file):
        selection = job.selection_in(part.run)
        values = part.values[: len(selection.index)]  # what variations change comes after
        failed = apply_cuts(selection, values).failed
        passed = {name: (failed & (1 << bit)) == 0 for bit, name in enumerate(selection.cut_names)}
        wanted = np.flatnonzero(np.logical_or.reduce([passed[name] for name in SAMPLES]))
        rows = np.zeros(0, np.int64) if part.rows is None else part.rows
        for start in range(0, len(wanted), _BLOCK):
            chosen = wanted[start : start + _BLOCK]
            block = take_rows(events, rows[chosen])
            layout = job.layouts[file.layout]
            setup = bare(job.runs[part.run].uncalibrated or job.runs[part.run].setup)
            yield SampledCells(
                run=part.run,
                spill=block.event["spill"].astype(np.int64),
                samples={name: passed[name][chosen] for name in SAMPLES},
                cells=cell_tables(
                    block, setup, residual_times=layout.time_is_residual, absent_nan=layout.absent_nan
                ),
                present={name: _present(block, name) for name in block.detectors},
                values=values[:, chosen],
            )


def _present(events: EventColumns, name: str) -> Mask:
    """Events in which a detector was recorded: its energies are numbers."""
    columns = events.detectors[name]
    if not isinstance(columns, Cells):
        return np.ones(events.n_events, bool)
    return np.asarray(np.isfinite(columns.energy).all(axis=1), bool)
