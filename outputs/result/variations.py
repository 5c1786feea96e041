"""What variations do to the counts: tables, and the differences with their correlated errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.cutflow import ALL_RUNS, VISIBLE, with_sum
from na64.outputs.result.table import ColumnType, Table, Value
from na64.outputs.result.yields import YIELD_NAMES
from na64.processors.counting.booking import Booking
from na64.processors.counting.migrations import VariedCounts, migration_matrix, varied_counts
from na64.processors.counting.tally import Tally, sums

_COUNTS = ("passed", "gained", "lost")
_YIELDS = ("nominal", "varied", "gained", "lost")


def _kinds(
    names: Mapping[str, ColumnType], counts: tuple[str, ...], *, weighted: bool
) -> dict[str, ColumnType]:
    sums_of = {f"{count}_{part}": ColumnType.NUMBER for count in counts for part in ("sumw", "sumw2")}
    return {**names, **dict.fromkeys(counts, ColumnType.COUNT), **(sums_of if weighted else {})}


def kinds(*, weighted: bool) -> dict[str, ColumnType]:
    """Columns of `variations.csv`."""
    return _kinds(dict.fromkeys(("run", "variation", "cut"), ColumnType.TEXT), _COUNTS, weighted=weighted)


def yield_kinds(*, weighted: bool) -> dict[str, ColumnType]:
    """Columns of `variations_yields.csv`."""
    return _kinds(dict.fromkeys(("run", "variation", "yield"), ColumnType.TEXT), _YIELDS, weighted=weighted)


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


def changes(varied_yields: Table, *, run: str = ALL_RUNS) -> dict[str, dict[str, Change]]:
    """What every variation does to every yield of a run.

    Parameters
    ----------
    varied_yields : Table
        ``na64.outputs.result.store.read_result(folder).varied_yields``.
    run : str
        The sum of all runs by default.

    Returns
    -------
    dict of str to dict of str to Change
        By variation, then by yield: ``selected, region_I, region_II, region_III``.
    """
    found: dict[str, dict[str, Change]] = {}
    for record in varied_yields.records():
        if record["run"] == run:
            found.setdefault(str(record["variation"]), {})[str(record["yield"])] = _change(record)
    return found


def _change(record: Mapping[str, Value]) -> Change:
    suffix = "_sumw" if "nominal_sumw" in record else ""
    squared = "_sumw2" if suffix else ""
    nominal, varied = (float(record[f"{name}{suffix}"] or 0) for name in ("nominal", "varied"))
    either = sum(float(record[f"{name}{squared}"] or 0) for name in ("gained", "lost"))
    return Change(nominal, varied, math.sqrt(either))


def variations_table(tallies: Mapping[int, Tally], booking: Booking) -> Table:
    """Count after every cut, run by run and variation by variation: who passes, who comes and who goes."""
    rows = []
    for run, variation, _, varied in _flows(tallies, booking):
        counts = np.stack([varied.passed, varied.gained, varied.lost], axis=-1)
        for stage, cut in enumerate((VISIBLE, *booking.cuts)):
            rows.append((run, variation, cut, *_numbers(counts[:, stage])))
    return Table(kinds(weighted=_is_weighted(tallies)), rows)


def varied_yields_table(tallies: Mapping[int, Tally], booking: Booking, *, stage: int) -> Table:
    """Count the yields, run by run and variation by variation.

    Parameters
    ----------
    tallies : mapping of int to Tally
    booking : Booking
    stage : int
        How many cuts come before the regions are counted.
    """
    rows = []
    for run, variation, tally, varied in _flows(tallies, booking):
        selected = (tally.passed(), varied.passed, varied.gained, varied.lost)
        regions = (tally.regions_after(), varied.regions, varied.regions_gained, varied.regions_lost)
        counts = [
            np.stack([part[:, -1] for part in selected], axis=-1),
            *np.moveaxis(np.stack([part[:, stage, 1:] for part in regions], axis=-1), 1, 0),
        ]
        rows += [(run, variation, name, *_numbers(c)) for name, c in zip(YIELD_NAMES, counts, strict=True)]
    return Table(yield_kinds(weighted=_is_weighted(tallies)), rows)


def _flows(tallies: Mapping[int, Tally], booking: Booking) -> Iterator[tuple[str, str, Tally, VariedCounts]]:
    for run, tally in with_sum(tallies):
        for variation in booking.variations:
            matrix = migration_matrix(tally, booking.migration_bins(variation))
            yield run, variation, tally, varied_counts(tally.first_fail, matrix)


def _numbers(counts: NDArray[np.int64]) -> list[Value]:
    """Counts of (n_components, n) numbers, and for weighted simulation sumw and sumw2 of each."""
    numbers = sums(counts)
    found: list[Value] = numbers.count.tolist()
    if len(counts) > 1:
        found += np.column_stack([numbers.sumw, numbers.sumw2]).ravel().tolist()
    return found


def _is_weighted(tallies: Mapping[int, Tally]) -> bool:
    return any(tally.n_components > 1 for tally in tallies.values())
