"""From gathered sums to a calibration: ranges of runs, constants of each, and what it was made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import na64
from na64.datasets.basics.identity import identity
from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.calibration.constants import Calibration, RunRange
from na64.datasets.catalogue.build import Catalogue
from na64.outputs.control.calibration.constants import RangeInput, constants_of
from na64.outputs.control.calibration.measuring import Measurement, measure
from na64.outputs.control.calibration.run_ranges import Jump, find_ranges, followed, stated_ranges
from na64.outputs.result.provenance import code_digest
from na64.processors.calibration.gathering import Gathered
from na64.processors.calibration.samples import SAMPLES
from na64.processors.calibration.sums import Sums
from na64.processors.job import Job


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a calibration.

    Attributes
    ----------
    name : str
    ranges : str
        Stated ranges of runs, ``8701-8704,8705-8710``; empty: they are found.
    per_run : bool
        Every run is a range of its own.
    reference : Calibration or None
        Earlier constants: what is kept, and what signals are compared with.
    least : int
        Entries that a constant needs.
    """

    name: str
    ranges: str = ""
    per_run: bool = False
    reference: Calibration | None = None
    least: int = 50


@dataclass(frozen=True, slots=True)
class Built:
    """A calibration, and what it was made of.

    Attributes
    ----------
    calibration : Calibration
    sums : tuple of Sums
        Of each range.
    measured : tuple of Measurement
        Of each range.
    jumps : tuple of Jump
        Why ranges begin where they do.
    """

    calibration: Calibration
    sums: tuple[Sums, ...]
    measured: tuple[Measurement, ...]
    jumps: tuple[Jump, ...] = field(default=())


def check_wish(job: Job, wish: Wish) -> None:
    """Refuse what cannot be made of the runs of a job, before any event is read.

    Raises
    ------
    ValueError
        Stated ranges do not fit the runs; names the range or the run.
    """
    for group in stated_ranges(wish.ranges, sorted(job.runs)) if wish.ranges else ():
        _of_one_period(job, group)


def build(catalogue: Catalogue, job: Job, gathered: Gathered, wish: Wish) -> Built:
    """Make a calibration of what was gathered.

    Raises
    ------
    ValueError
        Stated ranges do not fit the runs, or the reference does not fit the detectors.
    """
    groups, jumps = _groups(job, gathered, wish)
    parts, sums, measured = [], [], []
    for first, last, runs in groups:
        total = gathered.of_runs(runs)
        part, found = constants_of(total, _input(job, runs, (first, last), wish))
        parts.append(part)
        sums.append(total)
        measured.append(found)
    made_of = dict(_made_of(catalogue, job, gathered, wish, sums))
    return Built(Calibration(wish.name, tuple(parts), made_of), tuple(sums), tuple(measured), tuple(jumps))


_Groups = list[tuple[int, int, tuple[int, ...]]]


def _groups(job: Job, gathered: Gathered, wish: Wish) -> tuple[_Groups, list[Jump]]:
    """First and last run of each range, its runs, and the jumps where ranges begin."""
    runs, jumps = gathered.runs, list[Jump]()
    if wish.ranges:
        return [_of_one_period(job, group) for group in stated_ranges(wish.ranges, runs)], jumps
    if wish.per_run:
        found: list[tuple[int, ...]] = [(run,) for run in runs]
    else:
        followed_runs = (
            (run, job.runs[run].period, followed(_measured(job, run, sums, wish)))
            for run, sums in gathered.by_run()
        )
        found, jumps = find_ranges(followed_runs, len(runs))
    return [(group[0], group[-1], group) for group in found], jumps


def _of_one_period(job: Job, group: tuple[int, int, tuple[int, ...]]) -> tuple[int, int, tuple[int, ...]]:
    periods = sorted({job.runs[run].period for run in group[2]})
    if len(periods) > 1:
        raise ValueError(f"--ranges: runs {group[0]} to {group[1]} are of periods {' and '.join(periods)}")
    return group


def _measured(job: Job, run: int, sums: Sums, wish: Wish) -> Measurement:
    context = job.runs[run]
    return measure(sums, context.setup, context.beam_energy, wish.least)


def _input(job: Job, runs: Sequence[int], ends: tuple[int, int], wish: Wish) -> RangeInput:
    context = job.runs[runs[0]]
    return RangeInput(
        first=ends[0],
        last=ends[1],
        period=context.period,
        setup=context.setup,
        beam_energy=context.beam_energy,
        reference=_reference_of(wish.reference, runs[0]),
        least=wish.least,
    )


def _reference_of(reference: Calibration | None, run: int) -> RunRange | None:
    """Constants that are nearest to a run: those that hold for it, or the last ones before, or the first."""
    if reference is None:
        return None
    before = [part for part in reference.ranges if part.first <= run]
    return before[-1] if before else reference.ranges[0]


def _made_of(
    catalogue: Catalogue, job: Job, gathered: Gathered, wish: Wish, sums: Sequence[Sums]
) -> Iterator[tuple[str, str]]:
    setups = {context.period: context.setup for context in job.runs.values()}
    yield "catalogue", catalogue.identity
    yield "sample", catalogue.kind.value
    yield "production", str(catalogue.good[0].production)
    yield "runs", to_ranges(job.runs)
    yield "periods", ", ".join(f"{name} {identity(setup)[:12]}" for name, setup in sorted(setups.items()))
    yield "selection", f"{job.selection.name} {job.selection.identity}"
    reference = wish.reference
    yield "reference", f"{reference.name} {reference.identity}" if reference else "none"
    yield "ranges", wish.ranges or ("every run" if wish.per_run else "found")
    yield "least_entries", str(wish.least)
    yield "events", ", ".join(f"{name} {_total(sums, name)}" for name in SAMPLES)
    yield "not_read", "; ".join(gathered.failures) or "nothing"
    yield "version", f"na64 {na64.__version__}, code {code_digest()}"


def _total(sums: Sequence[Sums], sample: str) -> int:
    """Events of a sample in which any detector was recorded."""
    return sum(
        max((one.count(name) for name in one.arrays if name.endswith(f".n.{sample}")), default=0)
        for one in sums
    )
