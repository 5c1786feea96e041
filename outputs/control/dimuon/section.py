"""The dimuon benchmark in the report, from what `na64 dimuon` and `na64 probe` left in the folder."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.control.dimuon.names import FACTS, FIGURES, PEAKS, PeaksRow
from na64.outputs.report.sections import Section
from na64.outputs.result.table import read_csv

_CAPTIONS = {
    "ratios": "Dimuons of Region I over those expected, by run. Band: all runs together, with the "
    "statistical error; dotted: with that of exposure and production too.",
    "muon_peaks": "Energy of two muons in each HCAL module, with a Gaussian fitted to the core.",
    "muon_peaks_by_run": "The same peaks run by run.",
    "efficiencies": "Share of the events that pass all other cuts which pass this one too, by run against "
    "intensity.",
}


def _peaks(folder: Path) -> dict[str, list[PeaksRow]]:
    """Peaks of all runs together."""
    path = folder / PEAKS
    rows = read_csv(path.read_bytes(), PeaksRow, PEAKS).rows if path.exists() else []
    return {"peaks": [row for row in rows if row.run == "all"]}


SECTION = Section("Dimuons", "dimuon", "na64.outputs.control.dimuon", FACTS, FIGURES, _CAPTIONS, _peaks)
