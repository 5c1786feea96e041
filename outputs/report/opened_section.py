"""The opened box in the report of a result, from what `na64 unblind` left in its folder."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from na64.datasets.basics.named import named
from na64.outputs.blinding.examination import problems
from na64.outputs.blinding.names import OPENED, UNBLINDED
from na64.outputs.blinding.opened_tables import CANDIDATES, PLANE_TABLE, CandidatesRow, read_plane
from na64.outputs.report.sections import Section
from na64.outputs.result.table import columns_of, read_csv
from na64.processors.unblinded_counts import NUMBERS
from na64.selections.planes import ENERGIES

_MOST = 50
"""Candidates that the report lists."""

_CAPTIONS = {
    "plane": "The opened box before any cut and after all of them; around it the visible events. The guard "
    "band stays closed."
}


def _more(folder: Path) -> dict[str, object]:
    """Candidates, and what the log has against the record."""
    try:
        unknown = next(iter(problems(folder)), "")
    except (OSError, ValueError) as error:
        unknown = str(error)
    names = _plane_features(folder / OPENED / PLANE_TABLE)
    candidates = list(_candidates(folder / OPENED / CANDIDATES, names))
    return {"candidates": candidates, "features": names, "most": _MOST, "unknown": unknown}


def _plane_features(path: Path) -> tuple[str, ...]:
    """Features of the opened plane, which candidates are listed by."""
    if not path.exists():
        return ENERGIES
    return read_plane(path.read_bytes(), path.name).groups["corner"]


def _candidates(path: Path, names: tuple[str, ...]) -> list[dict[str, object]]:
    """Read the numbers and some features of the events that pass all cuts."""
    if not path.exists():
        return []
    data = path.read_bytes()
    with named(path.name):
        header = next(csv.reader(io.StringIO(data.decode())), [])
        for name in (*NUMBERS, *names):
            if name not in header:
                raise ValueError(f'no column "{name}"')
        features = tuple(name for name in header if name not in columns_of(CandidatesRow))
        return [
            {
                "number": f"{row.run}:{row.spill}:{row.event}",
                "values": [row.features.get(name, 0.0) for name in names],
            }
            for row in read_csv(data, CandidatesRow, path.name, {"features": features}).rows
        ]


SECTION = Section("Opened box", "unblind", "na64.outputs.report", UNBLINDED, OPENED, _CAPTIONS, _more)
