"""The packaged table of muons that have radiated a boson: quantiles of the energy left, and of the angle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import MUON_MASS
from na64.outputs.signal.muons import angle_quantiles, momentum_quantiles

Floats = NDArray[np.float64]

ENERGY, LEAST = 160.0, 68.0
"""GeV: of the beam, and least energy of the boson; some that take less than half look harder."""

MASSES = (0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)
"""GeV."""

LEVELS = (0.0, 0.01, 0.03, *(round(0.05 * n, 2) for n in range(1, 20)), 0.97, 0.99, 1.0)
ANGLE_LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Of the quantiles; the rarest angles are left out: they would be most of the interpolation."""

_HEADER = """\
# What is left to a muon of 160 GeV that radiated a boson of more than 68 GeV off lead, exact tree level for
# the energy, Weizsaecker-Williams for the angle [D: outputs/signal/muon_table.py]. mass: GeV. level: of the
# quantile of the energy left, fraction: that energy over 160 GeV. Other columns: angles in rad, quantiles
# of the level in the first line.
"""


def recoil_lines() -> Iterator[str]:
    """Lines of the table."""
    yield from _HEADER.splitlines()
    yield ",".join(("mass", "level", "fraction", *(f"{level:g}" for level in (*ANGLE_LEVELS, 1.0))))
    for mass in MASSES:
        yield from lines_of(mass)


def lines_of(mass: float) -> Iterator[str]:
    """Lines of a mass in GeV."""
    left = momentum_quantiles(mass, LEVELS, beam_energy=ENERGY, threshold=LEAST)
    radiation = Radiation(mass, ENERGY, lepton_mass=MUON_MASS)
    for level, energy in zip(LEVELS, left.tolist(), strict=True):
        angles = angle_quantiles(radiation, energy / ENERGY, ANGLE_LEVELS).tolist()
        numbers = (*angles, angles[-1])
        yield ",".join(
            (f"{mass:g}", f"{level:g}", f"{energy / ENERGY:.6g}", *(f"{one:.5g}" for one in numbers))
        )
