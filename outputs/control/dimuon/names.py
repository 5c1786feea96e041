"""Files and columns of the dimuon benchmark; without matplotlib, which only drawing needs."""

from __future__ import annotations

from na64.outputs.result.table import ColumnType

DIMUON = "dimuon.csv"
EFFICIENCIES = "efficiencies.csv"
PEAKS = "muon_peaks.csv"
FACTS = "dimuon.json"
FIGURES = "dimuon"
SCHEMA = 1
"""Version of `FACTS`."""

PEAK_KINDS: dict[str, ColumnType] = {
    "run": ColumnType.TEXT,
    "module": ColumnType.COUNT,
    **dict.fromkeys(("mean", "mean_error", "width", "width_error", "events", "chi2"), ColumnType.NUMBER),
    "degrees_of_freedom": ColumnType.COUNT,
}
