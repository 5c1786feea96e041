"""Whether so many events could not be used that a result is not one of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from na64.datasets.basics.run_ranges import to_ranges
from na64.outputs.result.summary import RunAccounting, skipped_in


def too_many_skipped(runs: Iterable[RunAccounting], at_most: float) -> str:
    """Why a result is incomplete for its skipped events; empty if it is not.

    Parameters
    ----------
    runs : iterable of RunAccounting
    at_most : float
        Share of the recorded events that may be skipped, of all runs together and of each. One event alone
        is not too many, however few there are.
    """
    listed = tuple(runs)
    wrong = [run for run in listed if _is_too_much(_sum([run]), at_most)]
    if wrong or _is_too_much(_sum(listed), at_most):
        return _told(wrong or [run for run in listed if skipped_in(run.accounting)], at_most)
    return ""


def _sum(runs: Iterable[RunAccounting]) -> Counter[str]:
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run.accounting)
    return total


def _is_too_much(counts: Counter[str], at_most: float) -> bool:
    skipped = skipped_in(counts)
    return skipped > 1 and skipped > at_most * counts["recorded"]


def _told(runs: Sequence[RunAccounting], at_most: float) -> str:
    counts = _sum(runs)
    skipped, recorded = skipped_in(counts), counts["recorded"]
    why = ", ".join(
        f"{number:,} {name.removeprefix('skipped_').replace('_', ' ')}"
        for name, number in sorted(counts.items())
        if name.startswith("skipped_") and number
    )
    return (
        f"skipped: {skipped:,} of {recorded:,} events of run {to_ranges(run.run for run in runs)}, "
        f"{100 * skipped / recorded:.3g} %, declared are at most {100 * at_most:g} % ({why})"
    )
