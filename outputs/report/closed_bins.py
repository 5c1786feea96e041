"""Bins that are hidden as a whole: nothing of them is shown, whatever a histogram may hold there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.products import Products
from na64.outputs.result.summary_facts import BoxFacts, ClosedFacts
from na64.selections.planes import ENERGIES


@dataclass(frozen=True, slots=True)
class ClosedArea:
    """What is closed of a histogram's axes, with the part of it that is the box itself.

    Attributes
    ----------
    ends : tuple of (float, float)
        By axis, with the guard band; infinite where there is no edge.
    box : tuple of (float, float)
        The same without it; empty where that is not stated.
    name : str
    """

    ends: tuple[tuple[float, float], ...]
    box: tuple[tuple[float, float], ...]
    name: str


def closed_areas(features: Sequence[str], boxes: Sequence[BoxFacts]) -> list[ClosedArea]:
    """Hidden regions all of whose bounds are on the features of some axes, without repetition.

    Parameters
    ----------
    features : sequence of str
        Of the axes.
    boxes : sequence of BoxFacts
        In the units of the axes.
    """
    return list(dict.fromkeys(_areas(tuple(features), boxes)))


def _areas(features: tuple[str, ...], boxes: Sequence[BoxFacts]) -> Iterator[ClosedArea]:
    for box in boxes:
        if box.is_rectangle and {*ENERGIES} <= {*features}:
            hidden = _below(features, box.hidden_width, box.hidden_height)
            yield ClosedArea(hidden, _below(features, box.width, box.height), "signal box")
        for other in box.others:
            known = _bounds(other)
            if known and known.keys() <= {*features}:
                yield ClosedArea(_along(features, known), (), other.search)


def _below(features: tuple[str, ...], width: float, height: float) -> tuple[tuple[float, float], ...]:
    ends = ((-math.inf, width), (-math.inf, height))
    return _along(features, dict(zip(ENERGIES, ends, strict=True)))


def _bounds(other: ClosedFacts) -> dict[str, tuple[float, float]]:
    stated = {one.feature: (one.low, one.high) for one in other.edges}
    if not stated and other.covers:  # results of before other features were stated
        stated = dict(zip(ENERGIES, other.in_plane, strict=True))
    return {
        name: (-math.inf if low is None else low, math.inf if high is None else high)
        for name, (low, high) in stated.items()
    }


def _along(
    features: tuple[str, ...], bounds: Mapping[str, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    return tuple(bounds.get(name, (-math.inf, math.inf)) for name in features)


def hidden_bins(histogram: hist.Hist[Any], areas: Sequence[ClosedArea]) -> NDArray[np.bool_]:
    """Bins, with those beyond the axes, that lie in a hidden region as a whole.

    Returns
    -------
    (n_bins_x + 2, ...) bool
    """
    hidden = np.zeros(tuple(axis.size + 2 for axis in histogram.axes), np.bool_)
    for area in areas:
        inside = np.ones_like(hidden)
        for number, (axis, (low, high)) in enumerate(zip(histogram.axes, area.ends, strict=True)):
            edges = np.concatenate([[-math.inf], axis.edges, [math.inf]])
            tolerance = 1e-9 * max(map(abs, axis.edges[[0, -1]]))
            within = (edges[:-1] >= low - tolerance) & (edges[1:] <= high + tolerance)
            inside &= within.reshape([-1 if n == number else 1 for n in range(hidden.ndim)])
        hidden |= inside
    return hidden


def without_hidden(products: Products) -> Products:
    """A result of data whose histograms are empty where everything is hidden; simulation as it is.

    Nothing should be there: what is shown must not depend on that.
    """
    if not products.summary.is_data:
        return products
    emptied = {name: _emptied(found, products.summary.boxes) for name, found in products.histograms.items()}
    return replace(products, histograms=emptied)


def _emptied(histogram: hist.Hist[Any], boxes: Sequence[BoxFacts]) -> hist.Hist[Any]:
    features = [str(axis.name) for axis in histogram.axes]
    hidden = hidden_bins(histogram, closed_areas(features, boxes))
    if not hidden.any():
        return histogram
    emptied = histogram.copy()
    view: Any = emptied.view(flow=True)
    view[hidden] = np.zeros((), view.dtype)
    return emptied
