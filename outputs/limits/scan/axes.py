"""What is scanned: bounds of a selection and the values that they take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from na64.outputs.result.request import Request, selection_source
from na64.selections.bounds import Bound, find_bound
from na64.selections.selection import Selection, load_selection

MOST_AXES = 2
MOST_STEPS = 400
"""Points of a scan, those of a map included."""


@dataclass(frozen=True, slots=True)
class ScanAxis:
    """A bound and the values that it takes, in its unit.

    Attributes
    ----------
    bound : Bound
        With its nominal value.
    values : tuple of float
        Rising.
    """

    bound: Bound
    values: tuple[float, ...]


def axes_of(
    folder: Path, request: Request, ranges: Mapping[str, tuple[float, float]], steps: Sequence[int]
) -> tuple[ScanAxis, ...]:
    """Axes of a scan of a stored result.

    Parameters
    ----------
    folder : Path
    request : Request
        What the result was made of.
    ranges : mapping of str to (float, float)
        First and last value by ``CUT.FEATURE.BOUND``, in the unit of the file; one or two.
    steps : sequence of int
        Values of each, both ends included.

    Raises
    ------
    KeyError
        The selection has no such bound; names the nearest.
    ValueError
        A range or a number of steps that cannot be.
    """
    if not 1 <= len(ranges) <= MOST_AXES:
        raise ValueError(f"{len(ranges)} bounds to scan, not 1 or 2")
    if math.prod(steps) > MOST_STEPS:
        raise ValueError(f"{' x '.join(map(str, steps))} steps: more than {MOST_STEPS}")
    source = selection_source(folder, request)
    return tuple(
        ScanAxis(find_bound(path, source, request.settings, name=request.selection), _values(path, *ends, n))
        for (path, ends), n in zip(ranges.items(), steps, strict=True)
    )


def _values(path: str, first: float, last: float, n_steps: int) -> tuple[float, ...]:
    if not (math.isfinite(first) and math.isfinite(last) and first < last):
        raise ValueError(f"--cut {path}: from {first:g} to {last:g} is not a range")
    if n_steps < 2:
        raise ValueError(f"--cut {path}: {n_steps} steps, not 2 or more")
    # The decimals that a person would write: 0.3, not 0.30000000000000004.
    return tuple(float(f"{value:.12g}") for value in np.linspace(first, last, n_steps))


def points(axes: Sequence[ScanAxis]) -> Iterator[tuple[float, ...]]:
    """Values of the bounds at every step, the last bound fastest."""
    yield from product(*(axis.values for axis in axes))


def selection_at(
    folder: Path,
    request: Request,
    selection: Selection,
    axes: Sequence[ScanAxis],
    values: Sequence[float],
) -> Selection:
    """Selection with the bounds at some values, loaded as `na64 process --set` would load it.

    Parameters
    ----------
    folder, request
        As `axes_of` takes them.
    selection : Selection
        Of the result, for the features of its plug-in and its periods.
    axes : sequence of ScanAxis
    values : sequence of float
        One an axis.
    """
    paths = [axis.bound.path for axis in axes]
    kept = [text for text in request.settings if text.partition("=")[0].strip() not in paths]
    return load_selection(
        selection_source(folder, request),
        extra_features={feature.name: feature for feature in selection.plugin_features},
        period_features={feature.name: feature for feature in selection.period_features},
        settings=(*kept, *(f"{path}={value!r}" for path, value in zip(paths, values, strict=True))),
    )
