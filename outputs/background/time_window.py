"""Electrons of which a part of the energy falls out of the time window, so that they seem to miss it.

A cell counts in time within some standard deviations of its expected time. What the tails of the times take
away is missing energy of a kind: an electron beside the box enters it if a cell with enough energy is late.
Each electron beside the box, with energy E, does so if the share that is lost is above ``1 - box / E``. The
distribution of the share is measured with electrons of the beam trigger, which no box hides, or computed from
showers and a Gaussian tail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import hist
import numpy as np
from scipy import special

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.instrument.roles import CALORIMETER
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.electromagnetic import mean_cells
from na64.outputs.background.extrapolation import Numbers
from na64.outputs.background.rates import poisson_limit
from na64.outputs.background.sidebands import along_beam_line, beam_energy, last_plane
from na64.outputs.background.table import BackgroundRow
from na64.outputs.result.products import Products, counted_histograms
from na64.outputs.result.summary import Verdict
from na64.outputs.result.summary_facts import BoxFacts
from na64.outputs.statistics.one_sided import CONFIDENCE

TIME_WINDOW = "electrons with energy out of time"

TOTAL, LATE = f"{CALORIMETER}_total", f"{CALORIMETER}_out_of_time"
"""Features: ECAL energy at any time, and that part of it which is not in time."""

N_SIGMA = 3.0
"""Half width of the window of an ECAL cell [V: EJ]."""

TAIL_AT_MOST = 1.6
"""Real over simulated losses, at 90 % confidence: 0.2 % of 2704 real dimuons, 5 events and so fewer than 9.3,
have 5 to 30 GeV out of time [D: RC]; of 20,000 simulated ones, with Gaussian times, 0.22 % have."""

_TYPICAL = 0.75
"""Part of the beam's energy of the showers whose cells are computed: below the edge of the trigger."""
_USUAL = 100.0
"""GeV."""
_N_SHOWERS = 4_000
_LEAST_LOST = 4.0
"""Losses of equal weight from which on their number is a value and not a limit: an error of a half."""
_LARGEST_LIKELY = 0.9
"""The most likely number is at most this part of a limit."""

_DIGITS = 12
"""Of an identity, as texts show it."""

_MEASURED, _COMPUTED = "[D: beam electrons]", "[D: showers; D: RC for the tail of times]"


