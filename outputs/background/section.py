"""The background estimate in the report of a result, from what `na64 background` left in its folder."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.background.names import FACTS, FIGURES
from na64.outputs.background.sidebands import BEAM_LINE, TARGET
from na64.outputs.background.table import BACKGROUND, read_background
from na64.outputs.report.sections import Section
from na64.selections.planes import ENERGIES

_RANGE = (
    "Shaded: the range of the fit, and darker what a fit without the bins next to the guard predicts for "
    "them. Hatched: the box, where nobody has looked."
)
_X, _Y = (name.upper() for name in ENERGIES)
_CAPTIONS = {
    BEAM_LINE.replace(" ", "_"): f"Events with as much energy in the {_Y} as in the box, against that in the "
    f"{_X}. {_RANGE}",
    TARGET.replace(" ", "_"): f"Events with as much energy in the {_X} as in the box, against that in the "
    f"{_Y}. {_RANGE}",
    "leading_neutrons": "Events with all edges of the box but that in R, by R. Hatched: the box; dashed: "
    "the end of its guard band.",
}


def _table(folder: Path) -> dict[str, object]:
    return {"table": read_background(folder)}


SECTION = Section(
    "Background", "background", "na64.outputs.background", FACTS, FIGURES, _CAPTIONS, _table, (BACKGROUND,)
)
