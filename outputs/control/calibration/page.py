"""The page of a calibration."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from na64.datasets.calibration.constants import KEPT, Calibration, Quantity, RunRange
from na64.datasets.instrument.roles import CALORIMETER
from na64.outputs.control.calibration.building import Built
from na64.outputs.control.calibration.figures import (
    chosen_ranges,
    constants_figure,
    delays_figure,
    shower_figure,
)
from na64.outputs.control.calibration.measuring import baselines_of
from na64.outputs.control.calibration.sections import PageHead, PageSection, PageTable, drawn, write_html
from na64.outputs.control.calibration.shower_profile import mean_shower
from na64.outputs.report.drawing import Make
from na64.processors.job import Job

_CONSTANTS = (Quantity.DELAY, Quantity.SIGMA, Quantity.SCALE, Quantity.OCCUPANCY)
_MOST_ROWS = 200


def write_page(path: Path, job: Job, built: Built, *, label: str, origin: str) -> Path:
    """Draw the figures of a calibration beside a page, and write that.

    Parameters
    ----------
    path : Path
        Of the page.
    job : Job
    built : Built
    label : str
        Above figures.
    origin : str
        What the events are, as a simulated campaign.
    """
    calibration, folder = built.calibration, path.parent / "plots"
    sections = [
        PageSection("Ranges of runs", _about_ranges(built), (_range_table(calibration), *_jumps(built))),
        PageSection("Bad cells", _about_bad(calibration), tuple(_bad_table(calibration))),
        *_of_detectors(folder, built, label),
        *_of_shower(folder, job, built, label),
        PageSection("Made of", (), (_made_of(calibration),)),
    ]
    runs = f"runs {calibration.covers}"
    head = PageHead(
        title=f"Calibration {calibration.name}",
        eyebrow=f"{origin} · {runs}",
        lede=(
            f"Constants of cells for {runs}, made of {origin}. Of data only visible events were used.",
            "Errors are statistical. A hollow point was kept: its cell has too few entries.",
        ),
        footer=f"Identity {calibration.identity}",
    )
    return write_html(path, head, sections)


def _about_ranges(built: Built) -> tuple[str, ...]:
    text = "A range ends where a cell jumps by more than chance and the repeatability of runs allow."
    return (text,) if built.jumps else ()


def _range_table(calibration: Calibration) -> PageTable:
    head = ("runs", "period", "detector", "cells", "delays", "scales", "scale by", "noise")
    rows = [row for part in calibration.ranges for row in _range_rows(part)]
    return PageTable("How many cells were measured", head, rows[:_MOST_ROWS])


def _range_rows(part: RunRange) -> Iterator[tuple[str, ...]]:
    for name, constants in part.detectors.items():
        scale = constants.values[Quantity.SCALE]
        methods = sorted({method for method in scale.methods if method != KEPT})
        counts = [constants.values[q].n_measured for q in (Quantity.DELAY, Quantity.SCALE, Quantity.NOISE)]
        cells = str(constants.n_cells)
        delays, scales, noise = map(str, counts)
        yield part.covers, part.period, name, cells, delays, scales, " or ".join(methods) or KEPT, noise


def _jumps(built: Built) -> Iterator[PageTable]:
    if built.jumps:
        rows = [
            (
                str(j.run),
                f"{j.detector} {j.cell}",
                j.quantity,
                f"{j.before:.4g}",
                f"{j.after:.4g}",
                f"{j.n_sigma:.0f}",
            )
            for j in built.jumps[:_MOST_ROWS]
        ]
        head = ("from run", "cell", "what", "before", "after", "standard deviations")
        yield PageTable("Jumps that begin a range; ns and GeV", head, rows)


def _about_bad(calibration: Calibration) -> tuple[str, ...]:
    if not any(part.bad for part in calibration.ranges):
        return ("There are none.",)
    return ("A noisy cell counts as empty with this calibration; a dead one is named and stays what it is.",)


def _bad_table(calibration: Calibration) -> Iterator[PageTable]:
    rows = [
        (part.covers, b.detector, str(b.cell), b.defect.value, b.reason)
        for part in calibration.ranges
        for b in part.bad
    ]
    if rows:
        yield PageTable("Bad cells", ("runs", "detector", "cell", "defect", "reason"), rows[:_MOST_ROWS])


def _of_detectors(folder: Path, built: Built, label: str) -> Iterator[PageSection]:
    ranges = built.calibration.ranges
    names = list(dict.fromkeys(name for part in ranges for name in part.detectors))
    for name in names:
        yield PageSection(name.upper(), (), (), drawn(folder, _figures(name, built, label)))


def _figures(name: str, built: Built, label: str) -> Iterator[tuple[str, str, Make]]:
    ranges = built.calibration.ranges
    shown = chosen_ranges(ranges)
    more = "" if len(shown) == len(ranges) else f" The first and last of {len(ranges)} ranges."
    what = "delay, resolution, scale, and share of random triggers with something, by cell"
    caption = f"{name.upper()}: {what}.{more}"
    yield f"{name}_constants", caption, partial(constants_figure, shown, name, _CONSTANTS, label)
    if any(total.histogram(f"{name}.delay").counts.any() for total in built.sums):
        caption = f"{name.upper()}: times of particles in all cells together, before and after."
        yield f"{name}_delays", caption, partial(delays_figure, built.sums, ranges, name, label)


def _of_shower(folder: Path, job: Job, built: Built, label: str) -> Iterator[PageSection]:
    figures = drawn(folder, _showers(job, built, label))
    rows = [
        (part.covers, name, f"{getattr(part.template, name):.4g}", f"{error:.2g}")
        for part in built.calibration.ranges
        if part.template is not None
        for name, error in (part.template_errors or {}).items()
    ]
    if rows:
        table = PageTable("Fitted parameters", ("runs", "parameter", "value", "error"), rows[:_MOST_ROWS])
        text = (
            "Radii and core fraction are those of electrons of the beam energy; how they grow with energy "
            "and the resolution terms, are those of the period."
        )
        yield PageSection("Shower of electrons", (text,), (table,), figures)


def _showers(job: Job, built: Built, label: str) -> Iterator[tuple[str, str, Make]]:
    listed = list(zip(built.sums, built.calibration.ranges, built.measured, strict=True))
    for total, part, measured in listed[:2]:
        context = next(c for run, c in job.runs.items() if part.first <= run <= part.last)
        known = part.detectors.get(CALORIMETER)
        scales = known.values[Quantity.SCALE].values if known else ()
        bad = [entry.cell for entry in part.bad if entry.detector == CALORIMETER]
        baselines = baselines_of(measured.cells.get(CALORIMETER, ()))
        shower = mean_shower(total, context.setup, scales, bad, baselines)
        if shower is not None:
            caption = f"Mean shower of beam electrons in runs {part.covers}, by cell and impact point."
            make = partial(shower_figure, shower, context.setup, part, context.beam_energy, label)
            yield f"shower_{part.first}", caption, make


def _made_of(calibration: Calibration) -> PageTable:
    rows = [(name.replace("_", " "), text) for name, text in calibration.made_of.items()]
    return PageTable("What it was made of", ("what", "which"), rows)
