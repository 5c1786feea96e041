"""Histograms that two results have by the same name, of events that went through other cuts."""

from __future__ import annotations

from collections.abc import Sequence

from na64.outputs.result.messages import counted
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import CutFacts, HistogramFacts, Role

_MOST = 3
"""Kinds of events that are named."""


def of_other_cuts(one: Summary, other: Summary) -> tuple[HistogramFacts, ...]:
    """Histograms of the first result that the second has of events after other cuts."""
    known = {fact.name: fact for fact in other.histograms}
    return tuple(
        fact
        for fact in one.histograms
        if fact.name in known and _passed(one, fact) != _passed(other, known[fact.name])
    )


def left_out(one: Summary, other: Summary, facts: Sequence[HistogramFacts], name: str) -> str:
    """Line about histograms that are left out: of which events, and by which cuts the results differ."""
    titles = list(dict.fromkeys(fact.title for fact in facts))
    shown = ", ".join(titles[:_MOST]) + (f" and {len(titles) - _MOST} more" if len(titles) > _MOST else "")
    asked = [{_asked(cut): cut.name for cut in summary.selection.cuts} for summary in (one, other)]
    differ = [theirs[cut] for theirs, ours in (asked, asked[::-1]) for cut in theirs if cut not in ours]
    cuts = f"cut{'s' * (len(set(differ)) > 1)} {', '.join(dict.fromkeys(differ))}"
    return f"left out: {counted(len(facts), 'histogram')} ({shown}), since {name} has other cuts ({cuts})"


def _passed(summary: Summary, fact: HistogramFacts) -> tuple[str, ...]:
    """What the events of a histogram passed, in any order."""
    cuts = summary.selection.cuts
    if fact.role is Role.N_MINUS_ONE:
        return tuple(sorted(_asked(cut) for cut in cuts if cut.name != fact.cut))
    names = [cut.name for cut in cuts]
    return tuple(sorted(map(_asked, cuts[: names.index(fact.cut) + 1] if fact.cut in names else ())))


def _asked(cut: CutFacts) -> str:
    """What a cut asks for, whatever it is called."""
    return repr([*((i.feature, i.low, i.high, i.table) for i in cut.intervals), *cut.more])
