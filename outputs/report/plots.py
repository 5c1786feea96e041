"""Figures of counts: after every cut, by region, and by run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.outputs.report.column_layout import ColumnLayout
from na64.outputs.report.region_styles import RegionStyle, region_styles
from na64.outputs.report.run_exposure import numbers, run_exposure
from na64.outputs.report.style import (
    ACCENT,
    FILL,
    INK,
    QUIET,
    stamp,
)
from na64.outputs.result.cutflow import CutflowRow, RegionsRow
from na64.outputs.result.summary_facts import RegionFacts
from na64.outputs.result.table import Table
from na64.outputs.result.yields import (
    SELECTED,
    Constancy,
    YieldsRow,
    constancy,
    poisson_errors,
    yield_names,
)
from na64.selections.regions import ELSEWHERE

_ROOM_FOR_COUNTS = 60
"""The axis of the cut-flow ends this factor beyond the largest count, so that the numbers fit."""


MOST_POINTS = 120
"""Points of a figure by run that can be told from each other."""


def cutflow(table: Table[CutflowRow], *, label: str) -> Figure:
    """Draw the events left after every cut of all runs, with this cut alone and with all the others.

    Parameters
    ----------
    table : Table
        `na64.outputs.result.cutflow.cutflow_table`, rows of all runs together.
    label : str
    """
    names = [str(name).replace("_", " ") for name in table.column("cut")]
    passed, single_cut, others = (numbers(table, name) for name in ("passed", "alone", "n_minus_one"))
    figure = Figure(figsize=(7.4, 0.31 * len(names) + 1.4), layout=ColumnLayout())
    axes = figure.subplots()
    rows = np.arange(len(names))
    lowest = _round_below(np.concatenate([passed, others]))
    width = np.maximum(passed, lowest) - lowest
    axes.barh(
        rows,
        width,
        left=lowest,
        height=0.7,
        color=FILL,
        edgecolor=ACCENT,
        linewidth=0.8,
        label="passed so far",
    )
    cuts = rows[1:]
    axes.plot(
        np.maximum(single_cut[1:], lowest), cuts, "D", mfc="white", mec=INK, ms=4.5, label="this cut alone"
    )
    axes.plot(np.maximum(others[1:], lowest), cuts, "|", color=INK, ms=11, mew=1.8, label="all other cuts")
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(lowest, max(passed.max(initial=0), 10 * lowest) * _ROOM_FOR_COUNTS)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("events")
    for row, (now, before) in enumerate(zip(passed, [math.nan, *passed[:-1]], strict=True)):
        _write_counts(axes, row, now, before)
    figure.legend(loc="outside lower center", ncols=3)
    stamp(axes, label)
    return figure


def _round_below(counts: NDArray[np.float64]) -> float:
    positive = counts[counts > 0]
    return 10.0 ** math.floor(math.log10(positive.min() / 2)) if positive.size else 0.5


def _write_counts(axes: Axes, row: int, now: float, before: float) -> None:
    share = f"{100 * now / before:.1f} %" if before > 0 else ""
    for x, text, colour in ((0.86, f"{now:,.0f}".replace(",", "\u2009"), INK), (0.985, share, QUIET)):
        written = axes.text(x, row, text, transform=axes.get_yaxis_transform(), color=colour)
        written.set(ha="right", va="center", fontsize=10)


_SELECTED = RegionStyle(SELECTED, INK, "-", "D")


def regions_flow(
    table: Table[RegionsRow], *, regions: Sequence[RegionFacts], yields_after: str, label: str
) -> Figure:
    """Draw the events of every region after every cut.

    Parameters
    ----------
    table : Table
        `na64.outputs.result.cutflow.regions_table`, rows of all runs together.
    regions : sequence of RegionFacts
    yields_after : str
        The cut after which the yields are taken.
    label : str
    """
    cuts = [str(name) for name in table.column("cut")]
    figure = Figure(figsize=(7.4, 4.8), layout=ColumnLayout())
    axes = figure.subplots()
    rows = np.arange(len(cuts))
    for name, look in region_styles(regions).items():
        line = axes.plot(rows, numbers(table, name), linestyle=look.line, marker=look.marker)
        line[0].set(color=look.colour, label=look.name if name == ELSEWHERE else f"region {look.name}")
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(0, None)
    axes.yaxis.set_minor_locator(NullLocator())
    if yields_after in cuts:
        axes.axvline(cuts.index(yields_after), color=QUIET, linewidth=0.9)
        text = axes.text(cuts.index(yields_after) - 0.15, 0.04, "yields taken here", color=QUIET)
        text.set(transform=axes.get_xaxis_transform(), rotation=90, ha="right", va="bottom", fontsize=10)
    names = [cut.replace("_", " ") for cut in cuts]
    axes.set_xticks(rows, names, rotation=50, ha="right", rotation_mode="anchor")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("events after the cut")
    figure.legend(loc="outside lower center", ncols=4)
    stamp(axes, label)
    return figure


def yields_by_run(
    table: Table[YieldsRow], *, regions: Sequence[RegionFacts], yields_after: str, label: str
) -> Figure:
    """Draw the yields of every run over its exposure, with Poisson errors and a test of constancy.

    The exposure is in particles on target if at least half of the runs have it and all have one kind of beam,
    else in visible events; runs without are left out. Of more than `MOST_POINTS` runs neighbours are drawn
    together; the test is by run.

    Parameters
    ----------
    table : Table
        `na64.outputs.result.yields.yields_table`.
    regions : sequence of RegionFacts
    yields_after : str
        The cut after which the regions are counted.
    label : str
    """
    runs = np.asarray(table.column("run"), np.int64)
    found = run_exposure(table)
    exposure, kept = found.values, found.values > 0
    styles = {SELECTED: _SELECTED, **region_styles(regions)}
    names = [
        name for name in yield_names([region.name for region in regions]) if numbers(table, name)[kept].any()
    ]
    names = names or [SELECTED]
    figure = Figure(figsize=(7.4, 1.75 * len(names) + 0.8), layout=ColumnLayout())
    grid = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(grid, names, strict=True):
        _draw_yield(axes, runs[kept], numbers(table, name)[kept], exposure[kept], styles[name])
        axes.set_ylabel(name.replace("_", " "))
    grid[-1].set_xlabel("run")
    grid[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    grid[-1].xaxis.set_minor_locator(NullLocator())
    grid[-1].ticklabel_format(axis="x", style="plain", useOffset=False)
    left_out = f", {int((~kept).sum())} left out" if not kept.all() else ""
    n_together = _together(int(kept.sum()))
    left_out += f"; a point is {n_together} runs" if n_together > 1 else ""
    stamp(
        grid[0],
        label,
        right=f"per {found.mathematical}{left_out}; regions after {yields_after.replace('_', ' ')}",
    )
    return figure


def _together(n_runs: int) -> int:
    """Neighbouring runs of one point."""
    return max(-(-n_runs // MOST_POINTS), 1)


def _draw_yield(
    axes: Axes,
    runs: NDArray[np.int64],
    counts: NDArray[np.float64],
    exposure: NDArray[np.float64],
    look: RegionStyle,
) -> None:
    colour = look.colour
    starts = np.arange(0, len(runs), _together(len(runs)))
    places = (runs[starts] + runs[np.append(starts[1:], len(runs)) - 1]) / 2 if len(runs) else runs
    seen, behind = (np.add.reduceat(column, starts) if len(runs) else column for column in (counts, exposure))
    errors = poisson_errors(seen) / behind
    axes.errorbar(
        places, seen / behind, yerr=errors, fmt=look.marker, color=colour, capsize=0, elinewidth=1.1
    )
    top = float(np.max(seen / behind + errors[1], initial=0))
    axes.set_ylim(0, top * 1.45 if top > 0 else 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    test = constancy(counts, exposure)
    if test is not None:
        axes.axhline(test.rate, color=colour, linewidth=1.0, linestyle="--")
        written = axes.text(0.985, 0.92, _test_text(test), transform=axes.transAxes)
        written.set(ha="right", va="top", fontsize=10.5)


def _test_text(test: Constancy) -> str:
    text = f"mean {test.rate:.4g},  $\\chi^2$/ndf = {test.chi2:.1f}/{test.n_degrees},  p = {test.p_value:.2g}"
    return f"{text}  ({test.n_sparse} runs expect < 5)" if test.n_sparse else text
