"""The kinds of events of a campaign with a dump in front of the ECAL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import constants

from na64.datasets.synthetic.campaign import Component
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.dump import (
    at_places,
    crossings,
    dump_of,
    hadrons_through,
    muons_through,
    stopped,
)
from na64.datasets.synthetic.electromagnetic import fluctuate, mean_cells
from na64.datasets.synthetic.library import Floats, Integers
from na64.datasets.synthetic.muon_pairs import ELECTRON_MASS, PairSpectrum, muon_fraction
from na64.datasets.synthetic.particles import (
    CHARGED_HADRONS,
    HADRON_CHI2,
    NEUTRAL_HADRONS,
    Gun,
    add_to,
    beam_pions,
    hadrons,
    muons,
    off_axis,
    power_law,
    with_zero_degree,
)

KAON_MASS, PION_MASS, NEUTRAL_PION_MASS = 0.497611, 0.13957, 0.134977
"""GeV [R-hi: PDG]."""
KAON_LENGTH = 26.84
"""mm, c times the lifetime of the K0S [R-hi: PDG]; 2.70 m at 50 GeV [D]."""
_CANDIDATES = 20
_PAIR_DEPTH = 2.0
"""X0, mean depth at which photons above 40 GeV convert to muons [D: 91 such pairs of our Geant4 sample]."""

HBAR_C = constants.hbar * constants.c / constants.e * 1e-6
"""GeV mm."""


def _electron(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons that stop in the dump; those of low energy lost a photon before the magnet."""
    low, high = component.parameters["lowest"], component.parameters["highest"]
    photon = low * (high / low) ** gun.rng.random(n) if low > 0 else np.zeros(n)
    energy = np.maximum(gun.beam_energy(n) - photon, 1.0)
    return stopped(gun, energy, energy)


def _hadron(gun: Gun, component: Component, n: int) -> Deposits:
    values = component.parameters
    fractions = {
        **{name: values["pion"] * share for name, share in beam_pions(gun.beam.energy).items()},
        "Km_100GeV": values["kaon"],
        "p_100GeV": values["proton"],
    }
    return with_zero_degree(hadrons_through(gun, n, fractions), off_axis(gun, n))


def _muon(gun: Gun, component: Component, n: int) -> Deposits:  # noqa: ARG001
    return with_zero_degree(muons_through(gun, n), np.zeros(n))