@dataclass(frozen=True, slots=True, eq=False)
class BeamElectrons:
    """Electrons of the beam trigger: a result of the selection ``timing_beam``, and which one it is.

    Attributes
    ----------
    products : Products
    name : str
        Of its folder.
    digest : str
        sha256 of its `result.json`.
    """

    products: Products
    name: str
    digest: str

    @property
    def runs(self) -> list[int]:
        """Numbers of the runs with electrons that were read."""
        return sorted(run.run for run in self.products.summary.runs if run.accounting["processed"])

    @property
    def facts(self) -> dict[str, object]:
        """Result, selection, catalogue and runs, as plain JSON."""
        summary = self.products.summary
        return {
            "name": self.name,
            "result": self.digest,
            "selection": summary.selection.name,
            "selection_identity": summary.identities.get("selection", ""),
            "catalogue": summary.identities.get("catalogue", ""),
            "runs": to_ranges(self.runs),
            "verdict": summary.verdict.value,
        }

    @property
    def text(self) -> str:
        """Same in words."""
        facts = {name: str(value) for name, value in self.facts.items()}
        verdict = "" if self.products.summary.verdict is Verdict.COMPLETE else ", INCOMPLETE"
        return (
            f"{facts['name']}: selection {facts['selection']}, runs {facts['runs'] or 'none'}, catalogue "
            f"{facts['catalogue'][:_DIGITS]}, result {facts['result'][:_DIGITS]}{verdict}"
        )

    def said_of(self, products: Products) -> str:
        """Which electrons stand for which runs of a result, in words."""
        wanted = {run.run for run in products.summary.runs if run.accounting["processed"]}
        others = to_ranges(wanted - set(self.runs))
        return f"electron times from {self.text}{f'; none of run {others} of this result' if others else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class WindowLosses:
    """How much of an electron's energy the window loses.

    Attributes
    ----------
    share : (n,) float64
        Of the energy.
    probability : (n,) float64
        An electron loses this share.
    counts : (n,) float64
        Electrons that were seen to; 0 if that was computed.
    n_electrons : int
        Seen in all.
    """

    share: Numbers
    probability: Numbers
    counts: Numbers
    n_electrons: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Electrons beside the box, near enough that the window can bring them into it.

    Attributes
    ----------
    energy, events : (n_bins,) float64
        In time, GeV; how many there are.
    edge, most : float, GeV
        ECAL energy of the box; largest energy out of time that the cuts allow.
    """

    energy: Numbers
    events: Numbers
    edge: float
    most: float

    @property
    def n_events(self) -> float:
        """How many were seen."""
        return float(self.events.sum())

    @property
    def n_at_most(self) -> float:
        """How many there are; if none were seen, at 90 % confidence."""
        return self.n_events or poisson_limit(0)

    @property
    def text(self) -> str:
        """How many there are, in words."""
        until = "up" if math.isinf(self.most) else f"to {self.edge + self.most:.0f} GeV"
        return f"{self.n_events:.0f} electrons from {self.energy[0] - 0.5:g} GeV {until}"

    def entering(self, share: Numbers) -> Numbers:
        """Electrons that would be in the box if all of them lost this share: (n_shares,) float64.

        If none were seen, those that may be there are taken to be nearest to the box.
        """
        events = self.events.copy()
        if not events.any():
            events[0] = self.n_at_most
        lost = share[:, None] * self.energy
        entering: Numbers = ((self.energy - lost < self.edge) & (lost < self.most)) @ events
        return entering


@cache
def computed_losses(beam: float = _USUAL) -> WindowLosses:
    """Losses of one cell at a time, of parametrised showers, with Gaussian times.

    The largest cell is none of them: without it another one is the largest, and the event is rejected.

    Parameters
    ----------
    beam : float
        Energy of the beam, GeV.
    """
    typical = _TYPICAL * beam
    campaign = load_campaign("demo")
    rng = np.random.default_rng(1)
    grid, spot = campaign.geometries[0].grid, campaign.beam
    x, y = rng.standard_normal((2, _N_SHOWERS)) * spot.spot
    cells = mean_cells(np.full(_N_SHOWERS, typical), x + spot.centre[0], y + spot.centre[1], grid, rng)
    flat = cells.reshape(_N_SHOWERS, -1)
    flat[np.arange(_N_SHOWERS), np.argmax(flat, axis=1)] = 0.0
    share = flat[flat > 0.01 * typical] / typical
    tail = 2 * float(special.ndtr(-N_SIGMA))
    return WindowLosses(share, np.full(len(share), tail / _N_SHOWERS), np.zeros(len(share)))


def measured_losses(timing: Products) -> WindowLosses:
    """Losses of electrons of the beam trigger, from a result of the selection ``timing_beam``.

    Raises
    ------
    ValueError
        The result has no histogram of the two features, or no electrons in it.
    """
    found = [h for h in counted_histograms(timing).values() if _names(h) == (TOTAL, LATE)]
    if not found:
        raise ValueError(
            f"no histogram of {TOTAL} and {LATE} in a result of {timing.summary.selection.name}: "
            "process with --selection timing_beam"
        )
    counts = found[0].values(flow=False)
    energy, late = (axis.centers for axis in found[0].axes)
    n_electrons = int(counts.sum())
    if not n_electrons:
        raise ValueError(f"no electrons in the histogram {found[0].name}: nothing is measured of their times")
    share = (late[None, :] / energy[:, None])[counts > 0]
    seen = counts[counts > 0]
    return WindowLosses(share, seen / n_electrons, np.asarray(seen, np.float64), n_electrons)


def time_window_row(
    products: Products, box: BoxFacts, timing: BeamElectrons | None = None
) -> BackgroundRow | None:
    """Row of the electrons beside the box that the window brings into it; None if a cut excludes them.

    Parameters
    ----------
    products : Products
    box : BoxFacts
        With the guard up to where fits begin.
    timing : BeamElectrons, optional
        Otherwise the losses are computed, and the row is a limit.
    """
    most = most_out_of_time(products)
    edges, counts = along_beam_line(last_plane(products), box)
    energy = (edges[1:] + edges[:-1]) / 2
    reachable = energy - box.width < most
    if not reachable.any():
        return None
    beside = Beside(energy[reachable], counts[reachable], box.width, most)
    if timing is None:
        return _computed(computed_losses(beam_energy(products)), beside)
    row = _measured(measured_losses(timing.products), beside)
    return replace(row, method=f"{row.method}; {timing.said_of(products)}")


def most_out_of_time(products: Products) -> float:
    """Largest ECAL energy out of time that the cuts of a result allow, GeV."""
    intervals = [interval for cut in products.summary.selection.cuts for interval in cut.intervals]
    bounds = [i.high for i in intervals if i.feature == LATE and i.high is not None]
    return min(bounds, default=math.inf)


def _computed(losses: WindowLosses, beside: Beside) -> BackgroundRow:
    n = float(losses.probability @ beside.entering(losses.share))
    least = float(losses.probability.min()) * beside.n_at_most
    method = (
        f"{beside.text}: {n:.2g} lose enough if times are Gaussian, at most {TAIL_AT_MOST:g} times as many"
    )
    return _limit(TAIL_AT_MOST * max(n, least), n if beside.n_events else 0.0, method, _COMPUTED)


def _measured(losses: WindowLosses, beside: Beside) -> BackgroundRow:
    """Weigh each loss that was seen; few of them make a limit, of as many events of equal weight."""
    weights = beside.entering(losses.share) / losses.n_electrons
    n, variance = (float(losses.counts @ weights**power) for power in (1, 2))
    n_lost = float(losses.counts[weights > 0].sum())
    method = (
        f"{beside.text}; {n_lost:.0f} of {losses.n_electrons} beam electrons lose enough for some of them"
    )
    if beside.n_events and n**2 >= _LEAST_LOST * variance > 0:
        return BackgroundRow(TIME_WINDOW, n, math.sqrt(variance), method=method, tag=_MEASURED)
    scale = variance / n if n else beside.n_at_most / losses.n_electrons
    return _limit(scale * poisson_limit(n / scale), n if beside.n_events else 0.0, method, _MEASURED)


def _limit(limit: float, likely: float, method: str, tag: str) -> BackgroundRow:
    method = f"{CONFIDENCE:.0%} limit; {method}"
    most_likely = min(likely, _LARGEST_LIKELY * limit)
    return BackgroundRow(
        TIME_WINDOW, limit, upper_limit=True, most_likely=most_likely, method=method, tag=tag
    )


def _names(histogram: hist.Hist[Any]) -> tuple[str, ...]:
    return tuple(axis.name for axis in histogram.axes)
