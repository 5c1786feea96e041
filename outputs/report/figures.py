"""Which figures a result gets, with their captions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import hist
import numpy as np

from na64.outputs.report import plots, spectra
from na64.outputs.report.cut_efficiency import kept_by_cut
from na64.outputs.report.drawing import Make
from na64.outputs.report.heading import heading
from na64.outputs.report.plane import is_energies, plane
from na64.outputs.report.run_exposure import run_exposure
from na64.outputs.report.style import marked
from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.products import Products, of_all_runs, of_physics_runs
from na64.outputs.result.summary import Summary, planes_of
from na64.outputs.result.summary_facts import HistogramFacts, PlaneFacts, Role
from na64.selections.planes import ENERGIES
from na64.selections.signal_box import DETECTORS

_PANELS = 15
"""Panels of one figure: five rows of three fit on a sheet of paper."""

_TIMES = ("master_time", *(f"{name}_out_of_time" for name in reversed(ENERGIES)))


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure to be made, its file name, the section of the report it belongs to, and its caption."""

    name: str
    section: str
    caption: str
    make: Make


def drawings(products: Products, status: str = "") -> Iterator[Drawing]:
    """Yield every figure of a result.

    Parameters
    ----------
    products : Products
        As people read them: `na64.outputs.report.display.displayed`.
    status : str
        What stands after the name of the experiment, as ``Preliminary``.
    """
    mark = "unverified simulation" if products.summary.is_unverified else ""
    for drawing in _all(products, heading(products.summary, status)):
        yield replace(drawing, make=partial(marked, drawing.make, mark))


def _all(products: Products, label: str) -> Iterator[Drawing]:
    yield from _planes(products, label)
    yield from _flows(products, label)
    yield from _n_minus_one(products, label)
    yield from _timing(products, label)
    yield from _of_selection(products, label)


def _planes(products: Products, label: str) -> Iterator[Drawing]:
    for number, facts in enumerate(products.summary.selection.planes):
        yield from _plane(products, facts, label, is_first=number == 0)


def _plane(products: Products, shown: PlaneFacts, label: str, *, is_first: bool) -> Iterator[Drawing]:
    summary = products.summary
    last = summary.selection.cuts[-1].name if summary.selection.cuts else VISIBLE
    after = {facts.cut: facts for facts in planes_of(summary, shown)}
    for cut in dict.fromkeys((VISIBLE, summary.selection.yields_after, last)):
        if cut not in after:
            continue
        facts = after[cut]
        histogram = products.histograms[facts.name]
        make = partial(
            plane,
            histogram,
            shown,
            boxes=summary.boxes,
            closed=summary.is_data,
            regions=summary.selection.regions,
            label=label,
            title=facts.title,
            opened=bool(summary.opening),
        )
        section = f"plane_{shown.name}" if not is_first else "plane" if cut == VISIBLE else "planes"
        yield Drawing(facts.name, section, _plane_caption(histogram, shown, facts.title, summary), make)


def _plane_caption(histogram: hist.Hist[Any], shown: PlaneFacts, title: str, summary: Summary) -> str:
    caption = f"{shown.label}, {title}."
    if is_energies(histogram):
        caption = f"Energies in {DETECTORS}, {title}."
        caption += f" Below: the lowest {ENERGIES[1].upper()} energies." if shown.zoom is not None else ""
    elif shown.zoom is not None:
        caption += f" Below: {histogram.axes[1].label or histogram.axes[1].name} up to {shown.zoom:g}."
    if summary.is_data:
        caption += (
            " Events of calibration triggers and runs in box or guard band are counted, but in no plane."
        )
    return caption


def _flows(products: Products, label: str) -> Iterator[Drawing]:
    stage = products.summary.selection.yields_after
    all_runs = of_all_runs(products.cutflow)
    yield Drawing(
        "cutflow",
        "cutflow",
        "Events left after every cut (bars), passing this cut alone (diamonds), or all others (ticks).",
        partial(plots.cutflow, all_runs, label=label),
    )
    yield Drawing(
        "regions",
        "regions",
        "Events of the regions after every cut, all runs.",
        partial(
            plots.regions_flow,
            of_all_runs(products.regions),
            regions=products.summary.selection.regions,
            yields_after=stage,
            label=label,
        ),
    )
    of_physics = of_physics_runs(products)
    yield Drawing(
        "yields",
        "yields",
        f"Yields by run, per {run_exposure(of_physics).plain}, with central 68 % Poisson intervals; "
        "dashed: the rate of all runs together. "
        "Calibration and beam runs are left out.",
        partial(
            plots.yields_by_run,
            of_physics,
            regions=products.summary.selection.regions,
            yields_after=stage,
            label=label,
        ),
    )


