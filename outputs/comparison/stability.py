"""Which runs, spills and parts of the spill are unlike the others, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.comparison.drift import Against, DriftSums, Gathered, Place, is_listed
from na64.outputs.comparison.statistics import chance, same_rate
from na64.outputs.result.table import Table

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PLACES = {"run": ("run", "runs"), "spill": ("spill", "spills")}
FALSE_ALARM = 0.01
"""Chance of any false outlier among all looks, if the places differ by chance alone."""

_FEWEST = 100  # values; a mean of fewer is not normal enough at such small p-values to be tested
_ROUNDS = 4
_FEWEST_PLACES, _NEAR = 5, 5.0  # robust standard deviations
_LIST = "bad_spill"  # the list itself


@dataclass(frozen=True, slots=True)
class StabilityRow:
    """Row of `stability.csv`: a quantity at a place.

    Attributes
    ----------
    against, place, quantity : str
    events : int
        Events, or finite values.
    value, elsewhere, error, p : float or None
        As in `Series`; None for nan.
    outlier : str
        ``yes``, ``bad list`` for an outlier that is on it, or nothing.
    """

    against: str
    place: str
    quantity: str
    events: int
    value: float | None
    elsewhere: float | None
    error: float | None
    p: float | None
    outlier: str


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One quantity along one direction.

    Attributes
    ----------
    against : Against
    quantity : str
    places : tuple of Place
    listed : (n_places,) bool
        On the bad list already.
    n : (n_places,) float64
        Events, or finite values, it is made of.
    value, error : (n_places,) float64
        Share of the events, or mean of the feature; nan where there is nothing.
    elsewhere : (n_places,) float64
        The same of the places that are neither outliers nor listed, without this one.
    p : (n_places,) float64
        Chance of a larger difference; nan where it was not tested.
    is_share : bool
        It is a yield as a share of the events, not the mean of a feature.
    """

    against: Against
    quantity: str
    places: tuple[Place, ...]
    listed: Mask
    n: Floats
    value: Floats
    error: Floats
    elsewhere: Floats
    p: Floats
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Stability:
    """All series, and the limit below which a p-value names an outlier."""

    series: tuple[Series, ...]
    after: str
    left_out: tuple[int, ...]

    @property
    def n_looks(self) -> int:
        """How many values were tested."""
        return sum(int(np.isfinite(one.p).sum()) for one in self.series)

    @property
    def limit(self) -> float:
        """Largest p-value of an outlier, for all looks together (Bonferroni)."""
        return FALSE_ALARM / max(self.n_looks, 1)

    def outliers(self, one: Series) -> Mask:
        """Which places of a series are outliers, listed ones too."""
        found: Mask = np.nan_to_num(one.p, nan=1.0) < self.limit
        return found


def stability(gathered: Gathered) -> Stability:
    """Test every yield and every feature mean along every direction.

    A share is compared with that of the other places by the exact test of two Poisson counts, a mean by its
    distance in units of its error, which is scaled up if the places scatter more than by chance (median
    absolute deviation). The first comparison is with the places near the median. Places that are found, or
    listed already, are taken out of what the others are compared with, and the test is repeated.
    """
    directions = {against: gathered.places(against) for against in Against}
    n_quantities = len(gathered.yields) + len(gathered.features)
    n_looks = n_quantities * sum(len(places) for places in directions.values())
    limit = FALSE_ALARM / max(n_looks, 1)
    series = []
    for against, places in directions.items():
        listed = np.array([is_listed(sums) for sums in places.values()], bool)
        along = _Direction(against, places, listed, limit)
        series += [_share(along, name, number) for number, name in enumerate(gathered.yields)]
        series += [
            _mean(along, name, number) for number, name in enumerate(gathered.features) if name != _LIST
        ]
    return Stability(tuple(series), gathered.after, gathered.left_out)


@dataclass(frozen=True, slots=True)
class _Direction:
    """One direction: its places, which of them are listed, and the limit of an outlier."""

    against: Against
    places: Mapping[Place, DriftSums]
    listed: Mask
    limit: float


def _share(along: _Direction, name: str, number: int) -> Series:
    n = np.array([sums.n_events for sums in along.places.values()], np.float64)
    k = np.array([sums.yields[number] for sums in along.places.values()], np.float64)

    def test(good: Mask) -> tuple[Floats, Floats]:
        others_k, others_n = _others(k, good), _others(n, good)
        p = same_rate(k, n, others_k, others_n)
        # The rarer of pass and fail is the Poisson count.
        p = np.where(k > n / 2, same_rate(n - k, n, others_n - others_k, others_n), p)
        return np.where((n > 0) & (others_n > 0), p, np.nan), _over(others_k, others_n)

    value = _over(k, n)
    error = np.sqrt(np.maximum(value * (1 - value), 1 / np.maximum(n, 1)) / np.maximum(n, 1))
    p, elsewhere = _repeat(test, along, _near_median(value, error, ~along.listed))
    head = (along.against, name, tuple(along.places), along.listed)
    return Series(*head, n, value, error, elsewhere, p, is_share=True)


