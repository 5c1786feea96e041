"""What every step of a scan would give: background of the sidebands, efficiency, expected limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hist

from na64.outputs.background.estimate import Settings, estimate_sidebands
from na64.outputs.background.rates import Weighted
from na64.outputs.background.sidebands import box_of, plane_of
from na64.outputs.background.table import BackgroundRow, BackgroundTable
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.limits.scan.axes import ScanAxis, points, selection_at
from na64.outputs.limits.scan.candidates import Candidates
from na64.outputs.result.products import Products
from na64.outputs.result.request import read_request
from na64.outputs.statistics.expected import Expected, expected_limits
from na64.outputs.statistics.model import counting
from na64.outputs.statistics.one_sided import summed
from na64.selections.selection import Selection

LEVEL = 0.9
"""Confidence level of the expected limits."""


@dataclass(frozen=True, slots=True)
class Fraction:
    """Part of some events, with its binomial error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class ScanStep:
    """A point of a scan.

    Attributes
    ----------
    values : tuple of float
        Of the bounds, in their units.
    selected : int
        Visible events that pass all cuts.
    sidebands : tuple of BackgroundRow
        Background in the box that each sideband gives.
    expected : Expected
        Limits on signal events in the box over experiments without a signal, at `LEVEL`.
    efficiency : Fraction or None
        Simulated signal that is selected in the box, of all that was processed.
    """

    values: tuple[float, ...]
    selected: int
    sidebands: tuple[BackgroundRow, ...]
    expected: Expected
    efficiency: Fraction | None = None

    @property
    def background(self) -> tuple[float, float]:
        """Events in the box and their error, limits with mean and deviation of their distribution."""
        return BackgroundTable(self.sidebands).total(False)

    @property
    def is_limit(self) -> bool:
        """Whether the background, or a part of it, is only known to be below a limit."""
        return any(row.upper_limit for row in self.sidebands)

    @property
    def significance(self) -> Fraction | None:
        """Efficiency over the root of the background, S/sqrt(B) for one signal event that is processed."""
        n, error = self.background
        if self.efficiency is None:
            return None
        value = self.efficiency.value / math.sqrt(n)
        relative = math.hypot(self.efficiency.error / math.sqrt(n), value * error / (2 * n))
        return Fraction(value, relative)

    @property
    def reach(self) -> tuple[float, float, float] | None:
        """Expected limit over efficiency, -1, 0 and +1 standard deviations of the experiments; None if none.

        Signal that has to be produced: the coupling squared that can be excluded is proportional to it.
        """
        if self.efficiency is None or not self.efficiency.value:
            return None
        low, median, high = self.expected.bands[1:4]
        found = self.efficiency.value
        return low / found, median / found, high / found


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Candidates of simulated signal, and the box that they are counted in."""

    candidates: Candidates
    products: Products

    def efficiency(self, selection: Selection) -> Fraction:
        """Fraction of what was processed that is selected in the box."""
        passing = self.candidates.passing(selection)
        found = self.candidates.in_box(passing, box_of(self.products))
        return fraction(found, self.candidates.visible)


def fraction(part: Weighted, whole: Weighted) -> Fraction:
    """Part of a sum of weights, its error that of a flat prior: not zero where none or all are selected."""
    if not whole.sumw > 0:
        raise ValueError("the simulation has no events to find an efficiency with")
    value, n = part.sumw / whole.sumw, whole.n_effective
    passed = min(max(value, 0.0), 1.0) * n
    return Fraction(value, math.sqrt((passed + 1) * (n - passed + 1) / ((n + 2) ** 2 * (n + 3))))


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Steps of a scan, and what they are of.

    Attributes
    ----------
    axes : tuple of ScanAxis
        The last one fastest.
    steps : tuple of ScanStep
    nominal : ScanStep
        With the bounds of the selection.
    others : int
        Visible events that pass all cuts but those that are scanned.
    counted : int
        Selected events of the stored result.
    fit_end : float or None
        GeV where fits along E_ECAL end in every step; None: no turn-on of the trigger was found.
    selection, label : str
    """

    axes: tuple[ScanAxis, ...]
    steps: tuple[ScanStep, ...]
    nominal: ScanStep
    others: int
    counted: int
    fit_end: float | None
    selection: str
    label: str

    @property
    def as_counted(self) -> bool:
        """Whether the nominal step has the events that the result counted."""
        return self.nominal.selected == self.counted

    @property
    def best(self) -> ScanStep | None:
        """Step that could exclude the smallest signal; None without an efficiency anywhere."""
        known = [(step.reach[1], step) for step in self.steps if step.reach]
        return min(known, key=lambda pair: pair[0])[1] if known else None


@dataclass(frozen=True, slots=True, eq=False)
class Scanner:
    """Result, candidates and settings of a scan; `run` makes the steps."""

    folder: Path
    analysis: ReopenedResult
    axes: tuple[ScanAxis, ...]
    candidates: Candidates
    settings: Settings
    signal: Signal | None = None

    def run(self) -> Iterator[ScanStep]:
        """Steps of all points in order, the nominal one first."""
        yield self._step(tuple(axis.bound.value for axis in self.axes))
        for values in points(self.axes):
            yield self._step(values)

    def _step(self, values: Sequence[float]) -> ScanStep:
        selection = self._selection(values)
        passing = self.candidates.passing(selection)
        plane = self.candidates.plane(passing, self._plane_axes)
        rows = estimate_sidebands(self.analysis.products, self.settings, plane).rows
        return ScanStep(
            values=tuple(values),
            selected=sum(int(part.sum()) for part in passing),
            sidebands=rows,
            expected=limits_of(rows),
            efficiency=self.signal.efficiency(selection) if self.signal else None,
        )

    def _selection(self, values: Sequence[float]) -> Selection:
        request = read_request(self.folder)
        return selection_at(self.folder, request, self.analysis.selection, self.axes, values)

    @property
    def _plane_axes(self) -> tuple[Any, ...]:
        stored: hist.Hist[Any] = plane_of(self.analysis.products)
        return tuple(stored.axes)


def same_range(products: Products, settings: Settings) -> Settings:
    """Settings with the end of fits along E_ECAL that the stored plane after all cuts gives, for every step.

    Parameters
    ----------
    products : Products
    settings : Settings
        As they are if they state an end, or if no turn-on of the trigger is found.
    """
    turn_on = estimate_sidebands(products, settings, plane_of(products)).turn_on
    if settings.end is not None:
        return settings
    return replace(settings, end=turn_on.end if turn_on else None)


def limits_of(rows: Sequence[BackgroundRow]) -> Expected:
    """Limits on signal events to expect of a background, at `LEVEL`.

    Parameters
    ----------
    rows : sequence of BackgroundRow
        Sources; a limit on one counts with its distribution.
    """
    table = BackgroundTable(tuple(rows))
    counted = table.counted(False)
    n = math.fsum(value for _, value, _ in counted)
    error = math.hypot(*(error for _, _, error in counted))
    limits = summed(tuple(source for _, source in table.one_sided()))
    return expected_limits(counting(n, error if n else 0.0, one_sided=limits), level=LEVEL)
