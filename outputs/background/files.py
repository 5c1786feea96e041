"""Writes a background estimate beside the result it is of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.background.estimate import Estimate
from na64.outputs.background.extrapolation import Extrapolation, Fit
from na64.outputs.background.names import FACTS, FIGURES, SCHEMA
from na64.outputs.background.sideband_figure import sideband_figure
from na64.outputs.background.table import BACKGROUND, BackgroundTable, with_error
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.origin import origin_of, seal_csv, seal_facts
from na64.outputs.result.products import Products
from na64.outputs.result.provenance import code_digest, to_json


def write_background(
    folder: Path, products: Products, found: Estimate, stated: Mapping[str, object] | None = None
) -> list[Path]:
    """Write the table, every fit as JSON, and the figures; return the files.

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
    write_bytes(written[0], seal_csv(found.table.to_csv(), origin))
    write_bytes(written[1], to_json(seal_facts(facts_of(products, found) | dict(stated or {}), origin)))
    for extrapolation in found.extrapolations:
        name = extrapolation.sideband.name.replace(" ", "_")
        make = partial(sideband_figure, extrapolation, label=products.summary.label)
        drawn = write_figure(folder / FIGURES, name, make)
        written += [folder / FIGURES / f"{name}.{suffix}" for suffix in drawn]
    return written


def facts_of(products: Products, found: Estimate) -> dict[str, object]:
    """Give everything the estimate rests on, as plain JSON."""
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
        "simulated_in_box": found.simulated,
    }


def of_table(table: BackgroundTable) -> Iterator[str]:
    """Yield the lines that a terminal shows: the table in the form of the seminar's, and both totals."""
    width = max([len(row.source) for row in table.rows] + [27])
    for row in table.rows:
        mark = "  unverified inputs" if "[R-" in row.tag else ""
        yield f"  {row.source:<{width}}  {row.text:>16}{mark}".rstrip()
    for text, at_face_value in (("total", False), ("total, limits at face value", True)):
        yield f"  {text:<{width}}  {with_error(*table.total(at_face_value)):>16}"
    if table.missing:
        yield f"  not in the totals: {', '.join(table.missing)}"
    for row in table.rows:
        yield f"{row.source}: {row.method}"


def of_estimate(found: Estimate) -> Iterator[str]:
    """Yield what is worth knowing beside the table."""
    if found.turn_on is not None and found.turn_on.width:
        edge = f"{found.turn_on.edge:.1f} GeV, width {found.turn_on.width:.1f} GeV"
        yield f"trigger: edge at {edge}; fits end at {math.floor(found.turn_on.end)} GeV"
    yield from of_table(found.table)
    if found.simulated is not None:
        yield f"simulation: {found.simulated:.0f} events are in the box"


def _facts(found: Extrapolation) -> dict[str, object]:
    sideband = found.sideband
    return {
        "name": sideband.name,
        "box": list(sideband.box),
        "events": found.n_events,
        "average": found.average
        and {"n": found.n, "relative_error": found.log_error, "spread": found.spread},
        "edges": sideband.edges.tolist(),
        "counts": sideband.counts.tolist(),
        "fits": [_fit_facts(fit) for fit in found.fits],
    }


def _fit_facts(fit: Fit) -> dict[str, object]:
    return {
        "function": fit.shape.name,
        "range": [fit.start, fit.stop],
        "parameters": fit.parameters.tolist(),
        "covariance": fit.covariance.tolist(),
        "chi2": fit.chi2,
        "degrees_of_freedom": fit.n_degrees,
        "p_value": fit.p_value,
        "n": fit.n,
        "relative_error": fit.log_error,
        "acceptable": fit.is_acceptable,
    }
