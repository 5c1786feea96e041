"""Two results beside each other: what each cut leaves, run by run, and which events changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from na64.datasets.conditions.on_target import on_target
from na64.datasets.instrument.features import FEATURES
from na64.outputs.comparison.event_samples import hidden_on_one_side, runs_left_out
from na64.outputs.comparison.pairing import Changed, RunChange
from na64.outputs.comparison.statistics import (
    after_looks,
    probability,
    same_rate,
    same_share,
    smallest_chance,
)
from na64.outputs.result.cutflow import ALL_RUNS, VISIBLE
from na64.outputs.result.lacks import hidden_without, lacks_of_cuts
from na64.outputs.result.products import Products
from na64.outputs.result.summary import RunAccounting
from na64.outputs.result.table import Table

_VISIBLE_EVENTS = "visible events"
_EQUAL_RATES = "p(equal rates)"
_TESTS_OF_RATES = {"p_equal_rates": (_EQUAL_RATES, "rates are equal")}
_TESTS_OF_EVENTS = {
    "p_gained_as_lost": ("p(gained = lost)", "as many were gained as lost"),
    "p_as_other_runs": ("p(as other runs)", "all runs changed alike"),
}


@dataclass(frozen=True, slots=True)
class ComparedCut:
    """What a cut leaves of two results.

    Attributes
    ----------
    cut : str
    first, second : int or None
        Events; None in the result that does not have the cut.
    difference : int or None
    ratio : float or None
        Second over first; of other events, of the rates.
    p_equal_rates : float or None
        Of other events, the chance that equal rates look so different.
    """

    cut: str
    first: int | None
    second: int | None
    difference: int | None
    ratio: float | None
    p_equal_rates: float | None


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """Selected events of a run in two results.

    Attributes
    ----------
    run : int
    first, second : int
    gained, lost : int or None
        Of the same events: selected by the second alone, and by the first alone.
    p_equal_rates : float or None
        Of other events.
    p_gained_as_lost, p_as_other_runs : float or None
        Of the same events, the chance that a run which gains as many as it loses, or which changes as much as
        the others, looks so different. The first is None where cuts leave no room for gains, or for losses,
        and where nothing changed; the second where nothing is selected.
    """

    run: int
    first: int
    second: int
    gained: int | None
    lost: int | None
    p_equal_rates: float | None
    p_gained_as_lost: float | None
    p_as_other_runs: float | None


@dataclass(frozen=True, slots=True)
class ChangedEventsRow:
    """Event that one of two results selects, as a row with a column for each feature.

    Attributes
    ----------
    change : str
        ``gained`` or ``lost``.
    run, spill, event : int
    reason : str
    features : mapping of str to float
    """

    change: str
    run: int
    spill: int
    event: int
    reason: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Exposures:
    """What the counts of two results are in proportion to.

    Attributes
    ----------
    first, second : float
        Of the physics runs.
    unit : str
        What it counts, in words.
    label : str
        One of these, in short.
    """

    first: float
    second: float
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results beside each other.

    Attributes
    ----------
    names : tuple of str
        What each result is, in words.
    same_events : bool
        They are of the same events: what they select is matched event by event.
    exposures : Exposures or None
        Of physics runs, if they are of other events.
    cutflow : Table of ComparedCut
        Of other events: of physics runs.
    runs : Table of ComparedRun
    events : Table of ChangedEventsRow
    after : str
        Where the selected events of ``runs`` and ``events`` were taken.
    notes : tuple of str
        Which runs do not count, and which events one of the results hides, a line each.
    """

    names: tuple[str, str]
    same_events: bool
    exposures: Exposures | None
    cutflow: Table[ComparedCut]
    runs: Table[ComparedRun]
    events: Table[ChangedEventsRow]
    after: str
    notes: tuple[str, ...] = ()

    @property
    def tests(self) -> dict[str, tuple[str, str]]:
        """Columns of `runs` with p-values: their headings, and what is tested in words."""
        return _TESTS_OF_EVENTS if self.same_events else _TESTS_OF_RATES

    def smallest(self, name: str) -> tuple[float, float, int]:
        """Smallest p-value of the runs, the same after the number of looks, and that number."""
        found = [float(p) for p in self.runs.column(name) if p is not None]
        smallest = min(found, default=1.0)
        return smallest, after_looks(smallest, len(found)), len(found)


def compare_events(
    products: tuple[Products, Products],
    changes: Sequence[tuple[RunChange, list[Changed]]],
    *,
    after: str | None,
    names: tuple[str, str],
) -> Comparison:
    """Compare results of the same events.

    Parameters
    ----------
    products : two Products
    changes : sequence
        `na64.outputs.comparison.pairing.changes`.
    after : str or None
    names : two str
    """
    rows = list(_changed_rows([change for change, _ in changes]))
    everything = [event for _, events in changes for event in events]
    table = _events_table(everything)
    flow = _cutflow(*products, None)
    lacking = (text for _, text in _lacking(*products))
    notes = (*hidden_on_one_side(*products), *lacking, *_nested([change for change, _ in changes]))
    return Comparison(names, True, None, flow, Table(ComparedRun, rows), table, after or "all cuts", notes)


