"""Cuts that a part of the events cannot pass, or histograms that it cannot enter, for want of a value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from na64.datasets.basics.run_ranges import runs_in_words
from na64.datasets.instrument.formula import parse
from na64.outputs.result.messages import counted
from na64.outputs.result.summary import RunAccounting, Summary
from na64.outputs.result.summary_facts import CutFacts

NOTICED = 0.01
"""Share of the events from which on numbers of all of them are wrong: fewer may lack a value by chance."""


_ADVICE = "process the runs (--runs), or files, alone that have it"


@dataclass(frozen=True, slots=True)
class Lack:
    """Visible events in files where none has a value of a feature.

    Attributes
    ----------
    feature : str
    n_events, n_visible : int
        Those, and all that there are.
    runs : tuple of int
        Of which they are.
    cut : str
        The cut that passes none of them; empty if no cut is on the feature.
    """

    feature: str
    n_events: int
    n_visible: int
    runs: tuple[int, ...]
    cut: str = ""

    @property
    def is_of_all(self) -> bool:
        """Whether no event has a value."""
        return self.n_events == self.n_visible

    def of(self, place: str) -> str:
        """Sentence about the events of a place, such as ``the data``."""
        so_that = f", so that cut {self.cut} passes none of them" if self.cut else ""
        if self.is_of_all:
            return f"no event of {place} has a value of {self.feature}{so_that}"
        some = f"{self.n_events:,} of {counted(self.n_visible, 'visible event')} of {place}"
        where = f"in files of {runs_in_words(self.runs)} where none has a value of {self.feature}"
        return f"{some} are {where}{so_that}"


def lack_of(features: Iterable[str], runs: Sequence[RunAccounting], *, cut: str = "") -> Lack | None:
    """What the events of runs lack of some features: the one that most lack, if those are noticed.

    Parameters
    ----------
    features : iterable of str
    runs : sequence of RunAccounting
    cut : str
        That is on all of them.
    """
    n_visible = sum(run.visible for run in runs)
    found = [
        Lack(name, n_events, n_visible, tuple(run.run for run in runs if run.valueless.get(name)), cut)
        for name in dict.fromkeys(features)
        if (n_events := sum(run.valueless.get(name, 0) for run in runs)) > NOTICED * n_visible
    ]
    return max(found, key=lambda lack: lack.n_events, default=None)


def lacks_of_cuts(summary: Summary, runs: Sequence[RunAccounting]) -> dict[str, Lack]:
    """Cuts that a part of the events of runs cannot pass, by name in their order.

    Parameters
    ----------
    summary : Summary
    runs : sequence of RunAccounting
        Some of its runs.
    """
    found = {cut.name: lack_of(features_of(cut), runs, cut=cut.name) for cut in summary.selection.cuts}
    return {name: lack for name, lack in found.items() if lack is not None}


def features_of(cut: CutFacts) -> tuple[str, ...]:
    """Features of which an event needs a value to pass a cut."""
    return tuple(interval.feature for interval in cut.intervals)


def with_inputs(features: Collection[str], summary: Summary) -> tuple[str, ...]:
    """Features, and those of which formulas among them are made: a formula may have a value without those."""
    formulas = {one.name: one.formula for one in summary.selection.own_features if one.formula}
    found: dict[str, None] = {}
    left = [*features]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = None
            left += parse(formulas[name]).names() if name in formulas else ()
    return tuple(found)


def check_values(summary: Summary, place: str) -> None:
    """Refuse a result in which a cut passes nothing of a part of the events, because they have no value.

    What the others give stands for none of the particles on target of such a part. Calibration and beam runs
    beside physics runs do not count.

    Raises
    ------
    ValueError
        That, or a part of the events is hidden because its files lack what a signal box needs; names it.
    """
    if lost := hidden_without(summary.rate_runs):
        raise ValueError(f"{place}: {lost}: {_ADVICE}")
    for lack in lacks_of_cuts(summary, summary.rate_runs).values():
        if lack.is_of_all:
            events = counted(lack.n_visible, "visible event")
            raise ValueError(
                f"{place}: none of its {events} has a value of {lack.feature}, so cut {lack.cut} passes none "
                f"whatever its bounds: its files lack what {lack.feature} is made of"
            )
        raise ValueError(f"{lack.of(place)}: {_ADVICE}")


def why_not_counted(summary: Summary, run: RunAccounting) -> str:
    """Reason why no event of a run, or of a part of it, can be selected; empty if there is none."""
    lacks = lacks_of_cuts(summary, [run])
    return hidden_without([run]) or next((lack.of("it") for lack in lacks.values()), "")


def hidden_without(runs: Sequence[RunAccounting]) -> str:
    """Part of the events of runs that is hidden for lack of what signal boxes need; empty if it is small."""
    processed = sum(run.accounting["processed"] for run in runs)
    lost = {run.run: max(run.unjudged.values()) for run in runs if run.unjudged}
    if not lost or sum(lost.values()) <= NOTICED * processed:
        return ""
    names = dict.fromkeys(name for run in runs for name in run.unjudged)
    return (
        f"{sum(lost.values()):,} of {counted(processed, 'event')} are hidden, being in files of "
        f"{runs_in_words(lost)} without what {', '.join(names)} are made of"
    )
