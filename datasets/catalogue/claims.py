"""Files of physics runs that are called simulation while nothing in them says so."""

from __future__ import annotations

from collections.abc import Mapping

from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind
from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import Period, period_of_run


def physics_runs_claimed(
    catalogue: Catalogue, periods: Mapping[str, Period], previous: Catalogue | None = None
) -> dict[int, FileRecord]:
    """Physics runs of a catalogue of simulation whose files do not say what was simulated, each with one.

    Parameters
    ----------
    catalogue : Catalogue
    periods : mapping of str to Period
    previous : Catalogue, optional
        What was registered before was claimed then.
    """
    if catalogue.kind is not SampleKind.SIMULATION:
        return {}
    known = {record.sha256 for record in previous.good} if previous is not None else set()
    claimed = [record for record in catalogue.claimed if record.sha256 not in known]
    found = {run: record for record in claimed for run in record.runs}
    return {run: found[run] for run in sorted(found) if _type_of(run, catalogue, periods) is RunType.PHYSICS}


def _type_of(run: int, catalogue: Catalogue, periods: Mapping[str, Period]) -> RunType:
    period = period_of_run(run, dict(periods))
    stated = catalogue.run_facts.get(run)
    return RunType.UNKNOWN if period is None else period.facts(run, stated).type
