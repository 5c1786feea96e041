"""The verdict of a stored result computed again from its tables and its accounting."""

from __future__ import annotations

from collections.abc import Iterator

from na64.outputs.result.cutflow import ALL_RUNS, VISIBLE
from na64.outputs.result.products import Products
from na64.outputs.result.summary import Summary, Verdict

_COUNTS = ("recorded", "processed", "missing")


def verdict_problems(products: Products) -> list[str]:
    """Why a stored result is not complete, one line each, whatever it says itself; empty if it is."""
    summary = products.summary
    found = [*_of_accounting(summary), *_of_tables(products)]
    found += [reason for reason in summary.reasons if reason not in found]
    found += [failure for failure in summary.failures if not found]
    if summary.verdict is not Verdict.COMPLETE and not found:
        found.append("its verdict is INCOMPLETE")
    return found


def _of_accounting(summary: Summary) -> Iterator[str]:
    for run in summary.runs:
        if run.accounting["missing"]:
            yield f"run {run.run}: {run.accounting['missing']:,} recorded events were not read"
    for name in sorted({name for run in summary.runs for name in run.accounting}):
        total = sum(run.accounting.get(name, 0) for run in summary.runs)
        if summary.totals.get(name) != total:
            yield f"the total of {name} is {summary.totals.get(name)}, its runs have {total}"
    counts = summary.totals
    if counts.get("processed") != counts.get("hidden", 0) + counts.get("visible", 0):
        yield (
            f"{counts.get('processed')} events were processed: {counts.get('hidden')} hidden and "
            f"{counts.get('visible')} visible do not add up to them"
        )


def _of_tables(products: Products) -> Iterator[str]:
    """Compare the accounting with what the tables say of each run."""
    visible = {row.run: row.passed for row in products.cutflow.rows if row.cut == VISIBLE}
    rows = {row.run: row for row in products.yields.rows}
    totals = products.summary.totals
    if visible.get(ALL_RUNS, totals["visible"]) != totals["visible"]:
        yield f"{totals['visible']} events are visible, cutflow.csv has {visible[ALL_RUNS]}"
    for run in products.summary.runs:
        counts, row, name = run.accounting, rows.get(run.run), str(run.run)
        if row is None or name not in visible:
            yield f"run {run.run}: the tables do not have it"
        elif any(getattr(row, column) != counts[column] for column in _COUNTS):
            yield f"run {run.run}: the accounting is not that of yields.csv"
        elif counts["processed"] != counts["hidden"] + visible[name]:
            yield (
                f"run {run.run}: {counts['processed']:,} events were processed, "
                f"{counts['hidden']:,} are hidden and {visible[name]} visible"
            )
