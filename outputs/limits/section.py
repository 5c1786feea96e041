"""The limits in the report of a result, from what `na64 limits` left in its folder."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from na64.outputs.json_file import read_object
from na64.outputs.limits.names import BACKGROUNDS, FOLDER, LIMITS
from na64.outputs.statistics.background import BACKGROUND, BackgroundTable, read_background
from na64.outputs.templates import fill, pictures

_FIGURES = {
    "exclusion": "Upper limits on the mixing, and published ones. Where little background is expected, most "
    "experiments without a signal see nothing and set the same, lowest limit: the band lies above it. With "
    "alpha from Berkeley no dark photon explains the g-2 of the electron at two standard deviations.",
    "exclusion_y_0.1": "Upper limits on y, and the values of the right relic density.",
    "exclusion_y_0.5": "The same for a larger coupling.",
}


def section(folder: Path, result: str) -> Markup:
    """Write the section; empty if no limits were set here.

    Parameters
    ----------
    folder : Path
    result : str
        sha256 of the result that the report is of.
    """
    if not (folder / LIMITS).exists():
        return Markup()
    limits = read_object(folder / LIMITS)
    own = read_background(folder) if (folder / BACKGROUND).exists() else None
    return fill(
        files(__package__) / "section.html.j2",
        limits=limits,
        is_current=any(source["result"] == result for source in limits["inputs"]),
        tables=[table for table in _tables(folder / FOLDER) if table != own],
        pictures=pictures(folder / FOLDER, _FIGURES),
    )


def _tables(folder: Path) -> list[BackgroundTable]:
    return [read_background(path) for path in sorted(folder.glob(BACKGROUNDS))]