def _dimuon(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons whose shower has a photon that converts to two muons, which cross the rest of the dump."""
    low, high = component.parameters["lowest"], component.parameters["highest"]
    energy, dump = gun.beam_energy(n), dump_of(gun)
    photon = PairSpectrum(gun.beam.energy, low, high).draw(n, gun.rng)
    fraction = muon_fraction(photon, gun.rng)
    shower = stopped(gun, np.maximum(energy - photon, 0.5), energy)
    pair = muons(gun, fraction * photon) + muons(gun, (1 - fraction) * photon)
    depth = np.minimum(gun.rng.exponential(_PAIR_DEPTH, n), dump.depth)
    crossed = crossings(gun, depth, dump.depth, n)
    pair = replace(
        pair,
        charged=at_places(n, 0.0, 2.0, 2.0),
        further={name: 2 * cells for name, cells in crossed.items()},
    )
    return with_zero_degree(shower + pair, off_axis(gun, n))


def _neutral_hadron(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons of which a fraction of the energy leaves the dump as a neutron or K0L."""
    energy, fraction = _leading(gun, component, n)
    shower = stopped(gun, (1 - fraction) * energy, energy)
    return with_zero_degree(shower + hadrons(gun, fraction * energy, NEUTRAL_HADRONS), off_axis(gun, n))


def _leading(gun: Gun, component: Component, n: int) -> tuple[Floats, Floats]:
    """Energy of the beam, and the fraction that a hadron takes out of the dump, of density f^-power."""
    values = component.parameters
    fraction = power_law(values["lowest"], values["highest"], values["power"], gun.rng.random(n))
    return gun.beam_energy(n), fraction


def _short_kaon(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons of which a fraction of the energy leaves the dump as a K0S.

    It decays in front of the ECAL to two charged pions, or to two neutral ones whose photons may make an
    electron pair before the last counter; or it gets as far as the ECAL, and showers like a K0L.
    """
    values, dump = component.parameters, dump_of(gun)
    energy, fraction = _leading(gun, component, n)
    kaon = fraction * energy
    flight = gun.rng.exponential(KAON_LENGTH * kaon / KAON_MASS, n)
    decays = flight < dump.volume
    ratio = values["neutral_ratio"]
    is_neutral = gun.rng.random(n) < ratio / (1 + ratio)
    deposits = stopped(gun, (1 - fraction) * energy, energy)
    late, charged, neutral = (
        np.flatnonzero(rows) for rows in (~decays, decays & ~is_neutral, decays & is_neutral)
    )
    deposits = add_to(deposits, late, hadrons(gun, kaon[late], NEUTRAL_HADRONS[:1]))
    deposits = add_to(deposits, charged, _charged_pions(gun, kaon[charged]))
    room = dump.volume - flight
    deposits = add_to(deposits, neutral, _photons_of_pions(gun, kaon[neutral], room[neutral], values))
    vertex = np.where(decays, dump.length + flight, np.nan)
    return replace(with_zero_degree(deposits, off_axis(gun, n)), vertex=vertex)


def _two_bodies(gun: Gun, energy: Floats, mass: float, of_mass: float) -> tuple[Floats, Floats]:
    """Energy of both products of equal mass of an isotropic decay, and their transverse momentum, GeV.

    Returns
    -------
    (2, n) float64, GeV
    (n,) float64, GeV
    """
    momentum = np.sqrt(mass**2 / 4 - of_mass**2)
    cosine = gun.rng.uniform(-1, 1, len(energy))
    forward = np.sqrt(np.maximum(energy**2 - mass**2, 0.0)) / mass * momentum * cosine
    return np.stack([energy / 2 + forward, energy / 2 - forward]), momentum * np.sqrt(1 - cosine**2)


def _charged_pions(gun: Gun, energy: Floats) -> Deposits:
    """Two charged pions of a K0S: where they hit does not matter to showers as wide as theirs."""
    first, second = _two_bodies(gun, energy, KAON_MASS, PION_MASS)[0]
    pair = hadrons(gun, first, CHARGED_HADRONS) + hadrons(gun, second, CHARGED_HADRONS)
    return replace(pair, charged=at_places(len(energy), 0.0, 0.0, 2.0))


def _photons_of_pions(gun: Gun, energy: Floats, room: Floats, values: dict[str, float]) -> Deposits:
    """Four photons of two neutral pions of a K0S that decays `room` (n,) mm in front of the ECAL."""
    n = len(energy)
    pions, transverse = _two_bodies(gun, energy, KAON_MASS, NEUTRAL_PION_MASS)
    x, y = gun.impact(n)
    angle = gun.rng.uniform(0, 2 * np.pi, n)
    blank = hadrons(gun, energy, NEUTRAL_HADRONS[:1])
    cells = np.zeros_like(blank.calorimeter)
    for pion, sign in zip(pions, (1, -1), strict=True):
        away = sign * transverse / np.maximum(pion, NEUTRAL_PION_MASS) * room
        at_x, at_y = x + away * np.cos(angle), y + away * np.sin(angle)
        photons, spread = _two_bodies(
            gun, np.maximum(pion, 1.001 * NEUTRAL_PION_MASS), NEUTRAL_PION_MASS, 0.0
        )
        turned = gun.rng.uniform(0, 2 * np.pi, n)
        for photon, side in zip(photons, (1, -1), strict=True):
            off = side * spread / np.maximum(photon, 0.05) * room
            cells += mean_cells(
                photon, at_x + off * np.cos(turned), at_y + off * np.sin(turned), gun.grid, gun.rng
            )
    chance = 1 - (1 - values["conversion"]) ** 4 * (1 - values["dalitz"]) ** 2
    pairs = gun.rng.random(n) < chance
    return replace(
        _without_calorimeters(blank),
        calorimeter=fluctuate(cells, gun.response.calorimeter_stochastic, gun.rng),
        charged=at_places(n, 0.0, 0.0, np.where(pairs, 2.0, 0.0)),
        hadronic=np.zeros(n),
        electromagnetic=energy,
    )


def _without_calorimeters(deposits: Deposits) -> Deposits:
    """The same events with nothing in HCAL and VETO, and of no shower of the library."""
    n = len(deposits)
    none: Integers = np.full(n, -1, dtype=np.int64)
    return replace(
        deposits,
        modules=np.zeros_like(deposits.modules),
        paddles=np.zeros_like(deposits.paddles),
        chi2_median=np.full(n, HADRON_CHI2),
        first_shower=none,
        second_shower=none,
    )


def decay_length(energy: Floats, mass: float, coupling: float) -> Floats:
    """Mean flight of a dark photon that decays to an electron pair only: (n,) float64, mm."""
    ratio = (ELECTRON_MASS / mass) ** 2
    width = constants.alpha * coupling**2 * mass / 3 * np.sqrt(1 - 4 * ratio) * (1 + 2 * ratio)
    found: Floats = np.sqrt(np.maximum(energy**2 - mass**2, 0.0)) / mass * HBAR_C / width
    return found


def _electron_pair(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons that radiate a dark photon at the front of the dump, which decays behind it to a pair.

    Fractions of the energy are those of `load_spectrum`, times the probability to decay between the dump and
    the ECAL at the given coupling.
    """
    dump, values = dump_of(gun), component.parameters
    mass, coupling = values["mass"], values["coupling"]
    energy = gun.beam_energy(n)
    if not values["lowest"] < values["highest"] <= 1:
        raise ValueError(
            f"component {component.name}: nothing is between {values['lowest']:g} and {values['highest']:g} "
            "of the energy"
        )
    spectrum, n_candidates = load_spectrum(gun.beam.energy), _CANDIDATES * n
    fraction = spectrum.draw(mass, values["lowest"], n_candidates, gun.rng, values["highest"])
    length = decay_length(fraction * gun.beam.energy, mass, coupling)
    chance = np.exp(-dump.length / length) * -np.expm1(-dump.volume / length)
    if not chance.sum() > 0:
        raise ValueError(f"component {component.name}: no dark photon decays behind the dump")
    chosen = gun.rng.choice(len(chance), n, p=chance / chance.sum())
    fraction, length = fraction[chosen], length[chosen]
    flight = -length * np.log1p(gun.rng.random(n) * np.expm1(-dump.volume / length))
    deposits = stopped(gun, np.maximum((1 - fraction) * energy, 0.01), energy)
    return replace(
        deposits + _pair(gun, fraction * energy, mass, dump.volume - flight), vertex=dump.length + flight
    )


def _pair(gun: Gun, energy: Floats, mass: float, room: Floats) -> Deposits:
    """Showers of an electron and a positron of a particle that decays `room` (n,) mm in front of the ECAL."""
    n = len(energy)
    both, transverse = _two_bodies(gun, energy, mass, ELECTRON_MASS)
    x, y = gun.impact(n)
    angle = gun.rng.uniform(0, 2 * np.pi, n)
    blank = _without_calorimeters(hadrons(gun, energy, NEUTRAL_HADRONS[:1]))
    cells = np.zeros_like(blank.calorimeter)
    for one, side in zip(both, (1, -1), strict=True):
        off = side * transverse / np.maximum(one, 0.05) * room
        cells += mean_cells(one, x + off * np.cos(angle), y + off * np.sin(angle), gun.grid, gun.rng)
    return replace(
        blank,
        calorimeter=fluctuate(cells, gun.response.calorimeter_stochastic, gun.rng),
        charged=at_places(n, 0.0, 0.0, 2.0),
        chi2_median=np.zeros(n),
        hadronic=np.zeros(n),
    )


DUMP_GENERATORS: dict[ComponentKind, Callable[[Gun, Component, int], Deposits]] = {
    ComponentKind.DUMP_ELECTRON: _electron,
    ComponentKind.DUMP_HADRON: _hadron,
    ComponentKind.DUMP_MUON: _muon,
    ComponentKind.DUMP_DIMUON: _dimuon,
    ComponentKind.SHORT_KAON: _short_kaon,
    ComponentKind.NEUTRAL_HADRON: _neutral_hadron,
    ComponentKind.ELECTRON_PAIR: _electron_pair,
}
"""How the events of each kind are made."""
