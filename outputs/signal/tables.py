"""The shipped tables: how they are computed, and their form.

`write_tables` makes them anew; that takes some minutes, and nothing else in the package calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from na64.datasets.synthetic.dark_photon import spectrum_file
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import k_factor
from na64.outputs.signal.grid_file import YieldGrid, write_grids
from na64.outputs.signal.integration import integrate_yield, resolved_thresholds
from na64.outputs.signal.kinematics import Radiation

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

BEAM_ENERGIES = (70.0, 100.0)
"""GeV, of the beams of which yields are shipped."""

YIELDS, SPECTRUM = "yields.json", spectrum_file(100.0)
"""Names of the files: correctionlib's, and the spectrum that the simulation draws from."""

BOSONS = "bosons.json"
"""Name of the file of ratios of the yields of other bosons to those of dark photons."""

MASSES: Floats = np.geomspace(1e-3, 1.0, 31)
"""GeV."""
THRESHOLDS: Floats = np.arange(20.0, 81.0, 5.0)
"""GeV, of the missing energy."""
RATIO_MASSES, RATIO_THRESHOLDS = MASSES[::3], THRESHOLDS[::2]
"""GeV: ratios of yields hardly change between these."""
FOLDED_THRESHOLDS: Floats = np.arange(30.0, 71.0, 5.0)
"""GeV, of the missing energy as the ECAL measures it."""
ENERGIES: Floats = np.array([20.0, 30.0, 50.0, 70.0, 100.0, 150.0])
"""GeV, of the lepton, for the K-factor."""
_LATE_THRESHOLDS: Floats = np.array([85.0, 90.0, 93.0, 95.0, 97.0, 98.0, 99.0, 99.5, 99.9])
_BEAM_ENERGY = 100.0

_PER_ELECTRON = ("yield", "per electron on target and eps^2")


def yields_file(beam_energy: float) -> str:
    """Name of the file of yields for a beam energy in GeV."""
    return YIELDS if beam_energy == _BEAM_ENERGY else f"yields_{beam_energy:g}GeV.json"


def thresholds_of(beam_energy: float) -> Floats:
    """Thresholds of the yields for a beam energy, GeV: the same parts of it at all."""
    return THRESHOLDS * (beam_energy / _BEAM_ENERGY)


def write_yields(folder: Path, beam_energy: float) -> Path:
    """Compute the yields for another beam energy than `write_tables` does, and write them."""
    thresholds = thresholds_of(beam_energy)
    rows = [
        [integrate_yield(mass, threshold=float(value), beam_energy=beam_energy) for value in thresholds]
        for mass in MASSES.tolist()
    ]
    return write_grids(folder / yields_file(beam_energy), [_yield_grid(beam_energy, np.array(rows))])


def write_bosons(folder: Path) -> Path:
    """Compute the yields of other bosons over those of dark photons, in minutes, and write them."""
    grids = [
        YieldGrid(
            boson.value,
            f"yield of {boson.text}s over that of dark photons of the same mass and threshold, "
            "thick lead target, e- or e+ of 100 GeV, exact tree level",
            ("threshold", "GeV, least energy of the boson"),
            RATIO_MASSES,
            RATIO_THRESHOLDS,
            np.array(
                [
                    [ratio_at(boson, mass, threshold) for threshold in RATIO_THRESHOLDS.tolist()]
                    for mass in RATIO_MASSES.tolist()
                ]
            ),
            ("ratio", "1"),
            particle="the boson",
        )
        for boson in Boson
        if boson is not Boson.VECTOR
    ]
    return write_grids(folder / BOSONS, grids)


def ratio_at(boson: Boson, mass: float, threshold: float) -> float:
    """Yield of a boson over that of dark photons, of beams of 100 GeV, integrated; GeV."""
    return _integrated(boson, mass, threshold) / _integrated(Boson.VECTOR, mass, threshold)


@cache
def _integrated(boson: Boson, mass: float, threshold: float) -> float:
    return integrate_yield(mass, threshold=threshold, boson=boson)


