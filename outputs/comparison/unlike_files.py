"""Histograms that hold other parts of the events in some results: files of one lack what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hist

from na64.outputs.result.lacks import Lack, lack_of, lacks_of_cuts, with_inputs
from na64.outputs.result.messages import counted
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import HistogramFacts, Role

_MOST = 3
"""Kinds of events that are named."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A histogram that is left out, and why.

    Attributes
    ----------
    variable : str
        What it is called among distributions.
    title : str
        Of which events it is.
    why : str
        Which events of which result lack what.
    of_cut : bool
        They do not pass a cut; else they have no value of the variable itself.
    """

    variable: str
    title: str
    why: str
    of_cut: bool


def left_out(
    results: Mapping[str, Summary], facts: HistogramFacts, histogram: hist.Hist[Any]
) -> Iterator[LeftOut]:
    """Reason to leave out a histogram of several results, for each of its variables; none if there is none.

    Parameters
    ----------
    results : mapping of str to Summary
        By what they are called; the histogram is of all runs of each.
    facts : HistogramFacts
    histogram : Hist
        Of one of them: all have the same axes.
    """
    axes = [str(axis.name) for axis in histogram.axes]
    names = [facts.name] if histogram.ndim == 1 and facts.role is not Role.N_MINUS_ONE else axes
    for place, summary in results.items():
        if lack := _of_cuts(summary, facts) or lack_of(with_inputs(axes, summary), summary.runs):
            yield from (LeftOut(name, facts.title, lack.of(place), bool(lack.cut)) for name in names)
            return


def _of_cuts(summary: Summary, facts: HistogramFacts) -> Lack | None:
    """What the events lack of the features of the cuts that the events of a histogram passed."""
    cuts = [cut.name for cut in summary.selection.cuts]
    if facts.role is Role.N_MINUS_ONE:
        passed = [cut for cut in cuts if cut != facts.cut]
    else:
        passed = cuts[: cuts.index(facts.cut) + 1] if facts.cut in cuts else []
    lacks = lacks_of_cuts(summary, summary.runs)
    return next((lacks[cut] for cut in passed if cut in lacks), None)


def lines_of(found: Sequence[LeftOut]) -> Iterator[str]:
    """Line for each variable without values, and for each cut that some events cannot pass."""
    own = {one.variable: one.why for one in found if not one.of_cut}
    yield from (f"{name} is left out: {why}" for name, why in own.items())
    titles: dict[str, list[str]] = {}
    for one in found:
        if one.of_cut:
            titles.setdefault(one.why, []).append(f"{one.variable} {one.title}")
    for why, listed in titles.items():
        shown = ", ".join(listed[:_MOST]) + (
            f" and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
        )
        yield f"left out: {counted(len(listed), 'distribution')} ({shown}), since {why}"
