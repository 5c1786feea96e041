"""What is hidden of the runs of a job of data: in words, for the log, and beside what was hidden before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from na64.datasets.basics.run_ranges import of_ranges, to_ranges
from na64.datasets.basics.sourced_values import Fact
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.periods import Period, packaged_periods, unpackaged_runs
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.result.logged_boxes import as_logged, less_than, logged, of_log
from na64.processors.job import Job
from na64.processors.run_contexts import hiding_identity
from na64.selections.boxes import boxes_of
from na64.selections.hidden import OPEN_RUN_TYPES
from na64.selections.signal_box import Bound

_NOT_COMPARED = ("runs", "published.")
_LONGEST = 60
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class HiddenRegion:
    """What is hidden of some runs of a period.

    Attributes
    ----------
    period, runs : str
    boxes : tuple of dict
        Every closed box as `na64.outputs.result.logged_boxes.as_logged` has it.
    setups : dict of str to int
        The set-ups under any of which an event is hidden, by identity, and the physics trigger mask of each.
    under : tuple of str
        The variations under any of which an event is hidden.
    identity : str
        Of all of it.
    calibration : str
        Name of the calibration that the first of the set-ups has; empty if there is none.
    """

    period: str
    runs: str
    boxes: tuple[Mapping[str, Any], ...]
    setups: Mapping[str, int]
    under: tuple[str, ...]
    identity: str
    calibration: str = ""

    def lines(self) -> Iterator[str]:
        """One line a box: where its hidden region is, and under what."""
        masks = " and ".join(str(mask) for mask in dict.fromkeys(self.setups.values()))
        more = f", under {len(self.under)} variations too" if self.under else ""
        with_and_without = f", with and without calibration {self.calibration}" if self.calibration else ""
        others = len(self.setups) - (2 if self.calibration else 1)
        packaged = ", by the packaged set-up too" if others > 0 else ""
        for box in map(of_log, self.boxes):
            search = "" if box.search == DEFAULT_SEARCH else f"for search {box.search} "
            yield (
                f"{self.period}, runs {self.runs}: hidden {search}{box.text()}, "
                f"trigger mask {masks}{with_and_without}{packaged}{more}"
            )


@dataclass(frozen=True, slots=True)
class OpenRuns:
    """Runs of which nothing is hidden, and what says so."""

    period: str
    runs: str
    type: str
    source: str

    def __str__(self) -> str:
        return f"{self.period}, runs {self.runs}: nothing is hidden, the type is {self.type} by {self.source}"


def hidden_regions(job: Job) -> list[HiddenRegion]:
    """Hidden regions by period and run; none for simulation."""
    found: dict[tuple[str, str], list[int]] = {}
    for run, context in job.runs.items():
        if not job.simulation and context.type not in OPEN_RUN_TYPES:
            found.setdefault((context.period, job.hidden_region(run)), []).append(run)
    return [_region(job, runs) for runs in found.values()]


def open_runs(job: Job, catalogue: Catalogue) -> list[OpenRuns]:
    """Runs of which nothing is hidden, by period, type, and what states it; none for simulation."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for run, context in job.runs.items():
        if not job.simulation and context.type in OPEN_RUN_TYPES:
            facts = catalogue.run_facts.get(run)
            beside = facts is not None and facts.type is context.type
            source = "conditions beside the files" if beside else f"{context.period}.runs.csv"
            found.setdefault((context.period, context.type.value, source), []).append(run)
    return [OpenRuns(period, to_ranges(runs), kind, by) for (period, kind, by), runs in found.items()]


def departures(periods: Iterable[Period]) -> dict[str, tuple[str, ...]]:
    """What is not as packaged, by period; a packaged period is not there."""
    found = {period.name: tuple(_departures(period)) for period in periods}
    return {name: lines for name, lines in found.items() if lines}


def periods_of(job: Job, catalogue: Catalogue) -> list[Period]:
    """Periods that a job is about, by name."""
    known = catalogue.known_periods()
    return [known[name] for name in sorted({context.period for context in job.runs.values()})]


def log_details(job: Job, catalogue: Catalogue) -> dict[str, object]:
    """What the log keeps of the hidden regions of a job."""
    different = departures(periods_of(job, catalogue))
    opened = open_runs(job, catalogue)
    return {
        "hidden": [asdict(region) for region in hidden_regions(job)],
        "open": [asdict(one) for one in opened],
        "open_runs": [f"{one.runs} ({one.type} by {one.source})" for one in opened],
        "not_packaged": [f"{name}: {line}" for name, lines in different.items() for line in lines],
    }


