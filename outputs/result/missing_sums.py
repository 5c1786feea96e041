"""Energies that a signal box is about and that files do not have: without them events of data are hidden."""

from __future__ import annotations

from collections.abc import Iterator

from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.recipes import further_features
from na64.datasets.reading.layout import Layout
from na64.processors.job import Job
from na64.processors.run_contexts import RunContext


def missing_sums(job: Job) -> Iterator[str]:
    """One line for each layout and period of a job of data where all events are hidden for lack of a sum.

    Parameters
    ----------
    job : Job
    """
    if job.simulation:
        return
    periods = {context.period: context for context in job.runs.values()}
    for layout in job.layouts.values():
        for name, context in sorted(periods.items()):
            if missing := _lacking(layout, context):
                yield (
                    f"layout {layout.name} has no {', '.join(missing)}, which the signal box of period "
                    f"{name} is about: events of data are hidden for lack of them"
                )


def _lacking(layout: Layout, context: RunContext) -> tuple[str, ...]:
    """Features without which every event is hidden: of a needed bound, or of all bounds of a box."""
    found: list[str] = []
    for box in context.boxes:
        by_bound = [
            [name for name in bound.features if not may_have(layout, name, context.setup)]
            for bound in box.bounds
        ]
        for bound, missing in zip(box.bounds, by_bound, strict=True):
            if bound.needed or all(by_bound):
                found += missing
    return tuple(dict.fromkeys(found))


def may_have(layout: Layout, name: str, setup: Setup) -> bool:
    """Whether files of a layout may have a feature: as it is, or all that it is made of."""
    if name in layout.columns or name == "bad_spill":
        return True
    if name == "trigger_physics":
        return "trigger" in layout.columns
    for formula in setup.formulas:
        if formula.name == name:
            constants = dict(setup.constants)
            return all(one in constants or may_have(layout, one, setup) for one in formula.inputs)
    known = FEATURES | {feature.name: feature for feature in further_features(setup)}
    detectors = known[name].detectors if name in known else ()
    return bool(detectors) and all(one in layout.detectors for one in detectors)
