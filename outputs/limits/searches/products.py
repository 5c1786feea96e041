"""Writes the reference contour of a search: a table, the figure, and reference.json with every assumption."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from na64.datasets.basics.atomic_file import write_bytes, write_together
from na64.datasets.basics.json_records import to_json
from na64.datasets.basics.sourced_values import Fact
from na64.outputs.limits.searches.archive import write_edges, write_patches
from na64.outputs.limits.searches.card import FITTED, Card, Variant
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.figure import Drawn, draw_contour
from na64.outputs.limits.searches.published_points import load_points
from na64.outputs.limits.searches.reference import Nearness, Reference
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.product_names import CONTOUR, CONTOUR_FACTS
from na64.outputs.result.table import Table

REFERENCE = "reference.json"
"""Name of the file of assumptions of a reference configuration."""

SCHEMA = 1
"""Version of `reference.json`."""


@dataclass(frozen=True, slots=True)
class ContourRow:
    """Row of `contour.csv`: a range of couplings that is excluded at a mass.

    Attributes
    ----------
    level : float
    mass : float, GeV
    coupling_lower, coupling_upper : float or None
        None where there is no edge.
    """

    level: float
    mass: float
    coupling_lower: float | None
    coupling_upper: float | None


_STORED = (
    "exposure, background, efficiency and counts are those of limits.json",
    "the efficiency is that of dark photons of the same mass",
    "an edge is that of the observed limit, or of the median expected one while a box is closed",
)

_TAGGED = re.compile(r"(.*?)\s*(\[[^\]]*\])")
_UNVERIFIED = re.compile(rf"\[R[^\]]*\]|NOT FOUND|{FITTED}")


def write_reference(folder: Path, reference: Reference) -> None:
    """Write everything into a folder, which is made if there is none; `REFERENCE` last."""
    write_bytes(folder / CONTOUR, contour_table(reference).to_csv())
    card, variant = reference.card, reference.variant
    write_figure(folder, "contour", partial(draw_contour, drawn_reference(reference)))
    write_edges(folder, card, [(reference.level, row) for row in reference.rows], variant.label)
    write_patches(folder, reference)
    write_bytes(folder / REFERENCE, to_json(facts_of(reference)))


def drawn_reference(reference: Reference) -> Drawn:
    """Contour of a reference as its figure has it, with what was fitted."""
    card, variant = reference.card, reference.variant
    rows = list(reference.rows)
    return Drawn(card, variant, rows, reference.level, variant.label, "reference", variant.fitted)


def write_stored(
    folder: Path,
    card: Card,
    variant: Variant,
    rows: Sequence[tuple[float, ExcludedCouplings]],
    state: str,
    *,
    assumptions: Sequence[str] = _STORED,
    further: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Write the contour that stored results give; while `CONTOUR_FACTS` is there all is of one kind.

    Parameters
    ----------
    folder : Path
    card : Card
    variant : Variant
    rows : sequence of (level, ExcludedCouplings)
    state : str
        Of the boxes: whether limits are observed or expected.
    assumptions : sequence of str
        Besides those of the card.
    further : mapping of str to object
        What else `CONTOUR_FACTS` has.
    """
    level = rows[0][0] if rows else math.nan
    drawn = Drawn(card, variant, [row for at, row in rows if at == level], level, state, "limits")
    particle = _particle(variant)
    named = [f"{fact.name} {fact.value}" for fact in particle]
    facts = {
        "schema": SCHEMA,
        "search": card.name,
        "title": card.title,
        "variant": variant.name,
        "state": state,
        "coupling": _coupling(card),
        "particle": [_fact(fact) for fact in particle],
        "assumptions": [_assumption(text) for text in (*card.assumptions, *assumptions)],
        "not_known": list(card.not_known),
        **further,
    }

    def write_others() -> None:
        write_figure(folder, "contour", partial(draw_contour, drawn))
        write_edges(folder, card, rows, ", ".join([*named, "from stored results"]) + f"; {state}")

    contents = {CONTOUR: _table(rows).to_csv(), CONTOUR_FACTS: to_json(facts)}
    write_together(folder, contents, seal=CONTOUR_FACTS, meanwhile=write_others)


def rows_line(card: Card, variant: Variant, rows: Sequence[object], folder: Path) -> str:
    """Line about a contour of stored results, of which the card says nothing but the particle."""
    found = f"{len(rows)} rows in {folder / CONTOUR}" if rows else f"nothing is excluded, {folder / CONTOUR}"
    of_whom = f"; the particle is that of variant {variant.name}" if _particle(variant) else ""
    return f"{card.title}: {found}{of_whom}"


def _particle(variant: Variant) -> list[Fact]:
    """What a variant says of its particle, and not of exposures."""
    return [fact for fact in variant.facts if "." not in fact.name and fact.name != "signal_error"]


def contour_table(reference: Reference) -> Table[ContourRow]:
    """Table of contours: one row a mass and range of couplings."""
    return _table([(reference.level, row) for row in reference.rows])


def _table(rows: Sequence[tuple[float, ExcludedCouplings]]) -> Table[ContourRow]:
    return Table(ContourRow, [ContourRow(level, row.mass, row.lower, row.upper) for level, row in rows])


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
        "coupling": _coupling(card),
        "mesons": {one.name: one.mass for one in variant.mesons},
        "configuration": [_fact(fact) for fact in variant.facts],
        "assumptions": [_assumption(text) for text in card.assumptions],
        "not_known": list(card.not_known),
        "published": [_published(nearness) for nearness in reference.nearness],
        "papers": list(card.papers),
    }


def is_unverified(source: str) -> bool:
    """Whether a source tag says that a number was recalled, fitted, or not found."""
    return bool(_UNVERIFIED.search(source))


def _coupling(card: Card) -> dict[str, str]:
    coupling = card.coupling
    return {"symbol": coupling.symbol, "meaning": coupling.meaning, "unit": coupling.unit}


def _assumption(text: str) -> dict[str, str]:
    """Text and the source tag at its end."""
    found = _TAGGED.fullmatch(text)
    return {"text": found[1], "tag": found[2]} if found else {"text": text, "tag": "assumption"}


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
