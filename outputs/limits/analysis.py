"""The limits of stored results: what was read, what was assumed, what came out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.conditions.on_target import only_kind
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import Background
from na64.outputs.limits.production import Production
from na64.outputs.limits.search import EfficiencyFunction, LimitPoint, PeriodChannel, Search
from na64.outputs.result.messages import counted
from na64.outputs.statistics.cls import Toys
from na64.outputs.statistics.intervals import ConfidenceInterval, unified_interval
from na64.outputs.statistics.model import Model
from na64.outputs.statistics.workspace import pyhf_limit, workspace

_FEW = "too strong for few counts"


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that no stored number says, and where it comes from."""

    text: str
    tag: str


_NOT_MADE = "not made for this case"
"""How the note of a method begins that failed."""


@dataclass(frozen=True, slots=True)
class LimitComparison:
    """Limits on the signal events by other methods, at the first level.

    Attributes
    ----------
    name : str
    observed, expected : float or None
        None where the method is not made for the case.
    note : str
    """

    name: str
    observed: float | None
    expected: float | None
    note: str

    @property
    def failed(self) -> bool:
        """Whether the method is not made for the case, and the note says why."""
        return self.note.startswith(_NOT_MADE)


@dataclass(frozen=True, slots=True)
class LimitsAnalysis:
    """Limits and all that they rest on.

    Attributes
    ----------
    search : Search
    exposures : tuple of LimitInput
    backgrounds : tuple of Background
        One for all, or one a result.
    levels : tuple of float
    points : tuple of (float, LimitPoint)
        Limits at every level and mass.
    comparisons : tuple of LimitComparison
    assumptions : tuple of Assumption
    interval : ConfidenceInterval or None
        Unified, of the signal events, at the first level; None while a box is closed.
    """

    search: Search
    exposures: tuple[LimitInput, ...]
    backgrounds: tuple[Background, ...]
    levels: tuple[float, ...]
    points: tuple[tuple[float, LimitPoint], ...]
    comparisons: tuple[LimitComparison, ...]
    assumptions: tuple[Assumption, ...]
    interval: ConfidenceInterval | None

    @property
    def state(self) -> str:
        """Why there is no observed limit, or under what the boxes were opened."""
        closed = [exposure.state for exposure in self.exposures if not exposure.is_open]
        return "; ".join(dict.fromkeys(closed or [exposure.state for exposure in self.exposures]))

    @property
    def label(self) -> str:
        """What the events are."""
        return "; ".join(dict.fromkeys(exposure.label for exposure in self.exposures))


def search_of(
    exposures: Sequence[LimitInput],
    backgrounds: Sequence[Background],
    efficiency: Callable[[LimitInput, PeriodExposure], EfficiencyFunction],
    *,
    signal_error: float,
    threshold: float | None = None,
    toys: Toys | None = None,
    resonant: Resonant | None = None,
) -> Search:
    """Make a channel of every period of every result.

    A background is divided among its periods by their exposure, with its relative errors in common. The yield
    is that of the period's beam.

    Parameters
    ----------
    exposures : sequence of LimitInput
    backgrounds : sequence of Background
        One for all results together, or one for each.
    efficiency : callable
        Of a result and one of its periods.
    signal_error : float
    threshold : float or None
        GeV of missing energy; None: where the box of each period begins.
    toys : Toys, optional
    resonant : Resonant, optional
    """
    n = len(exposures)
    if len(backgrounds) not in (1, n):
        results = counted(n, "result")
        raise ValueError(f"{len(backgrounds)} times --background for {results}: once for all, or once each")
    shared = len(backgrounds) == 1
    periods: list[PeriodChannel] = []
    for index, exposure in enumerate(exposures):
        background = backgrounds[0 if shared else index]
        whole = _whole(exposures if shared else [exposure])
        prefix = "" if n == 1 else f"{named(exposure.folder)} "
        own = "" if shared else prefix
        for period in exposure.periods:
            part = period.on_target / whole
            periods.append(
                PeriodChannel(
                    prefix + period.period,
                    period.on_target,
                    background.values * part,
                    tuple((name, error * part) for name, error in background.errors(own)),
                    efficiency(exposure, period),
                    period.observed,
                    _production(period, threshold, resonant),
                    tuple((name, source.scaled(part)) for name, source in background.one_sided(own)),
                )
            )
    return Search(tuple(periods), signal_error, toys)


def _production(period: PeriodExposure, threshold: float | None, resonant: Resonant | None) -> Production:
    try:
        return Production(period.beam, period.threshold if threshold is None else threshold, resonant)
    except ValueError as error:
        option = "" if threshold is None else f"--threshold {threshold:g}: "
        raise ValueError(f"{option}period {period.period}: {error}") from None


def _whole(exposures: Sequence[LimitInput]) -> float:
    """Exposure over which one background is spread.

    Raises
    ------
    ValueError
        It is of several kinds of particles, over which no background is spread evenly.
    """
    periods = [period for exposure in exposures for period in exposure.periods]
    only_kind((period.beam.particle for period in periods), "one background for all of them")
    return math.fsum(period.on_target for period in periods)


def analyse(
    search: Search,
    exposures: Sequence[LimitInput],
    backgrounds: Sequence[Background],
    *,
    masses: Sequence[float],
    levels: Sequence[float],
    assumptions: Sequence[Assumption],
) -> LimitsAnalysis:
    """Compute the limits at every level and mass, and those of other methods beside them."""
    points = tuple((level, search.point(mass, level)) for level in levels for mass in masses)
    first = points[0][1].mass
    seen = search.counts_at(first)
    return LimitsAnalysis(
        search,
        tuple(exposures),
        tuple(backgrounds),
        tuple(levels),
        points,
        compare(search, points[0][1], levels[0]),
        tuple(assumptions),
        None if seen is None else unified_interval(search.model(first), seen, level=levels[0]),
    )


def compare(search: Search, point: LimitPoint, level: float) -> tuple[LimitComparison, ...]:
    """Limits on the signal events at a mass by exact CLs and by other methods.

    The other methods are there for comparison: where one of them fails, its row says so.
    """
    model, seen = search.counted_at(point.mass)
    return (
        LimitComparison("CLs, exact", point.observed, point.expected.median, "the limit that is quoted"),
        _compared(
            "large-sample formula, pyhf",
            lambda: _by_pyhf(model, seen, level),
            f"{_FEW}; expected is for the mean background",
        ),
    )


def _by_pyhf(model: Model, seen: Sequence[int] | None, level: float) -> tuple[float | None, float | None]:
    found, expected = pyhf_limit(workspace(model, seen), level=level)
    return (None if seen is None else found), expected


def _compared(
    name: str, limits: Callable[[], tuple[float | None, float | None]], note: str
) -> LimitComparison:
    """Compute the limits of another method, which must not take those that are quoted with it if it fails."""
    try:
        found = limits()
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return LimitComparison(name, None, None, f"{_NOT_MADE}: {reason}")
    if any(number is not None and not math.isfinite(number) for number in found):
        return LimitComparison(name, None, None, f"{_NOT_MADE}: no finite limit")
    return LimitComparison(name, *found, note)


def named(folder: Path) -> str:
    """Name of a folder without the path to it."""
    return folder.resolve().name
