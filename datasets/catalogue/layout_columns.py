"""Columns that layouts name besides those of the package, as columns of the periods whose files have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from na64.datasets.conditions.periods import Period
from na64.datasets.instrument.columns import detector_columns
from na64.datasets.instrument.features import Feature
from na64.datasets.reading.layout import Layout


def with_columns_of(layouts: Iterable[Layout], periods: Mapping[str, Period]) -> dict[str, Period]:
    """Periods that have the columns of layouts too: those are features of all their runs.

    A period in which a column is something else stays as it is: no file of its runs is read with the layout.

    Parameters
    ----------
    layouts : iterable of Layout
    periods : mapping of str to Period

    Raises
    ------
    ValueError
        A column is called as another column of a period or of another layout.
    """
    found = dict(periods)
    for layout in layouts:
        for name, period in found.items() if layout.own else ():
            if any(own.name in _taken(period) for own in layout.own):
                continue
            if reason := clash(layout, period):
                raise ValueError(reason)
            found[name] = _with_columns(layout.own, period)
    return found


def _with_columns(columns: Iterable[Feature], period: Period) -> Period:
    known = {column.name for column in period.setup.columns}
    new = tuple(column for column in columns if column.name not in known)
    return replace(period, setup=replace(period.setup, columns=(*period.setup.columns, *new)))


def clash(layout: Layout, period: Period) -> str:
    """Reason why a column of a layout cannot be a feature of a period; empty if all can.

    Parameters
    ----------
    layout : Layout
    period : Period
    """
    columns = {column.name: column for column in period.setup.columns}
    taken = _taken(period)
    for own in layout.own:
        if own.name in taken:
            return f"layout {layout.name}: {own.name} is something else in period {period.name} already"
        known = columns.get(own.name, own)
        if (known.unit, known.meaning) != (own.unit, own.meaning):
            return (
                f'layout {layout.name}: {own.name} is "{own.meaning}" [{own.unit}], and "{known.meaning}" '
                f"[{known.unit}] in period {period.name} or another layout"
            )
    return ""


def _taken(period: Period) -> set[str]:
    """Names of a period that no column may have."""
    setup = period.setup
    of_detectors = {one.name for d in setup.further for one in detector_columns(d.name, d.role)}
    names = {*period.features, *dict(setup.constants), *setup.detectors, *of_detectors}
    return names - {column.name for column in setup.columns}
