"""The background estimate in the report of a result, from what `na64 background` left in its folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from na64.outputs.json_file import read_object
from na64.outputs.products import Products
from na64.outputs.statistics.background import read_background
from na64.outputs.statistics.background_files import FACTS, FIGURES
from na64.outputs.statistics.sidebands import BEAM_LINE, TARGET
from na64.outputs.templates import fill, pictures

_RANGE = "Shaded: the range of the fits. Hatched: the box, where nobody has looked."
_CAPTIONS = {
    BEAM_LINE.replace(" ", "_"): f"Events with as much energy in the HCAL as in the box, against that in the "
    f"ECAL. {_RANGE}",
    TARGET.replace(" ", "_"): f"Events with as much energy in the ECAL as in the box, against that in the "
    f"HCAL. {_RANGE}",
}


def section(folder: Path, products: Products) -> Markup:
    """Write the section; empty if no background was estimated here."""
    if not (folder / FACTS).exists():
        return Markup()
    facts = read_object(folder / FACTS)
    return fill(
        files(__package__) / "section.html.j2",
        facts=facts,
        is_current=facts["result"] == dict(products.summary.products),
        table=read_background(folder),
        pictures=pictures(folder / FIGURES, _CAPTIONS),
    )
