"""Axion-like particles made in the ECAL: where they decay, and showers of photons in the HCAL.

One photon of the shower becomes the particle, with all its energy; the rest showers as an electron's. It goes
along the beam and decays to two photons. The shower of these is a mean profile, without fluctuations of its
depth, with one Gaussian response of all cells: good for containment and for the energy, not for tails. At the
smallest energies and largest masses that matter (20 GeV, 60 MeV) the photons are 6 mrad apart, 1 cm apart in
the HCAL: they share a path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammainc

from na64.datasets.synthetic.campaign import Component
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.electromagnetic import corner_integrals
from na64.datasets.synthetic.library import Floats
from na64.datasets.synthetic.muon_pairs import photon_lengths
from na64.datasets.synthetic.particles import Gun, electrons

MODULE_LENGTH = 1500.0
"""mm of an HCAL module along the beam [V: seed] cells of 150 cm."""
MODULES = 3
"""On the beam."""
CELL = 200.0
"""mm, as the shower library has it; 194 x 192 [V: seed]."""
RADIATION_LENGTH = 20.2
"""mm: 25 mm of iron and 4 mm of scintillator in turn [D: showers/README.md], 17.57 and 424 mm [PDG]."""
MOLIERE_RADIUS = 19.5
"""mm, of the same [D]; 90 % of the energy are inside of it by definition."""
CRITICAL_ENERGY = 0.0217
"""GeV, of iron [PDG]."""
_RISE = 0.5
"""Of the longitudinal profile, per radiation length, and how much deeper photons shower [PDG]."""
_NODES = 500


@dataclass(frozen=True, slots=True)
class Decays:
    """Where particles decay, mm from the front of the ECAL.

    Attributes
    ----------
    length : float, mm
        Mean length of flight of a particle of the beam's energy; it goes with the energy.
    first, last : float, mm
        All are made to decay between; from zero to a very large number for all.
    """

    length: float
    first: float
    last: float

    def __post_init__(self) -> None:
        if not (self.length > 0 and 0 <= self.first < self.last):
            raise ValueError(
                f"decays between {self.first:g} and {self.last:g} mm with a length of {self.length:g} mm"
            )

    def draw(self, fraction: Floats, rng: np.random.Generator) -> Floats:
        """Places of decays of particles with fractions of the beam's energy: (n,) float64, mm."""
        mean = self.length * fraction
        reached = -np.expm1(-(self.last - self.first) / mean)
        drawn: Floats = self.first - mean * np.log1p(-rng.random(len(fraction)) * reached)
        return drawn


def alp(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons with an axion-like particle in their shower, whose photons shower where it decays."""
    values, energy = component.parameters, gun.beam_energy(n)
    taken = _fractions(gun, values["lowest"], values["highest"], n) * energy
    decays = Decays(values["decay_length"], values["decays_from"], values["decays_to"])
    place = decays.draw(taken / gun.beam.energy, gun.rng) - (values["first"] - MODULE_LENGTH)
    absorbed = np.where(place < 0, taken, 0.0)  # in the ECAL, with its own shower
    shower = electrons(gun, np.maximum(energy - taken + absorbed, 0.01), energy)
    seen = (taken - absorbed) * values["response"]
    spread = values["stochastic"] * np.sqrt(seen)
    seen = np.maximum(seen + spread * gun.rng.standard_normal(n), 0.0)
    modules = shower.modules.copy()
    modules[:, :MODULES] += seen[:, None, None, None] * photon_cells(np.maximum(place, 0.0), taken, gun)
    return replace(shower, modules=modules)


def _fractions(gun: Gun, lowest: float, highest: float, n: int) -> Floats:
    """Fractions of the beam's energy that the particles have: those of photons in a thick target, (n,)."""
    if not 0 < lowest < highest <= 1:
        raise ValueError(
            f"axion-like particles with {lowest:g} to {highest:g} of the energy: expected two shares above 0"
        )
    grid = np.geomspace(lowest, highest, _NODES)
    density = photon_lengths(grid * gun.beam.energy, gun.beam.energy)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(grid))])
    drawn: Floats = np.interp(gun.rng.random(n) * area[-1], area, grid)
    return drawn


def photon_cells(place: Floats, energy: Floats, gun: Gun) -> Floats:
    """Part of the energy of two photons in each HCAL cell.

    Parameters
    ----------
    place : (n,) float64, mm
        Of the decay, from the front of HCAL module 0; behind the last module nothing is seen.
    energy : (n,) float64, GeV
        Of both together.
    gun : Gun

    Returns
    -------
    (n, MODULES, 3, 3) float64
    """
    share = gun.rng.random(len(energy))  # of the first photon: the decay is isotropic
    ends = np.arange(MODULES + 1) * MODULE_LENGTH
    depth = np.maximum(ends - place[:, None], 0.0) / RADIATION_LENGTH
    before = share[:, None] * _before(depth, share * energy)
    before += (1 - share)[:, None] * _before(depth, (1 - share) * energy)
    along = np.diff(before, axis=1)
    across = np.stack([_across(gun, offset, len(energy)) for offset in offsets_x()], axis=1)
    cells: Floats = along[:, :, None, None] * across
    return cells


def offsets_x() -> tuple[float, ...]:
    """How far the centre of each module is from the beam in x, mm: module 2 by half a cell [V: RC]."""
    return (0.0, 0.0, -CELL / 2)


def _before(depth: Floats, energy: Floats) -> Floats:
    """Part of the energy of photons (n,) above some depths (n, m), in radiation lengths."""
    maximum = np.maximum(np.log(np.maximum(energy, 1e-3) / CRITICAL_ENERGY) + _RISE, 0.1)
    part: Floats = gammainc((1 + _RISE * maximum)[:, None], _RISE * depth)
    return part


def _across(gun: Gun, offset: float, n: int) -> Floats:
    """Part of the energy in each cell of a module, (n, 3, 3): p(r) ~ r / (r^2 + R^2)^2."""
    x, y = gun.impact(n)
    edges = (np.arange(4) - 1.5) * CELL
    radius = np.full(n, MOLIERE_RADIUS / 3)
    corners = corner_integrals(edges - (x - offset)[:, None], edges - y[:, None], radius)
    cells: Floats = np.diff(np.diff(corners, axis=1), axis=2)
    return cells


def half_a_cell(modules: Floats) -> Floats:
    """Cells (n, 3, 3) of a module centred on the beam, as one has them that is half a cell off in x."""
    moved: Floats = modules / 2
    moved[:, 1:] += modules[:, :-1] / 2
    return moved
