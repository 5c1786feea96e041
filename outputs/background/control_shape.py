"""Background of a box from the shape of a control region beside it in one feature, extrapolated into it.

Two families of densities, normal and gamma, each with the posterior of its two parameters for priors that are
flat in the mean and in the width, and of densities that are not larger in the box than beside it on average.
Neither family is known to be right: of values the mean of the two counts, and half of the difference adds to
the error; of limits the larger one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from na64.outputs.background.rates import Shape, poisson_limit
from na64.outputs.background.table import BackgroundRow, with_error
from na64.outputs.result.messages import counted
from na64.outputs.result.products import Products, weighted_names
from na64.outputs.result.summary_facts import ClosedEdges
from na64.outputs.statistics.one_sided import CONFIDENCE

Floats = NDArray[np.float64]
Distribution = Callable[[Floats, Floats, Floats], Floats]
"""Cumulative distribution at some edges, for means and standard deviations."""

LEAST_EVENTS = 5
"""With fewer the limit is that of a density that is flat."""

_LARGEST_ERROR = 0.5
"""Relative; a worse estimate is given as an upper limit."""
_LARGEST_LIKELY = 0.9
"""The most likely number is at most this part of the limit."""
_NODES = 40
"""Of each parameter."""


@dataclass(frozen=True, slots=True)
class InBox:
    """Events in the box by a family of densities: mean and standard deviation, and limit at `CONFIDENCE`."""

    n: float
    error: float
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class ControlShape:
    """A control region in bins of one feature, and the events in the box that its shape gives.

    Attributes
    ----------
    shape : Shape
    edges : (n + 1,) float64
        From the edge of the guard band on.
    counts : (n,) float64
    box : float
        The box is from zero up to here.
    by_family : dict of str to InBox
        Empty with few events.
    """

    shape: Shape
    edges: Floats
    counts: Floats
    box: float
    by_family: dict[str, InBox]

    @property
    def n_events(self) -> int:
        """Events of the control region."""
        return round(float(self.counts.sum()))

    @property
    def flat_ratio(self) -> float:
        """Events in the box for each one of the control region, if both are equally dense."""
        return self.box / float(self.edges[-1] - self.edges[0])

    @property
    def flat_limit(self) -> float:
        """Limit for the density that is most in the box of those that are not denser there."""
        return poisson_limit(self.n_events) * self.flat_ratio

    @property
    def estimate(self) -> tuple[float, float]:
        """Events in the box and their error, of both families together."""
        values = [one.n for one in self.by_family.values()]
        errors = [one.error for one in self.by_family.values()]
        middle = math.fsum(values) / len(values)
        variance = math.fsum(error**2 for error in errors) / len(errors)
        return middle, math.sqrt(variance + ((max(values) - min(values)) / 2) ** 2)

    def row(self) -> BackgroundRow:
        """Row of the background table."""
        method = f"{counted(self.n_events, 'event')} with {self.shape.feature} from {self.edges[0]:g} on"
        tag = f"{self.shape.source}; [D: control region]"
        if not self.by_family:
            method += "; as dense in the box as there"
            return _limit(self.shape.name, self.flat_limit, 0.0, method, tag)
        texts = [
            f"{name} density {with_error(found.n, found.error)}" for name, found in self.by_family.items()
        ]
        n, error = self.estimate
        method = f"{method}; {', '.join(texts)}; neither family is known to be right"
        if error > _LARGEST_ERROR * n:
            limit = min(max(one.limit for one in self.by_family.values()), self.flat_limit)
            return _limit(self.shape.name, limit, min(n, _LARGEST_LIKELY * limit), method, tag)
        return BackgroundRow(self.shape.name, n, error, method=method, tag=tag)


def _limit(name: str, limit: float, likely: float, method: str, tag: str) -> BackgroundRow:
    text = f"{CONFIDENCE:.0%} limit; {method}"
    return BackgroundRow(name, limit, upper_limit=True, most_likely=likely, method=text, tag=tag)


def control_shape(products: Products, shape: Shape) -> ControlShape:
    """Take the control region of a result and extrapolate it into the box.

    Raises
    ------
    ValueError
        The result lacks the histogram, it holds weighted simulation, its bins do not have the edges of box
        and guard band, or the periods have boxes with several.
    """
    low, high = _edges(products, shape)
    histogram = _histogram(products, shape)
    edges, counts = histogram.axes[0].edges, np.asarray(histogram.values(), np.float64)
    variances = histogram.variances()
    if variances is not None and not np.array_equal(counts, variances):
        raise ValueError("weighted simulation has no counts that a likelihood fits")
    first = int(np.argmin(np.abs(edges - high)))
    for edge in (low, high):
        if not np.isclose(edges, edge, atol=1e-6).any():
            raise ValueError(
                f"histogram {shape.histogram}: no bin begins at {edge:g}, an edge of box or guard band"
            )
    found = ControlShape(shape, edges[first:], counts[first:], low, {})
    if found.n_events < LEAST_EVENTS:
        return found
    by_family = {name: _in_box(found, family) for name, family in _FAMILIES.items()}
    return ControlShape(shape, found.edges, found.counts, low, by_family)


def _histogram(products: Products, shape: Shape) -> hist.Hist[Any]:
    found = products.histograms.get(shape.histogram)
    if found is not None and shape.histogram in weighted_names(products):
        raise ValueError(f"histogram {shape.histogram}: has a weight, so no counts that a likelihood fits")
    if found is None:
        name = products.summary.selection.name
        raise ValueError(
            f"selection {name} has no histogram {shape.histogram}, which {shape.name} are taken from"
        )
    return found


def _edges(products: Products, shape: Shape) -> tuple[float, float]:
    """End of the box and of its guard band in the feature, which all periods have in common."""
    found = {
        _ends(one) for box in products.summary.boxes for one in _own(box.search, box.others, shape.feature)
    }
    if len(found) != 1:
        raise ValueError(
            f"{len(found)} edges of boxes in {shape.feature}, one is expected: process one period at a "
            "time, with a selection for the search whose box has it"
        )
    return found.pop()


def _own(search: str, others: Any, feature: str) -> list[ClosedEdges]:
    return [edge for one in others if one.search == search for edge in one.edges if edge.feature == feature]


def _ends(edge: ClosedEdges) -> tuple[float, float]:
    if edge.high is None or edge.low is not None or edge.guard is None:
        raise ValueError(
            f"the box is not below an edge in {edge.feature}, or the result does not state its guard band"
        )
    return round(edge.high - edge.guard, 9), edge.high


def _in_box(found: ControlShape, family: Distribution) -> InBox:
    """Events in the box, of the number seen and of the parameters."""
    lowest, highest = float(found.edges[0]), float(found.edges[-1])
    width = float(np.diff(found.edges).min())
    mean, deviation = np.meshgrid(
        np.linspace(lowest, highest, _NODES), np.geomspace(width, highest - lowest, _NODES)
    )
    at_zero, at_box, *below = (
        family(np.asarray(edge), mean.ravel(), deviation.ravel()) for edge in (0.0, found.box, *found.edges)
    )
    bins = np.clip(np.diff(np.array(below), axis=0), 1e-300, None)
    seen = bins.sum(axis=0)
    logarithm = found.counts @ np.log(bins / seen)
    weight = np.exp(logarithm - logarithm.max()) * deviation.ravel()  # the nodes are even in its logarithm
    ratio = (at_box - at_zero) / seen
    weight[ratio > found.flat_ratio] = 0.0  # denser in the box than in the control region
    n = found.n_events
    first, second = (float(np.average(ratio**power, weights=weight)) for power in (1, 2))
    error = math.sqrt(n * first**2 + n**2 * max(second - first**2, 0.0))
    kept = weight > 1e-6 * weight.max()
    return InBox(n * first, error, _quantile(n, ratio[kept], weight[kept]))


def _quantile(n: int, ratio: Floats, weight: Floats) -> float:
    """Limit on the events in the box, by those of the control region, `n`, and the ratio of the two."""
    whole, least = weight.sum(), np.maximum(ratio, 1e-12)

    def above(limit: float) -> float:
        return float(weight @ special.gammainc(n + 1, limit / least) / whole) - CONFIDENCE

    return float(optimize.brentq(above, 0.0, 1.1 * poisson_limit(n) * float(least.max())))


def _normal(edge: Floats, mean: Floats, deviation: Floats) -> Floats:
    found: Floats = stats.norm.cdf((edge - mean) / deviation)
    return found


def _gamma(edge: Floats, mean: Floats, deviation: Floats) -> Floats:
    found: Floats = stats.gamma.cdf(edge, (mean / deviation) ** 2, scale=deviation**2 / mean)
    return found


_FAMILIES: dict[str, Distribution] = {"normal": _normal, "gamma": _gamma}
