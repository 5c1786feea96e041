"""How much of the beam's energy a dark photon takes: the table of `na64.outputs.signal.tables`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from na64.datasets.synthetic.library import Floats

BEAM_ENERGIES = (70.0, 100.0)
"""GeV, of the beams of which there is a table."""

_USUAL = 100.0


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Dark photons that take more than a fraction of the energy, by mass.

    Attributes
    ----------
    mass : (n_masses,) float64, GeV
        Rising.
    fraction : (n_fractions,) float64
        Rising, the last is 1.
    survival : (n_masses, n_fractions) float64
        Falling from 1 to 0 along a row.
    """

    mass: Floats
    fraction: Floats
    survival: Floats

    def above(self, mass: float, fraction: float) -> float:
        """Part of the dark photons of the table that take more than `fraction`."""
        return float(np.interp(fraction, self.fraction, self._row(mass)))

    def draw(
        self, mass: float, lowest: float, n: int, rng: np.random.Generator, highest: float = 1.0
    ) -> Floats:
        """Draw fractions between `lowest` and `highest`: (n,) float64.

        Raises
        ------
        ValueError
            The table has no such mass or fraction.
        """
        if not self.fraction[0] <= lowest < 1:
            raise ValueError(
                f"dark photon from {lowest:g} of the energy: expected {self.fraction[0]:g} and more, below 1"
            )
        row = self._row(mass)
        least, most = np.interp([highest, lowest], self.fraction, row)
        uniform = least + rng.random(n) * (most - least)
        return np.interp(uniform, row[::-1], self.fraction[::-1])

    def _row(self, mass: float) -> Floats:
        """Interpolate in the logarithm of the mass."""
        if not self.mass[0] <= mass <= self.mass[-1]:
            raise ValueError(
                f"dark photon of {mass:g} GeV: expected {self.mass[0]:g} to {self.mass[-1]:g} GeV"
            )
        position = np.interp(np.log(mass), np.log(self.mass), np.arange(len(self.mass)))
        below = min(int(position), len(self.mass) - 2)
        share = position - below
        row: Floats = (1 - share) * self.survival[below] + share * self.survival[below + 1]
        return row


def spectrum_file(beam_energy: float) -> str:
    """Name of the table of a beam energy in GeV."""
    return "dark_photon.csv" if beam_energy == _USUAL else f"dark_photon_{beam_energy:g}GeV.csv"


@cache
def load_spectrum(beam_energy: float = _USUAL) -> Spectrum:
    """Load a packaged table: a target of lead, electrons or positrons.

    Parameters
    ----------
    beam_energy : float, GeV
        Without a table of its own it gets the one of the nearest energy.
    """
    nearest = min(BEAM_ENERGIES, key=lambda known: abs(known - beam_energy))
    lines = (files(__package__) / spectrum_file(nearest)).read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split(",") for line in lines if not line.startswith("#")]
    numbers = np.array([[float(text) for text in row] for row in rows])
    return Spectrum(numbers[:, 0], np.array([float(text) for text in header[1:]]), numbers[:, 1:])
