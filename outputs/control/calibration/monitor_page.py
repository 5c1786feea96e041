"""The page of a monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.datasets.catalogue.build import Catalogue
from na64.outputs.control.calibration.figures import number_cells
from na64.outputs.control.calibration.heading import origin_of
from na64.outputs.control.calibration.monitoring import Monitoring, outlier_lines, unit_of
from na64.outputs.control.calibration.outliers import FALSE_ALARM, Series
from na64.outputs.control.calibration.sections import PageHead, PageSection, PageTable, drawn, write_html
from na64.outputs.report.display import Display, display_of_features
from na64.outputs.report.drawing import Make
from na64.outputs.report.style import ACCENT, CLOSED, HEADING, INK, QUIET, stamp_figure

_CELL_QUANTITIES = ("signal", "time", "occupancy", "led", "noise_occupancy", "noise")
_MOST_SPILLS = 1500
_MOST_ROWS = 200


def write_page(path: Path, catalogue: Catalogue, found: Monitoring, label: str) -> Path:
    """Draw the figures of a monitoring beside a page, and write that.

    Parameters
    ----------
    path : Path
        Of the page.
    catalogue : Catalogue
    found : Monitoring
    label : str
        Above figures.
    """
    folder = path.parent / "plots"
    detectors = list(dict.fromkeys(one.detector for one in found.by_run if not one.is_of_beam))
    sections = [
        PageSection("Outliers", (_about(found),), tuple(_tables(found))),
        PageSection("Beam triggers", (), (), drawn(folder, [_beam(found, label)])),
        *(
            PageSection(name.upper(), (), (), drawn(folder, [_cells(found, name, label)]))
            for name in detectors
        ),
    ]
    n_runs = len({place.run for one in found.by_run for place in one.places})
    text = (
        "Beam, random and light-pulser triggers against run and spill. Of data only visible events were "
        "looked at, and nothing here changes a result."
    )
    head = PageHead(
        title="Monitoring",
        eyebrow=f"{origin_of(catalogue)} · {n_runs} runs",
        lede=(text,),
        footer=f"Catalogue {catalogue.identity}",
    )
    return write_html(path, head, sections)


def _about(found: Monitoring) -> str:
    return (
        f"{found.limit.n_looks:,} values were compared with those of other runs or spills. An outlier is "
        f"more than {found.limit.z:.1f} robust standard deviations away: {FALSE_ALARM:g} by chance in all."
    )


def _tables(found: Monitoring) -> Iterator[PageTable]:
    bad = [(runs, b.detector, str(b.cell), b.defect.value, b.reason) for runs, b in found.bad]
    if bad:
        yield PageTable("Bad cells in all runs", ("runs", "detector", "cell", "defect", "reason"), bad)
    lines = [tuple(line.split(": ", 1)) for line in outlier_lines(found)]
    if lines:
        yield PageTable("Outliers", ("where", "what"), lines[:_MOST_ROWS])
    proposed = [(str(run), str(spill), reason) for (run, spill), reason in found.proposed.items()]
    if proposed:
        caption = "Proposed for the bad list, by beam triggers; in proposed_bad.csv"
        yield PageTable(caption, ("run", "spill", "reason"), proposed[:_MOST_ROWS])


def _beam(found: Monitoring, label: str) -> tuple[str, str, Make]:
    series = [one for one in _along(found) if one.is_of_beam and np.isfinite(one.value).any()]
    caption = "Beam triggers along spills; energies and momentum are geometric means, circles outliers."
    return "beam", caption, partial(beam_figure, series, found.limit.z, label)


def _cells(found: Monitoring, name: str, label: str) -> tuple[str, str, Make]:
    series = [
        one
        for quantity in _CELL_QUANTITIES
        for one in _along(found)
        if (one.detector, one.quantity) == (name, quantity) and np.isfinite(one.z).any()
    ]
    caption = (
        f"{name.upper()}: distance of every cell from its median in robust standard deviations, against "
        f"{'spill' if series and series[0].places[0].spill is not None else 'run'}."
    )
    return f"{name}_cells", caption, partial(cells_figure, series, name, found.limit.z, label)


def _along(found: Monitoring) -> Sequence[Series]:
    """Spills, or runs if there are too many spills for a figure."""
    n_spills = max((len(one.places) for one in found.by_spill), default=0)
    return found.by_spill if n_spills <= _MOST_SPILLS else found.by_run


def beam_figure(series: Sequence[Series], limit: float, label: str) -> Figure:
    """Quantities of beam triggers along spills, two a row."""
    n_rows = max((len(series) + 1) // 2, 1)
    figure = Figure(figsize=(12, 1.75 * n_rows + 0.4 + HEADING), layout="constrained")
    grid = figure.subplots(n_rows, 2, squeeze=False, sharex=True).ravel()
    display = display_of_features({one.quantity: unit_of(one.quantity) for one in series})
    for axes, one in zip(grid, series, strict=False):
        value, error, x = *_in_display(one, display), np.arange(len(one.places))
        outlier = np.abs(np.nan_to_num(one.z[:, 0])) > limit
        axes.errorbar(x, value, error, fmt="o", ms=2.5, lw=0.7, color=ACCENT)
        axes.plot(x[outlier], value[outlier], "o", mfc="none", mec=CLOSED, ms=9, mew=1.3)
        title = display.axis_label(one.quantity, f"{one.quantity} [{unit_of(one.quantity)}]")
        axes.set_title(title, loc="left", fontsize=10, pad=3)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.02, y=0.2)
        _mark_runs(axes, one)
    for axes in grid[len(series) :]:
        axes.set_axis_off()
    stamp_figure(figure, label, right="beam triggers; circles: outliers")
    return figure


def _in_display(one: Series, display: Display) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value, error = (display.values(one.quantity, part[:, 0]) for part in (one.value, one.error))
    return value, error


def cells_figure(series: Sequence[Series], name: str, limit: float, label: str) -> Figure:
    """Distances of cells, one map a quantity."""
    n_rows = max(len(series), 1)
    figure = Figure(figsize=(12, 1.9 * n_rows + 0.6 + HEADING), layout="constrained")
    grid = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    norm = TwoSlopeNorm(0, -2 * limit, 2 * limit)
    for axes, one in zip(grid, series, strict=False):
        image = axes.imshow(
            one.z.T, aspect="auto", origin="lower", cmap="RdBu_r", norm=norm, interpolation="nearest"
        )
        axes.set_facecolor("#e6e6e1")
        axes.set_title(one.quantity.replace("_", " "), loc="left", fontsize=10, pad=3)
        axes.set_ylabel(f"cell of {name.upper()}", fontsize=9)
        axes.tick_params(labelsize=8)
        number_cells(axes.yaxis)
        _mark_runs(axes, one)
        bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=[-limit, 0, limit])
        bar.ax.set_yticklabels([f"-{limit:.1f}", "0", f"{limit:.1f}"], fontsize=8)
        bar.ax.minorticks_off()
    if not series:
        grid[0].set_axis_off()
        grid[0].text(0.5, 0.5, "too few entries", ha="center", color=QUIET)
    right = f"{name.upper()}; distance from the median of each cell in standard deviations"
    stamp_figure(figure, label, right=right)
    return figure


def _mark_runs(axes: Axes, one: Series) -> None:
    """Lines between runs, and their numbers."""
    runs = [place.run for place in one.places]
    firsts = [n for n, run in enumerate(runs) if n == 0 or runs[n - 1] != run]
    step = max(1, len(firsts) // 12)
    axes.set_xticks(firsts[::step], [str(runs[n]) for n in firsts[::step]])
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    for n in firsts[1:] if len(firsts) < 100 else ():
        axes.axvline(n - 0.5, color=INK, linewidth=0.4, alpha=0.5)
