"""Histograms of single runs, from the partial results that a job left behind."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import hist

from na64.outputs.result.histograms import to_hists
from na64.outputs.result.request import read_request, set_up
from na64.processors.campaign import tallies_of
from na64.processors.counting.booking import book
from na64.processors.counting.tally import Tally
from na64.processors.execution.ledger import Ledger
from na64.processors.segments import plan

PARTIALS = "partials"
"""Folder of what was counted, in that of the result."""


def histograms_by_run(folder: Path, names: Collection[str]) -> dict[int, dict[str, hist.Hist[Any]]]:
    """Some histograms of every run.

    Parameters
    ----------
    folder : Path
        Of the result; catalogue and selection are where they were, and `PARTIALS` has not been deleted.
    names : collection of str

    Raises
    ------
    FileNotFoundError
        There is no request, catalogue or folder of partial results.
    ValueError
        Partial results are missing, or code, selection or catalogue are other ones by now.
    """
    if not (folder / PARTIALS).is_dir():
        raise FileNotFoundError(f"{folder.name}: there is no folder {PARTIALS}")
    request = read_request(folder)
    catalogue, job = set_up(folder, request)
    ledger = Ledger(folder / PARTIALS)
    tallies: dict[int, Tally] = {}
    for task in plan(catalogue, job, limit=request.limit):
        partial = ledger.get(task.key)
        if partial is None:
            raise ValueError(
                f"{folder.name}: a part of {Path(task.path).name} is not among the partial results"
            )
        for run, tally in tallies_of(partial).items():
            tallies[run] = tallies[run] + tally if run in tallies else tally
    booking = book(job.selection)
    wanted = set(names)
    return {
        run: {name: h for name, h in to_hists(booking, tallies[run].histograms).items() if name in wanted}
        for run in sorted(tallies)
    }
