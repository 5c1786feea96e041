"""Makes the three figures of physics.md, in a minute: ``python docs/signal_figures.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.datasets.synthetic.dark_photon import Spectrum, load_spectrum
from na64.outputs.report.region_styles import PALETTE
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET, stamp, style
from na64.outputs.signal import annihilation
from na64.outputs.signal.cross_sections import SPECTRA, CrossSectionModel, k_factor
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.yields import yield_per_particle

Floats = NDArray[np.float64]
Series = Mapping[str, Floats]

HERE = Path(__file__).parent
MASS = np.geomspace(1e-3, 1, 121)
"""GeV."""
DMG4 = np.array(
    [
        [0.001, 0.605],
        [0.004, 0.954],
        [0.01, 1.083],
        [0.03, 1.293],
        [0.1, 1.651],
        [0.3, 1.911],
        [0.5, 1.922],
        [1.0, 2.144],
    ]
).T
"""Masses in GeV, and K of DMG4 at 100 GeV [V: 2101.12192]."""

_STYLES: tuple[dict[str, Any], ...] = (
    {"color": ACCENT, "linestyle": "-"},
    {"color": PALETTE[1], "linestyle": "--"},
    {"color": PALETTE[2], "linestyle": "-."},
    {"color": INK, "linestyle": ":"},
)
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


def _mass(mass: float) -> str:
    return f"{mass:g} GeV" if mass >= 1 else f"{1000 * mass:g} MeV"


def _page(y_label: str, label: str, right: str) -> tuple[Figure, Axes]:
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlabel("dark photon mass [GeV]")
    axes.set_ylabel(y_label)
    stamp(axes, label, right=right)
    return figure, axes


def main(folder: Path = HERE) -> None:
    """Write the figures into a folder; by default beside this file."""
    exact = {
        f"above {cut:g} GeV": np.array([yield_per_particle(m, threshold=cut) for m in MASS.tolist()])
        for cut in (50.0, 40.0)
    }
    resonance = [annihilation.resonant_yield(annihilation.Resonance(m)) for m in MASS.tolist()]
    factors = {
        f"{energy:g} GeV": np.array([k_factor(Radiation(m, energy)) for m in MASS.tolist()])
        for energy in (100.0, 50.0, 150.0)
    }
    figures = {
        "signal_yields": draw_yields(MASS, exact, np.array(resonance)),
        "k_factor": draw_k_factors(MASS, factors, (DMG4[0], DMG4[1])),
        "signal_spectra": draw_spectra((0.001, 0.01, 0.1, 1.0), load_spectrum()),
    }
    with style():
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png")


if __name__ == "__main__":
    main()
