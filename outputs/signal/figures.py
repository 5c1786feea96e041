"""Figure of the signal efficiency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.outputs.report.region_styles import PALETTE
from na64.outputs.report.style import ACCENT, INK, stamp, style
from na64.outputs.signal.efficiency.by_energy import EnergyRow
from na64.outputs.signal.efficiency.by_missing_energy import MissingEnergyPoint
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint

Floats = NDArray[np.float64]
Series = Mapping[str, Floats]

_STYLES: tuple[dict[str, Any], ...] = (
    {"color": ACCENT, "linestyle": "-"},
    {"color": PALETTE[1], "linestyle": "--"},
    {"color": PALETTE[2], "linestyle": "-."},
    {"color": INK, "linestyle": ":"},
)
_MARKERS = "osv^D"


def draw_efficiencies(points: Sequence[EfficiencyPoint]) -> Figure:
    """Draw selection efficiencies against the mass, by period."""
    with style():
        figure, axes = _page("signal efficiency", "simulated", "in the box and every cut")
        periods = sorted({(point.period, point.selection, point.threshold) for point in points})
        for marker, look, key in zip(_MARKERS, (*_STYLES, *_STYLES), periods, strict=False):
            own = sorted(
                (point for point in points if (point.period, point.selection, point.threshold) == key),
                key=lambda point: point.mass,
            )
            axes.errorbar(
                [point.mass for point in own],
                [point.efficiency for point in own],
                [point.error for point in own],
                marker=marker,
                label=f"{key[0]}, {key[1]}, $E_\\mathrm{{miss}}$ > {key[2]:g} GeV",
                **look,
            )
        axes.set_ylim(0, 1)
        axes.legend(loc="lower left")
    return figure


def draw_energy_efficiencies(rows: Sequence[EnergyRow]) -> Figure:
    """Draw selection efficiencies against the energy of the particle, by period and channel."""
    with style():
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        kinds = sorted({(row.period, row.channel, row.selection) for row in rows})
        for marker, look, key in zip(_MARKERS, (*_STYLES, *_STYLES), kinds, strict=False):
            own = [row for row in rows if (row.period, row.channel, row.selection) == key]
            low, high = (np.array([getattr(row, f"energy_{end}") for row in own]) for end in ("low", "high"))
            axes.errorbar(
                (low + high) / 2,
                [row.efficiency for row in own],
                [row.error for row in own],
                (high - low) / 2,
                marker=marker,
                label=f"{key[0]}, {key[1]}, {key[2]}",
                **{**look, "linestyle": "none"},
            )
        axes.set_ylim(0, 1)
        axes.set_xlabel("energy of the particle [GeV]")
        axes.set_ylabel("signal efficiency")
        axes.legend(loc="upper left")
        stamp(axes, "simulated", right="in the box and every cut")
    return figure


def draw_energies(points: Sequence[MissingEnergyPoint]) -> Figure:
    """Draw efficiencies for positrons that annihilate against the missing energy, by period."""
    with style():
        figure, axes = _page("signal efficiency", "simulated", "in the box and every cut")
        axes.set_xscale("linear")
        axes.set_xlabel("missing energy [GeV]")
        periods = dict.fromkeys((point.period, point.selection, point.beam) for point in points)
        for look, key in zip((*_STYLES, *_STYLES), periods, strict=False):
            own = sorted(
                (point for point in points if (point.period, point.selection, point.beam) == key),
                key=lambda point: point.energy_low,
            )
            edges = [*(point.energy_low for point in own), own[-1].energy_high]
            axes.stairs([point.efficiency for point in own], edges, label=", ".join(key), **look)
            middle = [(point.energy_low + point.energy_high) / 2 for point in own]
            axes.errorbar(
                middle,
                [point.efficiency for point in own],
                [point.error for point in own],
                linestyle="none",
                color=look["color"],
            )
        axes.set_ylim(0, 1)
        axes.legend(loc="lower center")
    return figure


def _page(y_label: str, label: str, right: str) -> tuple[Figure, Axes]:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlabel("dark photon mass [GeV]")
    axes.set_ylabel(y_label)
    stamp(axes, label, right=right)
    return figure, axes
