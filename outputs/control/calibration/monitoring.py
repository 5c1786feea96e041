"""The monitoring of a catalogue: series, outliers, bad cells, and spills proposed for the bad list."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from na64.datasets.calibration.constants import BadCell
from na64.datasets.conditions.bad_spills import BadList
from na64.outputs.control.calibration.cell_faults import CellCounts, bad_cells
from na64.outputs.control.calibration.followed import (
    BEAM,
    QUIET,
    UNITS,
    Place,
    Rows,
    SpillTotals,
    group_of,
    noise_steps,
    rows_of,
    spills_of,
    together,
)
from na64.outputs.control.calibration.outliers import (
    FALSE_ALARM,
    Limit,
    Outlier,
    Series,
    limit_of,
    outliers_of,
    series_of,
)
from na64.outputs.result.table import Table
from na64.processors.calibration.gathering import Gathered
from na64.processors.calibration.spill_sums import NOISE_STEPS
from na64.processors.job import Job

_MANY_CELLS = 0.25
_MOST_LINES = 40


@dataclass(frozen=True, slots=True, eq=False)
class Monitoring:
    """What the monitoring has found.

    Attributes
    ----------
    by_run, by_spill : tuple of Series
        Quantities along runs, and along spills.
    limit : Limit
    outliers : tuple of Outlier
    bad : tuple of (str, BadCell)
        Runs, and a cell that is dead or noisy in them all.
    proposed : dict of (run, spill) to str
        Spills that beam triggers say are bad and that are on no list, with the reason.
    """

    by_run: tuple[Series, ...]
    by_spill: tuple[Series, ...]
    limit: Limit
    outliers: tuple[Outlier, ...]
    bad: tuple[tuple[str, BadCell], ...]
    proposed: dict[tuple[int, int], str]


def monitor_runs(job: Job, gathered: Gathered) -> Monitoring:
    """Look at every spill, and at every run without the spills that are proposed for the bad list."""
    spills: list[tuple[Place, Rows]] = []
    for run, sums in gathered.by_run():
        setup, group = job.runs[run].setup, group_of(job, run)
        spills += [
            (Place(run, spill, group), rows_of(one, setup)) for spill, one in spills_of(sums, setup).items()
        ]
    by_spill = tuple(series_of(spills))
    first = limit_of(by_spill)
    proposed = propose(outliers_of([one for one in by_spill if one.is_of_beam], first), job.bad)
    runs, totals = _of_runs(job, gathered, proposed)
    by_run = tuple(series_of(runs))
    limit = limit_of((*by_run, *by_spill))
    outliers = tuple(_told_once(outliers_of((*by_run, *by_spill), limit)))
    bad = tuple(
        (f"{listed[0]}-{listed[-1]}" if len(listed) > 1 else str(listed[0]), cell)
        for listed, whole in totals.values()
        for cell in bad_cells(_counts(whole), job.runs[listed[0]].setup.detectors)
    )
    return Monitoring(by_run, by_spill, limit, outliers, bad, propose(outliers, job.bad))


_Totals = dict[str, tuple[list[int], SpillTotals]]


def _of_runs(
    job: Job, gathered: Gathered, left_out: Collection[tuple[int, int]]
) -> tuple[list[tuple[Place, Rows]], _Totals]:
    """Rows of every run without some spills; and by period its runs and the sums of them all."""
    runs: list[tuple[Place, Rows]] = []
    totals: _Totals = {}
    for run, sums in gathered.by_run():
        setup, period = job.runs[run].setup, job.runs[run].period
        kept = {spill: one for spill, one in spills_of(sums, setup).items() if (run, spill) not in left_out}
        whole = together(kept)
        if whole is None:
            continue
        runs.append((Place(run, None, group_of(job, run)), rows_of(whole, setup)))
        if period in totals:
            listed, before = totals[period]
            totals[period] = ([*listed, run], replace(whole, row=before.row + whole.row))
        else:
            totals[period] = ([run], whole)
    return runs, totals


def _told_once(outliers: Sequence[Outlier]) -> Iterator[Outlier]:
    """Outliers without those that follow from others.

    These are cells of a spill of which beam triggers say that it is bad, and spills of a run that is as a
    whole what they are.
    """
    runs = {(o.place.run, o.detector, o.cell, o.quantity) for o in outliers if o.place.spill is None}
    spills = {o.place for o in outliers if o.place.spill is not None and o.detector == BEAM}
    for one in outliers:
        of_run = (one.place.run, one.detector, one.cell, one.quantity) in runs
        if one.place.spill is None or not (of_run or (one.detector != BEAM and one.place in spills)):
            yield one


def _counts(whole: SpillTotals) -> dict[str, CellCounts]:
    """How often cells had something, for the search of bad ones."""
    found = {}
    for name in whole.detectors:
        led = whole.of_cells(name, "led_n")
        n_random, random = whole.events("random", name), whole.of_cells(name, "random_n").copy()
        # Of cells that have something in most events the width tells if it makes pulses.
        kept, quiet = random > n_random / 2, NOISE_STEPS / QUIET
        random[kept] = np.where(noise_steps(whole, name)[kept] > quiet, n_random, 0)
        found[name] = CellCounts(
            n_led=whole.events("led", name),
            led=led,
            particles=whole.of_cells(name, "beam_n"),
            n_random=n_random,
            random=random,
            expected={},
            seen={},
        )
    return found


def propose(outliers: Iterable[Outlier], bad: BadList) -> dict[tuple[int, int], str]:
    """Spills that beam triggers say are bad, with the reason; those on the list already are left out."""
    found: dict[tuple[int, int], list[str]] = {}
    for one in outliers:
        run, spill = one.place.run, one.place.spill
        if one.detector == BEAM and spill is not None and not bad.has_spill(run, spill):
            found.setdefault((run, spill), []).append(str(one))
    return {place: "; ".join(reasons[:3]) for place, reasons in sorted(found.items())}


def proposals_file(found: Monitoring) -> bytes:
    """Proposed spills in the form of a bad list, each with its reason on the line before."""
    lines = [
        "# Proposed by na64 monitor from beam triggers, and applied to nothing: look at each spill, and copy"
    ]
    lines += ["# the lines you agree with into conditions/bad.csv.", "run,spill,start,stop"]
    for (run, spill), reason in found.proposed.items():
        lines += [f"# {reason}", f"{run},{spill},,"]
    return ("\n".join(lines) + "\n").encode()


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """Row of `monitoring.csv`: a quantity of a cell, or of beam triggers, at a place.

    Attributes
    ----------
    place : str
        Run, or run and spill: every run, but of the spills' cells only outliers.
    detector : str
    cell : int or None
    quantity, unit : str
    value, error, usual, z : float or None
    outlier : str
        ``yes`` or nothing.
    """

    place: str
    detector: str
    cell: int | None
    quantity: str
    unit: str
    value: float | None
    error: float | None
    usual: float | None
    z: float | None
    outlier: str


def table_of(found: Monitoring) -> Table[MonitorRow]:
    """Rows of all that was followed by run, of beam triggers by spill, and of the outliers among cells."""
    rows = [row for one in found.by_run for row in _rows(one, found.limit.z, cells=True)]
    rows += [row for one in found.by_spill for row in _rows(one, found.limit.z, cells=one.is_of_beam)]
    return Table(MonitorRow, rows)


def _rows(one: Series, limit: float, *, cells: bool) -> Iterator[MonitorRow]:
    outlier = np.abs(np.nan_to_num(one.z)) > limit
    for row, cell in np.argwhere(np.isfinite(one.value) & (outlier | cells)).tolist():
        yield MonitorRow(
            place=one.places[row].name,
            detector=one.detector,
            cell=None if one.is_of_beam else cell,
            quantity=one.quantity,
            unit=unit_of(one.quantity),
            value=_number(one.value[row, cell]),
            error=_number(one.error[row, cell]),
            usual=_number(one.usual[row, cell]),
            z=_number(one.z[row, cell]),
            outlier="yes" if outlier[row, cell] else "",
        )


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def unit_of(quantity: str) -> str:
    """Unit of a followed quantity."""
    if quantity.endswith("_time"):
        return "ns"
    return UNITS.get(quantity, "1" if quantity.endswith("_cells") else "GeV")


def lines_of(found: Monitoring) -> Iterator[str]:
    """What was looked at, bad cells, outliers by place, and proposed spills, in words."""
    n_runs = len({place.run for one in found.by_run for place in one.places})
    n_spills = len({place for one in found.by_spill for place in one.places})
    yield (
        f"{n_runs} runs, {n_spills} spills; {found.limit.n_looks:,} looks: an outlier is more than "
        f"{found.limit.z:.1f} robust standard deviations away, {FALSE_ALARM:g} expected by chance in all"
    )
    yield from (
        f"runs {runs}: {b.detector} cell {b.cell} is {b.defect.value}: {b.reason}" for runs, b in found.bad
    )
    told = list(outlier_lines(found))
    yield from told[:_MOST_LINES]
    if len(told) > _MOST_LINES:
        yield f"and {len(told) - _MOST_LINES} lines more, all in the table"
    if not found.limit.n_looks:
        yield "nothing could be compared: too few events, runs or spills"
    elif not found.outliers:
        yield "no outliers"
    for (run, spill), reason in found.proposed.items():
        yield f"proposed for the bad list: run {run} spill {spill}: {reason}"


def outlier_lines(found: Monitoring) -> Iterator[str]:
    """Line for every place and subject; one for all cells of a detector where many are outliers."""
    n_cells = {one.detector: one.value.shape[1] for one in found.by_run}
    grouped: dict[tuple[Place, str], list[Outlier]] = {}
    for one in found.outliers:
        grouped.setdefault((one.place, one.detector), []).append(one)
    for (place, detector), listed in grouped.items():
        kind = "run" if place.spill is None else "spill"
        cells = sorted({one.cell for one in listed if one.cell is not None})
        if detector != BEAM and len(cells) > max(1, _MANY_CELLS * n_cells[detector]):
            many = f"{len(cells)} of {n_cells[detector]} cells of {detector}"
            yield f"{kind} {place.name}: {many}, as {listed[0]}"
            continue
        for subject in dict.fromkeys(one.subject for one in listed):
            yield f"{kind} {place.name}: {subject}: " + "; ".join(
                str(one) for one in listed if one.subject == subject
            )


def to_csv(found: Monitoring) -> bytes:
    """Text of `monitoring.csv`."""
    return table_of(found).to_csv()


def bad_cells_file(found: Monitoring) -> bytes:
    """Bad cells as a table: runs, detector, cell, defect and reason."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("runs", "detector", "cell", "defect", "reason"))
    writer.writerows((runs, b.detector, b.cell, b.defect.value, b.reason) for runs, b in found.bad)
    return text.getvalue().encode()
