"""Events of a beam of hadrons: charge exchange to unseen mesons, decays in flight, interactions upstream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from na64.datasets.synthetic.campaign import Component
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.deposits import Deposits, empty
from na64.datasets.synthetic.library import Floats
from na64.datasets.synthetic.particles import (
    CHARGED_HADRONS,
    NEUTRAL_HADRONS,
    Gun,
    add_to,
    as_beam,
    hadrons,
    muons,
    off_axis,
    with_zero_degree,
)

PRESHOWER = 0.107
"""Part of the length of the ECAL that its preshower is, 16 of 150 layers [D: showers/README.md]."""
IONISING = 20.0
"""GeV of the library's muons that stand for hadrons before they interact: muons that hardly radiate."""


def charge_exchange(gun: Gun, component: Component, n: int) -> Deposits:
    """Hadrons of the beam that become a neutral meson in the ECAL, which takes their energy and is not seen.

    They ionise up to there, as deep as a beam is absorbed; what is left of the nucleon is seen whole.
    """
    values, energy = component.parameters, gun.beam_energy(n)
    depth = depths(values["interaction_lengths"], gun.rng.random(n))
    ionised = muons(gun, np.full(n, IONISING))
    before = np.stack([depth / PRESHOWER, (depth - PRESHOWER) / (1 - PRESHOWER)], axis=1)
    calorimeter = ionised.calorimeter * np.clip(before, 0.0, 1.0)[:, :, None, None]
    recoil = gun.rng.exponential(values["recoil"], n)
    x, y = gun.grid.beam_cell
    calorimeter[np.arange(n), (depth > PRESHOWER).astype(np.int64), x, y] += recoil
    seen = as_beam(
        gun,
        replace(ionised, calorimeter=calorimeter, modules=0 * ionised.modules, paddles=0 * ionised.paddles),
        energy,
    )
    return replace(seen, hadronic=recoil)


def depths(interaction_lengths: float, uniform: Floats) -> Floats:
    """Where in a target hadrons interact that do so, as fractions of its length, of uniform numbers (n,)."""
    absorbed = -np.expm1(-interaction_lengths)
    result: Floats = -np.log1p(-uniform * absorbed) / interaction_lengths
    return result


def decay_in_flight(gun: Gun, component: Component, n: int) -> Deposits:
    """Muons of hadrons that decayed behind the tracker: evenly from a least fraction of the energy on."""
    energy = gun.beam_energy(n)
    muon = gun.rng.uniform(component.parameters["lowest"], 1.0, n) * energy
    seen = as_beam(gun, with_zero_degree(muons(gun, muon), np.zeros(n)), energy)
    return replace(seen, hadronic=muon)


def upstream_hadron(gun: Gun, component: Component, n: int) -> Deposits:
    """Hadrons that interacted behind the tracker: one hadron with a part of the energy reaches the ECAL."""
    values, energy = component.parameters, gun.beam_energy(n)
    left = gun.rng.uniform(values["lowest"], values["highest"], n) * energy
    is_neutral = gun.rng.random(n) < values["neutral_fraction"]
    seen = empty(n, gun.grid, len(gun.response.counter_means))
    for rows, names in (
        (np.flatnonzero(~is_neutral), CHARGED_HADRONS),
        (np.flatnonzero(is_neutral), NEUTRAL_HADRONS),
    ):
        seen = add_to(seen, rows, hadrons(gun, left[rows], names))
    seen = as_beam(gun, with_zero_degree(seen, off_axis(gun, n)), energy)
    return replace(seen, hadronic=left, hit_mean=gun.rng.exponential(values["extra_tracks"], n))


HADRON_GENERATORS: dict[ComponentKind, Callable[[Gun, Component, int], Deposits]] = {
    ComponentKind.CHARGE_EXCHANGE: charge_exchange,
    ComponentKind.DECAY_IN_FLIGHT: decay_in_flight,
    ComponentKind.UPSTREAM_HADRON: upstream_hadron,
}
"""How the events of each kind are made."""
