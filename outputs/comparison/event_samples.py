"""Which events results have and others lack: of runs without a part in the rates, and hidden ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from na64.datasets.basics.run_ranges import runs_in_words
from na64.outputs.result.messages import counted
from na64.outputs.result.products import Products
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import HistogramFacts, Role

_TAKEN_FOR = "taken for calibration or beam tests"


def runs_left_out(one: Products, other: Products) -> Iterator[str]:
    """Runs that count for no rate: of calibration and beam, beside physics runs."""
    for letter, products in zip("AB", (one, other), strict=True):
        if runs := products.summary.other_runs:
            yield f"left out of the rates of {letter}: {runs_in_words(runs)}, {_TAKEN_FOR}"


def other_runs_in_histograms(results: Mapping[str, Products], titles: Collection[str]) -> Iterator[str]:
    """Events of calibration and beam runs in histograms, which are of all runs; their exposure is left out.

    Parameters
    ----------
    results : mapping of str to Products
        By what they are called.
    titles : collection of str
        Of which events the histograms are that are shown.
    """
    for name, products in results.items():
        runs = products.summary.other_runs
        shown = [fact for fact in products.summary.histograms if fact.title in titles]
        if most := max((_in_histogram(products, fact) for fact in shown), default=0):
            yield (
                f"{runs_in_words(runs)} of {name}, {_TAKEN_FOR}: up to {counted(most, 'event')} in a "
                "histogram, no part in the exposure"
            )


def _in_histogram(products: Products, fact: HistogramFacts) -> int:
    """Events of calibration and beam runs in a histogram of one axis; planes of data have none."""
    if fact.role is Role.PLANE:
        return 0
    runs = {str(run) for run in products.summary.other_runs}
    rows = (row for row in products.cutflow.rows if row.cut == fact.cut and row.run in runs)
    return sum(row.n_minus_one if fact.role is Role.N_MINUS_ONE else row.passed for row in rows)


def hidden_on_one_side(one: Products, other: Products) -> Iterator[str]:
    """Events that one result hides and the other would show: counts after early cuts are of other events."""
    first, second = one.summary, other.summary
    if first.is_data and second.is_data:
        if _hidden(first) + _hidden(second) and _closed(first) != _closed(second):
            yield (
                f"A hides {counted(_hidden(first), 'event')} and B {counted(_hidden(second), 'event')} in "
                "other boxes: neither are in the counts, and the visible events are not of one kind"
            )
        return
    for letter, theirs, summary in (("A", "B", first), ("B", "A", second)):
        if summary.is_data and _hidden(summary):
            yield (
                f"{letter} hides {counted(_hidden(summary), 'event')}, which are in none of its counts; "
                f"{theirs} is simulation and shows such events: after cuts that keep them the two are not of "
                "the same events (na64 overlay --hide-in-simulation hides them in both)"
            )


def _hidden(summary: Summary) -> int:
    return summary.totals.get("hidden", 0)


def _closed(summary: Summary) -> frozenset[object]:
    """Closed boxes, whatever the period is called and wherever its numbers are from."""
    return frozenset(replace(box, period="", source="") for box in summary.boxes)
