"""What the cross-section says of a simulated rate of muon pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from na64.datasets.conditions.conditions import RunType
from na64.datasets.synthetic.campaign import Campaign, Component
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.components import GENERATORS, fires
from na64.datasets.synthetic.particles import Gun
from na64.outputs.control.dimuon.pair_production import pairs_per_electron

_N_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class DimuonProduction:
    """Muon pairs per live electron that the trigger takes.

    Attributes
    ----------
    pairs : float
        Made per electron by photons of the campaign's energies, from the cross-section.
    triggered : float
        Fraction of them that the emulated trigger takes.
    triggered_error : float
    simulated : float
        Rate of triggered pairs that the campaign was simulated with.
    """

    pairs: float
    triggered: float
    triggered_error: float
    simulated: float

    @property
    def scale(self) -> float:
        """Factor from the simulated rate to that of the cross-section."""
        return self.pairs * self.triggered / self.simulated

    @property
    def scale_error(self) -> float:
        """Error of `scale`, of the number of simulated pairs."""
        return self.scale * self.triggered_error / self.triggered


def production_of(campaign: Campaign, rng: np.random.Generator, *, n: int = _N_PAIRS) -> DimuonProduction:
    """Normalise the dimuons of a campaign by the cross-section.

    Parameters
    ----------
    campaign : Campaign
    rng : numpy.random.Generator
        Makes the pairs that the trigger is tried on.
    n : int
        How many.

    Raises
    ------
    ValueError
        The campaign has not exactly one component of dimuons in physics runs.
    """
    component = _dimuons(campaign)
    gun = Gun(campaign.beam, campaign.geometries[0].grid, campaign.response, rng)
    pairs = GENERATORS[ComponentKind.DIMUON](gun, component, n)
    fraction = float(fires(pairs.calorimeter, gun.grid, campaign.trigger, rng).mean())
    made = pairs_per_electron(
        component.parameters["lowest"], component.parameters["highest"], beam_energy=campaign.beam.energy
    )
    error = math.sqrt(fraction * (1 - fraction) / n)
    return DimuonProduction(made, fraction, error, component.rates[RunType.PHYSICS])


def _dimuons(campaign: Campaign) -> Component:
    found = [c for c in campaign.components if c.kind is ComponentKind.DIMUON and RunType.PHYSICS in c.rates]
    if len(found) != 1:
        raise ValueError(f"campaign {campaign.name} has {len(found)} components of dimuons: expected one")
    return found[0]
