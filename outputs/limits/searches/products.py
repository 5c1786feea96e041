"""Writes the reference contour of a search: a table, the figure, and reference.json with every assumption."""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.sourced_values import Fact
from na64.outputs.limits.searches.figure import draw_contour
from na64.outputs.limits.searches.published_points import load_points
from na64.outputs.limits.searches.reference import Nearness, Reference
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.provenance import to_json
from na64.outputs.result.table import Kind, Table

CONTOUR, REFERENCE = "contour.csv", "reference.json"
"""Names of the files."""

SCHEMA = 1
"""Version of `reference.json`."""

KINDS: dict[str, Kind] = dict.fromkeys(("level", "mass", "coupling_lower", "coupling_upper"), Kind.NUMBER)
"""Columns of `CONTOUR`: masses in GeV, couplings in their natural unit, empty where there is no edge."""

_UNVERIFIED = re.compile(r"\[R[^\]]*\]|NOT FOUND|‡")


def write_reference(folder: Path, reference: Reference) -> None:
    """Write everything into a folder, which is made if there is none; `REFERENCE` last."""
    write_bytes(folder / CONTOUR, contour_table(reference).to_csv())
    write_figure(folder, "contour", partial(draw_contour, reference))
    write_bytes(folder / REFERENCE, to_json(facts_of(reference)))


def contour_table(reference: Reference) -> Table:
    """Table of `KINDS`: one row a mass and range of couplings."""
    rows = [(reference.level, row.mass, row.lower, row.upper) for row in reference.rows]
    return Table(KINDS, rows)


def facts_of(reference: Reference) -> dict[str, object]:
    """What `REFERENCE` holds."""
    card, variant = reference.card, reference.variant
    return {
        "schema": SCHEMA,
        "search": card.name,
        "title": card.title,
        "variant": variant.name,
        "label": variant.label,
        "level": reference.level,
        "state": card.state,
        "coupling": {
            "symbol": card.coupling.symbol,
            "meaning": card.coupling.meaning,
            "unit": card.coupling.unit,
        },
        "configuration": [_fact(fact) for fact in variant.facts],
        "assumptions": list(card.assumptions),
        "not_known": list(card.not_known),
        "published": [_published(nearness) for nearness in reference.nearness],
        "papers": list(card.papers),
    }


def is_unverified(source: str) -> bool:
    """Whether a source tag says that a number was recalled, fitted, or not found."""
    return bool(_UNVERIFIED.search(source))


def _fact(fact: Fact) -> dict[str, object]:
    return {
        "name": fact.name,
        "value": fact.value,
        "unit": fact.unit,
        "source": fact.source,
        "unverified": is_unverified(fact.source),
    }


def _published(nearness: Nearness) -> dict[str, object]:
    curve = load_points(nearness.published.curve)
    ratios = [None if math.isnan(one) else one for one in nearness.ratio.tolist()]
    return {
        "curve": curve.label,
        "paper": curve.paper,
        "source": curve.source,
        "note": curve.note,
        "edge": nearness.published.edge,
        "worst_ratio": None if math.isnan(nearness.worst) else nearness.worst,
        "expected": nearness.published.expected,
        "ratios": [list(pair) for pair in zip(nearness.mass.tolist(), ratios, strict=True)],
    }
