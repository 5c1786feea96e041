"""Bosons by energy that a shower radiates in a thick target: the shipped tables, and how they are computed.

`write_spectra` makes them anew; that takes some minutes, and nothing else in the package calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import correctionlib
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.grid_file import YieldGrid, write_grids
from na64.outputs.signal.integration import shower
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import NUCLEI
from na64.outputs.signal.tree_level import tree_level_spectrum

Floats = NDArray[np.float64]

SPECTRA_FILE = "spectra.json"
"""Name of the shipped file."""

FRACTIONS: Floats = np.array(
    [0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.985, 0.995, 0.999]
)
"""Parts of the beam's energy above which bosons are counted."""

_SAMPLES: Floats = np.append(np.arange(0.12, 0.9, 0.03), [0.92, 0.94, 0.955, 0.97, 0.98, 0.99, 0.995, 0.999])
"""Parts of the beam's energy between which a spectrum has one point."""

_HEAVY: Floats = np.geomspace(0.06, 1.0, 13)[1:]
"""GeV: of vectors that decay to dark matter."""

_ENERGY_NODES, _SPLINE_NODES = 73, 41


@dataclass(frozen=True, slots=True)
class Setting:
    """What a table of the file is of.

    Attributes
    ----------
    boson : Boson
    target : str
        Symbol of the nucleus, one of `NUCLEI`.
    beam_energy : float, GeV
    """

    boson: Boson
    target: str
    beam_energy: float

    @property
    def name(self) -> str:
        """Name of the table."""
        return f"{self.boson.value} {self.target} {self.beam_energy:g} GeV"

    @property
    def masses(self) -> Floats:
        """Masses of the table, GeV: in tungsten those of decays to electron pairs, of vectors up to 1 GeV."""
        if self.target != "W":
            return np.geomspace(1e-3, 1.0, 13)
        light = np.geomspace(1.03e-3, 0.06, 16)
        return np.append(light, _HEAVY) if self.boson is Boson.VECTOR else light


SETTINGS: tuple[Setting, ...] = (
    *(Setting(boson, "W", energy) for energy in (100.0, 150.0) for boson in Boson),
    *(Setting(boson, "Pb", 100.0) for boson in Boson if boson is not Boson.VECTOR),
)
"""Those that are shipped; dark photons of 100 GeV in lead are in the table that the simulation draws from."""


def spectrum_per_particle(mass: float, setting: Setting, threshold: float) -> tuple[Floats, Floats]:
    """Bosons per electron or positron on target at eps = 1 by energy, from the shipped table.

    Parameters
    ----------
    mass : float, GeV
    setting : Setting
    threshold : float, GeV
        Least energy of the boson.

    Returns
    -------
    energy, number : (n,) float64
        GeV, and bosons about each.

    Raises
    ------
    ValueError
        The file has no such target, beam, mass or threshold.
    """
    if setting not in SETTINGS:
        known = ", ".join(one.name for one in SETTINGS)
        raise ValueError(f"spectrum of {setting.name}: not in the table, which has {known}")
    masses, fraction = setting.masses, threshold / setting.beam_energy
    if not (masses[0] <= mass <= masses[-1] and FRACTIONS[0] <= fraction < FRACTIONS[-1]):
        raise ValueError(
            f"spectrum of {setting.name}: {mass:g} GeV above {threshold:g} GeV: the table has "
            f"{masses[0]:g} to {masses[-1]:g} GeV above {FRACTIONS[0] * setting.beam_energy:g} to "
            f"{FRACTIONS[-1] * setting.beam_energy:g}"
        )
    edges = np.append(fraction, _SAMPLES[fraction < _SAMPLES])
    above = _interpolated(mass, setting, edges)
    middle = setting.beam_energy * np.append(edges[1:] + edges[:-1], edges[-1] + 1) / 2
    return middle, np.append(-np.diff(above), above[-1])


def _interpolated(mass: float, setting: Setting, edges: Floats) -> Floats:
    """Bosons above parts of the beam's energy: (n,) float64.

    Between nodes the logarithm is a cubic in log(1 - x): hard bosons go with a power of 1 - x, so that a line
    in x has up to a quarter too few of them.
    """
    table = _table()[setting.name]
    at_nodes = np.log([table.evaluate(float(mass), float(node)) for node in FRACTIONS])
    found: Floats = np.exp(PchipInterpolator(-np.log1p(-FRACTIONS), at_nodes)(-np.log1p(-edges)))
    return found


def integrate_above(mass: float, setting: Setting, fractions: Floats = FRACTIONS) -> Floats:
    """Bosons per particle on target at eps = 1 that take more than fractions of the beam's energy: (n,).

    The cross-section above each threshold, of leptons of some energies, is folded with their track lengths.
    """
    nucleus, thresholds = NUCLEI[setting.target], fractions * setting.beam_energy
    lengths = shower(setting.beam_energy)
    least = max(float(thresholds[0]), mass)
    # Nodes crowd at the energy of the beam, below which every threshold has some.
    energies = setting.beam_energy - (setting.beam_energy - least) * np.linspace(1, 0, _ENERGY_NODES)[1:] ** 2
    above = np.array(
        [
            _above(Radiation(mass, float(energy), nucleus, boson=setting.boson), thresholds)
            for energy in energies
        ]
    )
    found = []
    for threshold, column in zip(thresholds, above.T, strict=True):
        start, kept = max(float(threshold), mass), energies > max(threshold, mass)
        inside = lengths.energy > start
        nodes = np.cbrt(np.append(0.0, energies[kept] - start))
        sigma = PchipInterpolator(nodes, np.append(0.0, column[kept]))(
            np.cbrt(lengths.energy[inside] - start)
        )
        found.append(nucleus.per_picobarn * float(np.sum(lengths.charged[inside] * sigma)))
    return np.array(found)


def _above(radiation: Radiation, thresholds: Floats) -> Floats:
    """Cross-section above each threshold, GeV: (n,) float64, pb; a spline in log(1 - x) is integrated."""
    least = max(radiation.mass, float(thresholds[0])) / radiation.energy
    if least >= radiation.largest_x:
        return np.zeros(len(thresholds))
    nodes = np.linspace(np.log1p(-radiation.largest_x), np.log1p(-least), _SPLINE_NODES)
    missing = np.exp(nodes)
    primitive = CubicSpline(nodes, tree_level_spectrum(radiation, 1 - missing) * missing).antiderivative()
    x = np.clip(thresholds / radiation.energy, least, radiation.largest_x)
    result: Floats = primitive(np.log1p(-x)) - primitive(nodes[0])
    return result


def write_spectra(folder: Path) -> Path:
    """Compute the shipped tables anew, in some minutes, and write them into a folder."""
    return write_grids(folder / SPECTRA_FILE, [_grid(setting) for setting in SETTINGS])


def _grid(setting: Setting) -> YieldGrid:
    values = np.array([integrate_above(mass, setting) for mass in setting.masses.tolist()])
    return YieldGrid(
        setting.name,
        f"{setting.boson.text}s in a thick target of {setting.target}, e- or e+ of "
        f"{setting.beam_energy:g} GeV, exact tree level, e- and e+ of the shower",
        ("fraction", "of the beam's energy, that the boson takes at least"),
        setting.masses,
        FRACTIONS,
        values,
        ("above", "per particle on target and eps^2"),
        particle="the boson",
    )


@cache
def _table() -> correctionlib.CorrectionSet:
    text = (files(__package__) / SPECTRA_FILE).read_text(encoding="utf-8")
    return correctionlib.CorrectionSet.from_string(text)
