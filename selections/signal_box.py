"""Signal boxes and the hidden region around each: nothing else knows where they are."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from na64.datasets.basics.identity import identity
from na64.datasets.basics.people import distinct_people
from na64.datasets.conditions.stated_boxes import BOX_ENERGIES
from na64.selections.interval import Interval
from na64.selections.regions import Region

PLANE = BOX_ENERGIES
"""What the two bounds of a rectangle are on, in GeV."""
DETECTORS = " and ".join(name.upper() for name in PLANE)
"""The same for people."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """The box and the hidden region in the plane of `PLANE`, from zero to these edges, GeV."""

    width: float
    height: float
    hidden_width: float
    hidden_height: float


@dataclass(frozen=True, slots=True)
class Bound:
    """What a box asks of a feature, and of every other that might be the same quantity.

    Attributes
    ----------
    features : tuple of str
        The box itself is about the first. An event is provably outside only if all of them say so.
    unit : str
        Of the features and of all numbers.
    low, high : float
        The box is above `low` and below `high`; infinite where there is no edge.
    guard : float
        How far the hidden region goes beyond either edge.
    scales : tuple of float
        Factors on the features any of which might be right.
    needed : bool
        An event in which one of the features is not finite is hidden, whatever other bounds say.
    implied_by : tuple of str
        Features that reach no farther into the box than any of `features` does; for one edge only.
    source : str
        Where the numbers come from, with provenance tags.
    """

    features: tuple[str, ...]
    unit: str
    low: float
    high: float
    guard: float
    scales: tuple[float, ...] = (1.0,)
    needed: bool = False
    implied_by: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("no feature to compare with")
        if not self.low < self.high:
            raise ValueError(f"{self.name}: nothing is between {self.low:g} and {self.high:g} {self.unit}")
        if math.isinf(self.low) and math.isinf(self.high):
            raise ValueError(f"{self.name}: has no edge")
        if not 0 <= self.guard < math.inf:
            raise ValueError(f"{self.name}: guard band of {self.guard:g} {self.unit}")
        if not self.scales or not all(scale > 0 for scale in self.scales):
            raise ValueError(f"{self.name}: scales {self.scales} are not positive")

    @property
    def name(self) -> str:
        """The feature that the box itself is about."""
        return self.features[0]

    @property
    def low_hidden(self) -> float:
        """Where the hidden region begins."""
        return self.low - self.guard

    @property
    def high_hidden(self) -> float:
        """Where the hidden region ends."""
        return self.high + self.guard

    def contradicts(self, interval: Interval) -> bool:
        """Whether no event of an interval is in the box."""
        if interval.feature not in (self.name, *self.implied_by):
            return False
        return interval.low >= self.high or interval.high <= self.low

    def covers(self, other: Bound) -> bool:
        """Whether every event that another bound does not show outside is one that this does not either."""
        return (
            self.unit == other.unit
            and self.low_hidden <= other.low_hidden
            and self.high_hidden >= other.high_hidden
            and {*self.features} >= {*other.features}
            and {*self.scales} >= {*other.scales}
        )

    def text(self) -> str:
        """The hidden region in words, and of what it is made."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        where = _between(" or ".join(self.features), self.low_hidden, self.high_hidden)
        return f"{where}{unit} ({self.edges()})"

    def edges(self) -> str:
        """The box in words, with its guard band."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{_between('box', self.low, self.high)}{unit}, guard {self.guard:g}{unit}"


@dataclass(frozen=True, slots=True)
class SignalBox:
    """A signal box of a search and the guard band around it: what is in it keeps every bound.

    Attributes
    ----------
    name : str
        The period that states it, or `na64.selections.boxes.DEFAULT`.
    search : str
    version : int
        Raised with every change of the packaged boxes.
    bounds : tuple of Bound
    """

    name: str
    search: str
    version: int
    bounds: tuple[Bound, ...]

    def __post_init__(self) -> None:
        if not self.bounds:
            raise ValueError(f"signal box {self.name}: has no bound")

    @property
    def identity(self) -> str:
        """Name of this box and its hidden region by content."""
        return identity(self)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that says whether an event is hidden."""
        return tuple(dict.fromkeys(name for bound in self.bounds for name in bound.features))

    @property
    def source(self) -> str:
        """Where its numbers come from, with provenance tags."""
        return "; ".join(bound.source for bound in self.bounds)

    @property
    def is_rectangle(self) -> bool:
        """Whether it is what is below both energies of `PLANE`."""
        return tuple(bound.name for bound in self.bounds) == PLANE and all(
            math.isinf(bound.low) for bound in self.bounds
        )

    def rectangle(self) -> Rectangle:
        """Edges of box and hidden region, for a plot.

        Raises
        ------
        ValueError
            It is no rectangle.
        """
        if not self.is_rectangle:
            raise ValueError(
                f"signal box of search {self.search}, period {self.name}: is not below two energies, of "
                f"{DETECTORS}"
            )
        x, y = self.bounds
        return Rectangle(x.high, y.high, x.high_hidden, y.high_hidden)

    def hides_all_of(self, other: SignalBox) -> bool:
        """Whether every event that another box hides is hidden by this one; False if that is uncertain."""
        needed = {name for bound in self.bounds if bound.needed for name in bound.features}
        return all(any(mine.covers(theirs) for theirs in other.bounds) for mine in self.bounds) and all(
            {*theirs.features} <= needed for theirs in other.bounds if theirs.needed
        )

    def text(self) -> str:
        """The hidden region in words."""
        if self.is_rectangle:
            edges = self.rectangle()
            x, y = (name.upper() for name in PLANE)
            return (
                f"below {edges.hidden_width:g} GeV in the {x} and {edges.hidden_height:g} GeV in the {y} "
                f"(box {edges.width:g} and {edges.height:g} GeV, guard {edges.hidden_width - edges.width:g} "
                f"and {edges.hidden_height - edges.height:g} GeV)"
            )
        return f"where {' and '.join(bound.text() for bound in self.bounds)}"


