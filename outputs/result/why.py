"""What has changed since the stored result of a run, and so what would be counted again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from na64.datasets.basics.named import without_middle
from na64.datasets.basics.run_ranges import runs_in_words
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.catalogue.rechecking import find_change
from na64.datasets.conditions.periods import Period
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.identities import parts_of_job, parts_of_run
from na64.outputs.result.products import Products
from na64.outputs.result.request import read_request, set_up
from na64.outputs.result.store import read_result
from na64.outputs.result.summary import RunAccounting, Summary
from na64.outputs.result.summary_facts import CutFacts, Role, SelectionFacts
from na64.processors.job import Job
from na64.selections.selection import Selection

_SHOWN = 12
"""Digits of a hash that are shown."""

_NOTHING = "nothing has changed since"
_GONE = "no good file of the catalogue has it any more"

_LONGEST, _KEPT = 250, 40
"""Letters of a value that are shown, and of them those before a change."""


def why(folder: Path, run: int | None = None) -> Iterator[str]:
    """Missing parts of a run's result, and what has changed since, line by line.

    Parameters
    ----------
    folder : Path
        Where `na64 process` wrote to.
    run : int or None
        All runs by default; those of which the same is to be said are named together.

    Raises
    ------
    KeyError
        The result has no such run.
    """
    products = read_result(folder)
    summary = products.summary
    known = {facts.run: facts for facts in summary.runs}
    if run is not None and run not in known:
        raise KeyError(f"run {run} is not in the result of {folder.name}, {runs_in_words(known)} are")
    catalogue, job = set_up(folder, read_request(folder))
    alike: dict[tuple[str, ...], list[int]] = {}
    for number in known if run is None else (run,):
        lines = (
            *_failures(known[number], summary, catalogue),
            *_since(known[number], products, catalogue, job),
        )
        alike.setdefault(lines, []).append(number)
    for lines, runs in alike.items():
        yield _read_of([known[number] for number in runs])
        named = runs_in_words(runs)
        yield from (f"{named}: {line}" if line in (_NOTHING, _GONE) else line for line in lines)


def _since(facts: RunAccounting, products: Products, catalogue: Catalogue, job: Job) -> Iterator[str]:
    """What is not as it was when a run was counted; one line if that is nothing, or if the run has gone."""
    if facts.run not in job.runs:
        yield _GONE
        return
    then = {**products.summary.identities, **facts.identities}
    now = {**parts_of_job(job), **parts_of_run(catalogue, job, facts.run)}
    period = catalogue.known_periods()[job.runs[facts.run].period]
    changes = [*_changes(then, now, products, job, period), *_altered(catalogue, facts.run)]
    yield from changes or [_NOTHING]


def _read_of(runs: Sequence[RunAccounting]) -> str:
    recorded, missing = (sum(run.accounting[name] for run in runs) for name in ("recorded", "missing"))
    named = runs_in_words([run.run for run in runs])
    return f"{named}: {recorded - missing:,} of {recorded:,} recorded events were read"


def _failures(facts: RunAccounting, summary: Summary, catalogue: Catalogue) -> Iterator[str]:
    if facts.accounting["missing"]:
        others = _files_of_others(facts.run, catalogue)
        yield from (f"  {failure}" for failure in summary.failures if not failure.startswith(others))


def _files_of_others(run: int, catalogue: Catalogue) -> tuple[str, ...]:
    """How failures begin that are of files without events of a run."""
    own = {record.name for record in catalogue.files if run in record.runs}
    others = {record.name for record in catalogue.files if record.runs} - own
    return tuple(f"{name}{end}" for name in others for end in (",", ":"))


def _changes(
    then: Mapping[str, str], now: Mapping[str, str], products: Products, job: Job, period: Period
) -> Iterator[str]:
    for name in sorted(now.keys() | (then.keys() - {"catalogue"})):
        before, after = then.get(name), now.get(name)
        if before != after:
            yield f"{name}: {_short(before)} then, {_short(after)} now"
            yield from _details(name, products, job, period)


def _short(text: str | None) -> str:
    return "not there" if text is None else " ".join(word[:_SHOWN] for word in text.split())


def _details(name: str, products: Products, job: Job, period: Period) -> Iterator[str]:
    summary = products.summary
    if name == "selection":
        yield from _of_selection(products, job)
    elif name == "period":
        known = {facts.name: facts.facts for facts in summary.periods}
        now = period_facts(period, job.calibration)
        before = {fact.name: f"{fact.value} {fact.unit}" for fact in known.get(period.name, ())}
        yield from _compare(before, {fact.name: f"{fact.value} {fact.unit}" for fact in now.facts}, "fact")
    elif name == "box":
        boxes = {box.period: asdict(box) for box in summary.boxes}
        yield from _compare(
            boxes.get(period.name, {}), asdict(box_facts(period, job.selection.search)), "box"
        )


def _of_selection(products: Products, job: Job) -> Iterator[str]:
    selection = job.selection
    before, after = products.summary.selection, selection_facts(selection, job.plugin)
    yield from _compare(_words(before, after), _words(after, before), "selection")
    yield from _compare(_texts(before.cuts), _texts(after.cuts), "cut")
    yield from _compare(_texts(before.regions), _texts(after.regions), "region")
    yield from _compare(_variations(before), _variations(after), "variation")
    yield from _compare(_stored_histograms(products), _histograms(selection), "histogram")


def _words(facts: SelectionFacts, other: SelectionFacts) -> dict[str, str]:
    """What is said of a selection as a whole; of the order of cuts, that of those it shares."""
    shared = {cut.name for cut in other.cuts}
    order = ", ".join(cut.name for cut in facts.cuts if cut.name in shared)
    return {
        "name": facts.name,
        "label": facts.label,
        "description": facts.description,
        "yields_after": facts.yields_after,
        "order of cuts": order,
    }


def _stored_histograms(products: Products) -> dict[str, str]:
    found = {}
    for facts in products.summary.histograms:
        if facts.role is Role.SELECTION:
            axes = products.histograms[facts.name].axes
            found[facts.name] = _axes(
                [(axis.name, axis.size, *axis.edges[[0, -1]]) for axis in axes], facts.cut, facts.weight
            )
    return found


def _histograms(selection: Selection) -> dict[str, str]:
    return {
        one.name: _axes(
            [(axis.feature, axis.bins, axis.low, axis.high) for axis in one.axes],
            one.after,
            one.weight.label if one.weight else "",
        )
        for one in selection.histograms
    }


def _axes(axes: Iterable[tuple[str, int, float, float]], after: str, weight: str) -> str:
    texts = [f"{bins} bins of {feature} from {low:g} to {high:g}" for feature, bins, low, high in axes]
    return f"{' by '.join(texts)} after {after}{f', weighted with {weight}' if weight else ''}"


def _texts(cuts: Iterable[CutFacts]) -> dict[str, str]:
    return {
        cut.name: " and ".join(
            [*(f"{one.text}{' ' + one.table if one.table else ''}" for one in cut.intervals), *cut.more]
        )
        for cut in cuts
    }


def _variations(facts: SelectionFacts) -> dict[str, str]:
    return {variation.name: "; ".join(variation.texts) for variation in facts.variations}


def _compare(then: Mapping[str, Any], now: Mapping[str, Any], noun: str) -> Iterator[str]:
    for name in dict.fromkeys([*then, *now]):
        before, after = then.get(name, "not there"), now.get(name, "not there")
        if before != after:
            one, other = _around_the_change(str(before), str(after))
            yield f"  {noun} {name}: {one} then, {other} now"


def _around_the_change(before: str, after: str) -> tuple[str, str]:
    """Both texts; where one is too long for a line, from shortly before the first letter that differs."""
    if max(len(before), len(after)) <= _LONGEST:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    same = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(same - _KEPT, 0)
    mark = "... " if start else ""
    one, other = (f"{mark}{without_middle(text[start:], _LONGEST)}" for text in (before, after))
    return one, other


def _altered(catalogue: Catalogue, run: int) -> Iterator[str]:
    for record in catalogue.good:
        if run in record.runs and (change := find_change(record)):
            yield f"file {record.name}: {change}"
