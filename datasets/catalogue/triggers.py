"""Events that are registered against triggers that were recorded, where the latter are stated."""

from __future__ import annotations

from collections.abc import Mapping

from na64.datasets.catalogue.records import Catalogue
from na64.datasets.conditions.periods import Period, period_of_run


def differences(catalogue: Catalogue, periods: Mapping[str, Period]) -> dict[int, str]:
    """Find the runs of which the good files have more or fewer events than triggers are stated.

    Parameters
    ----------
    catalogue : Catalogue
    periods : mapping of str to Period
        What they know of a run counts as much as the tables beside the files.

    Returns
    -------
    dict of int to str
        By run, both numbers and the files, in words.
    """
    found = {}
    for run, entries in catalogue.runs.items():
        triggers = _triggers_of(run, catalogue, periods)
        if triggers not in (None, entries):
            found[run] = f"{entries} events in {_files_of(run, catalogue)}, {triggers} triggers are stated"
    return found


def _triggers_of(run: int, catalogue: Catalogue, periods: Mapping[str, Period]) -> int | None:
    stated = catalogue.run_facts.get(run)
    period = period_of_run(run, dict(periods))
    if period is not None:
        return period.facts(run, stated).triggers
    return None if stated is None else stated.triggers


def _files_of(run: int, catalogue: Catalogue) -> str:
    first, *others = sorted(record.name for record in catalogue.files_of_runs[run])
    return f"{first} and {len(others)} more" if others else first
