"""Figures of the signal: yields, K-factors, spectra and efficiencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.datasets.synthetic.dark_photon import Spectrum
from na64.outputs.report.region_styles import PALETTE
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET, stamp, style
from na64.outputs.signal.cross_sections import SPECTRA, CrossSectionModel
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint
from na64.outputs.signal.kinematics import Radiation

Floats = NDArray[np.float64]
Series = Mapping[str, Floats]

_STYLES: tuple[dict[str, Any], ...] = (
    {"color": ACCENT, "linestyle": "-"},
    {"color": PALETTE[1], "linestyle": "--"},
    {"color": PALETTE[2], "linestyle": "-."},
    {"color": INK, "linestyle": ":"},
)
_MARKERS = "osv^D"
_BEAM = "100 GeV $e^-$ on lead, thick target"


def draw_yields(mass: Floats, yields: Series, resonant: Floats | None = None) -> Figure:
    """Draw dark photons per electron on target against the mass.

    Parameters
    ----------
    mass : (n,) float64, GeV
    yields : mapping of str to (n,) float64
        By label, at eps = 1.
    resonant : (n,) float64, optional
        From annihilation at eps = 1.
    """
    with style():
        figure, axes = _page("per electron on target at $\\varepsilon = 1$", "calculated", _BEAM)
        for look, (label, values) in zip(_STYLES, yields.items(), strict=False):
            axes.plot(mass, values, label=label, **look)
        if resonant is not None:
            axes.fill_between(mass, np.full_like(mass, 1e-30), resonant, color=CLOSED, alpha=0.16, lw=0)
            axes.plot(mass, resonant, color=CLOSED, lw=1.0, label="resonant, $\\alpha_D = 0.1$, Dirac")
        axes.set_yscale("log")
        lowest = min(float(values.min()) for values in yields.values())
        axes.set_ylim(lowest / 3, None)
        axes.legend()
    return figure


def draw_k_factors(mass: Floats, factors: Series, reference: tuple[Floats, Floats]) -> Figure:
    """Draw K-factors against the mass, with those of DMG4 as points.

    Parameters
    ----------
    mass : (n,) float64, GeV
    factors : mapping of str to (n,) float64
    reference : two (m,) float64
        Masses in GeV, and K of DMG4 at 100 GeV.
    """
    with style():
        figure, axes = _page(
            "K = $\\sigma$(IWW, logarithm) / $\\sigma$(exact)", "calculated", "$e^-$ on lead"
        )
        for look, (label, values) in zip(_STYLES, factors.items(), strict=False):
            axes.plot(mass, values, label=label, **look)
        axes.plot(*reference, "o", color=INK, mfc="white", label="DMG4 (2101.12192), 100 GeV")
        axes.axhline(1, color=QUIET, lw=0.8)
        axes.legend(loc="upper left")
    return figure


def draw_spectra(masses: Sequence[float], spectrum: Spectrum) -> Figure:
    """Draw the spectra of x for one electron, and the fractions of the beam's energy in a thick target.

    Parameters
    ----------
    masses : sequence of float, GeV
        Four at most.
    spectrum : Spectrum
    """
    with style():
        figure = Figure(figsize=(10.6, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for look, mass in zip(_STYLES, masses, strict=False):
            radiation = Radiation(mass, 100.0)
            x = 1 - np.geomspace(1 - radiation.largest_x, 0.8, 160)[1:]
            for model, width in ((CrossSectionModel.ETL, 1.6), (CrossSectionModel.IWW, 0.7)):
                density = SPECTRA[model](radiation, x)
                total = -np.trapezoid(density, x)
                left.plot(1 - x, (1 - x) * density / total, color=look["color"], lw=width)
            fractions = spectrum.fraction[spectrum.fraction >= 0.3]
            survival = [spectrum.above(mass, value) / spectrum.above(mass, 0.3) for value in fractions]
            right.plot(fractions, survival, label=_mass(mass), **look)
        left.set_xscale("log")
        left.set_xlabel("1 - x")
        left.set_ylabel("(1 - x) d$\\sigma$/dx / $\\sigma$")
        stamp(left, "calculated", right="one electron of 100 GeV")
        left.text(0.04, 0.93, "thick: exact, thin: IWW", transform=left.transAxes, color=QUIET, fontsize=10)
        right.set_xlabel("fraction of the beam's energy")
        right.set_ylabel("part that takes more (of those above 0.3)")
        right.set_ylim(0, None)
        right.set_xlim(0.3, 1)
        right.legend(title="mass")
        right.set_title("thick target", loc="right", color=QUIET, fontsize=10.5)
    return figure


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


def _page(y_label: str, label: str, right: str) -> tuple[Figure, Axes]:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlabel("dark photon mass [GeV]")
    axes.set_ylabel(y_label)
    stamp(axes, label, right=right)
    return figure, axes


def _mass(mass: float) -> str:
    return f"{mass:g} GeV" if mass >= 1 else f"{1000 * mass:g} MeV"