def _nested(changes: Sequence[RunChange]) -> Iterator[str]:
    """Line about results of which one is a part of the other, because its cuts ask for more."""
    runs = [change.nesting for change in changes if change.gained or change.lost]
    no_gain, no_loss = (all(getattr(one, name) for one in runs) for name in ("no_gain", "no_loss"))
    if runs and (no_gain or no_loss):
        inner, outer, cannot = ("B", "A", "gained") if no_gain else ("A", "B", "lost")
        yield (
            f"{inner} is a part of {outer}, whose cuts ask for less: nothing can be {cannot}, and so it is "
            "not tested that as many were gained as lost"
        )


def _changed_rows(changes: Sequence[RunChange]) -> Iterator[ComparedRun]:
    either = [c.both + c.gained + c.lost for c in changes]
    changed = [c.gained + c.lost for c in changes]
    for c, n, of in zip(changes, changed, either, strict=True):
        p = None if c.nesting.is_one_way or not n else float(same_rate(c.gained, 1, c.lost, 1))
        even = same_share(n, of, sum(changed) - n, sum(either) - of) if of else None
        yield ComparedRun(c.run, c.both + c.lost, c.both + c.gained, c.gained, c.lost, None, p, even)


def compare_rates(
    products: tuple[Products, Products], *, after: str | None, names: tuple[str, str]
) -> Comparison:
    """Compare results of other events: counts in proportion to the exposure, cut by cut and run by run.

    Events and exposure are of physics runs, or of all runs of a result that has no physics run. Only runs
    that both results have are compared run by run. From a cut on that a part of the events cannot pass, for
    want of a value, there is no rate.
    """
    exposures = exposures_of(*products)
    lacking = [*_lacking(*products)]
    flow = _cutflow(*products, exposures, [cut for cut, _ in lacking])
    rows = list(_run_rows(*products, after, exposures.unit))
    without = (f"{text}: no rates from there on, nor of those runs" for _, text in lacking)
    runs, notes = (
        Table(ComparedRun, rows),
        (*runs_left_out(*products), *hidden_on_one_side(*products), *without),
    )
    return Comparison(names, False, exposures, flow, runs, _events_table(()), after or "all cuts", notes)


def exposures_of(one: Products, other: Products) -> Exposures:
    """Particles on target if they are known of all runs and all are of one kind, else the visible events.

    Where all runs are on the bad list there are none, of which no rate can be.
    """
    first, second = (products.summary.delivered for products in (one, other))
    if first is not None and second is not None and first.particle == second.particle:
        delivered = first.delivered or 0.0, second.delivered or 0.0
        if min(delivered) > 0:
            return Exposures(*delivered, on_target(first.particle), first.label)
    visible = [float(of_rate_runs(products)[VISIBLE]) for products in (one, other)]
    return Exposures(visible[0], visible[1], _VISIBLE_EVENTS, "visible event")


def of_rate_runs(products: Products) -> dict[str, int]:
    """What each cut leaves of the runs whose exposure counts, by cut."""
    runs = {str(run.run) for run in products.summary.rate_runs}
    passed: dict[str, int] = {}
    for row in products.cutflow.rows:
        if row.run in runs:
            passed[row.cut] = passed.get(row.cut, 0) + row.passed
    return passed


