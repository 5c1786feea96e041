"""The kinds of events of a campaign, and the emulated trigger that accepts them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from na64.datasets.instrument.roles import CALORIMETER, MODULES, SURROUNDING
from na64.datasets.synthetic.axions import alp
from na64.datasets.synthetic.campaign import Component, Trigger, TriggerEmulation
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.datasets.synthetic.deposits import Deposits, concatenate, empty
from na64.datasets.synthetic.dump import fires as dump_fires
from na64.datasets.synthetic.dump_components import DUMP_GENERATORS
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.hadron_components import HADRON_GENERATORS
from na64.datasets.synthetic.leading import leading_neutral
from na64.datasets.synthetic.library import Booleans, Floats
from na64.datasets.synthetic.muon_components import MUON_GENERATORS
from na64.datasets.synthetic.muon_components import fires as muon_fires
from na64.datasets.synthetic.muon_mode import MODULES_SHAPE
from na64.datasets.synthetic.muon_pairs import PairSpectrum, muon_fraction
from na64.datasets.synthetic.muon_tracks import N_NUMBERS, N_TRACKS
from na64.datasets.synthetic.particles import (
    CHARGED_HADRONS,
    DIMUON_CHI2,
    NEUTRAL_HADRONS,
    Gun,
    add_to,
    beam_hadrons,
    beam_muons,
    beam_pions,
    electrons,
    hadrons,
    muons,
    off_axis,
    power_law,
    with_zero_degree,
)

PRESHOWER_DEPTH, MAIN_DEPTH = 4.33, 40.6
"""X0 [D: showers/README.md]."""
_PAIR_DEPTH = 2.0
"""X0, mean depth at which photons above 40 GeV convert to muons [D: 91 such pairs of our Geant4 sample]."""
_MOST_CANDIDATES = 20_000
_LEAST_ACCEPTED = 1e-4

Generator = Callable[[Gun, Component, int], Deposits]


def generate(gun: Gun, component: Component, n: int, trigger: TriggerEmulation) -> Deposits:
    """Make `n` events of a component; of a physics component only those that the trigger accepts.

    Raises
    ------
    ValueError
        The trigger accepts hardly any.
    """
    make = GENERATORS[component.kind]
    if component.trigger is not Trigger.PHYSICS:
        return make(gun, component, n)
    accepted, n_tried, n_accepted = [_nothing(gun, 0)], 0, 0
    while n_accepted < n:
        n_candidates = _n_candidates(n - n_accepted, n_accepted, n_tried)
        candidates = make(gun, component, n_candidates)
        fired = np.flatnonzero(triggers(candidates, gun, trigger))[: n - n_accepted]
        accepted.append(candidates.take(fired))
        n_tried, n_accepted = n_tried + n_candidates, n_accepted + len(fired)
        if n_accepted < _LEAST_ACCEPTED * n_tried - 10:
            raise ValueError(f"component {component.name}: the trigger takes {n_accepted} of {n_tried}")
    return concatenate(accepted)


def _n_candidates(n: int, n_accepted: int, n_tried: int) -> int:
    efficiency = max(n_accepted, 1) / n_tried if n_tried else 1.0
    return min(int(1.1 * n / efficiency) + 16, _MOST_CANDIDATES)


def triggers(deposits: Deposits, gun: Gun, trigger: TriggerEmulation) -> Booleans:
    """Which events the physics trigger takes, on the dump or on counters where it is theirs: (n,) bool."""
    if gun.muon_mode is not None:
        return muon_fires(deposits, gun)
    if gun.dump is None:
        return fires(deposits.calorimeter, gun.grid, trigger, gun.rng)
    return dump_fires(deposits, gun, trigger.resolution)


def fires(calorimeter: Floats, grid: Grid, trigger: TriggerEmulation, rng: np.random.Generator) -> Booleans:
    """Which events the physics trigger takes.

    Parameters
    ----------
    calorimeter : (n, 2, n_x, n_y) float64, GeV
    grid : Grid
    trigger : TriggerEmulation
    rng : numpy.random.Generator

    Returns
    -------
    (n,) bool
    """
    x, y = grid.beam_cell
    central = calorimeter[:, :, max(x - 1, 0) : x + 2, max(y - 1, 0) : y + 3].sum(axis=(2, 3))
    seen = central * (1 + trigger.resolution * rng.standard_normal(central.shape))
    accepted: Booleans = (seen[:, 1] < trigger.calorimeter_below) & (seen[:, 0] > trigger.preshower_above)
    return accepted


def _electron(gun: Gun, component: Component, n: int) -> Deposits:  # noqa: ARG001
    energy = gun.beam_energy(n)
    return electrons(gun, energy, energy)


def _radiated(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons that lost a photon before the magnet; it may hit the zero-degree module."""
    low, high = component.parameters["lowest"], component.parameters["highest"]
    photon = low * (high / low) ** gun.rng.random(n)
    energy = np.maximum(gun.beam_energy(n) - photon, 1.0)
    deposits = electrons(gun, energy, energy)
    hit = gun.rng.random(n) < component.parameters["zero_degree_probability"]
    return with_zero_degree(deposits, hit * photon)


