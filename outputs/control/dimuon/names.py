"""Files and columns of the dimuon benchmark; without matplotlib, which only drawing needs."""

from __future__ import annotations

from na64.outputs.result.table import Kind

DIMUON = "dimuon.csv"
EFFICIENCIES = "efficiencies.csv"
PEAKS = "muon_peaks.csv"
FACTS = "dimuon.json"
FIGURES = "dimuon"
SCHEMA = 1
"""Version of `FACTS`."""

PEAK_KINDS: dict[str, Kind] = {
    "run": Kind.TEXT,
    "module": Kind.COUNT,
    **dict.fromkeys(("mean", "mean_error", "width", "width_error", "events", "chi2"), Kind.NUMBER),
    "degrees_of_freedom": Kind.COUNT,
}