def merged_names(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Names of two ordered lists in one order; what only the second has follows its predecessor."""
    names = list(one)
    for place, name in enumerate(other):
        if name not in names:
            before = other[place - 1] if place else None
            names.insert(names.index(before) + 1 if before in names else 0, name)
    return names


def _lacking(one: Products, other: Products) -> Iterator[tuple[str, str]]:
    """Cuts from which on a part of the events of a result is not counted, for want of a value, and why."""
    for letter, products in zip("AB", (one, other), strict=True):
        runs = products.summary.rate_runs
        if lost := hidden_without(runs):
            yield VISIBLE, f"of {letter} {lost}"
        yield from ((cut, lack.of(letter)) for cut, lack in lacks_of_cuts(products.summary, runs).items())


def _cutflow(
    one: Products, other: Products, exposures: Exposures | None, lacking: Collection[str] = ()
) -> Table[ComparedCut]:
    flow_of = _passed if exposures is None else of_rate_runs
    flows = [flow_of(products) for products in (one, other)]
    rows: list[ComparedCut] = []
    has_rate = True
    for name in merged_names(*(list(flow) for flow in flows)):
        has_rate &= name not in lacking
        a, b = (flow.get(name) for flow in flows)
        ratio = b / a if a and b is not None else None
        p = None
        if exposures is not None and a is not None and b is not None:
            ratio = ratio * exposures.first / exposures.second if ratio and has_rate else None
            p = float(same_rate(a, exposures.first, b, exposures.second)) if has_rate else None
        rows.append(ComparedCut(name, a, b, None if a is None or b is None else b - a, ratio, p))
    return Table(ComparedCut, rows)


def _passed(products: Products, run: str = ALL_RUNS) -> dict[str, int]:
    """What each cut leaves of a run, by cut."""
    return {row.cut: row.passed for row in products.cutflow.rows if row.run == run}


def _run_rows(one: Products, other: Products, after: str | None, unit: str) -> Iterator[ComparedRun]:
    known = [
        {run.run: run for run in products.summary.rate_runs if not _lacks(products, run, after)}
        for products in (one, other)
    ]
    for run in sorted(known[0].keys() & known[1].keys()):
        counts, exposures = [], []
        for products, facts in zip((one, other), known, strict=True):
            passed = _passed(products, str(run))
            counts.append(passed[after] if after else list(passed.values())[-1])
            exposure = facts[run].eot_delivered or 0.0
            exposures.append(exposure if unit != _VISIBLE_EVENTS else float(passed[VISIBLE]))
        p = float(same_rate(counts[0], exposures[0], counts[1], exposures[1]))
        yield ComparedRun(run, counts[0], counts[1], None, None, p, None, None)


def _lacks(products: Products, run: RunAccounting, after: str | None) -> bool:
    """Whether a part of the events of a run cannot pass the cuts up to one, for want of a value."""
    cuts = [cut.name for cut in products.summary.selection.cuts]
    passed = cuts[: cuts.index(after) + 1] if after in cuts else cuts if after is None else []
    lacks = lacks_of_cuts(products.summary, [run])
    return bool(hidden_without([run])) or not lacks.keys().isdisjoint(passed)


def _events_table(events: Sequence[Changed]) -> Table[ChangedEventsRow]:
    names = dict.fromkeys([*FEATURES, *(name for event in events for name in event.values)])
    rows = [
        ChangedEventsRow(
            "gained" if one.gained else "lost", one.run, one.spill, one.event, one.reason, one.values
        )
        for one in events
    ]
    return Table(ChangedEventsRow, rows, {"features": tuple(names)})


def lines(found: Comparison) -> Iterator[str]:
    """Findings of a comparison, line by line."""
    for letter, name in zip("AB", found.names, strict=True):
        yield f"{letter}: {name}"
    yield _how(found)
    yield from found.notes
    difference, ratio = _heads(found)
    test = "" if found.same_events else f"{_EQUAL_RATES:>18}"
    yield f"{'':<18}{'A':>12}{'B':>12}{difference}{ratio}{test}"
    wide, wider = len(difference), len(ratio)
    for row in found.cutflow.rows:
        p = f"{_chance(row.p_equal_rates):>18}"
        ratio = "" if row.ratio is None else f"{row.ratio:.4f}"
        numbers = (_count(row.first), _count(row.second), _signed(row.difference))
        text = f"{row.cut:<18}{numbers[0]:>12}{numbers[1]:>12}{numbers[2]:>{wide}}{ratio:>{wider}}{p}"
        yield text.rstrip()
    if found.runs.rows:
        yield from _of_runs(found)
    if found.same_events:
        yield from _of_events(found)


def _heads(found: Comparison) -> tuple[str, str]:
    """Headings of difference and ratio, as wide as their columns; of other events with their units."""
    if found.exposures is None:
        return f"{'B - A':>11}", f"{'B / A':>9}"
    return "  B - A, events", f"  B / A, per {found.exposures.label}"


def _how(found: Comparison) -> str:
    if found.exposures is None:
        return "the same events, matched by run, spill and event"
    return (
        f"other events, per {found.exposures.unit}: {found.exposures.first:.4g} and "
        f"{found.exposures.second:.4g}; p: the chance that equal rates look so different or more"
    )


def _of_runs(found: Comparison) -> Iterator[str]:
    yield f"run by run, after {found.after}:"
    changed = "      gained        lost" if found.same_events else ""
    shown = {name: words for name, words in found.tests.items() if found.smallest(name)[2]}
    heads = "".join(f"{head:>18}" for head, _ in shown.values())
    yield f"{'run':>8}{'A':>12}{'B':>12}{changed}{heads}"
    for row in found.runs.rows:
        more = f"{_count(row.gained):>12}{_count(row.lost):>12}" if found.same_events else ""
        counts = f"{row.run:>8}{_count(row.first):>12}{_count(row.second):>12}{more}"
        yield (counts + "".join(f"{_chance(getattr(row, name)):>18}" for name in shown)).rstrip()
    for name, (_, test) in shown.items():
        yield f"test that {test}: {smallest_chance(*found.smallest(name))}"


def _of_events(found: Comparison) -> Iterator[str]:
    reasons = Counter((row.change, row.reason) for row in found.events.rows)
    for word, where in (("lost", "in B"), ("gained", "in A")):
        of_word = [(n, reason) for (change, reason), n in reasons.items() if change == word]
        total = sum(n for n, _ in of_word)
        parts = ", ".join(f"{reason} {n:,}" for n, reason in sorted(of_word, reverse=True))
        yield f"{total:,} events {word}{f'; what they fail {where}: {parts}' if parts else ''}"


def _chance(p: float | None) -> str:
    return "" if p is None else probability(p)


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _signed(value: int | None) -> str:
    return "" if value is None else f"{value:+,}"
