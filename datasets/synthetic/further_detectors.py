"""Detectors besides the five standard ones, and a dump in front of them, as a campaign describes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Place(Enum):
    """Where a counter is along the beam."""

    BEAM = "beam"
    BEHIND_DUMP = "behind_dump"
    BEFORE_CALORIMETER = "before_ecal"


PLACES = tuple(Place)
"""In the order in which numbers of charged particles are kept."""


@dataclass(frozen=True, slots=True)
class DumpSlice:
    """A cell that is a piece of the dump, between two depths in radiation lengths."""

    cell: int
    first: float
    last: float

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last:
            raise ValueError(f"cell {self.cell}: nothing is between {self.first:g} and {self.last:g} X0")


@dataclass(frozen=True, slots=True)
class Scintillator:
    """A cell that charged particles cross.

    Attributes
    ----------
    cell : int
    place : Place
    mip : float
        GeV, most probable energy of one minimum-ionising particle.
    width : float
        Of the energy that one particle leaves, a Moyal distribution, over `mip`.
    smearing, smearing_from : float
        GeV: standard deviation of the energy from `smearing_from` on, below in proportion to the energy.
    photoelectrons : float
        For each GeV; infinite if their number does not matter.
    efficient_from, efficiency_power : float
        An energy below `efficient_from` (GeV) is seen with the probability of its ratio to that, to this
        power.
    leakage : float
        What leaks out of the dump is `leakage` times the energy in its cells, times the absolute value of a
        normal number.
    """

    cell: int
    place: Place
    mip: float
    width: float
    smearing: float = 0.0
    smearing_from: float = 0.0
    photoelectrons: float = math.inf
    efficient_from: float = 0.0
    efficiency_power: float = 1.0
    leakage: float = 0.0

    def __post_init__(self) -> None:
        if not (self.mip > 0 and self.width >= 0 and self.photoelectrons > 0):
            raise ValueError(
                f"cell {self.cell}: mip and photoelectrons have to be positive, width not negative"
            )


@dataclass(frozen=True, slots=True)
class FurtherDetector:
    """A detector that is no standard one; a cell that nothing is said of has noise only.

    Attributes
    ----------
    name : str
    n_cells : int
    noise, threshold : tuple of float
        GeV, one a cell.
    resolution, sigma, delay : float
        ns, as of `na64.datasets.synthetic.campaign.DetectorResponse`.
    slices : tuple of DumpSlice
    scintillators : tuple of Scintillator
    """

    name: str
    n_cells: int
    noise: tuple[float, ...]
    threshold: tuple[float, ...]
    resolution: float
    sigma: float
    delay: float
    slices: tuple[DumpSlice, ...] = ()
    scintillators: tuple[Scintillator, ...] = ()

    def __post_init__(self) -> None:
        cells = [*(part.cell for part in self.slices), *(part.cell for part in self.scintillators)]
        for cell in cells:
            if not 0 <= cell < self.n_cells:
                raise ValueError(f"detector {self.name}: no cell {cell} of {self.n_cells}")
        if len({*cells}) < len(cells):
            raise ValueError(f"detector {self.name}: a cell is two things")


@dataclass(frozen=True, slots=True)
class Dump:
    """A calorimeter in which the beam stops, with a space behind it in which a particle may decay.

    Attributes
    ----------
    detector : str
        Name of the one that the trigger looks at.
    preshower : int
        Its cell in which a shower has to begin.
    cells : tuple of int
        Its cells whose energies are added.
    depth : float
        Radiation lengths.
    interaction_lengths : float
    stochastic : float
        Square root of GeV, resolution of a cell.
    length, volume : float
        mm: of the dump, and of the space behind it up to the ECAL.
    preshower_above, below : float
        GeV, of the emulated trigger.
    """

    detector: str
    preshower: int
    cells: tuple[int, ...]
    depth: float
    interaction_lengths: float
    stochastic: float
    length: float
    volume: float
    preshower_above: float
    below: float

    def __post_init__(self) -> None:
        sizes = (self.depth, self.interaction_lengths, self.stochastic, self.length, self.volume, self.below)
        if not all(size > 0 for size in sizes):
            raise ValueError("dump: depth, lengths, volume, resolution and trigger have to be positive")


def check_apparatus(
    further: tuple[FurtherDetector, ...], dump: Dump | None, standard: tuple[str, ...]
) -> None:
    """Refuse detectors of one name, and a dump that none of them is.

    Raises
    ------
    ValueError
        Names the detector.
    """
    names = [*standard, *(one.name for one in further)]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"detector {name} is there twice")
    if dump is None:
        for one in further:
            if one.slices or any(part.leakage for part in one.scintillators):
                raise ValueError(f"detector {one.name}: a part of a dump, and there is none")
        return
    of_dump = next((one for one in further if one.name == dump.detector), None)
    if of_dump is None:
        raise ValueError(f"dump: no detector {dump.detector}")
    known = {part.cell for part in of_dump.slices}
    if missing := [cell for cell in (dump.preshower, *dump.cells) if cell not in known]:
        raise ValueError(f"dump: cell {missing[0]} of {dump.detector} is no piece of it")
    for one in further:
        for part in one.slices:
            if part.last > dump.depth:
                raise ValueError(f"detector {one.name}: {part.last:g} X0 in a dump of {dump.depth:g}")