def _upstream(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons that interacted behind the tracker: less energy, more tracks, sometimes a hadron."""
    values = component.parameters
    energy = gun.beam_energy(n)
    lost = np.minimum(values["lowest"] + gun.rng.exponential(values["slope"], n), 0.95 * energy)
    deposits = electrons(gun, energy - lost, energy)
    with_hadron = np.flatnonzero(gun.rng.random(n) < values["hadron_probability"])
    fraction = gun.rng.uniform(0.2, 1.0, len(with_hadron))
    second = hadrons(gun, fraction * lost[with_hadron], NEUTRAL_HADRONS)
    surrounding = gun.rng.exponential(values[f"{SURROUNDING}_mean"] / 16, (n, 16)) * gun.rng.integers(
        0, 2, (n, 1)
    )
    return replace(
        add_to(deposits, with_hadron, second),
        hit_mean=gun.rng.exponential(values["extra_tracks"], n),
        surrounding=surrounding,
    )


def _dimuon(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons whose shower has a photon that converts to two muons (`PairSpectrum`)."""
    low, high = component.parameters["lowest"], component.parameters["highest"]
    energy = gun.beam_energy(n)
    photon = PairSpectrum(gun.beam.energy, low, high).draw(n, gun.rng)
    fraction = muon_fraction(photon, gun.rng)
    shower = electrons(gun, np.maximum(energy - photon, 0.5), energy)
    pair = _from_within(muons(gun, fraction * photon) + muons(gun, (1 - fraction) * photon), gun)
    deposits = with_zero_degree(shower + pair, off_axis(gun, n))
    return replace(deposits, chi2_median=np.full(n, DIMUON_CHI2))


def _from_within(pair: Deposits, gun: Gun) -> Deposits:
    """Take away what muons leave in the calorimeter before the depth at which they are made."""
    depth = gun.rng.exponential(_PAIR_DEPTH, len(pair))
    within = np.stack([1 - depth / PRESHOWER_DEPTH, (MAIN_DEPTH - depth) / (MAIN_DEPTH - PRESHOWER_DEPTH)])
    left = np.clip(within, 0.0, 1.0).T[:, :, None, None]
    return replace(pair, calorimeter=pair.calorimeter * left)


def _electronuclear(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons of which a fraction f of the energy goes to one hadron in the ECAL; dN/df ~ f^-power."""
    values = component.parameters
    energy = gun.beam_energy(n)
    fraction = power_law(values["lowest"], values["highest"], values["power"], gun.rng.random(n))
    deposits = electrons(gun, (1 - fraction) * energy, energy)
    is_neutral = np.flatnonzero(gun.rng.random(n) < values["neutral_fraction"])
    is_charged = np.setdiff1d(np.arange(n), is_neutral)
    for rows, names in ((is_neutral, NEUTRAL_HADRONS), (is_charged, CHARGED_HADRONS)):
        deposits = add_to(deposits, rows, hadrons(gun, (fraction * energy)[rows], names))
    deposits = with_zero_degree(deposits, off_axis(gun, n))
    return replace(deposits, chi2_median=np.where(fraction > 0.4, 2.0, DIMUON_CHI2))


def _hadron(gun: Gun, component: Component, n: int) -> Deposits:
    values = component.parameters
    fractions = {
        **{name: values["pion"] * share for name, share in beam_pions(gun.beam.energy).items()},
        "Km_100GeV": values["kaon"],
        "p_100GeV": values["proton"],
    }
    # Beams of positrons or hadrons have so many that the few showers near the beam would be seen often.
    spot = None if gun.beam.particle == "e-" else math.inf
    return with_zero_degree(beam_hadrons(gun, n, fractions, spot=spot), off_axis(gun, n))


def _muon(gun: Gun, component: Component, n: int) -> Deposits:  # noqa: ARG001
    return with_zero_degree(beam_muons(gun, n), np.zeros(n))


def _pile_up(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons of low energy; `pile_up.overlay` adds the hadron that comes with them."""
    low, high = component.parameters["lowest"], component.parameters["highest"]
    return electrons(gun, gun.rng.uniform(low, high, n), gun.beam_energy(n))


def _dark_photon(gun: Gun, component: Component, n: int) -> Deposits:
    """Electrons whose shower radiates a dark photon; the rest of the energy showers as an electron's."""
    energy = gun.beam_energy(n)
    mass, lowest = component.parameters["mass"], component.parameters["lowest"]
    fraction = load_spectrum(gun.beam.energy).draw(mass, lowest, n, gun.rng)
    return electrons(gun, np.maximum((1 - fraction) * energy, 0.01), energy)


def _annihilation(gun: Gun, component: Component, n: int) -> Deposits:
    """Positrons that annihilate: what they radiated before, and nothing else, showers.

    Their energy, all of which is missing, is spread evenly between fractions of the beam's; how often each
    one occurs depends on the resonance. It is the nominal energy of the beam less what showers: the spread of
    the beam is in the track only.
    """
    low, high = component.parameters["lowest"], component.parameters["highest"]
    fraction = gun.rng.uniform(low, high, n)
    return electrons(gun, np.maximum((1 - fraction) * gun.beam.energy, 0.01), gun.beam_energy(n))


def _random(gun: Gun, component: Component, n: int) -> Deposits:  # noqa: ARG001
    return _nothing(gun, n)


def _led(gun: Gun, component: Component, n: int) -> Deposits:
    """Flash the light pulser: every calorimeter cell at once."""
    blank = _nothing(gun, n)
    spread = 1 + 0.01 * gun.rng.standard_normal((n, 1, 1, 1))
    calorimeter = np.full_like(blank.calorimeter, component.parameters[f"{CALORIMETER}_cell"]) * spread
    modules = np.full_like(blank.modules, component.parameters[f"{MODULES}_cell"]) * spread
    return replace(blank, calorimeter=calorimeter, modules=modules)


def _nothing(gun: Gun, n: int) -> Deposits:
    if gun.muon_mode is None:
        return empty(n, gun.grid, len(gun.response.counter_means))
    return empty(
        n, gun.grid, len(gun.response.counter_means), modules=MODULES_SHAPE, tracks=(N_TRACKS, N_NUMBERS)
    )


GENERATORS: dict[ComponentKind, Generator] = {
    ComponentKind.ELECTRON: _electron,
    ComponentKind.RADIATED: _radiated,
    ComponentKind.UPSTREAM: _upstream,
    ComponentKind.DIMUON: _dimuon,
    ComponentKind.ELECTRONUCLEAR: _electronuclear,
    ComponentKind.HADRON: _hadron,
    ComponentKind.MUON: _muon,
    ComponentKind.PILE_UP: _pile_up,
    ComponentKind.DARK_PHOTON: _dark_photon,
    ComponentKind.ANNIHILATION: _annihilation,
    ComponentKind.ALP: alp,
    ComponentKind.LEADING_NEUTRAL: leading_neutral,
    ComponentKind.RANDOM: _random,
    ComponentKind.LED: _led,
    **DUMP_GENERATORS,
    **HADRON_GENERATORS,
    **MUON_GENERATORS,
}
"""How the events of each kind are made."""