def lines_of_pass(details: Mapping[str, Any]) -> Iterator[str]:
    """Lines that tell what a pass over data hides, from what the log keeps of it."""
    for region in details["hidden"]:
        yield from HiddenRegion(**region).lines()
    yield from (str(OpenRuns(**one)) for one in details["open"])
    yield from (f"warning: {line}" for line in details["hides_less"])


def hides_less(details: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Lines that tell what earlier results hid of the same runs and this one does not, one a selection.

    Parameters
    ----------
    details : mapping
        As `log_details` makes it.
    lines : iterable of mapping
        Details of the earlier ``process`` lines of the log.
    """
    said: dict[str, dict[str, None]] = {}
    for line in lines:
        for before in line.get("hidden", ()):
            for loss in _losses(details, before):
                said.setdefault(str(line.get("selection")), {})[loss] = None
    return [
        f"hides less than an earlier result (selection {selection}): {'; '.join(losses)}"
        for selection, losses in said.items()
    ]


def _region(job: Job, runs: Sequence[int]) -> HiddenRegion:
    context = job.runs[runs[0]]
    return HiddenRegion(
        period=context.period,
        runs=to_ranges(runs),
        boxes=tuple(map(as_logged, context.boxes)),
        setups={
            hiding_identity(setup, context.boxes): setup.physics_trigger_mask for setup in context.setups
        },
        under=tuple(text for effect in job.closing_effects for text in effect.texts()),
        identity=job.hidden_region(runs[0]),
        calibration="" if job.calibration is None else job.calibration.name,
    )


def _departures(period: Period) -> Iterator[str]:
    known = [one for one in packaged_periods().values() if one.shares_runs_with(period)]
    for first, last in unpackaged_runs(period):
        yield f"no packaged period has runs {first} to {last}; {_own_boxes(period)}"
    for other in known:
        own, packaged = _facts(period), _facts(other)
        for name in sorted({*own, *packaged}):
            if own.get(name) != packaged.get(name):
                there = _short(packaged.get(name))
                yield f"{name} is {_short(own.get(name))}, in packaged period {other.name} {there}"
    for table, entries in (("bad.csv", period.bad.entries), ("runs.csv", period.run_facts)):
        if known and len(entries):
            yield f"{period.name}.{table} has {len(entries)} entries, none is packaged"


def _own_boxes(period: Period) -> str:
    boxes = boxes_of(period)
    if len(boxes) == 1 and boxes[0].is_rectangle:
        edges = boxes[0].rectangle()
        return f"the box is its own, {edges.width:g} and {edges.height:g} GeV"
    texts = (f"{box.search} {' and '.join(_edges(bound) for bound in box.bounds)}" for box in boxes)
    return f"the boxes are its own: {'; '.join(texts)}"


def _edges(bound: Bound) -> str:
    return f"{bound.name} {bound.edges()}"


def _facts(period: Period) -> dict[str, str]:
    """Numbers of a period by name; equal numbers of all cells are one, and the first box is ``[box]``."""
    return {
        fact.name.replace("box[0].", "box."): _number(fact)
        for fact in period.provenance
        if not fact.name.startswith(_NOT_COMPARED)
    }


def _number(fact: Fact) -> str:
    values = list(dict.fromkeys(fact.value.split(", ")))
    value = values[0] if len(values) == 1 else fact.value
    return value if fact.unit == "1" else f"{value} {fact.unit}"


def _short(text: str | None) -> str:
    if text is None:
        return "not stated"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _losses(details: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """What was hidden of runs and is not now."""
    runs = _runs(before["runs"])
    for now in details["open"]:
        if same := runs & _runs(now["runs"]):
            yield f"runs {to_ranges(same)} are open"
    for now in details["hidden"]:
        if runs & _runs(now["runs"]):
            yield from _less(now, before)


def _less(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    own = [of_log(box) for box in logged(now)]
    for box in map(of_log, logged(before)):
        yield from less_than(own, box)
    for setup, mask in before["setups"].items():
        if setup not in now["setups"]:
            yield f"not by set-up {setup[:_SHOWN]} (trigger mask {mask})"
    for text in before["under"]:
        if text not in now["under"]:
            yield f"not under {text}"


def _runs(text: str) -> set[int]:
    return set(of_ranges(text, "log"))
