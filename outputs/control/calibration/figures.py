"""Figures of a calibration: constants by cell, times before and after, and the shower of electrons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.datasets.calibration.constants import CellValues, Quantity, RunRange, unit_of
from na64.datasets.instrument.detector import Setup
from na64.outputs.control.calibration.shower_profile import MeanShower, expected_share
from na64.outputs.report.style import ACCENT, CLOSED, HEADING, INK, QUIET, stamp, stamp_figure
from na64.processors.calibration.cell_sums import DELAY_BIN, DELAY_LOW, N_DELAYS
from na64.processors.calibration.sums import Sums

_COLOURS = (ACCENT, CLOSED, "#1d6b3a", "#8a5a00", "#5b3a8c", "#333333")
_MARKERS = "osD^v*"
MOST_RANGES = len(_COLOURS)
"""Ranges of runs that are drawn; of more the first and the last."""

_SHOWN = 20.0


def chosen_ranges(ranges: Sequence[RunRange]) -> list[RunRange]:
    """Ranges that are drawn."""
    half = MOST_RANGES // 2
    return list(ranges) if len(ranges) <= MOST_RANGES else [*ranges[:half], *ranges[-half:]]


def constants_figure(
    ranges: Sequence[RunRange], detector: str, quantities: Sequence[Quantity], label: str
) -> Figure:
    """Quantities against the cell, one below the other; hollow points are kept and not measured."""
    figure = Figure(figsize=(11, 2.1 * len(quantities) + 0.9 + HEADING), layout="constrained")
    axes = figure.subplots(len(quantities), 1, sharex=True, squeeze=False)[:, 0]
    for place, quantity in zip(axes, quantities, strict=True):
        is_empty = True
        for number, part in enumerate(ranges):
            if detector in part.detectors and quantity in part.detectors[detector].values:
                shift = 0.6 * ((number + 0.5) / len(ranges) - 0.5)
                values = part.detectors[detector].values[quantity]
                unset = quantity is Quantity.SIGMA
                is_empty &= not _points(
                    place, values, f"runs {part.covers}", number=number, shift=shift, unset=unset
                )
        unit = unit_of(quantity)
        place.set_ylabel(quantity.value if unit == "1" else f"{quantity.value} [{unit}]", fontsize=10)
        place.tick_params(labelsize=9)
        place.ticklabel_format(axis="y", useOffset=False)
        place.margins(x=0.02, y=0.15)
        if is_empty:
            place.set_yticks([])
            place.text(
                0.5, 0.5, "not measured", transform=place.transAxes, ha="center", va="center", color=QUIET
            )
    axes[0].legend(fontsize=9, ncols=6, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    number_cells(axes[-1].xaxis)
    axes[-1].set_xlabel(f"cell of {detector.upper()}", fontsize=10)
    stamp_figure(figure, label, right=detector.upper())
    return figure


def number_cells(axis: Axis) -> None:
    """Marks of an axis of cells, which are whole numbers."""
    axis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axis.set_minor_locator(NullLocator())


def _points(axes: Axes, values: CellValues, label: str, *, number: int, shift: float, unset: bool) -> bool:
    """Draw the values of the cells, if there are any: zeros that stand for "not set" are left out."""
    cells = np.arange(len(values.values)) + shift
    value, error = np.array(values.values), np.array(values.errors)
    measured = np.array([values.is_measured(cell) for cell in range(len(value))])
    kept = ~measured & ~(unset & (value == 0))
    colour, marker = _COLOURS[number % MOST_RANGES], _MARKERS[number % MOST_RANGES]
    usual = {"fmt": marker, "ms": 3.5, "color": colour, "lw": 0.8}
    axes.errorbar(cells[measured], value[measured], error[measured], label=label, **usual)  # type: ignore[arg-type]
    if kept.any():
        axes.plot(cells[kept], value[kept], marker, ms=4, mfc="none", mec=QUIET, mew=0.8)
    return bool(measured.any() or kept.any())


def delays_figure(sums: Sequence[Sums], ranges: Sequence[RunRange], detector: str, label: str) -> Figure:
    """Delays of all cells together, as recorded and less the delay of each cell."""
    before, after = np.zeros(N_DELAYS), np.zeros(N_DELAYS)
    for total, part in zip(sums, ranges, strict=True):
        if detector in part.detectors:
            own = _shifted(total, part, detector)
            before, after = before + own[0], after + own[1]
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.subplots()
    edges = DELAY_LOW + DELAY_BIN * np.arange(N_DELAYS + 1)
    shown = np.abs(edges[:-1]) <= _SHOWN
    for counts, colour, style, name in (
        (before, QUIET, "--", "as recorded"),
        (after, ACCENT, "-", "less the delay of each cell"),
    ):
        axes.stairs(
            counts[shown],
            [*edges[:-1][shown], edges[:-1][shown][-1] + DELAY_BIN],
            color=colour,
            ls=style,
            label=name,
        )
    axes.set_xlabel("time less the expected one [ns]")
    axes.set_ylabel(f"pulses / {DELAY_BIN:g} ns")
    axes.margins(x=0)
    axes.set_ylim(0, 1.25 * max(before.max(), after.max(), 1))
    axes.legend(fontsize=9, loc="upper left")
    stamp(axes, label, right=detector.upper())
    return figure


def _shifted(total: Sums, part: RunRange, detector: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    before, after = np.zeros(N_DELAYS), np.zeros(N_DELAYS)
    delays = part.detectors[detector].values[Quantity.DELAY].values
    histogram = total.histogram(f"{detector}.delay")
    cell, place = np.divmod(histogram.keys, N_DELAYS)
    np.add.at(before, place, histogram.counts)
    steps = np.rint(np.array(delays)[cell] / DELAY_BIN).astype(np.int64)
    inside = (place - steps >= 0) & (place - steps < N_DELAYS)
    np.add.at(after, (place - steps)[inside], histogram.counts[inside])
    return before, after


def shower_figure(shower: MeanShower, setup: Setup, part: RunRange, beam_energy: float, label: str) -> Figure:
    """Share of the energy in each cell against the distance of its middle from the impact point."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    pitch = setup.cell_pitch
    distance = np.hypot(*(shower.offsets[None] - shower.place[:, None]).transpose(2, 0, 1)) * pitch
    used = np.broadcast_to(~shower.ignored, distance.shape)
    axes.errorbar(
        distance[used],
        shower.share[used],
        shower.error[used],
        fmt="o",
        ms=3,
        color=INK,
        lw=0.7,
        label="beam electrons, by impact point",
    )
    growth = np.log(beam_energy)
    for template, colour, marker, name in (
        (setup.template, QUIET, "x", "template of the period"),
        (part.template, CLOSED, "+", "fitted template"),
    ):
        if template is not None:
            core, tail = (
                template.core + template.core_slope * growth,
                template.tail + template.tail_slope * growth,
            )
            expected = expected_share(shower, pitch, core, tail, template.core_fraction)
            (points,) = axes.plot(distance[used], expected[used], marker, label=name, color=colour)
            points.set(markersize=5, markeredgewidth=1, zorder=3)
    axes.set_yscale("log")
    axes.set_ylim(bottom=1e-4, top=2)
    axes.set_xlabel("middle of the cell from the impact point [mm]")
    axes.set_ylabel("share of the energy")
    axes.legend(fontsize=9)
    stamp(axes, label, right=f"ECAL, runs {part.covers}")
    return figure
