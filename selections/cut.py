"""Cuts: intervals that all hold, alternatives of which one holds, what must not hold, and bounds by run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from na64.datasets.basics.names import read_name
from na64.datasets.basics.run_ranges import of_ranges
from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.instrument.features import Feature
from na64.selections.interval import Interval, read_intervals

Alternatives = tuple[tuple[Interval, ...], ...]

_ABOUT = ("name", "label", "source", "any", "not", "when")
_RANGES = re.compile(r"[0-9 ,-]+")


@dataclass(frozen=True, slots=True)
class Clause:
    """What holds if at least one of several conjunctions does.

    Attributes
    ----------
    key : str
        ``any`` or ``not``: how it was written.
    alternatives : tuple of tuple of Interval
        All intervals of at least one of them hold.
    text : str
        For people.
    """

    key: str
    alternatives: Alternatives
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Intervals that must all hold, and clauses that must all hold.

    Attributes
    ----------
    intervals : tuple of Interval
    clauses : tuple of Clause
    """

    intervals: tuple[Interval, ...] = ()
    clauses: tuple[Clause, ...] = ()

    @property
    def every_interval(self) -> tuple[Interval, ...]:
        """Its intervals and those of all alternatives."""
        inner = (one for clause in self.clauses for group in clause.alternatives for one in group)
        return (*self.intervals, *inner)

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it looks at."""
        return tuple(dict.fromkeys(name for one in self.every_interval for name in one.features))

    def texts(self) -> Iterator[str]:
        """Say it, part by part."""
        yield from (interval.text for interval in self.intervals)
        yield from (clause.text for clause in self.clauses)

    def with_parts(self, other: Condition) -> Condition:
        """The condition with the bounds of another for the features that those are on, new ones behind."""
        intervals = {one.feature: one for one in (*self.intervals, *other.intervals)}
        clauses = {one.key: one for one in (*self.clauses, *other.clauses)}
        return Condition(tuple(intervals.values()), tuple(clauses.values()))


@dataclass(frozen=True, slots=True)
class When:
    """Bounds of a cut that hold in some runs only.

    Attributes
    ----------
    name : str
        Run ranges, or a period.
    runs : tuple of (int, int)
        First and last run of each range; none if it names a period.
    condition : Condition
        In place of the cut's own bounds on the same features.
    """

    name: str
    runs: tuple[tuple[int, int], ...]
    condition: Condition

    def holds(self, run: int, period: str) -> bool:
        """Whether it is about a run."""
        if self.runs:
            return any(first <= run <= last for first, last in self.runs)
        return self.name == period


@dataclass(frozen=True, slots=True)
class Cut:
    """A condition that events must meet.

    Attributes
    ----------
    name : str
    intervals : tuple of Interval
        All of them hold.
    label : str
        For people; the name where none was given.
    source : str
        Where the values come from, with provenance tags; empty if that was not said.
    clauses : tuple of Clause
        All of them hold too.
    when : tuple of When
        Other bounds in some runs.
    """

    name: str
    intervals: tuple[Interval, ...]
    label: str
    source: str
    clauses: tuple[Clause, ...] = ()
    when: tuple[When, ...] = ()

    @property
    def is_unverified(self) -> bool:
        """Whether a value is recollection (``[R-...]``) or a choice of ours (``NOT FOUND``)."""
        return "[R-" in self.source or "NOT FOUND" in self.source

    @property
    def condition(self) -> Condition:
        """What holds in runs that nothing else is said of."""
        return Condition(self.intervals, self.clauses)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What holds in runs that nothing else is said of, then each other condition in full."""
        return (self.condition, *(self.condition.with_parts(one.condition) for one in self.when))

    def which(self, run: int, period: str) -> int:
        """Index in `conditions` of the one that holds in a run.

        Raises
        ------
        ValueError
            The cut says two things of the run, or nothing.
        """
        found = [number for number, one in enumerate(self.when, start=1) if one.holds(run, period)]
        if len(found) > 1:
            one, other = (self.when[number - 1].name for number in found[:2])
            raise ValueError(f'cut {self.name}: both "{one}" and "{other}" are about run {run} of {period}')
        if not found and self.condition == Condition():
            raise ValueError(f"cut {self.name}: has no bounds for run {run} of period {period}")
        return found[0] if found else 0


