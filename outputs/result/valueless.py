"""Features that cuts and histograms look at and of which no event has a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from na64.datasets.basics.run_ranges import runs_in_words
from na64.outputs.result.messages import counted
from na64.outputs.result.summary import Summary
from na64.processors.counting.tally import Tally, added
from na64.selections.cut import Condition
from na64.selections.histograms import Axis
from na64.selections.selection import Selection


def valueless_of(tallies: Mapping[int, Tally]) -> dict[str, int]:
    """Visible events by feature in segments of files where none has a value of it."""
    found: dict[str, int] = {}
    for tally in tallies.values():
        found = added(found, tally.valueless)
    return found


def warnings_of_valueless(selection: Selection, tallies: Mapping[int, Tally]) -> Iterator[str]:
    """One line a feature: how many events have no value of it, and what that does to cuts and histograms.

    Parameters
    ----------
    selection : Selection
    tallies : mapping of int to Tally
        By run.
    """
    visible = sum(tally.visible for tally in tallies.values())
    formulas = {formula.name: formula.text for formula in selection.formulas}
    for name, n_events in valueless_of(tallies).items():
        which = f"{name} ({formulas[name]})" if name in formulas else name
        runs = [run for run, tally in tallies.items() if name in tally.valueless]
        if n_events == visible:
            head = f"no visible event has a value of {which}"
        else:
            some = f"{n_events:,} of {counted(visible, 'visible event')}"
            where = f"files, or parts of files, of {runs_in_words(runs)}"
            head = f"{some} are in {where} where none has a value of {which}"
        yield f"{head}: {'; '.join(_uses(selection, name))}"


def check_values(summary: Summary, selection: Selection, place: str) -> None:
    """Refuse a result in which a cut passes nothing because no event has a value of what it is on.

    Raises
    ------
    ValueError
        Names the cut, the feature and the result.
    """
    for name in sorted(summary.without_values):
        cuts = [cut.name for cut in selection.cuts if all(_needs(one, name) for one in cut.conditions)]
        if cuts:
            events = counted(summary.totals["visible"], "visible event")
            raise ValueError(
                f"{place}: none of its {events} has a value of {name}, so cut {cuts[0]} passes none whatever "
                f"its bounds: its files lack what {name} is made of"
            )


def _needs(condition: Condition, name: str) -> bool:
    """Whether no event without a value of a feature meets a condition."""
    return any(interval.feature == name for interval in condition.intervals)


def _uses(selection: Selection, name: str) -> Iterator[str]:
    """What looks at a feature, and what comes of it without a value."""
    for cut in selection.cuts:
        if all(_needs(one, name) for one in cut.conditions):
            yield f"cut {cut.name} passes none of them"
        elif any(name in one.features for one in cut.conditions):
            yield f"cut {cut.name} looks at it"
    for region in selection.regions:
        if name in region.condition.features:
            yield f"{region.name} {'has none of them' if _needs(region.condition, name) else 'looks at it'}"
    for histogram in selection.histograms:
        if histogram.weight is not None and name == histogram.weight.feature:
            yield f"histogram {histogram.name} has none of them, being weighted with it"
    axes: dict[str, tuple[Axis, ...]] = {f"plane {plane.name}": plane.axes for plane in selection.planes}
    axes |= {f"histogram {histogram.name}": histogram.axes for histogram in selection.histograms}
    filled = (what for what, own in axes.items() if name in (axis.feature for axis in own))
    yield from (f"{what} has them in the overflow" for what in filled)
    made = (formula.name for formula in selection.formulas if name in formula.inputs)
    yield from (f"formula {what} is made of it" for what in made)
    for variation in selection.variations:
        if any(name in one.features for cut in variation.cuts for one in cut.conditions):
            yield f"variation {variation.name} looks at it"
