"""Samples of which one is a part of the other by construction, as after a cut that was only loosened."""

from __future__ import annotations

from dataclasses import dataclass

from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.result.identities import parts_of_job, parts_of_run
from na64.selections.cut import Condition
from na64.selections.interval import Interval, Limits

_OF_CUTS = ("selection", "plug-in")


@dataclass(frozen=True, slots=True)
class Nesting:
    """What cannot have happened between two results of a run, because one asks for no more than the other.

    Attributes
    ----------
    no_gain, no_loss : bool
        No event can be selected by the second alone, by the first alone.
    """

    no_gain: bool
    no_loss: bool

    @property
    def is_one_way(self) -> bool:
        """Whether one of the samples is a part of the other."""
        return self.no_gain or self.no_loss


def nesting(one: ReopenedResult, other: ReopenedResult, run: int, stages: tuple[int, int]) -> Nesting:
    """Nesting of what two results select in a run, as far as it follows from their cuts.

    Nothing follows where files, set-up, calibration or plug-in are not the same.

    Parameters
    ----------
    one, other : ReopenedResult
    run : int
    stages : (int, int)
        How many cuts of each count.
    """
    missing = [run not in result.job.runs for result in (one, other)]
    if any(missing):
        return Nesting(no_gain=missing[1], no_loss=missing[0])
    if _parts(one, run) != _parts(other, run):
        return Nesting(no_gain=False, no_loss=False)
    first, second = (_asked(result, run, n) for result, n in zip((one, other), stages, strict=True))
    return Nesting(
        no_gain=_same_features(one, other) and implies(second, first),
        no_loss=_same_features(other, one) and implies(first, second),
    )


def implies(strict: Condition, loose: Condition) -> bool:
    """Whether every event that meets one condition meets another, as far as their bounds say so."""
    if not set(loose.clauses) <= set(strict.clauses):
        return False
    return all(any(_within(one, bound) for one in strict.intervals) for bound in loose.intervals)


def _within(one: Interval, other: Interval) -> bool:
    """Whether no value is in one interval and outside of the other; not a number is in neither."""
    if one.feature != other.feature:
        return False
    low, lows = -one.low, _negative(one.lowest)
    return _below(one.high, one.limits, other.high, other.limits) and _below(
        low, lows, -other.low, _negative(other.lowest)
    )


def _below(high: float, table: Limits | None, other: float, others: Limits | None) -> bool:
    """Whether an upper bound, a number or a table, is nowhere above another."""
    if table and others and (table.feature, table.edges) == (others.feature, others.edges):
        return all(mine <= theirs for mine, theirs in zip(table.values, others.values, strict=True))
    highest = max(table.values) if table else high
    return highest <= (min(others.values) if others else other)


def _negative(table: Limits | None) -> Limits | None:
    return table and Limits(table.feature, table.edges, tuple(-value for value in table.values))


def _asked(result: ReopenedResult, run: int, n_cuts: int) -> Condition:
    """All that the first cuts ask for in a run, as one condition."""
    selection = result.job.selection_in(run)
    conditions = selection.conditions_of(selection.cuts[:n_cuts])
    return Condition(
        tuple(interval for one in conditions for interval in one.intervals),
        tuple(clause for one in conditions for clause in one.clauses),
    )


def _parts(result: ReopenedResult, run: int) -> dict[str, str]:
    """What the features of the visible events of a run depend on, but for plug-in and formulas."""
    parts = {**parts_of_job(result.job), **parts_of_run(result.catalogue, result.job, run)}
    of_events = {name: part for name, part in parts.items() if name not in _OF_CUTS}
    return {**of_events, "limit": str(result.limit)}


def _same_features(loose: ReopenedResult, strict: ReopenedResult) -> bool:
    """Whether the features that one looks at are the same numbers in the other, plug-in and formulas too."""
    plugins = [result.job.plugin.identity if result.job.plugin else None for result in (loose, strict)]
    theirs, known = set(strict.selection.formulas), strict.selection.features
    formulas = all(one in theirs or one.name not in known for one in loose.selection.formulas)
    return plugins[0] in (None, plugins[1]) and formulas