def read_cut(table: TomlTable, features: Mapping[str, Feature], *, factor: float = 1.0) -> Cut:
    """Read one ``[[cut]]``: its name, what is said about it, and a key for each feature it bounds.

    Every bound is taken times ``factor``, before it is rounded.
    """
    name = read_name(table)
    label, source = table.text("label", name.replace("_", " ")), table.text("source", "")
    condition = read_condition(table, features, factor=factor)
    when = _read_when(table, features, factor)
    if condition == Condition() and not when:
        raise ValueError(f"{table.place()}: bounds no feature")
    return Cut(name, condition.intervals, label, source, condition.clauses, when)


def read_condition(
    table: TomlTable,
    features: Mapping[str, Feature],
    *,
    factor: float = 1.0,
    about: Collection[str] = (),
) -> Condition:
    """Read the bounds of a table, with ``any`` and ``not``; keys in ``about`` are no features either."""
    intervals = read_intervals(table, features, factor=factor, about=(*_ABOUT, *about))
    clauses = []
    if table.has("any"):
        clauses.append(_read_any(table, features, factor))
    if table.has("not"):
        given = table.table("not")
        alternatives, text = _negated(_read_conjunction(given, features, factor, ()))
        clauses.append(Clause("not", alternatives, text))
    return Condition(intervals, tuple(clauses))


def _read_any(table: TomlTable, features: Mapping[str, Feature], factor: float) -> Clause:
    entries = table.tables("any")
    if not entries:
        raise ValueError(f"{table.place('any')}: has no alternative")
    alternatives: list[tuple[Interval, ...]] = []
    texts = []
    for entry in entries:
        intervals = _read_conjunction(entry, features, factor, ("not",))
        others: Alternatives = ((),)
        shown = [one.text for one in intervals]
        if entry.has("not"):
            others, text = _negated(_read_conjunction(entry.table("not"), features, factor, ()))
            shown.append(text)
        alternatives += [(*intervals, *other) for other in others]
        texts.append(" and ".join(shown))
    return Clause("any", tuple(alternatives), " or ".join(_grouped(texts)))


def _read_conjunction(
    table: TomlTable, features: Mapping[str, Feature], factor: float, about: tuple[str, ...]
) -> tuple[Interval, ...]:
    intervals = read_intervals(table, features, factor=factor, about=about)
    if not intervals and not any(table.has(key) for key in about):
        raise ValueError(f"{table.place()}: bounds no feature")
    return intervals


def _negated(intervals: tuple[Interval, ...]) -> tuple[Alternatives, str]:
    """What holds if one of the intervals does not; that a value is not a number is no proof of that."""
    pieces = tuple((piece,) for one in intervals for piece in one.outside())
    return pieces, f"not ({' and '.join(one.text for one in intervals)})"


def _grouped(texts: list[str]) -> Iterator[str]:
    yield from (f"({text})" if " and " in text else text for text in texts)


def _read_when(table: TomlTable, features: Mapping[str, Feature], factor: float) -> tuple[When, ...]:
    given = table.table("when", None)
    if given is None:
        return ()
    found = tuple(_read_one_when(given.table(name), name, features, factor) for name in given.names())
    for one, other in combinations(found, 2):
        if any(a[0] <= b[1] and b[0] <= a[1] for a in one.runs for b in other.runs):
            raise ValueError(f'{given.place()}: "{one.name}" and "{other.name}" share runs')
    return found


def _read_one_when(table: TomlTable, name: str, features: Mapping[str, Feature], factor: float) -> When:
    condition = read_condition(table, features, factor=factor)
    if condition == Condition():
        raise ValueError(f"{table.place()}: bounds no feature")
    if not _RANGES.fullmatch(name):
        return When(name.removeprefix("period "), (), condition)
    text = name.replace(" ", "")
    if text.isdecimal():
        raise ValueError(f'{table.place()}: a run is written "{text}-{text}", a period "period {text}"')
    if not of_ranges(text, table.place()):
        raise ValueError(f"{table.place()}: no run")
    ends = [part.split("-") for part in text.split(",")]
    return When(name, tuple((int(end[0]), int(end[-1])) for end in ends), condition)


def check_periods(cuts: Collection[Cut], known: Collection[str]) -> None:
    """Refuse bounds of a period that nobody knows.

    Raises
    ------
    KeyError
        Names the cut, the period and the nearest one.
    """
    for cut in cuts:
        for one in cut.when:
            if not one.runs and one.name not in known:
                raise KeyError(f"cut {cut.name}: when: {unknown('period', one.name, known)}")
