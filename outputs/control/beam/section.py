"""The beam in the report, from what `na64 beam` left in the folder."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.control.beam.names import FACTS, FIGURES
from na64.outputs.report.sections import Section

_CAPTIONS = {
    "momentum": "Momentum of the tracks of beam triggers, with the Gaussian fitted within two widths.",
    "angle": "Angle of the tracks to the axis; curve: two Gaussian projections of the same median.",
    "srd": "Energy in the counters of the SRD by tag; shaded: the window. The last bin has what is beyond "
    "it.",
    "composition": "Momentum, tagged shares of the beam triggers and efficiency of the SRD by run; band: all "
    "runs.",
}


def _nothing(_folder: Path) -> dict[str, object]:
    return {}


SECTION = Section("Beam", "beam", "na64.outputs.control.beam", FACTS, FIGURES, _CAPTIONS, _nothing)
