"""Exposure spill by spill, as far as the tables know it: what counts, and what is lost with bad spills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from na64.datasets.catalogue import Catalogue
from na64.datasets.conditions import Conditions, Quality, SpillFacts
from na64.datasets.periods import Period
from na64.outputs.summary import RunFacts
from na64.outputs.table import Kind, Table
from na64.processors.job import Job

KINDS: dict[str, Kind] = {
    "run": Kind.COUNT,
    "spill": Kind.COUNT,
    "eot_delivered": Kind.NUMBER,
    "eot_live": Kind.NUMBER,
    "quality": Kind.TEXT,
    "read": Kind.TEXT,
}
"""Columns of `spills.csv`."""


def known_spills(catalogue: Catalogue, job: Job, periods: Mapping[str, Period]) -> tuple[SpillFacts, ...]:
    """Give what periods and catalogue know of the spills of a job's runs; a spill on the bad list is bad.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    periods : mapping of str to Period
    """
    used = {context.period for context in job.runs.values()}
    known = sum((Conditions(spills=periods[name].spills) for name in sorted(used)), catalogue.conditions)
    listed = {(e.run, e.spill) for e in job.bad.entries if e.spill is not None and e.start is None}
    found = dict(known.spills) | {
        key: SpillFacts(*key, quality=Quality.BAD) for key in listed - known.spills.keys()
    }
    return tuple(_judged(found[key], job) for key in sorted(found) if key[0] in job.runs)


def _judged(spill: SpillFacts, job: Job) -> SpillFacts:
    if not job.bad.has_spill(spill.run, spill.spill):
        return spill
    return SpillFacts(spill.run, spill.spill, spill.eot_delivered, spill.eot_live, Quality.BAD)


def spills_table(spills: Iterable[SpillFacts], runs: Sequence[RunFacts]) -> Table:
    """One row a spill, by run and spill.

    A spill was read if its whole run was, and was not if none of its run was; where a part of the run is
    missing it is not known which spills that were, and the field stays empty.

    Parameters
    ----------
    spills : iterable of SpillFacts
        Ordered.
    runs : sequence of RunFacts
    """
    read = {run.run: _is_read(run.accounting) for run in runs}
    return Table(
        KINDS,
        [
            (s.run, s.spill, s.eot_delivered, s.eot_live, s.quality.value, read.get(s.run, "no"))
            for s in spills
        ],
    )


def _is_read(accounting: Mapping[str, int]) -> str | None:
    if not accounting["missing"]:
        return "yes"
    return "no" if accounting["missing"] == accounting["recorded"] else None