def _mean(along: _Direction, name: str, number: int) -> Series:
    n, total, square = (
        np.array([getattr(sums, what)[number] for sums in along.places.values()], np.float64)
        for what in ("n", "total", "square")
    )
    value = _over(total, n)

    def test(good: Mask) -> tuple[Floats, Floats]:
        others_n = _others(n, good)
        elsewhere = _over(_others(total, good), others_n)
        variance = np.maximum(_over(_others(square, good), others_n) - elsewhere**2, 0)
        error = np.sqrt(variance * (_over(np.ones_like(n), n) + _over(np.ones_like(n), others_n)))
        usable = (n >= _FEWEST) & (error > 0)
        z = np.where(usable, (value - elsewhere) / np.where(error > 0, error, 1.0), np.nan)
        z /= max(1.0, _scatter(z[good & usable]))
        return 2 * special.ndtr(-np.abs(z)), elsewhere

    error = np.sqrt(np.maximum(_over(square, n) - value**2, 0) / np.maximum(n, 1))
    p, elsewhere = _repeat(test, along, _near_median(value, error, ~along.listed))
    return Series(along.against, name, tuple(along.places), along.listed, n, value, error, elsewhere, p)


def _repeat(
    test: Callable[[Mask], tuple[Floats, Floats]], along: _Direction, good: Mask
) -> tuple[Floats, Floats]:
    for _ in range(_ROUNDS):
        p, elsewhere = test(good)
        found = ~along.listed & ~(np.nan_to_num(p, nan=1.0) < along.limit)
        if (found == good).all() or found.sum() < 2:
            break
        good = found
    return p, elsewhere


def _near_median(value: Floats, error: Floats, good: Mask) -> Mask:
    """Which places the first comparison is with: one far off would make all others differ from their mean."""
    seen = good & np.isfinite(value)
    if seen.sum() < _FEWEST_PLACES:
        return good
    distance = np.abs(value - np.median(value[seen]))
    spread = 1.4826 * float(np.median(distance[seen]))
    near: Mask = seen & (distance <= _NEAR * np.maximum(spread, error))
    return near


def _others(values: Floats, good: Mask) -> Floats:
    """Sum over the good places, without the own one."""
    rest: Floats = values[good].sum() - np.where(good, values, 0.0)
    return rest


def _over(numbers: Floats, by: Floats) -> Floats:
    ratio: Floats = np.divide(numbers, by, out=np.full(numbers.shape, np.nan), where=by > 0)
    return ratio


def _scatter(z: Floats) -> float:
    """Spread of deviations that should be 1: robust, from the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(z - np.median(z)))) if len(z) >= _FEWEST_PLACES else 1.0


def name_of(against: Against, place: Place) -> str:
    """Name a place as it is written."""
    if against is Against.PART:
        return f"events {place[0]} to {place[1]}"
    return f"{against.value} {':'.join(map(str, place))}"


def table_of(found: Stability) -> Table[StabilityRow]:
    """Row for every quantity and place."""
    rows = []
    for one in found.series:
        outliers = found.outliers(one)
        for row, place in enumerate(one.places):
            word = "" if not outliers[row] else "bad list" if one.listed[row] else "yes"
            numbers = (one.value[row], one.elsewhere[row], one.error[row], one.p[row])
            value, elsewhere, error, p = (None if np.isnan(n) else float(n) for n in numbers)
            where = (one.against.value, name_of(one.against, place), one.quantity, int(one.n[row]))
            rows.append(StabilityRow(*where, value, elsewhere, error, p, word))
    return Table(StabilityRow, rows)


def lines(found: Stability, most: int = 4) -> Iterator[str]:
    """Name every outlier, the surest first, with so many of its quantities at most."""
    quantities = len({one.quantity for one in found.series})
    along = {one.against: len(one.places) for one in found.series}
    yield f"{quantities} quantities of events {_which(found)} against " + ", ".join(
        _counted(n, against) for against, n in along.items()
    )
    if not found.n_looks:
        yield "nothing can be compared: no place has events enough, or there is no other"
        return
    yield f"{found.n_looks:,} looks: an outlier has p below {found.limit:.2g}"
    grouped = _by_place(found)
    for (against, place), ranked in sorted(grouped.items(), key=lambda item: min(item[1])[0]):
        ranked.sort(key=lambda entry: entry[0])
        listed = " (on the bad list)" if ranked[0][2] else ""
        more = f", and {len(ranked) - most} more" if len(ranked) > most else ""
        told = "; ".join(text for _, text, _ in ranked[:most])
        yield f"{name_of(against, place)}{listed}: {told}{more}"
    if not grouped:
        yield "no outliers"


def _by_place(found: Stability) -> dict[tuple[Against, Place], list[tuple[float, str, bool]]]:
    grouped: dict[tuple[Against, Place], list[tuple[float, str, bool]]] = {}
    for one in found.series:
        for row in np.flatnonzero(found.outliers(one)).tolist():
            p = float(one.p[row])
            text = f"{one.quantity} {one.value[row]:.4g}, elsewhere {one.elsewhere[row]:.4g} ({chance(p)})"
            entry = (p, text, bool(one.listed[row]))
            grouped.setdefault((one.against, one.places[row]), []).append(entry)
    return grouped


def _which(found: Stability) -> str:
    return "before any cut" if found.after == "visible" else f"after {found.after}"


def _counted(n: int, against: Against) -> str:
    one, many = _PLACES.get(against.value, ("part of the spill", "parts of the spill"))
    return f"{n} {one if n == 1 else many}"
