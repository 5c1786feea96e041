"""The two sidebands of the signal box in a stored plane, and the turn-on of the trigger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from scipy import special

from na64.datasets.conditions.on_target import only_beam
from na64.datasets.conditions.periods import load_periods
from na64.outputs.background.extrapolation import Numbers, Sideband
from na64.outputs.background.rates import Weighted
from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.messages import counted
from na64.outputs.result.products import Products, energy_plane
from na64.outputs.result.summary_facts import BoxFacts

BEAM_LINE = "electron interactions in the beam line"
TARGET = "electron interactions in the target"

_FULL_EFFICIENCY = 2.33
"""Standard deviations below the trigger's edge: 99 % efficiency."""

_NARROWEST = 4.0
"""GeV of the shortest range."""

_STEEPEST = 1.0
"""GeV: the shortest scale on which the density falls towards the box."""

_NOTHING_LEFT = 0.01
"""Of the largest count: with less beyond it the trigger has ended."""

_LEAST_BESIDE = 50
"""Events beside the box with which the trigger's edge can be measured."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, slots=True)
class TurnOn:
    """The energy above which the physics trigger stops accepting.

    Attributes
    ----------
    edge, width : float
        GeV: half of the events are accepted here; standard deviation of the edge. A width of 0 was stated.
    """

    edge: float
    width: float = 0.0

    @property
    def end(self) -> float:
        """Energy up to which the trigger is 99 % efficient, GeV."""
        return self.edge - _FULL_EFFICIENCY * self.width


def plane_of(products: Products) -> hist.Hist[Any]:
    """(E_ECAL, E_HCAL) plane after all cuts.

    Raises
    ------
    ValueError
        It holds weighted simulation, whose bins are no counts.
    """
    everything = energy_plane(products, VISIBLE, what="the background")
    if not np.array_equal(everything.values(), _sumw2(everything)):
        raise ValueError("weighted simulation has no counts that a likelihood fits")
    return last_plane(products)


def _sumw2(histogram: hist.Hist[Any]) -> Numbers:
    """Sums of squared weights by bin; of a storage that has none, the counts."""
    values, variances = histogram.values(), histogram.variances()
    return np.asarray(values if variances is None else variances, np.float64)


def last_plane(products: Products) -> hist.Hist[Any]:
    """Plane after all cuts, whatever is in it."""
    last = products.summary.selection.cuts[-1].name if products.summary.selection.cuts else VISIBLE
    return energy_plane(products, last, what="the background")


def box_of(products: Products) -> BoxFacts:
    """Only box of a result.

    Raises
    ------
    ValueError
        The runs have boxes of several sizes: a background is estimated a period at a time.
    """
    boxes = products.summary.boxes
    sizes = {(box.width, box.height, box.hidden_width, box.hidden_height) for box in boxes}
    if len(sizes) != 1:
        names = ", ".join(box.period for box in boxes) or "none"
        raise ValueError(f"periods {names} have {len(sizes)} different signal boxes: process one at a time")
    return boxes[0].rectangle()


def beam_energy(products: Products) -> float:
    """Beam energy of the physics runs, GeV.

    Raises
    ------
    ValueError
        They have several beams, whose events beside the box are not of one shape: names them.
    """
    summary = products.summary
    name, box = summary.selection.name, summary.boxes[0]
    _, energy = only_beam(map(summary.beam_of, summary.physics_runs), f"the events beside the box of {name}")
    return energy or load_periods()[box.period].beam_energy


def measure_turn_on(plane: hist.Hist[Any], box: BoxFacts) -> TurnOn:
    """Fit an exponential times a Gaussian edge to the spectrum beside the box.

    Events of the lowest HCAL energies come from a tail that rises towards the beam energy; where the trigger
    ends, it falls. The tail need not be an exponential for the edge to be found.

    Raises
    ------
    ValueError
        No edge is found.
    """
    edges, counts = along_beam_line(plane, box)
    if counts.sum() < _LEAST_BESIDE:
        few = counted(round(counts.sum()), "event")
        raise ValueError(f"{few} beside the box: the trigger's edge cannot be measured")
    found, is_valid = _fit_edge(edges, counts)
    if not is_valid:  # single events far above the edge, of another kind, have no probability in the model
        last = _last_below_peak(counts)
        found, is_valid = _fit_edge(edges[: last + 1], counts[:last])
    if not is_valid or found.end - edges[0] < _NARROWEST:
        raise ValueError(f"no edge of the trigger is found beside the box (fit: {found.edge:.1f} GeV)")
    return found


def _last_below_peak(counts: Numbers) -> int:
    """Number of bins up to where the counts have fallen to a hundredth of the largest."""
    peak = int(np.argmax(counts))
    low = np.flatnonzero(counts[peak:] < _NOTHING_LEFT * counts[peak])
    return peak + int(low[0]) if len(low) else len(counts)


def _fit_edge(edges: Numbers, counts: Numbers) -> tuple[TurnOn, bool]:
    """Edge of the trigger in a spectrum, and whether the fit has converged."""
    distances = edges - edges[0]

    def cumulative(_: Numbers, *parameters: float) -> Numbers:
        return np.concatenate([[0.0], np.cumsum(_below_an_edge(distances, parameters))])

    peak = float(distances[np.argmax(counts)])
    cost = ExtendedBinnedNLL(counts, edges, cumulative, name=("height", "slope", "edge", "width"))
    minimiser = Minuit(cost, height=math.log(counts[0] + 1), slope=0.3, edge=peak, width=3.0)
    minimiser.limits["width"] = (0.3, 20)
    minimiser.limits["edge"] = (0, float(distances[-1]))
    minimiser.migrad()
    found = TurnOn(minimiser.values["edge"] + float(edges[0]), minimiser.values["width"])
    return found, minimiser.valid


def _below_an_edge(edges: Numbers, parameters: Sequence[float]) -> Numbers:
    """Integrate an exponential below a Gaussian edge over bins, with eight Gauss-Legendre nodes a bin."""
    height, slope, edge, width = parameters
    half = np.diff(edges) / 2
    nodes = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
    exponents = height + slope * nodes + special.log_ndtr((edge - nodes) / width)
    return np.asarray(half * (np.exp(np.clip(exponents, -500, 500)) @ _WEIGHTS), np.float64)


def beam_line_sideband(
    plane: hist.Hist[Any], box: BoxFacts, energy: float, turn_on: TurnOn, *, one_slope: bool = False
) -> Sideband:
    """Take the events of the box's HCAL energies, along E_ECAL from the guard's edge to the trigger's.

    Their density does not rise towards the box.

    Parameters
    ----------
    plane : Hist
        (E_ECAL, E_HCAL), GeV, counts.
    box : BoxFacts
    energy : float
        Of the beam, GeV: the sideband ends there at the latest.
    turn_on : TurnOn
    one_slope : bool
        Assume a single slope.
    """
    edges, counts = along_beam_line(plane, box)
    start, stop = float(edges[0]), float(math.floor(min(turn_on.end, energy)))
    _check_range(start, stop)
    return Sideband(
        name=BEAM_LINE,
        axis=plane.axes[0].label,
        edges=edges,
        counts=counts,
        box=(0.0, box.width),
        start=start,
        stop=stop,
        rising=_STEEPEST,
        one_slope=one_slope,
    )


def next_to_guard(plane: hist.Hist[Any], box: BoxFacts) -> Sideband:
    """Take the few GeV next to the guard along E_ECAL, where any trigger accepts that accepts anything."""
    edges, counts = along_beam_line(plane, box)
    start = float(edges[0])
    axis = plane.axes[0].label
    return Sideband(BEAM_LINE, axis, edges, counts, (0.0, box.width), start, start + _NARROWEST, _STEEPEST)


def target_sideband(
    plane: hist.Hist[Any], box: BoxFacts, stop: float, *, one_slope: bool = False
) -> Sideband:
    """Take the events of the box's ECAL energies, along E_HCAL from the guard's edge up to `stop` GeV.

    Their density may rise towards the box, by a factor e at most from the edge of the guard to 0 GeV.
    """
    x, y = (axis.edges for axis in plane.axes)
    first = int(np.searchsorted(y, box.hidden_height - 1e-9))
    counts = plane.values()[: _bins_below(x, box.width), first:].sum(axis=0).astype(np.float64)
    start = float(y[first])
    _check_range(start, stop)
    return Sideband(
        name=TARGET,
        axis=plane.axes[1].label,
        edges=y[first:],
        counts=counts,
        box=(0.0, box.height),
        start=start,
        stop=stop,
        rising=start,
        falling=start,
        one_slope=one_slope,
    )


def in_box(products: Products) -> Weighted:
    """Sum the events of simulation in the box.

    Raises
    ------
    ValueError
        The result is not of simulation.
    """
    if products.summary.is_data:
        raise ValueError("nobody looks into the box of data")
    plane, box = last_plane(products), box_of(products)
    x, y = (axis.edges for axis in plane.axes)
    inside = np.s_[: _bins_below(x, box.width), : _bins_below(y, box.height)]
    return Weighted(float(plane.values()[inside].sum()), float(_sumw2(plane)[inside].sum()))


def along_beam_line(plane: hist.Hist[Any], box: BoxFacts) -> tuple[Numbers, Numbers]:
    """Edges and counts along E_ECAL from the guard's edge, of the box's HCAL energies."""
    x, y = (axis.edges for axis in plane.axes)
    first = int(np.searchsorted(x, box.hidden_width - 1e-9))
    counts = plane.values()[first:, : _bins_below(y, box.height)].sum(axis=1)
    return x[first:], counts.astype(np.float64)


def _bins_below(edges: Numbers, bound: float) -> int:
    """Count the bins up to a bound, which must be an edge."""
    n_bins = int(np.searchsorted(edges, bound - 1e-9))
    if n_bins >= len(edges) or abs(edges[n_bins] - bound) > 1e-9:
        raise ValueError(f"the box ends at {bound:g} GeV, which is no edge of a bin of the plane")
    return n_bins


def _check_range(start: float, stop: float) -> None:
    if stop - start < _NARROWEST:
        raise ValueError(f"{start:g} to {stop:g} GeV is too short a range to fit")
