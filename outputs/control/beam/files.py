"""Measures the beam of a stored result and writes it beside the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from na64.datasets.basics.atomic_file import write_together
from na64.datasets.basics.json_records import to_json
from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.control.beam import figures
from na64.outputs.control.beam.gather import gather_beam
from na64.outputs.control.beam.labels import label_of
from na64.outputs.control.beam.measure import (
    BeamMeasurement,
    BeamSample,
    TagEfficiency,
    absent,
    efficiency_of_tag,
    measure,
)
from na64.outputs.control.beam.names import ALL, BEAM, FACTS, FIGURES, SCHEMA, BeamRow
from na64.outputs.control.beam.quantities import Quantity
from na64.outputs.control.beam.settings import BeamSettings
from na64.outputs.control.beam.values import shown
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.report.drawing import write_figure
from na64.outputs.report.heading import heading, read_status
from na64.outputs.result.origin import origin_of, seal_facts
from na64.outputs.result.products import Products
from na64.outputs.result.provenance import code_digest
from na64.outputs.result.table import Table


def measure_result(
    analysis: ReopenedResult,
    settings: BeamSettings,
    pure: dict[str, ReopenedResult],
    positions: Sequence[str] | None,
) -> BeamMeasurement:
    """Measure the beam of a result.

    Parameters
    ----------
    analysis : ReopenedResult
    settings : BeamSettings
    pure : dict of str to ReopenedResult
        By tag: results of the same cuts in which only particles of that kind reach the detector.
    positions : sequence of str, optional
        Features whose spread is wanted; by default the first hits of the trackers.

    Raises
    ------
    ValueError
        A cut has chosen particles, or a pure sample does not go with the result.
    """
    gathered = gather_beam(analysis, settings, positions)
    energies = {sample.energy for sample in gathered.samples}
    efficiencies = tuple(
        _efficiency(analysis.products, other, tag, energies, settings) for tag, other in pure.items()
    )
    return measure(gathered, settings, efficiencies)


def _efficiency(
    products: Products, other: ReopenedResult, tag: str, energies: set[float], settings: BeamSettings
) -> TagEfficiency:
    mine, theirs = (one.summary.selection for one in (products, other.products))
    if mine.cuts_identity != theirs.cuts_identity:
        raise ValueError(
            f"{other.folder.name}: selection {theirs.name} is not {mine.name}, cut by cut: a tag is not as "
            "efficient in both"
        )
    return efficiency_of_tag(gather_beam(other, settings, ()), tag, energies, other.folder.resolve().name)


def write_beam(folder: Path, products: Products, found: BeamMeasurement) -> None:
    """Write table, facts and figures of the measurement."""
    contents = {
        BEAM: Table(BeamRow, found.rows).to_csv(),
        FACTS: to_json(seal_facts(_facts(products, found), origin_of(folder))),
    }
    label = heading(products.summary, read_status(folder))
    made = {
        "momentum": partial(figures.momentum, found.samples, label=label),
        "angle": partial(figures.angle, found.samples, label=label),
        COUNTERS: partial(figures.counters, found.samples, label=label),
        "composition": partial(figures.composition, found.samples, label=label),
    }

    def draw() -> None:
        for name, make in made.items():
            write_figure(folder / FIGURES, name, make)

    write_together(folder, contents, seal=FACTS, meanwhile=draw)


def _facts(products: Products, found: BeamMeasurement) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "code": code_digest(),
        "result": dict(products.summary.products),
        "beam_mask": found.settings.beam_mask,
        "settings": [asdict(fact) for fact in found.settings.facts],
        "samples": [_sample(one, found.rows) for one in found.samples],
        "tag_efficiencies": [
            {
                "tag": one.tag,
                "result": one.origin,
                "text": shown(one.measured, 100),
                **_plain(Quantity(one.measured)),
            }
            for one in found.efficiencies
        ],
        "left_out": {str(run): why for run, why in found.left_out.items()},
        "partly_hidden": list(found.partly_hidden),
        "n_looks": found.n_looks,
        "outliers": [
            {"run": row.run, "quantity": row.quantity, "value": row.value, "p": row.p}
            for row in found.rows
            if row.outlier
        ],
    }


def _sample(one: BeamSample, rows: Iterable[BeamRow]) -> dict[str, object]:
    chances = {row.quantity: row.p for row in rows if (row.sample, row.run) == (one.sample.name, ALL)}
    return {
        "sample": one.sample.name,
        "runs": list(one.runs),
        "events": one.sums.n_events,
        "absent": list(absent(one)),
        "radiation": asdict(one.radiation),
        "quantities": {name: _plain(quantity) for name, quantity in one.everything.items()},
        "lines": [_line(name, found, chances[name]) for name, found in one.everything.items()],
    }


def _line(name: str, quantity: Quantity, p: float | None) -> dict[str, object]:
    label, scale = label_of(name, quantity.unit)
    text = shown(quantity.measured, scale)
    return {"label": label, "text": text, "events": quantity.measured.n_events, "p": p}


def _plain(quantity: Quantity) -> dict[str, object]:
    found = quantity.measured
    return {
        "value": found.value,
        "error_below": found.below,
        "error_above": found.above,
        "events": found.n_events,
        "passed": found.n_passed,
        "unit": quantity.unit,
    }
