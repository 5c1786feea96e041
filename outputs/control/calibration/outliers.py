"""Runs and spills whose cells, or beam triggers, are not what they are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.comparison.statistics import same_rate
from na64.outputs.control.calibration.followed import BEAM, Floats, Key, Place, Row, Rows

FALSE_ALARM = 0.01
"""Chance of any false outlier among all looks, if places differ by chance alone."""

_FEWEST_PLACES = 3
_FEWEST_FOR_SCATTER = 5
_LARGEST_Z = 1e3
_RARE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity of the cells of a detector, or of beam triggers, along runs or along spills.

    Attributes
    ----------
    detector, quantity : str
    places : tuple of Place
    value, error, usual, z : (n_places, n_cells) float64
        `usual` is the median of the places of the group, `z` the distance from it in robust standard
        deviations; nan where it was not tested.
    """

    detector: str
    quantity: str
    places: tuple[Place, ...]
    value: Floats
    error: Floats
    usual: Floats
    z: Floats

    @property
    def is_of_beam(self) -> bool:
        """It is of beam triggers as a whole, and not of single cells."""
        return self.detector == BEAM


def series_of(listed: Sequence[tuple[Place, Rows]]) -> list[Series]:
    """Series of every quantity along places of one kind: all runs, or all spills.

    A spill is compared with the spills of its run where there are enough of them, and otherwise with all of
    runs of the same period and type, as a run is with runs.
    """
    keys: dict[Key, None] = dict.fromkeys(key for _, rows in listed for key in rows)
    return [_series(key, [(place, rows[key]) for place, rows in listed if key in rows]) for key in keys]


def _series(key: Key, listed: list[tuple[Place, Row]]) -> Series:
    value = np.stack([row.value for _, row in listed])
    error = np.stack([row.error for _, row in listed])
    usual, z = np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    for rows in _groups([place for place, _ in listed]):
        if len(rows) >= _FEWEST_PLACES:
            usual[rows], z[rows] = _compare([listed[row][1] for row in rows])
    return Series(*key, tuple(place for place, _ in listed), value, error, usual, z)


def _groups(places: Sequence[Place]) -> Iterator[NDArray[np.int64]]:
    """Rows of the places that are compared with each other."""
    of_run: dict[int, int] = {}
    for place in places:
        of_run[place.run] = of_run.get(place.run, 0) + 1
    groups: dict[str, list[int]] = {}
    for row, place in enumerate(places):
        alone = place.spill is not None and of_run[place.run] >= _FEWEST_FOR_SCATTER
        groups.setdefault(f"run {place.run}" if alone else place.group, []).append(row)
    yield from (np.array(rows) for rows in groups.values())


def _compare(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Median of the places and distance of each from it: (n_cells,) and (n_places, n_cells)."""
    value, error = np.stack([row.value for row in rows]), np.stack([row.error for row in rows])
    usual, spread = np.full(value.shape[1], np.nan), np.full(value.shape[1], np.nan)
    known = np.isfinite(value).sum(axis=0) >= _FEWEST_PLACES
    if known.any():
        usual[known] = np.nanmedian(value[:, known], axis=0)
        # Of a median of n equal values: 1.25 times the error of their mean.
        spread[known] = 1.2533 * np.nanmedian(error[:, known], axis=0) / np.sqrt(len(rows))
    if rows[0].hits is not None:
        z = _exact(rows, usual)
    else:
        width = np.hypot(error, spread)
        z = np.divide(value - usual, width, out=np.full(value.shape, np.nan), where=width > 0)
    if len(rows) >= _FEWEST_FOR_SCATTER:
        z /= np.maximum(1.0, _scatter(z))
    return usual, np.clip(z, -_LARGEST_Z, _LARGEST_Z)


def _exact(rows: Sequence[Row], usual: Floats) -> Floats:
    """Distance of shares from that of other places: the normal deviation with the chance of the exact test.

    The others have the usual share if neither hits nor misses are rare, and otherwise, for a median of few
    says little, what they have together. Of hits and misses the rarer are the Poisson count.
    """
    none = np.zeros(0, np.int64)
    k = np.stack([none if row.hits is None else row.hits for row in rows]).astype(np.float64)
    n = np.stack([none if row.trials is None else row.trials for row in rows]).astype(np.float64)
    others_n = n.sum(axis=0) - n
    is_rare = ~((usual > _RARE) & (usual < 1 - _RARE))
    others_k = np.where(is_rare, k.sum(axis=0) - k, np.where(is_rare, 0.0, usual) * others_n)
    of_hits, of_misses = (
        same_rate(k, n, others_k, others_n),
        same_rate(n - k, n, others_n - others_k, others_n),
    )
    p = np.maximum(np.where(k <= n / 2, of_hits, of_misses), 1e-300)
    distance = np.where(p < 1, -special.ndtri(p / 2), 0.0)
    z: Floats = np.where((n > 0) & (others_n > 0), np.sign(k * others_n - others_k * n) * distance, np.nan)
    return z


def _scatter(z: Floats) -> Floats:
    """Spread of distances that should be 1, cell by cell: robust, from the median absolute deviation."""
    found = np.ones(z.shape[1])
    known = np.isfinite(z).any(axis=0)
    middle = np.nanmedian(z[:, known], axis=0)
    found[known] = 1.4826 * np.nanmedian(np.abs(z[:, known] - middle), axis=0)
    return found


@dataclass(frozen=True, slots=True)
class Limit:
    """When a place is an outlier: for all looks together (Bonferroni)."""

    n_looks: int

    @property
    def z(self) -> float:
        """Robust standard deviations from which on it is."""
        return -NormalDist().inv_cdf(FALSE_ALARM / (2 * max(self.n_looks, 1)))


@dataclass(frozen=True, slots=True)
class Outlier:
    """A cell, or beam triggers, that are not as usual at a place.

    Attributes
    ----------
    place : Place
    detector : str
    cell : int or None
        None is beam triggers as a whole.
    quantity : str
    value, usual, z : float
    """

    place: Place
    detector: str
    cell: int | None
    quantity: str
    value: float
    usual: float
    z: float

    @property
    def subject(self) -> str:
        """What is not as usual."""
        return f"{self.detector} {'triggers' if self.cell is None else f'cell {self.cell}'}"

    def __str__(self) -> str:
        return f"{self.quantity} {self.value:.4g}, usually {self.usual:.4g} (z {self.z:+.1f})"


def limit_of(series: Sequence[Series]) -> Limit:
    """Limit for all values that were tested."""
    return Limit(sum(int(np.isfinite(one.z).sum()) for one in series))


def outliers_of(series: Sequence[Series], limit: Limit) -> list[Outlier]:
    """Outliers of all series, those of beam triggers first, the surest first."""
    found = [outlier for one in series for outlier in _outliers(one, limit.z)]
    return sorted(found, key=lambda one: (one.cell is not None, -abs(one.z), one.place.run, one.subject))


def _outliers(one: Series, limit: float) -> Iterator[Outlier]:
    for row, cell in np.argwhere(np.abs(np.nan_to_num(one.z)) > limit).tolist():
        yield Outlier(
            one.places[row],
            one.detector,
            None if one.is_of_beam else cell,
            one.quantity,
            float(one.value[row, cell]),
            float(one.usual[row, cell]),
            float(one.z[row, cell]),
        )
