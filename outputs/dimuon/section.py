"""The dimuon benchmark in the report, from what `na64 dimuon` and `na64 probe` left in the folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from na64.outputs.dimuon.files import FACTS, FIGURES, PEAK_KINDS, PEAKS
from na64.outputs.json_file import read_object
from na64.outputs.products import Products
from na64.outputs.table import Value, read_csv
from na64.outputs.templates import fill, pictures

_CAPTIONS = {
    "ratios": "Dimuons of Region I over those expected, by run. Band: all runs together, with the "
    "statistical error; dotted: with that of exposure and production too.",
    "muon_peaks": "Energy of two muons in each HCAL module, with a Gaussian fitted to the core.",
    "muon_peaks_by_run": "The same peaks run by run.",
    "efficiencies": "Share of the events that pass all other cuts which pass this one too, by run against "
    "intensity.",
}


def section(folder: Path, products: Products) -> Markup:
    """Write the section; empty if there is no benchmark here."""
    if not (folder / FACTS).exists():
        return Markup()
    facts = read_object(folder / FACTS)
    return fill(
        files(__package__) / "section.html.j2",
        facts=facts,
        is_current=facts["result"] == dict(products.summary.products),
        peaks=_peaks(folder / PEAKS),
        pictures=pictures(folder / FIGURES, _CAPTIONS),
    )


def _peaks(path: Path) -> list[dict[str, Value]]:
    """Peaks of all runs together."""
    if not path.exists():
        return []
    return [row for row in read_csv(path.read_bytes(), PEAK_KINDS).records() if row["run"] == "all"]
