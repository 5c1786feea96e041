"""Rows of the yields in a report: a run each, or several neighbours where there are thousands."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from na64.datasets.conditions.on_target import UNKNOWN, exposure_label
from na64.outputs.result.table import Value

MOST_ROWS = 200
"""Rows that somebody looks through; of more runs neighbours are taken together. All are in `yields.csv`."""

Row = dict[str, Value]

_SHARED = ("period", "particle")
"""What neighbours have in common that are taken together."""


def yield_rows(records: Sequence[Row], others: Collection[int] = ()) -> list[Row]:
    """Rows of `yields.csv`, or their sums over neighbouring runs of a period and beam if there are too many.

    Parameters
    ----------
    records : sequence of dict
        By run.
    others : collection of int
        Calibration and beam runs, whose particles on target are in no sum.

    Returns
    -------
    list of dict
        ``run`` is a text where it is several.
    """
    n_together = -(-len(records) // MOST_ROWS)
    return list(records) if n_together < 2 else list(_sums(records, n_together, frozenset(others)))


def _sums(records: Sequence[Row], n_together: int, others: frozenset[int]) -> Iterator[Row]:
    for _, of_period in groupby(records, key=lambda row: (row["period"], row.get("particle"))):
        rows = list(of_period)
        for start in range(0, len(rows), n_together):
            yield _sum(rows[start : start + n_together], others)


def _sum(rows: Sequence[Row], others: frozenset[int]) -> Row:
    if len(rows) == 1:
        return dict(rows[0])
    total: Row = {name: _added([row[name] for row in rows]) for name in rows[0] if name not in _SHARED}
    counted = [row for row in rows if row["run"] not in others] or rows
    total["eot"] = _added([row["eot"] for row in counted])
    without, left_out = sum(row["eot"] is None for row in counted), len(rows) - len(counted)
    said = f", {without} without {exposure_label(str(rows[0].get('particle') or UNKNOWN))}" if without else ""
    said += f", {left_out} of calibration or beam" if left_out else ""
    name = f"{rows[0]['run']}\N{EN DASH}{rows[-1]['run']} ({len(rows)} runs{said})"
    return total | {"run": name} | {key: rows[0][key] for key in _SHARED if key in rows[0]}


def _added(values: Sequence[Value]) -> Value:
    """Sum of the numbers that are stated; none if none is."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return None
    return math.fsum(numbers) if any(isinstance(number, float) for number in numbers) else sum(numbers)
