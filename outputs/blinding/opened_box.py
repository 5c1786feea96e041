"""Whether the box of a result was opened: by whom, when, under which freeze, and for which numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from na64.outputs.blinding.examination import problems
from na64.outputs.blinding.freeze import FREEZE, openings
from na64.outputs.result.products import Products
from na64.outputs.result.request import REQUEST, read_request
from na64.outputs.result.summary import Blinding, Summary

UNBLINDED = "unblinded.json"
OPENED = "opened"
"""Folder of what was in the box: tables and figures."""


@dataclass(frozen=True, slots=True)
class OpenedBox:
    """What is known of the opening of a box.

    Attributes
    ----------
    freeze, time, reason : str
    approved_by : tuple of str
    fraction : float
        Of the spills.
    counts : mapping of int to int
        Events after all cuts, by run.
    unknown : str
        Why the log does not vouch for it; empty if it does.
    problem : str
        Why the counts are not those of the whole box of this result; empty if they are.
    """

    freeze: str
    time: str
    reason: str
    approved_by: tuple[str, ...]
    fraction: float
    counts: Mapping[int, int]
    unknown: str = ""
    problem: str = ""

    @property
    def short(self) -> str:
        """When and under which freeze, as a figure says it."""
        return " ".join(filter(None, ("opened", self.time[:10], f"(freeze {self.freeze[:8]})")))

    @property
    def words(self) -> str:
        """When it was opened and by whom."""
        by = f" by {' and '.join(self.approved_by)}" if self.approved_by else ""
        on = f" on {self.time[:10]}" if self.time else ""
        part = f", {self.fraction:.0%} of the spills" if self.fraction < 1 else ""
        return f"opened{on}{by}{part}"


def read_opened(folder: Path, summary: Summary) -> OpenedBox | None:
    """Read what is known of the opened box of a result; None if it is closed, or the result is no data."""
    if not summary.is_data:
        return None
    if not (folder / UNBLINDED).exists():
        return _begun(folder)
    try:
        unknown = next(iter(problems(folder)), "")
    except (OSError, ValueError) as error:
        unknown = str(error)
    plain: dict[str, Any] = json.loads((folder / UNBLINDED).read_bytes())
    record = plain["record"]
    return OpenedBox(
        freeze=record["freeze"],
        time=str(record.get("time", "")),
        reason=str(record.get("reason", "")),
        approved_by=tuple(map(str, record.get("approved_by", ()))),
        fraction=float(record["fraction"]),
        counts={int(run): int(numbers["selected"]) for run, numbers in plain["runs"].items()},
        unknown=unknown,
        problem=_problem(folder, plain, summary),
    )


def as_opened(products: Products, box: OpenedBox | None) -> Products:
    """Give a result the label of an opened one, if its box is open."""
    if box is None:
        return products
    return replace(
        products, summary=replace(products.summary, blinding=Blinding.UNBLINDED, opening=box.short)
    )


def _begun(folder: Path) -> OpenedBox | None:
    """Find an opening of the freeze in a folder that the log knows and that left no record here."""
    if not (folder / FREEZE).exists() or not (folder / REQUEST).exists():
        return None
    freeze = sha256((folder / FREEZE).read_bytes()).hexdigest()
    try:
        found = [one for one in openings(read_request(folder).log(folder)) if one["freeze"] == freeze]
    except (OSError, ValueError):
        return None
    if not found:
        return None
    names = tuple(map(str, found[-1]["approved_by"]))
    missing = f"the log has an opening under the freeze {freeze[:12]}, and there is no {UNBLINDED} here"
    return OpenedBox(
        freeze, "", str(found[-1]["reason"]), names, float(found[-1]["fraction"]), {}, problem=missing
    )


def _problem(folder: Path, plain: Mapping[str, Any], summary: Summary) -> str:
    record = plain["record"]
    frozen = (folder / FREEZE).read_bytes() if (folder / FREEZE).exists() else b""
    if sha256(frozen).hexdigest() != record["freeze"]:
        return f"the box was opened under the freeze {record['freeze'][:12]}, which is not {FREEZE}"
    if json.loads(frozen)["frozen"]["blind_result"] != dict(summary.products):
        return f"the box was opened for another result than the one in {folder}"
    if plain["verdict"] != "COMPLETE" or record["fraction"] < 1:
        return f"only a part of the box was opened ({record['fraction']:.0%}, {plain['verdict']})"
    return ""
