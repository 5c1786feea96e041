"""The opened box in the report of a result, from what `na64 unblind` left in its folder."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from na64.outputs.blinding.examination import problems
from na64.outputs.blinding.opened_box import OPENED, UNBLINDED
from na64.outputs.blinding.opened_tables import CANDIDATES
from na64.outputs.report.templates import Section

_MOST = 50
"""Candidates that the report lists."""

_CAPTIONS = {
    "plane": "The opened box before any cut and after all of them; around it the visible events. The guard "
    "band stays closed."
}


def _more(folder: Path) -> dict[str, object]:
    """Give the candidates, and what the log has against the record."""
    try:
        unknown = next(iter(problems(folder)), "")
    except (OSError, ValueError) as error:
        unknown = str(error)
    return {"candidates": list(_candidates(folder / OPENED / CANDIDATES)), "most": _MOST, "unknown": unknown}


def _candidates(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [
        {
            "number": f"{row['run']}:{row['spill']}:{row['event']}",
            "ecal": float(row["ecal"]),
            "hcal": float(row["hcal"]),
        }
        for row in rows
    ]


SECTION = Section("Opened box", "unblind", "na64.outputs.report", UNBLINDED, OPENED, _CAPTIONS, _more)
