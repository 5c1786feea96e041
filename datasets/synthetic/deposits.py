"""Energy that particles leave in the detector, before it is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np

from na64.datasets.instrument.roles import STANDARD_DETECTORS, Kernel
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.further_detectors import PLACES
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
    calorimeter : (n, 2, n_x, n_y) float64, GeV
    modules : (n, 4, 3, 3) float64, GeV, or (n, 2, 6, 3) of a beam of muons
    surrounding : (n, 16) float64, GeV
        Of the calorimeter around the beam behind the spectrometer.
    counters : (n, n_counters) float64, GeV
        Of synchrotron radiation.
    paddles : (n, 6) float64, GeV
        Each photomultiplier.
    momentum : (n,) float64, GeV
        Of the incoming particle; `NO_TRACK` if there is none. A sum keeps that of its first term.
    hit_mean : (n,) float64
        Mean number of further hits in a plane of a station; added.
    chi2_median : (n,) float64
        Of the shower profile; the larger of two.
    electromagnetic, hadronic : (n,) float64, GeV
        True energy of electrons and photons, and of hadrons and muons, that enters the detector.
    first_shower, second_shower : (n,) int64
        Library events used, in the numbering of the whole library; -1 is none.
    charged : (n, 3) float64
        Charged particles at each of `na64.datasets.synthetic.further_detectors.PLACES`.
    vertex : (n,) float64, mm
        Where a particle decayed, from the front of the dump; NaN if none did. A sum keeps that of its first
        term.
    tracks : (n, n_tracks, 6) float64
        Of a beam of muons, see `na64.datasets.synthetic.muon_tracks`; no tracks elsewhere. A sum keeps those
        of its first term.
    further : dict of str to (n, n_cells) float64, GeV
        By name of a further detector, what showers leave in it; nothing if it is not there.
    """

    calorimeter: Floats
    modules: Floats
    surrounding: Floats
    counters: Floats
    paddles: Floats
    momentum: Floats
    hit_mean: Floats
    chi2_median: Floats
    electromagnetic: Floats
    hadronic: Floats
    first_shower: Integers
    second_shower: Integers
    charged: Floats
    vertex: Floats
    tracks: Floats
    further: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.momentum)

    def __add__(self, other: Deposits) -> Deposits:
        return Deposits(
            calorimeter=self.calorimeter + other.calorimeter,
            modules=self.modules + other.modules,
            surrounding=self.surrounding + other.surrounding,
            counters=self.counters + other.counters,
            paddles=self.paddles + other.paddles,
            momentum=self.momentum,
            hit_mean=self.hit_mean + other.hit_mean,
            chi2_median=np.maximum(self.chi2_median, other.chi2_median),
            electromagnetic=self.electromagnetic + other.electromagnetic,
            hadronic=self.hadronic + other.hadronic,
            first_shower=np.where(self.first_shower < 0, other.first_shower, self.first_shower),
            second_shower=np.where(self.first_shower < 0, other.second_shower, other.first_shower),
            charged=self.charged + other.charged,
            vertex=self.vertex,
            tracks=self.tracks,
            further={name: self.within(name) + other.within(name) for name in _names([self, other])},
        )

    def take(self, rows: Integers) -> Deposits:
        """These events, in this order."""
        further = {name: cells[rows] for name, cells in self.further.items()}
        return Deposits(**{name: getattr(self, name)[rows] for name in _ARRAYS}, further=further)

    def in_standard(self, name: str) -> Floats:
        """What particles leave in a standard detector, by its name: (n, ...) float64, GeV."""
        cells: Floats = getattr(self, _FIELDS[STANDARD_DETECTORS[name].kernel])
        return cells

    def within(self, name: str, n_cells: int = 1) -> Floats:
        """What showers leave in the cells of a further detector: (n, n_cells) float64, GeV."""
        nothing = np.zeros((len(self), n_cells))
        return self.further.get(name, nothing)


_FIELDS = {
    Kernel.CALORIMETER: "calorimeter",
    Kernel.MODULES: "modules",
    Kernel.WHOLE: "surrounding",
    Kernel.COUNTERS: "counters",
    Kernel.PADDLES: "paddles",
}
_ARRAYS = tuple(one.name for one in fields(Deposits) if one.name != "further")


def _names(parts: Iterable[Deposits]) -> dict[str, int]:
    """Further detectors of which some part has cells, and how many these are."""
    return {name: cells.shape[1] for part in parts for name, cells in part.further.items()}


def empty(
    n: int,
    grid: Grid,
    n_counters: int = 3,
    *,
    modules: tuple[int, int, int] = (4, 3, 3),
    tracks: tuple[int, int] = (0, 6),
) -> Deposits:
    """Events in which nothing happened, with as many counters, cells of modules and tracks."""
    none = np.full(n, -1, dtype=np.int64)
    return Deposits(
        calorimeter=np.zeros((n, 2, grid.n_x, grid.n_y)),
        modules=np.zeros((n, *modules)),
        surrounding=np.zeros((n, 16)),
        counters=np.zeros((n, n_counters)),
        paddles=np.zeros((n, 6)),
        momentum=np.full(n, NO_TRACK),
        hit_mean=np.zeros(n),
        chi2_median=np.zeros(n),
        electromagnetic=np.zeros(n),
        hadronic=np.zeros(n),
        first_shower=none,
        second_shower=none,
        charged=np.zeros((n, len(PLACES))),
        vertex=np.full(n, np.nan),
        tracks=np.zeros((n, *tracks)),
    )


def concatenate(parts: list[Deposits]) -> Deposits:
    """Put the events of all parts one after the other."""
    further = {
        name: np.concatenate([part.within(name, n_cells) for part in parts])
        for name, n_cells in _names(parts).items()
    }
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return Deposits(**arrays, further=further)
