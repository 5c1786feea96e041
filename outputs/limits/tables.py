"""The tables of limits: over the mass of the dark photon, and over that of dark matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from na64.outputs.limits.dark_matter import MASS_RATIO, y_of
from na64.outputs.limits.search import Point
from na64.outputs.result.table import ColumnType, Table, Value

QUANTITIES = ("observed", "minus2", "minus1", "median", "plus1", "plus2")
"""Observed limit, and quantiles of the expected one at so many standard deviations."""

KINDS: dict[str, ColumnType] = {
    **dict.fromkeys(
        ("level", "mass", "yield_per_eot", "resonant_share", "efficiency", "events_per_eps2"),
        ColumnType.NUMBER,
    ),
    **{f"events_{name}": ColumnType.NUMBER for name in (*QUANTITIES, "mean")},
    **{f"eps_{name}": ColumnType.NUMBER for name in QUANTITIES},
}
"""Columns of `limits.csv`; masses in GeV, of the yield the share that is resonant."""

Y_KINDS: dict[str, ColumnType] = {
    **dict.fromkeys(("level", "alpha_d", "mass_ratio", "mass_chi"), ColumnType.NUMBER),
    **{f"y_{name}": ColumnType.NUMBER for name in QUANTITIES},
}
"""Columns of `limits_y.csv`; masses in GeV."""


def limits_table(points: Sequence[tuple[float, Point]]) -> Table:
    """Table of `KINDS`.

    Parameters
    ----------
    points : sequence of (level, Point)
    """
    return Table(KINDS, [_row(level, point) for level, point in points])


def y_table(points: Sequence[tuple[float, Point]], alphas: Sequence[float]) -> Table:
    """Table of `Y_KINDS`: every point for each coupling alpha_D."""
    return Table(Y_KINDS, list(_y_rows(points, alphas)))


def _row(level: float, point: Point) -> tuple[Value, ...]:
    events = _events(point)
    head = (level, point.mass, point.yield_per_eot, point.resonant_share)
    seen = (point.efficiency, point.sensitivity)
    eps = (None if number is None else point.eps(number) for number in events)
    return (*head, *seen, *events, point.expected.mean, *eps)


def _y_rows(points: Sequence[tuple[float, Point]], alphas: Sequence[float]) -> Iterator[tuple[Value, ...]]:
    for alpha in alphas:
        for level, point in points:
            y = (None if n is None else y_of(point.eps(n), alpha) for n in _events(point))
            yield level, alpha, MASS_RATIO, point.mass / MASS_RATIO, *y


def _events(point: Point) -> tuple[float | None, ...]:
    return (point.observed, *point.expected.bands)
