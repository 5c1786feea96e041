"""Exposure spill by spill, as far as the tables know it: what counts, and what is lost with bad spills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.conditions import Conditions, Quality, SpillFacts
from na64.datasets.conditions.periods import Period
from na64.outputs.result.table import ColumnType, Table
from na64.processors.campaign import CampaignResult
from na64.processors.job import Job

KINDS: dict[str, ColumnType] = {
    "run": ColumnType.COUNT,
    "spill": ColumnType.COUNT,
    "eot_delivered": ColumnType.NUMBER,
    "eot_live": ColumnType.NUMBER,
    "prescale": ColumnType.COUNT,
    "good_fraction": ColumnType.NUMBER,
    "quality": ColumnType.TEXT,
    "read": ColumnType.TEXT,
}
"""Columns of `spills.csv`."""


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
    used = {context.period for context in job.runs.values()}
    known = sum((Conditions(spills=periods[name].spills) for name in sorted(used)), catalogue.conditions)
    listed = {(e.run, e.spill) for e in job.bad.entries if e.spill is not None and e.start is None}
    found = {key: SpillFacts(*key) for key in listed} | known.spills
    asked = sorted(key for key in found if key[0] in job.runs)
    return tuple((_with_quality(found[key], job), reading.of(*key)) for key in asked)


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
    spills : dict of (run, spill) to SpillRead
        Those of which registered files have events.
    gaps : frozenset of int or None
        Runs of files that are registered but not good; None if such a file may be of any run. A spill of
        which no good file has events may be in them.
    """

    spills: Mapping[tuple[int, int], SpillRead]
    gaps: frozenset[int] | None

    def of(self, run: int, spill: int) -> SpillRead:
        """How much of a spill was read: a spill without events was, unless they may be in a bad file."""
        return self.spills.get((run, spill), SpillRead.NOTHING if self.may_lack(run) else SpillRead.ALL)

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
        numbers = {*listed, *(spill for number, spill in self.spills if number == run)}
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
    found: dict[tuple[int, int], SpillRead] = {}
    for record in catalogue.good:
        for (start, stop), spills in zip(record.segments, record.spills, strict=True):
            read = _read_of(start, stop, _events_read(start, stop, done.get(record.sha256, ())))
            for key in ((run, spill) for run, numbers in spills.items() for spill in numbers):
                found[key] = read if found.get(key, read) is read else SpillRead.PART
    lost = [record for record in catalogue.files if not record.is_good]
    gaps = None if any(not record.runs for record in lost) else frozenset(r for f in lost for r in f.runs)
    return SpillReading(found, gaps)


def _events_read(start: int, stop: int, done: Iterable[tuple[int, int]]) -> int:
    """Count the events of a segment that were read; parts of it may be missing anywhere."""
    return sum(end - at for at, end in done if start <= at < stop)


def _read_of(start: int, stop: int, n_read: int) -> SpillRead:
    if n_read == stop - start:
        return SpillRead.ALL
    return SpillRead.PART if n_read else SpillRead.NOTHING


def spills_table(spills: Iterable[tuple[SpillFacts, SpillRead]]) -> Table:
    """One row a spill, by run and spill.

    Parameters
    ----------
    spills : iterable of (SpillFacts, SpillRead)
        Ordered.
    """
    return Table(
        KINDS,
        [
            (
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
