"""The kinds of events of a campaign with a beam of muons.

What is visible of a muon in the ECAL and the HCAL is that of the library's muons of 100 GeV; harder ones
radiate somewhat more. What it radiates in the ECAL it has lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from na64.datasets.synthetic.campaign import Component
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.electromagnetic import fluctuate, mean_cells
from na64.datasets.synthetic.library import Booleans, Floats
from na64.datasets.synthetic.muon_mode import MODULES_SHAPE, MuonMode
from na64.datasets.synthetic.muon_pairs import muon_fraction
from na64.datasets.synthetic.muon_recoil import load_recoil
from na64.datasets.synthetic.muon_tracks import (
    KICK,
    MOMENTUM,
    N_NUMBERS,
    N_TRACKS,
    SLOPE_X,
    SLOPE_Y,
    X,
    Y,
    at_target,
    counter_energies,
    place_in_bend,
)
from na64.datasets.synthetic.particles import CHARGED_HADRONS, Gun, hadrons, muons

MUON_MASS = 0.1056584
"""GeV [R-hi: PDG]."""
_LEAST_LEFT = 0.01
"""Of its momentum, left to a muon whatever it radiates."""


def mode_of(gun: Gun) -> MuonMode:
    """The set-up of a campaign of muons."""
    if gun.muon_mode is None:
        raise ValueError("no beam of muons")
    return gun.muon_mode


def incoming(gun: Gun, n: int) -> Floats:
    """Tracks of the beam at the upstream magnet: (n, N_NUMBERS) float64."""
    found = np.zeros((n, N_NUMBERS))
    found[:, X], found[:, Y] = gun.impact(n)
    found[:, SLOPE_X], found[:, SLOPE_Y] = gun.response.angle_sigma * gun.rng.standard_normal((2, n))
    found[:, MOMENTUM] = gun.beam_energy(n)
    return found


def kicked(tracks: Floats, angle: Floats, gun: Gun) -> Floats:
    """Tracks (n, N_NUMBERS) that scatter by an angle (n,) rad into any direction."""
    turned = gun.rng.uniform(0, 2 * np.pi, len(tracks))
    found = tracks.copy()
    found[:, SLOPE_X] += angle * np.cos(turned)
    found[:, SLOPE_Y] += angle * np.sin(turned)
    return found


def scattered(tracks: Floats, sigma: float, gun: Gun) -> Floats:
    """Tracks (n, N_NUMBERS) that scatter by a normal angle of so many rad in x and in y."""
    found = tracks.copy()
    found[:, [SLOPE_X, SLOPE_Y]] += sigma * gun.rng.standard_normal((len(tracks), 2))
    return found


def recorded(gun: Gun, particles: Deposits, beam: Floats, leaving: Floats) -> Deposits:
    """Events of what particles leave in the calorimeters, of a beam track and of those that leave the target.

    Parameters
    ----------
    gun : Gun
    particles : Deposits
        As in the usual set-up, ``n`` events.
    beam : (n, N_NUMBERS) float64
    leaving : (n, up to N_TRACKS - 1, N_NUMBERS) float64
    """
    mode, n = mode_of(gun), len(beam)
    tracks = np.zeros((n, N_TRACKS, N_NUMBERS))
    tracks[:, 0] = beam
    tracks[:, 1 : 1 + leaving.shape[1]] = leaving
    target = particles.calorimeter.sum(axis=1).reshape(n, gun.grid.n_x * gun.grid.n_y)
    counters = counter_energies(tracks, mode, gun.rng)
    return replace(
        particles,
        calorimeter=np.zeros_like(particles.calorimeter),
        modules=_in_columns(particles.modules, tracks[:, 1], mode),
        surrounding=np.zeros((n, 16)),
        paddles=np.zeros((n, 6)),
        momentum=beam[:, MOMENTUM],
        tracks=tracks,
        further={mode.target: target, mode.counted: counters},
    )


def _in_columns(modules: Floats, track: Floats, mode: MuonMode) -> Floats:
    """Cells of modules of three columns (n, 4, 3, 3) in two of six, around where a track points."""
    at = place_in_bend(track, mode.downstream, mode.target_z, mode.modules_z) - mode.modules_centre
    column = np.floor(np.nan_to_num(at) / mode.modules_pitch) + MODULES_SHAPE[1] // 2
    first = np.clip(column, 1, MODULES_SHAPE[1] - 2).astype(np.int64) - 1
    found = np.zeros((len(modules), *MODULES_SHAPE))
    for off in range(3):
        found[np.arange(len(modules)), :, first + off] = modules[:, : MODULES_SHAPE[0], off]
    return found


def _energy(particles: Deposits) -> Floats:
    energy: Floats = particles.calorimeter.sum(axis=(1, 2, 3))
    return energy


def _left(momentum: Floats, particles: Deposits) -> Floats:
    """Momentum (n,) less what a muon leaves in the target: it never has less than a part of it."""
    left: Floats = np.maximum(momentum - _energy(particles), _LEAST_LEFT * momentum)
    return left


def through(gun: Gun, n: int, scatter: float = 0.0, kick: Floats | float = 0.0) -> Deposits:
    """Muons of the beam, which lose what they radiate in the target and scatter there (rad)."""
    beam = incoming(gun, n)
    particles = muons(gun, beam[:, MOMENTUM])
    leaving = scattered(at_target(beam, mode_of(gun), gun.beam.energy), scatter, gun)
    leaving[:, MOMENTUM] = _left(beam[:, MOMENTUM], particles)
    leaving[:, KICK] = kick
    return recorded(gun, particles, beam, leaving[:, None])


def _muon(gun: Gun, component: Component, n: int) -> Deposits:
    return through(gun, n, component.parameters["scatter"])


def _tail(gun: Gun, component: Component, n: int) -> Deposits:
    """Muons that scatter in the downstream magnet by an angle with an exponential tail: a wrong momentum."""
    kick = gun.rng.exponential(component.parameters["tail"], n) * gun.rng.choice([-1.0, 1.0], n)
    return through(gun, n, component.parameters["scatter"], kick)


def _loss(gun: Gun, component: Component, n: int) -> Deposits:
    """Muons that radiate a hard photon in the target, of density 1 / E."""
    values = component.parameters
    beam = incoming(gun, n)
    photon = values["lowest"] * (values["highest"] / values["lowest"]) ** gun.rng.random(n)
    left = np.maximum(beam[:, MOMENTUM] - photon, _LEAST_LEFT * photon)
    particles = muons(gun, left)
    shower = fluctuate(
        mean_cells(photon, *gun.impact(n), gun.grid, gun.rng), gun.response.calorimeter_stochastic, gun.rng
    )
    leaving = scattered(at_target(beam, mode_of(gun), gun.beam.energy), values["scatter"], gun)
    leaving[:, MOMENTUM] = _left(left, particles)
    return recorded(
        gun, replace(particles, calorimeter=particles.calorimeter + shower), beam, leaving[:, None]
    )


def _decay(gun: Gun, component: Component, n: int) -> Deposits:
    """Hadrons of the beam that decay to a muon and a neutrino between the upstream magnet and the target.

    The decay is isotropic; its angle is added where the target is.
    """
    beam, mass = incoming(gun, n), component.parameters["mass"]
    momentum = (mass**2 - MUON_MASS**2) / (2 * mass)
    cosine = gun.rng.uniform(-1, 1, n)
    energy = beam[:, MOMENTUM] / mass * (np.hypot(momentum, MUON_MASS) + momentum * cosine)
    angle = momentum * np.sqrt(1 - cosine**2) / energy
    leaving = kicked(at_target(beam, mode_of(gun), gun.beam.energy), angle, gun)
    particles = muons(gun, energy)
    leaving[:, MOMENTUM] = _left(energy, particles)
    return recorded(gun, particles, beam, leaving[:, None])


def _trident(gun: Gun, component: Component, n: int) -> Deposits:
    """Muons with a pair of muons from a photon that they radiate in the target, of density 1 / E."""
    values = component.parameters
    beam = incoming(gun, n)
    photon = values["lowest"] * (values["highest"] / values["lowest"]) ** gun.rng.random(n)
    fraction = muon_fraction(photon, gun.rng)
    momenta = (
        np.maximum(beam[:, MOMENTUM] - photon, _LEAST_LEFT * photon),
        fraction * photon,
        (1 - fraction) * photon,
    )
    start = scattered(at_target(beam, mode_of(gun), gun.beam.energy), values["scatter"], gun)
    leaving = np.stack([start] * 3, axis=1)
    for number, (momentum, charge) in enumerate(zip(momenta, (1, 1, -1), strict=True)):
        leaving[:, number] = kicked(start, MUON_MASS / momentum, gun) if number else start
        leaving[:, number, MOMENTUM] = charge * momentum
    first, second, third = (muons(gun, momentum) for momentum in momenta)
    return recorded(gun, first + second + third, beam, leaving)


def _hadron(gun: Gun, component: Component, n: int) -> Deposits:
    """Hadrons of the beam: a leading one leaves the target, with a part of what is not seen in it."""
    values, beam = component.parameters, incoming(gun, n)
    particles = hadrons(gun, beam[:, MOMENTUM], CHARGED_HADRONS)
    seen = _energy(particles)
    rest = _left(beam[:, MOMENTUM], particles)
    has_shower = seen > values["showers_from"]
    taken = gun.rng.uniform(values["lowest"], values["highest"], n)
    leaving = at_target(beam, mode_of(gun), gun.beam.energy)
    momentum = np.where(has_shower, taken * rest, rest)
    leaving = kicked(leaving, np.where(has_shower, values["transverse"] / momentum, 0.0), gun)
    leaving[:, MOMENTUM] = momentum
    return recorded(gun, particles, beam, leaving[:, None])


def _boson(gun: Gun, component: Component, n: int) -> Deposits:
    """Muons that radiate a boson which leaves without a trace, see `na64.datasets.synthetic.muon_recoil`."""
    values, beam = component.parameters, incoming(gun, n)
    fraction, angle = load_recoil().draw(values["mass"], 1 - values["lowest"], n, gun.rng)
    left = np.maximum(fraction * beam[:, MOMENTUM], 1.01 * MUON_MASS)
    particles = muons(gun, left)
    leaving = kicked(at_target(beam, mode_of(gun), gun.beam.energy), angle, gun)
    leaving[:, MOMENTUM] = _left(left, particles)
    made = recorded(gun, particles, beam, leaving[:, None])
    return replace(made, electromagnetic=left, hadronic=np.zeros(n))


def fires(deposits: Deposits, gun: Gun) -> Booleans:
    """Which events the counters' trigger takes: (n,) bool."""
    mode = mode_of(gun)
    energies = deposits.within(mode.counted, len(mode.counters))
    accepted: Booleans = np.ones(len(deposits), np.bool_)
    for counter in mode.counters:
        accepted &= (energies[:, counter.cell] > counter.above) & (energies[:, counter.cell] <= counter.below)
    return accepted


MUON_GENERATORS: dict[ComponentKind, Callable[[Gun, Component, int], Deposits]] = {
    ComponentKind.BEAM_MUON: _muon,
    ComponentKind.MOMENTUM_TAIL: _tail,
    ComponentKind.MUON_LOSS: _loss,
    ComponentKind.HADRON_DECAY: _decay,
    ComponentKind.TRIDENT: _trident,
    ComponentKind.BEAM_HADRON: _hadron,
    ComponentKind.MUON_BOSON: _boson,
}
"""How the events of each kind are made."""
