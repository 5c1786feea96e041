"""Exclusion plots: our limits and the published curves, with what they are cited from in the legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from na64.outputs.limits.tables import QUANTITIES
from na64.outputs.report.style import INK, stamp
from na64.outputs.signal.curves import Curve

Numbers = NDArray[np.float64]

_ONE_SIGMA, _TWO_SIGMA = "#9dbfdc", "#dbe8f2"
_MOMENT, _BOUND = "#f3dcb8", "#a8834a"
_LINES: tuple[tuple[str, tuple[int, tuple[float, ...]]], ...] = (
    ("#b45309", (0, (1, 1.2))),
    ("#0f766e", (0, (6, 1.6, 1.2, 1.6))),
    ("#6a1b6a", (0, (3, 1.2, 1, 1.2, 1, 1.2))),
    ("#1d4ed8", (0, (9, 2))),
    ("#9f1239", (0, (2.2, 2.2))),
    ("#4d7c0f", (0, (9, 2, 1.2, 2))),
    ("#a16207", (0, (5, 5))),
)
"""Every curve has a colour and a dash pattern of its own: the pattern survives a black-and-white print."""

_UNVERIFIED = re.compile(r"\[R[^\]]*\]|NOT FOUND")
_CITED = re.compile(r"arXiv:(\S+)")
_POWER = re.compile(r"(\d[\d.]*)e(\d+)")

_ON_WHITE: dict[str, Any] = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.88}
"""Of a legend that curves may cross, so that they do not strike out its lines."""


@dataclass(frozen=True, slots=True)
class LimitBand:
    """A limit over a mass.

    Attributes
    ----------
    mass : (n,) float64, GeV
    limits : mapping of str to (n,) float64
        By `QUANTITIES`; nan where there is none.
    level : float
    """

    mass: Numbers
    limits: Mapping[str, Numbers]
    level: float

    @property
    def is_observed(self) -> bool:
        """Whether there is an observed limit."""
        return bool(np.isfinite(self.limits["observed"]).any())


@dataclass(frozen=True, slots=True)
class Favoured:
    """Mixings that an anomalous magnetic moment allows, over mass.

    Attributes
    ----------
    label : str
    mass : (n,) float64, GeV
    low, high : (n,) float64
        Where `low` is 0, all mixings up to `high` are allowed.
    """

    label: str
    mass: Numbers
    low: Numbers
    high: Numbers


def mixing_plane(
    band: LimitBand,
    curves: Sequence[Curve],
    *,
    moments: Sequence[Favoured] = (),
    label: str,
    title: str,
    note: str = "",
) -> Figure:
    """Draw limits on eps against the mass of the dark photon.

    Parameters
    ----------
    band : LimitBand
    curves : sequence of Curve
        Published limits.
    moments : sequence of Favoured
        A band, or an upper bound where no mixing is needed.
    label, title, note : str
        What the events are; which exposure; what is to be known of our limits.
    """
    figure = _figure(band, curves, moments, label=label, title=title, note=note)
    axes = figure.axes[0]
    axes.set_xlabel(r"$m_{\mathrm{A}^\prime}$ [GeV]")
    axes.set_ylabel(r"mixing $\varepsilon$")
    return figure


def relic_plane(
    band: LimitBand, curves: Sequence[Curve], *, alpha: float, label: str, title: str, note: str = ""
) -> Figure:
    """Draw limits on y against the mass of dark matter, with the values of the right relic density.

    Parameters
    ----------
    band : LimitBand
    curves : sequence of Curve
        Thermal targets.
    alpha : float
        Coupling alpha_D.
    label, title, note : str
    """
    figure = _figure(band, curves, (), label=label, title=title, note=note)
    axes = figure.axes[0]
    axes.set_xlabel(r"$m_\chi$ [GeV]")
    axes.set_ylabel(r"$y = \varepsilon^2 \alpha_D\,(m_\chi/m_{\mathrm{A}^\prime})^4$")
    text = rf"$\alpha_D = {alpha:g}$, $m_{{\mathrm{{A}}^\prime}} = 3\,m_\chi$"
    axes.text(0.035, 0.72, text, transform=axes.transAxes, color=INK, fontsize=11)
    return figure


def projected_plane(bands: Sequence[tuple[str, LimitBand]], curves: Sequence[Curve], *, title: str) -> Figure:
    """Draw the median expected limits on eps of several exposures.

    Parameters
    ----------
    bands : sequence of (label, Band)
        Exposures and their limits.
    curves : sequence of Curve
        Published limits.
    title : str
    """
    figure = Figure(figsize=(7.4, 6.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    shades = np.linspace(0.55, 0.0, len(bands))
    ours = [
        _draw_line(axes, band.mass, band.limits["median"], color=(shade,) * 3, linewidth=2.0, label=label)
        for (label, band), shade in zip(bands, shades, strict=True)
    ]
    published = _draw_curves(axes, curves)
    axes.add_artist(axes.legend(handles=ours, loc="upper left", fontsize=10, title="expected (median)"))
    axes.legend(handles=published, loc="lower right", fontsize=9, **_ON_WHITE)
    axes.set_xlim(*_mass_range(bands[0][1].mass))
    axes.grid(visible=True, which="major", color="#e5e5e0", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(r"$m_{\mathrm{A}^\prime}$ [GeV]")
    axes.set_ylabel(r"mixing $\varepsilon$")
    stamp(axes, "projection", right=title)
    return figure


def _figure(
    band: LimitBand,
    curves: Sequence[Curve],
    moments: Sequence[Favoured],
    *,
    label: str,
    title: str,
    note: str,
) -> Figure:
    figure = Figure(figsize=(7.4, 6.4), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    others = [_draw_moment(axes, moment) for moment in moments]
    ours = _draw_band(axes, band)
    published = [*_draw_curves(axes, curves), *others]
    axes.set_xlim(*_mass_range(band.mass))
    axes.set_ylim(*_span(band, curves))
    first = axes.legend(
        handles=ours, loc="upper left", fontsize=10, title=note or None, alignment="left", title_fontsize=10
    )
    axes.add_artist(first)
    if published:
        axes.legend(handles=published, loc="lower right", fontsize=9, **_ON_WHITE)
    axes.grid(visible=True, which="major", color="#e5e5e0", linewidth=0.6)
    axes.set_axisbelow(True)
    stamp(axes, label, right=title)
    return figure


def _draw_band(axes: Axes, band: LimitBand) -> list[Artist]:
    level, limits = f"{band.level:.0%} CL", band.limits
    two = axes.fill_between(
        band.mass, limits["minus2"], limits["plus2"], color=_TWO_SIGMA, linewidth=0, label=r"$\pm 2\sigma$"
    )
    one = axes.fill_between(
        band.mass, limits["minus1"], limits["plus1"], color=_ONE_SIGMA, linewidth=0, label=r"$\pm 1\sigma$"
    )
    median = _draw_line(
        axes, band.mass, limits["median"], color=INK, linestyle="--", label="expected (median)"
    )
    handles: list[Artist] = [median, one, two]
    if band.is_observed:
        observed = _draw_line(axes, band.mass, limits["observed"], color=INK, linewidth=2.0)
        observed.set_label(f"observed, {level}")
        return [observed, *handles]
    median.set_label(f"expected (median), {level}")
    return handles


def _draw_line(axes: Axes, mass: Numbers, limit: Numbers, **options: Any) -> Line2D:
    """Draw a limit over mass; of a single one, a point."""
    (line,) = axes.plot(mass, limit, marker="o" if np.isfinite(limit).sum() == 1 else "", **options)
    return line


def _draw_curves(axes: Axes, curves: Sequence[Curve]) -> list[Artist]:
    handles: list[Artist] = []
    for curve, (colour, dashes) in zip(curves, cycle(_LINES), strict=False):
        (line,) = axes.plot(curve.mass, curve.value, color=colour, linewidth=1.3, label=cited(curve))
        line.set_linestyle(dashes)
        handles.append(line)
    return handles


def _draw_moment(axes: Axes, moment: Favoured) -> Artist:
    if np.any(moment.low > 0):
        return axes.fill_between(
            moment.mass, moment.low, moment.high, color=_MOMENT, linewidth=0, label=moment.label
        )
    (line,) = axes.plot(moment.mass, moment.high, color=_BOUND, linewidth=1.8, label=moment.label)
    return line


def cited(curve: Curve) -> str:
    """Name a curve with its paper, and say so if nobody has read that."""
    found = _CITED.search(curve.paper)
    paper = found[1] if found else ""
    unverified = _UNVERIFIED.search(" ".join((curve.paper, curve.source, curve.note)))
    tag = f"unverified {unverified[0]}" if unverified else ""
    notes = ", ".join(filter(None, (paper, tag)))
    label = _POWER.sub(r"$\1\\times10^{\2}$", curve.label).replace("fb-1", "fb$^{-1}$")
    return f"{label} ({notes})" if notes else label


def _mass_range(mass: Numbers) -> tuple[float, float]:
    """Masses that are drawn, GeV: half a decade to both sides of a single one."""
    wider = 10.0**0.5 if mass[0] == mass[-1] else 1.0
    return float(mass[0]) / wider, float(mass[-1]) * wider


def _span(band: LimitBand, curves: Sequence[Curve]) -> tuple[float, float]:
    """Whole decades, one at least, around our limits and the curves."""
    low_mass, high_mass = _mass_range(band.mass)
    values = [band.limits[name] for name in QUANTITIES]
    values += [curve.value[(curve.mass >= low_mass) & (curve.mass <= high_mass)] for curve in curves]
    together = np.log10(np.concatenate(values))
    known = together[np.isfinite(together)]
    low, high = (np.floor(known.min()), np.ceil(known.max())) if len(known) else (-6.0, 0.0)
    return 10.0**low, 10.0 ** max(high, low + 1)
