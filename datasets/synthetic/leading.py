"""Leading neutral hadrons that pass ECAL and HCAL 0 and shower behind, as if something decayed there.

Too rare to be simulated whole: seven interaction lengths of HCAL 0 let one in a thousand through. Showers of
the library that began in HCAL 0 are moved one module on, which is the same calorimeter again. There are some
forty of each particle, so their events repeat; the mean is that of the library, tails are not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from na64.datasets.synthetic.axions import half_a_cell
from na64.datasets.synthetic.campaign import Component
from na64.datasets.synthetic.deposits import Deposits, concatenate, empty
from na64.datasets.synthetic.library import Floats
from na64.datasets.synthetic.particles import DIMUON_CHI2, Gun, electrons, hadrons

NEUTRON, KAON = "n_80GeV", "K0L_80GeV"
"""Samples of the library."""
_MOST_IN_CALORIMETER = 0.02
"""Part of the energy of a hadron that did not interact in the ECAL."""
_LEAST_IN_MODULES = 0.1
"""Part of it in HCAL 0 and 1, of one that did so there."""
_CANDIDATES = 4
"""Tried for each event that is wanted, at a time."""


def leading_neutral(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons of which a neutral hadron takes a fraction of the energy and begins to shower in HCAL 1."""
    values, energy = component.parameters, gun.beam_energy(n)
    fraction = gun.rng.uniform(values["lowest"], values["highest"], n)
    is_kaon = gun.rng.random(n) < values["kaon_fraction"]
    shower = electrons(gun, (1 - fraction) * energy, energy)
    modules, used = shower.modules.copy(), np.full(n, -1, np.int64)
    for rows, name in ((np.flatnonzero(is_kaon), KAON), (np.flatnonzero(~is_kaon), NEUTRON)):
        late = _late(gun, (fraction * energy)[rows], name)
        modules[rows] += _moved(late.modules)
        used[rows] = late.first_shower
    return replace(
        shower,
        modules=modules,
        hadronic=fraction * energy,
        second_shower=used,
        chi2_median=np.full(n, DIMUON_CHI2),
    )


def _late(gun: Gun, energy: Floats, name: str) -> Deposits:
    """Hadrons of these energies (n,), GeV, that crossed the ECAL without an interaction."""
    left, order, found = np.arange(len(energy)), [np.zeros(0, np.int64)], [empty(0, gun.grid)]
    while len(left):
        tried = np.repeat(energy[left], _CANDIDATES)
        some = hadrons(gun, tried, (name,))
        in_calorimeter, in_modules = (
            some.calorimeter.sum(axis=(1, 2, 3)),
            some.modules[:, :2].sum(axis=(1, 2, 3)),
        )
        good = (in_calorimeter < _MOST_IN_CALORIMETER * tried) & (in_modules > _LEAST_IN_MODULES * tried)
        good = good.reshape(len(left), _CANDIDATES)
        has = good.any(axis=1)
        found.append(some.take(np.flatnonzero(has) * _CANDIDATES + good.argmax(axis=1)[has]))
        order.append(left[has])
        left = left[~has]
    return concatenate(found).take(np.argsort(np.concatenate(order)))


def _moved(modules: Floats) -> Floats:
    """Energies (n, 4, 3, 3) of a shower that begins one module later; the last one is off the beam."""
    moved = np.zeros_like(modules)
    moved[:, 1], moved[:, 2] = modules[:, 0], half_a_cell(modules[:, 1])
    return moved