def write_tables(folder: Path, *, progress: Progress | None = None) -> list[Path]:
    """Compute both tables, and write them into a folder.

    Parameters
    ----------
    folder : Path
    progress : callable, optional
        Gets the masses done and to be done.

    Returns
    -------
    list of Path
        `YIELDS` belongs into this folder of the package, `SPECTRUM` into `datasets/synthetic`.
    """
    thresholds = np.concatenate([THRESHOLDS, _LATE_THRESHOLDS])
    rows, factors = [], []
    for done, mass in enumerate(MASSES.tolist(), start=1):
        rows.append([integrate_yield(mass, threshold=float(value)) for value in thresholds])
        factors.append([k_factor(Radiation(mass, float(energy))) for energy in ENERGIES])
        if progress is not None:
            progress(done, len(MASSES))
    yields = np.array(rows)
    paths = [write_grids(folder / YIELDS, _grids(yields, np.array(factors))), folder / SPECTRUM]
    paths[1].write_text(_spectrum(thresholds, yields, _BEAM_ENERGY), encoding="utf-8")
    return paths


def write_spectrum(folder: Path, beam_energy: float) -> Path:
    """Compute the spectrum that the simulation draws from for another beam energy, and write it."""
    thresholds = np.concatenate([THRESHOLDS, _LATE_THRESHOLDS]) * (beam_energy / _BEAM_ENERGY)
    rows = [
        [integrate_yield(mass, threshold=float(value), beam_energy=beam_energy) for value in thresholds]
        for mass in MASSES.tolist()
    ]
    path = folder / spectrum_file(beam_energy)
    path.write_text(_spectrum(thresholds, np.array(rows), beam_energy), encoding="utf-8")
    return path


def _grids(yields: Floats, factors: Floats) -> tuple[YieldGrid, ...]:
    true = yields[:, : len(THRESHOLDS)]
    return (
        _yield_grid(_BEAM_ENERGY, true),
        YieldGrid(
            "folded_yield",
            "the same above a threshold on the missing energy that an ECAL of 9 % / sqrt(E) measures",
            ("threshold", "GeV, least missing energy as measured"),
            MASSES,
            FOLDED_THRESHOLDS,
            _fold(true),
            _PER_ELECTRON,
        ),
        YieldGrid(
            "k_factor",
            "leading-logarithm cross-section of DMG4 (2101.12192) over exact tree level, lead",
            ("energy", "GeV, of the electron"),
            MASSES,
            ENERGIES,
            factors,
            ("k_factor", "1"),
        ),
    )


def _particles(beam_energy: float) -> str:
    return "e-" if beam_energy == _BEAM_ENERGY else "e- or e+"


def _yield_grid(beam_energy: float, yields: Floats) -> YieldGrid:
    beam = f"{_particles(beam_energy)} of {beam_energy:g} GeV"
    return YieldGrid(
        "yield",
        f"dark photons in a thick lead target, {beam}, exact tree level, e- and e+ of the shower",
        ("threshold", "GeV, least energy of the dark photon"),
        MASSES,
        thresholds_of(beam_energy),
        yields,
        _PER_ELECTRON,
    )


def _fold(yields: Floats) -> Floats:
    """Average over the thresholds on the true energy that belong to one on the measured energy."""
    spline = make_interp_spline(THRESHOLDS, np.log(yields), k=3, axis=1)
    columns = []
    for threshold in FOLDED_THRESHOLDS:
        nodes, weights = resolved_thresholds(float(threshold), beam_energy=_BEAM_ENERGY)
        columns.append(np.exp(spline(nodes)) @ weights)
    return np.stack(columns, axis=1)


def _spectrum(thresholds: Floats, yields: Floats, beam_energy: float) -> str:
    """Fraction of dark photons that take more than a fraction of the beam's energy, by mass."""
    survival = yields / yields[:, :1]
    fractions = [f"{value / beam_energy:.4g}" for value in thresholds]
    beam, made = f"{_particles(beam_energy)} of {beam_energy:g} GeV", "write_tables"
    if beam_energy != _BEAM_ENERGY:
        made = "write_spectrum"
    lines = [
        f"# Dark photons in a thick lead target, {beam}, exact tree level: the fraction of those with",
        f"# more than {fractions[0]} of the beam's energy that take more than each fraction in the header.",
        f"# Made by na64.outputs.signal.tables.{made} [D: this package].",
        ",".join(["mass_GeV", *fractions, "1"]),
    ]
    for mass, row in zip(MASSES, survival, strict=True):
        lines.append(",".join([f"{mass:.9g}", *(f"{value:.6g}" for value in row), "0"]))
    return "\n".join(lines) + "\n"
