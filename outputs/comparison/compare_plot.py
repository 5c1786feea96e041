"""The picture of a comparison: what each cut leaves, and the runs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.outputs.comparison.compare import Comparison
from na64.outputs.comparison.statistics import smallest_chance
from na64.outputs.report.style import ACCENT, CLOSED, FILL, INK, QUIET
from na64.outputs.result.yields import poisson_errors


def draw_comparison(found: Comparison, headings: tuple[str, ...]) -> Figure:
    """Draw two results beside each other.

    Parameters
    ----------
    found : Comparison
    headings : (str, str)
        What each is, and on a second line its exposure, periods and beam.
    """
    names = [str(name).replace("_", " ") for name in found.cutflow.column("cut")]
    figure = Figure(figsize=(12.4, max(0.27 * len(names) + 1.9, 4.6)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _cutflow(left, found, names)
    _runs(right, found)
    named = (f"{letter}: {text.replace(chr(10), '; ')}" for letter, text in zip("AB", headings, strict=True))
    figure.suptitle("$\\bf{NA64}$  " + "\n".join(named), fontsize=11, x=0.01, ha="left")
    return figure


def _numbers(values: list[object]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(str(value)) for value in values])


def _cutflow(axes: Axes, found: Comparison, names: list[str]) -> None:
    first, second = (_numbers(list(found.cutflow.column(name))) for name in ("first", "second"))
    ratio = _numbers(list(found.cutflow.column("ratio")))
    rows = np.arange(len(names))
    lowest = max(np.nanmin(np.where(np.r_[first, second] > 0, np.r_[first, second], np.nan)) / 3, 0.3)
    axes.barh(rows - 0.19, first, height=0.38, color=FILL, edgecolor=ACCENT, linewidth=0.7, label="A")
    other = axes.barh(rows + 0.19, second, height=0.38, color="white", edgecolor=INK, linewidth=0.7)
    for bar in other:
        bar.set_hatch("////")
    other.set_label("B")
    axes.set_xscale("log")
    axes.set_xlim(lowest, np.nanmax([first, second]) * 12)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.set_xlabel("events" if found.same_events else "events; ratios at equal exposure")
    for row, value in enumerate(ratio):
        text = "" if np.isnan(value) else f"{value:.3f}"
        colour = INK if text and abs(value - 1) > 5e-4 else QUIET
        axes.text(
            0.985, row, text, transform=axes.get_yaxis_transform(), ha="right", va="center", color=colour
        )
        axes.texts[-1].set_fontsize(9.5)
    axes.set_title("B / A", loc="right", fontsize=9.5, color=QUIET)
    axes.legend(loc="lower right", bbox_to_anchor=(0.86, 0.0), fontsize=10)


def _runs(axes: Axes, found: Comparison) -> None:
    runs = _numbers(list(found.runs.column("run")))
    if not runs.size:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no run in common", ha="center", color=QUIET, transform=axes.transAxes)
        return
    place = np.arange(len(runs))
    if found.same_events:
        gained, lost = (_numbers(list(found.runs.column(name))) for name in ("gained", "lost"))
        axes.bar(place, gained, width=0.7, color=FILL, edgecolor=ACCENT, linewidth=0.7, label="gained in B")
        axes.bar(
            place, -lost, width=0.7, facecolor="white", edgecolor=CLOSED, hatch="////", label="lost in B"
        )
        axes.errorbar(place, gained - lost, np.sqrt(gained + lost), fmt="o", color=INK, ms=4, label="B - A")
        axes.set_ylabel(f"events after {found.after.replace('_', ' ')}")
    else:
        for letter, name, shift, marker in (("A", "first", -0.12, "o"), ("B", "second", 0.12, "s")):
            counts = _numbers(list(found.runs.column(name)))
            axes.errorbar(place + shift, counts, poisson_errors(counts), fmt=marker, ms=4, label=letter)
        axes.set_ylabel(f"events after {found.after.replace('_', ' ')}, as counted")
    axes.axhline(0, color=QUIET, linewidth=0.8)
    step = max(1, len(runs) // 10)
    axes.set_xticks(
        place[::step], [f"{run:.0f}" for run in runs[::step]], rotation=50, ha="right", fontsize=10
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    low, high = axes.get_ylim()
    room = max(high - low, 5.0) * 0.16  # for the legend
    axes.set_ylim(low if found.same_events else 0, max(high, 1.0) + room)
    axes.set_xlabel("run")
    axes.legend(loc="upper right", fontsize=10, ncols=3)
    name, (_, test) = list(found.tests.items())[-1]
    smallest, honest, looks = found.smallest(name)
    text = f"{test}: {smallest_chance(smallest, honest, looks)}"
    axes.set_title(text, loc="right", fontsize=10, color=QUIET)
