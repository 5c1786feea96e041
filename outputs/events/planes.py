"""Cells of detectors drawn side by side, the energy in each as colour and number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from na64.datasets.instrument.roles import CALORIMETER, MODULES
from na64.outputs.events.event_record import EventRecord
from na64.outputs.report.style import CLOSED, COUNTS, INK, QUIET

SCALE = LogNorm(0.03, 100.0, clip=True)
"""GeV in a cell, the same for every event, so that pictures can be compared."""

EMPTY = "#f4f4f2"
_COLOURS: LinearSegmentedColormap = COUNTS
_DARK = 3.0  # GeV, above which numbers are white


@dataclass(frozen=True, slots=True, eq=False)
class CellPlane:
    """One plane or module of a detector in one event.

    Attributes
    ----------
    title : str
    energy, in_time : (n_x, n_y) float64, GeV
    marked : tuple of int or None
        The cell that is outlined: where the beam hits.
    """

    title: str
    energy: NDArray[np.float64]
    in_time: NDArray[np.float64]
    marked: tuple[int, int] | None = None


def planes_of(record: EventRecord, detector: str) -> list[CellPlane]:
    """Planes or modules of a detector; none if the file has no such detector."""
    if detector not in record.cells:
        return []
    table, shape = record.cells[detector], record.setup.detectors[detector].shape
    energy, in_time = table.energy.reshape(shape), table.in_time.reshape(shape)
    titles, marked = _names(record, detector)
    found = zip(titles, energy, in_time, strict=True)
    return [CellPlane(title, at_any_time, now, marked) for title, at_any_time, now in found]


def _names(record: EventRecord, detector: str) -> tuple[list[str], tuple[int, int] | None]:
    n_planes, n_x, n_y = record.setup.detectors[detector].shape
    if detector == CALORIMETER:
        return ["preshower", CALORIMETER.upper()], record.setup.beam_cell
    if detector == MODULES:
        return [f"{MODULES.upper()} {n}" for n in range(n_planes)], (n_x // 2, n_y // 2)
    return [detector.upper()] * n_planes, None


def draw_plane(
    axes: Axes,
    plane: CellPlane,
    *,
    at: tuple[float, float] = (0.0, 0.0),
    pitch: float = 1.0,
    size: float = 0.0,
) -> None:
    """Draw a plane with its lower left corner at a place, with numbers of a font size, or without.

    The colour is the energy in time; a cell with energy at other times only is hatched.
    """
    n_x, n_y = plane.energy.shape
    for ix, iy in np.ndindex(n_x, n_y):
        corner = (at[0] + ix * pitch, at[1] + iy * pitch)
        in_time, energy = float(plane.in_time[ix, iy]), float(plane.energy[ix, iy])
        colour = _COLOURS(SCALE(in_time)) if in_time > 0 else EMPTY
        axes.add_patch(Rectangle(corner, pitch, pitch, facecolor=colour, edgecolor="white", linewidth=0.8))
        late = energy - in_time
        if late > 0:
            mark = Rectangle(corner, pitch, pitch, fill=False, edgecolor=CLOSED, linewidth=0, hatch="//////")
            axes.add_patch(mark)
        if size and energy > 0:
            centre = (corner[0] + pitch / 2, corner[1] + pitch / 2)
            _write(axes, centre, in_time, energy, size=size)
    if plane.marked is not None:
        corner = (at[0] + plane.marked[0] * pitch, at[1] + plane.marked[1] * pitch)
        axes.add_patch(Rectangle(corner, pitch, pitch, fill=False, edgecolor=INK, linewidth=1.1))
    frame = Rectangle(at, n_x * pitch, n_y * pitch, fill=False, edgecolor=QUIET, linewidth=0.7)
    axes.add_patch(frame)


def _write(axes: Axes, centre: tuple[float, float], in_time: float, energy: float, *, size: float) -> None:
    shown = in_time if in_time > 0 else energy
    colour = CLOSED if in_time <= 0 else "white" if in_time > _DARK else INK
    text = axes.text(*centre, short(shown), fontsize=size, color=colour)
    text.set(ha="center", va="center")
    if in_time <= 0:
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})


def short(energy: float) -> str:
    """Write an energy (GeV) in three letters or so."""
    if energy >= 9.95:
        return f"{energy:.0f}"
    return f"{energy:.1f}" if energy >= 0.95 else f"{energy:.2f}".removeprefix("0")
