"""A second particle that comes at another time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from na64.datasets.synthetic.campaign import PileUp
from na64.datasets.synthetic.deposits import Deposits, concatenate
from na64.datasets.synthetic.dump import hadrons_through, stopped
from na64.datasets.synthetic.library import Booleans, Floats, Integers
from na64.datasets.synthetic.muon_components import through
from na64.datasets.synthetic.particles import Gun, beam_hadrons, electrons, nearest_pions

_COINCIDENCE = 12.0


@dataclass(frozen=True, slots=True)
class PileUpOverlay:
    """Second particles.

    Attributes
    ----------
    rows : (n_second,) int64
        Events that have one, ascending.
    delay : (n_second,) float64, ns
        After the particle that fired the trigger.
    deposits : Deposits
        ``n_second`` events.
    """

    rows: Integers
    delay: Floats
    deposits: Deposits


def overlay(gun: Gun, pile_up: PileUp, forced: Booleans) -> PileUpOverlay:
    """Draw the second particles of a block of events.

    Parameters
    ----------
    gun : Gun
    pile_up : PileUp
    forced : (n,) bool
        Events that have a hadron, or in a beam of muons a muon, within a few ns; the others have any particle
        at any time, sometimes.
    """
    rng = gun.rng
    rows = np.flatnonzero(forced | (rng.random(len(forced)) < pile_up.probability))
    coincident = forced[rows]
    delay = np.where(
        coincident,
        rng.uniform(-_COINCIDENCE, _COINCIDENCE, len(rows)),
        rng.uniform(pile_up.start, pile_up.stop, len(rows)),
    )
    is_hadron = coincident | (rng.random(len(rows)) < pile_up.hadron_fraction)
    return PileUpOverlay(rows, delay, _particles(gun, is_hadron, pile_up.proton_fraction))


def _particles(gun: Gun, is_hadron: Booleans, proton_fraction: float) -> Deposits:
    if gun.muon_mode is not None:
        return through(gun, len(is_hadron))
    n_hadrons = int(is_hadron.sum())
    send = beam_hadrons if gun.dump is None else hadrons_through
    first = send(gun, n_hadrons, _hadrons(gun.beam.energy, proton_fraction))
    energy = gun.beam_energy(len(is_hadron) - n_hadrons)
    second = (electrons if gun.dump is None else stopped)(gun, energy, energy)
    order = np.argsort(np.argsort(~is_hadron, kind="stable"), kind="stable")
    return concatenate([first, second]).take(order)


def _hadrons(energy: float, proton_fraction: float) -> dict[str, float]:
    """Share of each sample of the library among second hadrons."""
    pions = {name: (1 - proton_fraction) * share for name, share in nearest_pions(energy).items()}
    return {**pions, "p_100GeV": proton_fraction} if proton_fraction else pions
