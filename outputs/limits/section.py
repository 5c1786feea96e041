"""The limits in the report of a result, from what `na64 limits` left in its folder."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.background.table import BACKGROUND, read_background
from na64.outputs.report.sections import Section
from na64.outputs.result.product_names import BACKGROUNDS, FOLDER, LIMITS

_CAPTIONS = {
    "exclusion": "Upper limits on the mixing, and published ones. Where little background is expected, most "
    "experiments without a signal see nothing and set the same, lowest limit: the band lies above it. With "
    "alpha from Berkeley no dark photon explains the g-2 of the electron at two standard deviations.",
    "exclusion_y_0.1": "Upper limits on y, and the values of the right relic density.",
    "exclusion_y_0.5": "The same for a larger coupling.",
}


def _tables(folder: Path) -> dict[str, object]:
    """Background tables that were used, but for the one that the report has a section of."""
    own = read_background(folder) if (folder / BACKGROUND).exists() else None
    used = [read_background(path) for path in sorted((folder / FOLDER).glob(BACKGROUNDS))]
    return {"tables": [table for table in used if table != own]}


SECTION = Section("Limits", "limits", "na64.outputs.limits", LIMITS, FOLDER, _CAPTIONS, _tables)
