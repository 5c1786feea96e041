"""Momentum and angle of a muon that has radiated a boson: the table of `na64.outputs.signal.muon_table`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from na64.datasets.synthetic.library import Floats


@dataclass(frozen=True, slots=True)
class Recoil:
    """Quantiles of what is left to the muon, by mass of the boson.

    Attributes
    ----------
    mass : (n_masses,) float64, GeV
        Rising.
    level, angle_level : (n_levels,), (n_angle_levels,) float64
        Of the quantiles, from 0 to 1.
    fraction : (n_masses, n_levels) float64
        Of the beam's energy.
    angle : (n_masses, n_levels, n_angle_levels) float64, rad
        At that fraction.
    """

    mass: Floats
    level: Floats
    angle_level: Floats
    fraction: Floats
    angle: Floats

    def draw(self, mass: float, highest: float, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw fractions of the energy up to `highest`, and angles (rad): two (n,) float64.

        Raises
        ------
        ValueError
            The table has no such mass or fraction.
        """
        if not self.mass[0] * (1 - 1e-9) <= mass <= self.mass[-1] * (1 + 1e-9):
            raise ValueError(f"boson of {mass:g} GeV: expected {self.mass[0]:g} to {self.mass[-1]:g} GeV")
        place = np.interp(np.log(mass), np.log(self.mass), np.arange(len(self.mass)))
        below = min(int(place), len(self.mass) - 2)
        share = place - below
        fraction, angle = (
            (1 - share) * table[below] + share * table[below + 1] for table in (self.fraction, self.angle)
        )
        if not fraction[0] < highest <= fraction[-1] + 1e-9:
            raise ValueError(
                f"muon with up to {highest:g} of the energy: expected {fraction[0]:g} to {fraction[-1]:g}"
            )
        level = rng.random(n) * np.interp(highest, fraction, self.level)
        at = np.interp(level, self.level, np.arange(len(self.level)))
        lower = np.minimum(at.astype(np.int64), len(self.level) - 2)
        rest = (at - lower)[:, None]
        rows = (1 - rest) * angle[lower] + rest * angle[lower + 1]
        position = np.interp(rng.random(n), self.angle_level, np.arange(len(self.angle_level)))
        low = np.minimum(position.astype(np.int64), len(self.angle_level) - 2)
        one, two = (np.take_along_axis(rows, (low + off)[:, None], 1)[:, 0] for off in (0, 1))
        return np.interp(level, self.level, fraction), one + (position - low) * (two - one)


@cache
def load_recoil() -> Recoil:
    """The packaged table: muons of 160 GeV in lead, dark photons or Z' above 68 GeV."""
    text = (files(__package__) / "muon_recoil.csv").read_text(encoding="utf-8")
    header, *rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    numbers = np.array([[float(word) for word in row] for row in rows])
    mass, level = np.unique(numbers[:, 0]), np.unique(numbers[:, 1])
    shape = (len(mass), len(level))
    return Recoil(
        mass,
        level,
        np.array([float(word) for word in header[3:]]),
        numbers[:, 2].reshape(shape),
        numbers[:, 3:].reshape(*shape, -1),
    )
