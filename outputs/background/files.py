"""Writes a background estimate beside the result it is of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from na64.datasets.basics.atomic_file import write_together
from na64.datasets.basics.json_records import to_json
from na64.outputs.background.control_shape import ControlShape
from na64.outputs.background.estimate import Estimate
from na64.outputs.background.extrapolation import Extrapolation
from na64.outputs.background.names import FACTS, FIGURES, SCHEMA
from na64.outputs.background.shape_figure import shape_figure
from na64.outputs.background.sideband_figure import sideband_figure
from na64.outputs.background.table import BACKGROUND, BackgroundRow, BackgroundTable, with_error
from na64.outputs.report.drawing import write_figure
from na64.outputs.report.heading import heading, read_status
from na64.outputs.result.origin import origin_of, seal_csv, seal_facts
from na64.outputs.result.products import Products
from na64.outputs.result.provenance import code_digest


def write_background(
    folder: Path, products: Products, found: Estimate, stated: Mapping[str, object] | None = None
) -> list[Path]:
    """Write the table, the fits as JSON, and the figures; return the files.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
    found : Estimate
    stated : mapping, optional
        More facts: files that it was made of, and why they are right.
    """
    written = [folder / BACKGROUND, folder / FACTS]
    origin = origin_of(folder)
    contents = {
        BACKGROUND: seal_csv(found.table.to_csv(), origin),
        FACTS: to_json(seal_facts(facts_of(products, found) | dict(stated or {}), origin)),
    }
    label = heading(products.summary, read_status(folder))

    def draw() -> None:
        written.extend(_write_figures(folder / FIGURES, found, label))

    write_together(folder, contents, seal=FACTS, meanwhile=draw)
    return written


def _write_figures(folder: Path, found: Estimate, label: str) -> Iterator[Path]:
    """Draw the fits; give the files."""
    for shape in found.shapes:
        name = shape.shape.name.replace(" ", "_")
        drawn = write_figure(folder, name, partial(shape_figure, shape, label=label))
        yield from (folder / f"{name}.{suffix}" for suffix in drawn)
    for extrapolation in found.extrapolations:
        name = extrapolation.sideband.name.replace(" ", "_")
        make = partial(sideband_figure, extrapolation, label=label)
        drawn = write_figure(folder, name, make)
        yield from (folder / f"{name}.{suffix}" for suffix in drawn)


def facts_of(products: Products, found: Estimate) -> dict[str, object]:
    """Everything the estimate rests on, as plain JSON."""
    with_limits, without = (found.table.total(at_face_value) for at_face_value in (True, False))
    return {
        "schema": SCHEMA,
        "code": code_digest(),
        "result": dict(products.summary.products),
        "rows": [
            {
                "source": r.source,
                "n": r.n,
                "error": r.error,
                "upper_limit": r.upper_limit,
                "most_likely": r.most_likely if r.upper_limit else None,
                "correlated": r.correlated,
                "method": r.method,
            }
            for r in found.table.rows
        ],
        "total": {"n": without[0], "error": without[1]},
        "total_with_limits_at_face_value": {"n": with_limits[0], "error": with_limits[1]},
        "without_a_number": list(found.table.missing),
        "turn_on": found.turn_on and {"edge": found.turn_on.edge, "width": found.turn_on.width},
        "sidebands": [_facts(extrapolation) for extrapolation in found.extrapolations],
        "shapes": [_shape_facts(shape) for shape in found.shapes],
        "simulated_in_box": found.simulated,
    }


def _is_unverified(row: BackgroundRow) -> bool:
    """Whether a number rests on what was remembered, or looked for in vain and then chosen."""
    return "[R-" in row.tag or (row.n is not None and "NOT FOUND" in row.tag)


def of_table(table: BackgroundTable) -> Iterator[str]:
    """Yield the lines that a terminal shows: the table in the form of the seminar's, and both totals."""
    width = max([len(row.source) for row in table.rows] + [30])
    for row in table.rows:
        mark = "  unverified inputs" if _is_unverified(row) else ""
        yield f"  {row.source:<{width}}  {row.text:>16}{mark}".rstrip()
    totals = (("total, limits as distributions", False), ("total, limits at face value", True))
    for text, at_face_value in totals:
        yield f"  {text:<{width}}  {with_error(*table.total(at_face_value)):>16}"
    if table.missing:
        yield f"  not in the totals: {', '.join(table.missing)}"
    for row in table.rows:
        yield f"{row.source}: {row.method}"


def of_estimate(found: Estimate) -> Iterator[str]:
    """Yield what is worth knowing beside the table."""
    if found.turn_on is not None and found.turn_on.width:
        edge = f"{found.turn_on.edge:.1f} GeV, width {found.turn_on.width:.1f} GeV"
        yield f"trigger: edge at {edge}; the fit ends at {math.floor(found.turn_on.end)} GeV"
    yield from of_table(found.table)
    if found.simulated is not None:
        yield f"simulation: {found.simulated:.0f} events are in the box"


def _shape_facts(found: ControlShape) -> dict[str, object]:
    return {
        "name": found.shape.name,
        "histogram": found.shape.histogram,
        "feature": found.shape.feature,
        "box": [0.0, found.box],
        "events": found.n_events,
        "range": [float(found.edges[0]), float(found.edges[-1])],
        "in_box": {name: asdict(values) for name, values in found.by_family.items()},
        "flat_limit_90": found.flat_limit,
    }


def _facts(found: Extrapolation) -> dict[str, object]:
    sideband = found.sideband
    low, median, high, limit = found.quantiles
    return {
        "name": sideband.name,
        "box": list(sideband.box),
        "events": found.n_events,
        "range": [sideband.start, sideband.stop],
        "one_slope": sideband.one_slope,
        "in_box": {
            "most_likely": found.curve.best,
            "median": median,
            "central_68": [low, high],
            "upper_limit_90": limit,
        },
        "chi2": found.chi2,
        "p_value": found.p_value,
        "acceptable": found.is_acceptable,
        "mixture": [
            {"rate_per_gev": rate, "height_at_start": weight}
            for rate, weight in zip(sideband.rates.tolist(), found.weights.tolist(), strict=True)
            if weight > 0
        ],
        "validation": asdict(found.validation) | {"errors_enlarged_by": found.validation.scale},
        "edges": sideband.edges.tolist(),
        "counts": sideband.counts.tolist(),
    }
