"""Figures of a scan: curves of one bound, a map of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.datasets.basics.units import UNITS
from na64.outputs.limits.scan.axes import ScanAxis
from na64.outputs.limits.scan.steps import LEVEL, Scan, ScanStep
from na64.outputs.report.display import Display
from na64.outputs.report.style import ACCENT, CLOSED, COUNTS, INK, QUIET, stamp

Floats = NDArray[np.float64]

_LIMIT = f"expected limit, {LEVEL:.0%} [events]"
_OVER = f"expected limit, {LEVEL:.0%} / efficiency"


_SIDES = {"above": ">", "min": "≥", "below": "<", "max": "≤"}


def scan_figure(scan: Scan, label: str, display: Display) -> Figure:
    """Draw a scan: of one bound background, efficiency and limit against it, of two a map of the limit.

    Parameters
    ----------
    scan : Scan
    label : str
        `na64.outputs.report.heading.heading`.
    display : Display
    """
    return (_curves if len(scan.axes) == 1 else _map)(scan, label, display)


def _in_display(axis: ScanAxis, display: Display) -> tuple[float, str]:
    """What values of an axis are multiplied with for the unit of display, and its label."""
    cut, feature, side = axis.bound.path.split(".")
    known, shown = UNITS.get(axis.bound.unit), display.units.get(feature)
    factor, name = 1.0, axis.bound.unit
    if known is not None and shown is not None and known.base == shown.base:
        factor = known.multiply / known.divide * shown.divide / shown.multiply
        name = shown.name
    unit = f" [{name}]" if name not in ("", "1") else ""
    return factor, f"{display.label(feature)} {_SIDES[side]} …{unit}, cut {cut.replace('_', ' ')}"


def _curves(scan: Scan, label: str, display: Display) -> Figure:
    has_signal = scan.steps[0].efficiency is not None
    n_panels = 4 if has_signal else 2
    figure = Figure(figsize=(7.2, 1.2 + 2.2 * n_panels), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(n_panels, 1, sharex=True)))
    axis = scan.axes[0]
    factor, name = _in_display(axis, display)
    x = factor * np.array(axis.values)
    _draw_background(panels[0], x, scan)
    if has_signal:
        _draw_fractions(panels[1], x, [step.efficiency for step in scan.steps], "signal efficiency")
        _draw_fractions(panels[2], x, [step.significance for step in scan.steps], "efficiency / √B")
    _draw_limit(panels[-1], x, scan)
    for panel in panels:
        panel.axvline(factor * axis.bound.value, color=QUIET, linestyle="--", linewidth=1.1)
    panels[-1].set_xlabel(name)
    stamp(panels[0], label, right=f"{scan.selection}; dashed: as it is")
    figure.align_ylabels(panels)
    return figure


def _draw_background(axes: Axes, x: Floats, scan: Scan) -> None:
    numbers = np.array([step.background for step in scan.steps])
    limits = np.array([step.is_limit for step in scan.steps])
    for chosen, face, label in ((~limits, INK, "value"), (limits, "white", "limit, or a part of it is one")):
        if chosen.any():
            axes.errorbar(
                *(x[chosen], numbers[chosen, 0], numbers[chosen, 1]),
                fmt="o",
                color=INK,
                markerfacecolor=face,
                elinewidth=1.1,
                label=label,
            )
    axes.set_ylabel("background [events]")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best", fontsize=9.5)


def _draw_fractions(axes: Axes, x: Floats, found: list[Any], label: str) -> None:
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "error"))
    axes.errorbar(x, values, errors, fmt="s", color=ACCENT, elinewidth=1.1, ms=4)
    axes.set_ylabel(label)
    axes.set_ylim(0, 1.15 * float(max(values + errors)) or 1.0)


def _draw_limit(axes: Axes, x: Floats, scan: Scan) -> None:
    has_signal = scan.steps[0].efficiency is not None
    bands = np.array([_bands(step, over=has_signal) for step in scan.steps])
    axes.fill_between(x, bands[:, 0], bands[:, 2], color=ACCENT, alpha=0.2, linewidth=0, label="68 %")
    axes.plot(x, bands[:, 1], color=ACCENT, marker="o", ms=3.5, label="median experiment")
    axes.set_ylabel(_OVER if has_signal else _LIMIT)
    axes.set_ylim(bottom=0)
    axes.legend(loc="best", fontsize=9.5, ncols=2)


def _bands(step: ScanStep, *, over: bool) -> tuple[float, float, float]:
    if not over:
        return step.expected.bands[1], step.expected.bands[2], step.expected.bands[3]
    return step.reach or (np.nan, np.nan, np.nan)


def _map(scan: Scan, label: str, display: Display) -> Figure:
    figure = Figure(figsize=(7.6, 5.8), layout="constrained")
    axes = figure.subplots()
    shape = tuple(len(axis.values) for axis in scan.axes)
    factors, names = zip(*(_in_display(axis, display) for axis in scan.axes), strict=True)
    first, second = (factor * np.array(axis.values) for factor, axis in zip(factors, scan.axes, strict=True))
    has_signal = scan.steps[0].efficiency is not None
    limit = np.array([_bands(step, over=has_signal)[1] for step in scan.steps]).reshape(shape)
    mesh = axes.pcolormesh(first, second, limit.T, cmap=COUNTS.reversed(), shading="nearest")
    figure.colorbar(mesh, ax=axes, label=_OVER if has_signal else _LIMIT)
    open_ones = [np.multiply(step.values, factors) for step in scan.steps if step.is_limit]
    if open_ones:
        axes.plot(
            *np.transpose(open_ones),
            linestyle="",
            marker="o",
            ms=3.5,
            markerfacecolor="white",
            markeredgecolor=QUIET,
            label="background is a limit",
        )
    axes.plot(
        *np.multiply(scan.nominal.values, factors),
        linestyle="",
        marker="P",
        color=CLOSED,
        ms=9,
        label="selection as it is",
    )
    if scan.best:
        axes.plot(
            *np.multiply(scan.best.values, factors),
            linestyle="",
            marker="*",
            color=CLOSED,
            ms=12,
            label="least",
        )
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
    stamp(axes, label, right=scan.selection)
    return figure
