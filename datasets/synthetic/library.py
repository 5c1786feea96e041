"""The Geant4 showers in `showers/`: loading, and picking by impact point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.roles import CALORIMETER, MODULES, PADDLES

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]

PITCH = 38.2
"""mm, ECAL cell pitch [V: RC]."""
BEAM_CELL = 3
"""The library's beam hits ECAL cell [3][3]."""

SAMPLES = (
    "em_100GeV",
    "mum_100GeV",
    "mum_20GeV",
    "pim_50GeV",
    "pim_80GeV",
    "pim_100GeV",
    "Km_100GeV",
    "p_100GeV",
    "K0L_80GeV",
    "n_80GeV",
)
"""The files used by the simulation, in the order that numbers their events."""


@dataclass(frozen=True, slots=True)
class ShowerSample:
    """Showers of one particle at one energy.

    Attributes
    ----------
    first : int
        Number of the first event in the numbering of the whole library.
    energy : float, GeV
    x, y : (n,) float64, mm
        Impact point from the centre of the beam cell.
    calorimeter : (n, 2, 6, 6) float64, GeV, electron scale
    paddles : (n, 3) float64, GeV
    modules : (n, 4, 3, 3) float64, GeV, hadron scale
    """

    first: int
    energy: float
    x: Floats
    y: Floats
    calorimeter: Floats
    paddles: Floats
    modules: Floats

    def __len__(self) -> int:
        return len(self.x)

    def pick(self, n: int, *, spot: float, centre: tuple[float, float], rng: np.random.Generator) -> Integers:
        """Draw events, those near the beam spot more often.

        Parameters
        ----------
        n : int
        spot : float
            mm, standard deviation of the beam in x and in y.
        centre : tuple of float
            mm, centre of the beam from the centre of the beam cell.
        rng : numpy.random.Generator

        Returns
        -------
        (n,) int64
            Rows of this sample.
        """
        distance = ((self.x - centre[0]) ** 2 + (self.y - centre[1]) ** 2) / (2 * spot**2)
        weight = np.exp(-distance)
        return np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random(n), side="right").astype(np.int64)


@cache
def load_library() -> dict[str, ShowerSample]:
    """Read the samples named in `SAMPLES`."""
    library: dict[str, ShowerSample] = {}
    first = 0
    for name in SAMPLES:
        sample = _read_sample(read_arrays(name), first)
        library[name] = sample
        first += len(sample)
    return library


def read_arrays(name: str) -> dict[str, NDArray[Any]]:
    """Read every array of one file of the library, as described in its README."""
    path = files(__package__) / "showers" / f"{name}.npz"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def _read_sample(arrays: dict[str, NDArray[Any]], first: int) -> ShowerSample:
    """Make a sample of the events without a muon pair; dimuons are a component of their own."""
    kept = arrays["n_mumu"] == 0
    values = {name: array[kept].astype(np.float64) for name, array in arrays.items()}
    return ShowerSample(
        first,
        values["E_GeV"][0],
        values["x_mm"] - PITCH / 2,
        values["y_mm"] - PITCH / 2,
        values[f"{CALORIMETER}_GeV"],
        values[f"{PADDLES}_MeV"] / 1000,
        values[f"{MODULES}_GeV"],
    )


def shift_cells(calorimeter: Floats, *, n_x: int, n_y: int, beam_cell: tuple[int, int]) -> Floats:
    """Move library ECAL cells so that the library's beam cell becomes another, on another grid.

    Parameters
    ----------
    calorimeter : (n, 2, 6, 6) float64, GeV
    n_x, n_y : int
        Cells of the new grid.
    beam_cell : tuple of int
        The beam cell on the new grid.

    Returns
    -------
    (n, 2, n_x, n_y) float64, GeV
        Cells that the library does not have are empty, cells off the new grid are lost.
    """
    shifted = np.zeros((len(calorimeter), 2, n_x, n_y))
    old_x, new_x = _overlap(calorimeter.shape[2], n_x, beam_cell[0] - BEAM_CELL)
    old_y, new_y = _overlap(calorimeter.shape[3], n_y, beam_cell[1] - BEAM_CELL)
    shifted[:, :, new_x, new_y] = calorimeter[:, :, old_x, old_y]
    return shifted


def _overlap(n_old: int, n_new: int, shift: int) -> tuple[slice, slice]:
    start = max(0, shift)
    stop = max(start, min(n_new, n_old + shift))
    return slice(start - shift, stop - shift), slice(start, stop)