@dataclass(frozen=True, slots=True)
class Unblinding:
    """The decision to open a box; without one nothing gives events in it.

    Attributes
    ----------
    freeze : str
        sha256 of the manifest that says what is opened.
    reason : str
    approved_by : tuple of str
        At least two people.
    key : str
        Decides, with the number of run and spill, which spills are opened first; fixed by the manifest.
    fraction : float
        Of the spills: 1 opens all, a smaller one a subset of what a larger one opens.
    """

    freeze: str
    reason: str
    approved_by: tuple[str, ...]
    key: str
    fraction: float = 1.0

    def __post_init__(self) -> None:
        if not self.freeze or not self.key:
            raise ValueError("an opening of the box needs a manifest and its key")
        if not self.reason.strip():
            raise ValueError("an opening of the box needs a reason")
        if distinct_people(self.approved_by) < 2:
            raise ValueError(f"an opening of the box needs two people, not {', '.join(self.approved_by)}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"a fraction of {self.fraction:g} of the spills: expected above 0 and up to 1")

    def opens(self, run: int, spill: int) -> bool:
        """Whether a spill is among those to be opened."""
        digest = hmac.digest(self.key.encode(), f"{run}:{spill}".encode(), hashlib.sha256)
        return int.from_bytes(digest[:6], "big") < math.ceil(self.fraction * 2**48)


def of_search(boxes: Iterable[SignalBox], search: str) -> tuple[SignalBox, ...]:
    """Those boxes that are of a search."""
    return tuple(box for box in boxes if box.search == search)


def check_outside(regions: Iterable[Region], boxes: Iterable[SignalBox]) -> None:
    """Refuse a region that is not provably outside every box.

    An interval that contradicts a bound is the proof: on the feature that the box is about, or on one that
    its file says to imply it.

    Raises
    ------
    ValueError
        Names the region, the box and what would keep them apart.
    """
    if text := next(not_outside(regions, boxes), ""):
        raise ValueError(text)


def not_outside(regions: Iterable[Region], boxes: Iterable[SignalBox]) -> Iterator[str]:
    """Say of each region that is not provably outside a box what would keep them apart."""
    listed = tuple(regions)
    for box in boxes:
        for region in listed:
            if not any(bound.contradicts(one) for bound in box.bounds for one in region.intervals):
                yield (
                    f"{region.name} is not outside the signal box of period {box.name}{_of_search(box)}: it "
                    f"needs {' or '.join(_proof(bound) for bound in box.bounds)}"
                )


def _of_search(box: SignalBox) -> str:
    return "" if box.is_rectangle else f", search {box.search}"


def _proof(bound: Bound) -> str:
    names, unit = " or ".join((bound.name, *bound.implied_by)), "" if bound.unit == "1" else f" {bound.unit}"
    edges = [f"from {bound.high:g}{unit}"] if math.isfinite(bound.high) else []
    edges += [f"up to {bound.low:g}{unit}"] if math.isfinite(bound.low) else []
    return f"{names} {' or '.join(edges)}"


def _between(name: str, low: float, high: float) -> str:
    if math.isinf(low):
        return f"{name} below {high:g}"
    return f"{name} above {low:g}" if math.isinf(high) else f"{name} between {low:g} and {high:g}"
