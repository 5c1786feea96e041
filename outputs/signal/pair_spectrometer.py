"""Invariant mass of electron pairs that are simulated in a spectrometer: planes, a magnet, planes.

Where planes of NA64 stand is NOT FOUND: every number is the caller's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.matter import ELECTRON_MASS
from na64.outputs.signal.synchrotron import GEV_PER_TESLA_METRE

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PairSpectrometer:
    """Planes that measure x and y in front of and behind a thin magnet that bends in y.

    Attributes
    ----------
    before, behind : tuple of float, mm
        Places along the beam from the magnet, below and above 0; two planes or more on each side.
    resolution : float, mm
        Of a plane, in x and in y.
    field_integral : float, T m
    separation : float, mm
        Two particles less apart than this in a plane, in x as in y, are one hit.
    """

    before: tuple[float, ...]
    behind: tuple[float, ...]
    resolution: float
    field_integral: float
    separation: float = 0.0

    def __post_init__(self) -> None:
        if not all(len(set(places)) > 1 for places in (self.before, self.behind)):
            raise ValueError("pair spectrometer: two planes at least are needed on each side of the magnet")
        if max(self.before) >= 0 or min(self.behind) <= 0:
            raise ValueError(
                "pair spectrometer: planes in front of the magnet are below 0 mm, behind it above"
            )
        if not (self.resolution > 0 and self.field_integral > 0 and self.separation >= 0):
            raise ValueError(
                "pair spectrometer: resolution and field integral are expected above 0, separation from 0 on"
            )

    @property
    def angle_error(self) -> float:
        """Error of the angle between two tracks, rad: that of two slopes in front of the magnet."""
        return math.sqrt(2) * slope_error(self.before, self.resolution)

    @property
    def bend_error(self) -> float:
        """Error of the angle by which a track is bent, rad."""
        sides = (slope_error(places, self.resolution) for places in (self.before, self.behind))
        return math.hypot(*sides)

    def mass_resolution(self, positron: Floats, electron: Floats, angle: Floats) -> Floats:
        """Relative resolution of the mass by the formula of `spectrometer.mass_resolution`.

        Parameters
        ----------
        positron, electron : (n,) float64, GeV
        angle : (n,) float64, rad
        """
        by_momentum = self.bend_error / (GEV_PER_TESLA_METRE * self.field_integral)
        squares = (self.angle_error / angle) ** 2 + (by_momentum / 2) ** 2 * (positron**2 + electron**2)
        result: Floats = np.sqrt(squares)
        return result


@dataclass(frozen=True, slots=True)
class PairMasses:
    """Pairs as a spectrometer sees them.

    Attributes
    ----------
    mass : (n,) float64, GeV
        Reconstructed, sqrt(E+ E-) theta.
    expected : (n,) float64, GeV
        Resolution of each by the formula, at its true energies and angle.
    resolved : (n,) bool
        The two are apart in every plane in front of the magnet.
    """

    mass: Floats
    expected: Floats
    resolved: Booleans

    @property
    def width(self) -> float:
        """Half the width of the middle 68 % of the masses of resolved pairs, GeV."""
        low, high = np.quantile(self.mass[self.resolved], [0.15865, 0.84135])
        return float(high - low) / 2


def slope_error(places: tuple[float, ...], resolution: float) -> float:
    """Error of the slope of a straight line through planes, rad; mm."""
    return resolution * math.sqrt(float(np.sum(_lever(places) ** 2)))


def simulate_pairs(
    mass: float, energy: Floats, room: Floats, spectrometer: PairSpectrometer, rng: np.random.Generator
) -> PairMasses:
    """Decays to an electron pair, their hits, and the masses that are reconstructed from these.

    Parameters
    ----------
    mass : float, GeV
        Of the boson, which flies along the beam and decays isotropically in its rest frame.
    energy : (n,) float64, GeV
        Of the boson.
    room : (n,) float64, mm
        From the decay to the magnet.
    spectrometer : PairSpectrometer
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        A boson decays behind the first plane, is lighter than the pair, or has less energy than mass.
    """
    if not mass > 2 * ELECTRON_MASS:
        raise ValueError(f"pair of {mass:g} GeV: lighter than an electron and a positron")
    if not np.min(energy) > mass:
        raise ValueError(f"boson of {mass:g} GeV: {np.min(energy):g} GeV of energy are not above its mass")
    if np.min(room) <= -min(spectrometer.before):
        raise ValueError(
            f"pairs that decay {np.min(room):g} mm in front of the magnet: the first plane is "
            f"{-min(spectrometer.before):g} mm in front of it"
        )
    energies, slopes = _decays(mass, energy, rng)
    both = [
        _track(spectrometer, charge * one, slope, room, rng)
        for one, slope, charge in zip(energies, slopes, (1, -1), strict=True)
    ]
    (momentum, measured), (other, beside) = both
    opening = slopes[0] - slopes[1]
    angle = np.hypot(*opening)
    resolution = spectrometer.mass_resolution(energies[0], energies[1], angle)
    apart = [np.abs(opening * (room + place)).max(axis=0) for place in spectrometer.before]
    return PairMasses(
        np.sqrt(momentum * other) * np.hypot(*(measured - beside)),
        np.sqrt(energies[0] * energies[1]) * angle * resolution,
        np.min(apart, axis=0) >= spectrometer.separation,
    )


def _track(
    spectrometer: PairSpectrometer, energy: Floats, slope: Floats, room: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Momenta (n,) in GeV and slopes in front of the magnet (2, n) in rad that are fitted to hits.

    The sign of the energy is that of the charge.
    """
    bend = GEV_PER_TESLA_METRE * spectrometer.field_integral
    at_magnet, error = slope * room, spectrometer.resolution
    before = [_fit(at_magnet[axis], slope[axis], spectrometer.before, error, rng) for axis in (0, 1)]
    behind = _fit(at_magnet[1], slope[1] + bend / energy, spectrometer.behind, error, rng)
    return bend / np.abs(behind - before[1]), np.stack(before)


def _lever(places: tuple[float, ...]) -> Floats:
    """Weights by which positions in planes add up to the slope of their line: (n,) float64, 1/mm."""
    away = np.array(places) - np.mean(places)
    result: Floats = away / np.sum(away**2)
    return result


def _fit(
    at_magnet: Floats, slope: Floats, places: tuple[float, ...], resolution: float, rng: np.random.Generator
) -> Floats:
    """Slope of a straight line through smeared hits of tracks: (n,) float64, rad."""
    true = at_magnet[:, None] + slope[:, None] * np.array(places)
    hits = true + resolution * rng.standard_normal(true.shape)
    result: Floats = hits @ _lever(places)
    return result


def _decays(mass: float, energy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Energies (2, n) in GeV and slopes (2, 2, n) in rad, in x and y, of positrons and electrons."""
    momentum = math.sqrt(mass**2 / 4 - ELECTRON_MASS**2)
    cosine, turned = rng.uniform(-1, 1, len(energy)), rng.uniform(0, 2 * np.pi, len(energy))
    forward = np.sqrt(energy**2 - mass**2) / mass * momentum * cosine
    energies = np.stack([energy / 2 + forward, energy / 2 - forward])
    across = momentum * np.sqrt(1 - cosine**2) * np.stack([np.cos(turned), np.sin(turned)])
    return energies, np.stack([across / energies[0], -across / energies[1]])
