"""A contour for archives: its edges for HEPData, and the counting experiment with a patch each for pyhf."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.json_records import to_json
from na64.outputs.limits.hepdata import EdgeTable, write_contour_hepdata
from na64.outputs.limits.searches.card import Card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.expected import CouplingCategories
from na64.outputs.limits.searches.reference import Reference, expectation_of
from na64.outputs.result.product_names import CONTOUR_HEPDATA
from na64.outputs.statistics.workspace import workspace

WORKSPACE, PATCHES = "contour_workspace.json", "contour_patchset.json"
"""Names of pyhf's files."""

_NO_RECORD = "ins0000000"
"""In place of a HEPData record, which the form of a set of patches asks for."""
_SIGNIFICANT = 6


def write_edges(
    folder: Path, card: Card, rows: Sequence[tuple[float, ExcludedCouplings]], comment: str
) -> None:
    """Write both kinds of edges as a HEPData submission, if there are any; rows of (level, couplings)."""
    found = {
        kind: [
            (level, row.mass, edge)
            for level, row in rows
            if (edge := row.lower if kind == "Lower" else row.upper) is not None
        ]
        for kind in ("Lower", "Upper")
    }
    coupling = card.coupling
    tables = [
        EdgeTable(
            name=f"{kind} edges",
            description=f"{kind} edges of the excluded {coupling.label}: {card.title}.",
            mass=card.symbol,
            coupling=f"{coupling.meaning} {coupling.symbol}",
            unit=coupling.unit,
            rows=edges,
        )
        for kind, edges in found.items()
        if edges
    ]
    shutil.rmtree(folder / CONTOUR_HEPDATA, ignore_errors=True)
    if tables:
        write_contour_hepdata(folder / CONTOUR_HEPDATA, tables, f"{card.title}, {comment}")


def write_patches(folder: Path, reference: Reference) -> None:
    """Write `WORKSPACE`, whose signal is divided evenly, and `PATCHES`, one for each edge of the contour."""
    expectation = expectation_of(reference.variant, reference.level)
    even = workspace(expectation.model([1.0] * len(expectation.categories)), _observed(expectation))
    patches = list(_patches(expectation, reference.rows))
    if not patches:
        for name in (WORKSPACE, PATCHES):
            (folder / name).unlink(missing_ok=True)
        return
    import pyhf  # noqa: PLC0415 (a second to import)

    card = reference.card
    metadata = {
        "references": {"hepdata": _NO_RECORD},
        "digests": {"sha256": pyhf.utils.digest(even)},
        "labels": ["mass", "coupling", "events"],
        "description": f"{card.title}, {reference.variant.label}: share of the signal by channel at an edge",
    }
    write_bytes(folder / WORKSPACE, to_json(even))
    write_bytes(folder / PATCHES, to_json({"metadata": metadata, "patches": patches, "version": "1.0.0"}))


def _observed(expectation: CouplingCategories) -> list[int] | None:
    seen = [one.observed for one in expectation.categories if one.observed is not None]
    return seen or None


def _patches(expectation: CouplingCategories, rows: Sequence[ExcludedCouplings]) -> Iterator[dict[str, Any]]:
    """Patch for each edge: the share of the signal in each channel, of the events at the edge."""
    for index, row in enumerate(rows):
        for kind, edge in (("lower", row.lower), ("upper", row.upper)):
            if edge is None:
                continue
            events = expectation.events(row.mass, np.array([edge]))[:, 0]
            total = float(events.sum())
            values = [_rounded(value) for value in (row.mass, edge, total)]
            yield {
                "metadata": {"name": f"{kind}_{index}", "values": values},
                "patch": [
                    {
                        "op": "replace",
                        "path": f"/channels/{channel}/samples/0/data",
                        "value": [_rounded(float(share) / total)],
                    }
                    for channel, share in enumerate(events)
                ],
            }


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT}g}")