def _n_minus_one(products: Products, label: str) -> Iterator[Drawing]:
    panels = _cut_panels(products)
    if panels:
        caption = (
            "Every cut variable for the events that pass all the other cuts. Hatched: what the cut removes. "
            "Numbers with arrows: events beyond the axis; in the middle: the share that the whole cut keeps."
        )
        caption += _meanings(
            products.summary, [products.histograms[facts.name] for facts in _cut_variables(products)]
        )
        yield from _pages("n_minus_one", panels, caption, label=label, title="all other cuts applied")


def _pages(
    name: str, panels: Sequence[spectra.Panel], caption: str, *, label: str, title: str
) -> Iterator[Drawing]:
    """Figures of as many panels each as fit on a sheet of paper; the first has the name alone."""
    for number, start in enumerate(range(0, len(panels), _PANELS), 1):
        part = partial(spectra.page, panels[start : start + _PANELS], label=label, title=title)
        yield Drawing(name if number == 1 else f"{name}_{number}", name, caption, part)


def _timing(products: Products, label: str) -> Iterator[Drawing]:
    panels = [spectra.window_of(panel) for panel in _cut_panels(products, _TIMES)]
    for facts in products.summary.histograms:
        histogram = products.histograms[facts.name]
        if facts.role is Role.SELECTION and not facts.weight and _is_before_and_after(histogram):
            panels.append(spectra.in_time_of(histogram, title=facts.label.split(" ")[0], note=facts.title))
    if panels:
        caption = (
            "Before (line) and after (filled) the time windows: the times and the energies out of time of "
            f"events that pass all the other cuts; the sums of {DETECTORS} at any time and in time."
        )
        make = partial(spectra.page, panels, label=label, title="before and after the window")
        yield Drawing("timing", "timing", caption, make)


def _of_selection(products: Products, label: str) -> Iterator[Drawing]:
    summary = products.summary
    chosen = [facts for facts in summary.histograms if facts.role is Role.SELECTION]
    flat = [facts for facts in chosen if products.histograms[facts.name].ndim == 1]
    if flat:
        panels = [
            spectra.panel_of(
                products.histograms[facts.name], title=facts.label, note=facts.title, weight=facts.weight
            )
            for facts in flat
        ]
        caption = "What the selection asks for; each title says after which cut."
        caption += _meanings(summary, [products.histograms[facts.name] for facts in flat])
        yield from _pages("spectra", panels, caption, label=label, title="histograms of the selection")
    for facts in chosen:
        if facts not in flat:
            meaning = _meanings(summary, [products.histograms[facts.name]])
            make = partial(
                spectra.two_dimensional,
                products.histograms[facts.name],
                boxes=summary.boxes,
                closed=summary.is_data,
                regions=summary.selection.regions,
                label=label,
                title=facts.title,
                weight=facts.weight,
            )
            yield Drawing(facts.name, "maps", f"{facts.label}, {facts.title}.{meaning}", make)


def _meanings(summary: Summary, histograms: Sequence[hist.Hist[Any]]) -> str:
    """What the features of axes mean that are not of the package, as the end of a caption."""
    drawn = {axis.name: str(axis.label) for histogram in histograms for axis in histogram.axes}
    return "".join(
        f" {drawn[one.name]}: {one.meaning.rstrip('.')}."
        for one in summary.selection.own_features
        if one.name in drawn
    )


def _cut_panels(products: Products, features: Collection[str] | None = None) -> list[spectra.Panel]:
    """Panels of the cut variables, all or those of some features."""
    cuts = {cut.name: cut for cut in products.summary.selection.cuts}
    kept = kept_by_cut(products)
    return [
        spectra.panel_of(
            products.histograms[facts.name],
            title=cuts[facts.cut].label or facts.cut.replace("_", " "),
            cut=cuts[facts.cut],
            kept=kept.get(facts.cut, ""),
        )
        for facts in _cut_variables(products)
        if features is None or products.histograms[facts.name].axes[0].name in features
    ]


def _cut_variables(products: Products) -> list[HistogramFacts]:
    return [facts for facts in products.summary.histograms if facts.role is Role.N_MINUS_ONE]


def _is_before_and_after(histogram: hist.Hist[Any]) -> bool:
    """Whether the axes are an energy at any time and the same in time."""
    if histogram.ndim != 2 or not np.array_equal(*(axis.edges for axis in histogram.axes)):
        return False
    return bool(histogram.axes[0].name == f"{histogram.axes[1].name}_total")
