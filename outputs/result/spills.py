"""Exposure spill by spill, as far as the tables know it: what counts, and what is lost with bad spills."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate

from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.conditions import Conditions, Quality, SpillFacts, join_conditions
from na64.datasets.conditions.periods import Period
from na64.outputs.result.table import Table
from na64.processors.campaign import CampaignResult
from na64.processors.job import Job


@dataclass(frozen=True, slots=True)
class SpillsRow:
    """Row of `spills.csv`: a spill.

    Attributes
    ----------
    run, spill : int
    eot_delivered, eot_live : float or None
        Electrons on target.
    prescale : int or None
        Of the physics trigger: one in so many was recorded.
    good_fraction : float or None
        Part of its exposure that is outside its bad events.
    quality, read : str
        Value of a `Quality`, and of a `SpillRead`.
    """

    run: int
    spill: int
    eot_delivered: float | None
    eot_live: float | None
    prescale: int | None
    good_fraction: float | None
    quality: str
    read: str


def known_spills(
    catalogue: Catalogue, job: Job, periods: Mapping[str, Period], result: CampaignResult
) -> tuple[tuple[SpillFacts, SpillRead], ...]:
    """What tables know of the spills of a job's runs, and how much of each was read.

    A spill on the bad list is bad. One that only the files have is not named: its events may all be hidden.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    periods : mapping of str to Period
    result : CampaignResult
    """
    reading = read_spills(catalogue, result)
    known = stated_spills(catalogue, job, periods)
    listed = {(e.run, e.spill) for e in job.bad.entries if e.spill is not None and e.start is None}
    found = {key: SpillFacts(*key) for key in listed} | known
    asked = sorted(key for key in found if key[0] in job.runs)
    return tuple((_with_quality(found[key], job), reading.of(*key)) for key in asked)


def stated_spills(
    catalogue: Catalogue, job: Job, periods: Mapping[str, Period]
) -> dict[tuple[int, int], SpillFacts]:
    """What the tables beside the files and those of a job's periods say of spills, by run and spill.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    periods : mapping of str to Period
    """
    used = sorted({context.period for context in job.runs.values()})
    parts = [Conditions(spills=periods[name].spills) for name in used]
    return join_conditions([catalogue.conditions, *parts]).spills


def _with_quality(spill: SpillFacts, job: Job) -> SpillFacts:
    if not job.bad.has_spill(spill.run, spill.spill):
        return spill
    return replace(spill, quality=Quality.BAD)


class SpillRead(StrEnum):
    """How much of a spill was read."""

    ALL = "yes"
    PART = "part"
    NOTHING = "no"


@dataclass(frozen=True, slots=True)
class SpillReading:
    """Which spills were read.

    Attributes
    ----------
    spills : dict of int to dict of int to SpillRead
        By run and spill, those of which registered files have events.
    gaps : frozenset of int or None
        Runs of files that are registered but not good; None if such a file may be of any run. A spill of
        which no good file has events may be in them.
    """

    spills: Mapping[int, Mapping[int, SpillRead]]
    gaps: frozenset[int] | None

    def of(self, run: int, spill: int) -> SpillRead:
        """How much of a spill was read: a spill without events was, unless they may be in a bad file."""
        read = self.spills.get(run, {}).get(spill)
        if read is not None:
            return read
        return SpillRead.NOTHING if self.may_lack(run) else SpillRead.ALL

    def may_lack(self, run: int) -> bool:
        """Whether a file that is not good may have events of a run."""
        return self.gaps is None or run in self.gaps

    def unread(self, run: int, listed: Iterable[int]) -> frozenset[int] | None:
        """Return the spills of a run that were not read; None if of any only a part was.

        Parameters
        ----------
        run : int
        listed : iterable of int
            Spills that tables know of.
        """
        numbers = {*listed, *self.spills.get(run, ())}
        found = {spill: self.of(run, spill) for spill in sorted(numbers)}
        if SpillRead.PART in found.values():
            return None
        return frozenset(spill for spill, read in found.items() if read is SpillRead.NOTHING)


def read_spills(catalogue: Catalogue, result: CampaignResult) -> SpillReading:
    """Find out which spills were read, from the ranges that were.

    Parameters
    ----------
    catalogue : Catalogue
    result : CampaignResult
    """
    done: dict[str, list[tuple[int, int]]] = {}
    for sha256, start, stop in result.read:
        done.setdefault(sha256, []).append((start, stop))
    found: dict[int, dict[int, SpillRead]] = {}
    for record in catalogue.good:
        counts = _events_read(record.segments, sorted(done.get(record.sha256, ())))
        for (start, stop), n_read, spills in zip(record.segments, counts, record.spills, strict=True):
            read = _read_of(start, stop, n_read)
            for run, numbers in spills.items():
                of_run = found.setdefault(run, {})
                for spill in numbers:
                    of_run[spill] = read if of_run.get(spill, read) is read else SpillRead.PART
    lost = [record for record in catalogue.files if not record.is_good]
    gaps = None if any(not record.runs for record in lost) else frozenset(r for f in lost for r in f.runs)
    return SpillReading(found, gaps)


def _events_read(segments: Sequence[tuple[int, int]], done: Sequence[tuple[int, int]]) -> list[int]:
    """Count the events of each segment that were read, of ordered ranges; parts may be missing anywhere."""
    starts = [start for start, _ in done]
    totals = [0, *accumulate(stop - start for start, stop in done)]
    return [
        totals[bisect_left(starts, stop)] - totals[bisect_left(starts, start)] for start, stop in segments
    ]


def _read_of(start: int, stop: int, n_read: int) -> SpillRead:
    if n_read == stop - start:
        return SpillRead.ALL
    return SpillRead.PART if n_read else SpillRead.NOTHING


def spills_table(spills: Iterable[tuple[SpillFacts, SpillRead]]) -> Table[SpillsRow]:
    """One row a spill, by run and spill.

    Parameters
    ----------
    spills : iterable of (SpillFacts, SpillRead)
        Ordered.
    """
    return Table(
        SpillsRow,
        [
            SpillsRow(
                spill.run,
                spill.spill,
                spill.eot_delivered,
                spill.eot_live,
                spill.prescale,
                spill.good_fraction,
                spill.quality.value,
                read.value,
            )
            for spill, read in spills
        ],
    )
