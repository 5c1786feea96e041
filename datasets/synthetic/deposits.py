"""Energy that particles leave in the detector, before it is recorded."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.library import Floats, Integers

NO_TRACK = 9999.0
"""Momentum (GeV) and angle (mrad) of an event without a track [V: EJ: 0 < p < 9999]."""
NO_SHOWER = 9999.0
"""Shower chi2 of an event without a shower."""


@dataclass(frozen=True, slots=True)
class Deposits:
    """What the particles of each event did; ``+`` puts the particles of two sets into the same events.

    Attributes
    ----------
    ecal : (n, 2, n_x, n_y) float64, GeV
    hcal : (n, 4, 3, 3) float64, GeV
    vhcal : (n, 16) float64, GeV
    srd : (n, 3) float64, GeV
    veto : (n, 6) float64, GeV
    momentum : (n,) float64, GeV
        Of the incoming particle; `NO_TRACK` if there is none. A sum keeps that of its first term.
    straw_mean : (n,) float64
        Mean number of further hits in a straw plane; added.
    chi2_median : (n,) float64
        Of the shower profile; the larger of two.
    electromagnetic, hadronic : (n,) float64, GeV
        True energy of electrons and photons, and of hadrons and muons, that enters the detector.
    first_shower, second_shower : (n,) int64
        Library events used, in the numbering of the whole library; -1 is none.
    """

    ecal: Floats
    hcal: Floats
    vhcal: Floats
    srd: Floats
    veto: Floats
    momentum: Floats
    straw_mean: Floats
    chi2_median: Floats
    electromagnetic: Floats
    hadronic: Floats
    first_shower: Integers
    second_shower: Integers

    def __len__(self) -> int:
        return len(self.momentum)

    def __add__(self, other: Deposits) -> Deposits:
        return Deposits(
            ecal=self.ecal + other.ecal,
            hcal=self.hcal + other.hcal,
            vhcal=self.vhcal + other.vhcal,
            srd=self.srd + other.srd,
            veto=self.veto + other.veto,
            momentum=self.momentum,
            straw_mean=self.straw_mean + other.straw_mean,
            chi2_median=np.maximum(self.chi2_median, other.chi2_median),
            electromagnetic=self.electromagnetic + other.electromagnetic,
            hadronic=self.hadronic + other.hadronic,
            first_shower=np.where(self.first_shower < 0, other.first_shower, self.first_shower),
            second_shower=np.where(self.first_shower < 0, other.second_shower, other.first_shower),
        )

    def take(self, rows: Integers) -> Deposits:
        """These events, in this order."""
        return Deposits(*(getattr(self, field.name)[rows] for field in fields(self)))


def empty(n: int, grid: Grid) -> Deposits:
    """Events in which nothing happened."""
    none = np.full(n, -1, dtype=np.int64)
    return Deposits(
        ecal=np.zeros((n, 2, grid.n_x, grid.n_y)),
        hcal=np.zeros((n, 4, 3, 3)),
        vhcal=np.zeros((n, 16)),
        srd=np.zeros((n, 3)),
        veto=np.zeros((n, 6)),
        momentum=np.full(n, NO_TRACK),
        straw_mean=np.zeros(n),
        chi2_median=np.zeros(n),
        electromagnetic=np.zeros(n),
        hadronic=np.zeros(n),
        first_shower=none,
        second_shower=none,
    )


def concatenate(parts: list[Deposits]) -> Deposits:
    """Put the events of all parts one after the other."""
    return Deposits(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Deposits))
    )
