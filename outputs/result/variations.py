"""What variations do to the counts: tables, and the differences with their correlated errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.cutflow import ALL_RUNS, VISIBLE, with_sum
from na64.outputs.result.table import Table
from na64.outputs.result.yields import yield_names
from na64.processors.counting.booking import Booking
from na64.processors.counting.migrations import VariedCounts, migration_matrix, varied_counts
from na64.processors.counting.tally import Tally, sums


@dataclass(frozen=True, slots=True)
class VariationsRow:
    """Row of `variations.csv`: events of a run after a cut under a variation.

    Attributes
    ----------
    run, variation, cut : str
    passed : int
        Events that pass all cuts so far under the variation.
    gained, lost : int
        Events that pass only under the variation, and only nominally.
    """

    run: str
    variation: str
    cut: str
    passed: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class WeightedVariationsRow(VariationsRow):
    """Row of `variations.csv` for weighted simulation: sums of weights and of their squares too."""

    passed_sumw: float
    passed_sumw2: float
    gained_sumw: float
    gained_sumw2: float
    lost_sumw: float
    lost_sumw2: float


@dataclass(frozen=True, slots=True)
class VariedYieldsRow:
    """Row of `variations_yields.csv`: a yield of a run under a variation.

    Attributes
    ----------
    run, variation : str
    yield_ : str
        ``selected`` or a region; the column is ``yield``.
    nominal, varied : int
        Events.
    gained, lost : int
        Events that count only under the variation, and only nominally.
    """

    run: str
    variation: str
    yield_: str
    nominal: int
    varied: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class WeightedVariedYieldsRow(VariedYieldsRow):
    """Row of `variations_yields.csv` for weighted simulation: sums of weights and of their squares too."""

    nominal_sumw: float
    nominal_sumw2: float
    varied_sumw: float
    varied_sumw2: float
    gained_sumw: float
    gained_sumw2: float
    lost_sumw: float
    lost_sumw2: float


@dataclass(frozen=True, slots=True)
class Change:
    """A yield nominally and under a variation; for weighted simulation the sums of weights.

    Attributes
    ----------
    nominal, varied : float
    error : float
        Statistical error of the difference. Events that are in both yields are the same events, so that it is
        the root of the number (of the sum of squared weights) of those that are in only one of them.
    """

    nominal: float
    varied: float
    error: float

    @property
    def difference(self) -> float:
        """How much larger the yield is under the variation."""
        return self.varied - self.nominal

    @property
    def relative(self) -> float:
        """Difference as a part of the nominal yield; nan if that is zero."""
        return self.difference / self.nominal if self.nominal else math.nan

    @property
    def relative_error(self) -> float:
        """Error as a part of the nominal yield; nan if that is zero."""
        return self.error / self.nominal if self.nominal else math.nan


def changes(varied_yields: Table[VariedYieldsRow], *, run: str = ALL_RUNS) -> dict[str, dict[str, Change]]:
    """What every variation does to every yield of a run.

    Parameters
    ----------
    varied_yields : Table of VariedYieldsRow
        ``na64.outputs.result.store.read_result(folder).varied_yields``.
    run : str
        The sum of all runs by default.

    Returns
    -------
    dict of str to dict of str to Change
        By variation, then by yield: ``selected``, then every region.
    """
    found: dict[str, dict[str, Change]] = {}
    for row in varied_yields.rows:
        if row.run == run:
            found.setdefault(row.variation, {})[row.yield_] = _change(row)
    return found


def _change(row: VariedYieldsRow) -> Change:
    if isinstance(row, WeightedVariedYieldsRow):
        return Change(row.nominal_sumw, row.varied_sumw, math.sqrt(row.gained_sumw2 + row.lost_sumw2))
    return Change(float(row.nominal), float(row.varied), math.sqrt(row.gained + row.lost))


def variations_table(tallies: Mapping[int, Tally], booking: Booking) -> Table[VariationsRow]:
    """Count after every cut, run by run and variation by variation: who passes, who comes and who goes."""
    row = WeightedVariationsRow if _is_weighted(tallies) else VariationsRow
    rows = []
    for run, variation, _, varied in _flows(tallies, booking):
        counts = np.stack([varied.passed, varied.gained, varied.lost], axis=-1)
        for stage, cut in enumerate((VISIBLE, *booking.cuts)):
            rows.append(row(run, variation, cut, *_numbers(counts[:, stage])))
    return Table(row, rows)


def varied_yields_table(
    tallies: Mapping[int, Tally], booking: Booking, *, stage: int
) -> Table[VariedYieldsRow]:
    """Count the yields, run by run and variation by variation.

    Parameters
    ----------
    tallies : mapping of int to Tally
    booking : Booking
    stage : int
        How many cuts come before the regions are counted.
    """
    row = WeightedVariedYieldsRow if _is_weighted(tallies) else VariedYieldsRow
    rows, names = [], yield_names(booking.regions)
    for run, variation, tally, varied in _flows(tallies, booking):
        selected = (tally.passed(), varied.passed, varied.gained, varied.lost)
        regions = (tally.regions_after(), varied.regions, varied.regions_gained, varied.regions_lost)
        counts = [
            np.stack([part[:, -1] for part in selected], axis=-1),
            *np.moveaxis(np.stack([part[:, stage, 1:] for part in regions], axis=-1), 1, 0),
        ]
        rows += [row(run, variation, name, *_numbers(c)) for name, c in zip(names, counts, strict=True)]
    return Table(row, rows)


def _flows(tallies: Mapping[int, Tally], booking: Booking) -> Iterator[tuple[str, str, Tally, VariedCounts]]:
    for run, tally in with_sum(tallies):
        for variation in booking.variations:
            matrix = migration_matrix(tally, booking.migration_bins(variation))
            yield run, variation, tally, varied_counts(tally.first_fail, matrix)


def _numbers(counts: NDArray[np.int64]) -> list[Any]:
    """Counts of (n_components, n) numbers, and for weighted simulation sumw and sumw2 of each."""
    numbers = sums(counts)
    found: list[Any] = numbers.count.tolist()
    if len(counts) > 1:
        found += np.column_stack([numbers.sumw, numbers.sumw2]).ravel().tolist()
    return found


def _is_weighted(tallies: Mapping[int, Tally]) -> bool:
    return any(tally.n_components > 1 for tally in tallies.values())
